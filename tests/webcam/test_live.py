"""Live hiding and revealing."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from threading import Event

import numpy as np
import pytest

from stegnet import MediaError
from stegnet.keys import SYSTEM, KeyRing
from stegnet.media import resize
from stegnet.record import read_record
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
def covers(picture) -> list[Frame]:
    """Twenty frames, a quarter of a second apart."""
    return [Frame(picture(64, 96, index), 100 + Fraction(index, 4)) for index in range(20)]


def test_the_secret_is_revealed_from_each_container(key, pipeline, picture, five_levels, covers):
    """Of which each has a nonce of its own, even if its cover is the same."""
    secret = picture(64, 96, 7)
    with sources(covers, [secret]) as captured:
        live = pipeline(*captured)
        frames = list(live.frames(Event()))
    for frame in frames:
        assert np.array_equal(frame.revealed, five_levels(secret))
        assert frame.revealed_psnr == psnr(secret, frame.revealed)
        assert frame.container_psnr == psnr(frame.cover, frame.container) > 20
        found = read_record(frame.container, KeyRing(key), first=False)
        assert (found.whole, found.record.stamp) == (True, frame.stamp)
    (job,) = live._jobs(Event(), 1)
    assert len({lead_of(live._process(job).container)[:12] for _ in range(3)}) == 3


def test_times_are_those_of_the_camera(pipeline, picture):
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


def test_frames_are_dropped(pipeline, picture, covers):
    with sources(covers, [picture(64, 96, 7)]) as (camera, hidden):
        wait_until(lambda: camera.latest.ended(20))
        (frame,) = pipeline(camera, hidden).frames(Event())
    assert (frame.number, frame.stamp) == (20, 0)
    assert np.array_equal(frame.cover, covers[-1].picture)


def test_a_large_secret_is_scaled_down_and_the_camera_cropped(exact, key, picture):
    keys, cover = key.new_keys(SYSTEM), [Frame(picture(64, 96), Fraction(0))]
    for secret_size, size, expected in (((100, 960), None, (10, 96)), ((640, 640), (48, 40), (40, 40))):
        secret = picture(*secret_size, 3)
        with sources(cover, [secret]) as captured:
            (frame,) = LivePipeline(exact, keys, *captured, size).frames(Event(), 1)
        assert frame.revealed.shape[:2] == expected
        assert np.array_equal(frame.secret, resize(secret, *expected))
    tall = np.zeros((200, 64, 3), np.uint8)
    tall[84:116] = 200
    with sources([Frame(tall, Fraction(0))], [picture(32, 40)]) as captured:
        (frame,) = LivePipeline(exact, keys, *captured, (64, 32)).frames(Event(), 1)
    assert frame.cover.shape == (32, 64, 3)
    assert (frame.cover == 200).all()


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


def test_a_secret_film_that_is_damaged(pipeline, picture):
    frame = Frame(picture(64, 96), Fraction(0))

    def broken() -> Iterator[Frame]:
        yield frame
        raise MediaError("the film is damaged")

    with sources([frame], broken()) as (camera, hidden):
        wait_until(lambda: hidden.latest.ended(1))
        with pytest.raises(MediaError, match="the film is damaged"):
            list(pipeline(camera, hidden).frames(Event()))
