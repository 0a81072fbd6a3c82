"""PyTorch on this machine: device, precision, and determinism."""

import os
from contextlib import AbstractContextManager, nullcontext
from textwrap import shorten

import numpy as np
import torch

from stegnet.core.errors import ConfigError
from stegnet.core.parallel import Auto, local_rank, local_world_size, physical_cores

PRECISIONS = ("auto", "bf16", "fp32")


def pick_device(name: str = "auto") -> torch.device:
    """Return a device by name, a GPU with its index; "auto" is this process's GPU if CUDA is available, else the CPU.

    Raises:
        ConfigError: this machine has no such device.
    """
    if name == "auto":
        return torch.device("cuda", local_rank()) if torch.cuda.is_available() else torch.device("cpu")
    try:
        return torch.empty(1, device=name).device
    except (RuntimeError, AssertionError) as error:
        reason = shorten(str(error).partition("\n")[0], 100, placeholder=" …")
        raise ConfigError("this machine has no such device", f"{reason}; cpu works everywhere", subject=name) from error


def device_name(device: torch.device) -> str:
    """Return a device's name for people: "cpu", or "cuda:0 (NVIDIA H100)"."""
    return f"{device} ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else str(device)


def has_bf16(device: torch.device) -> bool:
    """Return whether bfloat16 is fast on a device, not merely supported."""
    if device.type == "cuda":  # since Ampere; before it, bf16 is emulated, and cuDNN has no convolutions
        return torch.cuda.get_device_capability(device)[0] >= 8
    built_in = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return built_in and torch.ops.mkldnn._is_mkldnn_bf16_supported()  # False if disabled by ONEDNN_MAX_CPU_ISA


def has_fp16(device: torch.device) -> bool:
    """Return whether a device computes fast in float16: GPUs since Volta, and the P100."""
    if device.type != "cuda":
        return False
    capability = torch.cuda.get_device_capability(device)
    return capability >= (7, 0) or capability == (6, 0)


def resolve(precision: str, device: torch.device) -> str:
    """Resolve "auto" to "bf16" if that is fast on the device, else to "fp32"; return other precisions as they are.

    Raises:
        ConfigError: the precision is unknown, or the GPU doesn't support it.
    """
    if precision not in PRECISIONS:
        raise ConfigError("no such precision", f"known: {', '.join(PRECISIONS)}", subject=precision)
    if precision == "bf16" and device.type == "cuda" and not has_bf16(device):
        raise ConfigError(f"{device_name(device)} does not have it", "use auto or fp32", subject="bf16")
    if precision != "auto":
        return precision
    return "bf16" if has_bf16(device) else "fp32"


def autocast(precision: str, device: torch.device) -> AbstractContextManager[object]:
    """Return a context for a forward pass at a precision, "bf16", "fp16" or "fp32"."""
    types = {"bf16": torch.bfloat16, "fp16": torch.float16}
    return torch.autocast(device.type, types[precision]) if precision in types else nullcontext()


def is_out_of_memory(error: RuntimeError) -> bool:
    """Return whether PyTorch raised an error because the device's memory is full."""
    said = str(error)
    return isinstance(error, torch.OutOfMemoryError) or "allocate memory" in said or "out of memory" in said


def full_precision(device: torch.device) -> AbstractContextManager[object]:
    """Return a context that disables an enclosing autocast."""
    enclosing = device.type != "meta" and torch.is_autocast_enabled(device.type)
    return torch.autocast(device.type, enabled=False) if enclosing else nullcontext()


def cpu_threads(threads: int | Auto) -> int:
    """Return the number of CPU threads for this process; "auto" is its share of the physical cores."""
    return threads if isinstance(threads, int) else max(1, physical_cores() // local_world_size())


def make_deterministic(seed: int, threads: int | Auto) -> None:
    """Seed PyTorch and make its kernels deterministic; the number of threads fixes the order of sums."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic only with a fixed workspace
    torch.manual_seed(seed)
    torch.set_num_threads(cpu_threads(threads))
    torch.use_deterministic_algorithms(True)
    # Filling memory costs time, and no kernel here reads memory that it has not written.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # set by a module's class
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.allow_tf32 = False


def seed_step(seed: int, step: int, rank: int) -> None:
    """Seed random draws of a network, such as dropout, so that a training can resume at any step."""
    torch.manual_seed(int(np.random.SeedSequence((seed, step, rank)).generate_state(1, np.uint64)[0]))
