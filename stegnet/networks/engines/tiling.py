"""Cutting large pictures into tiles that overlap, each computed with a margin that is then dropped."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

MOST_ROWS, MOST_COLS = 1152, 2048  # of a tile: 1920×1080 is one
MARGIN = 192
FINE = 768  # side of a tile with its margin, where the grid is free
_STEP = 32  # tiles begin at multiples of the strides of common backbones
_HALO = 16  # least margin of the free grid; others are multiples of _STEP

# Called after each tile with tiles done and tiles in all; not called where each network needs only one.
Step = Callable[[int, int], None]


def no_step(done: int, total: int) -> None:
    """A step callback that does nothing."""


@dataclass(frozen=True)
class Tile:
    """A part of a picture, and the larger part that it is computed from.

    Attributes:
        rows, cols: of the part.
        outer_rows, outer_cols: with the margin.
    """

    rows: slice
    cols: slice
    outer_rows: slice
    outer_cols: slice

    @property
    def pixels(self) -> int:
        """Number of pixels, margin included."""
        rows, cols = self.outer_rows, self.outer_cols
        return (rows.stop - rows.start) * (cols.stop - cols.start)

    def part(self, picture: np.ndarray) -> np.ndarray:
        """Crops a picture, (H, W, C), to the tile without its margin; a view."""
        return picture[self.rows, self.cols]

    def around(self, picture: np.ndarray) -> np.ndarray:
        """Crops a picture to the tile with its margin; a view."""
        return picture[self.outer_rows, self.outer_cols]

    def inside(self, computed: np.ndarray) -> np.ndarray:
        """Crops the result computed from `around` to the tile without its margin; a view."""
        top, left = self.rows.start - self.outer_rows.start, self.cols.start - self.outer_cols.start
        return computed[top : top + self.rows.stop - self.rows.start, left : left + self.cols.stop - self.cols.start]


def tiles(height: int, width: int, receptive_field: int | None) -> list[Tile]:
    """Cuts a picture into tiles; a small one into one.

    Args:
        receptive_field: of the network, in pixels to each side; None if it is not known.
    """
    most, margin = (MOST_ROWS, MOST_COLS), MARGIN
    if receptive_field is not None and receptive_field <= MARGIN and (height > MOST_ROWS or width > MOST_COLS):
        margin = _HALO if receptive_field <= _HALO else -(-receptive_field // _STEP) * _STEP
        most = (FINE - 2 * margin,) * 2
    return cut(height, width, most, margin)


def cut(height: int, width: int, most: tuple[int, int], margin: int) -> list[Tile]:
    """Cuts a picture into tiles of at most so many rows and columns, with a margin around each."""
    return [
        Tile(down, across, _with_margin(down, margin, height), _with_margin(across, margin, width))
        for down in _spans(height, most[0])
        for across in _spans(width, most[1])
    ]


def _spans(size: int, most: int) -> list[slice]:
    count = -(-size // most)
    edges = [round(size * index / count / _STEP) * _STEP for index in range(count)] + [size]
    return [slice(start, end) for start, end in pairwise(edges)]


def _with_margin(part: slice, margin: int, size: int) -> slice:
    return slice(max(0, part.start - margin), min(size, part.stop + margin))
