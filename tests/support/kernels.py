"""The compiled kernels, and NumPy's."""

from collections.abc import Callable

import numpy as np
import pytest

from stegnet import kernels


def both(monkeypatch: pytest.MonkeyPatch, function: Callable[[], np.ndarray]) -> None:
    """Compares what a function gives with either."""
    fast = function()
    with monkeypatch.context() as patch:
        patch.setattr(kernels, "compiled", None)
        np.testing.assert_array_equal(function(), fast)
