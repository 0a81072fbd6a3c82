"""Pictures that are too large for one pass, cut into tiles that overlap.

The grid depends on the picture's size alone, so that hiding and revealing cut alike. Each tile is computed with
MARGIN pixels around it, which are then dropped: a network that reaches no further gives the same samples as in
one pass (the invertible one reaches 12 pixels a block, and further where a backbone looks around).
"""

from collections.abc import Callable
from itertools import pairwise

import numpy as np

MOST_ROWS, MOST_COLS = 1152, 2048  # of a tile: 1920×1080 is one
MARGIN = 192
_STEP = 32  # tiles begin where the strides of common backbones do


def tiled(run: Callable[..., np.ndarray], *pictures: np.ndarray) -> np.ndarray:
    """`run(*pictures)`, tile by tile where they are large.

    Args:
        run: takes pictures (H, W, C) and gives one of the same height and width.
        pictures: of one height and width.
    """
    height, width = pictures[0].shape[:2]
    rows, cols = _edges(height, MOST_ROWS), _edges(width, MOST_COLS)
    if len(rows) == len(cols) == 2:
        return run(*pictures)
    whole: np.ndarray | None = None
    for top, bottom in pairwise(rows):
        for left, right in pairwise(cols):
            outer, inner = _with_margin(top, bottom, height), _with_margin(left, right, width)
            part = run(*(picture[outer, inner] for picture in pictures))
            part = part[top - outer.start : bottom - outer.start, left - inner.start : right - inner.start]
            whole = np.empty((height, width, part.shape[2]), part.dtype) if whole is None else whole
            whole[top:bottom, left:right] = part
    assert whole is not None
    return whole


def most_pixels(height: int, width: int) -> int:
    """Pixels of the largest tile of a picture of this size, without its margin."""
    return min(height, MOST_ROWS) * min(width, MOST_COLS)


def _edges(size: int, most: int) -> list[int]:
    count = -(-size // most)
    return [round(size * index / count / _STEP) * _STEP for index in range(count)] + [size]


def _with_margin(start: int, end: int, size: int) -> slice:
    return slice(max(0, start - MARGIN), min(size, end + MARGIN))
