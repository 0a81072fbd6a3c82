"""Pictures that are too large for one pass, cut into tiles that overlap.

The grid depends on the picture's size alone, so that hiding and revealing cut alike. Each tile is computed with a
margin around it, which is then dropped: a network that reaches no further gives the same samples as in one pass. So
where a network's reach is known, the cut is free, and small tiles keep the memory small; where it is not, the grid of
docs/format.md counts.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from stegnet.core.card import Card
from stegnet.core.samples import CELL

MOST_ROWS, MOST_COLS = 1152, 2048  # of a tile: 1920×1080 is one
MARGIN = 192
FINE = 768  # side of a tile with its margin, where the cut is free
_STEP = 32  # tiles begin where the strides of common backbones do
_HALO = 16  # a known reach is that of a network without a backbone, or a multiple of 32
_PER_BLOCK = 12  # pixels that a coupling block reaches
_ENDS = 160  # pixels that a network at an end reaches, with up to _MOST_ENDS convolutions and convnext_atto
_MOST_ENDS = 6


@dataclass(frozen=True)
class Tile:
    """A part of a picture, and what it is computed from.

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
        """With the margin."""
        rows, cols = self.outer_rows, self.outer_cols
        return (rows.stop - rows.start) * (cols.stop - cols.start)

    def part(self, picture: np.ndarray) -> np.ndarray:
        """The part of a picture (H, W, C), without the margin; a view."""
        return picture[self.rows, self.cols]

    def around(self, picture: np.ndarray) -> np.ndarray:
        """The part with its margin; a view."""
        return picture[self.outer_rows, self.outer_cols]

    def inside(self, computed: np.ndarray) -> np.ndarray:
        """What was computed of `around`, without the margin; a view."""
        top, left = self.rows.start - self.outer_rows.start, self.cols.start - self.outer_cols.start
        return computed[top : top + self.rows.stop - self.rows.start, left : left + self.cols.stop - self.cols.start]

    def cells(self, means: np.ndarray | None, margin: bool = False) -> np.ndarray | None:
        """Those of the block means, (H/8, W/8, 3), that belong to the part; None of None."""
        rows, cols = (self.outer_rows, self.outer_cols) if margin else (self.rows, self.cols)
        return None if means is None else means[_in_cells(rows), _in_cells(cols)]


def tiles(height: int, width: int, reach: int | None) -> list[Tile]:
    """The tiles of a picture; one where it is small.

    Args:
        reach: pixels beyond a sample that a network looks at; None where that is not known.
    """
    most, margin = (MOST_ROWS, MOST_COLS), MARGIN
    if reach is not None and reach <= MARGIN and (height > MOST_ROWS or width > MOST_COLS):
        margin = -(-reach // _HALO) * _HALO
        most = (FINE - 2 * margin,) * 2
    return [
        Tile(down, across, _with_margin(down, margin, height), _with_margin(across, margin, width))
        for down in _spans(height, most[0])
        for across in _spans(width, most[1])
    ]


def known_reaches(card: Card) -> dict[str, int]:
    """How many pixels beyond a sample each network of a pair looks at, by its name; empty where that is not known."""
    options = card.options
    small = options.get("backbone") in ("none", "convnext_atto") and options.get("ends", _MOST_ENDS + 1) <= _MOST_ENDS
    if card.model not in ("invertible", "invertible_large") or not small or options.get("place") != "ends":
        return {}
    coupled = _PER_BLOCK * options["blocks"]
    return {"prepare": _ENDS, "hide": coupled, "reveal": coupled, "restore": _ENDS}


def _spans(size: int, most: int) -> list[slice]:
    count = -(-size // most)
    edges = [round(size * index / count / _STEP) * _STEP for index in range(count)] + [size]
    return [slice(start, end) for start, end in pairwise(edges)]


def _with_margin(part: slice, margin: int, size: int) -> slice:
    return slice(max(0, part.start - margin), min(size, part.stop + margin))


def _in_cells(pixels: slice) -> slice:
    return slice(pixels.start // CELL, pixels.stop // CELL)
