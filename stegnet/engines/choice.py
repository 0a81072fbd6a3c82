"""Which engine computes."""

import ctypes
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from stegnet.engines.engine import Engine
from stegnet.engines.graphs import is_exported
from stegnet.errors import ConfigError
from stegnet.extras import extra

AUTO = "auto"
TORCH, ONNX, OPENVINO = "torch", "onnx", "openvino"
BACKENDS = (AUTO, TORCH, ONNX, OPENVINO)
PRECISIONS = (AUTO, "bf16", "fp32")
_DRIVERS = ("libcuda.so.1", "nvcuda.dll")


def load_engine(weights: Path, backend: str = AUTO, device: str = AUTO, precision: str = AUTO) -> Engine:
    """The networks of a weights file, in the engine that is asked for.

    Args:
        backend: "torch", "onnx", "openvino" or "auto": PyTorch where a CUDA device, or bfloat16, is asked for or the
            machine has one and PyTorch is there; else ONNX Runtime, if the weights are exported; else PyTorch.
        device: "auto", "cpu", "cuda", "cuda:1", …; only PyTorch knows others than the CPU.
        precision: "auto", "bf16" or "fp32"; ONNX Runtime has 32 bits alone.
    Raises:
        WeightsError: there is no such file, it is damaged, or not exported.
        ConfigError: there is no such backend, device or precision, or they do not go together.
        PackageError: the backend's package is not installed.
    """
    for name, value, known in (("backend", backend, BACKENDS), ("precision", precision, PRECISIONS)):
        if value not in known:
            raise ConfigError(f"{name}: must be one of {', '.join(known)}, is {value!r}")
    backend = _pick(weights, device, precision) if backend == AUTO else backend
    if backend == TORCH:
        return _load_torch(weights, device, precision)
    if device not in (AUTO, "cpu"):
        raise ConfigError(f"backend {backend} computes on the CPU, not on {device}", "the backend torch knows others")
    return _load_openvino(weights, precision) if backend == OPENVINO else _load_onnx(weights, precision)


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
    with extra(TORCH, "the backend torch"):
        from stegnet.engines.torch_engine import TorchEngine
        from stegnet.models import load_pair
    return TorchEngine(load_pair(weights)[0], device, precision)


def _load_onnx(weights: Path, precision: str) -> Engine:
    if precision == "bf16":
        raise ConfigError("backend onnx computes at 32 bits, not in bf16", "the backends torch and openvino know it")
    with extra(ONNX, "the backend onnx"):
        from stegnet.engines.onnx_engine import OnnxEngine
    return OnnxEngine(weights)


def _load_openvino(weights: Path, precision: str) -> Engine:
    with extra(OPENVINO, "the backend openvino"):
        from stegnet.engines.openvino_engine import OpenVinoEngine
    return OpenVinoEngine(weights, precision)
