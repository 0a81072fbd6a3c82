"""Bits of a film in the phases of its DCT coefficients: rungs, the dither, and headers that are read without a network.

A codec keeps a change that stays for some frames better than one that is gone in the next. So a *run* of frames carries
the same bits, in the phases of a few DCT coefficients of each block (`stegnet.models.modem`); what differs from rung to
rung is how long a run is, how many coefficients there are, and their period.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np

from stegnet.core.cipher import keystream
from stegnet.core.errors import WeightsError
from stegnet.core.jpeg import BLOCK, COSINES
from stegnet.keys import Key
from stegnet.methods.robust import Ratios, Rung, read_rungs

GROUP = 48  # frames with a header and record of their own
_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)  # of red, green, blue (ITU-R BT.709)
_PER_WORD = np.float32(1 / (1 << 16))
_MIDDLE = np.float32(127.5)  # level from which the phases of block means count
_HEADER_LIKELIHOOD = 0.3  # log-likelihood ratio of a header's bit for a sum of 1
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
        header: of the group, that the dither of all other blocks follows from as well; empty: not known.
        of_header: (rows, cols) bool, the header's blocks.
    """

    shape: tuple[int, int]
    frames: int
    key: Key
    salt: bytes
    header: bytes = b""
    of_header: np.ndarray | None = None

    def whole(self, header: bytes, places: np.ndarray, bits: int) -> Self:
        """That of all blocks, given the header, and the places of its bits, (h,) int, of which a block has so many."""
        of_header = np.zeros(self.shape, bool)
        of_header.reshape(-1)[places // bits] = True
        return replace(self, header=header, of_header=of_header)

    def unit(self, number: int) -> np.ndarray:
        """That of a unit, (rows, cols, frames, MOST) float32."""
        return self._words(number) * _PER_WORD

    def at(self, number: int, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
        """That of some blocks, (n, frames, MOST) float32."""
        return self._words(number)[rows, cols] * _PER_WORD

    @cached_property
    def _known(self) -> dict[int, np.ndarray]:
        """Words of the units that were asked for."""
        return {}

    def _words(self, number: int) -> np.ndarray:
        if number not in self._known:
            words = self._made(number, b"")
            if self.header:
                words = np.where(self.of_header[..., None, None], words, self._made(number, self.header))
            self._known[number] = words
        return self._known[number]

    def _made(self, number: int, header: bytes) -> np.ndarray:
        key = self.key.robust(b"dither", self.salt + bytes([number]), header)
        stream = keystream(key, 2 * self.shape[0] * self.shape[1] * self.frames * MOST)
        return np.frombuffer(stream, "<u2").reshape(*self.shape, self.frames, MOST)


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


def header_ratios(lumas: np.ndarray, dither: Dither, rung: Rung) -> Ratios:
    """Log-likelihood ratios of a header's bits: sums of the sines of their phases, without a network.

    Args:
        lumas: (GROUP, H, W) uint8.
    """
    _, height, width = lumas.shape
    blocks = lumas.reshape(GROUP, height // BLOCK, BLOCK, width // BLOCK, BLOCK)
    basis = _BASIS[: rung.coefficients]

    def ratios(numbers: np.ndarray) -> np.ndarray:
        known, block = np.unique(numbers // rung.bits, return_inverse=True)
        rows, cols = np.divmod(known, width // BLOCK)
        samples = blocks[:, rows, :, cols] - _MIDDLE  # (n, GROUP, 8, 8) float32
        phases = np.einsum("nfyx,cyx->nfc", samples, basis, optimize=True) / periods_of(rung)
        for unit in range(GROUP // rung.frames):
            frames = phases[:, unit * rung.frames : (unit + 1) * rung.frames].reshape(
                len(known), -1, rung.run, rung.coefficients
            )
            frames -= dither.at(unit, rows, cols)[:, :: rung.run, None, : rung.coefficients]
        sums = np.sin(2 * np.pi * phases).reshape(len(known), -1, rung.run, rung.coefficients).sum(2)
        return _HEADER_LIKELIHOOD * sums.reshape(len(known), -1)[block, numbers % rung.bits]

    return ratios


# (MOST, 8, 8) float32, of the coefficients above.
_BASIS = np.stack([np.outer(COSINES[down], COSINES[across]) for down, across in FREQUENCIES]).astype(np.float32)


def periods_of(rung: Rung) -> np.ndarray:
    """Of each coefficient that carries bits, (coefficients,) float32, in levels."""
    return np.array([step * rung.scale for _, step in _FINEST[: rung.coefficients]], np.float32)
