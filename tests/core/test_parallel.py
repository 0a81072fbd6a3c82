import os
import threading
from collections.abc import Generator
from contextlib import closing
from itertools import product

import pytest

from stegnet.core import parallel
from tests.support.waiting import LIMIT, wait_until


class Broken(Exception):
    pass


class Source:
    """Counts the items taken, and records closing; the first `free` come at once, the others when they may."""

    def __init__(self, count: int, free: int = 1000) -> None:
        self.taken, self.closed = 0, False
        self.more = threading.Event()
        self._count, self._free = count, free

    def items(self) -> Generator[int, None, None]:
        try:
            for item in range(self._count):
                if item == self._free:
                    self.more.wait(LIMIT)
                self.taken += 1
                yield item
        finally:
            self.closed = True


@pytest.fixture(autouse=True)
def no_thread_stays():
    before = threading.active_count()
    yield
    assert threading.active_count() == before


def test_prefetch_and_parallel_map_keep_the_order():
    """Though the first of two is done after the second."""
    for count, depth in product((0, 1, 3, 20), (1, 2, 5)):
        source, done = Source(count), [threading.Event() for _ in range(count + 1)]

        def late(item: int, done=done, count=count, depth=depth) -> int:
            if item % 2 == 0 and depth > 1 and item + 1 < count:
                done[item + 1].wait(LIMIT)
            done[item].set()
            return item * item

        assert list(parallel.prefetch(source.items(), depth)) == list(range(count))
        assert source.closed
        assert list(parallel.parallel_map(late, range(count), depth)) == [item * item for item in range(count)]


def test_few_items_are_taken_ahead():
    source = Source(100)
    with closing(parallel.prefetch(source.items(), 3)) as items:
        for given in range(10):
            assert next(items) == given
            wait_until(lambda given=given: source.taken == given + 4)
    for workers in (1, 3):
        source, most = Source(40), 0
        for given, _ in enumerate(parallel.parallel_map(lambda item: item, source.items(), workers)):
            most = max(most, source.taken - given)
        assert most == workers + 1


def test_each_worker_prepares_once():
    prepared, meeting = [], threading.Barrier(2, timeout=LIMIT)

    def work(_: int) -> int:
        meeting.wait()
        return threading.get_ident()

    threads = set(parallel.parallel_map(work, range(20), 2, prepare=lambda: prepared.append(threading.get_ident())))
    assert len(prepared) == 2
    assert threads == set(prepared)
    assert threading.get_ident() not in threads


def test_an_error_in_the_work_is_raised_in_order():
    """Also while the source is running, as with a damaged frame of a film while the next one is decoded."""
    source, seen = Source(100, free=6), []

    def work(item: int) -> int:
        if item == 3:
            source.more.set()
            raise Broken
        return item

    with pytest.raises(Broken), closing(parallel.prefetch(source.items())) as items:
        for result in parallel.parallel_map(work, items, 2):
            seen.append(result)
    assert (seen, source.closed) == ([0, 1, 2], True)


def test_silent_work_gives_signs() -> None:
    """In the thread that waits, each second; errors of the work and of a sign are raised."""
    signs, enough = [], threading.Event()

    def sign() -> None:
        signs.append(threading.current_thread())
        if len(signs) == 2:
            enough.set()

    def fail() -> None:
        raise KeyError("work")

    assert parallel.with_heartbeat(lambda: enough.wait(LIMIT), sign)
    assert set(signs) == {threading.current_thread()}
    for work, shown in ((fail, lambda: None), (lambda: None, fail)):
        with pytest.raises(KeyError, match="work"):
            parallel.with_heartbeat(work, shown)


def test_omp_num_threads_is_respected(monkeypatch):
    own = len(os.sched_getaffinity(0))
    for told, expected in (("3", 3), ("0", own), ("", own), ("many", own)):
        monkeypatch.setenv("OMP_NUM_THREADS", told)
        assert parallel.thread_count() == expected


def test_parts_are_done_in_order_and_errors_are_raised():
    count, unit = 5 << 20, 3
    parts = parallel.in_parts(lambda part: part, count, unit)
    assert len(parts) > 2
    assert [part.start for part in parts] == [0, *(part.stop for part in parts[:-1])]
    assert parts[-1].stop == count and all(part.stop % unit == 0 for part in parts[:-1])
    assert parallel.in_parts(lambda part: part, 0) == []
    with pytest.raises(ZeroDivisionError):
        parallel.in_parts(lambda part: 1 // (part.start - parts[1].start), count, unit)


def test_the_number_of_a_step_never_falls() -> None:
    """A phase that is done once more counts to the latest; those that a job leaves out at its start do not count."""
    told: list[tuple[str, int, int]] = []

    def tell(phase: str, done: int, total: int) -> None:
        assert isinstance(phase, parallel.Phase)
        told.append((phase, phase.number, phase.last))

    progress = parallel.with_phases(tell, "compress", "try", "hide", "write")
    for phase in ("try", "hide", "try", "write"):
        progress(phase, 0, 1)
    assert told == [("try", 1, 3), ("hide", 2, 3), ("try", 2, 3), ("write", 3, 3)]
    alone: list[int] = []
    parallel.with_phases(lambda phase, *_: alone.append(getattr(phase, "number", 0)), "compress", "hide")("hide", 1, 2)
    assert alone == [0], "a single step is no step"
