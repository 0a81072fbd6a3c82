"""The kernels' oracles in NumPy, and what they give instead of the kernels in C."""

from collections.abc import Callable
from types import FunctionType
from typing import Any

import numpy as np
import pytest

from stegnet import kernels
from tests.kernels import (
    numpy_belief,
    numpy_jpeg_costs,
    numpy_kernels,
    numpy_libjpeg,
    numpy_scan_decoding,
    numpy_scans,
)

ORACLES: dict[str, Callable[..., Any]] = {
    name: oracle
    for module in (numpy_belief, numpy_jpeg_costs, numpy_kernels, numpy_libjpeg, numpy_scan_decoding, numpy_scans)
    for name, oracle in vars(module).items()
    if isinstance(oracle, FunctionType) and oracle.__module__ == module.__name__ and not name.startswith("_")
}


def both(function: Callable[[], np.ndarray]) -> None:
    """Compares what a function gives by the kernels and by their oracles."""
    fast = function()
    with pytest.MonkeyPatch.context() as patch:
        for name, oracle in ORACLES.items():
            patch.setattr(kernels, name, oracle)
        np.testing.assert_array_equal(function(), fast)
