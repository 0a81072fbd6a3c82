"""The compiled kernels, beside the NumPy code that defines them: the same bits, faster."""

import os
from types import ModuleType

VARIABLE, NUMPY = "STEGNET_KERNELS", "numpy"


def _load() -> ModuleType | None:
    if os.environ.get(VARIABLE) == NUMPY:
        return None
    try:
        from stegnet.kernels import _kernels
    except ImportError:  # it was installed without a C compiler
        return None
    return _kernels


compiled = _load()  # None: NumPy does all


def kernels_missing() -> str | None:
    """A line for whoever waits for long, if the kernels could have been compiled and are not."""
    if compiled or os.environ.get(VARIABLE) == NUMPY:
        return None
    return "the compiled kernels are missing: this takes two to four times as long (a C compiler, then `pip install .`)"


def kernels_in_use() -> str:
    """The kernels that run, in words."""
    return "compiled kernels" if compiled else "kernels of NumPy"
