"""All tests of this folder compare the kernels in C to those in NumPy."""

import os

import pytest

from stegnet import kernels


@pytest.fixture(autouse=True)
def compiled() -> None:
    if not kernels.IN_C:
        stop = pytest.fail if os.environ.get("STEGNET_COMPILER") == "required" else pytest.skip
        stop("the kernels were not compiled: install a C compiler and Python's headers, then stegnet again")
