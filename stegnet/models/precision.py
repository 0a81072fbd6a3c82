"""Device and floating-point precision of a network."""

from contextlib import AbstractContextManager, nullcontext

import torch

from stegnet.core.errors import ConfigError

PRECISIONS = ("auto", "bf16", "fp32")


def pick_device(name: str = "auto") -> torch.device:
    """Returns a device by name; "auto" is CUDA if available, else the CPU.

    Raises:
        ConfigError: this machine has no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(f"{name}: this machine has no such device", "cpu works everywhere") from error
    return device


def has_bf16(device: torch.device) -> bool:
    """Returns True if bfloat16 is fast on a device, not merely supported."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    built_in = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return built_in and torch.ops.mkldnn._is_mkldnn_bf16_supported()  # False if disabled by ONEDNN_MAX_CPU_ISA


def resolve(precision: str, device: torch.device) -> str:
    """Resolves "auto" to "bf16" if it is fast on the device, else "fp32"; these two are returned as they are.

    Raises:
        ConfigError: the precision is none of the three.
    """
    if precision not in PRECISIONS:
        raise ConfigError(f"{precision}: no such precision", f"known: {', '.join(PRECISIONS)}")
    if precision != "auto":
        return precision
    return "bf16" if has_bf16(device) else "fp32"


def autocast(precision: str, device: torch.device) -> AbstractContextManager:
    """Context for a forward pass at a precision, "bf16" or "fp32"."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


def full_precision(device: torch.device) -> AbstractContextManager:
    """Context that disables an enclosing autocast."""
    enclosing = device.type != "meta" and torch.is_autocast_enabled(device.type)
    return torch.autocast(device.type, enabled=False) if enclosing else nullcontext()
