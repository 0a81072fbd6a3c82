"""The web page: a server on the loopback address, for viewers who know the page's address.

The address contains a random token, so that neither other users nor web sites open in a browser on this machine can
watch the camera. Host names other than the loopback address are refused: a web site could have its own name resolve to
this machine (DNS rebinding).
"""

import base64
import json
import math
import re
import secrets
import socket
import socketserver
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files

import cv2
import numpy as np

from stegnet.core.errors import ConfigError
from stegnet.webcam.capture import Latest
from stegnet.webcam.live import LiveFrame

LOOPBACK = "127.0.0.1"
DIFFERENCE_GAIN = 10
_JPEG_QUALITY = 90
_RATE_WINDOW = 3.0  # seconds over which frame rates are averaged
_LONG_POLL = 10.0  # seconds for which a request waits for a new frame
_TOKEN_BYTES = 24
_MAX_CONNECTIONS = 16  # a viewer needs one or two, and browsers open spare ones
_BUSY = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

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
            "seconds": frame.unsealed.record.stamp / 1000,
            "recording": self._recording,
        }
        return View(frame, statistics)


class PageServer(ThreadingHTTPServer):
    """Serves the page, and to each viewer the latest frame on request; a context manager.

    Each connection has a thread. Connections beyond `_MAX_CONNECTIONS` get "503 Service Unavailable".

    Args:
        port: 0 for any free port.
        stop: set when a viewer ends the session.
    Raises:
        ConfigError: the port is not available.
    """

    def __init__(self, port: int, stop: threading.Event) -> None:
        self.latest: Latest[View] = Latest()
        self.stop = stop
        self._free = threading.BoundedSemaphore(_MAX_CONNECTIONS)
        self.token = secrets.token_urlsafe(_TOKEN_BYTES)
        self.page = files("stegnet.webcam").joinpath("page.html").read_bytes()
        try:
            super().__init__((LOOPBACK, port), _Handler)
        except OSError as error:
            hint = "choose another one with --port; 0 takes any free port"
            raise ConfigError(f"port {port}: not available ({error.strerror})", hint) from error

    @property
    def address(self) -> str:
        """URL of the page."""
        return f"http://{LOOPBACK}:{self.server_port}/{self.token}/"

    @contextmanager
    def running(self) -> Iterator[None]:
        """Serves for the time of the block, at whose end viewers learn that the session is over."""
        thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self.latest.close()
            self.shutdown()
            thread.join()

    def server_bind(self) -> None:
        """Binds without looking up the machine's name, which may take seconds and is not needed."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = LOOPBACK, self.server_address[1]

    def process_request(self, request: socket.socket, client_address: object) -> None:
        """Serves a connection in a thread of its own, if one is free."""
        if self._free.acquire(blocking=False):
            try:
                super().process_request(request, client_address)
            except BaseException:  # the thread could not be started
                self._free.release()
                raise
            return
        with suppress(OSError):  # the viewer has disconnected
            request.sendall(_BUSY)
        self.shutdown_request(request)

    def process_request_thread(self, request: socket.socket, client_address: object) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignores viewers that have disconnected."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: PageServer
    protocol_version = "HTTP/1.1"
    timeout = 60

    def do_GET(self) -> None:
        path = self._authorised_path()
        if path == "":
            self._send("text/html; charset=utf-8", self.server.page)
        elif path == "frame":
            self._send_frame()
        elif path is not None:
            self._refuse(HTTPStatus.NOT_FOUND)

    def do_POST(self) -> None:
        self.close_connection = True  # the request's body is not read
        path = self._authorised_path()
        if path == "stop":
            self.server.stop.set()
            self._send("application/json", b'{"stopped": true}')
        elif path is not None:
            self._refuse(HTTPStatus.NOT_FOUND)

    def _authorised_path(self) -> str | None:
        """Returns the path after the token; None if host or token are wrong and the request was refused."""
        port = self.server.server_port
        host = self.headers.get("Host", "")
        if (host if ":" in host else f"{host}:80") not in {f"{LOOPBACK}:{port}", f"localhost:{port}"}:
            self._refuse(HTTPStatus.FORBIDDEN)
            return None
        token, slash, rest = self.path.partition("?")[0].removeprefix("/").partition("/")
        if not slash or not secrets.compare_digest(token.encode(), self.server.token.encode()):
            self._refuse(HTTPStatus.NOT_FOUND)
            return None
        return rest

    def _send_frame(self) -> None:
        after = self.path.partition("?after=")[2]
        known = int(after) if re.fullmatch(r"\d{1,9}", after, re.ASCII) else 0
        found = self.server.latest.wait(known, _LONG_POLL)
        if found is None:
            answer = {"ended": self.server.latest.ended(known)}
        else:
            number, view = found
            answer = {"number": number, **view.as_json()}
        self._send("application/json", json.dumps(answer).encode())

    def _send(self, content_type: str, body: bytes, status: HTTPStatus = HTTPStatus.OK) -> None:
        self.send_response(status)
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _refuse(self, status: HTTPStatus) -> None:
        self.close_connection = True  # clients without the token must not occupy a thread
        self._send("text/plain", f"{status.phrase}\n".encode(), status)

    def version_string(self) -> str:
        """Hides the version of Python."""
        return "stegnet"

    def log_message(self, format: str, *arguments: object) -> None:
        """Logs nothing: paths contain the token."""


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
