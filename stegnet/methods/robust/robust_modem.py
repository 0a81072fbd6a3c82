"""A learned modem for 8-bit pictures: two networks, one to hide bits that survive lossy codecs, and one to read them.

Each operating point has its own bits in every block of 8×8 pixels. A container uses those of one point, and all are
read at once. A keyed *dither* shifts the meaning of each coefficient's value: without it, the bits can't be read.

Most of what a reader tries is wrong: the key, the salt or the grid. So in a large picture it reads the header's blocks
first, and all others only if the header opens.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Self

import numpy as np

from stegnet.core.errors import WeightsError
from stegnet.core.parallel import parallel_map
from stegnet.core.pixels import BLOCK, DITHER, from_8_bits, is_grey, to_8_bits
from stegnet.keys import Key, KeySource, Passphrase
from stegnet.methods.robust.grid import (
    LUMA_SHARES,
    SURENESS,
    Grid,
    ResizedArea,
    canonical_grids,
    hidden_area,
    own_grid,
    salts_of_copies,
    textures,
)
from stegnet.methods.robust.registration import (
    LEAST_SIDE,
    TILE,
    TILE_SALT,
    find_part,
    likely_grids,
    map_dither,
    map_signs,
)
from stegnet.methods.robust.robust_record import (
    Blocks,
    OperatingPoint,
    Reader,
    Reading,
    Received,
    dither_of,
    read_first,
)
from stegnet.networks.card import MODEM, SHIPPED_MODEM, read_card
from stegnet.networks.engines import Engine, load_engine
from stegnet.networks.inference import Step, Tile, cut, no_step, tiles

_TILE = 256  # pixels: side of a tile without its margin, if its size is free; its features stay in a core's cache
_AROUND = 3  # blocks in a row and in a column that a network needs to read the middle one
_PATCHES = 10  # patches in a row and in a column that are computed at once, at most
_SPARSE = 12  # if fewer than one block in this many carries bits, only these are computed, in patches
_MANY = 2048  # blocks: a larger picture is not read as a whole
# Pixels: a larger strip of one or two blocks, which is read as a whole, is not searched for resized copies.
_MOST_OF_STRIP = 1 << 22
_FEW = 8  # if fewer than one bit in this many is wanted, only its block is read
_MOST_READ = 1440  # pixels: side of the middle that is read if the picture may be any part
_Tried = tuple[Grid, Sequence[bytes], Step]


@dataclass(frozen=True)
class Modem:
    """A modem that is ready to compute."""

    engine: Engine  # runs the networks `hide` and `reveal`
    points: Sequence[OperatingPoint]  # all that a container may have
    # Whether the networks see only a block's neighbours, so that any division into tiles gives the same result.
    local: bool = False

    @property
    def bits(self) -> int:
        """Bits of all points in each block."""
        return sum(point.bits for point in self.points)

    @classmethod
    def load(
        cls, path: Path = SHIPPED_MODEM, device: str = "auto", precision: str = "auto", backend: str = "auto"
    ) -> Self:
        """Load the modem in a weights file; arguments and errors as in `load_engine`."""
        points, local = read_points(path), read_card(path).options.get("backbone") == "none"
        return cls(load_engine(path, backend, device, precision), points, local)

    def hide(
        self, cover: np.ndarray, bits: np.ndarray, dither: np.ndarray, step: Step = no_step, places: slice = slice(None)
    ) -> np.ndarray:
        """Hide bits in a cover. Blocks that carry no bits stay as they are.

        Args:
            cover: (H, W, 3) uint8, sides multiples of 8.
            bits: (H/8, W/8, k): −1, 1, or 0 for a bit that is not used.
            dither: (H/8, W/8, 64) float32 in [0, 1), or uint16 in units of 2⁻¹⁶.
            step: called after each tile of a large picture.
            places: which of each block's K bits are given; the others are not used.
        Returns:
            The container, (H, W, 3) uint8; grey if the cover is grey.
        Raises:
            CapacityError: there is not enough memory.
        """
        container, used, grey = cover.copy(order="C"), bits.any(2), is_grey(cover)

        def hidden(pixels: np.ndarray, some: np.ndarray, around: np.ndarray) -> np.ndarray:
            given = np.zeros((*some.shape[:2], self.bits + DITHER), np.float32)
            given[..., : self.bits][..., places], given[..., self.bits :] = some, _in_unit(around)
            exact = self.engine.hide(from_8_bits(pixels), given)
            return to_8_bits((exact @ LUMA_SHARES)[..., None] if grey else exact)

        def compute(tile: Tile) -> None:
            blocks = _in_blocks(tile)
            found = tile.inside(hidden(tile.around(cover), blocks.around(bits), blocks.around(dither)))
            changed = blocks.part(used).repeat(BLOCK, 0).repeat(BLOCK, 1)
            np.copyto(tile.part(container), found, where=changed[..., None])

        if not self.local or np.count_nonzero(used) * _SPARSE > used.size:
            self._each(compute, cover, step)
            return container
        parts = list(_patches(*np.nonzero(used), used.shape))
        for done, patches in enumerate(parts, 1):
            found = hidden(patches.mosaic(cover, BLOCK), patches.mosaic(bits), patches.mosaic(dither))
            patches.put(found, container)
            if max(cover.shape) > _TILE:
                step(done, len(parts))
        return container

    def reveal(
        self, container: np.ndarray, dither: np.ndarray, step: Step = no_step, places: slice = slice(None)
    ) -> np.ndarray:
        """Return log-likelihood ratios of the wanted places, (H/8, W/8, K) float32: positive if a bit is likely 1.

        Arguments as in `hide`.
        """
        rows, cols = (side // BLOCK for side in container.shape[:2])
        ratios = np.empty((rows, cols, len(range(self.bits)[places])), np.float32)

        def compute(tile: Tile) -> None:
            blocks = _in_blocks(tile)
            some = np.ascontiguousarray(_in_unit(blocks.around(dither)))
            read = self.engine.reveal(from_8_bits(tile.around(container)), some)
            blocks.part(ratios)[:] = blocks.inside(read)[..., places]

        self._each(compute, container, step)
        return ratios

    def reveal_blocks(self, container: np.ndarray, dither: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        """Return the ratios, (n, K) float32, of the blocks with these numbers, not at an edge.

        The networks must be `local`.
        """
        rows, cols = np.divmod(chosen, container.shape[1] // BLOCK)
        parts = [np.empty((0, self.bits), np.float32)]
        for start in range(0, chosen.size, _PATCHES**2):
            some = slice(start, start + _PATCHES**2)
            patches = _Patches(rows[some], cols[some])
            ratios = self.reveal(patches.mosaic(container, BLOCK), patches.mosaic(dither))
            middle = ratios[_AROUND // 2 :: _AROUND, _AROUND // 2 :: _AROUND]
            parts.append(middle.reshape(-1, self.bits)[: rows[some].size])
        return np.concatenate(parts)

    def _each(self, compute: Callable[[Tile], None], picture: np.ndarray, step: Step) -> None:
        """Call `compute` for each tile of a picture, in threads, and `step` after each, unless there is only one."""
        height, width = picture.shape[:2]
        grid = cut(height, width, (_TILE, _TILE), BLOCK) if self.local else tiles(height, width, None)
        if len(grid) < 2:
            for tile in grid:
                compute(tile)
            return
        pool = self.engine.pool(max(tile.pixels for tile in grid))
        with closing(parallel_map(compute, grid, pool.workers, pool.prepare)) as results:
            for done, _ in enumerate(results, 1):
                step(done, len(grid))


def read_points(path: Path) -> tuple[OperatingPoint, ...]:
    """Return the operating points in the card of a modem's weights file.

    Raises:
        WeightsError: the file is missing or has no valid card, or its weights are not a modem's.
    """
    card = read_card(path)
    if card.model != MODEM:
        raise WeightsError(
            "these weights hide no bits in pictures", f"they are of the family {card.model}", subject=path
        )
    points, first = [], 0
    try:
        for point in card.options["rungs"]:
            known = {name: point[name] for name in ("name", "psnr", "lowest", "highest", "scale")}
            points.append(OperatingPoint(first=first, coefficients=point["bits"], **known))
            first += points[-1].bits
    except (KeyError, TypeError) as error:
        hint = "it is damaged, or of another version"
        raise WeightsError("its card does not say what it hides", hint, subject=path) from error
    return tuple(points)


def _in_unit(dither: np.ndarray) -> np.ndarray:
    """Return dither as float32 in [0, 1)."""
    return dither * np.float32(2**-16) if dither.dtype == np.uint16 else dither


def _in_blocks(tile: Tile) -> Tile:
    """Return a tile as a part of an array with one row and column per block."""
    spans = (tile.rows, tile.cols, tile.outer_rows, tile.outer_cols)
    return Tile(*(slice(span.start // BLOCK, span.stop // BLOCK) for span in spans))


class _Patches:
    """Blocks with their neighbours, joined in one picture. A block at an edge has fewer neighbours, and is alone."""

    def __init__(self, rows: np.ndarray, cols: np.ndarray) -> None:
        self._blocks, self._side = list(zip(rows.tolist(), cols.tolist(), strict=True)), math.isqrt(len(rows) - 1) + 1

    def mosaic(self, whole: np.ndarray, unit: int = 1) -> np.ndarray:
        """Return the patches of an array with `unit` rows and columns per block.

        Some are repeated to fill the last row.
        """
        parts = [
            whole[max(row - 1, 0) * unit : (row + 2) * unit, max(col - 1, 0) * unit : (col + 2) * unit]
            for row, col in self._blocks
        ]
        lines = [parts[start : start + self._side] for start in range(0, len(parts), self._side)]
        lines[-1] += parts[: self._side - len(lines[-1])]
        return np.concatenate([np.concatenate(line, 1) for line in lines])

    def put(self, found: np.ndarray, container: np.ndarray) -> None:
        """Copy the blocks themselves, without their neighbours, from a mosaic's pixels into a picture."""
        for number, (row, col) in enumerate(self._blocks):
            top, left = (
                BLOCK * (_AROUND * at + min(place, 1))
                for at, place in zip(divmod(number, self._side), (row, col), strict=True)
            )
            block = found[top : top + BLOCK, left : left + BLOCK]
            container[BLOCK * row : BLOCK * (row + 1), BLOCK * col : BLOCK * (col + 1)] = block


