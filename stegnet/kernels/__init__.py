"""Compiled kernels, beside the NumPy code that defines them: the same bits, faster."""

import os
from contextlib import suppress
from importlib import import_module
from types import ModuleType

VARIABLE = "STEGNET_KERNELS"  # environment variable: NUMPY switches the compiled kernels off
NUMPY = "numpy"

compiled: ModuleType | None = None  # NumPy does all
if os.environ.get(VARIABLE) != NUMPY:
    with suppress(ImportError):  # it was installed without a C compiler
        compiled = import_module("stegnet.kernels._kernels")


def kernels_missing() -> str | None:
    """Return a line for a user who waits, if the kernels could have been compiled and are not; else None."""
    if compiled or os.environ.get(VARIABLE) == NUMPY:
        return None
    return "the compiled kernels are missing: this takes two to four times as long (a C compiler, then `pip install .`)"


def kernels_in_use() -> str:
    """Return the name of the kernels that run, for a report."""
    return "compiled kernels" if compiled else "kernels of NumPy"
