"""Selection of an engine by backend, device and precision."""

import ctypes
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from stegnet import networks
from stegnet.core.errors import ConfigError, extra
from stegnet.networks.engines.engine import Engine, is_exported

AUTO, TORCH, ONNX = "auto", "torch", "onnx"
BACKENDS = (AUTO, TORCH, ONNX)
PRECISIONS = (AUTO, "bf16", "fp32")
_DRIVERS = ("libcuda.so.1", "nvcuda.dll")


def load_engine(weights: Path, backend: str = AUTO, device: str = AUTO, precision: str = AUTO) -> Engine:
    """Loads a weights file into an engine.

    Args:
        backend: "torch", "onnx" or "auto": PyTorch if CUDA or bfloat16 is requested, or if it is installed and CUDA is
            available; else ONNX Runtime if the weights are exported; else PyTorch.
        device: "auto", "cpu", "cuda", "cuda:1", …; ONNX Runtime supports "cpu" only.
        precision: "auto", "bf16" or "fp32"; ONNX Runtime supports "fp32" only.
    Raises:
        WeightsError: there is no such file, it is damaged, or not exported.
        ConfigError: backend, device or precision is unknown, or they can't be combined.
        PackageError: the backend's package is not installed.
    """
    for name, value, known in (("backend", backend, BACKENDS), ("precision", precision, PRECISIONS)):
        if value not in known:
            raise ConfigError(f"{name}: must be one of {', '.join(known)}, is {value!r}")
    backend = _select(weights, device, precision) if backend == AUTO else backend
    return (_load_torch if backend == TORCH else _load_onnx)(weights, device, precision)


def _select(weights: Path, device: str, precision: str) -> str:
    torch_only = device not in (AUTO, "cpu") or precision == "bf16"
    if torch_only or (device == AUTO and _has_cuda()):
        return TORCH
    return ONNX if is_exported(weights) or find_spec(TORCH) is None else TORCH


def _has_cuda() -> bool:
    """Returns True if PyTorch can use CUDA; without a driver, PyTorch is not even imported to find out."""
    if find_spec(TORCH) is None or not any(map(_can_load, _DRIVERS)):
        return False
    import torch

    return torch.cuda.is_available()


def _can_load(library: str) -> bool:
    with suppress(OSError):
        return bool(ctypes.CDLL(library))
    return False


def _load_torch(weights: Path, device: str, precision: str) -> Engine:
    with extra(TORCH, "backend torch"):
        from stegnet.networks.engines.torch_engine import TorchEngine
    return TorchEngine(networks.load_pair(weights)[0], device, precision)


def _load_onnx(weights: Path, device: str, precision: str) -> Engine:
    if device not in (AUTO, "cpu"):
        raise ConfigError(f"backend onnx runs on the CPU only, not on {device}", "backend torch supports other devices")
    if precision == "bf16":
        raise ConfigError("backend onnx supports fp32 only, not bf16", "backend torch supports bf16")
    from stegnet.networks.engines.onnx_engine import OnnxEngine

    return OnnxEngine(weights)
