"""Pictures that are too large for one pass, cut into tiles that overlap.

The grid depends on the picture's size alone, so that hiding and revealing cut alike. Each tile is computed with
MARGIN pixels around it, which are then dropped: a network that reaches no further gives the same samples as in
one pass (the invertible one reaches 12 pixels a block, and further where a backbone looks around).
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from torch import Tensor

MOST_ROWS, MOST_COLS = 1152, 2048  # of a tile: 1920×1080 is one
MARGIN = 192
_STEP = 32  # tiles begin where the strides of common backbones do


def tiled(run: Callable[..., Tensor], inputs: Sequence[Tensor]) -> Tensor:
    """`run(*inputs)`, tile by tile where the pictures are large.

    Args:
        run: takes pictures (B, C, H, W) and gives one of the same height and width.
        inputs: of one height and width.
    """
    height, width = inputs[0].shape[-2:]
    rows, cols = _edges(height, MOST_ROWS), _edges(width, MOST_COLS)
    if len(rows) == len(cols) == 2:
        return run(*inputs)
    whole: Tensor | None = None
    for top, bottom in _spans(rows):
        for left, right in _spans(cols):
            outer, inner = _with_margin(top, bottom, height), _with_margin(left, right, width)
            part = run(*(picture[..., outer, inner] for picture in inputs))
            part = part[..., top - outer.start : bottom - outer.start, left - inner.start : right - inner.start]
            whole = part.new_empty((*part.shape[:2], height, width)) if whole is None else whole
            whole[..., top:bottom, left:right] = part
    assert whole is not None
    return whole


def _edges(size: int, most: int) -> list[int]:
    count = -(-size // most)
    return [round(size * index / count / _STEP) * _STEP for index in range(count)] + [size]


def _spans(edges: list[int]) -> Iterator[tuple[int, int]]:
    return pairwise(edges)


def _with_margin(start: int, end: int, size: int) -> slice:
    return slice(max(0, start - MARGIN), min(size, end + MARGIN))
