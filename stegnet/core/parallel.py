"""Parallel work over a stream of items, in order and with bounded memory, its progress, and ranks of processes.

The work is done by threads of this process, or by processes of a Ray cluster.
"""

import os
import socket
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Literal, TypeVar

from stegnet.core.errors import ConfigError, extra
from stegnet.core.process_settings import set_up_process

AUTO = "auto"  # as fits this machine, or as configured
Auto = Literal["auto"]
Item = TypeVar("Item")
Result = TypeVar("Result")
_PART = 1 << 20  # items
# Callback that gets the name of the phase ("hide", "verify", …; a `Phase` if it is one of several steps), frames
# done, and frames in all (0: unknown). Work that can't be counted reports itself about every second, as 0 of 0.
Progress = Callable[[str, int, int], None]
Step = Callable[[int, int], None]  # callback of one phase, which gets what is done, and in all


class Phase(str):
    """Name of a phase that is a step of a job, with its number, from 1, and the number of steps; 0: the only step."""

    step: int = 0
    steps: int = 0


def no_progress(phase: str, done: int, total: int) -> None:
    """Do nothing: a progress callback for callers that need no progress."""


def no_step(done: int, total: int) -> None:
    """Do nothing: the same for one phase."""


def in_steps(progress: Progress, *phases: str) -> Progress:
    """Return a callback that numbers a job's phases in this order, if there are several.

    A job may leave out its first phases: the numbers begin at the first one that it reports.
    """
    numbered: dict[str, Phase] = {}

    def tell(phase: str, done: int, total: int) -> None:
        if phase in phases and not numbered:
            coming = phases[phases.index(phase) :]
            numbered.update({name: Phase(name) for name in coming})
            for step, numbered_phase in enumerate(numbered.values() if len(coming) > 1 else (), 1):
                numbered_phase.step = step
                numbered_phase.steps = len(coming)
        progress(numbered.get(phase, phase), done, total)

    return tell


def physical_cores() -> int:
    """Return the number of physical cores available to this process, without hyper-threads."""
    from joblib import cpu_count  # slow to import

    cores: int = cpu_count(only_physical_cores=True)
    return cores


def thread_count() -> int:
    """Return the number of threads to compute with: OMP_NUM_THREADS, else the processors available to this process."""
    setting = os.environ.get("OMP_NUM_THREADS", "")
    if setting.isdecimal() and int(setting):
        return int(setting)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def prefetch(items: Generator[Item, None, None], depth: int = 2) -> Generator[Item, None, None]:
    """Yield items; a thread prefetches up to `depth` of them.

    Closing the generator ends the thread, then closes `items`. Don't close `items` directly: the thread may be running
    in it.
    """

    def take() -> list[Item]:
        """Return a list of the next item, empty after the last."""
        return list(islice(items, 1))

    waiting: deque[Future[list[Item]]] = deque()
    with closing(items), _threads(1) as pool:
        waiting.extend(pool.submit(take) for _ in range(depth))
        while taken := waiting.popleft().result():
            waiting.append(pool.submit(take))
            yield from taken


def with_heartbeat(function: Callable[[], Result], sign: Callable[[], None]) -> Result:
    """Call a function in a thread, and `sign` here, at once and about every second until the function has ended.

    Errors of `sign` are raised once the function has ended.
    """
    interval = 1.0  # seconds between heartbeats
    with ThreadPoolExecutor(1) as pool:
        work = pool.submit(function)
        sign()
        while not wait([work], interval).done:
            sign()
        return work.result()


