"""Features of a JPEG's luma that steganalysis trains classifiers on: DCTR, GFR, JRM and SPAM.

JRM is the package sealwatch's. Its DCTR and GFR take seconds for a picture, so filters are applied by torch and values
counted here; the features are the same.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from numba import njit
from sealwatch import jrm as sealwatch_jrm
from sealwatch.gfr._gfr import compute_gabor_kernel

from stegnet.core.pixels import BLOCK, COSINES, ZIGZAG
from stegnet.jpeg.coefficients import JpegPicture
from study.features import spam

_MOST = 4  # a larger residual counts as this one
_GABOR_STEPS = {75: (2, 4, 6, 8), 95: (0.1, 1, 1.5, 2)}  # by quality and scale
_SCALES, _ROTATIONS, _PHASES, _ASPECT = (0.5, 0.75, 1, 1.25), 32, (0, np.pi / 2), 0.5
_FOLDED = np.minimum(np.arange(BLOCK), BLOCK - np.arange(BLOCK))  # places in a block that mirror each other
_GROUPS = 5 * _FOLDED[:, None] + _FOLDED
_HALF = 0.5001  # residuals on the grid are often halves: all are rounded up, where sealwatch's last bits decide
_AT_ONCE = 32  # filters
_MIDDLE, _PEAK = 128, 255


@dataclass(frozen=True, eq=False)
class Luma:
    """A JPEG's luma.

    Attributes:
        coefficients: quantised, (rows, columns, 8, 8) int16.
        table: steps, (8, 8) int.
        quality: 1 to 100, as libjpeg scales its tables.
    """

    coefficients: np.ndarray
    table: np.ndarray
    quality: int

    @property
    def nonzero(self) -> int:
        """Number of coefficients that are not 0, the first of blocks not counted."""
        return int(np.count_nonzero(self.coefficients) - np.count_nonzero(self.coefficients[..., 0, 0]))

    def pixels(self) -> np.ndarray:
        """(8 · rows, 8 · columns) float32, neither rounded nor clipped, 0 in the middle of the range."""
        rows, cols = self.coefficients.shape[:2]
        found = np.einsum("ku,rckl,lv->rucv", COSINES, self.coefficients * self.table, COSINES, optimize=True)
        return found.reshape(BLOCK * rows, BLOCK * cols).astype(np.float32)


def luma_of(jpeg: JpegPicture, quality: int) -> Luma:
    """The luma of a JPEG of a quality."""
    return Luma(from_zigzag(jpeg.planes[0]), from_zigzag(jpeg.quanta(0)), quality)


def dctr(luma: Luma) -> np.ndarray:
    """DCTR, (8000,) float32.

    Holub and Fridrich 2015, "Low-complexity features for JPEG steganalysis using undecimated DCT", IEEE TIFS 10(2).
    """
    step = max(BLOCK * (2 - luma.quality / 50), 0.2)
    filters = np.einsum("ku,lv->kluv", COSINES, COSINES).reshape(-1, BLOCK, BLOCK) / step
    return _histograms(luma.pixels(), filters).reshape(-1)


def gfr(luma: Luma) -> np.ndarray:
    """GFR of luma of quality 75 or 95, for which its steps are published, (17000,) float32.

    Song, Liu, Yang, Luo and Zhang 2015, "Steganalysis of adaptive JPEG steganography using 2D Gabor filters", ACM
    IH&MMSec.
    """
    found = _histograms(luma.pixels() + 128, _gabor_filters(luma.quality))
    shares = found.reshape(len(_PHASES), len(_SCALES), _ROTATIONS, -1)
    half = _ROTATIONS // 2
    mirrored = (shares[:, :, 1:half] + shares[:, :, :half:-1]) / 2
    return np.concatenate((shares[:, :, :1], mirrored, shares[:, :, half : half + 1]), 2).reshape(-1)


def jrm(luma: Luma) -> np.ndarray:
    """JRM, (11255,) float32.

    Kodovský and Fridrich 2012, "Steganalysis of JPEG images using rich models", SPIE 8303.
    """
    parts = sealwatch_jrm.extract(luma.coefficients.astype(np.int64)).values()
    return np.concatenate([np.ravel(part) for part in parts]).astype(np.float32)


def spam_of_luma(luma: Luma) -> np.ndarray:
    """SPAM, as `spam`, of the luma that is shown, (686,) float32."""
    shown = np.rint(luma.pixels() + _MIDDLE).clip(0, _PEAK).astype(np.uint8)
    return spam(shown[..., None])


EXTRACTORS: dict[str, Callable[[Luma], np.ndarray]] = {
    "DCTR": dctr,
    "GFR": gfr,
    "JRM": jrm,
    "SPAM": spam_of_luma,
}


def from_zigzag(zigzag: np.ndarray) -> np.ndarray:
    """The last axis, 64 in zigzag order, as (8, 8)."""
    natural = np.empty_like(zigzag)
    natural[..., ZIGZAG] = zigzag
    return natural.reshape(*zigzag.shape[:-1], BLOCK, BLOCK)


@cache
def _gabor_filters(quality: int) -> np.ndarray:
    """(256, 8, 8): phases by scales by rotations, each divided by its quantisation step."""
    return np.stack([
        compute_gabor_kernel(scale, turn * np.pi / _ROTATIONS, phase, _ASPECT) / step
        for phase in _PHASES
        for scale, step in zip(_SCALES, _GABOR_STEPS[quality], strict=True)
        for turn in range(_ROTATIONS)
    ])  # fmt: skip


def _histograms(pixels: np.ndarray, filters: np.ndarray) -> np.ndarray:
    """Shares of the absolute values 0 to 4 of filtered pixels, by their place in the grid, (filters, 25, 5) float32."""
    picture, counts = torch.from_numpy(pixels)[None, None], []
    for start in range(0, len(filters), _AT_ONCE):
        bank = torch.from_numpy(filters[start : start + _AT_ONCE, None].astype(np.float32))
        counts.append(_counted(torch.nn.functional.conv2d(picture, bank)[0].numpy(), _GROUPS))
    found = np.concatenate(counts).astype(np.float32)
    return found / found.sum(2, keepdims=True)


@njit(nogil=True)
def _counted(residuals, groups):
    counts = np.zeros((residuals.shape[0], 25, _MOST + 1), np.int64)
    for number in range(residuals.shape[0]):
        for y in range(residuals.shape[1]):
            for x in range(residuals.shape[2]):
                value = min(int(abs(residuals[number, y, x]) + _HALF), _MOST)
                counts[number, groups[y % 8, x % 8], value] += 1
    return counts
