"""Rounding errors of a JPEG's coefficients: known to whoever makes it, else estimated.

A step back towards what was rounded changes little that was not lost anyway: Denemark, Fridrich 2015, "Side-informed
steganography with additive distortion" (IEEE WIFS). A smoothed picture is an estimate of what was there before: Li,
Chen, Zhang, Zhou, Wang, Yu 2020, "JPEG steganography with estimated side-information" (IEEE TCSVT 30(7)).
"""

from collections.abc import Callable, Iterator
from typing import TypeVar

import numpy as np
from PIL import Image

from stegnet.core.jpeg import BLOCK, COSINES
from stegnet.core.parallel import parallel_map, thread_count
from stegnet.media.jpeg.coefficients import JpegPicture
from stegnet.media.jpeg.entropy import ZIGZAG

T = TypeVar("T")
_STRIP = 16  # rows of blocks that are computed at once
_LEAST_NOISE = np.float32(1e-6)
_MOST = 0.5


def rounding_errors(pixels: np.ndarray, jpeg: JpegPicture) -> np.ndarray:
    """Rounding errors of luma's coefficients, (rows, columns, 64) float32, −0.5 to 0.5.

    Args:
        pixels: what the JPEG was made of, (H, W, 3) or (H, W) uint8.
    """
    rows, cols, _ = jpeg.planes[0].shape
    luma = pixels if pixels.ndim == 2 else np.asarray(Image.fromarray(pixels).convert("YCbCr"))[..., 0]
    below, right = 8 * rows - luma.shape[0], 8 * cols - luma.shape[1]
    luma = np.pad(luma.astype(np.float32), ((0, below), (0, right)), mode="edge")
    return np.concatenate(in_strips(lambda part: np.clip(_difference(luma, jpeg, part), -_MOST, _MOST), rows))


def rounding_directions(shown: np.ndarray, jpeg: JpegPicture) -> np.ndarray:
    """The signs of an estimate of `rounding_errors`, (rows, columns, 64) int8: −1, 0 or 1.

    Args:
        shown: luma of the JPEG, (8 · rows, 8 · columns) float32, 0 to 255.
    """
    luma, rows = smoothed(shown), len(jpeg.planes[0])
    return np.concatenate(in_strips(lambda part: np.sign(_difference(luma, jpeg, part)).astype(np.int8), rows))


def in_strips(function: Callable[[slice], T], rows: int) -> list[T]:
    """Results of a function for each strip of rows of blocks, in order; threads call it."""
    return [*parallel_map(function, strips(rows), thread_count())]


def strips(rows: int) -> Iterator[slice]:
    """Rows of blocks that are computed at once, which bounds the memory."""
    yield from (slice(first, min(first + _STRIP, rows)) for first in range(0, rows, _STRIP))


def smoothed(pixels: np.ndarray) -> np.ndarray:
    """Pixels, (H, W) float32, after a Wiener filter of 3×3 whose noise is the mean of the windows' variances."""
    wide, found = np.pad(pixels, 1, mode="edge"), np.empty_like(pixels)
    rows = -(-len(pixels) // BLOCK)
    noise = np.float32(sum(in_strips(lambda part: float(_moments(wide, part)[1].sum()), rows)) / pixels.size)

    def fill(part: slice) -> None:
        own, (mean, variance) = slice(BLOCK * part.start, BLOCK * part.stop), _moments(wide, part)
        gain = np.maximum(variance - noise, 0) / np.maximum(variance, max(noise, _LEAST_NOISE))
        found[own] = mean + gain * (pixels[own] - mean)

    in_strips(fill, rows)
    return found


def _moments(wide: np.ndarray, part: slice) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of the 3×3 pixels around each, (n, W) float32, in some rows of blocks, of a wider picture."""
    strip = wide[BLOCK * part.start : BLOCK * part.stop + 2]
    mean, square = (_sums(values) / np.float32(9) for values in (strip, strip * strip))
    return mean, np.maximum(square - mean * mean, 0)


def _sums(strip: np.ndarray) -> np.ndarray:
    tall = strip[:-2] + strip[1:-1] + strip[2:]
    return tall[:, :-2] + tall[:, 1:-1] + tall[:, 2:]


def _difference(luma: np.ndarray, jpeg: JpegPicture, part: slice) -> np.ndarray:
    """Coefficients of luma, (8 · rows, 8 · columns), less the JPEG's, in steps; of a strip, (n, columns, 64)."""
    strip = coefficients(luma[BLOCK * part.start : BLOCK * part.stop] - 128)
    return strip / jpeg.steps(0).astype(np.float32) - jpeg.planes[0][part]


def coefficients(luma: np.ndarray) -> np.ndarray:
    """Coefficients of blocks, (rows, columns, 64) float32 in zigzag order, of (8 · rows, 8 · columns) float32."""
    rows, cols = (side // BLOCK for side in luma.shape)
    blocks = luma.reshape(rows, BLOCK, cols, BLOCK).transpose(0, 2, 1, 3)
    return (blocks.reshape(-1, 64) @ dct_basis().astype(np.float32).T).reshape(rows, cols, 64)


def dct_basis() -> np.ndarray:
    """Pixels of a block for a coefficient of 1, (64, 64) float64: coefficients in zigzag order by pixels."""
    return np.einsum("ku,lv->kluv", COSINES, COSINES).reshape(64, 64)[ZIGZAG]
