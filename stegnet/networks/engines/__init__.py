"""Engines that run the networks of a pair, PyTorch or ONNX Runtime, and their selection."""

import ctypes
import os
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from stegnet.core.errors import ConfigError, extra

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # ONNX Runtime reads it when it is imported, and reports to its makers if not

from stegnet.networks.engines.engine import Engine, Pool, is_exported

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
    if backend == AUTO:
        if device not in (AUTO, "cpu") or precision == "bf16" or (device == AUTO and _has_cuda()):
            backend = TORCH
        else:
            backend = ONNX if is_exported(weights) or find_spec(TORCH) is None else TORCH
    if backend == TORCH:
        with extra(TORCH, "backend torch"):
            from stegnet.networks.engines.torch_engine import TorchEngine
        from stegnet.networks.pair import load_pair

        return TorchEngine(load_pair(weights)[0], device, precision)
    if device not in (AUTO, "cpu"):
        raise ConfigError(f"backend onnx runs on the CPU only, not on {device}", "backend torch supports other devices")
    if precision == "bf16":
        raise ConfigError("backend onnx supports fp32 only, not bf16", "backend torch supports bf16")
    from stegnet.networks.engines.onnx_engine import OnnxEngine

    return OnnxEngine(weights)


def _has_cuda() -> bool:
    """True if PyTorch can use CUDA; without a driver, PyTorch is not even imported to find out."""
    if find_spec(TORCH) is None or not any(map(_can_load, _DRIVERS)):
        return False
    import torch

    return torch.cuda.is_available()


def _can_load(library: str) -> bool:
    with suppress(OSError):
        return bool(ctypes.CDLL(library))
    return False
