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


def ticks(count: int, apart: float, delay: float = 0.0) -> Iterator[Frame]:
    for index in range(count):
        time.sleep(delay)
        yield Frame(PICTURE, Fraction(index * apart))


def test_a_camera_is_read_at_full_speed():
    with capture(Source(ticks(1000, 3600.0), paced=False)) as capturing:
        assert capturing.frame().picture is PICTURE
        wait_until(lambda: capturing.latest.ended(1000))
        capturing.check()
        assert capturing.frame().time == 999 * 3600


@pytest.mark.parametrize(("count", "apart", "delay", "least"), [(11, 0.05, 0.0, 0.5), (6, 0.01, 0.1, 0.6)])
def test_a_film_is_played_at_its_frame_rate(count, apart, delay, least):
    """Delays are not caught up."""
    start = time.monotonic()
    with capture(Source(ticks(count, apart, delay), paced=True)) as capturing:
        wait_until(lambda: capturing.latest.ended(count))
    assert time.monotonic() - start >= least


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
    source = open_camera("camera.mkv", loop=False)
    frames = list(source.frames)
    assert source.paced
    assert [frame.time for frame in frames] == [Fraction(index, 25) for index in range(6)]
    pairs = zip(frames, read_frames(Path("camera.mkv")), strict=True)
    assert all(np.array_equal(frame.picture, true) for frame, true in pairs)
    for opened in (open_camera("camera.mkv", loop=True), open_secret(Path("camera.mkv"))):
        with closing(opened.frames) as frames:
            seen = list(islice(frames, 14))
        assert [frame.time for frame in seen] == [Fraction(index, 25) for index in range(14)]
        assert np.array_equal(seen[0].picture, seen[12].picture)
    (frame,) = open_secret(Path("secret.png")).frames
    assert np.array_equal(frame.picture, read_picture(Path("secret.png")))


def test_invalid_sources(folder, capfd):
    for name, told in {
        "99": "camera 99: not connected, or in use",
        "/dev/no-such-camera": "camera /dev/no-such-camera: no such source",
        "gone.mp4": "camera gone.mp4: no such source",
        "http://me:word@127.0.0.1:1/live": "camera http://…@127.0.0.1:1/live: no such source",
        "secret.png": "secret.png: is a picture, not a film",
        ".": ".: is a folder",
        "k": "k: neither a picture nor a film that can be read",
    }.items():
        with pytest.raises(MediaError) as caught:
            open_camera(name, loop=True)
        assert str(caught.value) == told
        assert caught.value.hint
    with pytest.raises(MediaError, match=r"gone\.png: no such file"):
        open_secret(Path("gone.png"))
    assert capfd.readouterr() == ("", "")
