"""Finding the grid of a container that was cropped or shifted by a few pixels (docs/format.md, "Cropped containers").

A modem's log-likelihood ratios are larger where grid and dither are those that bits were hidden with. So for every
placement of the grid, some blocks are read; where their ratios stand out, the header is worth reading.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import product

import numpy as np

from stegnet.core.jpeg import BLOCK
from stegnet.engines.tiling import Step, no_step
from stegnet.keys import Key
from stegnet.methods.robust.grid import Grid, placed_salts
from stegnet.methods.robust.modem import Modem
from stegnet.methods.robust.record import dither_of, first_blocks
from stegnet.methods.robust.regions import RegionSums, region_edges

REACH = 8  # pixels that may be missing at each edge, and by which a picture may have been shifted
_SHORTEST = 64  # side of a picture in pixels
_BLOCKS = (25, 100)  # that are read of each placement, then of the best of them
_KEPT = 4  # one placement in so many is read again
_LIKELY = 24  # placements whose headers are read
_MOST_KEYS = 32  # that are derived from a passphrase, each in a fraction of a second
_LAYOUTS = 6  # that are kept: a salt has few shapes
_SPREAD = 1.4826  # standard deviations in a median absolute deviation

# Grids that differ in their height alone, the highest first, and a salt of theirs.
_Placement = tuple[list[Grid], bytes]


def likely_grids(
    modem: Modem, key_of: Callable[[bytes], Key], picture: np.ndarray, few_keys: bool, step: Step = no_step
) -> Iterator[tuple[Grid, bytes]]:
    """Grids and salts that a cropped or shifted picture, (H, W, 3) uint8, may have had; the likeliest first.

    Args:
        key_of: the key of a salt.
        few_keys: keys take long to derive; only those of the commonest salts are.
        step: called after each placement that was tried.
    """
    if min(picture.shape[:2]) < _SHORTEST:
        return
    search = _Search(modem, picture, key_of)
    placements = search.placements(_MOST_KEYS if few_keys else None)
    done, total = 0, len(placements) + _kept(len(placements))
    for blocks in _BLOCKS:
        strengths = []
        for (grid, *_), salt in placements:
            strengths.append(search.strengths(grid, salt, blocks))
            step(done := done + 1, total)
        best = _outstanding(np.array(strengths)).argsort()[::-1]
        placements = [placements[number] for number in best[: _kept(len(placements))]]
    for some, salt in placements[:_LIKELY]:
        yield from ((grid, salt) for grid in some)


class _Search:
    """Placements of grids in a picture."""

    def __init__(self, modem: Modem, picture: np.ndarray, key_of: Callable[[bytes], Key]) -> None:
        self._modem, self._picture, self._key_of = modem, picture, key_of
        self._layout = lru_cache(_LAYOUTS)(self._make_layout)
        self._margin = REACH + BLOCK
        self._padded = np.pad(picture, ((self._margin,) * 2, (self._margin,) * 2, (0, 0)), "edge")

    def placements(self, most_salts: int | None) -> list[_Placement]:
        """All placements with their likeliest salts; at most so many different ones, those of most placements."""
        tried = list(grids(*self._picture.shape[:2]))
        edges = [self._edges(grid) for grid in tried]
        sums = RegionSums(self._padded, *(np.concatenate(some) for some in zip(*edges, strict=True)))
        found: dict[bytes, dict[tuple[int, ...], list[Grid]]] = defaultdict(lambda: defaultdict(list))
        for grid, some in zip(tried, edges, strict=True):
            for salt in placed_salts(sums.means(*some)):
                found[salt][grid.left, grid.top, grid.width].append(grid)
        commonest = sorted(found, key=lambda salt: -len(found[salt]))[:most_salts]
        return [(some, salt) for salt in commonest for some in found[salt].values()]

    def _edges(self, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
        """Edges of a grid's regions, down and across, in the padded picture."""
        down, across = (region_edges(blocks) for blocks in grid.shape)
        return down + self._margin - grid.top, across + self._margin - grid.left

    def strengths(self, grid: Grid, salt: bytes, count: int) -> list[float]:
        """Mean magnitude, for each rung, of the ratios of so many blocks."""
        dither, blocks = self._layout(grid.shape, salt)
        ratios = self._ratios(grid, dither, blocks[self._inner(grid, blocks)][:count])
        return [float(np.abs(ratios[:, rung.places]).mean()) for rung in self._modem.rungs]

    def _make_layout(self, shape: tuple[int, int], salt: bytes) -> tuple[np.ndarray, np.ndarray]:
        """Dither of a grid, and its blocks whose ratios are read, more than enough of them."""
        key = self._key_of(salt)
        return dither_of(shape, key, salt), first_blocks(shape[0] * shape[1], 4 * _BLOCKS[-1], key, salt)

    def _inner(self, grid: Grid, blocks: np.ndarray) -> np.ndarray:
        """Mask of the blocks that are at no edge of the grid, and in the picture with all around them."""
        inner = grid.trust(self._picture) > 0
        inner[[0, -1]] = inner[:, [0, -1]] = False
        return inner.reshape(-1)[blocks]

    def _ratios(self, grid: Grid, dither: np.ndarray, blocks: np.ndarray) -> np.ndarray:
        top, left = self._margin - grid.top, self._margin - grid.left
        area = self._padded[top : top + grid.height, left : left + grid.width]
        if self._modem.local:
            return self._modem.reveal_blocks(area, dither, blocks)
        return self._modem.reveal(area, dither).reshape(-1, self._modem.bits)[blocks]


def grids(height: int, width: int) -> Iterator[Grid]:
    """Grids that a picture may have if it was cropped by up to REACH pixels at each edge, or shifted so far."""
    whole = (height // BLOCK * BLOCK, width // BLOCK * BLOCK)
    cropped = range(REACH + 1)
    for top, left in product(range(-REACH, REACH + 1), repeat=2):
        sizes = {whole}
        if top in cropped and left in cropped:
            sizes |= set(product(_sides(height + top), _sides(width + left)))
        for size in sorted(sizes, reverse=True):
            if (top, left, *size) != (0, 0, *whole):
                yield Grid(*size, own=True, top=top, left=left)


def _kept(placements: int) -> int:
    """Number of placements, of so many, that are read again."""
    return min(placements, max(placements // _KEPT, _LIKELY))


def _sides(pixels: int) -> list[int]:
    """Sides of a grid in whose first so many pixels, or up to REACH more, a picture lies."""
    return sorted({(pixels + more) // BLOCK * BLOCK for more in (0, REACH)}, reverse=True)


def _outstanding(strengths: np.ndarray) -> np.ndarray:
    """Largest robust z-score of each row, (n, rungs), over its rungs; (n,) in standard deviations."""
    above = strengths - np.median(strengths, 0)
    spread = _SPREAD * np.median(np.abs(above), 0)
    return (above / np.maximum(spread, np.finfo(np.float32).tiny)).max(1)
