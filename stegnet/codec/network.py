"""A hide/reveal pair at work on single pictures as files hold them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch
from torch import Tensor

from stegnet.channel import from_8_bits, to_8_bits
from stegnet.errors import CapacityError, WeightsError
from stegnet.models import SHIPPED, Pair, load_pair, weights_id
from stegnet.scramble import Shuffle, apply, invert


@dataclass(frozen=True)
class Network:
    """A pair, the id of its weights, and where it runs; float32 throughout.

    Attributes:
        pair: in evaluation mode, on `device`.
        weights: id of the weights file.
        device: of the pair.
    """

    pair: Pair
    weights: str
    device: torch.device

    @classmethod
    def load(cls, path: Path = SHIPPED) -> Self:
        """The pair in a weights file, on the GPU where there is one.

        Raises:
            WeightsError: there is no such file, or its contents do not fit its card.
        """
        pair, _ = load_pair(path)
        return cls.of(pair, weights_id(path))

    @classmethod
    def of(cls, pair: Pair, weights: str) -> Self:
        """A pair in memory, moved to where it runs."""
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        torch.backends.cudnn.allow_tf32 = False  # the other side may compute elsewhere
        return cls(pair.eval().to(device, memory_format=torch.channels_last), weights, device)

    def hide(self, cover: np.ndarray, secret: np.ndarray, shuffle: Shuffle | None) -> np.ndarray:
        """The container of a secret, shuffled first if so wished; (H, W, 3) uint8, sides multiples of the block.

        Raises:
            CapacityError: there is not memory enough.
        """
        with torch.inference_mode(), _enough_memory():
            secrets = self._tensor(secret)
            return _picture(self.pair.hide(self._tensor(cover), apply(secrets, [shuffle]) if shuffle else secrets))

    def reveal(self, container: np.ndarray, shuffle: Shuffle | None) -> np.ndarray:
        """The secret, put back in order; both (H, W, 3) uint8; errors as `hide`."""
        with torch.inference_mode(), _enough_memory():
            revealed = self.pair.reveal(self._tensor(container))
            return _picture(invert(revealed, [shuffle]) if shuffle else revealed)

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

    def _tensor(self, picture: np.ndarray) -> Tensor:
        pixels = torch.tensor(picture, device=self.device).permute(2, 0, 1)[None]
        return from_8_bits(pixels).contiguous(memory_format=torch.channels_last)


@contextmanager
def _enough_memory() -> Iterator[None]:
    """Says in plain words that a picture needs more memory than there is."""
    try:
        yield
    except RuntimeError as error:
        if not isinstance(error, torch.OutOfMemoryError) and "allocate memory" not in str(error):
            raise
        raise CapacityError("the picture is too large for this machine's memory", "make the cover smaller") from error


def _picture(pictures: Tensor) -> np.ndarray:
    """(1, 3, H, W) float to (H, W, 3) uint8, as a file holds it."""
    return to_8_bits(pictures)[0].permute(1, 2, 0).contiguous().cpu().numpy()
