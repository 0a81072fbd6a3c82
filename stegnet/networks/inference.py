"""A hide/reveal pair at work on 8-bit pictures; large ones are cut into tiles that overlap.

The grid of tiles depends on the picture's size alone, so that hiding and revealing cut alike. Each tile is computed
with a margin around it, which is then dropped: a network whose receptive field stays within the margin gives the same
samples as in one pass. So where that is known, the grid is free, and small tiles keep the memory small; where it is
not, the grid of docs/format.md applies.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count, pairwise
from pathlib import Path
from typing import Self

import numpy as np

from stegnet.core.errors import WeightsError
from stegnet.core.keystream import Shuffle, apply, draw_mask, invert
from stegnet.core.pixels import BLOCK, LEVELS, Base, from_8_bits, into_range, split, to_8_bits
from stegnet.networks.card import SHIPPED, read_card, weights_id
from stegnet.networks.engines import Engine, Pool, load_engine
from stegnet.record import KINDS, MAX_BLOCK

MOST_ROWS, MOST_COLS = 1152, 2048  # of a tile: 1920×1080 is one
MARGIN = 192
FINE = 768  # side of a tile with its margin, where the grid is free
_STEP = 32  # tiles begin at multiples of the strides of common backbones
_HALO = 16  # least margin of the free grid; others are multiples of _STEP
_MOST_ERROR = 127  # of a sample's rounding, half a level
# Receptive fields of the pair that was shipped until 0.1, whose card does not tell them.
_FORMER_FIELDS = {"prepare": 0, "enhance": 0, "hide": 6, "reveal": 9, "restore": 0}

# Called after each tile with tiles done and tiles in all; not called where each network needs only one.
Step = Callable[[int, int], None]


def no_step(done: int, total: int) -> None:
    """A step callback that does nothing."""


@dataclass(frozen=True)
class Tile:
    """A part of a picture, and the larger part with a margin that it is computed from."""

    rows: slice
    cols: slice
    outer_rows: slice
    outer_cols: slice

    @property
    def pixels(self) -> int:
        """Number of pixels, margin included."""
        rows, cols = self.outer_rows, self.outer_cols
        return (rows.stop - rows.start) * (cols.stop - cols.start)

    def part(self, picture: np.ndarray) -> np.ndarray:
        """Crops a picture, (H, W, C), to the tile without its margin; a view."""
        return picture[self.rows, self.cols]

    def around(self, picture: np.ndarray) -> np.ndarray:
        """Crops a picture to the tile with its margin; a view."""
        return picture[self.outer_rows, self.outer_cols]

    def inside(self, computed: np.ndarray) -> np.ndarray:
        """Crops the result computed from `around` to the tile without its margin; a view."""
        top, left = self.rows.start - self.outer_rows.start, self.cols.start - self.outer_cols.start
        return computed[top : top + self.rows.stop - self.rows.start, left : left + self.cols.stop - self.cols.start]


def tiles(height: int, width: int, receptive_field: int | None) -> list[Tile]:
    """Cuts a picture into tiles for a network of a receptive field, in pixels to each side, if that is known."""
    most, margin = (MOST_ROWS, MOST_COLS), MARGIN
    if receptive_field is not None and receptive_field <= MARGIN and (height > MOST_ROWS or width > MOST_COLS):
        margin = _HALO if receptive_field <= _HALO else -(-receptive_field // _STEP) * _STEP
        most = (FINE - 2 * margin,) * 2
    return cut(height, width, most, margin)


def cut(height: int, width: int, most: tuple[int, int], margin: int) -> list[Tile]:
    """Cuts a picture into tiles of at most so many rows and columns, with a margin around each."""
    return [
        Tile(down, across, _with_margin(down, margin, height), _with_margin(across, margin, width))
        for down in _spans(height, most[0])
        for across in _spans(width, most[1])
    ]


def _spans(size: int, most: int) -> list[slice]:
    count = -(-size // most)
    edges = [round(size * index / count / _STEP) * _STEP for index in range(count)] + [size]
    return [slice(start, end) for start, end in pairwise(edges)]


def _with_margin(part: slice, margin: int, size: int) -> slice:
    return slice(max(0, part.start - margin), min(size, part.stop + margin))


@dataclass(frozen=True)
class HideResult:
    """Output of hiding a picture."""

    container: np.ndarray  # (H, W, 3) uint8
    rounding_error: np.ndarray  # (H, W, 3) int8, exact sample minus stored one: ±127 for ±0.5 levels


@dataclass(frozen=True)
class Network:
    """A hide/reveal pair that is ready to compute."""

    engine: Engine
    weights: str  # id of the weights file
    base: str  # the base that it was trained with, one of `stegnet.record.base.KINDS`; it travels in the record
    quality: int  # of a coded base
    block: int  # side of the shuffle's blocks in pixels
    # Value in [0, 1] modulo which a container's samples count: a keyed mask hides what they mean. 0: all of a sample
    # counts, and there is no mask.
    period: float = 0.0
    receptive_fields: Mapping[str, int] = field(default_factory=dict)  # of networks, in pixels, where known

    @classmethod
    def load(cls, path: Path = SHIPPED, device: str = "auto", precision: str = "auto", backend: str = "auto") -> Self:
        """Loads the pair in a weights file; arguments and errors as `load_engine`."""
        card = read_card(path)
        base, quality, block, period = (card.scramble.get(key) for key in ("base", "quality", "block", "period"))
        valid = base in KINDS and quality in range(101) and block in range(BLOCK, MAX_BLOCK + 1, BLOCK)
        if not valid or type(period) is not float or not 0 <= period < 1:
            raise WeightsError(f"{path}: its card does not say what it hides", "it is damaged, or of another version")
        fields = card.receptive_fields or (_FORMER_FIELDS if card.model == "costa" else {})
        engine = load_engine(path, backend, device, precision)
        return cls(engine, weights_id(path), base, quality, block, period, fields)

    def pool(self, height: int, width: int) -> Pool:
        """The threads that keep the engine busy with pictures of one size, as many as memory allows."""
        return self.engine.pool(max(tile.pixels for tile in self._tiles(height, width, "prepare", "hide")))

    def hide(
        self, cover: np.ndarray, secret: np.ndarray, shuffle: Shuffle | None, base: Base, step: Step = no_step
    ) -> HideResult:
        """Hides what a secret's base leaves of it in a cover; its blocks are shuffled first if a shuffle is given.

        Args:
            cover, secret: (H, W, 3) uint8, sides multiples of the block.
            base: of the secret, as the reader will decode it.
            step: called after each tile of a large picture.
        Raises:
            CapacityError: there is not enough memory.
        """
        first, second = (self._tiles(*secret.shape[:2], name) for name in ("prepare", "hide"))
        counted = _with_steps(step, len(first) + len(second))
        hidden, enhanced = np.empty(secret.shape, np.float32), self._enhanced(base)
        for tile in counted(first):
            prepared = tile.inside(self.engine.prepare(from_8_bits(tile.around(secret))))
            tile.part(hidden)[:] = split(prepared, tile.part(enhanced), base.gain)
        container, rounding_error = np.empty_like(cover, order="C"), np.empty(cover.shape, np.int8)
        for tile in counted(second):
            around = apply(hidden, shuffle, tile.outer_rows, tile.outer_cols) if shuffle else tile.around(hidden)
            mask = self._mask(tile, shuffle, cover.shape[1])
            masked = self.engine.hide(from_8_bits(tile.around(cover)) - mask, around) + mask
            exact = into_range(tile.inside(masked), self.period).clip(0, 1) * LEVELS
            tile.part(container)[:] = rounded = np.rint(exact)
            tile.part(rounding_error)[:] = np.rint((exact - rounded) * (2 * _MOST_ERROR))
        return HideResult(container, rounding_error)

    def reveal(self, container: np.ndarray, shuffle: Shuffle | None, base: Base, step: Step = no_step) -> np.ndarray:
        """Reveals the secret, its blocks back in order.

        Args:
            container: (H, W, 3) uint8.
            base: as given to `hide`.
            step: as `hide`.
        Returns:
            (H, W, 3) uint8; errors as `hide`.
        """
        first, second = (self._tiles(*container.shape[:2], name) for name in ("reveal", "restore"))
        counted = _with_steps(step, len(first) + len(second))
        hidden = np.empty(container.shape, np.float32)
        for tile in counted(first):
            masked = from_8_bits(tile.around(container)) - self._mask(tile, shuffle, container.shape[1])
            tile.part(hidden)[:] = tile.inside(self.engine.reveal(masked))
        secret, enhanced = np.empty(container.shape, np.uint8), self._enhanced(base)
        for tile in counted(second):
            around = invert(hidden, shuffle, tile.outer_rows, tile.outer_cols) if shuffle else tile.around(hidden)
            restored = self.engine.restore(tile.around(enhanced), around * np.float32(1 / base.gain))
            tile.part(secret)[:] = to_8_bits(tile.inside(restored))
        return secret

    def enhance(self, picture: np.ndarray) -> np.ndarray:
        """A base's picture, (H, W, 3) uint8, as the pair enhances it, float32 in [0, 1]; errors as `hide`."""
        enhanced = np.empty(picture.shape, np.float32)
        for tile in self._tiles(*picture.shape[:2], "enhance"):
            tile.part(enhanced)[:] = tile.inside(self.engine.enhance(from_8_bits(tile.around(picture))))
        return enhanced

    def _enhanced(self, base: Base) -> np.ndarray:
        return self.enhance(base.picture) if base.enhanced is None else base.enhanced

    def check(self, weights: str) -> None:
        """Refuses a secret that was hidden with other weights."""
        if weights != self.weights:
            hint = f'use `weights="FILE"` with the file of SHA-256 {weights}'
            raise WeightsError(f"hidden with the weights {weights[:16]}, these are {self.weights[:16]}", hint)

    def _mask(self, tile: Tile, shuffle: Shuffle | None, width: int) -> np.ndarray | np.float32:
        """The mask that is added to a tile with its margin, (h, w, 3) float32; 0 without a key or a period."""
        if shuffle is None or not self.period:
            return np.float32(0)
        return draw_mask(shuffle, tile.outer_rows, width)[:, tile.outer_cols] * np.float32(self.period)

    def _tiles(self, height: int, width: int, *names: str) -> list[Tile]:
        """Tiles of a picture for the networks of these names, one network after the other."""
        return [tile for name in names for tile in tiles(height, width, self.receptive_fields.get(name))]


def _with_steps(step: Step, total: int) -> Callable[[list[Tile]], Iterator[Tile]]:
    """Iterates over tiles and calls `step` after each, unless each network has one tile only."""
    done = count(1)

    def through(some: list[Tile]) -> Iterator[Tile]:
        for tile in some:
            yield tile
            if total > 2:
                step(next(done), total)

    return through
