import socket
import threading
import time
from collections.abc import Generator
from contextlib import closing
from itertools import product

import pytest

from stegnet import ConfigError
from stegnet.core import parallel
from stegnet.core.parallel import ahead, distributed, in_parts, ordered, thread_count, watched
from tests.support.waiting import LIMIT, wait_until


class Broken(Exception):
    pass


class Source:
    """Counts the items taken, and records closing."""

    def __init__(self, count: int, error: BaseException | None = None, wait: float = 0.0) -> None:
        self.taken, self.closed = 0, False
        self._count, self._error, self._wait = count, error, wait

    def items(self) -> Generator[int, None, None]:
        try:
            for item in range(self._count):
                time.sleep(self._wait)
                self.taken += 1
                yield item
            if self._error:
                raise self._error
        finally:
            self.closed = True


@pytest.fixture(autouse=True)
def no_thread_stays():
    before = threading.active_count()
    yield
    assert threading.active_count() == before


def test_ahead_and_ordered_keep_the_order():
    def late(item: int) -> int:
        time.sleep(0.002 * (item % 3))
        return item * item

    for count, depth in product((0, 1, 3, 20), (1, 2, 5)):
        source = Source(count)
        assert list(ahead(source.items(), depth)) == list(range(count))
        assert source.closed
        assert list(ordered(late, range(count), depth)) == [item * item for item in range(count)]


def test_ahead_prefetches_up_to_its_depth():
    source = Source(100)
    with closing(ahead(source.items(), 3)) as items:
        assert next(items) == 0
        wait_until(lambda: source.taken == 4)
        time.sleep(0.05)
        assert source.taken == 4


@pytest.mark.parametrize("error", [Broken, KeyboardInterrupt])
def test_an_error_of_the_consumer_closes_the_source(error):
    source = Source(100, wait=0.01)
    kept = source.items()
    with pytest.raises(error), closing(ahead(kept)) as items:
        for item in items:
            if item == 2:
                raise error
    assert source.closed


@pytest.mark.parametrize("workers", [1, 3])
def test_ordered_prefetches_few_items(workers):
    source, most = Source(40), 0
    for given, _ in enumerate(ordered(lambda item: item, source.items(), workers)):
        most = max(most, source.taken - given)
    assert most == workers + 1


def test_each_worker_prepares_once():
    prepared = []
    meeting = threading.Barrier(2, timeout=LIMIT)

    def work(_: int) -> int:
        meeting.wait()
        return threading.get_ident()

    threads = set(ordered(work, range(20), 2, prepare=lambda: prepared.append(threading.get_ident())))
    assert len(prepared) == 2
    assert threads == set(prepared)
    assert threading.get_ident() not in threads


def test_an_error_in_the_work_is_raised_in_order():
    """Also while the source is running, as with a damaged frame of a film while the next one is decoded."""
    source, seen = Source(100, wait=0.02), []

    def work(item: int) -> int:
        if item == 3:
            raise Broken
        return item

    with pytest.raises(Broken), closing(ahead(source.items())) as items:
        for result in ordered(work, items, 2):
            seen.append(result)
    assert (seen, source.closed) == ([0, 1, 2], True)


def test_a_cluster_that_is_not_there_is_an_error_at_once(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{port}")
    with pytest.raises(ConfigError, match=r"^no Ray cluster can be reached: ") as caught:
        list(distributed(abs, [1], 1))
    assert "RAY_ADDRESS" in caught.value.hint


def test_silent_work_gives_signs(monkeypatch) -> None:
    monkeypatch.setattr("stegnet.core.parallel._SIGN", 0.01)
    signs, enough = [], threading.Event()

    def sign() -> None:
        signs.append(threading.current_thread())
        if len(signs) == 3:
            enough.set()

    assert watched(lambda: enough.wait(30), sign)
    assert set(signs) == {threading.current_thread()}


def test_errors_of_watched_work_and_of_its_signs() -> None:
    def fail() -> None:
        raise KeyError("work")

    with pytest.raises(KeyError, match="work"):
        watched(fail, lambda: None)
    with pytest.raises(KeyError, match="work"):
        watched(lambda: None, fail)


def test_omp_num_threads_is_respected(monkeypatch):
    monkeypatch.setattr(parallel.os, "sched_getaffinity", lambda process: {0, 2, 4, 6, 8}, raising=False)
    for told, expected in (("3", 3), ("0", 5), ("", 5), ("many", 5)):
        monkeypatch.setenv("OMP_NUM_THREADS", told)
        assert thread_count() == expected


def test_parts_are_done_in_order_and_errors_are_raised(monkeypatch):
    monkeypatch.setattr(parallel, "_PART", 7)
    places = list(range(31))
    assert [place for part in in_parts(lambda part: places[part], 31, unit=3) for place in part] == places
    assert in_parts(lambda part: part, 31, unit=10)[-1] == slice(30, 31) and in_parts(places.__getitem__, 0) == []
    with pytest.raises(ZeroDivisionError):
        in_parts(lambda part: 1 // (part.start - 14), 31)
