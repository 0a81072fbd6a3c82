"""Where frames come from: a camera, or a file in its place."""

import os
import re
import time
import warnings
from collections.abc import Generator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from stegnet.codec.files import input_kind
from stegnet.core.errors import MediaError
from stegnet.media import FILM, frame_rate, read_frames, read_picture

_PATIENCE = 5_000  # milliseconds that an address may take to answer


@dataclass(frozen=True)
class Frame:
    """A picture, (H, W, 3) uint8, and when it was taken: seconds since some moment."""

    picture: np.ndarray
    time: Fraction


@dataclass(frozen=True)
class Source:
    """Frames to be read.

    Attributes:
        frames: they raise MediaError where they can't be read.
        timed: does each have to wait until its time has come? A camera's come by themselves.
    """

    frames: Generator[Frame, None, None]
    timed: bool


def open_cover(name: str, loop: bool) -> Source:
    """A film file, or else what OpenCV knows under this name: a camera's number, a device, an address.

    Args:
        loop: does a film begin anew when it is over?
    Raises:
        MediaError: it can't be opened, or is a picture.
    """
    path = Path(name)
    if not (path.is_file() or path.is_dir()):
        return Source(_camera_frames(_open_camera(name), name), timed=False)
    if input_kind(path) != FILM:
        raise MediaError(f"{path}: is a picture, not a film", "`stegnet hide` hides in pictures")
    return Source(_film_frames(path, loop), timed=True)


def open_secret(path: Path) -> Source:
    """A picture, or a film that never ends.

    Raises:
        MediaError: it is neither.
    """
    if input_kind(path) == FILM:
        return Source(_film_frames(path, loop=True), timed=True)
    return Source((frame for frame in [Frame(read_picture(path), Fraction(0))]), timed=False)


def _film_frames(path: Path, loop: bool) -> Generator[Frame, None, None]:
    """Evenly spaced at the film's average rate."""
    rate = frame_rate(path)
    count = 0
    while loop or not count:
        before = count
        for picture in read_frames(path):
            yield Frame(picture, count / rate)
            count += 1
        if count == before:
            raise MediaError(f"{path}: the film has no frames")


def _open_camera(name: str) -> cv2.VideoCapture:
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # what is wrong is said here, in one line
    if "://" in name:
        limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, _PATIENCE, cv2.CAP_PROP_READ_TIMEOUT_MSEC, _PATIENCE]
        camera = cv2.VideoCapture(name, cv2.CAP_FFMPEG, limits)
    else:
        camera = cv2.VideoCapture(int(name) if name.isdecimal() else name)
    if not camera.isOpened():
        hint = "--source takes a camera's number (0 is the first), a device, an address or a film file"
        what = "it is not there, or in use" if name.isdecimal() else "no such source"
        raise MediaError(f"camera {_shown(name)}: {what}", hint)
    return camera


def _camera_frames(camera: cv2.VideoCapture, name: str) -> Generator[Frame, None, None]:
    count = 0
    try:
        while True:
            read, picture = camera.read()
            if not read:
                break
            yield Frame(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), Fraction(time.monotonic_ns(), 10**9))
            count += 1
    finally:
        camera.release()
    if not count:
        raise MediaError(f"camera {_shown(name)}: it gives no picture", "another program may be using it")
    warnings.warn(f"camera {_shown(name)}: it gave no more pictures", stacklevel=2)


def _shown(name: str) -> str:
    """The name without the password that an address may hold."""
    return re.sub(r"//[^/]*@", "//…@", name)
