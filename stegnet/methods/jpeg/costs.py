"""Costs of changing a JPEG's coefficients: J-UNIWARD, and less in the direction of what was rounded (`rounding`).

Holub, Fridrich, Denemark 2014, "Universal distortion function for steganography in an arbitrary domain" (EURASIP JIS
2014:1): a step costs what it changes in the wavelet coefficients of the picture, each relative to its own size. The
wavelets and the basis of the DCT are separable, and so is the absolute value of their products: the sums over windows
of 23×23 wavelet coefficients are two products with matrices of 8×23.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from stegnet.core.jpeg import COSINES
from stegnet.core.parallel import ordered, thread_count
from stegnet.media.jpeg import ZIGZAG, JpegPicture
from stegnet.methods.jpeg.rounding import rounding_directions
from stegnet.sealing import Costs

_STABILISER = np.float32(2**-6)  # of a relative change
# High pass of Daubechies' wavelet with eight vanishing moments ("Ten lectures on wavelets", 1992, table 6.1).
_HIGH = np.array([
    -0.0544158422, 0.3128715909, -0.6756307363, 0.5853546837, 0.0158291053, -0.2840155430, -0.0004724846, 0.1287474266,
    0.0173693010, -0.0440882539, -0.0139810279, 0.0087460940, 0.0048703530, -0.0003917404, -0.0006754494, -0.0001174768,
], np.float32)  # fmt: skip
_LOW = ((-1.0) ** np.arange(16) * _HIGH[::-1]).astype(np.float32)
_BANDS = ((_LOW, _HIGH), (_HIGH, _LOW), (_HIGH, _HIGH))
_TAPS, _WINDOW = 16, 23
_MARGIN = 24  # pixels around a picture, mirrored
_STRIP = 32  # rows of blocks
_RATIONAL, _TIE = np.flatnonzero(np.isin(ZIGZAG[1:], (4, 32, 36))), 0.99  # coefficients whose cosines are rational
# Most gain of a step in a direction that is known (all of it is found at quality 95), and gain in an estimated one.
_KNOWN, _ESTIMATED = np.float32(0.7), np.float32(0.35)
_USUAL, _WET = 40, 500  # cost of a median coefficient that is not 0, and of one that should stay as it is


def coefficient_costs(jpeg: JpegPicture, errors: np.ndarray | None = None) -> Costs:
    """Costs of luma's samples, (rows, 63 · columns, 1) uint16, from 1 to 500: in blocks that are clipped, 500.

    Args:
        errors: what rounding took from luma's coefficients, (rows, columns, 64) float32: a step towards it costs
            1 − 2·|error| of others, at least 0.3, but where it is a tie that only rational cosines give. None: it is
            not known, and estimated.
    """
    luma = jpeg.planes[0]
    pixels = shown_luma(jpeg)
    costs = juniward(pixels, jpeg.steps(0))[..., 1:]
    median = np.median(costs[luma[..., 1:] != 0]) if luma[..., 1:].any() else np.median(costs)
    rows, cols, _ = luma.shape
    blocks = pixels.reshape(rows, 8, cols, 8)
    clipped = ((blocks <= 0) | (blocks >= 255)).any((1, 3))
    gains = _known(errors) if errors is not None else _ESTIMATED * rounding_directions(pixels, jpeg)[..., 1:]

    def levels(gain: np.ndarray) -> np.ndarray:
        scaled = np.clip(costs * (1 - gain) * (_USUAL / median), 1, _WET).astype(np.uint16)
        scaled[clipped] = _WET
        return scaled.reshape(rows, -1, 1)

    return Costs(levels(np.maximum(gains, 0)), levels(np.maximum(-gains, 0)))


def _known(errors: np.ndarray) -> np.ndarray:
    gains = 2 * errors[..., 1:]
    gains[..., _RATIONAL] *= np.abs(gains[..., _RATIONAL]) < _TIE
    return np.clip(gains, -_KNOWN, _KNOWN)


def shown_luma(jpeg: JpegPicture) -> np.ndarray:
    """Luma of a JPEG's blocks, (8 · rows, 8 · columns) float32, whole numbers from 0 to 255."""
    luma = jpeg.planes[0]
    rows, cols, _ = luma.shape
    basis = np.einsum("ku,lv->kluv", COSINES, COSINES).reshape(64, 64)[ZIGZAG] * jpeg.steps(0)[:, None]
    pixels = np.empty((rows, 8, cols, 8), np.float32)
    for part in _strips(rows):
        blocks = luma[part].astype(np.float32).reshape(-1, 64) @ basis.astype(np.float32)
        shown = np.clip(np.rint(blocks + 128), 0, 255)
        pixels[part] = shown.reshape(-1, cols, 8, 8).transpose(0, 2, 1, 3)
    return pixels.reshape(8 * rows, 8 * cols)


def juniward(pixels: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Cost of a step of each coefficient, (rows, columns, 64) float32 in zigzag order.

    Args:
        pixels: (8 · rows, 8 · columns) float32.
        steps: quantisation table, (64,), in zigzag order.
    """
    rows, cols = pixels.shape[0] // 8, pixels.shape[1] // 8
    wide, costs = np.pad(pixels, _MARGIN, mode="symmetric"), np.empty((rows, cols, 64), np.float32)

    def fill(part: slice) -> None:
        strip = wide[8 * part.start : 8 * part.stop + 2 * _MARGIN]
        found = sum(_changed(strip, part.stop - part.start, cols, *band) for band in _BANDS)
        own = found.transpose(0, 2, 1, 3).reshape(-1, cols, 64)[..., ZIGZAG]
        np.multiply(own, steps.astype(np.float32), out=costs[part])

    for _ in ordered(fill, _strips(rows), thread_count()):
        pass
    return costs


def _strips(rows: int) -> list[slice]:
    """Rows of blocks that are computed at once."""
    return [slice(first, min(first + _STRIP, rows)) for first in range(0, rows, _STRIP)]


def _changed(wide: np.ndarray, rows: int, cols: int, vertical: np.ndarray, horizontal: np.ndarray) -> np.ndarray:
    """Relative change of a band by a unit of each coefficient, (rows, 8, columns, 8)."""
    band = _filtered(_filtered(wide, vertical, 0), horizontal, 1)
    weights = 1 / (_STABILISER + np.abs(band))
    start = _MARGIN - _TAPS + 1
    weights = weights[start : start + 8 * rows + _TAPS - 1, start : start + 8 * cols + _TAPS - 1]
    tall = sliding_window_view(weights, _WINDOW, 0)[::8] @ _responses(vertical).T  # (rows, width, 8)
    windows = sliding_window_view(np.ascontiguousarray(tall.transpose(0, 2, 1)), _WINDOW, 2)[:, :, ::8]
    return windows @ _responses(horizontal).T


def _filtered(values: np.ndarray, taps: np.ndarray, axis: int) -> np.ndarray:
    windows = sliding_window_view(values, len(taps), axis)
    found = windows[..., 0] * taps[0]
    for place, tap in enumerate(taps[1:], 1):
        found += windows[..., place] * tap
    return found


def _responses(taps: np.ndarray) -> np.ndarray:
    """Absolute responses of a filter to the DCT's cosines, (8, 23) float32."""
    return np.abs([np.convolve(cosine, taps[::-1]) for cosine in COSINES]).astype(np.float32)
