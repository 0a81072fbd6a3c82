"""All tests of this folder compare the kernels in C to those in NumPy."""

import pytest

from stegnet import kernels
from tests.support.required import missing


@pytest.fixture(autouse=True)
def compiled() -> None:
    if not kernels.IN_C:
        reason = "the kernels were not compiled: install a C compiler and Python's headers, then stegnet again"
        missing("STEGNET_COMPILER", reason)
