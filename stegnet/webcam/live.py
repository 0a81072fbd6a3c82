"""Hiding and revealing live: the latest frame of a camera, again and again; a page that shows it; and a film.

Of the live view nothing is kept, so that its key is random. Frames are hidden by what hides in films: `stegnet.hide`,
from file to file, takes three to four times as long. What fits into a recording depends on all of it: so the camera's
film is written without loss first, beside the result, and stays there if nothing can be hidden in it.
"""

import base64
import json
import math
import os
import re
import threading
import time
import warnings
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from http import HTTPStatus
from importlib.resources import files
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

import cv2
import numpy as np
from PIL import Image, ImageOps

from stegnet.api import Session
from stegnet.core.disk import atomic_write
from stegnet.core.errors import MediaError, StegnetError
from stegnet.core.measures import difference, psnr
from stegnet.core.names import FILM
from stegnet.core.parallel import parallel_map
from stegnet.core.pixels import encode_jpeg
from stegnet.image.pictures import read_picture, resize
from stegnet.keys import FILM_ID_BYTES, KEY_BYTES, SYSTEM, Key, KeyRing, KeySource
from stegnet.loopback import LoopbackHandler, LoopbackServer
from stegnet.media.cover import kind
from stegnet.methods import AUTO, METHODS, CoverSize
from stegnet.networks import FrameInput, Network, check_cover, hide_frame, reveal_frame
from stegnet.record import MAX_FRAMES, Header, Pictures, Record, read_record
from stegnet.results import Report
from stegnet.sealing import SEED_BYTES
from stegnet.video.film_writer import FilmWriter
from stegnet.video.films import frame_rate, read_frames

T = TypeVar("T")

MILLISECOND = Fraction(1, 1000)
RATE = Fraction(25)  # for players; the time stamps say when frames are shown
_TIMEOUT = 5_000  # milliseconds, to open a camera's address and to read from it
_POLL = 0.2  # seconds between looks at whether to stop
_FIRST = 20.0  # seconds to wait for the first frame
_GAIN, _QUALITY = 10, 90  # of differences; of JPEGs
_RATE_WINDOW = 3.0  # seconds over which frame rates are averaged
_LONG_POLL = 10.0  # seconds for which a request waits for a new frame
_MOST_SKIPPED = 10  # frames of a secret film for each that is shown, lest decoding it takes all the time

Statistics = dict[str, float | int | bool | None]  # JSON values


class Frame(NamedTuple):
    """A frame, (H, W, 3) uint8, and its time in seconds since an arbitrary start."""

    picture: np.ndarray
    time: float


Frames = Generator[Frame, None, None]


class Latest(Generic[T]):
    """The latest of the `count` items that a thread has put, for other threads; older ones are dropped."""

    def __init__(self) -> None:
        self.count, self._changed = 0, threading.Condition()
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
    latest, stop = Latest[Frame](), threading.Event()

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
    if (found := kind(path)) != FILM:
        raise MediaError(f"is a {found}, not a film", "`stegnet hide` hides in it", subject=path)
    return _film_frames(path, loop)


def open_secret(path: Path) -> Frames:
    """The frames of a film in an endless loop, or a picture; MediaError if it is neither."""
    if kind(path) == FILM:
        return _film_frames(path, loop=True)
    return (Frame(picture, 0.0) for picture in [read_picture(path)])


def _film_frames(path: Path, loop: bool) -> Frames:
    """The frames, evenly spaced at the film's average rate."""
    rate, number, more = float(frame_rate(path)), 0, True
    while more:
        before, more = number, loop
        for picture in read_frames(path):
            yield Frame(picture, number / rate)
            number += 1
        if number == before:
            raise MediaError("the film has no frames", subject=path)


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
        raise MediaError(f"{'not connected, or in use' if name.isdecimal() else 'no such source'}", hint, subject=shown)
    delivered = False
    try:
        while (answer := camera.read())[0]:
            yield Frame(cv2.cvtColor(answer[1], cv2.COLOR_BGR2RGB), time.monotonic())
            delivered = True
    finally:
        camera.release()
    if not delivered:
        raise MediaError("delivers no frames", "another program may be using it", subject=shown)
    warnings.warn(f"{shown}: stopped delivering frames", stacklevel=2)


