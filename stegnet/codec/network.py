"""A hide/reveal pair at work on single pictures as files hold them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from stegnet.codec.record import MAX_BLOCK
from stegnet.codec.tiles import Tile, known_reaches, tiles
from stegnet.core.card import SHIPPED, Card, read_card, weights_id
from stegnet.core.errors import WeightsError
from stegnet.core.samples import CELL, block_means, from_8_bits, join, split, to_8_bits, with_block_means
from stegnet.core.shuffle import Shuffle, apply, invert
from stegnet.engines import Engine, Pool, load_engine

if TYPE_CHECKING:
    from stegnet.models import Pair


@dataclass(frozen=True)
class Hidden:
    """What hiding a picture gives.

    Attributes:
        container: (H, W, 3) uint8.
        lean: (H, W, 3) int8, 1 where the sample was rounded down, else -1.
        means: the secret's block means, (H/8, W/8, 3) uint8, or None with the detail layer off.
    """

    container: np.ndarray
    lean: np.ndarray
    means: np.ndarray | None


# Called after each tile with the number of tiles done, and of all; not at all where there is one.
Step = Callable[[int, int], None]


def no_step(done: int, total: int) -> None:
    """Shows nothing."""


@dataclass(frozen=True)
class Network:
    """A pair, the id of its weights, and what of a secret it hides.

    Attributes:
        engine: what computes it.
        weights: id of the weights file.
        detail: does it hide a secret's detail only, its block means going another way?
        block: side of the shuffle's blocks in pixels.
        reaches: pixels beyond a sample that each of its networks looks at, as far as that is known.
    """

    engine: Engine
    weights: str
    detail: bool
    block: int
    reaches: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path = SHIPPED, device: str = "auto", precision: str = "auto", backend: str = "auto") -> Self:
        """The pair in a weights file; arguments and errors as `load_engine`."""
        card = read_card(path)
        what = _what_it_hides(path, card)
        return cls(load_engine(path, backend, device, precision), weights_id(path), *what, known_reaches(card))

    @classmethod
    def of(
        cls, pair: "Pair", weights: str, detail: bool, block: int, device: str = "auto", precision: str = "auto"
    ) -> Self:
        """A pair in memory, moved to where PyTorch runs it."""
        from stegnet.engines.torch_engine import TorchEngine

        return cls(TorchEngine(pair, device, precision), weights, detail, block)

    def pool(self, height: int, width: int) -> Pool:
        """The threads that keep the engine busy with pictures of one size, as many as its memory allows."""
        return self.engine.pool(max(tile.pixels for tile in self._tiles(height, width, "prepare", "hide")))

    def hide(self, cover: np.ndarray, secret: np.ndarray, shuffle: Shuffle | None, step: Step = no_step) -> Hidden:
        """The container of a secret, whose blocks are shuffled first if so wished.

        Args:
            cover, secret: (H, W, 3) uint8, sides multiples of the block.
            step: called after each tile of a large picture.
        Raises:
            CapacityError: there is not memory enough.
        """
        means = block_means(secret) if self.detail else None
        first, second = (self._tiles(*secret.shape[:2], name) for name in ("prepare", "hide"))
        counted = _counted(step, len(first) + len(second))
        hidden = np.empty(secret.shape, np.float32)
        for tile in counted(first):
            prepared = tile.inside(self.engine.prepare(from_8_bits(tile.around(secret))))
            own = tile.cells(means)
            tile.part(hidden)[:] = split(with_block_means(prepared, own), own)
        container, lean = np.empty_like(cover, order="C"), np.empty(cover.shape, np.int8)
        for tile in counted(second):
            around = apply(hidden, shuffle, tile.outer_rows, tile.outer_cols) if shuffle else tile.around(hidden)
            exact = tile.inside(self.engine.hide(from_8_bits(tile.around(cover)), around))
            tile.part(container)[:] = rounded = to_8_bits(exact)
            tile.part(lean)[:] = (exact * 255 > rounded).astype(np.int8) * 2 - 1
        return Hidden(container, lean, means)

    def reveal(
        self, container: np.ndarray, shuffle: Shuffle | None, means: np.ndarray | None, step: Step = no_step
    ) -> np.ndarray:
        """The secret, put back in order.

        Args:
            container: (H, W, 3) uint8.
            means: (H/8, W/8, 3) uint8 that `hide` gave.
            step: as `hide`.
        Returns:
            (H, W, 3) uint8; errors as `hide`.
        """
        first, second = (self._tiles(*container.shape[:2], name) for name in ("reveal", "restore"))
        counted = _counted(step, len(first) + len(second))
        hidden = np.empty(container.shape, np.float32)
        for tile in counted(first):
            tile.part(hidden)[:] = tile.inside(self.engine.reveal(from_8_bits(tile.around(container))))
        secret = np.empty(container.shape, np.uint8)
        for tile in counted(second):
            around = invert(hidden, shuffle, tile.outer_rows, tile.outer_cols) if shuffle else tile.around(hidden)
            restored = tile.inside(self.engine.restore(join(around, tile.cells(means, margin=True))))
            tile.part(secret)[:] = to_8_bits(with_block_means(restored, tile.cells(means)))
        return secret

    def check(self, weights: str) -> None:
        """Stops where a secret was hidden with other weights than these.

        Raises:
            WeightsError: the ids differ.
        """
        if weights != self.weights:
            raise WeightsError(
                f"hidden with the weights {weights[:16]}, these are {self.weights[:16]}",
                f"give the weights file with the SHA-256 {weights} by --weights",
            )

    def _tiles(self, height: int, width: int, *names: str) -> list[Tile]:
        """Of a picture that goes through the networks with these names."""
        return [tile for name in names for tile in tiles(height, width, self.reaches.get(name))]


def _counted(step: Step, total: int) -> Callable[[list[Tile]], Iterator[Tile]]:
    """What goes through tiles, and calls `step` after each; not where each network has one tile only."""
    done = count(1)

    def through(some: list[Tile]) -> Iterator[Tile]:
        for tile in some:
            yield tile
            if total > 2:
                step(next(done), total)

    return through


def _what_it_hides(path: Path, card: Card) -> tuple[bool, int]:
    detail, block = card.scramble.get("detail"), card.scramble.get("block")
    if type(detail) is not bool or block not in range(CELL, MAX_BLOCK + 1, CELL):
        raise WeightsError(f"{path}: its card does not say what it hides", "it is damaged, or of another version")
    return detail, block
