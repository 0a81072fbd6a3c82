"""Kernels, the loops that take the most time: in C, and in NumPy with the same arguments and the same bits.

Each C source `_x.c` has a twin `numpy_x.py`. The twins compute where stegnet was installed without a C compiler, and
tests compare the C to them. Which of the two computes is chosen here, and nothing else in stegnet knows.
"""

import importlib
import os
from collections.abc import Callable
from types import BuiltinFunctionType, FunctionType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stegnet.kernels.numpy_belief import decode
    from stegnet.kernels.numpy_kernels import (
        filter,
        final,
        follow,
        gather,
        greens,
        mark,
        merge,
        merge_runs,
        numbers,
        price,
        rows,
        search,
        smooth,
        step,
        syndrome,
        windows,
    )
    from stegnet.kernels.numpy_libjpeg import (
        jpeg_blocks_hold,
        jpeg_forward,
        jpeg_offsets,
        jpeg_steps_hold,
        jpeg_ycc,
    )
    from stegnet.kernels.numpy_scan_decoding import decode_scan
    from stegnet.kernels.numpy_scans import code, count

VARIABLE = "STEGNET_KERNELS"  # environment variable: NUMPY switches the kernels in C off
NUMPY = "numpy"
_TWINS = ("belief", "kernels", "libjpeg", "scan_decoding", "scans")


def in_numpy() -> dict[str, Callable[..., Any]]:
    """Return the kernels in NumPy by name."""
    modules = [importlib.import_module(f"stegnet.kernels.numpy_{twin}") for twin in _TWINS]
    return {
        name: kernel
        for module in modules
        for name, kernel in vars(module).items()
        if isinstance(kernel, FunctionType) and kernel.__module__ == module.__name__ and not name.startswith("_")
    }


def _kernels_in_c() -> dict[str, Callable[..., Any]]:
    """Return the kernels in C by name; none if they are switched off, or were not compiled."""
    if os.environ.get(VARIABLE) == NUMPY:
        return {}
    try:
        module = importlib.import_module("stegnet.kernels._kernels")
    except ImportError:  # it was installed without a C compiler
        return {}
    return {name: kernel for name, kernel in vars(module).items() if isinstance(kernel, BuiltinFunctionType)}


IN_C = _kernels_in_c()


def __getattr__(name: str) -> Any:
    """Return a kernel that is used for the first time: a command that needs none does not import NumPy."""
    kernels = {} if name.startswith("_") else IN_C or in_numpy()
    if name not in kernels:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals().update(kernels)
    return globals()[name]


def kernels_missing() -> str | None:
    """Return a line for a user who waits, if the kernels could have been compiled and are not; else None."""
    if IN_C or os.environ.get(VARIABLE) == NUMPY:
        return None
    return "the compiled kernels are missing: this takes two to four times as long (a C compiler, then `pip install .`)"


def kernels_in_use() -> str:
    """Return the name of the kernels that run, for a report."""
    return "compiled kernels" if IN_C else "kernels of NumPy"
