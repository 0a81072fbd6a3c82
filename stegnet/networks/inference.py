"""Using a hide/reveal pair on 8-bit pictures, and on a frame with its record; large pictures are cut into tiles.

The grid of overlapping tiles depends on the picture's size alone, so that hiding and revealing cut alike. Each tile
is computed with a margin around it, which is then dropped: a network whose receptive field stays within the margin
computes the same samples as in one pass. If the receptive field is known, the grid is therefore free, and small tiles
save memory; otherwise, the grid of docs/format.md applies.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count, pairwise
from pathlib import Path
from typing import Self

import numpy as np

from stegnet.core.errors import WeightsError
from stegnet.core.keystream import Shuffle, apply, draw_mask, invert
from stegnet.core.parallel import Count, no_count
from stegnet.core.pixels import (
    BLOCK,
    LEVELS,
    Base,
    by_plane,
    empty_by_plane,
    from_8_bits,
    into_range,
    split,
    to_8_bits,
)
from stegnet.core.text import Setting, Text
from stegnet.networks.card import MODEM, SHIPPED, Card, read_card, weights_id
from stegnet.networks.engines import Engine, Pool, load_engine
from stegnet.record import (
    KINDS,
    MAX_BLOCK,
)

MARGIN = 192  # pixels around a tile, unless the grid is free
_STEP = 32  # tiles begin at multiples of this, the stride of common backbones


@dataclass(frozen=True)
class Tile:
    """A part of a picture, and the larger part with a margin that it is computed from."""

    rows: slice
    cols: slice
    outer_rows: slice
    outer_cols: slice

    @property
    def pixels(self) -> int:
        """Number of pixels, including the margin."""
        height: int = self.outer_rows.stop - self.outer_rows.start
        width: int = self.outer_cols.stop - self.outer_cols.start
        return height * width

    def part(self, picture: np.ndarray) -> np.ndarray:
        """Crop a picture, (H, W, C), to the tile without its margin; a view."""
        return picture[self.rows, self.cols]

    def around(self, picture: np.ndarray) -> np.ndarray:
        """Crop a picture to the tile with its margin; a view."""
        return picture[self.outer_rows, self.outer_cols]

    def inside(self, computed: np.ndarray) -> np.ndarray:
        """Crop the result computed from `around` to the tile without its margin; a view."""
        top = self.rows.start - self.outer_rows.start
        left = self.cols.start - self.outer_cols.start
        return computed[top : top + self.rows.stop - self.rows.start, left : left + self.cols.stop - self.cols.start]


def tiles(height: int, width: int, receptive_field: int | None) -> list[Tile]:
    """Cut a picture into tiles for a network with this receptive field, in pixels to each side, or an unknown one."""
    most_rows = 1152  # of a tile: 1920×1080 is one
    most_cols = 2048
    is_large = height > most_rows or width > most_cols
    if receptive_field is None or receptive_field > MARGIN or not is_large:
        return cut(height, width, (most_rows, most_cols), MARGIN)

    # The grid is free.
    side = 768  # of a tile with its margin
    least_margin = 16  # others are multiples of _STEP
    margin = least_margin if receptive_field <= least_margin else -(-receptive_field // _STEP) * _STEP
    return cut(height, width, (side - 2 * margin, side - 2 * margin), margin)


def cut(height: int, width: int, most: tuple[int, int], margin: int) -> list[Tile]:
    """Cut a picture into tiles of at most `most` rows and columns, with a margin around each."""
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
    """Output of hiding a picture.

    Attributes:
        container: (H, W, 3) uint8.
        rounding_error: (H, W, 3) int8, exact sample minus stored one: ±127 for ±0.5 levels.
    """

    container: np.ndarray
    rounding_error: np.ndarray


def _scramble_of(card: Card, path: Path) -> tuple[str, int, int, float]:
    """Return base, quality, block and period of a `Network`. Raises WeightsError if one is missing or impossible."""
    if card.model == MODEM:
        raise WeightsError("its network hides no pictures", "give a pair's weights", subject=path)
    base = card.scramble.get("base")
    quality = card.scramble.get("quality")
    block = card.scramble.get("block")
    period = card.scramble.get("period")
    if (
        len(card.scramble) != 4
        or not (type(base) is str and base in KINDS)
        or not (type(quality) is int and quality in range(101))
        or not (type(block) is int and block in range(BLOCK, MAX_BLOCK + 1, BLOCK))
        or not (type(period) is float and 0 <= period < 1)
    ):
        raise WeightsError("its card does not say what it hides", "it is damaged, or of another version", subject=path)
    return base, quality, block, period


@dataclass(frozen=True)
class Network:
    """A hide/reveal pair that is ready to compute."""

    engine: Engine
    weights: str  # id of the weights file
    base: str  # the base it was trained with, one of `stegnet.record.base.KINDS`; the record carries it
    quality: int  # quality of a coded base
    block: int  # side of the shuffle's blocks in pixels
    # Period in [0, 1] modulo which a container's samples are read: a keyed mask hides their meaning. 0: samples are
    # read as they are, and there is no mask.
    period: float = 0.0
    receptive_fields: Mapping[str, int] = field(default_factory=dict)  # of networks, in pixels, if known

    @classmethod
    def load(cls, path: Path = SHIPPED, device: str = "auto", precision: str = "auto", backend: str = "auto") -> Self:
        """Load the pair in a weights file; arguments and errors are those of `load_engine`."""
        card = read_card(path)
        scramble = _scramble_of(card, path)
        engine = load_engine(path, backend, device, precision)
        return cls(engine, weights_id(path), *scramble, card.receptive_fields)

    def pool(self, height: int, width: int) -> Pool:
        """Return the threads that keep the engine busy with pictures of one size, as many as memory allows."""
        return self.engine.pool(max(tile.pixels for tile in self._tiles(height, width, "prepare", "hide")))

    def hide(
        self, cover: np.ndarray, secret: np.ndarray, shuffle: Shuffle | None, base: Base, progress: Count = no_count
    ) -> HideResult:
        """Hide the residual of a secret in a cover. If a shuffle is given, its blocks are shuffled first.

        Args:
            cover: (H, W, 3) uint8, sides multiples of the block.
            secret: (H, W, 3) uint8, of the size of the cover.
            shuffle: shuffle of the residual's blocks; None: they stay in order.
            base: base of the secret, as the reader will decode it.
            progress: called after each tile of a large picture.

        Raises:
            CapacityError: there is not enough memory.
        """
        height, width = secret.shape[:2]
        preparing = self._tiles(height, width, "prepare")
        hiding = self._tiles(height, width, "hide")
        counted = _counting(progress, len(preparing) + len(hiding))
        cover = by_plane(cover)
        secret = by_plane(secret)

        # The residual of the prepared secret is what the network hides.
        hidden = empty_by_plane(height, width, np.float32)
        enhanced = self._enhanced(base)
        for tile in counted(preparing):
            prepared = tile.inside(self.engine.prepare(from_8_bits(tile.around(secret))))
            tile.part(hidden)[:] = split(prepared, tile.part(enhanced), base.gain)

        # A keyed mask hides the meaning of the samples; rounding to levels is an error that sealing makes use of.
        container = np.empty_like(cover, order="C")
        rounding_error = np.empty(cover.shape, np.int8)
        half_level = 127  # rounding error of half a level
        for tile in counted(hiding):
            around = apply(hidden, shuffle, tile.outer_rows, tile.outer_cols) if shuffle else tile.around(hidden)
            mask = self._mask(tile, shuffle, cover.shape[1])
            masked = self.engine.hide(from_8_bits(tile.around(cover)) - mask, around) + mask
            exact = into_range(tile.inside(masked), self.period).clip(0, 1) * LEVELS
            tile.part(container)[:] = rounded = np.rint(exact)
            tile.part(rounding_error)[:] = np.rint((exact - rounded) * (2 * half_level))
        return HideResult(container, rounding_error)

    def reveal(
        self, container: np.ndarray, shuffle: Shuffle | None, base: Base, progress: Count = no_count
    ) -> np.ndarray:
        """Reveal the secret: reveal the shuffled residual, put it in order, and restore it with the base.

        Args:
            container: (H, W, 3) uint8.
            shuffle: as given to `hide`.
            base: as given to `hide`.
            progress: as in `hide`.

        Returns:
            (H, W, 3) uint8; errors are those of `hide`.
        """
        height, width = container.shape[:2]
        revealing = self._tiles(height, width, "reveal")
        restoring = self._tiles(height, width, "restore")
        counted = _counting(progress, len(revealing) + len(restoring))
        container = by_plane(container)

        hidden = empty_by_plane(height, width, np.float32)
        for tile in counted(revealing):
            masked = from_8_bits(tile.around(container)) - self._mask(tile, shuffle, container.shape[1])
            tile.part(hidden)[:] = tile.inside(self.engine.reveal(masked))

        secret = np.empty(container.shape, np.uint8)
        enhanced = self._enhanced(base)
        for tile in counted(restoring):
            around = invert(hidden, shuffle, tile.outer_rows, tile.outer_cols) if shuffle else tile.around(hidden)
            restored = self.engine.restore(tile.around(enhanced), around * np.float32(1 / base.gain))
            tile.part(secret)[:] = to_8_bits(tile.inside(restored))
        return secret

    def enhance(self, picture: np.ndarray) -> np.ndarray:
        """Enhance a base's picture, (H, W, 3) uint8, to float32 in [0, 1]; errors are those of `hide`."""
        height, width = picture.shape[:2]
        picture = by_plane(picture)
        enhanced = empty_by_plane(height, width, np.float32)
        for tile in self._tiles(height, width, "enhance"):
            tile.part(enhanced)[:] = tile.inside(self.engine.enhance(from_8_bits(tile.around(picture))))
        return enhanced

    def _enhanced(self, base: Base) -> np.ndarray:
        return self.enhance(base.picture) if base.enhanced is None else base.enhanced

    def check(self, weights: str) -> None:
        """Refuse a secret that was hidden with other weights."""
        if weights != self.weights:
            hint = Text(
                "use ",
                Setting("weights", "FILE"),
                f' (in Python: Session(weights="FILE")) with the file of SHA-256 {weights}',
            )
            raise WeightsError(f"hidden with the weights {weights[:16]}, these are {self.weights[:16]}", hint)

    def _mask(self, tile: Tile, shuffle: Shuffle | None, width: int) -> np.ndarray | np.float32:
        """Return the mask of a tile with its margin, (h, w, 3) float32; 0 without a shuffle or a period."""
        if shuffle is None or not self.period:
            return np.float32(0)
        return draw_mask(shuffle, tile.outer_rows, width)[:, tile.outer_cols] * np.float32(self.period)

    def _tiles(self, height: int, width: int, *names: str) -> list[Tile]:
        """Return the tiles of a picture for the networks with these names, one network after another."""
        return [tile for name in names for tile in tiles(height, width, self.receptive_fields.get(name))]


def _counting(progress: Count, total: int) -> Callable[[list[Tile]], Iterator[Tile]]:
    """Return a function that iterates over tiles, calling `progress` after each unless each network has only one."""
    done = count(1)

    def through(part: list[Tile]) -> Iterator[Tile]:
        for tile in part:
            yield tile
            if total > 2:
                progress(next(done), total)

    return through
