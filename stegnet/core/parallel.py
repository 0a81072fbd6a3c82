"""Threads that work on a stream of items, in order and with bounded memory, their progress, and ranks of processes.

Several processes, of this machine or of a cluster: `stegnet.processes`.
"""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from itertools import islice
from typing import Literal, TypeVar

AUTO = "auto"  # as fits this machine, or as configured
Auto = Literal["auto"]
Item = TypeVar("Item")
Result = TypeVar("Result")
_PART = 1 << 20  # items
# Callback that gets the name of the phase ("hide", "verify", …; a `Phase` if it is one of several), frames
# done, and frames in all (0: unknown). Work that can't be counted reports itself about every second, as 0 of 0.
Progress = Callable[[str, int, int], None]
Count = Callable[[int, int], None]  # callback of one phase, which gets what is done, and in all


class Phase(str):
    """Name of a phase of a job, with its number, from 1, and the number of phases; 0: it is the only one."""

    number: int = 0
    last: int = 0

    def at(self, number: int) -> "Phase":
        """Return this phase with another number."""
        phase = Phase(self)
        phase.number = number
        phase.last = self.last
        return phase


def no_progress(phase: str, done: int, total: int) -> None:
    """Do nothing: a progress callback for callers that need no progress."""


def no_count(done: int, total: int) -> None:
    """Do nothing: the same for one phase."""


def with_phases(progress: Progress, *phases: str) -> Progress:
    """Return a callback that numbers a job's phases in this order, if there are several.

    A job may leave out its first phases: the numbers begin at the first one that it reports. The numbers never fall: a
    phase that comes again counts to the latest.
    """
    numbered: dict[str, Phase] = {}
    latest = 0

    def tell(phase: str, done: int, total: int) -> None:
        nonlocal latest
        if phase in phases and not numbered:
            coming = phases[phases.index(phase) :]
            numbered.update({name: Phase(name) for name in coming})
            for number, numbered_phase in enumerate(numbered.values() if len(coming) > 1 else (), 1):
                numbered_phase.number = number
                numbered_phase.last = len(coming)
        shown = numbered.get(phase, phase)
        if isinstance(shown, Phase):
            latest = max(latest, shown.number)
            shown = shown if shown.number == latest else shown.at(latest)
        progress(shown, done, total)

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
    threads = min(len(parts), thread_count())
    return list(parallel_map(work, parts, threads)) if threads > 1 else [work(part) for part in parts]


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
