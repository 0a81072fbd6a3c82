"""The kernels in C, and their twins in NumPy."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from stegnet import kernels


@contextmanager
def numpy_kernels() -> Iterator[None]:
    """Lets NumPy compute in the block."""
    with pytest.MonkeyPatch.context() as patch:
        for name, kernel in kernels.in_numpy().items():
            patch.setattr(kernels, name, kernel)
        yield


def both(function: Callable[[], np.ndarray]) -> None:
    """Compares what a function gives with either."""
    fast = function()
    with numpy_kernels():
        np.testing.assert_array_equal(function(), fast)
