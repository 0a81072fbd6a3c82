"""The web page: what is live, for viewers who know the page's address."""

import base64
import json
import math
import re
import threading
import time
from collections import deque
from http import HTTPStatus
from importlib.resources import files

import numpy as np

from stegnet.core.jpeg import encode_jpeg
from stegnet.core.measures import difference, psnr
from stegnet.loopback import LoopbackHandler, LoopbackServer
from stegnet.webcam.capture import Latest
from stegnet.webcam.live import LiveFrame

_GAIN, _QUALITY = 10, 90  # of differences; of JPEGs
_RATE_WINDOW = 3.0  # seconds over which frame rates are averaged
_LONG_POLL = 10.0  # seconds for which a request waits for a new frame

Statistics = dict[str, float | int | bool | None]  # JSON values


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
        """Shows a frame to all viewers.

        Args:
            captured: number of frames that the camera has delivered so far.
        """
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
