"""Figures of a hiding: what it changed in the cover, and how easily that is found."""

import math
from dataclasses import dataclass

import numpy as np

from stegnet.core.measures import PEAK, psnr_from_mse

BETRAYS = (
    "anyone can tell that the container was changed; write it as .jpg if it is a picture, or hide in a copy that was "
    "resized in RGB and saved without loss"
)
POOR, LEAST = 30.0, 22.0  # dB of PSNR of the revealed secret: below, hiding warns, and refuses
HARD, POSSIBLE, EASY = "hard", "possible", "easy"
_WORDS = {
    HARD: "hard to find in a photograph that was not saved with loss, or was resized since",
    POSSIBLE: "detectors may find it",
    EASY: "easy to find",
}
# The best detector calls 53 % right at 0.05 bit per sample of a photograph of 256², 62 % at 0.1, 77 % at 0.2 and 91 %
# at 0.4 (reports/shipped/steganalysis; docs/security.md, "Detection").
_HARD_RATE, _EASY_RATE, _MEASURED_SAMPLES = 0.05, 0.2, 3 * 256**2
_ALWAYS = 200  # bytes of lead, header and MAC, which count in small pictures


@dataclass(frozen=True)
class HidingFigures:
    """Figures of a hiding.

    Attributes:
        method: its name.
        cover_bytes: size of the cover's file.
        cover_pixels: of all frames.
        cover_format: the cover's lossy format if the container is without loss, such as "a JPEG": it shows that the
            container was changed. None: it has none.
        container_psnr: PSNR in dB of the container against its cover: of what is saved with loss, before that; of a
            film, the mean or the worst of the frames compared; None: not measured.
        changed_pixels: of all frames; None: not counted.
        hidden_bytes: that the container carries, with what of a spread file is there more than once; None: not bytes.
        room: bytes of which those could have been; None: not bytes.
        film: the cover is a film.
        channels: 1 of a grey cover, whose pixels are one sample each.
        stands_out: detectors find the method's containers whatever they carry.
        measured: how easily the method's containers are found was measured.
    """

    method: str
    cover_bytes: int
    cover_pixels: int
    cover_format: str | None = None
    container_psnr: float | None = None
    changed_pixels: int | None = None
    hidden_bytes: int | None = None
    room: int | None = None
    film: bool = False
    channels: int = 3
    stands_out: bool = False
    measured: bool = True

    @property
    def bits_per_sample(self) -> float | None:
        """Bits of what is hidden for each of the cover's samples."""
        return None if self.hidden_bytes is None else 8 * self.hidden_bytes / (self.channels * self.cover_pixels)

    @property
    def room_used(self) -> float | None:
        """Share of the room, 0 to 1."""
        return None if self.hidden_bytes is None or not self.room else self.hidden_bytes / self.room

    @property
    def detection(self) -> str | None:
        """HARD, POSSIBLE or EASY to find; None if that is not known, as for a film that carries little."""
        if not self.measured:
            return None
        if self.stands_out or self.cover_format:
            return EASY
        rate = self._measured_rate()
        if rate > _EASY_RATE:
            return EASY
        if self.film:
            return None
        return HARD if rate <= _HARD_RATE else POSSIBLE

    def _measured_rate(self) -> float:
        """Bits for each sample that are as easily found in a photograph of the measured size.

        What is secure grows with the square root of the number of samples (Ker et al., "The square root law of
        steganographic capacity", 2008); small pictures are given no more for each sample.
        """
        size = self.channels * self.cover_pixels / _MEASURED_SAMPLES
        alike = ((self.hidden_bytes or 0) + _ALWAYS) / (math.sqrt(size) if size > 1 else size) - _ALWAYS
        return 8 * alike / _MEASURED_SAMPLES

    def notes(self) -> tuple[str, ...]:
        """A line on what was changed and how easily it is found; none if nothing is known."""
        counted = self.changed_pixels is not None
        changes = f"{self.changed_pixels:,} of {self.cover_pixels:,} pixels changed" if counted else ""
        quality = "" if self.container_psnr is None else f"container {self.container_psnr:.1f} dB"
        facts = ", ".join(filter(None, (quality, changes)))
        line = ": ".join(filter(None, (facts, _WORDS.get(self.detection or "", ""))))
        return (line,) if line else ()

    def warnings(self) -> tuple[str, ...]:
        """A line if the cover's format gives the container away."""
        return (f"the cover is {self.cover_format}: {BETRAYS}",) if self.cover_format else ()


class Changes:
    """Differences of a container from its cover; threads may add frames of one size in any order."""

    def __init__(self) -> None:
        self._frames: list[tuple[int, int, int]] = []

    def add(self, cover: np.ndarray, container: np.ndarray) -> None:
        """Adds a frame, (H, W, 3) uint8, of both."""
        rows = list(map(_differences, cover, container))  # one by one, to save memory
        self._frames.append((cover.size, sum(error for error, _ in rows), sum(changed for _, changed in rows)))

    @property
    def psnr(self) -> float | None:
        """PSNR in dB over all frames; None if there are none."""
        samples, errors, _ = self._sums()
        return psnr_from_mse(errors / samples, PEAK) if samples else None

    @property
    def pixels(self) -> int | None:
        """Changed pixels; None if there are no frames."""
        samples, _, changed = self._sums()
        return changed if samples else None

    def _sums(self) -> tuple[int, ...]:
        return tuple(map(sum, zip(*self._frames, strict=True))) or (0, 0, 0)


def _differences(cover: np.ndarray, container: np.ndarray) -> tuple[int, int]:
    """Sum of squared differences, and number of pixels that differ, of a row, (W, 3) uint8."""
    difference = np.subtract(cover, container, dtype=np.float64).reshape(-1)
    red, green, blue = (cover != container).T
    return int(np.dot(difference, difference)), int(np.count_nonzero(red | green | blue))
