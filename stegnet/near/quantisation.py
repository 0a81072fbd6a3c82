"""Steps of a picture's colours, so that no sample is more than a known number of levels off.

A sample v becomes the level (v + step // 2) // step, and is restored as level · step, at most 255: the error is at most
step // 2. Black and white, of which clipped photographs are full, are restored exactly where 255 is a multiple of the
step.

All colours have the same step: coders predict a colour by another one, and lose that with unequal steps, which cost
0.2 to 0.4 bits per pixel at the same error. What lies between two steps is a picture whose upper rows have the finer
one: it follows the line between both, while steps between them are 0.2 to 0.3 dB worse, and of single
colours up to 1.2 dB.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stegnet.core.pixels import strips
from stegnet.near.order import count_levels

Samples = NDArray[np.uint8]  # (H, W, 3), red, green and blue

MOST_STEP = 64
_WHITE = 255


@dataclass(frozen=True)
class Steps:
    """Step of a picture's upper rows, and of those below.

    Attributes:
        upper: step of the first `rows` rows, 1 to 64; 1: exact.
        lower: step of the others, 1 to 64.
        rows: number of rows from the top that have the step `upper`.

    Raises:
        ValueError: one of them is out of its range.
    """

    upper: int
    lower: int
    rows: int

    def __post_init__(self) -> None:
        if not (1 <= self.upper <= MOST_STEP and 1 <= self.lower <= MOST_STEP and self.rows >= 0):
            raise ValueError("not steps of a picture")

    @classmethod
    def even(cls, step: int) -> "Steps":
        """Return the same step for all rows."""
        return cls(step, step, 0)

    @property
    def largest_error(self) -> int:
        """Largest error of any sample, in levels."""
        return max(self.upper if self.rows else self.lower, self.lower) // 2

    def parts(self) -> tuple[tuple[int, slice], tuple[int, slice]]:
        """Return each step with its rows."""
        return (self.upper, slice(0, self.rows)), (self.lower, slice(self.rows, None))


def quantise(picture: Samples, steps: Steps) -> Samples:
    """Return the levels of a picture, (H, W, 3) uint8, each below `count_levels` of its row's step."""
    levels = np.empty_like(picture)
    values = np.arange(_WHITE + 1)
    for step, rows in steps.parts():
        levels[rows] = ((values + step // 2) // step).astype(np.uint8)[picture[rows]]
    return levels


def restore(levels: Samples, steps: Steps) -> Samples:
    """Return the picture of levels, (H, W, 3) uint8. Raises ValueError if one is too large for its step."""
    picture = np.empty_like(levels)
    for step, rows in steps.parts():
        part = levels[rows]
        if part.size and part.max() >= count_levels(step):
            raise ValueError("not levels of these steps")
        restored = np.minimum(np.arange(_WHITE + 1) * step, _WHITE).astype(np.uint8)
        for strip in strips(*part.shape[:2]):  # which bounds the memory
            picture[rows][strip] = restored[part[strip]]
    return picture
