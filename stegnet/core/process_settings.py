"""Settings of the whole process: those of a program of stegnet's own, and those that the library borrows.

A caller of the library keeps its settings. What they must be for a while, `Borrowed` changes and puts back. Only a
program of stegnet's own calls `set_up_process`.
"""

import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ContextDecorator, contextmanager, suppress
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threadpoolctl import LibController

_own_process = False  # whether `set_up_process` was called


class Borrowed(ContextDecorator):
    """A setting of the whole process that is changed for a block or function, in any number of threads at a time.

    The first thread that needs the setting changes it, and the last one restores it. If each did both, one of them
    would restore what another had set.

    Args:
        change: returns a context that changes the setting and restores it.
    """

    def __init__(self, change: Callable[[], AbstractContextManager[None]]) -> None:
        self._change = change
        self._users = 0
        self._lock = Lock()

    def __enter__(self) -> None:
        with self._lock:
            if not self._users:
                self._changed = self._change()
                self._changed.__enter__()
            self._users += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._users -= 1
            if not self._users:
                self._changed.__exit__(None, None, None)


def default_variable(name: str, value: str) -> Borrowed:
    """Return the setting of a variable of the environment, which the user may have set."""

    @contextmanager
    def change() -> Iterator[None]:
        is_set = name in os.environ
        os.environ.setdefault(name, value)
        try:
            yield
        finally:
            if not is_set:
                os.environ.pop(name, None)

    return Borrowed(change)


def _loaded_blas() -> "list[LibController]":
    """Return NumPy's BLAS, and others, but for those with a setting for each thread, as by OpenMP."""
    import numpy as np  # noqa: F401, so that its BLAS is loaded
    from threadpoolctl import ThreadpoolController

    loaded = ThreadpoolController().select(user_api="blas").lib_controllers
    return [library for library in loaded if getattr(library, "threading_layer", "") != "openmp"]


@contextmanager
def _one_thread() -> Iterator[None]:
    """Have BLAS compute in one thread for the block."""
    libraries = _loaded_blas()
    before = [library.num_threads for library in libraries]
    for library in libraries:
        _set_threads(library, 1)
    try:
        yield
    finally:
        for library, threads in zip(libraries, before, strict=True):
            if library.num_threads == 1:  # otherwise the caller has set it meanwhile
                _set_threads(library, threads)


def _set_threads(library: "LibController", threads: int) -> None:
    """Set the number of threads of a BLAS from any thread.

    threadpoolctl lets no other thread than the first one set OpenBLAS's, and says nothing. So this thread takes the
    control, and hands it back.
    """
    from threadpoolctl import OpenBLASController

    OpenBLASController.clear_controlling_thread(force=True)
    library.set_num_threads(threads)
    OpenBLASController.clear_controlling_thread()


# BLAS computes in one thread in calls of the library: `core.parallel` already shares the cores, and BLAS's own threads
# would spin. OpenBLAS has one setting for the whole process.
blas_in_one_thread = Borrowed(_one_thread)
# OpenBLAS reads this while NumPy is imported. Its threads, which a program of stegnet's own stops at once, would take a
# fifth of NumPy's import.
openblas_starts_no_threads = default_variable("OPENBLAS_NUM_THREADS", "1")


@cache
def set_up_process() -> None:
    """Change the settings of this process, for good, to what suits stegnet: only for programs of its own.

    The command line, with the window, its worker processes, and the stages of the pipeline call it before they import
    PyTorch.
    """
    global _own_process  # noqa: PLW0603
    _own_process = True
    with openblas_starts_no_threads:
        libraries = _loaded_blas()
    for library in libraries:
        _set_threads(library, 1)
    # PyTorch's threads spin while they wait for one another. By default they spin for so long that a training took ten
    # times as long beside other work, when the thread they waited for had no core. GNU's OpenMP reads this when PyTorch
    # is imported: threads spin through the short gaps between operations, and then sleep. Fewer turns cost more on a
    # quiet machine, where a sleeping thread must be woken; more turns cost more beside other work. The standard's own
    # variable has priority.
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    # Otherwise glibc raises both thresholds to the largest block ever freed, up to those of films, and each thread
    # keeps some memory for itself: a large picture takes a third more. Strips of a picture are kept for the next ones,
    # whichever thread computes those: to get them from the system takes a seventh of the time, and what is kept is
    # less than the peak anyway. Users may choose by glibc's environment variables.
    if "MALLOC_MMAP_THRESHOLD_" not in os.environ:
        _set_malloc(64 << 20, 4 << 20)


def keep_freed_memory() -> None:
    """Have the C library keep memory that threads free, and reuse it for the next frame of a film.

    Otherwise glibc returns it at once, and the system clears each page again, which takes a tenth of the time; and each
    thread keeps some memory for itself. Other libraries have no such settings. In a caller's process, do nothing:
    glibc can't return to what it had.
    """
    if _own_process:
        _set_malloc(256 << 20, 32 << 20)


def _set_malloc(kept: int, mapped: int) -> None:
    """Have glibc keep as many bytes of freed memory, map blocks from a size on separately, and use one memory pool.

    Args:
        kept: bytes.
        mapped: bytes; glibc takes at most 32 MiB.
    """
    if sys.platform == "linux":
        trim_threshold = -1  # names of settings in malloc.h
        mmap_threshold = -3
        arena_max = -8
        with suppress(AttributeError):  # the library is not glibc
            mallopt = ctypes.CDLL(None).mallopt
            mallopt(trim_threshold, kept)
            mallopt(mmap_threshold, mapped)
            mallopt(arena_max, 1)
