"""Features of a picture that codecs keep: mean lumas, which make its salt, and texture (docs/format.md)."""

from collections.abc import Iterable, Iterator
from hashlib import sha256
from itertools import pairwise

import numpy as np

from stegnet.core import blocks
from stegnet.core.blocks import BLOCK
from stegnet.core.samples import strips
from stegnet.keys import SALT_BYTES

SALT = b"stegnet/2/robust/salt"  # hashed before a picture's means
_STEP, _NEAR = 16, 0.75  # levels: of the salt, and between a mean and an edge that codecs may move it over
_MOST_NEAR, _MOST_SALTS = 6, 8

_REGIONS = 4  # in a row and in a column
LUMA = tuple(round(1000 * weight) for weight in blocks.LUMA)  # thousandths, for exact sums
LUMA_SHARES = np.float32(blocks.LUMA)


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
        self._sums[1:, 1:] = (np.array(parts) @ LUMA).cumsum(0).cumsum(1)

    def means(self, down: np.ndarray, across: np.ndarray) -> np.ndarray:
        """Mean luma, (n,) float64 in levels, of the regions between these edges, row by row; exact sums."""
        corners = self._sums[np.ix_(np.searchsorted(self._down, down), np.searchsorted(self._across, across))]
        sizes = np.outer(np.diff(down), np.diff(across))
        return (np.diff(np.diff(corners, axis=0), axis=1) / sizes).reshape(-1) / sum(LUMA)


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


def hidden_area(picture: np.ndarray) -> np.ndarray:
    """The part of a picture that is made of whole blocks; a view."""
    height, width = (side // BLOCK * BLOCK for side in picture.shape[:2])
    return picture[:height, :width]


def robust_salts(picture: np.ndarray) -> Iterator[bytes]:
    """The salts that a picture, (H, W, 3) uint8, may have had before a codec changed it; the likeliest first.

    Its hidden area is cut into regions, four by four if it is large enough. A salt is a hash of their mean lumas, in
    steps of 16 levels. Means that are near an edge of their step may have been moved over it.
    """
    return salts_of(SALT, region_means(hidden_area(picture)))


def salts_of(prefix: bytes, means: np.ndarray, step: int = _STEP, near: float = _NEAR) -> Iterator[bytes]:
    """The salts, as `robust_salts`, of regions of these mean lumas, (n,) in levels; `prefix` is hashed before them.

    Args:
        step, near: in levels.
    """
    numbers = (means // step).astype(int)
    above = means - step * numbers >= step / 2
    others = numbers + np.where(above, 1, -1)  # the step across the nearer edge
    distances = np.where(above, step * (numbers + 1) - means, means - step * numbers)
    distances[(others < 0) | (others > 255 // step)] = np.inf
    close = np.flatnonzero(distances < near)
    close = close[distances[close].argsort(kind="stable")][:_MOST_NEAR]
    flips = [close[[bool(number >> place & 1) for place in range(close.size)]] for number in range(1 << close.size)]
    flips.sort(key=lambda some: distances[some].sum())
    for some in flips[:_MOST_SALTS]:
        values = numbers.copy()
        values[some] = others[some]
        yield sha256(prefix + values.astype(np.uint8).tobytes()).digest()[:SALT_BYTES]


def textures(area: np.ndarray) -> np.ndarray:
    """The sum of the deviations of luma in a block's eight neighbours, (rows, cols) int.

    Its own is not counted, which hiding changes; where there is no neighbour, the nearest block serves.

    Args:
        area: (8 · rows, 8 · cols, 3) uint8.
    """
    deviations, cols = [], area.shape[1] // BLOCK  # 64 times the standard deviation of each block's luma, rounded down
    for rows in strips(len(area) // BLOCK, BLOCK * area.shape[1]):
        part = area[BLOCK * rows.start : BLOCK * rows.stop]
        luma = sum(part[..., colour] * np.int32(share) for colour, share in enumerate(LUMA)) // sum(LUMA)
        blocks = luma.reshape(-1, BLOCK, BLOCK * cols)
        sums, squares = (each.sum(1).reshape(-1, cols, BLOCK).sum(2) for each in (blocks, blocks**2))
        deviations.append(np.sqrt(BLOCK**2 * squares - sums**2).astype(np.int64))
    found = np.concatenate(deviations)
    around = np.lib.stride_tricks.sliding_window_view(np.pad(found, 1, "edge"), (3, 3))
    return around.sum((2, 3)) - found
