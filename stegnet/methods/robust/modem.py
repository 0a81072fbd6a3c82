"""A learned modem at work on 8-bit pictures: two networks that hide bits, which survive lossy codecs, and read them.

A *rung* is a trade of bits against robustness. Each has bits of its own in every block of 8×8 pixels; a container uses
those of one rung, and all are read at once. A keyed *dither* shifts what a coefficient's value means: without it, the
bits can't be read.
"""

import math
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from stegnet.core.errors import WeightsError
from stegnet.core.jpeg import BLOCK, DITHER, LUMA_STEPS
from stegnet.core.parallel import parallel_map
from stegnet.core.samples import from_8_bits, is_grey, to_8_bits
from stegnet.methods.context import Context
from stegnet.networks.card import MODEM, SHIPPED_MODEM, read_card, weights_id
from stegnet.networks.engines import Engine, load_engine
from stegnet.networks.engines.tiling import Step, Tile, cut, no_step, tiles

NO_BACKBONE = "none"  # an option of the family's cards
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # of red, green, blue (ITU-R BT.601)
_TILE = 256  # side of a tile without its margin, where the grid is free: its features stay in a core's cache
_AROUND = 3  # blocks in a row and a column that a network sees to read the one in the middle
_PATCHES = 10  # that are read at once, in a row and a column, at most


def finest(count: int) -> list[int]:
    """The coefficients of a block with the smallest steps of JPEG, so many of them."""
    return sorted(range(DITHER), key=lambda place: LUMA_STEPS[place])[:count]


@dataclass(frozen=True)
class Rung:
    """A trade of bits against robustness, that a modem has learnt for pictures, or for groups of a film's frames.

    Attributes:
        name: that of the channel it is meant for, such as "jpeg-75".
        first: of its bits among all of a block.
        coefficients: of each block that carry bits.
        psnr: of its containers in dB.
        lowest, highest: JPEG quality, or constant rate factor of films, that it is meant for.
        scale: period of a phase, in steps of JPEG at quality 50.
        run: frames, of which the first carries bits.
        group: frames that are hidden in together, a multiple of those.
    """

    name: str
    first: int
    coefficients: int
    psnr: float
    lowest: int
    highest: int
    scale: float = 1.0
    run: int = 1
    group: int = 1

    @property
    def bits(self) -> int:
        """Bits of a block in a picture or group: run after run, coefficient after coefficient."""
        return self.group // self.run * self.coefficients

    @property
    def places(self) -> slice:
        """Its bits among all of a block."""
        return slice(self.first, self.first + self.bits)

    @property
    def carriers(self) -> list[int]:
        """The coefficients of a block that carry its bits, row by row: those with the smallest steps."""
        return finest(self.coefficients)

    @property
    def periods(self) -> np.ndarray:
        """Periods of their phases in levels, (coefficients,) float32."""
        return np.array([LUMA_STEPS[place] * self.scale for place in self.carriers], np.float32)

    @property
    def channel(self) -> str:
        """The channel that the name says, as users write it: "jpeg:75"."""
        return self.name.replace("-", ":")


@dataclass(frozen=True)
class Modem:
    """A modem that is ready to compute.

    Attributes:
        engine: runs its networks `hide` and `reveal`.
        weights: id of the weights file.
        rungs: all that a container may have.
        local: the networks see a block's neighbours at most, so that any grid of tiles gives the same.
    """

    engine: Engine
    weights: str
    rungs: Sequence[Rung]
    local: bool = False

    @property
    def bits(self) -> int:
        """Bits of all rungs in each block."""
        return sum(rung.bits for rung in self.rungs)

    @classmethod
    def load(
        cls, path: Path = SHIPPED_MODEM, device: str = "auto", precision: str = "auto", backend: str = "auto"
    ) -> Self:
        """Loads the modem in a weights file; arguments and errors as `load_engine`."""
        rungs, local = read_rungs(path), read_card(path).options.get("backbone") == NO_BACKBONE
        return cls(load_engine(path, backend, device, precision), weights_id(path), rungs, local)

    def hide(
        self, cover: np.ndarray, bits: np.ndarray, dither: np.ndarray, step: Step = no_step, places: slice = slice(None)
    ) -> np.ndarray:
        """Hides bits in a cover.

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
        container, grey = np.empty_like(cover, order="C"), is_grey(cover)

        def compute(tile: Tile) -> None:
            blocks = _in_blocks(tile)
            some, around = blocks.around(bits), _in_unit(blocks.around(dither))
            given = np.zeros((*some.shape[:2], self.bits + DITHER), np.float32)
            given[..., : self.bits][..., places], given[..., self.bits :] = some, around
            exact = tile.inside(self.engine.hide(from_8_bits(tile.around(cover)), given))
            tile.part(container)[:] = to_8_bits((exact @ _LUMA)[..., None] if grey else exact)

        self._each(compute, cover, step)
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
        side = min(_PATCHES, math.isqrt(max(chosen.size - 1, 0)) + 1)
        parts = [np.empty((0, self.bits), np.float32)]
        for start in range(0, chosen.size, side**2):
            some = np.resize(np.arange(start, min(start + side**2, chosen.size)), side**2)
            spans = [(slice(r - 1, r + 2), slice(c - 1, c + 2)) for r, c in zip(rows[some], cols[some], strict=True)]
            pixels = _mosaic([container[_of_pixels(down), _of_pixels(across)] for down, across in spans], side)
            around = _mosaic([dither[span] for span in spans], side)
            ratios = self.reveal(pixels, around)[_AROUND // 2 :: _AROUND, _AROUND // 2 :: _AROUND]
            parts.append(ratios.reshape(side**2, -1)[: chosen.size - start])
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


def read_rungs(path: Path) -> tuple[Rung, ...]:
    """The rungs of a modem's weights file, read from its card.

    Raises:
        WeightsError: there is no such file, or it holds no modem.
    """
    card = read_card(path)
    if card.model != MODEM:
        raise WeightsError(f"{path}: these weights hide no bits in pictures", f"they are of the family {card.model}")
    rungs, first = [], 0
    try:
        for rung in card.options["rungs"]:
            known = {name: rung[name] for name in ("name", "psnr", "lowest", "highest", "scale")}
            rungs.append(Rung(first=first, coefficients=rung["bits"], **known))
            first += rungs[-1].bits
    except (KeyError, TypeError) as error:
        hint = "it is damaged, or of another version"
        raise WeightsError(f"{path}: its card does not say what it hides", hint) from error
    return tuple(rungs)


def _in_unit(dither: np.ndarray) -> np.ndarray:
    """Dither as float32 in [0, 1)."""
    return dither * np.float32(2**-16) if dither.dtype == np.uint16 else dither


def _in_blocks(tile: Tile) -> Tile:
    """A tile as a part of an array that has one row and column for each of the blocks."""
    spans = (tile.rows, tile.cols, tile.outer_rows, tile.outer_cols)
    return Tile(*(slice(span.start // BLOCK, span.stop // BLOCK) for span in spans))


def _of_pixels(blocks: slice) -> slice:
    return slice(blocks.start * BLOCK, blocks.stop * BLOCK)


def _mosaic(parts: Sequence[np.ndarray], side: int) -> np.ndarray:
    """side² arrays of equal shape, put together row by row."""
    rows = [np.concatenate(parts[start : start + side], 1) for start in range(0, len(parts), side)]
    return np.concatenate(rows)


def chosen_modem(context: Context) -> Modem:
    """The modem for pictures of a run; errors as `Modem.load`."""
    return context.network(Modem.load, SHIPPED_MODEM)