def _patches(rows: np.ndarray, cols: np.ndarray, shape: tuple[int, int]) -> Iterator[_Patches]:
    inner = (rows > 0) & (cols > 0) & (rows < shape[0] - 1) & (cols < shape[1] - 1)
    numbers = np.flatnonzero(inner)
    for start in range(0, numbers.size, _PATCHES**2):
        some = numbers[start : start + _PATCHES**2]
        yield _Patches(rows[some], cols[some])
    for at in np.flatnonzero(~inner):
        yield _Patches(rows[at : at + 1], cols[at : at + 1])


# Reading


class PictureReader(Reader):
    """A reader of pictures, (H, W, 3) uint8 each, and resized copies of them; arguments also as in `Reader`.

    Args:
        search: also read copies that were cropped or shifted by a few pixels, and any part of a container made for
            that. This takes seconds.
    """

    def __init__(self, modem: Modem, source: KeySource, search: bool = True, lost: int = 0) -> None:
        super().__init__(source, lost)
        self._modem, self._search = modem, search

    def read(self, picture: np.ndarray, step: Step = no_step) -> Reading | None:
        """Read the record of a picture, if one opens."""
        if min(picture.shape[:2]) < BLOCK:
            return None
        found = self._first_of(picture, self._whole(picture, step))
        found = found or read_tiled(self._modem, self._source, picture, moved=self._search)
        if found or not self._search:
            return found
        few_keys = isinstance(self._source, Passphrase)
        placed = likely_grids(self._modem.points, self.key_of, picture, few_keys, step)
        return self._first_of(picture, ((grid, [salt], no_step) for grid, salt in placed))

    def read_in(self, grid: Grid, picture: np.ndarray) -> Reading | None:
        """Read a picture whose grid is known, as `read`."""
        return self._read_grid(picture, grid, list(grid.salts(picture)), no_step)

    def _whole(self, picture: np.ndarray, step: Step) -> Iterator[_Tried]:
        own = own_grid(*picture.shape[:2])
        yield own, list(own.salts(picture)), step
        if min(picture.shape[:2]) <= 2 * BLOCK and picture[..., 0].size > _MOST_OF_STRIP:
            return
        salts = list(salts_of_copies(picture))
        yield from ((grid, salts, step) for grid in canonical_grids(*picture.shape[:2], enlarged=self._search))

    def _first_of(self, picture: np.ndarray, tried: Iterator[_Tried]) -> Reading | None:
        pool = self._modem.engine.pool(picture[..., 0].size)  # shares the cores among the networks in it
        readings = parallel_map(lambda each: self._read_grid(picture, *each), tried, pool.workers, pool.prepare)
        with closing(readings) as found:
            return next(filter(None, found), None)

    def _read_grid(self, picture: np.ndarray, grid: Grid, salts: Sequence[bytes], step: Step) -> Reading | None:
        trust = grid.trust(picture).reshape(-1)
        for area in grid.areas(picture):
            own = grid.own and not any(grid.lacking)
            orders = [textures(area), None] if own else [None]
            for salt in salts:
                key, full = self.key_of(salt), grid.full(salt)
                likelihoods = _Likelihoods(self._modem, area, dither_of(grid.shape, key, full), step)
                tried = (Blocks(grid.shape, *some) for some in product(self._modem.points, [key], [full], orders))
                if reading := read_first([_ReceivedPicture(each, likelihoods, trust, self.lost) for each in tried]):
                    return reading
        return None


