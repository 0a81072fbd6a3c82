"""Capture of a camera, film or picture: a thread reads its frames, consumers get the latest one."""

import os
import re
import time
import warnings
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from threading import Condition, Event
from typing import Generic, TypeVar

import cv2
import numpy as np

from stegnet.core.errors import MediaError
from stegnet.core.kinds import FILM
from stegnet.media import frame_rate, read_frames, read_picture
from stegnet.media.inputs import input_kind

T = TypeVar("T")

_FIRST_FRAME_TIMEOUT = 20.0  # seconds
_NETWORK_TIMEOUT = 5_000  # milliseconds, to open a camera's address and to read from it


@dataclass(frozen=True)
class Frame:
    """A captured frame.

    Attributes:
        picture: (H, W, 3) uint8.
        time: seconds since an arbitrary start.
    """

    picture: np.ndarray
    time: Fraction


@dataclass(frozen=True)
class Source:
    """A source of frames.

    Attributes:
        frames: raises MediaError if they can't be read.
        paced: frames have to be held back until their time, unlike those of a camera.
    """

    frames: Generator[Frame, None, None]
    paced: bool


class Latest(Generic[T]):
    """The latest item that a thread has put, for other threads; older items are dropped, not queued."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._item: T | None = None
        self._closed = False
        self._count = 0

    @property
    def count(self) -> int:
        """Number of items put so far."""
        return self._count

    def put(self, item: T) -> None:
        """Replaces the item."""
        with self._changed:
            self._item = item
            self._count += 1
            self._changed.notify_all()

    def close(self) -> None:
        """Announces that no more items will be put."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def ended(self, after: int) -> bool:
        """Returns True if there will be no item after the first `after`."""
        with self._changed:
            return self._closed and self._count <= after

    def wait(self, after: int, timeout: float) -> tuple[int, T] | None:
        """Waits for an item after the first `after`; returns the latest with its number, counted from 1.

        Args:
            timeout: in seconds.
        Returns:
            None if there is no such item within the timeout, or there will be none.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._count > after, timeout)
            return (self._count, self._item) if self._count > after else None


class Capture:
    """A source that is being read.

    Attributes:
        latest: its latest frame.
    """

    def __init__(self, latest: Latest[Frame], reading: Future[None]) -> None:
        self.latest = latest
        self._reading = reading

    def check(self) -> None:
        """Raises the source's error, if reading has failed.

        Raises:
            MediaError: the source can't be read.
        """
        if self._reading.done():
            self._reading.result()

    def frame(self) -> Frame:
        """Returns the latest frame, waiting for the first one.

        Raises:
            MediaError: there is none in 20 seconds, or the source can't be read.
        """
        found = self.latest.wait(0, _FIRST_FRAME_TIMEOUT)
        if found is None:
            self.check()
            raise MediaError(f"the source delivered no frame within {_FIRST_FRAME_TIMEOUT:g} seconds")
        return found[1]


@contextmanager
def capture(source: Source) -> Iterator[Capture]:
    """Reads a source in a thread for the time of the block."""
    latest, stop = Latest[Frame](), Event()
    with ThreadPoolExecutor(1) as pool:
        try:
            yield Capture(latest, pool.submit(_read, source, latest, stop))
        finally:
            stop.set()


def open_camera(name: str, loop: bool) -> Source:
    """Opens a film file or anything OpenCV accepts: a camera's number, device or address.

    Args:
        loop: a film starts again at its end.
    Raises:
        MediaError: it can't be opened, or is a picture.
    """
    path = Path(name)
    if not (path.is_file() or path.is_dir()):
        return Source(_camera_frames(_open_device(name), name), paced=False)
    if input_kind(path) != FILM:
        raise MediaError(f"{path}: is a picture, not a film", "`stegnet hide` hides in pictures")
    return Source(_film_frames(path, loop), paced=True)


def open_secret(path: Path) -> Source:
    """Opens a picture, or a film to be played in an endless loop.

    Raises:
        MediaError: it is neither.
    """
    if input_kind(path) == FILM:
        return Source(_film_frames(path, loop=True), paced=True)
    return Source((frame for frame in [Frame(read_picture(path), Fraction(0))]), paced=False)


def _read(source: Source, latest: Latest[Frame], stop: Event) -> None:
    try:
        with closing(_paced(source, stop) if source.paced else source.frames) as frames:
            for frame in frames:
                if stop.is_set():
                    break
                latest.put(frame)
    finally:
        latest.close()


def _paced(source: Source, stop: Event) -> Generator[Frame, None, None]:
    """Yields each frame at its time. A late frame delays those after it: catching up would take yet more time."""
    start = time.monotonic()
    with closing(source.frames) as frames:
        for frame in frames:
            wait = start + float(frame.time) - time.monotonic()
            start -= min(0.0, wait)
            stop.wait(max(0.0, wait))
            yield frame


def _film_frames(path: Path, loop: bool) -> Generator[Frame, None, None]:
    """The frames, evenly spaced at the film's average rate."""
    rate = frame_rate(path)
    count = 0
    while loop or not count:
        before = count
        for picture in read_frames(path):
            yield Frame(picture, count / rate)
            count += 1
        if count == before:
            raise MediaError(f"{path}: the film has no frames")


def _open_device(name: str) -> cv2.VideoCapture:
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # errors are reported below, in one line
    if "://" in name:
        timeouts = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, _NETWORK_TIMEOUT, cv2.CAP_PROP_READ_TIMEOUT_MSEC, _NETWORK_TIMEOUT]
        camera = cv2.VideoCapture(name, cv2.CAP_FFMPEG, timeouts)
    else:
        camera = cv2.VideoCapture(int(name) if name.isdecimal() else name)
    if not camera.isOpened():
        hint = "--source takes a camera's number (0 is the first), a device, an address or a film file"
        reason = "not connected, or in use" if name.isdecimal() else "no such source"
        raise MediaError(f"camera {_without_password(name)}: {reason}", hint)
    return camera


def _camera_frames(camera: cv2.VideoCapture, name: str) -> Generator[Frame, None, None]:
    count = 0
    try:
        while True:
            success, picture = camera.read()
            if not success:
                break
            yield Frame(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), Fraction(time.monotonic_ns(), 10**9))
            count += 1
    finally:
        camera.release()
    if not count:
        raise MediaError(f"camera {_without_password(name)}: delivers no frames", "another program may be using it")
    warnings.warn(f"camera {_without_password(name)}: stopped delivering frames", stacklevel=2)


def _without_password(address: str) -> str:
    return re.sub(r"//[^/]*@", "//…@", address)
