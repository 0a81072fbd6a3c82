"""Bits of a film in the phases of its DCT coefficients: rungs, the dither, and headers that are read without a network.

A codec keeps a change that stays for some frames better than one that is gone in the next. So a *run* of frames carries
the same bits, in the phases of a few DCT coefficients of each block (`stegnet.models.modem`); what differs from rung to
rung is how long a run is, how many coefficients there are, and their period.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from stegnet.core.cipher import keystream
from stegnet.core.errors import WeightsError
from stegnet.core.jpeg import BLOCK, COSINES
from stegnet.keys import Key
from stegnet.methods.robust import Rung, read_rungs

GROUP = 48  # frames with a header and record of their own
_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)  # of red, green, blue (ITU-R BT.709)
_PER_WORD = np.float32(1 / (1 << 16))
_MIDDLE = np.float32(127.5)  # level from which the phases of block means count
_HEADER_LIKELIHOOD = np.float32(0.3)  # log-likelihood ratio of a header's bit for a sum of 1
# Vertical and horizontal frequency of the coefficients that JPEG quantises most finely, and its steps at quality 50
# (ITU-T T.81, table K.1).
_FINEST = (
    ((0, 2), 10), ((0, 1), 11), ((1, 0), 12), ((1, 1), 12), ((2, 1), 13), ((1, 2), 14), ((2, 0), 14), ((3, 0), 14),
    ((0, 0), 16), ((0, 3), 16), ((2, 2), 16), ((3, 1), 17), ((4, 0), 18), ((1, 3), 19), ((3, 2), 22), ((4, 1), 22),
)  # fmt: skip
FREQUENCIES = tuple(frequency for frequency, _ in _FINEST)
MOST = len(_FINEST)


@dataclass(frozen=True)
class Dither:
    """The dither of a group: in [0, 1), of MOST coefficients of each block in each frame, in periods.

    Attributes:
        shape: rows and columns of blocks.
        frames: of a unit.
        key, salt: that it follows from.
        first: (b,) int, the header's blocks in their order; None: there is no header.
        header: of the group, that the dither of all other blocks follows from as well; empty: not known.
    """

    shape: tuple[int, int]
    frames: int
    key: Key
    salt: bytes
    first: np.ndarray | None = None
    header: bytes = b""

    @cached_property
    def of_header(self) -> np.ndarray:
        """Words of the header's blocks, (b, GROUP, MOST) uint16."""
        return header_words(self.key, self.salt, len(self.first))

    def unit(self, number: int) -> np.ndarray:
        """That of a unit, (rows, cols, frames, MOST) float32."""
        key = self.key.robust(b"dither", self.salt + bytes([number]), self.header)
        blocks = self.shape[0] * self.shape[1]
        words = np.frombuffer(keystream(key, 2 * blocks * self.frames * MOST), "<u2")
        made = (words * _PER_WORD).reshape(blocks, self.frames, MOST)
        if self.first is not None:
            made[self.first] = self.of_header[:, number * self.frames : (number + 1) * self.frames] * _PER_WORD
        return made.reshape(*self.shape, self.frames, MOST)


def header_words(key: Key, salt: bytes, count: int) -> np.ndarray:
    """The dither of the first so many blocks of a header, (count, GROUP, MOST) uint16, in units of 2⁻¹⁶ periods."""
    stream = keystream(key.robust(b"dither", salt), 2 * count * GROUP * MOST)
    return np.frombuffer(stream, "<u2").reshape(count, GROUP, MOST)


def read_film_rungs(path: Path) -> tuple[Rung, ...]:
    """The rungs of a film modem's weights file.

    Raises:
        WeightsError: as `read_rungs`, or this version can't use the modem.
    """
    rungs = read_rungs(path, GROUP)
    if GROUP % rungs[0].frames or max(rung.coefficients for rung in rungs) > MOST:
        most = f"films take a divisor of {GROUP} frames and {MOST} coefficients at most"
        raise WeightsError(f"{path}: this modem can't be used", most)
    return rungs


def exact_luma(frame: np.ndarray) -> np.ndarray:
    """Luma of a frame, (H, W, 3) uint8, in levels; (H, W) float32."""
    return sum(frame[..., channel] * weight for channel, weight in enumerate(_LUMA))


def luma(frame: np.ndarray) -> np.ndarray:
    """Luma of a frame, (H, W, 3) uint8, rounded; (H, W) uint8."""
    return np.rint(exact_luma(frame)).astype(np.uint8)


def coefficients(luma: np.ndarray, blocks: np.ndarray | None = None) -> np.ndarray:
    """DCT coefficients that may carry bits, (n, MOST) float32 in levels, of a luma, (H, W) uint8.

    Args:
        blocks: (n,) int, those that are wanted; None: all, row by row.
    """
    height, width = luma.shape
    samples = luma.reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK).swapaxes(1, 2)
    some = samples if blocks is None else samples[np.divmod(blocks, width // BLOCK)]
    return (some.reshape(-1, BLOCK * BLOCK) - _MIDDLE) @ _BASIS


def header_dither(words: np.ndarray, rung: Rung) -> np.ndarray:
    """The dither that counts, of the first frame of each run: (runs, n, coefficients) float32.

    Args:
        words: as `header_words`, (n, GROUP, MOST).
    """
    return (words[:, :: rung.run, : rung.coefficients] * _PER_WORD).swapaxes(0, 1)


def header_ratios(found: np.ndarray, dither: np.ndarray, rung: Rung) -> np.ndarray:
    """Log-likelihood ratios of a header's bits: sums of the sines of their phases, without a network.

    Args:
        found: coefficients of the header's blocks, (GROUP, n, MOST) float32 in levels.
        dither: theirs, as `header_dither`.

    Returns:
        (runs, n, coefficients) float32.
    """
    run, count = rung.run, rung.coefficients
    phases = found[..., :count].reshape(-1, run, found.shape[1], count) * (1 / periods_of(rung))
    phases -= dither[:, None]
    phases *= np.float32(2 * np.pi)
    return _HEADER_LIKELIHOOD * np.sin(phases, phases).sum(1)


# (64, MOST) float32, of the coefficients above.
_BASIS = np.stack([np.outer(COSINES[down], COSINES[across]).ravel() for down, across in FREQUENCIES], 1).astype(
    np.float32
)


def periods_of(rung: Rung) -> np.ndarray:
    """Of each coefficient that carries bits, (coefficients,) float32, in levels."""
    return np.array([step * rung.scale for _, step in _FINEST[: rung.coefficients]], np.float32)