class _ReceivedPicture(Received):
    """The bits of a picture. If only few of a large one are wanted, some ratios are 0."""

    def __init__(self, blocks: Blocks, likelihoods: "_Likelihoods", trust: np.ndarray, lost: int) -> None:
        super().__init__(blocks, lost)
        self._likelihoods, self._trust = likelihoods, trust

    def of_header(self) -> np.ndarray:
        return self._of(self.blocks.header)

    def of_record(self, numbers: np.ndarray, header: bytes, right: np.ndarray) -> np.ndarray:
        return self._of(numbers)

    def _of(self, numbers: np.ndarray) -> np.ndarray:
        trust = self._trust[numbers // self.blocks.point.bits]
        return self._with_losses(self._likelihoods.of(self.blocks.point, numbers) * trust, numbers)


class _Likelihoods:
    """The modem's log-likelihood ratios in a hidden area for one salt, computed on demand."""

    def __init__(self, modem: Modem, area: np.ndarray | ResizedArea, dither: np.ndarray, step: Step) -> None:
        self._modem, self._area, self._dither, self._step = modem, area, dither, step
        self._cols = area.shape[1] // BLOCK
        self._count = area.shape[0] // BLOCK * self._cols
        inner = min(area.shape[:2]) > 2 * BLOCK  # some blocks are not at an edge
        self._large = modem.local and inner and self._count > _MANY
        self._all: np.ndarray | None = None
        self._some, self._rows = np.empty((0, modem.bits), np.float32), np.full(self._count, -1, np.int32)

    def of(self, point: OperatingPoint, numbers: np.ndarray) -> np.ndarray:
        """Return the ratios of a point's bits with these numbers, (n,). For few bits of a large picture, some are 0."""
        if self._large and numbers.size < self._count * point.bits // _FEW:
            blocks, bits = np.divmod(numbers, point.bits)
            return self._of_some(blocks, bits + point.first)
        if self._large:  # only this point is read in a large picture
            read = self._modem.reveal(np.asarray(self._area), self._dither, self._step, point.places)
            return read.reshape(-1)[numbers]
        if self._all is None:
            self._all = self._modem.reveal(np.asarray(self._area), self._dither).reshape(self._count, -1)
        return self._all[:, point.places].reshape(-1)[numbers]

    def _of_some(self, blocks: np.ndarray, bits: np.ndarray) -> np.ndarray:
        wanted = np.unique(blocks)
        rows, cols = np.divmod(wanted, self._cols)
        last = self._count // self._cols - 1
        inner = wanted[(rows > 0) & (rows < last) & (cols > 0) & (cols < self._cols - 1)]
        missing = np.setdiff1d(inner, np.flatnonzero(self._rows >= 0))
        if missing.size:
            self._rows[missing] = np.arange(missing.size) + len(self._some)
            self._some = np.concatenate([self._some, self._modem.reveal_blocks(self._area, self._dither, missing)])
        places, found = self._rows[blocks], np.zeros(blocks.size, np.float32)
        known = np.flatnonzero(places >= 0)
        found[known] = self._some[places[known], bits[known]]
        return found


def read_tiled(
    modem: Modem, key_source: KeySource, picture: np.ndarray, points: Sequence[OperatingPoint] = (), moved: bool = True
) -> Reading | None:
    """Read any part, (H, W, 3) uint8, of a container of `TiledCarrier`. Return None if it isn't one.

    Args:
        points: whose periods of phases are tried; by default, all of the modem's.
        moved: whether the part may begin anywhere; else it begins at a whole block.
    """
    if not isinstance(key_source, Key) or min(picture.shape[:2]) < LEAST_SIDE:
        return None
    top, left = (max(side - _MOST_READ, 0) // 2 for side in picture.shape[:2])
    picture = picture[top : top + _MOST_READ, left : left + _MOST_READ]
    shifts = product(range(BLOCK), repeat=2) if moved else [(-top % BLOCK, -left % BLOCK)]
    found = find_part(key_source, picture, points or modem.points, shifts)
    if found is None:
        return None
    place, period = found
    area = hidden_area(picture[place.top :, place.left :])
    shape = area.shape[0] // BLOCK, area.shape[1] // BLOCK
    ratios = modem.reveal(area, place.part(map_dither(key_source), shape)) * SURENESS
    for point in (point for point in modem.points if point.scale == period):
        sums = place.summed(ratios[..., point.places] * place.part(map_signs(key_source, point), shape))
        if reading := read_first([_ReceivedTile(Blocks((TILE, TILE), point, key_source, TILE_SALT), sums)]):
            return reading
    return None


class _ReceivedTile(Received):
    """The bits of a tile, given their ratios, (TILE, TILE, bits)."""

    def __init__(self, blocks: Blocks, ratios: np.ndarray) -> None:
        super().__init__(blocks)
        self._ratios = ratios.reshape(-1)

    def of_header(self) -> np.ndarray:
        return self._ratios[self.blocks.header]

    def of_record(self, numbers: np.ndarray, header: bytes, right: np.ndarray) -> np.ndarray:
        return self._ratios[numbers]
