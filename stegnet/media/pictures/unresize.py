"""The inverse of enlarging: Lanczos reduces an enlarged picture to a softer one than it was, this one to itself.

Enlarging is linear along each side, a matrix R of a few weights in each row. What was there is found by least squares,
min |R x - y|² + s |D x|², with a prior for smooth pictures (Tikhonov 1963): D takes the differences of neighbours. With
little noise in y, s is small: a secret of 480×270 pixels that was enlarged to 640×360 comes back at 49 dB, not 41.
"""

import math
from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from stegnet.media.pictures.pictures import resize

LOBES = 3  # of the Lanczos filter
SMOOTHNESS, SMOOTHEST = 0.002, 0.03  # s for an error of one level, as it grows with its square; and at most
BLOCK, MARGIN = 128, 32  # pixels that are solved for at once, and on either side of them, where they no longer matter


def unresize(picture: np.ndarray, height: int, width: int, noise: float) -> np.ndarray:
    """The picture, (height, width, 3) uint8, of which `resize` made one of (H, W, 3) uint8; reduced sides are enlarged.

    Args:
        noise: root mean square of the error that `picture` may have at most, in levels; not 0.
    """
    rows, cols = picture.shape[:2]
    if height >= rows and width >= cols:
        return resize(picture, height, width)
    picture = resize(picture, max(rows, height), max(cols, width))  # along the sides that were reduced
    smooth = min(2.0 ** round(math.log2(SMOOTHNESS * noise**2)), SMOOTHEST)  # in steps: few matrices for a film
    restored = np.empty((height, width, 3), np.uint8)
    for channel in range(3):  # one after the other, for large pictures take much memory
        plane = _along_columns(picture[..., channel].astype(np.float32), height, smooth)
        plane = _along_columns(plane.T, width, smooth).T
        restored[..., channel] = np.rint(plane).clip(0, 255)
    return restored


def _along_columns(plane: np.ndarray, length: int, smooth: float) -> np.ndarray:
    """(m, …) to (length, …) float32; length ≤ m."""
    if len(plane) == length:
        return plane
    return np.concatenate([matrix @ plane[rows] for rows, matrix in _inverse(length, len(plane), smooth)])


@lru_cache(maxsize=16)  # the sides of a film's frames, for some errors of their bases
def _inverse(length: int, enlarged: int, smooth: float) -> list[tuple[slice, np.ndarray]]:
    """The inverse by blocks of its rows: for each, the samples that it reads, and its float32 matrix."""
    return list(_blocks(length, enlarged, smooth))


def _blocks(length: int, enlarged: int, smooth: float) -> Iterator[tuple[slice, np.ndarray]]:
    for first in range(0, length, BLOCK):
        end = min(first + BLOCK, length)
        low, high = max(first - MARGIN, 0), min(end + MARGIN, length)
        rows = slice(low * enlarged // length, -(-high * enlarged // length))
        weights = _weights(length, enlarged, rows, slice(low, high))
        differences = np.diff(np.eye(high - low), axis=0)
        solved = np.linalg.solve(weights.T @ weights + smooth * differences.T @ differences, weights.T)
        yield rows, solved[first - low : end - low].astype(np.float32)


def _weights(length: int, enlarged: int, rows: slice, cols: slice) -> np.ndarray:
    """A part of R, as Pillow computes it, (rows, cols) float64."""
    centres = (np.arange(rows.start, rows.stop) + 0.5) * length / enlarged
    first = max(cols.start - LOBES, 0)  # with all that a row weighs
    away = np.arange(first, min(cols.stop + LOBES, length)) + 0.5 - centres[:, None]
    weights = np.sinc(away) * np.sinc(away / LOBES) * (np.abs(away) < LOBES)
    return (weights / weights.sum(1, keepdims=True))[:, cols.start - first : cols.stop - first]
