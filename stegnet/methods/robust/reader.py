"""Reading robust containers: which grids and salts are tried, and what of a picture is read for that.

Most of what is tried is wrong: the key, the salt, the grid. So of a large picture the header's blocks are read first;
all others are read only where it opens.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import cache, partial
from itertools import product

import numpy as np

from stegnet.core.jpeg import BLOCK
from stegnet.core.parallel import parallel_map
from stegnet.keys import Key, KeySource, Passphrase
from stegnet.methods.robust.grid import Grid, ResizedArea, canonical_grids, own_grid, salts_of_copies
from stegnet.methods.robust.modem import Modem, Rung
from stegnet.methods.robust.record import Blocks, Reading, dither_of, read_first, robust_key, with_losses
from stegnet.methods.robust.regions import textures
from stegnet.methods.robust.registration import likely_grids
from stegnet.methods.robust.tiles import read_tiled
from stegnet.networks.engines.tiling import Step, no_step

_MANY = 2048  # blocks of a picture of which not all are read at once
_FEW = 8  # part of the bits that are read alone

Read = Callable[[np.ndarray, Step], Reading | None]
ReadGrid = Callable[[np.ndarray, Grid], Reading | None]
_Tried = tuple[Grid, Sequence[bytes], Step]


class _Likelihoods:
    """Log-likelihood ratios of a hidden area for one salt, computed where they are asked for."""

    def __init__(
        self, modem: Modem, area: np.ndarray | ResizedArea, dither: np.ndarray, trust: np.ndarray, step: Step
    ) -> None:
        self._modem, self._area, self._dither = modem, area, dither
        self._trust, self._step = trust.reshape(-1), step
        self._cols = area.shape[1] // BLOCK
        self._count = area.shape[0] // BLOCK * self._cols
        inner = min(area.shape[:2]) > 2 * BLOCK  # there are blocks that are at no edge
        self._large = modem.local and inner and self._count > _MANY
        self._all: np.ndarray | None = None
        self._some, self._rows = np.empty((0, 0), np.float32), np.full(self._count, -1, np.int32)

    def of(self, rung: Rung, numbers: np.ndarray) -> np.ndarray:
        """Ratios of a rung's bits with these numbers, (n,); of few bits of a large picture, 0 for some."""
        blocks, bits = np.divmod(numbers, rung.bits)
        if self._large and numbers.size < self._count * rung.bits // _FEW:
            return self._of_some(blocks, bits + rung.first) * self._trust[blocks]
        return self._of_all(rung)[numbers] * self._trust[blocks]

    def _of_all(self, rung: Rung) -> np.ndarray:
        """Those of all blocks."""
        if self._large:  # of those, one rung is read
            return self._modem.reveal(np.asarray(self._area), self._dither, self._step, rung.places).reshape(-1)
        if self._all is None:
            self._all = self._modem.reveal(np.asarray(self._area), self._dither).reshape(self._count, -1)
        return self._all[:, rung.places].reshape(-1)

    def _of_some(self, blocks: np.ndarray, bits: np.ndarray) -> np.ndarray:
        missing = np.setdiff1d(self._inner(np.unique(blocks)), np.flatnonzero(self._rows >= 0))
        if missing.size:
            self._rows[missing] = np.arange(missing.size) + len(self._some)
            read = self._modem.reveal_blocks(self._area, self._dither, missing)
            self._some = np.concatenate([self._some.reshape(-1, read.shape[1]), read])
        rows, found = self._rows[blocks], np.zeros(blocks.size, np.float32)
        known = np.flatnonzero(rows >= 0)
        found[known] = self._some[rows[known], bits[known]]
        return found

    def _inner(self, blocks: np.ndarray) -> np.ndarray:
        """The blocks that are at no edge."""
        rows, cols = np.divmod(blocks, self._cols)
        last = self._count // self._cols - 1
        return blocks[(rows > 0) & (rows < last) & (cols > 0) & (cols < self._cols - 1)]


def picture_reader(modem: Modem, source: KeySource, search: bool = True) -> Read:
    """Returns a function that reads a picture, (H, W, 3) uint8, or a resized copy of it; it derives each key only once.

    Args:
        search: of copies that were cropped or shifted by a few pixels, too; or any part, if they were made for that.
            That takes seconds.
    """
    key_of = cache(lambda salt: robust_key(source, salt))

    def whole(picture: np.ndarray, step: Step) -> Iterator[_Tried]:
        own = own_grid(*picture.shape[:2])
        yield own, list(own.salts(picture)), step
        salts = list(salts_of_copies(picture))
        yield from ((grid, salts, step) for grid in canonical_grids(*picture.shape[:2], enlarged=search))

    def cropped(picture: np.ndarray, step: Step) -> Iterator[_Tried]:
        placed = likely_grids(modem, key_of, picture, isinstance(source, Passphrase), step)
        yield from ((grid, [salt], no_step) for grid, salt in placed)

    def first_of(picture: np.ndarray, tried: Iterator[_Tried]) -> Reading | None:
        pool = modem.engine.pool(picture[..., 0].size)  # so that networks in it have their share of the cores
        read = partial(_read_grid, modem, key_of, picture)
        with closing(parallel_map(read, tried, pool.workers, pool.prepare)) as found:
            return next(filter(None, found), None)

    def read(picture: np.ndarray, step: Step = no_step) -> Reading | None:
        if min(picture.shape[:2]) < BLOCK:
            return None
        found = first_of(picture, whole(picture, step)) or read_tiled(modem, source, picture, moved=search)
        return found or (first_of(picture, cropped(picture, step)) if search else None)

    return read


def grid_reader(modem: Modem, source: KeySource, lost: int = 0) -> ReadGrid:
    """As `picture_reader`, for pictures whose grids are known.

    Args:
        lost: one bit in so many is read as if it were lost, to see if all are needed; 0: none.
    """
    key_of = cache(lambda salt: robust_key(source, salt))
    return lambda picture, grid: _read_grid(modem, key_of, picture, (grid, list(grid.salts(picture)), no_step), lost)


def _read_grid(
    modem: Modem, key_of: Callable[[bytes], Key], picture: np.ndarray, tried: _Tried, lost: int = 0
) -> Reading | None:
    grid, salts, step = tried
    trust = grid.trust(picture)
    for area in grid.areas(picture):
        orders = [textures(area), None] if grid.whole else [None]
        for salt in salts:
            key, full = key_of(salt), grid.full(salt)
            likelihoods = _Likelihoods(modem, area, dither_of(grid.shape, key, full), trust, step)
            tried = [
                (with_losses(partial(likelihoods.of, rung), lost), Blocks(grid.shape, rung, key, full, order))
                for rung, order in product(modem.rungs, orders)
            ]
            if reading := read_first(tried):
                return reading
    return None
