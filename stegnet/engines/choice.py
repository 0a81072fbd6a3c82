"""Which engine computes."""

import ctypes
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from stegnet.core.errors import ConfigError, extra
from stegnet.engines.engine import Engine
from stegnet.engines.graphs import is_exported

AUTO, TORCH, ONNX = "auto", "torch", "onnx"
BACKENDS = (AUTO, TORCH, ONNX)
PRECISIONS = (AUTO, "bf16", "fp32")
_DRIVERS = ("libcuda.so.1", "nvcuda.dll")


def load_engine(weights: Path, backend: str = AUTO, device: str = AUTO, precision: str = AUTO) -> Engine:
    """The networks of a weights file, in the engine that is asked for.

    Args:
        backend: "torch", "onnx" or "auto": PyTorch where CUDA or bfloat16 is asked for, or where it is installed and
            there is a CUDA device; else ONNX Runtime, if the weights are exported; else PyTorch.
        device: "auto", "cpu", "cuda", "cuda:1", …; ONNX Runtime knows the CPU alone.
        precision: "auto", "bf16" or "fp32"; ONNX Runtime knows 32 bits alone.
    Raises:
        WeightsError: there is no such file, it is damaged, or not exported.
        ConfigError: there is no such backend, device or precision, or they do not go together.
        PackageError: the backend's package is not installed.
    """
    for name, value, known in (("backend", backend, BACKENDS), ("precision", precision, PRECISIONS)):
        if value not in known:
            raise ConfigError(f"{name}: must be one of {', '.join(known)}, is {value!r}")
    backend = _pick(weights, device, precision) if backend == AUTO else backend
    return (_load_torch if backend == TORCH else _load_onnx)(weights, device, precision)


def _pick(weights: Path, device: str, precision: str) -> str:
    asked = device not in (AUTO, "cpu") or precision == "bf16"
    if asked or (device == AUTO and _has_cuda()):
        return TORCH
    return ONNX if is_exported(weights) or find_spec(TORCH) is None else TORCH


def _has_cuda() -> bool:
    """Is there a GPU that PyTorch can use? Where there is no driver, PyTorch need not be loaded to know."""
    if find_spec(TORCH) is None or not any(map(_loads, _DRIVERS)):
        return False
    import torch

    return torch.cuda.is_available()


def _loads(library: str) -> bool:
    with suppress(OSError):
        return bool(ctypes.CDLL(library))
    return False


def _load_torch(weights: Path, device: str, precision: str) -> Engine:
    with extra(TORCH, "backend torch"):
        from stegnet.engines.torch_engine import TorchEngine
        from stegnet.models import load_pair
    return TorchEngine(load_pair(weights)[0], device, precision)


def _load_onnx(weights: Path, device: str, precision: str) -> Engine:
    if device not in (AUTO, "cpu"):
        raise ConfigError(f"backend onnx computes on the CPU, not on {device}", "backend torch knows others")
    if precision == "bf16":
        raise ConfigError("backend onnx computes at 32 bits, not in bf16", "backend torch knows it")
    from stegnet.engines.onnx_engine import OnnxEngine

    return OnnxEngine(weights)
