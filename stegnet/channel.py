"""Samples as files hold them, 8 bits each, and as networks compute with them, in [0, 1]."""

import numpy as np

LEVELS = 255


def to_8_bits(picture: np.ndarray) -> np.ndarray:
    """Float to uint8, same shape: clamped to [0, 1], scaled, rounded to nearest."""
    return np.rint(picture.clip(0, 1) * LEVELS).astype(np.uint8)


def from_8_bits(picture: np.ndarray) -> np.ndarray:
    """uint8 to float32 in [0, 1], same shape."""
    return np.divide(picture, LEVELS, dtype=np.float32)
