"""Reading the record of a picture that arrived: which grid it lies in, which bits its blocks show, and what they say.

A reader must guess the key, the salt and the grid, and most guesses are wrong. So in a large picture it reads the
header's blocks first, and all others only if the header opens.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product

import numpy as np

from stegnet.core.parallel import Count, no_count, parallel_map
from stegnet.core.pixels import BLOCK
from stegnet.keys import Key, KeySource
from stegnet.methods.robust.block_placement import BlockPlacement
from stegnet.methods.robust.grid import Grid, ResizedArea, canonical_grids, own_grid, salts_of_copies, textures
from stegnet.methods.robust.operating_points import OperatingPoint
from stegnet.methods.robust.robust_modem import PictureModem
from stegnet.methods.robust.robust_record import (
    decoded_headers,
    dither_of,
    not_erased,
    open_record,
    places_to_read,
    robust_key,
)

_MANY = 2048  # blocks: a larger picture is not read as a whole
_Tried = tuple[Grid, Sequence[bytes], Count]


@dataclass(frozen=True)
class PictureReader:
    """A reader of pictures, (H, W, 3) uint8 each, and resized copies of them, which derives the key of a salt once."""

    modem: PictureModem
    key_source: KeySource

    @cached_property
    def key_of(self) -> Callable[[bytes], Key]:
        """The key of a container with the given salt."""
        return lru_cache(maxsize=None)(lambda salt: robust_key(self.key_source, salt))

    def read(self, picture: np.ndarray, progress: Count = no_count) -> bytes | None:
        """Return the content of a picture's record, with the zeros at its end; None if no record opens."""
        if min(picture.shape[:2]) < BLOCK:
            return None
        pool = self.modem.engine.pool(picture[..., 0].size)  # shares the cores among the networks in it

        def read(tried: _Tried) -> bytes | None:
            return self._read_grid(picture, tried)

        with closing(parallel_map(read, self._tried(picture, progress), pool.workers, pool.prepare)) as contents:
            return next(filter(None, contents), None)

    def read_in(self, grid: Grid, picture: np.ndarray, lost: int = 0) -> bytes | None:
        """Read a picture whose grid is known, as `read`.

        Args:
            grid: the container's grid in the picture.
            picture: (H, W, 3) uint8.
            lost: one bit in this many of the record is erased, to test that not every bit is needed; 0: no bit is.
        """
        return self._read_grid(picture, (grid, list(grid.salts(picture)), no_count), lost)

    def _tried(self, picture: np.ndarray, progress: Count) -> Iterator[_Tried]:
        height, width = picture.shape[:2]
        unresized = own_grid(height, width)
        yield unresized, list(unresized.salts(picture)), progress
        # A large strip of one or two blocks, which is read as a whole, is not searched for resized copies.
        if min(height, width) <= 2 * BLOCK and height * width > 1 << 22:
            return
        salts = list(salts_of_copies(picture))
        yield from ((grid, salts, progress) for grid in canonical_grids(height, width))

    def _read_grid(self, picture: np.ndarray, tried: _Tried, lost: int = 0) -> bytes | None:
        grid, salts, progress = tried
        for area in grid.areas(picture):
            orders = [textures(np.asarray(area)), None] if grid.own else [None]
            for salt in salts:
                key, full = self.key_of(salt), grid.full(salt)
                points = product(self.modem.points, orders)
                placements = [BlockPlacement(grid.shape, point, key, full, order) for point, order in points]
                content = self._read_area(area, placements, grid.trust, lost, progress)
                if content is not None:
                    return content
        return None

    def _read_area(
        self,
        area: np.ndarray | ResizedArea,
        placements: Sequence[BlockPlacement],
        trust: float,
        lost: int,
        progress: Count,
    ) -> bytes | None:
        """Return the content of a hidden area for one key and salt, given the placements that it may have."""
        placements = [placement for placement in placements if placement.holds_record]
        if not placements:
            return None
        count = placements[0].count
        dither = dither_of(placements[0].shape, placements[0].key, placements[0].salt)
        large = self.modem.local and min(area.shape[:2]) > 2 * BLOCK and count > _MANY
        whole = np.empty(0) if large else self.modem.reveal(np.asarray(area), dither).reshape(count, -1)

        def ratios(wanted: _Bits) -> list[np.ndarray]:
            if large:
                read = _ratios_of_large(self.modem, area, dither, wanted, progress)
            else:
                read = [whole[:, point.places].reshape(-1)[numbers] for point, numbers in wanted]
            return [
                values * np.float32(trust) * not_erased(numbers, lost)
                for values, (_, numbers) in zip(read, wanted, strict=True)
            ]

        headers = ratios([(placement.point, placement.header_places) for placement in placements])
        for placement, header, _ in decoded_headers(placements, headers):
            numbers = places_to_read(placement, header)
            if numbers is None:
                continue
            content = open_record(placement, header, ratios([(placement.point, numbers)])[0])
            if content is not None:
                return content
        return None


_Bits = Sequence[tuple[OperatingPoint, np.ndarray]]  # numbers of a point's bits, for each of some points


def _ratios_of_large(
    modem: PictureModem, area: np.ndarray | ResizedArea, dither: np.ndarray, wanted: _Bits, progress: Count
) -> list[np.ndarray]:
    """Return the log-likelihood ratios of the wanted bits in a large area.

    If only few are wanted, only their blocks are computed, and those at the edges are 0.
    """
    rows, cols = (side // BLOCK for side in area.shape[:2])
    sparse = [numbers.size < rows * cols * point.bits // 8 for point, numbers in wanted]
    sparse_blocks = [numbers // point.bits for (point, numbers), few in zip(wanted, sparse, strict=True) if few]
    blocks = np.unique(np.concatenate([np.empty(0, np.int64), *sparse_blocks]))
    row, col = np.divmod(blocks, cols)
    inner = blocks[(row > 0) & (row < rows - 1) & (col > 0) & (col < cols - 1)]
    computed = np.zeros((inner.size + 1, modem.bits), np.float32)  # the last row is that of all other blocks
    computed[:-1] = modem.reveal_blocks(area, dither, inner)

    ratios = []
    for (point, numbers), few in zip(wanted, sparse, strict=True):
        if few:
            block, bit = np.divmod(numbers, point.bits)
            place = np.searchsorted(inner, block)
            place[np.append(inner, -1)[place] != block] = inner.size
            ratios.append(computed[place, bit + point.first])
        else:
            read = modem.reveal(np.asarray(area), dither, progress, point.places)
            ratios.append(read.reshape(-1)[numbers])
    return ratios
