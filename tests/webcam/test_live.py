"""Live hiding and revealing."""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from threading import Event

import numpy as np
import pytest

from stegnet.core.errors import CapacityError, MediaError, RevealError
from stegnet.core.measures import psnr
from stegnet.keys.keys import SYSTEM, ContainerKeys, KeyRing
from stegnet.media import resize
from stegnet.methods.network.picture import reveal_picture
from stegnet.record.reading import read_record
from stegnet.webcam.capture import Capture, Frame, Source, capture
from stegnet.webcam.live import LivePipeline
from tests.format import by_the_book
from tests.format.by_the_book import SECRET
from tests.support.waiting import LIMIT, wait_until


@pytest.fixture
def keys(key) -> ContainerKeys:
    return key.new_keys(SYSTEM)


@contextmanager
def sources(covers: list[Frame], *secrets: np.ndarray) -> Iterator[tuple[Capture, Capture]]:
    shown = (Frame(secret, Fraction(0)) for secret in secrets)
    with capture(Source(iter_of(covers), paced=False)) as camera, capture(Source(shown, paced=False)) as secret:
        yield camera, secret


def iter_of(frames: list[Frame]) -> Iterator[Frame]:
    yield from frames


@pytest.fixture
def slow(picture):
    """Twenty frames with timestamps a quarter of a second apart."""
    return [Frame(picture(64, 96, index), 100 + Fraction(index, 4)) for index in range(20)]


def test_the_secret_is_revealed_from_the_container(exact, key, keys, picture, five_levels, slow):
    secret = picture(64, 96, 7)
    with sources(slow, secret) as (camera, hidden):
        live = LivePipeline(exact, keys, camera, hidden)
        frames = list(live.frames(Event()))
    for frame in frames:
        assert np.array_equal(frame.revealed, five_levels(secret))
        assert frame.revealed_psnr == psnr(secret, frame.revealed)
        assert frame.container_psnr == psnr(frame.cover, frame.container) > 20
        found = read_record(frame.container, KeyRing(key), first=False)
        assert found.whole
        assert found.record.stamp == frame.stamp


def test_every_frame_has_its_own_nonce(exact, keys, picture, slow):
    """Tested on the same frame, since different frames have different containers anyway."""
    with sources(slow, picture(64, 96, 7)) as (camera, hidden):
        live = LivePipeline(exact, keys, camera, hidden)
        (job,) = live._jobs(Event(), 1)
        containers = [live._process(job).container for _ in range(3)]
    assert len({by_the_book.read_lead(container, SECRET)[0][:12] for container in containers}) == 3


def test_a_live_frame_is_not_a_picture_container(exact, key, keys, picture, slow):
    with sources(slow, picture(64, 96, 7)) as (camera, hidden):
        (frame,) = LivePipeline(exact, keys, camera, hidden).frames(Event(), 1)
    with pytest.raises(RevealError, match="no picture of its own"):
        reveal_picture(exact, frame.container, key)


def test_frames_are_dropped(exact, keys, picture, slow):
    with sources(slow, picture(64, 96, 7)) as (camera, hidden):
        wait_until(lambda: camera.latest.ended(20))
        frames = list(LivePipeline(exact, keys, camera, hidden).frames(Event()))
    (frame,) = frames
    assert (frame.number, frame.stamp) == (20, 0)
    assert np.array_equal(frame.cover, slow[-1].picture)


def test_timestamps_follow_the_camera(exact, keys, picture):
    gate = Event()

    def frames() -> Iterator[Frame]:
        for seconds in (5.0, 5.25, 5.25, 5 + 2 / 3, 7.0):
            yield Frame(picture(64, 96, 0), Fraction(seconds))
            gate.wait(LIMIT)
            gate.clear()

    still = (Frame(picture(64, 96, 7), Fraction(0)) for _ in range(1))
    with capture(Source(frames(), paced=False)) as camera, capture(Source(still, paced=False)) as hidden:
        stamps = []
        live = LivePipeline(exact, keys, camera, hidden)
        for job in live._jobs(Event(), 5):
            stamps.append(job.record.stamp)
            gate.set()
    assert stamps == [0, 250, 251, 667, 2000]


def test_a_large_secret_is_scaled_down(exact, keys, picture, slow):
    for secret_size, size, expected in (
        ((32, 40), None, (32, 40)),
        ((640, 640), None, (64, 64)),
        ((100, 960), None, (10, 96)),
        ((640, 640), (48, 40), (40, 40)),
    ):
        secret = picture(*secret_size, 3)
        with sources(slow, secret) as (camera, hidden):
            (frame,) = LivePipeline(exact, keys, camera, hidden, size).frames(Event(), 1)
        assert frame.revealed.shape[:2] == expected
        assert np.array_equal(frame.secret, resize(secret, *expected))


def test_the_camera_picture_is_cropped_to_the_size(exact, keys, picture):
    tall = np.zeros((200, 64, 3), np.uint8)
    tall[84:116] = 200
    with sources([Frame(tall, Fraction(0))], picture(32, 40)) as (camera, hidden):
        (frame,) = LivePipeline(exact, keys, camera, hidden, (64, 32)).frames(Event(), 1)
    assert frame.cover.shape == (32, 64, 3)
    assert (frame.cover == 200).all()


def test_a_camera_picture_that_is_too_small(exact, keys, picture):
    frames = [Frame(picture(16, 16), Fraction(0))]
    with sources(frames, picture(16, 16)) as (camera, hidden), pytest.raises(CapacityError, match="too small: 16×16"):
        LivePipeline(exact, keys, camera, hidden)


def test_the_pipeline_stops_on_request(exact, keys, picture):
    stop, gate = Event(), Event()

    def endless() -> Iterator[Frame]:
        yield Frame(picture(64, 96), Fraction(0))
        gate.wait(LIMIT)

    still = (Frame(picture(64, 96, 7), Fraction(0)) for _ in range(1))
    with capture(Source(endless(), paced=False)) as camera, capture(Source(still, paced=False)) as hidden:
        frames = LivePipeline(exact, keys, camera, hidden).frames(stop)
        stop.set()
        assert list(frames) == []
        gate.set()


def test_a_secret_film_that_is_damaged(exact, keys, picture, slow):
    def broken() -> Iterator[Frame]:
        yield Frame(picture(64, 96), Fraction(0))
        raise MediaError("the film is damaged")

    with capture(Source(iter_of(slow), paced=False)) as camera, capture(Source(broken(), paced=False)) as hidden:
        wait_until(lambda: hidden.latest.ended(1))
        live = LivePipeline(exact, keys, camera, hidden)
        with pytest.raises(MediaError, match="the film is damaged"):
            list(live.frames(Event()))
