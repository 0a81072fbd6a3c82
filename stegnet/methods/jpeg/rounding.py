"""What rounding took from a JPEG's coefficients: known to whoever makes it, else estimated.

A step back towards what was rounded changes little that was not lost anyway: Denemark, Fridrich 2015, "Side-informed
steganography with additive distortion" (IEEE WIFS). A smoothed picture is an estimate of what was there before: Li,
Chen, Zhang, Zhou, Wang, Yu 2020, "JPEG steganography with estimated side-information" (IEEE TCSVT 30(7)).
"""

import numpy as np
from PIL import Image

from stegnet.core.jpeg import COSINES
from stegnet.media.jpeg import ZIGZAG, JpegPicture

_STRIP = 32  # rows of blocks that are computed at once
_LEAST_NOISE = np.float32(1e-6)
_MOST = 0.5


def rounding_errors(pixels: np.ndarray, jpeg: JpegPicture) -> np.ndarray:
    """What rounding took from luma's coefficients, (rows, columns, 64) float32, −0.5 to 0.5.

    Args:
        pixels: what the JPEG was made of, (H, W, 3) or (H, W) uint8.
    """
    rows, cols, _ = jpeg.planes[0].shape
    luma = pixels if pixels.ndim == 2 else np.asarray(Image.fromarray(pixels).convert("YCbCr"))[..., 0]
    below, right = 8 * rows - luma.shape[0], 8 * cols - luma.shape[1]
    luma = np.pad(luma.astype(np.float32), ((0, below), (0, right)), mode="edge")
    return np.clip(_differences(luma, jpeg), -_MOST, _MOST)


def rounding_directions(shown: np.ndarray, jpeg: JpegPicture) -> np.ndarray:
    """The signs of an estimate of `rounding_errors`, (rows, columns, 64) float32: −1, 0 or 1.

    Args:
        shown: luma of the JPEG, (8 · rows, 8 · columns) float32, 0 to 255.
    """
    return np.sign(_differences(smoothed(shown), jpeg))


def smoothed(pixels: np.ndarray) -> np.ndarray:
    """Pixels, (H, W) float32, after a Wiener filter of 3×3 whose noise is the mean of the windows' variances."""
    wide, height = np.pad(pixels, 1, mode="edge"), len(pixels)
    parts = [slice(first, min(first + 8 * _STRIP, height)) for first in range(0, height, 8 * _STRIP)]
    noise = np.float32(sum(float(_moments(wide, part)[1].sum()) for part in parts) / pixels.size)
    found = np.empty_like(pixels)
    for part in parts:
        mean, variance = _moments(wide, part)
        gain = np.maximum(variance - noise, 0) / np.maximum(variance, max(noise, _LEAST_NOISE))
        found[part] = mean + gain * (pixels[part] - mean)
    return found


def _moments(wide: np.ndarray, rows: slice) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of the 3×3 pixels around each, (n, W) float32, in some rows of a picture with a margin."""
    strip = wide[rows.start : rows.stop + 2]
    mean, square = (_sums(values) / np.float32(9) for values in (strip, strip * strip))
    return mean, np.maximum(square - mean * mean, 0)


def _sums(strip: np.ndarray) -> np.ndarray:
    tall = strip[:-2] + strip[1:-1] + strip[2:]
    return tall[:, :-2] + tall[:, 1:-1] + tall[:, 2:]


def _differences(luma: np.ndarray, jpeg: JpegPicture) -> np.ndarray:
    """Coefficients of luma, (8 · rows, 8 · columns) float32, less the JPEG's, in its steps; (rows, columns, 64)."""
    coefficients, steps = jpeg.planes[0], jpeg.steps(0).astype(np.float32)
    rows, cols, _ = coefficients.shape
    basis = np.einsum("ku,lv->kluv", COSINES, COSINES).reshape(64, 64)[ZIGZAG].astype(np.float32)
    found = np.empty(coefficients.shape, np.float32)
    for first in range(0, rows, _STRIP):
        part = slice(first, min(first + _STRIP, rows))
        blocks = luma[8 * part.start : 8 * part.stop].reshape(-1, 8, cols, 8).transpose(0, 2, 1, 3).reshape(-1, 64)
        exact = ((blocks - 128) @ basis.T).reshape(-1, cols, 64)
        found[part] = exact / steps - coefficients[part]
    return found
