"""What can stand in the camera's place, and what is said of what can't."""

from contextlib import closing
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from stegnet.core.errors import MediaError
from stegnet.media import read_frames, read_picture
from stegnet.webcam.source import open_cover, open_secret


def test_a_camera_at_an_address(camera, colours):
    source = open_cover(camera, loop=True)
    with pytest.warns(UserWarning, match=r"camera http://.*: it gave no more pictures"):
        frames = list(source.frames)
    assert not source.timed
    times = [frame.time for frame in frames]
    assert times == sorted(times)
    for frame, colour in zip(frames, colours, strict=True):
        assert np.abs(frame.picture.astype(int) - colour).max() < 5


def test_a_film_keeps_its_rate_and_its_colours(folder):
    source = open_cover("camera.mkv", loop=False)
    frames = list(source.frames)
    assert source.timed
    assert [frame.time for frame in frames] == [Fraction(index, 25) for index in range(6)]
    assert all(
        np.array_equal(frame.picture, true) for frame, true in zip(frames, read_frames(Path("camera.mkv")), strict=True)
    )


@pytest.mark.parametrize(
    "opened", [lambda: open_cover("camera.mkv", loop=True), lambda: open_secret(Path("camera.mkv"))]
)
def test_a_film_is_repeated(folder, opened):
    with closing(opened().frames) as frames:
        seen = list(islice(frames, 14))
    assert [frame.time for frame in seen] == [Fraction(index, 25) for index in range(14)]
    assert np.array_equal(seen[0].picture, seen[12].picture)


def test_a_secret_picture(folder):
    (frame,) = open_secret(Path("secret.png")).frames
    assert np.array_equal(frame.picture, read_picture(Path("secret.png")))


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("99", "camera 99: it is not there, or in use"),
        ("/dev/no-such-camera", "camera /dev/no-such-camera: no such source"),
        ("gone.mp4", "camera gone.mp4: no such source"),
        ("http://me:word@127.0.0.1:1/live", "camera http://…@127.0.0.1:1/live: no such source"),
        ("secret.png", "secret.png: is a picture, not a film"),
        (".", ".: is a folder"),
        ("k", "k: neither a picture nor a film that can be read"),
    ],
)
def test_no_source(folder, capfd, name, told):
    with pytest.raises(MediaError) as caught:
        open_cover(name, loop=True)
    assert str(caught.value) == told
    assert caught.value.hint
    assert capfd.readouterr() == ("", "")


def test_no_secret(folder):
    with pytest.raises(MediaError, match=r"gone\.png: no such file"):
        open_secret(Path("gone.png"))
