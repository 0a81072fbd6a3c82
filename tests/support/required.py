"""What a test needs of its machine besides Python."""

import os
from typing import NoReturn

import pytest


def missing(variable: str, reason: str) -> NoReturn:
    """Skips the test, or fails it where an environment variable says that what is missing is required."""
    stop = pytest.fail if os.environ.get(variable) == "required" else pytest.skip
    stop(reason)
