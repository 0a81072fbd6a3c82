"""The compiled kernels, beside the NumPy code that defines them: the same bits, faster."""

import os
from contextlib import suppress

VARIABLE, NUMPY = "STEGNET_KERNELS", "numpy"

compiled = None  # NumPy does all
if os.environ.get(VARIABLE) != NUMPY:
    with suppress(ImportError):  # it was installed without a C compiler
        from stegnet.kernels import _kernels as compiled


def kernels_missing() -> str | None:
    """A line for whoever waits for long, if the kernels could have been compiled and are not."""
    if compiled or os.environ.get(VARIABLE) == NUMPY:
        return None
    return "the compiled kernels are missing: this takes two to four times as long (a C compiler, then `pip install .`)"


def kernels_in_use() -> str:
    """The kernels that run, in words."""
    return "compiled kernels" if compiled else "kernels of NumPy"
