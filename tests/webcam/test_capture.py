"""Sources, their capture in a thread, and the latest item for other threads."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from stegnet import MediaError
from stegnet.media import read_frames, read_picture
from stegnet.webcam.capture import Frame, Latest, Source, capture, open_camera, open_secret
from tests.support.waiting import LIMIT, wait_until

PICTURE = np.zeros((8, 8, 3), np.uint8)


def test_only_the_latest_item_is_kept_and_ends_it():
    latest, found = Latest[str](), []
    assert (latest.count, latest.wait(0, 0)) == (0, None)
    thread = threading.Thread(target=lambda: found.append(latest.wait(0, LIMIT)))
    thread.start()
    latest.put("a")
    thread.join(LIMIT)
    assert found == [(1, "a")], "a waiting thread is notified"
    for item in "bc":
        latest.put(item)
    assert latest.wait(0, 0) == latest.wait(2, 0) == (3, "c")
    assert (latest.count, latest.wait(3, 0)) == (3, None)
    assert not latest.ended(3)
    latest.close()
    assert (latest.ended(2), latest.wait(2, 0), latest.ended(3), latest.wait(3, LIMIT)) == (False, (3, "c"), True, None)


def ticks(count: int, apart: float) -> Iterator[Frame]:
    return (Frame(PICTURE, Fraction(index * apart)) for index in range(count))


def test_a_camera_is_read_at_full_speed_and_a_film_at_its_frame_rate():
    with capture(Source(ticks(1000, 3600.0), paced=False)) as capturing:
        assert capturing.frame().picture is PICTURE
        wait_until(lambda: capturing.latest.ended(1000))
        capturing.check()
        assert capturing.frame().time == 999 * 3600
    start = time.monotonic()
    with capture(Source(ticks(6, 0.03), paced=True)) as capturing:
        wait_until(lambda: capturing.latest.ended(6))
    assert time.monotonic() - start >= 0.15


def test_capture_ends_with_the_block():
    """Without waiting for the next frame's time, which comes in an hour."""
    with capture(Source(ticks(10, 3600.0), paced=True)) as capturing:
        capturing.frame()
    assert capturing.latest.ended(1)


def test_errors_are_raised_in_the_waiting_thread(monkeypatch):
    """Also that a source is silent."""
    asked = threading.Event()

    def broken() -> Iterator[Frame]:
        raise MediaError("the camera is gone")
        yield

    def silent() -> Iterator[Frame]:
        asked.wait(LIMIT)
        yield from ticks(1, 0.0)

    with capture(Source(broken(), paced=False)) as capturing, pytest.raises(MediaError, match="the camera is gone"):
        capturing.frame()
    monkeypatch.setattr("stegnet.webcam.capture._FIRST_FRAME_TIMEOUT", 0.05)
    with capture(Source(silent(), paced=False)) as capturing:
        with pytest.raises(MediaError, match=r"delivered no frame within 0\.05 seconds"):
            capturing.frame()
        asked.set()


def test_a_camera_at_an_address(camera, colours):
    source = open_camera(camera, loop=True)
    with pytest.warns(UserWarning, match=r"camera http://.*: stopped delivering frames"):
        frames = list(source.frames)
    assert not source.paced
    times = [frame.time for frame in frames]
    assert times == sorted(times)
    for frame, colour in zip(frames, colours, strict=True):
        assert np.abs(frame.picture.astype(int) - colour).max() < 5


def test_films_and_pictures(folder):
    """Films keep their frame rate and colours, and are looped if wanted."""
    true = list(read_frames(Path("camera.mkv")))
    assert len(list(open_camera("camera.mkv", loop=False).frames)) == 6
    for opened in (open_camera("camera.mkv", loop=True), open_secret(Path("camera.mkv"))):
        with closing(opened.frames) as frames:
            seen = list(islice(frames, 14))
        assert opened.paced
        assert [frame.time for frame in seen] == [Fraction(index, 25) for index in range(14)]
        assert all(np.array_equal(frame.picture, true[index % 6]) for index, frame in enumerate(seen))
    (frame,) = open_secret(Path("red.png")).frames
    assert np.array_equal(frame.picture, read_picture(Path("red.png")))
