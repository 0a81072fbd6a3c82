"""The web page: a server on the loopback address, for viewers who know the page's address."""

import base64
import json
import math
import re
import threading
import time
from collections import deque
from dataclasses import dataclass
from http import HTTPStatus
from importlib.resources import files

import cv2
import numpy as np

from stegnet.loopback import LoopbackHandler, LoopbackServer
from stegnet.webcam.capture import Latest
from stegnet.webcam.live import LiveFrame

DIFFERENCE_GAIN = 10
_JPEG_QUALITY = 90
_RATE_WINDOW = 3.0  # seconds over which frame rates are averaged
_LONG_POLL = 10.0  # seconds for which a request waits for a new frame

Statistics = dict[str, float | int | bool | None]  # JSON values


@dataclass(frozen=True)
class View:
    """Contents of the page: a frame and the session's statistics."""

    frame: LiveFrame
    statistics: Statistics

    def as_json(self) -> dict[str, object]:
        """Returns the statistics and the pictures, as JPEG in base 64."""
        frame = self.frame
        pictures = {
            "cover": frame.cover,
            "container": frame.container,
            "secret": frame.secret,
            "revealed": frame.revealed,
            "container_difference": _difference(frame.cover, frame.container),
            "revealed_difference": _difference(frame.secret, frame.revealed),
        }
        encoded = {name: _jpeg(picture) for name, picture in pictures.items()}
        return {"statistics": self.statistics, "pictures": encoded}


class StatisticsCounter:
    """Counts frames captured, shown and dropped.

    Args:
        recording: passed on to the page.
    """

    def __init__(self, recording: bool) -> None:
        self._recording = recording
        self._window: deque[tuple[float, int]] = deque()  # time, frames captured by then
        self._first: int | None = None
        self._shown = 0

    def view(self, frame: LiveFrame, captured: int) -> View:
        """Counts a frame that is now shown; returns its view.

        Args:
            captured: number of frames that the camera has delivered so far.
        """
        self._shown += 1
        self._first = frame.number if self._first is None else self._first
        now = time.monotonic()
        self._window.append((now, captured))
        while now - self._window[0][0] > _RATE_WINDOW and len(self._window) > 2:
            self._window.popleft()
        span = now - self._window[0][0]
        height, width, _ = frame.cover.shape
        statistics = {
            "shown": self._shown,
            "dropped": frame.number - self._first + 1 - self._shown,
            "camera_rate": (captured - self._window[0][1]) / span if span else None,
            "shown_rate": (len(self._window) - 1) / span if span else None,
            "container_psnr": _finite(frame.container_psnr),
            "revealed_psnr": _finite(frame.revealed_psnr),
            "width": width,
            "height": height,
            "seconds": frame.stamp / 1000,
            "recording": self._recording,
        }
        return View(frame, statistics)


class PageServer(LoopbackServer):
    """Serves the page, and to each viewer the latest frame on request; arguments and errors as `LoopbackServer`."""

    def __init__(self, port: int, stop: threading.Event) -> None:
        self.latest: Latest[View] = Latest()
        self.page = files("stegnet.webcam").joinpath("page.html").read_bytes()
        super().__init__(port, _Handler, stop)

    def closing(self) -> None:
        """Viewers learn that the session is over."""
        self.latest.close()


class _Handler(LoopbackHandler):
    server: PageServer
    policy = (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )

    def get(self, path: str) -> None:
        if path == "":
            self.send_whole("text/html; charset=utf-8", self.server.page)
        elif path == "frame":
            self._send_frame()
        else:
            self.refuse(HTTPStatus.NOT_FOUND)

    def post(self, path: str) -> None:
        if path != "stop":
            self.refuse(HTTPStatus.NOT_FOUND)
            return
        self.server.stop.set()
        self.send_whole("application/json", b'{"stopped": true}')

    def _send_frame(self) -> None:
        after = self.path.partition("?after=")[2]
        known = int(after) if re.fullmatch(r"\d{1,9}", after, re.ASCII) else 0
        found = self.server.latest.wait(known, _LONG_POLL)
        if found is None:
            answer = {"ended": self.server.latest.ended(known)}
        else:
            number, view = found
            answer = {"number": number, **view.as_json()}
        self.send_whole("application/json", json.dumps(answer).encode())


def _difference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """DIFFERENCE_GAIN · |a − b| of two (H, W, 3) uint8 pictures, clipped at 255."""
    return np.minimum(cv2.absdiff(a, b).astype(np.uint16) * DIFFERENCE_GAIN, 255).astype(np.uint8)


def _jpeg(picture: np.ndarray) -> str:
    settings = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    _, code = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), settings)
    return base64.b64encode(code).decode()


def _finite(psnr: float) -> float | None:
    """Replaces infinity, which JSON lacks, by None."""
    return psnr if math.isfinite(psnr) else None
