"""The compiled kernels, beside the NumPy code that defines them: the same bits, faster; and orders by random words."""

import os
from contextlib import suppress

import numpy as np

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


def stable_argsort(words: np.ndarray) -> np.ndarray:
    """The stable argsort of random words, which are sorted by their highest bits, with the place in the lowest."""
    return first_sorted(words, words.size)


def first_sorted(words: np.ndarray, count: int) -> np.ndarray:
    """The first so many elements of `stable_argsort`, (count,) int; few are found without sorting the others."""
    places = np.uint64((1 << words.size.bit_length()) - 1)
    keys = words & ~places | np.arange(words.size, dtype=np.uint64)
    if count + 1 < keys.size:
        keys = np.partition(keys, count)[: count + 1]
    if compiled:
        compiled.sort(keys)
    else:
        keys.sort()
    order = (keys & places).astype(np.intp)
    ties = np.flatnonzero((keys[1:] ^ keys[:-1]) <= places)  # for one in some million words, the lowest bits decide
    if (np.diff(ties) == 1).any() or (ties >= count - 1).any():
        return words.argsort(kind="stable")[:count]
    pairs = ties[words[order[ties]] > words[order[ties + 1]]]
    order[pairs], order[pairs + 1] = order[pairs + 1], order[pairs]
    return order[:count]
