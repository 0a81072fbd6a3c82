"""Live hiding and revealing."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from threading import Event

import numpy as np
import pytest

from stegnet import CapacityError, MediaError, RevealError
from stegnet.keys.keys import SYSTEM, KeyRing
from stegnet.media import resize
from stegnet.methods.network.picture import reveal_picture
from stegnet.record.reading import read_record
from stegnet.webcam.capture import Capture, Frame, Source, capture
from stegnet.webcam.live import LivePipeline
from tests.support.quality import psnr
from tests.support.sealing import lead_of
from tests.support.waiting import LIMIT, wait_until


@pytest.fixture
def pipeline(exact, key):
    """Makes a pipeline of captured cameras and secrets."""
    return lambda *sources: LivePipeline(exact, key.new_keys(SYSTEM), *sources)


@contextmanager
def sources(covers: Iterable[Frame], secrets: Iterable[np.ndarray | Frame]) -> Iterator[tuple[Capture, Capture]]:
    shown = (each if isinstance(each, Frame) else Frame(each, Fraction(0)) for each in secrets)
    covers = (frame for frame in covers)
    with capture(Source(covers, paced=False)) as camera, capture(Source(shown, paced=False)) as secret:
        yield camera, secret


@pytest.fixture
def slow(picture):
    """Twenty frames with timestamps a quarter of a second apart."""
    return [Frame(picture(64, 96, index), 100 + Fraction(index, 4)) for index in range(20)]


def test_the_secret_is_revealed_from_the_container(exact, key, pipeline, picture, five_levels, slow):
    """Which is no picture's container."""
    secret = picture(64, 96, 7)
    with sources(slow, [secret]) as captured:
        frames = list(pipeline(*captured).frames(Event()))
    for frame in frames:
        assert np.array_equal(frame.revealed, five_levels(secret))
        assert frame.revealed_psnr == psnr(secret, frame.revealed)
        assert frame.container_psnr == psnr(frame.cover, frame.container) > 20
        found = read_record(frame.container, KeyRing(key), first=False)
        assert found.whole
        assert found.record.stamp == frame.stamp
    with pytest.raises(RevealError, match="no picture of its own"):
        reveal_picture(exact, frames[0].container, key)


def test_every_frame_has_its_own_nonce(pipeline, picture, slow):
    """Tested on the same frame, since different frames have different containers anyway."""
    with sources(slow, [picture(64, 96, 7)]) as captured:
        live = pipeline(*captured)
        (job,) = live._jobs(Event(), 1)
        containers = [live._process(job).container for _ in range(3)]
    assert len({lead_of(container)[:12] for container in containers}) == 3


def test_frames_are_dropped(pipeline, picture, slow):
    with sources(slow, [picture(64, 96, 7)]) as (camera, hidden):
        wait_until(lambda: camera.latest.ended(20))
        (frame,) = pipeline(camera, hidden).frames(Event())
    assert (frame.number, frame.stamp) == (20, 0)
    assert np.array_equal(frame.cover, slow[-1].picture)


def test_timestamps_follow_the_camera(pipeline, picture):
    gate, stamps = Event(), []

    def frames() -> Iterator[Frame]:
        for seconds in (5.0, 5.25, 5.25, 5 + 2 / 3, 7.0):
            yield Frame(picture(64, 96, 0), Fraction(seconds))
            gate.wait(LIMIT)
            gate.clear()

    with sources(frames(), [picture(64, 96, 7)]) as captured:
        for job in pipeline(*captured)._jobs(Event(), 5):
            stamps.append(job.record.stamp)
            gate.set()
    assert stamps == [0, 250, 251, 667, 2000]


def test_a_large_secret_is_scaled_down_and_the_camera_cropped(exact, key, picture, slow):
    keys = key.new_keys(SYSTEM)
    for secret_size, size, expected in (
        ((32, 40), None, (32, 40)),
        ((640, 640), None, (64, 64)),
        ((100, 960), None, (10, 96)),
        ((640, 640), (48, 40), (40, 40)),
    ):
        secret = picture(*secret_size, 3)
        with sources(slow, [secret]) as captured:
            (frame,) = LivePipeline(exact, keys, *captured, size).frames(Event(), 1)
        assert frame.revealed.shape[:2] == expected
        assert np.array_equal(frame.secret, resize(secret, *expected))
    tall = np.zeros((200, 64, 3), np.uint8)
    tall[84:116] = 200
    with sources([Frame(tall, Fraction(0))], [picture(32, 40)]) as captured:
        (frame,) = LivePipeline(exact, keys, *captured, (64, 32)).frames(Event(), 1)
    assert frame.cover.shape == (32, 64, 3)
    assert (frame.cover == 200).all()


def test_a_camera_picture_that_is_too_small(pipeline, picture):
    tiny = picture(16, 16)
    with (
        sources([Frame(tiny, Fraction(0))], [tiny]) as captured,
        pytest.raises(CapacityError, match="too small: 16×16"),
    ):
        pipeline(*captured)


def test_the_pipeline_stops_on_request(pipeline, picture):
    stop, gate = Event(), Event()

    def endless() -> Iterator[Frame]:
        yield Frame(picture(64, 96), Fraction(0))
        gate.wait(LIMIT)

    with sources(endless(), [picture(64, 96, 7)]) as captured:
        frames = pipeline(*captured).frames(stop)
        stop.set()
        assert list(frames) == []
        gate.set()


def test_a_secret_film_that_is_damaged(pipeline, picture, slow):
    def broken() -> Iterator[Frame]:
        yield Frame(picture(64, 96), Fraction(0))
        raise MediaError("the film is damaged")

    with sources(slow, broken()) as (camera, hidden):
        wait_until(lambda: hidden.latest.ended(1))
        with pytest.raises(MediaError, match="the film is damaged"):
            list(pipeline(camera, hidden).frames(Event()))
