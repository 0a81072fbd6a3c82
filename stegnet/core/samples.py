"""Samples as files hold them, 8 bits each, as networks compute with them, in [0, 1], and what the network hides.

The network hides a picture minus a base that it need not carry. With the detail layer on, the base is the mean of each
8×8 block, rounded to 8 bits; it travels exactly by another way, and the detail that is left is small and centred on 0.
With it off, the base is mid-grey. All pictures are (H, W, 3) with sides that are multiples of 8; means are
(H/8, W/8, 3) uint8, or None with the detail layer off.
"""

import numpy as np

LEVELS = 255
CELL = 8  # side of the blocks whose means are the base
GREY = 0.5


def to_8_bits(picture: np.ndarray) -> np.ndarray:
    """Float to uint8, same shape: clamped to [0, 1], scaled, rounded to nearest."""
    return np.rint(picture.clip(0, 1) * LEVELS).astype(np.uint8)


def from_8_bits(picture: np.ndarray) -> np.ndarray:
    """uint8 to float32 in [0, 1], same shape."""
    return np.divide(picture, LEVELS, dtype=np.float32)


def block_means(picture: np.ndarray) -> np.ndarray:
    """The means of a uint8 picture, (H/8, W/8, 3) uint8, rounded to nearest and, half way, to even."""
    return np.rint(_sums(picture, np.uint16) / CELL**2).astype(np.uint8)


def split(picture: np.ndarray, means: np.ndarray | None) -> np.ndarray:
    """The part of a float32 picture in [0, 1] that the network hides, in [-1, 1]."""
    return picture - GREY if means is None else _less(picture, from_8_bits(means))


def join(hidden: np.ndarray, means: np.ndarray | None) -> np.ndarray:
    """The picture whose `split` is `hidden`, or nearly is; not clamped.

    With the detail layer on, the mean of each block is put right first: it is known exactly.
    """
    if means is None:
        return hidden + GREY
    return _less(hidden, _sums(hidden, np.float32) / CELL**2 - from_8_bits(means))


def with_block_means(picture: np.ndarray, means: np.ndarray | None) -> np.ndarray:
    """The same picture with each block's mean put right, where it is known; not clamped."""
    return picture if means is None else join(picture, means)


def _sums(picture: np.ndarray, dtype: type) -> np.ndarray:
    """(H/8, W/8, 3): the sum of each block's samples."""
    height, width, channels = picture.shape
    rows = picture.reshape(height // CELL, CELL, width * channels).sum(1, dtype=dtype)
    return rows.reshape(height // CELL, width // CELL, CELL, channels).sum(2, dtype=dtype)


def _less(picture: np.ndarray, bases: np.ndarray) -> np.ndarray:
    """The picture minus one value for each block and channel."""
    height, width, channels = picture.shape
    rows = bases.repeat(CELL, axis=1).reshape(height // CELL, 1, width * channels)
    return (picture.reshape(height // CELL, CELL, width * channels) - rows).reshape(picture.shape)
