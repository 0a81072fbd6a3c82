"""Figures of a hiding: changes of the cover, and how easily they are detected."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from stegnet.core.errors import CapacityError
from stegnet.core.measures import PEAK, psnr_from_mse
from stegnet.core.pixels import in_strips
from stegnet.core.text import Aside, Setting, Text
from stegnet.formats.opened_file import is_mp4
from stegnet.media.compression_traces import FLAT
from stegnet.media.cover import Cover

COVER_FORMAT = "cover format"  # kind of a warning that the cover's lossy format gives the container away
BETRAYS = "anyone can tell that something is hidden"
WAYS_OUT = Text(
    "let JPEGs stay JPEGs, and reduce others to half their sides first, in RGB", Aside("resize", "PIXELS", quoted=False)
)
_REDUCE = "reduce it to half its sides first, in RGB"
_CANT_STAY = " that can't stay "
_MADE_ANEW = Text("write a JPEG, which is made anew", Aside("to", "NAME.jpg"), ", or ")
# Ways by which the cover can keep its format, by its history.
_WAYS_TO_STAY = {
    "a JPEG": Text("let it stay one", Aside("to", "NAME.jpg"), ", or "),
    "a film in YCbCr (h264)": Text(
        "let it stay H.264 where it can (", Setting("to", "NAME.mp4"), ", for small secrets), or "
    ),
}
SLIGHTLY = "reduced by less than half"  # at the end of a history
POOR, LEAST = 30.0, 22.0  # dB of PSNR of the revealed secret, below which hiding warns and refuses
HARD, POSSIBLE, EASY = "hard", "possible", "easy"
_WORDS = {HARD: "hard to find", POSSIBLE: "detectors may find it", EASY: "easy to find"}
_EASY_TIMES = 4  # multiple of the rate that is hard to detect
_ALWAYS = 200  # bytes of lead, header and MAC, which matter in small pictures


@dataclass(frozen=True)
class SecurePayload:
    """Bytes of a file that are as hard to detect in a cover as payloads were in covers that were measured.

    The secure payload grows with the square root of the number of samples (Ker et al., "The square root law of
    steganographic capacity", 2008); small covers get no higher rate per sample.

    Attributes:
        samples: number of the cover's samples that can be changed.
        rate: bits per sample at which detectors hardly did better than guessing.
        measured: number of samples of the covers in the measurement.
    """

    samples: float
    rate: float
    measured: float

    @property
    def hard(self) -> int:
        """Bytes up to which detectors hardly do better than guessing."""
        return self._bytes(self.rate)

    @property
    def easy(self) -> int:
        """Bytes beyond which detectors are nearly always right."""
        return self._bytes(_EASY_TIMES * self.rate)

    def _bytes(self, rate: float) -> int:
        size = self.samples / self.measured
        return max(int((rate * self.measured / 8 + _ALWAYS) * (math.sqrt(size) if size > 1 else size)) - _ALWAYS, 0)


@dataclass(frozen=True)
class HidingFigures:
    """Figures of a hiding.

    Attributes:
        method: name of the method.
        cover_bytes: size of the cover's file.
        cover_pixels: pixels of all frames.
        cover_format: the cover's lossy format if the container is lossless, such as "a JPEG": it shows that the
            container was changed. None: the cover has no such format.
        container_psnr: PSNR in dB of the container against its cover, before lossy compression if there is any; of a
            film, the mean or the worst of the frames compared. None: not measured.
        changed_pixels: changed pixels of all frames; None: not counted.
        hidden_bytes: bytes that the container carries, including redundant ones of a spread file; None: not bytes.
        capacity: largest possible `hidden_bytes`; None: not bytes.
        measured: the detectability of a payload of this size was measured; that of lossless films was not.
        channels: 1 for a grey cover, whose pixels are one sample each.
        secure: payload that is hard to detect in the cover; None: the method's containers are always detected.
        unit: name of the units counted as pixels.
        survives: description of the lossy channel that the secret survives; None: none.
    """

    method: str
    cover_bytes: int
    cover_pixels: int
    cover_format: str | None = None
    container_psnr: float | None = None
    changed_pixels: int | None = None
    hidden_bytes: int | None = None
    capacity: int | None = None
    measured: bool = True
    channels: int = 3
    secure: SecurePayload | None = None
    unit: str = "pixels"
    survives: str | None = None

    @property
    def bits_per_sample(self) -> float | None:
        """Hidden bits per sample of the cover."""
        return None if self.hidden_bytes is None else 8 * self.hidden_bytes / (self.channels * self.cover_pixels)

    @property
    def capacity_used(self) -> float | None:
        """Used share of the capacity, 0 to 1."""
        return None if self.hidden_bytes is None or not self.capacity else self.hidden_bytes / self.capacity

    @property
    def detection(self) -> str | None:
        """HARD, POSSIBLE or EASY; None if unknown, as for a film with a small payload."""
        if self.secure is None or self.cover_format or self.hidden_bytes > self.secure.easy:
            return EASY
        if not self.measured:
            return None
        return HARD if self.hidden_bytes <= self.secure.hard else POSSIBLE

    def notes(self) -> tuple[str, ...]:
        """Return a line on the changes and how easily they are detected."""
        facts = [] if self.container_psnr is None else [f"container {self.container_psnr:.1f} dB"]
        if self.changed_pixels is not None:
            facts.append(f"{self.changed_pixels:,} of {self.cover_pixels:,} {self.unit} changed")
        found = _WORDS.get(self.detection, "how easily it is found was not measured")
        if self.secure and self.secure.hard and self.measured and not self.cover_format:
            found += f" (in this cover, up to {self.secure.hard:,} bytes are hard to find)"
        return (": ".join(filter(None, (", ".join(facts), found))),)

    def warnings(self) -> tuple[str, ...]:
        """Return a warning if the cover's format gives the container away."""
        return (Text(betrayed_by(self.cover_format), kind=COVER_FORMAT),) if self.cover_format else ()


def betrayed_by(history: str) -> str:
    """Return a line on a cover whose past or present lossy format gives its container away, and on a remedy."""
    if history.endswith(SLIGHTLY):
        return Text(
            f"the cover is {history}: its traces may give the container away; {_REDUCE}",
            Aside("resize", "PIXELS", quoted=False),
        )
    line = f"the cover is {history}: {BETRAYS}"
    if history == FLAT:
        return f"{line}; use a photograph"
    if history.startswith("a sound"):
        return line
    stay = _MADE_ANEW if history.startswith(f"a JPEG{_CANT_STAY}") else _WAYS_TO_STAY.get(history, "")
    resized = "" if history.startswith("a film") else Text(Aside("resize", "PIXELS", quoted=False))
    return Text(f"{line}; ", stay, _REDUCE, resized)


def shown_history(cover: Cover, suffix: str) -> str | None:
    """Return a cover's history for `betrayed_by`.

    It adds that H.264 can't stay, for a container with the suffix .mp4, or a cover that is not an MP4.
    """
    history = cover.history
    lost = history and history.endswith("(h264)") and (suffix == ".mp4" or not is_mp4(cover))
    return f"{history}{_CANT_STAY}H.264" if lost else history


def not_safe(secret: Path, size: int, most: int) -> CapacityError:
    """Return the error for a secret that is too large to be hard to detect."""
    larger = "a larger cover, an album of several (`stegnet hide --spread`)"
    safe = f"at most {most} bytes are" if most else "none are"
    hint = Text(
        f"use {larger if most else 'a photograph without a lossy past'}, or leave ",
        Setting("at_most_safe", True),
        " out",
    )
    return CapacityError(f"has {size} bytes, but {safe} hard to find in this cover", hint, subject=secret)


class Changes:
    """Differences between a container and its cover; threads may add frames of one size in any order."""

    def __init__(self) -> None:
        self._frames: list[tuple[int, int, int]] = []

    @classmethod
    def of(cls, cover: np.ndarray, container: np.ndarray) -> Self:
        """Return the changes of a single picture, (H, W, 3) uint8."""
        changes = cls()
        changes.add(cover, container)
        return changes

    def add(self, cover: np.ndarray, container: np.ndarray) -> None:
        """Add a frame of both, (H, W, 3) uint8."""
        parts = in_strips(lambda rows: _differences(cover[rows], container[rows]), *cover.shape[:2])
        self._frames.append((cover.size, sum(error for error, _ in parts), sum(changed for _, changed in parts)))

    @property
    def psnr(self) -> float | None:
        """PSNR in dB over all frames; None without frames."""
        samples, errors, _ = self._sums()
        return psnr_from_mse(errors / samples, PEAK) if samples else None

    @property
    def pixels(self) -> int | None:
        """Number of changed pixels; None without frames."""
        samples, _, changed = self._sums()
        return changed if samples else None

    def _sums(self) -> tuple[int, ...]:
        return tuple(map(sum, zip(*self._frames, strict=True))) or (0, 0, 0)


def _differences(cover: np.ndarray, container: np.ndarray) -> tuple[int, int]:
    """Return the sum of squared differences, and the number of pixels that differ, of some rows, (n, W, 3) uint8."""
    difference = np.maximum(cover, container)
    difference -= np.minimum(cover, container)
    red, green, blue = difference.reshape(-1, 3).T
    return int(np.square(difference, dtype=np.uint16).sum(dtype=np.int64)), int(np.count_nonzero(red | green | blue))
