"""A learned modem at work on 8-bit pictures: two networks that hide bits, which survive lossy codecs, and read them.

Each operating point has bits of its own in every block of 8×8 pixels; a container uses those of one point, and all are
read at once. A keyed *dither* shifts what a coefficient's value means: without it, the bits can't be read.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from stegnet.core.blocks import BLOCK, DITHER
from stegnet.core.errors import WeightsError
from stegnet.core.parallel import parallel_map
from stegnet.core.samples import from_8_bits, is_grey, to_8_bits
from stegnet.methods.method import Context
from stegnet.methods.robust.qim import OperatingPoint
from stegnet.methods.robust.regions import LUMA_SHARES
from stegnet.networks.card import MODEM, SHIPPED_MODEM, read_card, weights_id
from stegnet.networks.engines import Engine, load_engine
from stegnet.networks.network import Step, Tile, cut, no_step, tiles

NO_BACKBONE = "none"  # an option of the family's cards
_TILE = 256  # side of a tile without its margin, where the grid is free: its features stay in a core's cache
_AROUND = 3  # blocks in a row and a column that a network sees to read the one in the middle
_PATCHES = 10  # that are computed at once, in a row and a column, at most
_SPARSE = 12  # one block in so many: where fewer carry something, they are computed by patches


@dataclass(frozen=True)
class Modem:
    """A modem that is ready to compute.

    Attributes:
        engine: runs its networks `hide` and `reveal`.
        weights: id of the weights file.
        points: all that a container may have.
        local: the networks see a block's neighbours at most, so that any grid of tiles gives the same.
    """

    engine: Engine
    weights: str
    points: Sequence[OperatingPoint]
    local: bool = False

    @property
    def bits(self) -> int:
        """Bits of all points in each block."""
        return sum(point.bits for point in self.points)

    @classmethod
    def load(
        cls, path: Path = SHIPPED_MODEM, device: str = "auto", precision: str = "auto", backend: str = "auto"
    ) -> Self:
        """Loads the modem in a weights file; arguments and errors as `load_engine`."""
        points, local = read_points(path), read_card(path).options.get("backbone") == NO_BACKBONE
        return cls(load_engine(path, backend, device, precision), weights_id(path), points, local)

    def hide(
        self, cover: np.ndarray, bits: np.ndarray, dither: np.ndarray, step: Step = no_step, places: slice = slice(None)
    ) -> np.ndarray:
        """Hides bits in a cover; blocks that carry none stay as they are.

        Args:
            cover: (H, W, 3) uint8, sides multiples of 8.
            bits: (H/8, W/8, k): −1, 1, or 0 for a bit that is not used.
            dither: (H/8, W/8, 64) float32 in [0, 1), or uint16 in units of 2⁻¹⁶.
            step: called after each tile of a large picture.
            places: of each block's K bits, those that are given; the others are not used.
        Returns:
            The container, (H, W, 3) uint8; of a grey cover, a grey one.
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
        """Log-likelihood ratios, (H/8, W/8, K) float32: positive for bits that are likely 1.

        Args:
            container, dither, step: as `hide`.
            places: of each block's bits, those that are wanted.
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
        """The ratios of some blocks alone, (n, K) float32, as `reveal` gives them; only if the networks are `local`.

        Args:
            container, dither: as `hide`.
            chosen: (n,) numbers of blocks, row by row; none at an edge.
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
        """Calls `compute` for each tile of a picture, in threads; `step` after each, unless there is only one."""
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
    """The points of a modem's weights file, read from its card.

    Raises:
        WeightsError: there is no such file, or it holds no modem.
    """
    card = read_card(path)
    if card.model != MODEM:
        raise WeightsError(f"{path}: these weights hide no bits in pictures", f"they are of the family {card.model}")
    points, first = [], 0
    try:
        for point in card.options["rungs"]:
            known = {name: point[name] for name in ("name", "psnr", "lowest", "highest", "scale")}
            points.append(OperatingPoint(first=first, coefficients=point["bits"], **known))
            first += points[-1].bits
    except (KeyError, TypeError) as error:
        hint = "it is damaged, or of another version"
        raise WeightsError(f"{path}: its card does not say what it hides", hint) from error
    return tuple(points)


def _in_unit(dither: np.ndarray) -> np.ndarray:
    """Dither as float32 in [0, 1)."""
    return dither * np.float32(2**-16) if dither.dtype == np.uint16 else dither


def _in_blocks(tile: Tile) -> Tile:
    """A tile as a part of an array that has one row and column for each of the blocks."""
    spans = (tile.rows, tile.cols, tile.outer_rows, tile.outer_cols)
    return Tile(*(slice(span.start // BLOCK, span.stop // BLOCK) for span in spans))


class _Patches:
    """Some blocks with their neighbours, put together as one picture; those at an edge have fewer, and stand alone."""

    def __init__(self, rows: np.ndarray, cols: np.ndarray) -> None:
        self._blocks, self._side = list(zip(rows.tolist(), cols.tolist(), strict=True)), math.isqrt(len(rows) - 1) + 1

    def mosaic(self, whole: np.ndarray, unit: int = 1) -> np.ndarray:
        """The parts of an array of `unit` rows and columns for each block; some come again to fill it."""
        parts = [
            whole[max(row - 1, 0) * unit : (row + 2) * unit, max(col - 1, 0) * unit : (col + 2) * unit]
            for row, col in self._blocks
        ]
        lines = [parts[start : start + self._side] for start in range(0, len(parts), self._side)]
        lines[-1] += parts[: self._side - len(lines[-1])]
        return np.concatenate([np.concatenate(line, 1) for line in lines])

    def put(self, found: np.ndarray, container: np.ndarray) -> None:
        """Puts what was found of a mosaic's pixels into a picture: that of the blocks themselves."""
        for number, (row, col) in enumerate(self._blocks):
            top, left = (
                BLOCK * (_AROUND * at + min(place, 1))
                for at, place in zip(divmod(number, self._side), (row, col), strict=True)
            )
            block = found[top : top + BLOCK, left : left + BLOCK]
            container[BLOCK * row : BLOCK * (row + 1), BLOCK * col : BLOCK * (col + 1)] = block


def _patches(rows: np.ndarray, cols: np.ndarray, shape: tuple[int, int]) -> Iterator[_Patches]:
    """The patches of some blocks of a picture."""
    inner = (rows > 0) & (cols > 0) & (rows < shape[0] - 1) & (cols < shape[1] - 1)
    numbers = np.flatnonzero(inner)
    for start in range(0, numbers.size, _PATCHES**2):
        some = numbers[start : start + _PATCHES**2]
        yield _Patches(rows[some], cols[some])
    for at in np.flatnonzero(~inner):
        yield _Patches(rows[at : at + 1], cols[at : at + 1])


def chosen_modem(context: Context) -> Modem:
    """The modem for pictures of a run; errors as `Modem.load`."""
    return context.network(Modem.load, SHIPPED_MODEM)
