"""Live hiding and revealing of frames that a thread reads."""

from collections.abc import Callable, Iterator
from itertools import count
from threading import Event
from types import SimpleNamespace

import numpy as np
import pytest

from stegnet import MediaError
from stegnet.image import resize
from stegnet.webcam.live import Frame, Frames, LiveFrame, LiveView, Recording, captured
from tests.support.quality import psnr
from tests.support.waiting import wait_until


@pytest.fixture
def seen(exact) -> Callable[..., list[LiveFrame]]:
    """The first frames of a camera, of which each is delivered when the one before was taken, and of a secret."""

    def see(camera: Frames, secret: Frames, most: int, size: tuple[int, int] | None = None) -> list[LiveFrame]:
        views, over = [], Event()

        def delivered() -> Iterator[Frame]:
            for number, frame in enumerate(camera, 1):
                yield frame
                wait_until(lambda: over.is_set() or (views and views[0].count >= number))  # noqa: B023

        with captured(delivered()) as latest:
            try:
                views.append(LiveView(exact, latest, secret, size))
                return list(views[0].frames(Event(), most))
            finally:
                over.set()

    return see


def still(picture: np.ndarray) -> Frames:
    return (Frame(picture, number / 1000) for number in count())


def test_the_secret_is_revealed_from_each_container(seen, picture, five_levels):
    """Which differ, even if their covers do not."""
    cover, secret = picture(64, 96), picture(64, 96, 7)
    frames = seen(still(cover), still(secret), 3)
    for frame in frames:
        assert np.array_equal(frame.cover, cover) and psnr(cover, frame.container) > 20
        assert np.array_equal(frame.revealed, five_levels(secret))
    assert len({frame.container.tobytes() for frame in frames}) == 3


def test_times_are_those_of_the_camera_and_the_secret_keeps_up(seen, picture):
    times = (5.0, 5.025, 5.025, 5 + 0.2 / 3, 5.19)
    pictures = [picture(40, 60, seed) for seed in range(20)]
    secret = (Frame(each, index / 50) for index, each in enumerate(pictures))
    frames = seen((Frame(picture(64, 96), time) for time in times), secret, 5)
    assert [frame.stamp for frame in frames] == [0, 25, 26, 67, 190]
    assert [frame.number for frame in frames] == [1, 2, 3, 4, 5]
    for frame, index in zip(frames, (0, 2, 2, 4, 10), strict=True):
        assert np.array_equal(frame.secret, pictures[index])


def test_a_large_secret_is_scaled_down_and_the_camera_cropped(seen, picture):
    cover = picture(64, 96)
    for secret_size, size, expected in (((100, 960), None, (10, 96)), ((640, 640), (48, 40), (40, 40))):
        secret = picture(*secret_size, 3)
        (frame,) = seen(still(cover), still(secret), 1, size)
        assert frame.revealed.shape[:2] == expected
        assert np.array_equal(frame.secret, resize(secret, *expected))
    tall = np.zeros((200, 64, 3), np.uint8)
    tall[84:116] = 200
    (frame,) = seen(still(tall), still(picture(32, 40)), 1, (64, 32))
    assert frame.cover.shape == (32, 64, 3)
    assert (frame.cover == 200).all()


def test_sources_that_fail(seen, picture, monkeypatch):
    """At once, later, or in silence."""
    frame = Frame(picture(64, 96), 0.0)

    def broken(*frames: Frame) -> Frames:
        yield from frames
        raise MediaError("it is damaged")

    fine, later = still(frame.picture), (Frame(frame.picture, number / 100) for number in range(3))
    for camera, secret in ((broken(), fine), (broken(frame), fine), (later, broken(frame))):
        with pytest.raises(MediaError, match="it is damaged"):
            seen(camera, secret, 3)
    monkeypatch.setattr("stegnet.webcam.live._FIRST", 0.01)
    silent = Event()

    def waiting() -> Frames:
        silent.wait()
        yield frame

    with captured(waiting()) as latest:
        try:
            with pytest.raises(MediaError, match=r"delivered no frame within 0\.01 seconds"):
                LiveView(None, latest, still(frame.picture), None)
        finally:
            silent.set()


def test_a_failed_or_empty_recording_leaves_nothing(picture, key, tmp_path):
    recording = Recording(tmp_path / "secret.png", tmp_path / "c.mkv", key, False, {})
    empty = pytest.raises(MediaError, match=r"c\.mkv: not written: there was no frame")
    with empty, recording.film(SimpleNamespace(size=(96, 64), count=0)):
        assert len(list(tmp_path.iterdir())) == 1
    with pytest.raises(ZeroDivisionError), recording.film(SimpleNamespace(size=(96, 64), count=1)) as film:
        film.write(picture(64, 96), 0)
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []
