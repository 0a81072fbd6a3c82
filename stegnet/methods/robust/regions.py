"""Mean lumas of a picture's regions, which its salt is made of (docs/format.md, "Salt")."""

from collections.abc import Iterable
from itertools import pairwise

import numpy as np

from stegnet.core.jpeg import BLOCK

_REGIONS = 4  # in a row and in a column
_LUMA = (299, 587, 114)  # thousandths of red, green, blue (ITU-R BT.601)


class RegionSums:
    """Sums of luma over rectangles of a picture, (H, W, 3) uint8, with given edges.

    Args:
        down, across: the edges in pixels.
    """

    def __init__(self, picture: np.ndarray, down: Iterable[int], across: Iterable[int]) -> None:
        self._down, self._across = (np.unique(list(edges)) for edges in (down, across))
        strips = [picture[top:bottom].sum(0, dtype=np.uint32) for top, bottom in pairwise(self._down)]
        parts = [
            [strip[left:right].sum(0, dtype=np.int64) for left, right in pairwise(self._across)] for strip in strips
        ]
        self._sums = np.zeros((self._down.size, self._across.size), np.int64)
        self._sums[1:, 1:] = (np.array(parts) @ _LUMA).cumsum(0).cumsum(1)

    def means(self, down: np.ndarray, across: np.ndarray) -> np.ndarray:
        """Mean luma, (n,) float64 in levels, of the regions between these edges, row by row; exact sums."""
        corners = self._sums[np.ix_(np.searchsorted(self._down, down), np.searchsorted(self._across, across))]
        sizes = np.outer(np.diff(down), np.diff(across))
        return (np.diff(np.diff(corners, axis=0), axis=1) / sizes).reshape(-1) / sum(_LUMA)


def region_means(area: np.ndarray) -> np.ndarray:
    """Mean luma of each region of a hidden area, (n,) float64 in levels."""
    down, across = (region_edges(side // BLOCK) for side in area.shape[:2])
    return RegionSums(area, down, across).means(down, across)


def region_edges(blocks: int) -> np.ndarray:
    """Edges, in pixels, of the regions of so many blocks in a row or column: of all but the first and the last.

    What is cut off a picture's edges by up to a block is in no region, so that it changes no salt.
    """
    border = 1 if blocks >= _REGIONS + 2 else 0
    inner = blocks - 2 * border
    parts = min(inner, _REGIONS)
    return BLOCK * (border + inner * np.arange(parts + 1) // parts)
