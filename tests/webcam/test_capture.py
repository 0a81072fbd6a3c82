"""A source that is read in its own thread."""

import time
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest

from stegnet.core.errors import MediaError
from stegnet.webcam.capture import captured
from stegnet.webcam.source import Frame, Source

PICTURE = np.zeros((8, 8, 3), np.uint8)


def ticks(count: int, apart: float, delay: float = 0.0) -> Iterator[Frame]:
    for index in range(count):
        time.sleep(delay)
        yield Frame(PICTURE, Fraction(index * apart))


def test_a_camera_is_read_as_fast_as_it_gives():
    with captured(Source(ticks(1000, 3600.0), timed=False)) as capture:
        assert capture.first().picture is PICTURE
        while not capture.newest.over(1000):
            time.sleep(0.01)
        capture.check()
        assert capture.first().time == 999 * 3600


def test_a_film_is_played_at_its_own_rate():
    start = time.monotonic()
    with captured(Source(ticks(11, 0.05), timed=True)) as capture:
        while not capture.newest.over(11):
            time.sleep(0.01)
    assert time.monotonic() - start >= 0.5


def test_what_is_late_is_not_caught_up_with():
    start = time.monotonic()
    with captured(Source(ticks(6, 0.01, delay=0.1), timed=True)) as capture:
        while not capture.newest.over(6):
            time.sleep(0.01)
    assert time.monotonic() - start >= 0.6


def test_it_ends_with_the_block():
    start = time.monotonic()
    with captured(Source(ticks(10, 3600.0), timed=True)) as capture:
        capture.first()
    assert time.monotonic() - start < 10
    assert capture.newest.over(1)


def test_what_goes_wrong_is_told_to_who_waits():
    def broken() -> Iterator[Frame]:
        raise MediaError("the camera is gone")
        yield

    with captured(Source(broken(), timed=False)) as capture, pytest.raises(MediaError, match="the camera is gone"):
        capture.first()


def test_a_source_that_is_silent(monkeypatch):
    monkeypatch.setattr("stegnet.webcam.capture._PATIENCE", 0.05)
    silent = Source(ticks(1, 0.0, delay=0.5), timed=False)
    with captured(silent) as capture, pytest.raises(MediaError, match=r"gave no picture in 0\.05 seconds"):
        capture.first()
