"""A hide/reveal pair at work on single pictures as files hold them."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from stegnet.card import SHIPPED, Card, read_card, weights_id
from stegnet.channel import from_8_bits, to_8_bits
from stegnet.codec.record import MAX_BLOCK
from stegnet.codec.tiles import most_pixels, tiled
from stegnet.detail import CELL, block_means, join, settled, split
from stegnet.engines import Engine, Pool, load_engine
from stegnet.errors import WeightsError
from stegnet.scramble import Shuffle, apply, invert

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


@dataclass(frozen=True)
class Network:
    """A pair, the id of its weights, and what of a secret it hides.

    Attributes:
        engine: what computes it.
        weights: id of the weights file.
        detail: does it hide a secret's detail only, its block means going another way?
        block: side of the shuffle's blocks in pixels.
    """

    engine: Engine
    weights: str
    detail: bool
    block: int

    @classmethod
    def load(cls, path: Path = SHIPPED, device: str = "auto", precision: str = "auto", backend: str = "auto") -> Self:
        """The pair in a weights file; arguments and errors as `load_engine`."""
        detail, block = _what_it_hides(path, read_card(path))
        return cls(load_engine(path, backend, device, precision), weights_id(path), detail, block)

    @classmethod
    def of(
        cls, pair: "Pair", weights: str, detail: bool, block: int, device: str = "auto", precision: str = "auto"
    ) -> Self:
        """A pair in memory, moved to where PyTorch runs it."""
        from stegnet.engines.torch_engine import TorchEngine

        return cls(TorchEngine(pair, device, precision), weights, detail, block)

    def pool(self, height: int, width: int) -> Pool:
        """The threads that keep the engine busy with pictures of one size, as many as its memory allows."""
        return self.engine.pool(most_pixels(height, width))

    def hide(self, cover: np.ndarray, secret: np.ndarray, shuffle: Shuffle | None) -> Hidden:
        """The container of a secret, whose blocks are shuffled first if so wished.

        Args:
            cover, secret: (H, W, 3) uint8, sides multiples of the block.
        Raises:
            CapacityError: there is not memory enough.
        """
        means = block_means(secret) if self.detail else None
        prepared = tiled(self.engine.prepare, from_8_bits(secret))
        hidden = split(settled(prepared, means), means)
        hidden = apply(hidden, shuffle) if shuffle else hidden
        exact = tiled(self.engine.hide, from_8_bits(cover), hidden)
        container = to_8_bits(exact)
        return Hidden(container, (exact * 255 > container).astype(np.int8) * 2 - 1, means)

    def reveal(self, container: np.ndarray, shuffle: Shuffle | None, means: np.ndarray | None) -> np.ndarray:
        """The secret, put back in order.

        Args:
            container: (H, W, 3) uint8.
            means: (H/8, W/8, 3) uint8 that `hide` gave.
        Returns:
            (H, W, 3) uint8; errors as `hide`.
        """
        hidden = tiled(self.engine.reveal, from_8_bits(container))
        hidden = invert(hidden, shuffle) if shuffle else hidden
        restored = tiled(self.engine.restore, join(hidden, means))
        return to_8_bits(settled(restored, means))

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


def _what_it_hides(path: Path, card: Card) -> tuple[bool, int]:
    detail, block = card.scramble.get("detail"), card.scramble.get("block")
    if type(detail) is not bool or block not in range(CELL, MAX_BLOCK + 1, CELL):
        raise WeightsError(f"{path}: its card does not say what it hides", "it is damaged, or of another version")
    return detail, block
