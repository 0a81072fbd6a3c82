"""A learned modem at work on films: two networks that hide bits in the lumas of some frames at once, and read them.

Which coefficients carry the bits, and how a header is read without the networks, is in `film_phases`.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from stegnet.core.card import SHIPPED_FILM_MODEM, weights_id
from stegnet.core.jpeg import BLOCK, DITHER
from stegnet.core.parallel import ordered
from stegnet.core.samples import from_8_bits
from stegnet.engines import Engine, load_engine
from stegnet.methods.robust import Rung
from stegnet.methods.robust_film.phases import FREQUENCIES, GROUP, Dither, exact_luma, read_film_rungs
from stegnet.methods.run import Run

_BAND = 4096  # blocks that are computed at once, about


@dataclass(frozen=True)
class FilmModem:
    """A modem for films that is ready to compute.

    Attributes:
        engine: runs its networks `hide` and `reveal`.
        weights: id of the weights file.
        rungs: all that a container may have.
    """

    engine: Engine
    weights: str
    rungs: Sequence[Rung]

    @property
    def frames(self) -> int:
        """Frames of a unit."""
        return self.rungs[0].frames

    @property
    def bits(self) -> int:
        """Bits of all rungs in each block of a unit."""
        return sum(rung.unit_bits for rung in self.rungs)

    @classmethod
    def load(
        cls, path: Path = SHIPPED_FILM_MODEM, device: str = "auto", precision: str = "auto", backend: str = "auto"
    ) -> Self:
        """Loads the modem in a weights file; arguments and errors as `load_engine`."""
        rungs = read_film_rungs(path)
        return cls(load_engine(path, backend, device, precision), weights_id(path), rungs)

    def hide(self, frames: Sequence[np.ndarray], signs: np.ndarray, dither: Dither, rung: Rung) -> list[np.ndarray]:
        """Hides bits in a group of frames, (H, W, 3) uint8 with sides that are multiples of 8.

        Red, green and blue of a pixel change alike.

        Args:
            signs: (rows, cols, group's bits) float32, −1 or 1; 0 in blocks that stay as they are.
        """
        signs = signs.reshape(*signs.shape[:2], -1, rung.unit_bits)
        used = signs[..., 0, 0].astype(bool).repeat(BLOCK, 0).repeat(BLOCK, 1)

        def containers(unit: int) -> list[np.ndarray]:
            some = frames[unit * self.frames : (unit + 1) * self.frames]
            lumas = np.stack([exact_luma(each) for each in some])
            changes = self._changes(lumas, signs[:, :, unit], dither.unit(unit), rung) * used
            return [_added(frame, change) for frame, change in zip(some, changes, strict=True)]

        height, width, _ = frames[0].shape
        return [frame for some in self._units(containers, height * width) for frame in some]

    def reveal(self, lumas: np.ndarray, dither: Dither) -> dict[Rung, np.ndarray]:
        """Log-likelihood ratios of a group's bits, positive for likely ones: for each rung (blocks, bits) float32.

        Args:
            lumas: (GROUP, H, W) uint8, sides multiples of 8.
        """
        _, height, width = lumas.shape
        rows, cols = height // BLOCK, width // BLOCK
        ratios = np.empty((GROUP // self.frames, self.bits, rows, cols), np.float32).transpose(2, 3, 0, 1)

        def read(unit: int) -> None:
            pictures = from_8_bits(lumas[unit * self.frames : (unit + 1) * self.frames]).transpose(1, 2, 0)
            given = self._given(dither.unit(unit))
            for band in _bands(rows, cols):
                found = self.engine.reveal(band.around(pictures, BLOCK), band.around(given))
                ratios[band.rows, :, unit] = band.inside(found)

        self._units(read, height * width)
        return {rung: ratios[..., rung.places].reshape(rows * cols, -1) for rung in self.rungs}

    def _units(self, function: Callable[[int], Any], pixels: int) -> list:
        """A function of the number of each unit of a group, in as many threads as frames of so many pixels allow."""
        pool = self.engine.pool(pixels)
        with closing(ordered(function, range(GROUP // self.frames), pool.workers, pool.prepare)) as results:
            return list(results)

    def _changes(self, lumas: np.ndarray, signs: np.ndarray, dither: np.ndarray, rung: Rung) -> np.ndarray:
        """The change of each frame in levels, (T, H, W) int16, of lumas (T, H, W) float32 in levels."""
        _, height, width = lumas.shape
        rows, cols = height // BLOCK, width // BLOCK
        bits = np.zeros((self.bits, rows, cols), np.float32)
        bits[rung.places] = signs.transpose(2, 0, 1)
        given = np.concatenate([bits.transpose(1, 2, 0), self._given(dither)], 2)
        pictures, changes = (lumas / np.float32(255)).transpose(1, 2, 0), np.empty(lumas.shape, np.int16)
        for band in _bands(rows, cols):
            around = band.around(pictures, BLOCK)
            changed = self.engine.hide(around, band.around(given))
            changed -= around
            changed *= 255
            rows_inside = slice(band.rows.start * BLOCK, band.rows.stop * BLOCK)
            changes[:, rows_inside] = band.inside(np.rint(changed, changed), BLOCK).transpose(2, 0, 1)
        return changes

    def _given(self, dither: np.ndarray) -> np.ndarray:
        """The dither as the networks take it, (rows, cols, T · 64) float32; in memory by channel, as theirs."""
        rows, cols, frames, _ = dither.shape
        given = np.zeros((frames, DITHER, rows, cols), np.float32)
        given[:, [BLOCK * down + across for down, across in FREQUENCIES]] = dither.transpose(2, 3, 0, 1)
        return given.reshape(-1, rows, cols).transpose(1, 2, 0)


@dataclass(frozen=True)
class _Band:
    """Rows of blocks that are computed at once, and those that the networks see."""

    rows: slice
    outer: slice

    def around(self, values: np.ndarray, side: int = 1) -> np.ndarray:
        """The rows that the networks see, of an array with `side` rows for each of the blocks; a view."""
        return values[self.outer.start * side : self.outer.stop * side]

    def inside(self, computed: np.ndarray, side: int = 1) -> np.ndarray:
        """The rows of the band in what was computed from `around`."""
        start = (self.rows.start - self.outer.start) * side
        return computed[start : start + (self.rows.stop - self.rows.start) * side]


def _bands(rows: int, cols: int) -> Iterator[_Band]:
    """Bands of a frame; the networks see one neighbour of each block."""
    count = max(1, round(_BAND / cols))
    for start in range(0, rows, count):
        stop = min(start + count, rows)
        yield _Band(slice(start, stop), slice(max(start - 1, 0), min(stop + 1, rows)))


def _added(frame: np.ndarray, change: np.ndarray) -> np.ndarray:
    return np.clip(frame + change[..., None], 0, 255).astype(np.uint8)


def chosen_film_modem(run: Run) -> FilmModem:
    """The modem for films of a run; errors as `FilmModem.load`."""
    return run.network(FilmModem.load, SHIPPED_FILM_MODEM)
