"""Frames hidden and revealed as they come."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from threading import Event

import numpy as np
import pytest

from stegnet.codec.frame import read_record
from stegnet.codec.picture import reveal_picture
from stegnet.core.errors import CapacityError, MediaError, RevealError
from stegnet.core.measures import psnr
from stegnet.media import resize
from stegnet.webcam.capture import Capture, captured
from stegnet.webcam.live import Live
from stegnet.webcam.source import Frame, Source
from tests.codec import by_the_book
from tests.codec.by_the_book import SECRET


@contextmanager
def sources(covers: list[Frame], *secrets: np.ndarray) -> Iterator[tuple[Capture, Capture]]:
    shown = (Frame(secret, Fraction(0)) for secret in secrets)
    with captured(Source(iter_of(covers), timed=False)) as camera, captured(Source(shown, timed=False)) as secret:
        yield camera, secret


def iter_of(frames: list[Frame]) -> Iterator[Frame]:
    yield from frames


@pytest.fixture
def slow(picture):
    """Twenty frames, a quarter of a second apart by their stamps."""
    return [Frame(picture(64, 96, index), 100 + Fraction(index, 4)) for index in range(20)]


def test_what_is_revealed_comes_from_the_container(exact, key, picture, five_levels, slow):
    secret = picture(64, 96, 7)
    with sources(slow, secret) as (camera, hidden):
        live = Live(exact, key, bytes(16), camera, hidden)
        trips = list(live.trips(Event()))
    for trip in trips:
        assert np.array_equal(trip.revealed, five_levels(secret))
        assert trip.revealed_psnr == psnr(secret, trip.revealed)
        assert trip.container_psnr == psnr(trip.cover, trip.container) > 20
        found = read_record(trip.container, key)
        assert found.whole
        assert found.record == trip.before.record


def test_every_frame_has_its_own_nonce(exact, key, picture, slow):
    """The same frame twice, for what two frames differ in anyway is left to chance."""
    with sources(slow, picture(64, 96, 7)) as (camera, hidden):
        live = Live(exact, key, bytes(16), camera, hidden)
        (item,) = live._items(Event(), 1)
        containers = [live._trip(item).container for _ in range(3)]
    assert len({by_the_book.read_nonce(container, SECRET) for container in containers}) == 3


def test_it_is_no_picture_for_other_readers(exact, key, picture, slow):
    with sources(slow, picture(64, 96, 7)) as (camera, hidden):
        (trip,) = Live(exact, key, bytes(16), camera, hidden).trips(Event(), 1)
    with pytest.raises(RevealError, match="no picture of its own"):
        reveal_picture(exact, trip.container, key)


def test_frames_are_dropped_and_stamps_are_real(exact, key, picture, slow):
    with sources(slow, picture(64, 96, 7)) as (camera, hidden):
        while not camera.newest.over(20):
            time.sleep(0.01)
        trips = list(Live(exact, key, bytes(16), camera, hidden).trips(Event()))
    assert [(trip.number, trip.before.record.index, trip.before.record.stamp) for trip in trips] == [(20, 0, 0)]
    assert np.array_equal(trips[0].cover, slow[-1].picture)


def test_stamps_follow_the_camera(exact, key, picture):
    gate = Event()

    def frames() -> Iterator[Frame]:
        for seconds in (5.0, 5.25, 5.25, 5 + 2 / 3, 7.0):
            yield Frame(picture(64, 96, 0), Fraction(seconds))
            gate.wait(10)
            gate.clear()

    still = (Frame(picture(64, 96, 7), Fraction(0)) for _ in range(1))
    with captured(Source(frames(), timed=False)) as camera, captured(Source(still, timed=False)) as hidden:
        stamps = []
        live = Live(exact, key, bytes(16), camera, hidden)
        for item in live._items(Event(), 5):
            stamps.append(item.record.stamp)
            gate.set()
    assert stamps == [0, 250, 251, 667, 2000]


@pytest.mark.parametrize(
    ("secret_size", "size", "expected"),
    [
        ((32, 40), None, (32, 40)),
        ((640, 640), None, (64, 64)),
        ((100, 960), None, (10, 96)),
        ((640, 640), (48, 40), (40, 40)),
    ],
)
def test_a_large_secret_is_made_smaller(exact, key, picture, slow, secret_size, size, expected):
    secret = picture(*secret_size, 3)
    with sources(slow, secret) as (camera, hidden):
        (trip,) = Live(exact, key, bytes(16), camera, hidden, size).trips(Event(), 1)
    assert trip.revealed.shape[:2] == expected
    assert np.array_equal(trip.secret, resize(secret, *expected))


def test_the_middle_of_the_camera_fills_the_size(exact, key, picture):
    tall = np.zeros((200, 64, 3), np.uint8)
    tall[84:116] = 200
    with sources([Frame(tall, Fraction(0))], picture(32, 40)) as (camera, hidden):
        (trip,) = Live(exact, key, bytes(16), camera, hidden, (64, 32)).trips(Event(), 1)
    assert trip.cover.shape == (32, 64, 3)
    assert (trip.cover == 200).all()


def test_too_small_a_camera(exact, key, picture):
    frames = [Frame(picture(16, 16), Fraction(0))]
    with sources(frames, picture(16, 16)) as (camera, hidden), pytest.raises(CapacityError, match="too small: 16×16"):
        Live(exact, key, bytes(16), camera, hidden)


def test_it_stops_when_told(exact, key, picture):
    stop, gate = Event(), Event()

    def endless() -> Iterator[Frame]:
        yield Frame(picture(64, 96), Fraction(0))
        gate.wait(60)

    still = (Frame(picture(64, 96, 7), Fraction(0)) for _ in range(1))
    with captured(Source(endless(), timed=False)) as camera, captured(Source(still, timed=False)) as hidden:
        trips = Live(exact, key, bytes(16), camera, hidden).trips(stop)
        stop.set()
        assert list(trips) == []
        gate.set()


def test_a_secret_that_breaks_off(exact, key, picture, slow):
    def broken() -> Iterator[Frame]:
        yield Frame(picture(64, 96), Fraction(0))
        raise MediaError("the film is damaged")

    with captured(Source(iter_of(slow), timed=False)) as camera, captured(Source(broken(), timed=False)) as hidden:
        while not hidden.newest.over(1):
            time.sleep(0.01)
        live = Live(exact, key, bytes(16), camera, hidden)
        with pytest.raises(MediaError, match="the film is damaged"):
            list(live.trips(Event()))
