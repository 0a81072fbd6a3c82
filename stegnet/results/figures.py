"""Figures of a hiding: changes of the cover, and how easily they are detected."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Self

import numpy as np

from stegnet.core.errors import CapacityError
from stegnet.core.measures import PEAK, psnr_from_mse
from stegnet.core.pixels import in_strips
from stegnet.core.text import Aside, CommandLine, Setting, Text
from stegnet.formats.opened_file import is_mp4
from stegnet.media.condition import Condition
from stegnet.media.cover import Cover
from stegnet.media.evidence.pictures import ASKS_FOR_PHOTOGRAPH

OR_ALBUM = CommandLine("stegnet hide --spread", ", or an album of several")  # at the end of a hint
CHANGES = "changes"  # kind of a note on how far the container is from its cover
COVER_FORMAT = "cover format"  # kind of a warning that the cover's lossy format gives the container away
H264_FILM = "a film in YCbCr (h264)"  # history of a cover that may stay what it is
SLIGHTLY = "reduced by less than half"  # at the end of a history
POOR = 30.0  # dB of PSNR of the revealed secret, below which hiding warns
LEAST = 22.0  # dB of PSNR of the revealed secret, below which hiding refuses


class Detection(StrEnum):
    """Difficulty for detectors of finding that something is hidden."""

    HARD = "hard"
    POSSIBLE = "possible"
    EASY = "easy"


DETECTION_WORDS = {
    Detection.HARD: "hard to find",
    Detection.POSSIBLE: "detectors may find it",
    Detection.EASY: "easy to find",
}
ALWAYS_FOUND = f"{DETECTION_WORDS[Detection.EASY]}, like everything hidden this way"
UNMEASURED = "how easily it is found was not measured"
EMPTY_BAND = ", since a part of its spectrum is empty, as after MP3 or blurring"


# Bounds of the detectability of a payload.
_EASY_TIMES = 4  # multiple of the rate that is hard to detect, beyond which detectors are nearly always right
_ALWAYS = 200  # bytes of lead, header and MAC, which matter in small pictures
_EASY_CHANGES = 6.5  # multiple of the changes that are hard to detect: d' grows from 0.36 to 2.3, AUC from .60 to .95


@dataclass(frozen=True)
class ChangeBound:
    """Number of changes that a detector hardly finds in a cover, and what records change.

    In parts of a spectrum that hold only rounding, changes add power. The deflection d' of its detector grows with the
    number of changes, and AUC = Φ(d'/√2).

    Attributes:
        most: number of changed samples at which the best detector has an AUC of .6.
        record: changed samples of a record that carries an empty file: its lead, header and MAC.
        byte: changed samples of each byte of a file.
    """

    most: float
    record: float
    byte: float

    def bytes(self, times: float, records: int) -> int:
        """Return the bytes of a file, divided over some records, that change `times` as many samples."""
        return math.floor((times * self.most - records * self.record) / self.byte)


@dataclass(frozen=True)
class SecurePayload:
    """Bytes of a file that are as hard to detect in a cover as payloads were in covers that were measured.

    The secure payload grows with the square root of the number of samples (Ker et al., "The square root law of
    steganographic capacity", 2008); small covers get no higher rate per sample. What is written besides the file (lead,
    header and MAC) counts as well: where that alone is too much, both bounds are None, and an empty file is found.

    Attributes:
        samples: number of the cover's samples that can be changed.
        rate: bits per sample at which detectors hardly did better than guessing.
        measured: number of samples of the covers in the measurement.
        records: number of records that the file is divided over.
        bound: changes that are hard to detect where a band of the spectrum is at rounding level; None: no such band.
    """

    samples: float
    rate: float
    measured: float
    records: int = 1
    bound: ChangeBound | None = None

    @property
    def hard(self) -> int | None:
        """Bytes up to which detectors hardly do better than guessing; None: not even for an empty file."""
        return self._bytes(self.rate, 1)

    @property
    def easy(self) -> int | None:
        """Bytes beyond which detectors are nearly always right; None: even for an empty file."""
        return self._bytes(_EASY_TIMES * self.rate, _EASY_CHANGES)

    @property
    def is_bounded(self) -> bool:
        """Whether fewer bytes are hard to find because a band of the spectrum is at rounding level."""
        return self.bound is not None and self.bound.bytes(1, self.records) < self._unbounded(self.rate)

    def _bytes(self, rate: float, times: float) -> int | None:
        """Return the bytes at a rate, in bits per sample of the covers that were measured, and within the bound."""
        most = self._unbounded(rate)
        if self.bound is not None:
            most = min(most, self.bound.bytes(times, self.records))
        return most if most >= 0 else None

    def _unbounded(self, rate: float) -> int:
        size = self.samples / self.measured
        growth = math.sqrt(size) if size > 1 else size
        measured_bytes = rate * self.measured / 8 + _ALWAYS
        return math.floor(measured_bytes * growth) - self.records * _ALWAYS


@dataclass(frozen=True, kw_only=True)
class Detectability:
    """Facts that decide how easily detectors find that a container hides something; known before it is written.

    Attributes:
        cover_format: the cover's lossy format if the container is lossless, such as "a JPEG": it shows that the
            container was changed. None: the cover has no such format.
        hidden_bytes: bytes that the container carries, including redundant ones of a spread file; None: not bytes.
        measured: True if the detectability of a payload of this size was measured. For lossless films, it was not.
        secure: payload that is hard to detect in the cover; None: the method's containers are always detected.
        condition: what has to be so of the cover where the container is called hard to detect.
    """

    cover_format: str | None = None
    hidden_bytes: int | None = None
    measured: bool = True
    secure: SecurePayload | None = None
    condition: Condition | None = None

    @property
    def detection(self) -> Detection | None:
        """Detectability of the container; None if unknown, as for a film with a small payload."""
        if self.secure is None or self.hidden_bytes is None:  # pictures that a network hides are always detected
            return Detection.EASY
        hard, easy = self.secure.hard, self.secure.easy
        if self.cover_format or easy is None or self.hidden_bytes > easy:
            return Detection.EASY
        if not self.measured:
            return None
        return Detection.HARD if hard is not None and self.hidden_bytes <= hard else Detection.POSSIBLE

    @property
    def verdict(self) -> str:
        """A line on how easily the container is found, and why; of a cover that gives it away, with a remedy."""
        detection = self.detection
        if detection is None:
            return UNMEASURED
        words = DETECTION_WORDS[detection]
        if self.secure is None or self.hidden_bytes is None:
            return ALWAYS_FOUND
        if self.cover_format:
            return Text(f"{words}: ", _betrayal(self.cover_format, ""))
        hard = self.secure.hard or 0
        if not self.measured:
            return f"{words} ({self.hidden_bytes:,} bytes)"
        if detection is Detection.HARD:
            return f"{words}, if {self.condition} ({self.hidden_bytes:,} of at most {hard:,} bytes)"
        least = f"at most {hard:,} would be hard to find" if hard > 0 else "nothing is hard to find in this cover"
        why = EMPTY_BAND if self.secure.is_bounded else ""
        return f"{words} ({self.hidden_bytes:,} bytes; {least}{why})"


@dataclass(frozen=True, kw_only=True)
class HidingFigures(Detectability):
    """Figures of a hiding.

    Attributes:
        method: name of the method.
        cover_bytes: size of the cover's file.
        cover_pixels: pixels of all frames.
        container_psnr: PSNR in dB of the container against its cover, before lossy compression if there is any; of a
            film, the mean or the worst of the frames compared. None: not measured.
        changed_pixels: changed pixels of all frames; None: not counted.
        capacity: largest possible `hidden_bytes`; None: not bytes.
        channels: 1 for a grey cover, whose pixels are one sample each.
        unit: name of the units counted as pixels.
        survives: description of the lossy channel that the secret survives; None: it survives no loss.
    """

    method: str
    cover_bytes: int
    cover_pixels: int
    container_psnr: float | None = None
    changed_pixels: int | None = None
    capacity: int | None = None
    channels: int = 3
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

    def notes(self) -> tuple[str, ...]:
        """Return a line on the changes, if they were measured."""
        facts = [] if self.container_psnr is None else [f"container {self.container_psnr:.1f} dB"]
        if self.changed_pixels is not None:
            facts.append(f"{self.changed_pixels:,} of {self.cover_pixels:,} {self.unit} changed")
        return (Text(", ".join(facts), kind=CHANGES),) if facts else ()

    def warnings(self) -> tuple[str, ...]:
        """Return a warning if the cover's format gives the container away."""
        return (betrayed_by(self.cover_format),) if self.cover_format else ()


def betrayed_by(history: str) -> Text:
    """Return a line on a cover whose past or present lossy format gives its container away, and on a remedy."""
    return _betrayal(history, ": anyone can tell that something is hidden")


def _betrayal(history: str, verdict: str) -> Text:
    """Return the line of `betrayed_by`, with what its reader has not been told yet of how easily it is found."""
    cause = f"the cover is {history}"
    reduce = "reduce it to half its sides first, in RGB"
    resize = Aside("resize", "PIXELS", quoted=False)
    if history.endswith(SLIGHTLY):
        return Text(f"{cause}: its traces may give the container away; {reduce}", resize, kind=COVER_FORMAT)
    if history in ASKS_FOR_PHOTOGRAPH:
        return Text(f"{cause}{verdict}; use a photograph", kind=COVER_FORMAT)
    if history.startswith(("a sound", "a PNG")):
        return Text(f"{cause}{verdict}", kind=COVER_FORMAT)

    keep_the_format: str = ""
    if history == "a JPEG":
        keep_the_format = Text("let it stay one", Aside("to", "NAME.jpg"), ", or ")
    elif history == H264_FILM:
        keep_the_format = Text("let it stay H.264 where it can", Aside("to", "NAME.mp4"), ", for small secrets, or ")
    by_size = () if history.startswith("a film") else (resize,)
    return Text(f"{cause}{verdict}; ", keep_the_format, reduce, *by_size, kind=COVER_FORMAT)


def lossy_covers_warning(names: str, histories: Sequence[str]) -> str:
    """Return the warning on several containers, named in a list, that their covers' lossy formats give away."""
    listed = 3
    found = list(dict.fromkeys(histories))
    formats = ", ".join(found[:listed]) + (" or similar" if len(found) > listed else "")
    line = f"{DETECTION_WORDS[Detection.EASY]}: {names} ({formats})"
    if all(history.startswith("a sound") for history in histories):
        return line
    ways_out = "reduce them to half their sides first, in RGB"
    if "a JPEG" in histories:  # one whose container is of another format
        ways_out = "let JPEGs stay JPEGs, and reduce others to half their sides first, in RGB"
    if all(history.startswith("a film") for history in histories):
        return f"{line}; {ways_out}"
    return Text(f"{line}; {ways_out}", Aside("resize", "PIXELS", quoted=False))


def shown_history(cover: Cover, suffix: str) -> str | None:
    """Return a cover's history for `betrayed_by`.

    It adds that H.264 can't stay, for a container with the suffix .mp4, or a cover that is not an MP4.
    """
    history = cover.history
    if history and history.endswith("(h264)") and (suffix == ".mp4" or not is_mp4(cover)):
        return f"{history} that can't stay H.264"
    return history


def not_safe(secret: Path, size: int, most: int) -> CapacityError:
    """Return the error for a secret of `size` bytes if at most `most` are hard to detect; 0: none."""
    if most > 0:
        problem = f"has {size} bytes, but at most {most} bytes are hard to find in this cover"
        remedy = Text("use a larger cover", OR_ALBUM, ", or leave ")
    else:
        problem = f"has {size} bytes, but none are hard to find in this cover"
        if not size:
            problem = "is empty, but not even that is hard to find in this cover"
        remedy = Text("use a larger photograph, without a lossy past, or leave ")
    return CapacityError(problem, Text(remedy, Setting("at_most_safe", True), " out"), subject=secret)


class Changes:
    """Differences between a container and its cover; threads may add frames, or parts of a picture, in any order."""

    def __init__(self) -> None:
        self._frames: list[tuple[int, int, int]] = []  # samples, sum of squared differences, and changed pixels

    @classmethod
    def of(cls, cover: np.ndarray, container: np.ndarray) -> Self:
        """Return the changes of a single picture, (H, W, 3) uint8."""
        changes = cls()
        changes.add(cover, container)
        return changes

    def add(self, cover: np.ndarray, container: np.ndarray) -> None:
        """Add a frame of both, or a part of it, (H, W, 3) uint8."""
        parts = in_strips(lambda rows: _differences(cover[rows], container[rows]), *cover.shape[:2])
        self._frames.append((cover.size, sum(error for error, _ in parts), sum(changed for _, changed in parts)))

    @property
    def psnr(self) -> float | None:
        """PSNR in dB over all frames; None without frames."""
        samples = sum(samples for samples, _, _ in self._frames)
        return psnr_from_mse(sum(errors for _, errors, _ in self._frames) / samples, PEAK) if samples else None

    @property
    def pixels(self) -> int | None:
        """Number of changed pixels; None without frames."""
        return sum(changed for _, _, changed in self._frames) if self._frames else None


def _differences(cover: np.ndarray, container: np.ndarray) -> tuple[int, int]:
    """Return the sum of squared differences, and the number of pixels that differ, of some rows, (n, W, 3) uint8."""
    difference = np.maximum(cover, container)
    difference -= np.minimum(cover, container)
    errors = np.square(difference, dtype=np.uint16).sum(dtype=np.int64)
    red, green, blue = difference.reshape(-1, 3).T
    return int(errors), int(np.count_nonzero(red | green | blue))
