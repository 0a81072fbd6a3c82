"""Engine on PyTorch: CPU or GPU."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from copy import deepcopy

import numpy as np
import torch
from torch import Tensor

from stegnet.core.compute import autocast, is_out_of_memory, pick_device, resolve
from stegnet.core.errors import WeightsError
from stegnet.core.process_settings import Borrowed
from stegnet.networks.engines import WORKING_BYTES, Engine, Pool, checked, out_of_memory, pictures_in_memory
from stegnet.networks.pair import Pair


@contextmanager
def _full_convolutions() -> Iterator[None]:
    """Have cuDNN compute with 32 bits in the block: revealing may run on another device."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before


_without_tf32 = Borrowed(_full_convolutions)


class TorchEngine(Engine):
    """A `stegnet.networks.Engine` on PyTorch. The pair is moved to the device and set to evaluation mode.

    Device and precision are as for `load_engine`.
    """

    backend = "torch"
    device: torch.device

    def __init__(self, pair: Pair, device: str = "auto", precision: str = "auto") -> None:
        self.device = pick_device(device)
        self.precision = resolve(precision, self.device)
        self.pair = pair.eval().to(self.device).to(memory_format=torch.channels_last)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle it with its weights on the CPU: a process of a cluster may have another GPU, or no GPU."""
        device = "cpu" if self.device.type == "cpu" else "auto"
        return TorchEngine, (deepcopy(self.pair).cpu(), device, self.precision)

    def pool(self, pixels: int) -> Pool:
        """Return two threads for a GPU, one to copy while the other computes; on the CPU, threads that share it."""
        gpu_workers = 2  # one computes while the other copies
        if self.device.type == "cuda":
            capacity = torch.cuda.mem_get_info(self.device)[0] // (pixels * WORKING_BYTES)
            return Pool(max(1, min(gpu_workers, capacity)))
        threads = torch.get_num_threads()
        workers = min(threads, pictures_in_memory(pixels))
        return Pool(workers, lambda: _share_threads(threads, workers))

    def _run(self, name: str, *pictures: np.ndarray) -> np.ndarray:
        network: Callable[..., Tensor] = getattr(self.pair, name)
        try:
            with _without_tf32, torch.inference_mode(), autocast(self.precision, self.device):
                result = network(*map(self._tensor, pictures)).float()
                return checked(result[0].permute(1, 2, 0).contiguous().cpu().numpy())
        except torch.linalg.LinAlgError as error:  # type: ignore[attr-defined]  # a documented name without a stub
            problem = "the network's weights can't be computed with"  # a matrix that it inverts is singular
            raise WeightsError(problem, "they are damaged") from error
        except RuntimeError as error:
            if is_out_of_memory(error):
                raise out_of_memory() from error
            raise

    def _tensor(self, picture: np.ndarray) -> Tensor:
        """Convert (H, W, 3) to (1, 3, H, W) in channels-last memory format."""
        tensor = torch.from_numpy(picture).to(self.device).permute(2, 0, 1)[None]
        return tensor.contiguous(memory_format=torch.channels_last)


def _share_threads(threads: int, workers: int) -> None:
    """Have PyTorch compute in this thread with its share of the threads, and in later ones with all, as before."""
    torch.get_num_threads()  # otherwise the thread would take over what is set last
    torch.set_num_threads(threads // workers)
    with ThreadPoolExecutor(1) as another:
        another.submit(torch.set_num_threads, threads)