@contextmanager
def _threads(count: int, prepare: Callable[[], None] | None = None) -> Iterator[ThreadPoolExecutor]:
    """Yield a pool of threads; at the end of the block, cancel the calls that have not started."""
    pool = ThreadPoolExecutor(count, initializer=prepare)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def parallel_map(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int, prepare: Callable[[], None] | None = None
) -> Generator[Result, None, None]:
    """Map `function` over items in `workers` threads; yield results in order, with at most one more result buffered.

    `prepare` is called once in each thread. Close the generator to stop early, which ends the threads.
    """
    waiting: deque[Future[Result]] = deque()
    with _threads(workers, prepare) as pool:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def in_parts(work: Callable[[slice], Result], count: int, unit: int = 1, most: int | None = None) -> list[Result]:
    """Call `work` with parts of `count` places, to bound the memory; threads share the parts if there are several.

    Args:
        work: a function of the slice of places to work on.
        count: number of places in all.
        unit: number of places that stay together.
        most: places of a part, a multiple of `unit`, or a single larger unit; None: about a million.
    """
    size = max((_PART if most is None else most) // unit, 1) * unit
    parts = [slice(start, min(start + size, count)) for start in range(0, count, size)]
    return [work(part) for part in parts] if len(parts) < 2 else list(parallel_map(work, parts, thread_count()))


def distributed(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int, prepare: Callable[[], None] | None = None
) -> Generator[Result, None, None]:
    """Return `parallel_map`, or if RAY_ADDRESS is set, the same on that cluster, whose processes do one item at a time.

    On a cluster, function, items and results are pickled, and all nodes must share this folder, at the same path.
    """
    if not on_cluster():
        return parallel_map(function, items, workers, prepare)
    folder = Path.cwd()

    def in_folder(item: Item) -> Result:
        os.chdir(folder)
        if prepare:
            prepare()
        return function(item)

    return over_cluster(in_folder, items)


def on_cluster() -> bool:
    """Return whether this program uses a Ray cluster."""
    return "RAY_ADDRESS" in os.environ


def load_ray(what: str) -> ModuleType:
    """Import Ray, which is optional and slow to import; arguments and errors are those of `extra`."""
    with extra("cluster", what):
        import ray
    return ray


def connect() -> ModuleType:
    """Connect this process to the cluster that RAY_ADDRESS names, or to one on this machine; return Ray.

    Raises:
        ConfigError: there is no cluster at that address.
        PackageError: Ray is not installed.
    """
    ray = load_ray("a Ray cluster")
    try:
        check_port(os.environ.get("RAY_ADDRESS", ""))
        # PYTHONPATH for processes that start in another folder; Ray itself passes on only the current folder.
        paths = [str(Path(path).absolute()) for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
        variables = {"PYTHONPATH": os.pathsep.join(paths)} if paths else {}
        ray.init(logging_level="WARNING", ignore_reinit_error=True, runtime_env={"env_vars": variables})
    except OSError as error:
        hint = "check RAY_ADDRESS; `ray status` shows a cluster's state"
        raise ConfigError(f"no Ray cluster can be reached: {error}", hint) from error
    return ray


def check_port(address: str) -> None:
    """Raise OSError if nothing listens at HOST:PORT or ray://HOST:PORT: Ray would try for minutes."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon and not port.isdecimal():
        raise OSError(f"{port!r} is not a port")
    timeout = 10.0  # seconds
    if colon:
        socket.create_connection((host.strip("[]"), int(port)), timeout).close()


def over_cluster(function: Callable[[Item], Result], items: Iterable[Item]) -> Generator[Result, None, None]:
    """Yield a function's results over items on the cluster; a lost process is replaced, and its item done again."""
    ray = connect()
    pending = 2 * int(ray.cluster_resources()["CPU"])  # items at a time, so that no processor waits for this process

    def first_result() -> Result:
        """Wait for the first result, or raise the error of its task as if it had been raised here."""
        try:
            result: Result = ray.get(waiting.popleft())
            return result
        except ray.exceptions.RayTaskError as error:
            raise error.cause from error

    task = ray.remote(_call)
    shared = ray.put(function)
    waiting: deque[object] = deque()  # references to results
    try:
        for item in items:
            waiting.append(task.remote(shared, item))
            if len(waiting) > pending:
                yield first_result()
        while waiting:
            yield first_result()
    finally:
        for reference in waiting:
            ray.cancel(reference)


def _call(function: Callable[[Item], Result], item: Item) -> Result:
    set_up_process()  # of the cluster
    return function(item)


def is_launched() -> bool:
    """Return whether this process was started as one of several."""
    return "LOCAL_RANK" in os.environ


def rank() -> int:
    """Return the number of this process among those that train together; 0 leads."""
    return int(os.environ["RANK"]) if is_launched() else 0


def local_rank() -> int:
    """Return the number of this process among those of this machine, which is also its GPU's number."""
    return int(os.environ["LOCAL_RANK"]) if is_launched() else 0


def world_size() -> int:
    """Return the number of processes that train together, on all machines."""
    return int(os.environ["WORLD_SIZE"]) if is_launched() else 1


def local_world_size() -> int:
    """Return the number of processes that train together on this machine."""
    return int(os.environ["LOCAL_WORLD_SIZE"]) if is_launched() else 1