class LiveFrame(NamedTuple):
    """A camera's frame, counted from 1, its time in milliseconds since the first, and pictures, (H, W, 3) uint8."""

    number: int
    stamp: int
    cover: np.ndarray
    secret: np.ndarray
    container: np.ndarray | None = None
    revealed: np.ndarray | None = None


class LiveView:
    """Hides a secret, scaled down to fit, in the latest frames of a camera, and reveals it again.

    Attributes:
        size: width and height of covers; by default, of the camera's first frame.
        count: number of frames so far.
    Raises:
        MediaError: a source delivers no frame.
        CapacityError: the covers are too small.
    """

    def __init__(self, network: Network, camera: Latest[Frame], secret: Frames, size: tuple[int, int] | None) -> None:
        first = camera.wait(0, _FIRST)
        if first is None:
            raise MediaError(f"the source delivered no frame within {_FIRST:g} seconds")
        self.size, self.count = size or first[1].picture.shape[1::-1], 0
        self._network, self._camera, self._frames, self._secret = network, camera, secret, next(secret)
        (width, height), (rows, cols, _) = self.size, self._secret.picture.shape
        scale = min(1.0, height / rows, width / cols)
        self._rows, self._cols = max(1, round(rows * scale)), max(1, round(cols * scale))
        self._keys = Key(SYSTEM(KEY_BYTES)).new_keys(SYSTEM)
        described = self._cols, self._rows, MAX_FRAMES, MILLISECOND, RATE, network.base, network.block, network.weights
        self._record = Record(Header(SYSTEM(FILM_ID_BYTES), FILM, MAX_FRAMES, Pictures(*described)), 1)
        check_cover(height, width, self._record.header, self._keys.film, 0)

    def frames(self, stop: threading.Event, most: int | None) -> Generator[LiveFrame, None, None]:
        """Processes the latest frame whenever a thread is free, until `stop` is set or the camera ends."""
        pool, taken = self._network.pool(*reversed(self.size)), self._taken(stop, most or MAX_FRAMES)
        with closing(parallel_map(self._hidden, taken, pool.workers, pool.prepare)) as frames:
            yield from frames

    def _taken(self, stop: threading.Event, most: int) -> Iterator[LiveFrame]:
        number, stamp, start = 0, -1, None
        with suppress(EOFError):
            while self.count < most and not stop.is_set():
                found = self._camera.wait(number, _POLL)
                if found is None:
                    continue
                number, (picture, seconds) = found
                start = seconds if start is None else start
                stamp = max(stamp + 1, round((seconds - start) * 1000))
                cover = np.array(ImageOps.fit(Image.fromarray(picture), self.size, Image.Resampling.LANCZOS))
                secret = resize(self._secret_at(seconds - start), self._rows, self._cols)
                self.count += 1
                yield LiveFrame(number, stamp, cover, secret)

    def _secret_at(self, seconds: float) -> np.ndarray:
        for _ in range(_MOST_SKIPPED):
            if self._secret.time < seconds:
                self._secret = next(self._frames, self._secret)
        return self._secret.picture

    def _hidden(self, frame: LiveFrame) -> LiveFrame:
        given = FrameInput(frame.secret, self._record, SYSTEM(SEED_BYTES))
        container = hide_frame(self._network, self._keys, frame.cover, given)
        reading = read_record(container, KeyRing.of(self._keys), first=False)
        revealed = reveal_frame(self._network, self._keys.film, container, reading)
        return frame._replace(container=container, revealed=revealed)


