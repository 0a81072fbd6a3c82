"""The newest item, and nothing but it."""

import threading

from stegnet.webcam.newest import Newest


def test_only_the_newest_is_kept():
    newest = Newest[str]()
    assert (newest.count, newest.wait(0, 0)) == (0, None)
    for item in "abc":
        newest.put(item)
    assert newest.wait(0, 0) == newest.wait(2, 0) == (3, "c")
    assert (newest.count, newest.wait(3, 0)) == (3, None)


def test_it_is_over_when_the_last_was_taken():
    newest = Newest[str]()
    newest.put("a")
    assert not newest.over(1)
    newest.close()
    assert not newest.over(0)
    assert newest.wait(0, 0) == (1, "a")
    assert newest.over(1)
    assert newest.wait(1, 100) is None


def test_who_waits_is_woken():
    newest = Newest[str]()
    found = []
    thread = threading.Thread(target=lambda: found.append(newest.wait(0, 100)))
    thread.start()
    newest.put("a")
    thread.join(timeout=10)
    assert found == [(1, "a")]
