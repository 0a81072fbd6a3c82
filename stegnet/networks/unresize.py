"""The inverse of resizing: a picture that was enlarged to its cover's size, and came back with errors."""

import math
from functools import lru_cache

import numpy as np

from stegnet.image.pictures import resize


def unresize(picture: np.ndarray, height: int, width: int, noise: float) -> np.ndarray:
    """Estimate the picture, (height, width, 3) uint8, that `resize` turned into (H, W, 3) uint8.

    Sides that were enlarged are restored by regularised least squares; those that were reduced are enlarged by
    `resize`.

    Args:
        picture: resized copy, (H, W, 3) uint8, with errors.
        height: rows of the original, in pixels.
        width: columns of the original, in pixels.
        noise: greatest root mean square of the error of `picture`, in levels; not 0.
    """
    rows, cols = picture.shape[:2]
    if height >= rows and width >= cols:
        return resize(picture, height, width)
    picture = resize(picture, max(rows, height), max(cols, width))  # along the sides that were reduced

    smoothness = 0.002  # weight of differences for an error of one level; it grows with the square of the error
    smoothest = 0.03  # greatest weight
    smooth = min(2.0 ** round(math.log2(smoothness * noise**2)), smoothest)  # in steps: few matrices for a film
    restored = np.empty((height, width, 3), np.uint8)
    for channel in range(3):  # one after the other, for large pictures take much memory
        plane = _along_columns(picture[..., channel].astype(np.float32), height, smooth)
        plane = _along_columns(plane.T, width, smooth).T
        restored[..., channel] = np.rint(plane).clip(0, 255)
    return restored


def _along_columns(plane: np.ndarray, length: int, smooth: float) -> np.ndarray:
    """Restore columns that were enlarged to m samples: (m, …) to (length, …) float32, length ≤ m."""
    if len(plane) == length:
        return plane
    return np.concatenate([matrix @ plane[rows] for rows, matrix in _inverse(length, len(plane), smooth)])


@lru_cache(maxsize=16)  # the sides of a film's frames, for some errors of their bases
def _inverse(length: int, enlarged: int, smooth: float) -> list[tuple[slice, np.ndarray]]:
    """Return the inverse of an enlargement by blocks of its rows: the samples that each reads, and its float32 matrix.

    A block solves (WᵀW + smooth · DᵀD) x = Wᵀy for its pixels and a margin, where W enlarges and D takes differences.
    """
    blocks = []
    block = 128  # pixels that are solved for at once
    margin = 32  # pixels on either side of a block
    for first in range(0, length, block):
        end = min(first + block, length)
        low = max(first - margin, 0)
        high = min(end + margin, length)
        rows = slice(low * enlarged // length, -(-high * enlarged // length))
        weights = _lanczos_weights(length, enlarged, rows, slice(low, high))
        differences = np.diff(np.eye(high - low), axis=0)
        solved = np.linalg.solve(weights.T @ weights + smooth * differences.T @ differences, weights.T)
        blocks.append((rows, solved[first - low : end - low].astype(np.float32)))
    return blocks


def _lanczos_weights(length: int, enlarged: int, rows: slice, cols: slice) -> np.ndarray:
    """Return a block of the (enlarged, length) matrix by which Pillow's Lanczos filter enlarges, (rows, cols) float64.

    The caller chooses rows whose centres, in pixels before enlarging, lie within the columns, or at most half a pixel
    beyond.
    """
    centres = (np.arange(rows.start, rows.stop) + 0.5) * length / enlarged
    lobes = 3  # of the Lanczos filter
    first = max(cols.start - lobes, 0)  # a row is normalised by all its columns, even those outside the block
    away = np.arange(first, min(cols.stop + lobes, length)) + 0.5 - centres[:, None]
    weights: np.ndarray = np.sinc(away) * np.sinc(away / lobes) * (np.abs(away) < lobes)
    weights /= weights.sum(1, keepdims=True)
    return weights[:, cols.start - first : cols.stop - first]
