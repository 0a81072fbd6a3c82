"""A hide/reveal pair at work on single pictures as files hold them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import psutil
import torch
from torch import Tensor

from stegnet.channel import from_8_bits, to_8_bits
from stegnet.codec.record import MAX_BLOCK
from stegnet.codec.tiles import MOST_COLS, MOST_ROWS, tiled
from stegnet.detail import CELL, block_means, join, settled, split
from stegnet.errors import CapacityError, WeightsError
from stegnet.models import SHIPPED, Pair, load_pair, weights_id
from stegnet.models.precision import autocast, pick_device, resolve
from stegnet.scramble import Shuffle, apply, invert

WORKING_BYTES = 350  # per pixel of a tile: a pass of the invertible pair takes 300 at 32 bits, 240 in bfloat16
_GPU_WORKERS = 2  # one computes while the other copies


@dataclass(frozen=True)
class Pool:
    """Threads that run one network side by side, each on a picture of its own.

    Attributes:
        workers: their number.
        cores: that each of them uses; None leaves it as it is.
    """

    workers: int
    cores: int | None

    def prepare(self) -> None:
        """To be called in each thread."""
        if self.cores is not None:
            torch.set_num_threads(self.cores)


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
    """A pair, the id of its weights, what of a secret it hides, and where it runs.

    Attributes:
        pair: in evaluation mode, on `device`.
        weights: id of the weights file.
        detail: does it hide a secret's detail only, its block means going another way?
        block: side of the shuffle's blocks in pixels.
        device: of the pair.
        precision: "bf16" or "fp32".
    """

    pair: Pair
    weights: str
    detail: bool
    block: int
    device: torch.device
    precision: str

    @classmethod
    def load(cls, path: Path = SHIPPED, device: str = "auto", precision: str = "auto") -> Self:
        """The pair in a weights file.

        Args:
            device: "auto" is a CUDA device where there is one, else the CPU; or "cpu", "cuda", "cuda:1", …
            precision: "auto" is bfloat16 where it is fast, else 32 bits; or "bf16", "fp32".
        Raises:
            WeightsError: there is no such file, or its contents do not fit its card.
            ConfigError: there is no such device.
        """
        pair, card = load_pair(path)
        detail, block = card.scramble.get("detail"), card.scramble.get("block")
        if type(detail) is not bool or block not in range(CELL, MAX_BLOCK + 1, CELL):
            raise WeightsError(f"{path}: its card does not say what it hides", "it is damaged, or of another version")
        return cls.of(pair, weights_id(path), detail, block, device, precision)

    @classmethod
    def of(
        cls, pair: Pair, weights: str, detail: bool, block: int, device: str = "auto", precision: str = "auto"
    ) -> Self:
        """A pair in memory, moved to where it runs."""
        place = pick_device(device)
        torch.backends.cudnn.allow_tf32 = False  # the other side may compute elsewhere
        pair = pair.eval().to(place, memory_format=torch.channels_last)
        return cls(pair, weights, detail, block, place, resolve(precision, place))

    def pool(self, height: int, width: int) -> "Pool":
        """The threads that keep the device busy with pictures of one size, as many as its memory allows."""
        pixels = min(height, MOST_ROWS) * min(width, MOST_COLS)
        room = max(1, self._free_memory() // (pixels * WORKING_BYTES))
        if self.device.type != "cpu":
            return Pool(min(_GPU_WORKERS, room), None)
        threads = torch.get_num_threads()
        workers = min(threads, room)
        return Pool(workers, threads // workers)

    def hide(self, cover: np.ndarray, secret: np.ndarray, shuffle: Shuffle | None) -> Hidden:
        """The container of a secret, whose blocks are shuffled first if so wished.

        Args:
            cover, secret: (H, W, 3) uint8, sides multiples of the block.
        Raises:
            CapacityError: there is not memory enough.
        """
        with torch.inference_mode(), _enough_memory():
            secrets = self._tensor(secret)
            means = block_means(secrets) if self.detail else None
            with autocast(self.precision, self.device):
                prepared = tiled(self.pair.prepare, (secrets,)).float()
            hidden = split(settled(prepared, means), means)
            hidden = apply(hidden, [shuffle]) if shuffle else hidden
            with autocast(self.precision, self.device):
                exact = tiled(self.pair.hide, (self._tensor(cover), _fast(hidden))).float()
            container = to_8_bits(exact)
            lean = (exact * 255 > container).to(torch.int8) * 2 - 1
            return Hidden(_picture(container), _picture(lean), None if means is None else _picture(means))

    def reveal(self, container: np.ndarray, shuffle: Shuffle | None, means: np.ndarray | None) -> np.ndarray:
        """The secret, put back in order.

        Args:
            container: (H, W, 3) uint8.
            means: (H/8, W/8, 3) uint8 that `hide` gave.
        Returns:
            (H, W, 3) uint8; errors as `hide`.
        """
        with torch.inference_mode(), _enough_memory():
            with autocast(self.precision, self.device):
                hidden = tiled(self.pair.reveal, (self._tensor(container),))
            hidden = invert(hidden.float(), [shuffle]) if shuffle else hidden.float()
            known = None if means is None else self._bytes(means)
            ordered = _fast(join(hidden, known))
            with autocast(self.precision, self.device):
                restored = tiled(self.pair.restore, (ordered,)).float()
            return _picture(to_8_bits(settled(restored, known)))

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

    def _free_memory(self) -> int:
        if self.device.type == "cuda":
            return torch.cuda.mem_get_info(self.device)[0]
        return psutil.virtual_memory().available

    def _bytes(self, picture: np.ndarray) -> Tensor:
        return torch.tensor(picture, device=self.device).permute(2, 0, 1)[None]

    def _tensor(self, picture: np.ndarray) -> Tensor:
        return _fast(from_8_bits(self._bytes(picture)))


def _fast(pictures: Tensor) -> Tensor:
    return pictures.contiguous(memory_format=torch.channels_last)


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
    """(1, 3, H, W) to (H, W, 3), as a file holds it."""
    return pictures[0].permute(1, 2, 0).contiguous().cpu().numpy()
