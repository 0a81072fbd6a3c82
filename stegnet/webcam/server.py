"""The page, on this machine's loopback address, for those who know its address.

The address holds a random token, so that neither other users nor pages from elsewhere that run in a browser here
can look at the camera. A name other than that of the loopback address is refused: a page from elsewhere might have
had its own name point here (DNS rebinding).
"""

import json
import re
import secrets
import socket
import socketserver
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files

from stegnet.core.errors import ConfigError
from stegnet.webcam.newest import Newest
from stegnet.webcam.view import View

LOOPBACK = "127.0.0.1"
_WAIT = 10.0  # seconds that a request for a new frame is kept waiting
_TOKEN_BYTES = 24
_MOST_CONNECTIONS = 16  # a viewer needs one or two, and browsers open some to spare
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


class Site(ThreadingHTTPServer):
    """Serves the page, each viewer the newest frame whenever it asks for one; a context manager.

    Each connection has a thread. Those beyond `_MOST_CONNECTIONS` at once are told to come again.

    Args:
        port: 0 takes a free one.
        stop: set when a viewer ends the session.
    Raises:
        ConfigError: the port can't be had.
    """

    def __init__(self, port: int, stop: threading.Event) -> None:
        self.newest: Newest[View] = Newest()
        self.stop = stop
        self._free = threading.BoundedSemaphore(_MOST_CONNECTIONS)
        self.token = secrets.token_urlsafe(_TOKEN_BYTES)
        self.page = files("stegnet.webcam").joinpath("page.html").read_bytes()
        try:
            super().__init__((LOOPBACK, port), _Handler)
        except OSError as error:
            hint = "choose another by --port; 0 takes a free one"
            raise ConfigError(f"port {port}: can't be had ({error.strerror})", hint) from error

    @property
    def address(self) -> str:
        """Where the page is."""
        return f"http://{LOOPBACK}:{self.server_port}/{self.token}/"

    @contextmanager
    def served(self) -> Iterator[None]:
        """Serves for the time of the block; then every viewer is told that it is over."""
        thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self.newest.close()
            self.shutdown()
            thread.join()

    def server_bind(self) -> None:
        """Without the question for the machine's name, which may take seconds and is not needed."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = LOOPBACK, self.server_address[1]

    def process_request(self, request: socket.socket, client_address: object) -> None:
        """Answers a connection in a thread of its own, if there is one left."""
        if self._free.acquire(blocking=False):
            try:
                super().process_request(request, client_address)
            except BaseException:  # no thread could be started
                self._free.release()
                raise
            return
        with suppress(OSError):  # a viewer that has gone
            request.sendall(_BUSY)
        self.shutdown_request(request)

    def process_request_thread(self, request: socket.socket, client_address: object) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """A viewer that has gone is no error."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: Site
    protocol_version = "HTTP/1.1"
    timeout = 60

    def do_GET(self) -> None:
        asked = self._asked()
        if asked == "":
            self._send("text/html; charset=utf-8", self.server.page)
        elif asked == "frame":
            self._send_frame()
        elif asked is not None:
            self._refuse(HTTPStatus.NOT_FOUND)

    def do_POST(self) -> None:
        self.close_connection = True  # whatever else was sent is not read
        asked = self._asked()
        if asked == "stop":
            self.server.stop.set()
            self._send("application/json", b'{"stopped": true}')
        elif asked is not None:
            self._refuse(HTTPStatus.NOT_FOUND)

    def _asked(self) -> str | None:
        """What comes after the token; None where the request was refused."""
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
        found = self.server.newest.wait(known, _WAIT)
        if found is None:
            answer = {"over": self.server.newest.over(known)}
        else:
            number, view = found
            answer = {"number": number, **view.plain()}
        self._send("application/json", json.dumps(answer).encode())

    def _send(self, kind: str, body: bytes, status: HTTPStatus = HTTPStatus.OK) -> None:
        self.send_response(status)
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _refuse(self, status: HTTPStatus) -> None:
        self.close_connection = True  # whoever does not know the address holds no thread
        self._send("text/plain", f"{status.phrase}\n".encode(), status)

    def version_string(self) -> str:
        """Nothing that tells which Python it is."""
        return "stegnet"

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing: the paths hold the token."""
