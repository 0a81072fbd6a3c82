"""Pictures in 8 bits and in [0, 1], and their split into block means and detail.

The network hides only the detail of a picture: the picture minus a base. With the detail layer on, the base is the mean
of each 8×8 block, rounded to 8 bits; it is transmitted losslessly in the sealed bits, and the detail is small and
centred on 0. With it off, the base is mid-grey. All pictures are (H, W, 3) with sides that are multiples of 8; means
are (H/8, W/8, 3) uint8, or None with the detail layer off.
"""

import numpy as np

LEVELS = 255
CELL = 8  # side of the blocks of the base
GREY = 0.5


def to_8_bits(picture: np.ndarray) -> np.ndarray:
    """Converts float to uint8, same shape: clamped to [0, 1], scaled, rounded to nearest."""
    return np.rint(picture.clip(0, 1) * LEVELS).astype(np.uint8)


def from_8_bits(picture: np.ndarray) -> np.ndarray:
    """Converts uint8 to float32 in [0, 1], same shape."""
    return np.divide(picture, LEVELS, dtype=np.float32)


def block_means(picture: np.ndarray) -> np.ndarray:
    """Returns the block means of a uint8 picture, (H/8, W/8, 3) uint8, rounded to nearest, ties to even."""
    return np.rint(_block_sums(picture, np.uint16) / CELL**2).astype(np.uint8)


def split(picture: np.ndarray, means: np.ndarray | None) -> np.ndarray:
    """Returns the detail of a float32 picture in [0, 1], in [-1, 1]."""
    return picture - GREY if means is None else _subtract(picture, from_8_bits(means))


def join(hidden: np.ndarray, means: np.ndarray | None) -> np.ndarray:
    """Inverts `split`; not clamped.

    With the detail layer on, each block of `hidden` is first centred on 0, so that it has exactly the given mean.
    """
    if means is None:
        return hidden + GREY
    return _subtract(hidden, _block_sums(hidden, np.float32) / CELL**2 - from_8_bits(means))


def with_block_means(picture: np.ndarray, means: np.ndarray | None) -> np.ndarray:
    """Returns the picture with its block means corrected to `means`, if there are any; not clamped."""
    return picture if means is None else join(picture, means)


def _block_sums(picture: np.ndarray, dtype: type) -> np.ndarray:
    """Sums of each block and channel, (H/8, W/8, 3)."""
    height, width, channels = picture.shape
    rows = picture.reshape(height // CELL, CELL, width * channels).sum(1, dtype=dtype)
    return rows.reshape(height // CELL, width // CELL, CELL, channels).sum(2, dtype=dtype)


def _subtract(picture: np.ndarray, bases: np.ndarray) -> np.ndarray:
    """Subtracts one value per block and channel."""
    height, width, channels = picture.shape
    rows = bases.repeat(CELL, axis=1).reshape(height // CELL, 1, width * channels)
    return (picture.reshape(height // CELL, CELL, width * channels) - rows).reshape(picture.shape)
