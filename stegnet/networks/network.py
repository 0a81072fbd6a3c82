"""A hide/reveal pair at work on 8-bit pictures; large ones are cut into tiles that overlap.

The grid of tiles depends on the picture's size alone, so that hiding and revealing cut alike. Each tile is computed
with a margin around it, which is then dropped: a network whose receptive field stays within the margin gives the same
samples as in one pass. So where that is known, the grid is free, and small tiles keep the memory small; where it is
not, the grid of docs/format.md applies.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Self

import numpy as np

from stegnet.core.errors import WeightsError
from stegnet.core.samples import CELL, LEVELS, Base, from_8_bits, into_range, split, to_8_bits
from stegnet.core.shuffle import Shuffle, apply, draw_mask, invert
from stegnet.networks.card import SHIPPED, Card, read_card, weights_id
from stegnet.networks.engines import Engine, Pool, load_engine
from stegnet.networks.engines.tiling import Step, Tile, no_step, tiles
from stegnet.record import KINDS, MAX_BLOCK

_MOST_ERROR = 127  # of a sample's rounding, half a level
# Receptive fields of the pair that was shipped until 0.1, whose card does not tell them.
_FORMER_FIELDS = {"prepare": 0, "enhance": 0, "hide": 6, "reveal": 9, "restore": 0}


@dataclass(frozen=True)
class HideResult:
    """Output of hiding a picture.

    Attributes:
        container: (H, W, 3) uint8.
        rounding_error: (H, W, 3) int8, the exact sample minus the stored one, -127 to 127 for -0.5 to 0.5 levels.
    """

    container: np.ndarray
    rounding_error: np.ndarray


@dataclass(frozen=True)
class Network:
    """A hide/reveal pair that is ready to compute.

    Attributes:
        engine: computes its networks.
        weights: id of the weights file.
        base: the base that it was trained with, one of `stegnet.record.base.KINDS`; it travels in the record.
        quality: of a coded base.
        block: side of the shuffle's blocks in pixels.
        period: value in [0, 1] modulo which a container's samples count: a keyed mask hides what they mean; 0: all of
            a sample counts, and there is no mask.
        receptive_fields: of its networks by name, in pixels to each side, where known.
    """

    engine: Engine
    weights: str
    base: str
    quality: int
    block: int
    period: float = 0.0
    receptive_fields: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path = SHIPPED, device: str = "auto", precision: str = "auto", backend: str = "auto") -> Self:
        """Loads the pair in a weights file; arguments and errors as `load_engine`."""
        card = read_card(path)
        scramble = _scramble(path, card)
        fields = card.receptive_fields or (_FORMER_FIELDS if card.model == "costa" else {})
        return cls(load_engine(path, backend, device, precision), weights_id(path), *scramble, fields)

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
        """Refuses a secret that was hidden with other weights.

        Raises:
            WeightsError: the ids differ.
        """
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


def _scramble(path: Path, card: Card) -> tuple[str, int, int, float]:
    base, quality, block, period = (card.scramble.get(key) for key in ("base", "quality", "block", "period"))
    valid = base in KINDS and quality in range(101) and block in range(CELL, MAX_BLOCK + 1, CELL)
    if not valid or type(period) is not float or not 0 <= period < 1:
        raise WeightsError(f"{path}: its card does not say what it hides", "it is damaged, or of another version")
    return base, quality, block, period
