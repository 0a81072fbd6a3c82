"""A learned modem for 8-bit pictures: two networks, one to hide bits that survive lossy codecs, and one to read them.

Each operating point has its own bits in every block of 8×8 pixels. A container uses those of one point, and all are
read at once. A keyed *dither* shifts the meaning of each coefficient's value: without it, the bits can't be read.
"""

import math
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from stegnet.core.errors import WeightsError
from stegnet.core.parallel import Count, no_count, parallel_map
from stegnet.core.pixels import BLOCK, DITHER, from_8_bits, is_grey, to_8_bits
from stegnet.methods.robust.grid import LUMA_SHARES, ResizedArea
from stegnet.methods.robust.operating_points import OperatingPoint
from stegnet.networks.card import MODEM, SHIPPED_MODEM, read_card
from stegnet.networks.engines import Engine, load_engine
from stegnet.networks.inference import Tile, cut, tiles

_TILE = 256  # pixels: side of a tile without its margin, if its size is free; its features stay in a core's cache
_AROUND = 3  # blocks in a row and in a column that a network needs to read the middle one
_PATCHES = 10  # patches in a row and in a column that are computed at once, at most


@dataclass(frozen=True)
class PictureModem:
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
        """Load the modem in a weights file; arguments and errors are those of `load_engine`."""
        local = read_card(path).options.get("backbone") == "none"
        return cls(load_engine(path, backend, device, precision), read_points(path), local)

    def hide(
        self,
        cover: np.ndarray,
        bits: np.ndarray,
        dither: np.ndarray,
        progress: Count = no_count,
        places: slice = slice(None),
    ) -> np.ndarray:
        """Hide bits in a cover. Blocks that carry no bits stay as they are.

        Args:
            cover: (H, W, 3) uint8, sides multiples of 8.
            bits: (H/8, W/8, k): −1, 1, or 0 for a bit that is not used.
            dither: (H/8, W/8, 64) float32 in [0, 1), or uint16 in units of 2⁻¹⁶.
            progress: called after each tile of a large picture.
            places: slice of each block's K bits that are given; the others are not used.

        Returns:
            The container, (H, W, 3) uint8; grey if the cover is grey.

        Raises:
            CapacityError: there is not enough memory.
        """
        container = cover.copy(order="C")
        used = np.asarray(bits.any(2))
        grey = is_grey(cover)

        def hidden(pixels: np.ndarray, some_bits: np.ndarray, some_dither: np.ndarray) -> np.ndarray:
            given = np.zeros((*some_bits.shape[:2], self.bits + DITHER), np.float32)
            given[..., : self.bits][..., places] = some_bits
            given[..., self.bits :] = _in_periods(some_dither)
            exact = self.engine.hide(from_8_bits(pixels), given)
            return to_8_bits((exact @ LUMA_SHARES)[..., None] if grey else exact)

        def compute(tile: Tile) -> None:
            blocks = _in_blocks(tile)
            computed = tile.inside(hidden(tile.around(cover), blocks.around(bits), blocks.around(dither)))
            changed_blocks = blocks.part(used).repeat(BLOCK, 0).repeat(BLOCK, 1)
            np.copyto(tile.part(container), computed, where=changed_blocks[..., None])

        few = np.count_nonzero(used) <= used.size // 12  # then only their patches are computed
        if not (self.local and few):
            self._each(compute, cover, progress)
            return container
        groups = _groups_of_blocks(used)
        for done, blocks in enumerate(groups, 1):
            patches = (_mosaic(cover, blocks, BLOCK), _mosaic(bits, blocks), _mosaic(dither, blocks))
            _copy_blocks(hidden(*patches), blocks, container)
            if max(cover.shape) > _TILE:
                progress(done, len(groups))
        return container

    def reveal(
        self, container: np.ndarray, dither: np.ndarray, progress: Count = no_count, places: slice = slice(None)
    ) -> np.ndarray:
        """Return log-likelihood ratios of the wanted places, (H/8, W/8, K) float32: positive if a bit is likely 1.

        `dither`, `progress` and `places` are as in `hide`.
        """
        rows, cols = (side // BLOCK for side in container.shape[:2])
        ratios = np.empty((rows, cols, len(range(self.bits)[places])), np.float32)

        def compute(tile: Tile) -> None:
            blocks = _in_blocks(tile)
            around = np.ascontiguousarray(_in_periods(blocks.around(dither)))
            read = self.engine.reveal(from_8_bits(tile.around(container)), around)
            blocks.part(ratios)[:] = blocks.inside(read)[..., places]

        self._each(compute, container, progress)
        return ratios

    def reveal_blocks(self, container: np.ndarray | ResizedArea, dither: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        """Return the ratios, (n, K) float32, of the blocks with these numbers, not at an edge.

        The networks must be `local`.
        """
        rows, cols = np.divmod(chosen, container.shape[1] // BLOCK)
        blocks = list(zip(rows.tolist(), cols.tolist(), strict=True))
        parts = [np.empty((0, self.bits), np.float32)]
        for start in range(0, len(blocks), _PATCHES**2):
            together = blocks[start : start + _PATCHES**2]
            ratios = self.reveal(_mosaic(container, together, BLOCK), _mosaic(dither, together))
            middle = ratios[_AROUND // 2 :: _AROUND, _AROUND // 2 :: _AROUND]
            parts.append(middle.reshape(-1, self.bits)[: len(together)])
        return np.concatenate(parts)

    def _each(self, compute: Callable[[Tile], None], picture: np.ndarray, progress: Count) -> None:
        """Call `compute` for each tile of a picture, in threads, and `progress` after each of several.

        A local modem takes small tiles; others, which see more around each block, take large ones with a margin.
        """
        height, width = picture.shape[:2]
        grid = cut(height, width, (_TILE, _TILE), BLOCK) if self.local else tiles(height, width, None)
        if len(grid) < 2:
            for tile in grid:
                compute(tile)
            return
        pool = self.engine.pool(max(tile.pixels for tile in grid))
        with closing(parallel_map(compute, grid, pool.workers, pool.prepare)) as results:
            for done, _ in enumerate(results, 1):
                progress(done, len(grid))


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
    points: list[OperatingPoint] = []
    try:
        for point in card.options["rungs"]:
            known = {name: point[name] for name in ("name", "psnr", "lowest", "highest", "scale")}
            first = points[-1].places.stop if points else 0
            points.append(OperatingPoint(first=first, coefficients=point["bits"], **known))
    except (KeyError, TypeError) as error:
        hint = "it is damaged, or of another version"
        raise WeightsError("its card does not say what it hides", hint, subject=path) from error
    return tuple(points)


def _in_periods(dither: np.ndarray) -> np.ndarray:
    """Return dither as float32 in [0, 1)."""
    return dither * np.float32(2**-16) if dither.dtype == np.uint16 else dither


def _in_blocks(tile: Tile) -> Tile:
    """Return a tile as a part of an array with one row and column per block."""
    spans = (tile.rows, tile.cols, tile.outer_rows, tile.outer_cols)
    return Tile(*(slice(span.start // BLOCK, span.stop // BLOCK) for span in spans))


# Patches: single blocks with their neighbours, joined in a mosaic. A block at an edge has fewer, and is alone

_Block = tuple[int, int]  # row and column


def _groups_of_blocks(used: np.ndarray) -> list[list[_Block]]:
    """Return the blocks in a mask, (rows, cols) bool, in groups of one mosaic each."""
    rows, cols = np.nonzero(used)
    inner = (rows > 0) & (cols > 0) & (rows < used.shape[0] - 1) & (cols < used.shape[1] - 1)
    together = list(zip(rows[inner].tolist(), cols[inner].tolist(), strict=True))
    groups = [together[start : start + _PATCHES**2] for start in range(0, len(together), _PATCHES**2)]
    return groups + [[block] for block in zip(rows[~inner].tolist(), cols[~inner].tolist(), strict=True)]


def _mosaic(whole: np.ndarray | ResizedArea, blocks: Sequence[_Block], unit: int = 1) -> np.ndarray:
    """Return the patches of an array with `unit` rows and columns per block; some are repeated to fill the last row."""
    parts = [
        whole[max(row - 1, 0) * unit : (row + 2) * unit, max(col - 1, 0) * unit : (col + 2) * unit]
        for row, col in blocks
    ]
    side = _mosaic_side(len(parts))
    lines = [parts[start : start + side] for start in range(0, len(parts), side)]
    lines[-1] += parts[: side - len(lines[-1])]
    return np.concatenate([np.concatenate(line, 1) for line in lines])


def _copy_blocks(mosaic: np.ndarray, blocks: Sequence[_Block], picture: np.ndarray) -> None:
    """Copy the blocks themselves, without their neighbours, from a mosaic's pixels into a picture."""
    side = _mosaic_side(len(blocks))
    for number, (row, col) in enumerate(blocks):
        top = BLOCK * (_AROUND * (number // side) + min(row, 1))
        left = BLOCK * (_AROUND * (number % side) + min(col, 1))
        block = mosaic[top : top + BLOCK, left : left + BLOCK]
        picture[BLOCK * row : BLOCK * (row + 1), BLOCK * col : BLOCK * (col + 1)] = block


def _mosaic_side(patches: int) -> int:
    return math.isqrt(patches - 1) + 1
