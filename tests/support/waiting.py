"""Waiting for other threads, processes and servers: for a condition, however slow the machine is."""

import time
from collections.abc import Callable

LIMIT = 300  # seconds that nothing takes, even on a busy machine; less than pytest-timeout's limit


def wait_until(condition: Callable[[], object]) -> None:
    """Returns as soon as the condition holds."""
    end = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)
