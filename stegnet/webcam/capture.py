"""Frames of a camera, film or picture; a thread reads a camera's, and others get the latest one."""

import os
import re
import time
import warnings
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Condition, Event
from typing import Generic, NamedTuple, TypeVar

import cv2
import numpy as np

from stegnet.core.errors import MediaError
from stegnet.image.pictures import read_picture
from stegnet.media.cover import Cover
from stegnet.video.films import frame_rate, read_frames

T = TypeVar("T")

_TIMEOUT = 5_000  # milliseconds, to open a camera's address and to read from it


class Frame(NamedTuple):
    """A frame, (H, W, 3) uint8, and its time in seconds since an arbitrary start."""

    picture: np.ndarray
    time: float


Frames = Generator[Frame, None, None]


class Latest(Generic[T]):
    """The latest of the `count` items that a thread has put, for other threads; older ones are dropped."""

    def __init__(self) -> None:
        self.count, self._changed = 0, Condition()
        self._item: T | None = None
        self._end: Exception | None = None

    def put(self, item: T) -> None:
        """Replaces the item."""
        with self._changed:
            self._item, self.count = item, self.count + 1
            self._changed.notify_all()

    def close(self, reason: Exception | None = None) -> None:
        """Announces that no more items will be put, and why, if it is an error."""
        with self._changed:
            self._end = reason or EOFError()
            self._changed.notify_all()

    def wait(self, after: int, seconds: float) -> tuple[int, T] | None:
        """Waits for an item after the first `after`: the latest, with its number counted from 1; None if none comes.

        Raises:
            EOFError: there will be none; or the error that is the reason.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._end or self.count > after, seconds)
            if self.count > after:
                return self.count, self._item
            if self._end:
                raise self._end
            return None


@contextmanager
def captured(frames: Frames) -> Iterator[Latest[Frame]]:
    """Reads frames in a thread for the time of the block, each at its time."""
    latest, stop = Latest[Frame](), Event()

    def read() -> None:
        start = float("-inf")
        try:
            with closing(frames):
                for frame in frames:
                    # A late frame delays those after it: catching up would take yet more time.
                    start = max(start, time.monotonic() - frame.time)
                    if stop.wait(max(0.0, start + frame.time - time.monotonic())):
                        break
                    latest.put(frame)
            latest.close()
        except Exception as error:  # for the thread that waits
            latest.close(error)

    with ThreadPoolExecutor(1) as pool:
        pool.submit(read)
        try:
            yield latest
        finally:
            stop.set()


def open_camera(name: str, loop: bool) -> Frames:
    """The frames of a film file, looped or once, or of what OpenCV accepts: a camera's number, device or address."""
    path = Path(name)
    if not (path.is_file() or path.is_dir()):
        return _camera_frames(name)
    if not _is_film(path):
        raise MediaError(f"{path}: is a picture, not a film", "`stegnet hide` hides in pictures")
    return _film_frames(path, loop)


def open_secret(path: Path) -> Frames:
    """The frames of a film in an endless loop, or a picture; MediaError if it is neither."""
    if _is_film(path):
        return _film_frames(path, loop=True)
    return (Frame(picture, 0.0) for picture in [read_picture(path)])


def _is_film(path: Path) -> bool:
    with Cover(path) as file:
        return file.is_film


def _film_frames(path: Path, loop: bool) -> Frames:
    """The frames, evenly spaced at the film's average rate."""
    rate, number, more = float(frame_rate(path)), 0, True
    while more:
        before, more = number, loop
        for picture in read_frames(path):
            yield Frame(picture, number / rate)
            number += 1
        if number == before:
            raise MediaError(f"{path}: the film has no frames")


def _camera_frames(name: str) -> Frames:
    shown = f"camera {re.sub('//[^/]*@', '//…@', name)}"  # without a password
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # errors are reported below, in one line
    if "://" in name:
        timeouts = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, _TIMEOUT, cv2.CAP_PROP_READ_TIMEOUT_MSEC, _TIMEOUT]
        camera = cv2.VideoCapture(name, cv2.CAP_FFMPEG, timeouts)
    else:
        camera = cv2.VideoCapture(int(name) if name.isdecimal() else name)
    if not camera.isOpened():
        hint = "--source is a camera's number (0 is the first), a device, an address or a film file"
        raise MediaError(f"{shown}: {'not connected, or in use' if name.isdecimal() else 'no such source'}", hint)
    delivered = False
    try:
        while (answer := camera.read())[0]:
            yield Frame(cv2.cvtColor(answer[1], cv2.COLOR_BGR2RGB), time.monotonic())
            delivered = True
    finally:
        camera.release()
    if not delivered:
        raise MediaError(f"{shown}: delivers no frames", "another program may be using it")
    warnings.warn(f"{shown}: stopped delivering frames", stacklevel=2)
