"""Work spread over the processes of this machine, or over the nodes of a Ray cluster, with bounded memory."""

import logging
import pickle
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from itertools import islice
from multiprocessing import get_context
from typing import TypeVar

import cv2

from stegnet.core.errors import DataError, StegnetError
from stegnet.core.parallel import AUTO, connect, physical_cores

RAY = "ray"
_AT_ONCE = 250  # items that Ray Data is given at once
_HINT = "memory may have run out: lower data.workers, then start again; what is finished is kept"

T, R = TypeVar("T"), TypeVar("R")


def spread(function: Callable[[T], R], items: Iterable[T], workers: int | str) -> Iterator[R]:
    """Maps a function over items; yields results in any order.

    Args:
        function: what every process can import, and its arguments.
        workers: number of processes with one thread each; auto: one per physical core; ray: the CPUs of a cluster.
    Raises:
        DataError: a process was killed.
        ConfigError: there is no cluster.
        PackageError: Ray is not installed.
    """
    if workers == RAY:
        return _over_cluster(function, items)
    return _over_processes(function, items, physical_cores() if workers == AUTO else int(workers))


def _over_processes(function: Callable[[T], R], items: Iterable[T], count: int) -> Iterator[R]:
    waiting: deque[Future[R]] = deque()
    with ProcessPoolExecutor(count, get_context("spawn"), cv2.setNumThreads, (1,)) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) > 2 * count:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool as error:
            raise DataError("a process that prepares pictures was killed", _HINT) from error
        finally:
            for future in waiting:
                future.cancel()


def _over_cluster(function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """Streams the items through Ray Data, on the cluster that RAY_ADDRESS names, or on one of this machine.

    A node that dies loses nothing: Ray does its items again.
    """
    connect()
    items = iter(items)
    while batch := list(islice(items, _AT_ONCE)):
        yield from _stream(function, batch)


def _stream(function: Callable[[T], R], batch: list[T]) -> Iterator[R]:
    import ray.data

    logging.getLogger("ray.data").setLevel(logging.ERROR)  # otherwise it tells of each plan
    ray.data.DataContext.get_current().enable_progress_bars = False
    rows = ray.data.from_items([{"item": pickle.dumps(item)} for item in batch], override_num_blocks=len(batch))
    for row in rows.map(partial(_in_task, function), num_cpus=1).iter_rows():
        result = pickle.loads(row["result"])
        if isinstance(result, StegnetError):
            raise result
        yield result


def _in_task(function: Callable[[T], R], row: dict[str, bytes]) -> dict[str, bytes]:
    """Returns an error as a result: Ray Data would wrap it in its own."""
    cv2.setNumThreads(1)
    try:
        result = function(pickle.loads(row["item"]))
    except StegnetError as error:
        result = error
    return {"result": pickle.dumps(result)}
