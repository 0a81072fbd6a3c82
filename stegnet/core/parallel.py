"""Parallel work: threads over a stream of items, in order and with bounded memory, and ranks of training processes."""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import TypeVar

T, R = TypeVar("T"), TypeVar("R")
_END = object()


def physical_cores() -> int:
    """Number of physical cores available to this process, without hyper-threads."""
    from joblib import cpu_count  # slow to import

    return cpu_count(only_physical_cores=True)


def ahead(items: Generator[T, None, None], depth: int = 2) -> Generator[T, None, None]:
    """Prefetches up to `depth` items in a thread.

    Closing the generator ends the thread, then closes `items`. Don't close `items` directly: the thread may be
    running in it.
    """
    waiting: deque[Future] = deque()
    with closing(items), ThreadPoolExecutor(1) as pool, _cancelled(waiting):
        waiting.extend(pool.submit(next, items, _END) for _ in range(depth))
        while (item := waiting.popleft().result()) is not _END:
            waiting.append(pool.submit(next, items, _END))
            yield item


def ordered(
    function: Callable[[T], R], items: Iterable[T], workers: int, prepare: Callable[[], None] | None = None
) -> Generator[R, None, None]:
    """Maps `function` over items in `workers` threads; yields results in order, with at most one more result buffered.

    Close the generator to stop early, which ends the threads.

    Args:
        prepare: called once in each thread.
    """
    waiting: deque[Future[R]] = deque()
    with ThreadPoolExecutor(workers, initializer=prepare) as pool, _cancelled(waiting):
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


@contextmanager
def _cancelled(waiting: deque[Future]) -> Iterator[None]:
    """Cancels what has not been started at the end of the block."""
    try:
        yield
    finally:
        for future in waiting:
            future.cancel()


def is_launched() -> bool:
    """Returns whether this process was started as one of several: by torchrun, or by `training.launch`."""
    return "LOCAL_RANK" in os.environ


def rank() -> int:
    """The number of this process among those that train together; 0 leads."""
    return int(os.environ["RANK"]) if is_launched() else 0


def world_size() -> int:
    """The number of processes that train together, on all machines."""
    return int(os.environ["WORLD_SIZE"]) if is_launched() else 1


def local_world_size() -> int:
    """The number of processes that train together on this machine."""
    return int(os.environ["LOCAL_WORLD_SIZE"]) if is_launched() else 1
