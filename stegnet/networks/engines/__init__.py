"""Engines that run the networks of a pair, PyTorch or ONNX Runtime: their interface, selection, memory and threads.

This module imports neither PyTorch nor ONNX Runtime before one is used.
"""

import ctypes
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from stegnet.core.errors import CapacityError, ConfigError, WeightsError, extra
from stegnet.core.parallel import AUTO
from stegnet.core.pixels import free_memory

WORKING_BYTES = 350  # per pixel of a tile: the invertible pair needs 300 in 32 bits, 240 in bfloat16

ALWAYS = ("hide", "reveal")  # the only networks that are exported of a pair without networks at its ends
NAMES = "stegnet.networks"  # metadata key of an ONNX file: the networks exported


@dataclass(frozen=True)
class Pool:
    """Threads that run one engine concurrently, each on a picture of its own."""

    workers: int
    prepare: Callable[[], None] = lambda: None  # to be called in each thread


class Engine(ABC):
    """An engine that runs the five networks of a pair, see `stegnet.networks.Pair`, on single pictures.

    Pictures are (H, W, 3) float32, sRGB in [0, 1]; sides are multiples of 8. Arguments are not modified. All methods
    raise CapacityError if there is not enough memory.
    """

    backend: str  # library that computes: "torch" or "onnx"
    device: object  # that computes; as text, such as "cpu" or "cuda:0"
    precision: str  # of the arithmetic: "bf16" or "fp32"

    def prepare(self, secret: np.ndarray) -> np.ndarray:
        """Return the picture to hide for `secret`, before the shuffle."""
        return self._run("prepare", secret)

    def hide(self, cover: np.ndarray, hidden: np.ndarray) -> np.ndarray:
        """Return the container, neither clamped nor rounded; `hidden` is in [-1, 1].

        For a modem, `hidden` is (H/8, W/8, bits + DITHER): bits, −1, 1 or 0, and dither in [0, 1).
        """
        return self._run("hide", cover, hidden)

    def reveal(self, container: np.ndarray, *dither: np.ndarray) -> np.ndarray:
        """Return the hidden residual, from `container` alone, in [-1, 1]; not clamped.

        For a modem, `dither` is (H/8, W/8, DITHER), and the result log-likelihood ratios, (H/8, W/8, bits).
        """
        return self._run("reveal", container, *dither)

    def enhance(self, base: np.ndarray) -> np.ndarray:
        """Return the base, brought nearer to the secret; not clamped."""
        return self._run("enhance", base)

    def restore(self, base: np.ndarray, residual: np.ndarray) -> np.ndarray:
        """Return the secret from its enhanced base and the residual, in [-1, 1] and in order; not clamped."""
        return self._run("restore", base, residual)

    @abstractmethod
    def pool(self, pixels: int) -> Pool:
        """Return as many threads as are useful and fit into memory, for pictures or tiles of `pixels` pixels."""

    @abstractmethod
    def _run(self, name: str, *pictures: np.ndarray) -> np.ndarray:
        """Return what a network computes."""


def pictures_in_memory(pixels: int) -> int:
    """Return the number of pictures of `pixels` pixels that free memory can hold at once, at least 1."""
    return max(1, free_memory() // (pixels * WORKING_BYTES))


def out_of_memory() -> CapacityError:
    """Return the error for a picture that needs more memory than there is."""
    return CapacityError("the picture is too large for this machine's memory", "use a smaller cover")


def checked(result: np.ndarray) -> np.ndarray:
    """Return the result of a network. Raises WeightsError if any of its numbers is not finite."""
    if not np.isfinite(result).all():
        raise WeightsError("the network computes no finite numbers", "its weights are damaged, or were trained badly")
    return result


def graph_file(weights: Path, network: str) -> Path:
    """Return the path of a network's ONNX file, next to its weights file: `pair.hide.onnx` for `pair.safetensors`."""
    return weights.with_suffix(f".{network}.onnx")


def is_exported(weights: Path) -> bool:
    """Return whether the weights have ONNX files, as the pipeline's stage export writes them."""
    return all(graph_file(weights, network).is_file() for network in ALWAYS)


def load_engine(weights: Path, backend: str = AUTO, device: str = AUTO, precision: str = AUTO) -> Engine:
    """Load a weights file into an engine.

    Args:
        weights: weights file; its ONNX files, if any, are next to it.
        backend: "torch", "onnx" or "auto": PyTorch if CUDA or bfloat16 is requested, or if it is installed and CUDA is
            available; else ONNX Runtime if the weights are exported; else PyTorch.
        device: "auto", "cpu", "cuda", "cuda:1", …; ONNX Runtime supports "cpu" only.
        precision: "auto", "bf16" or "fp32"; ONNX Runtime supports "fp32" only.

    Raises:
        WeightsError: there is no such file, it is damaged, or not exported.
        ConfigError: backend, device or precision is unknown, or they can't be combined.
        PackageError: the backend's package is not installed.
    """
    choices = ("backend", backend, (AUTO, "torch", "onnx")), ("precision", precision, (AUTO, "bf16", "fp32"))
    for name, value, known in choices:
        if value not in known:
            raise ConfigError(f"{value!r} is not one of {', '.join(known)}", subject=name)
    if backend == AUTO:
        if precision == "bf16" or uses_gpu(backend, device):
            backend = "torch"
        else:
            backend = "onnx" if is_exported(weights) or find_spec("torch") is None else "torch"
    if backend == "torch":
        with extra("torch", "backend torch"):
            from stegnet.networks.engines.torch_engine import TorchEngine
        from stegnet.networks.pair import load_pair

        return TorchEngine(load_pair(weights)[0], device, precision)
    if device not in (AUTO, "cpu"):
        raise ConfigError(f"backend onnx runs on the CPU only, not on {device}", "backend torch supports other devices")
    if precision == "bf16":
        raise ConfigError("backend onnx supports fp32 only, not bf16", "backend torch supports bf16")
    from stegnet.networks.engines.onnx_engine import OnnxEngine

    return OnnxEngine(weights)


def uses_gpu(backend: str, device: str) -> bool:
    """Return whether an engine that is loaded with these arguments computes on a GPU; arguments as `load_engine`."""
    if device == AUTO:
        return backend != "onnx" and _has_cuda()
    return device != "cpu"


def _has_cuda() -> bool:
    """Return whether PyTorch can use CUDA. Without a driver, PyTorch is not even imported to find out."""
    drivers = ("libcuda.so.1", "nvcuda.dll")
    if find_spec("torch") is None or not any(map(_can_load, drivers)):
        return False
    import torch

    return torch.cuda.is_available()


def _can_load(library: str) -> bool:
    with suppress(OSError):
        return bool(ctypes.CDLL(library))
    return False
