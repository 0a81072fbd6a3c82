"""Bounds of memory: what takes more than it should fails in a test, on whatever machine."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def memory_limited(more: int) -> Iterator[None]:
    """Within the block, this process gets at most so many more bytes of memory: a MemoryError is raised beyond that.

    Files that are mapped don't count. Skips the test where the system does not limit that: all but Linux.
    """
    if sys.platform != "linux":
        pytest.skip("memory is limited by Linux alone")
    import resource

    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    used = 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmData"))
    before = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (used + more, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)