class PageServer(LoopbackServer):
    """Serves the page, and to each viewer the latest frame on request; the rest as `LoopbackServer`.

    Attributes:
        statistics: of the frame shown last.
    """

    def __init__(self, port: int, stop: threading.Event, recording: bool) -> None:
        self.statistics: Statistics = {"shown": 0, "dropped": 0, "seconds": 0.0}
        self.latest: Latest[tuple[LiveFrame, Statistics]] = Latest()
        self._window: deque[tuple[float, int]] = deque()  # time, frames captured by then
        self._first, self._recording = 0, recording
        page = files("stegnet.webcam").joinpath("page.html").read_bytes()
        super().__init__(port, _Handler, stop, {"": ("text/html; charset=utf-8", page)})

    def show(self, frame: LiveFrame, captured: int) -> None:
        """Shows a frame to all viewers; the camera has delivered `captured` so far."""
        shown, now, window = self.latest.count + 1, time.monotonic(), self._window
        self._first = self._first or frame.number
        window.append((now, captured))
        while now - window[0][0] > _RATE_WINDOW and len(window) > 2:
            window.popleft()
        span = now - window[0][0]
        height, width, _ = frame.cover.shape
        self.statistics = {
            "shown": shown,
            "dropped": frame.number - self._first + 1 - shown,
            "camera_rate": (captured - window[0][1]) / span if span else None,
            "shown_rate": (len(window) - 1) / span if span else None,
            "container_psnr": _psnr(frame.cover, frame.container),
            "revealed_psnr": _psnr(frame.secret, frame.revealed),
            "width": width,
            "height": height,
            "seconds": frame.stamp / 1000,
            "recording": self._recording,
        }
        self.latest.put((frame, self.statistics))

    def closing(self) -> None:
        """Viewers learn that the session is over."""
        self.latest.close()


class _Handler(LoopbackHandler):
    server: PageServer
    end = "stop"
    policy = (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )

    def get(self, path: str) -> None:
        if path != "frame":
            self.refuse(HTTPStatus.NOT_FOUND)
            return
        after = self.path.partition("?after=")[2]
        known = int(after) if re.fullmatch(r"\d{1,9}", after, re.ASCII) else 0
        try:
            found = self.server.latest.wait(known, _LONG_POLL)
            answer = _shown(found[0], *found[1]) if found else {"ended": False}
        except EOFError:
            answer = {"ended": True}
        self.send_whole("application/json", json.dumps(answer).encode())


def _shown(number: int, frame: LiveFrame, statistics: Statistics) -> dict[str, object]:
    pictures = {name: getattr(frame, name) for name in ("cover", "container", "secret", "revealed")}
    pictures["container_difference"] = difference(frame.cover, frame.container, _GAIN)
    pictures["revealed_difference"] = difference(frame.secret, frame.revealed, _GAIN)
    encoded = {name: base64.b64encode(encode_jpeg(each, _QUALITY)).decode() for name, each in pictures.items()}
    return {"number": number, "statistics": statistics, "pictures": encoded}


def _psnr(a: np.ndarray, b: np.ndarray) -> float | None:
    """In dB; None in place of infinity, which JSON lacks."""
    return found if math.isfinite(found := psnr(a, b)) else None


@dataclass(frozen=True)
class Recording:
    """A film of what the camera saw, in which `stegnet.hide` hides a secret, with `options`, at its end."""

    secret: Path
    out: Path
    key: KeySource
    overwrite: bool
    options: dict[str, str]

    @property
    def draft(self) -> Path:
        """The film without loss, readable by its owner only: it shows what hiding changes."""
        return self.out.with_name(f"{self.out.stem}.camera.mkv")

    @contextmanager
    def film(self, view: LiveView) -> Iterator[FilmWriter]:
        """The draft while it is written, of frames of a view.

        Raises:
            ConfigError, CapacityError: there is no such channel, or its films can't have the camera's sides.
            MediaError: the draft can't be written, is there already, or there was no frame.
        """
        method = METHODS.choose(AUTO, self.options, self.out.suffix.lower())
        cover, options = CoverSize(*reversed(view.size), frames=2), method.options(**self.options)
        method.capacity(cover, self.secret.name, options)
        draft = atomic_write(self.draft, overwrite=False, private=True)
        with draft as part, FilmWriter(part, *view.size, RATE) as film:
            yield film
            if not view.count:
                raise MediaError("not written: there was no frame to record", subject=self.out)

    def hide(self, session: Session) -> Report:
        """Hides the secret in the draft, which then goes."""
        files = self.draft, self.secret, self.out
        try:
            with warnings.catch_warnings(action="ignore"):  # of a weak passphrase: the command line has warned
                report = session.hide(*files, key=self.key, overwrite=self.overwrite, **self.options)
        except StegnetError as error:
            kept = f"the recording, in which nothing is hidden, is {self.draft}"
            raise type(error)(f"{error}; {kept}", error.hint) from error
        self.draft.unlink()
        return report
