"""Pictures in 8 bits and in [0, 1], and their split into a base and the residual that the network hides.

Both sides know the base: it travels losslessly, as sealed bits. The network hides the rest of the picture, multiplied
by a gain that gives it the same strength whatever the base: a good base leaves little, a poor one much. All pictures
are (H, W, 3) with sides that are multiples of 8.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Self, TypeVar

import numpy as np

from stegnet.core.parallel import parallel_map, thread_count

R = TypeVar("R")
NONE, MEANS, CODED = "none", "means", "coded"  # kinds of bases
LEVELS = 255
CELL = 8  # side of the blocks of block means
GREY = 128  # the base where there is none
_ROWS = 16  # that are compared at a time
_STRIP = 1 << 20  # pixels
HIDDEN_RMS = 0.1  # root mean square of what a network hides
MIN_RMS = 0.25 / LEVELS  # of a residual; a smaller one is hidden as if it were this strong


@dataclass(frozen=True, eq=False)
class Base:
    """The part of a secret that both sides know."""

    picture: np.ndarray  # (H, W, 3) uint8
    gain: float  # factor of the residual
    enhanced: np.ndarray | None = None  # as a pair enhances it, (H, W, 3) float32 in [0, 1]; None: not computed yet

    @classmethod
    def grey(cls, height: int, width: int) -> Self:
        """The base where there is none: the whole secret, centred on 0, is hidden."""
        return cls(np.full((height, width, 3), GREY, np.uint8), 1.0)


def strips(height: int, width: int) -> Iterator[slice]:
    """Rows of a picture in parts, which bounds the memory of what is computed for one after the other."""
    most = max(1, _STRIP // width)
    yield from (slice(start, min(start + most, height)) for start in range(0, height, most))


def in_strips(work: Callable[[slice], R], height: int, width: int) -> list[R]:
    """Calls `work` with the strips of a picture, which threads share."""
    rows, *others = strips(height, width)
    return list(parallel_map(work, (rows, *others), thread_count())) if others else [work(rows)]


def to_8_bits(picture: np.ndarray) -> np.ndarray:
    """Converts float to uint8, same shape: clamped to [0, 1], scaled, rounded to nearest."""
    return np.rint(picture.clip(0, 1) * LEVELS).astype(np.uint8)


def from_8_bits(picture: np.ndarray) -> np.ndarray:
    """Converts uint8 to float32 in [0, 1], same shape."""
    return np.divide(picture, LEVELS, dtype=np.float32)


def into_range(picture: np.ndarray, period: float) -> np.ndarray:
    """Moves samples outside [0, 1] by one period towards it."""
    return picture + np.float32(period) * ((picture < 0).astype(np.float32) - (picture > 1).astype(np.float32))


def is_grey(picture: np.ndarray) -> bool:
    """True if red, green and blue are equal in all pixels of (H, W, 3) uint8, and for (H, W, 1)."""
    if picture.shape[2] == 1:
        return True
    parts = (picture[start : start + _ROWS] for start in range(0, len(picture), _ROWS))
    return all((part[..., :1] == part[..., 1:]).all() for part in parts)


def channels_of(picture: np.ndarray) -> int:
    """Samples that each pixel of (H, W, 3) uint8 has where something is sealed: 1 in a grey picture, else 3."""
    return 1 if is_grey(picture) else 3


def split(picture: np.ndarray, base: np.ndarray, gain: float) -> np.ndarray:
    """Returns what the network hides of a float32 picture and base in [0, 1]: centred on 0, about HIDDEN_RMS strong."""
    return (picture - base) * np.float32(gain)


def gain_for(picture: np.ndarray, base: np.ndarray) -> float:
    """The gain that makes the residual of a uint8 picture HIDDEN_RMS strong; its base is float32 in [0, 1]."""
    rms = float(np.sqrt(np.mean(np.square(from_8_bits(picture) - base))))
    return HIDDEN_RMS / max(rms, MIN_RMS)


def block_means(picture: np.ndarray) -> np.ndarray:
    """Returns the means of a uint8 picture's 8×8 blocks, (H/8, W/8, 3) uint8, rounded to nearest, ties to even."""
    height, width, channels = picture.shape
    rows = picture.reshape(height // CELL, CELL, width * channels).sum(1, dtype=np.uint16)
    sums = rows.reshape(height // CELL, width // CELL, CELL, channels).sum(2, dtype=np.uint16)
    return np.rint(sums / CELL**2).astype(np.uint8)


def enlarge(means: np.ndarray) -> np.ndarray:
    """Repeats each of the block means over its block: (h, w, 3) to (8h, 8w, 3), same dtype."""
    return means.repeat(CELL, axis=0).repeat(CELL, axis=1)
