"""HTTP on the loopback address, for browsers that know the server's address; it serves the window.

The address contains a random token, so that neither other users nor web sites open in a browser on this machine can
reach the server. Host names other than the loopback address are refused, since a web site could have its own name
resolve to this machine (DNS rebinding), and so are posts from another site's page. Connections without the token, which
any user of this machine can open, do not keep out those with it.
"""

import os
import secrets
import socket
import socketserver
import sys
import threading
import time
import webbrowser
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from stegnet.core.disk import temporary_folder
from stegnet.core.errors import ConfigError
from stegnet.core.text import Setting, Text

LOOPBACK = "127.0.0.1"
MAX_CONNECTIONS = 16  # connections that have shown the token: a browser's window needs one or two
MAX_STRANGERS = 128  # connections that have not shown it yet; browsers open spare ones
_SNAPS = Path("/var/lib/snapd")
Page = Mapping[str, tuple[str, bytes]]
Connection = socket.socket | tuple[bytes, socket.socket]  # as socketserver passes it: for TCP, the socket


class LoopbackServer(ThreadingHTTPServer):
    """Server that answers each connection in a separate thread; a context manager.

    Connections that have not shown the token are closed after ten seconds, or when there are more than `MAX_STRANGERS`,
    the oldest first. Connections that have shown it get "503 Service Unavailable" beyond `MAX_CONNECTIONS`.

    Args:
        port: 0 for any free port.
        handler: class of the handlers of requests.
        stop: set when a visitor ends the program.
        page: type and bytes of each file of the page by its path; the address itself shows "".

    Raises:
        ConfigError: the port is not available.
    """

    request_queue_size = MAX_STRANGERS  # connections that wait to be accepted
    seconds_for_token = 10.0  # in which a connection must show the token

    def __init__(self, port: int, handler: type["LoopbackHandler"], stop: threading.Event, page: Page) -> None:
        self.stop = stop
        self.page = page
        self.token = secrets.token_urlsafe(24)
        self._changes = threading.Lock()
        self._strangers: dict[socket.socket, float] = {}  # time when each was accepted, the oldest first
        self._admitted: set[socket.socket] = set()
        self._free = threading.BoundedSemaphore(MAX_STRANGERS + MAX_CONNECTIONS + 1)
        try:
            super().__init__((LOOPBACK, port), handler)
        except OSError as error:
            hint = Text("choose another one: ", Setting("port", "PORT", quoted=False), "; 0 takes any free port")
            raise ConfigError(f"port {port}: not available ({error.strerror})", hint) from error

    @property
    def address(self) -> str:
        """URL of the page."""
        return f"http://{LOOPBACK}:{self.server_port}/{self.token}/"

    @property
    def hosts(self) -> set[str]:
        """Host and port, as requests may name them."""
        return {f"{host}:{self.server_port}" for host in (LOOPBACK, "localhost")}

    @contextmanager
    def running(self) -> Iterator[None]:
        """Serve for the duration of the block."""
        thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self.closing()
            self.shutdown()
            thread.join()

    def closing(self) -> None:
        """Do nothing; a subclass may end here what its handlers wait for, as the server is about to shut down."""

    def server_bind(self) -> None:
        """Bind without looking up the machine's name, which may take seconds and is not needed."""
        socketserver.TCPServer.server_bind(self)
        self.server_name = LOOPBACK
        self.server_port = self.server_address[1]

    def process_request(self, request: Connection, client_address: object) -> None:
        """Serve a connection in a separate thread; if too many have shown no token, close the oldest of them."""
        assert isinstance(request, socket.socket)
        self._free.acquire()  # without a free one, the thread of a closed connection is about to end
        try:
            with self._changes:
                self._strangers[request] = time.monotonic()
                if len(self._strangers) > MAX_STRANGERS:
                    self._close_oldest()
            super().process_request(request, client_address)
        except BaseException:  # the thread could not be started
            self._forget(request)
            raise

    def process_request_thread(self, request: Connection, client_address: object) -> None:
        """Answer a connection, then forget it, so that another can take its place."""
        assert isinstance(request, socket.socket)
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._forget(request)

    def service_actions(self) -> None:
        """Close connections that have not shown the token in time; called several times a second."""
        with self._changes:
            latest = time.monotonic() - self.seconds_for_token
            while self._strangers and next(iter(self._strangers.values())) < latest:
                self._close_oldest()

    def admit(self, connection: socket.socket) -> bool:
        """Count a connection among those that have shown the token; return False if these are too many."""
        with self._changes:
            if connection in self._strangers and len(self._admitted) < MAX_CONNECTIONS:
                del self._strangers[connection]
                self._admitted.add(connection)
            return connection in self._admitted

    def _close_oldest(self) -> None:
        """Close the oldest connection that has not shown the token; its thread then ends."""
        oldest = next(iter(self._strangers))
        del self._strangers[oldest]
        with suppress(OSError):  # the visitor has disconnected
            oldest.shutdown(socket.SHUT_RDWR)

    def _forget(self, connection: socket.socket) -> None:
        with self._changes:
            self._strangers.pop(connection, None)
            self._admitted.discard(connection)
        self._free.release()

    def handle_error(self, request: Connection, client_address: object) -> None:
        """Ignore errors of visitors that have disconnected."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class LoopbackHandler(BaseHTTPRequestHandler):
    """Handler of requests with the right token: for files of the page, and others that subclasses define.

    `get` and `post` take the path after the token.
    """

    server: LoopbackServer
    protocol_version = "HTTP/1.1"
    timeout = 60
    policy = "default-src 'none'; frame-ancestors 'none'"  # Content-Security-Policy of every answer
    end = "quit"  # path to which a visitor posts to end the program

    def get(self, path: str) -> None:
        """Answer a GET request."""
        self.refuse(HTTPStatus.NOT_FOUND)

    def post(self, path: str) -> None:
        """Answer a POST request."""
        self.refuse(HTTPStatus.NOT_FOUND)

    def do_GET(self) -> None:
        """Send a file of the page, or pass a path with the right token to `get`."""
        path = self._authorised_path()
        if path is None:
            return
        if path in self.server.page:
            self.close_connection = True
            self.send_whole(*self.server.page[path])
        else:
            self.get(path)

    def do_POST(self) -> None:
        """Refuse requests of other sites, stop the server at the path `end`, and pass all others to `post`."""
        self.close_connection = True  # the request's body may be left unread
        path = self._authorised_path()
        if path is None:
            return
        if self.headers.get("Origin", "").removeprefix("http://") not in self.server.hosts:
            self.refuse(HTTPStatus.FORBIDDEN)
        elif path == self.end:
            self.send_whole("application/json", b"{}")
            self.server.stop.set()
        else:
            self.post(path)

    def send_whole(self, content_type: str, body: bytes, status: HTTPStatus = HTTPStatus.OK) -> None:
        """Send an answer."""
        self.send_head(status, {"Content-Type": content_type, "Content-Length": str(len(body))})
        self.wfile.write(body)

    def send_head(self, status: HTTPStatus, headers: dict[str, str]) -> None:
        """Send the head of an answer; `headers` are added to, or replace, those of every answer."""
        of_every_answer = {
            "Content-Security-Policy": self.policy,
            "Cache-Control": "no-store",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }
        self.send_response(status)
        for name, value in (of_every_answer | headers).items():
            self.send_header(name, value)
        self.end_headers()

    def refuse(self, status: HTTPStatus, reason: str = "") -> None:
        """Refuse a request, for a reason that a person can act on."""
        self.close_connection = True  # clients without the token must not occupy a thread
        self.send_whole("text/plain", f"{reason or status.phrase}\n".encode(), status)

    def version_string(self) -> str:
        """Return the server's name, without the version of Python."""
        return "stegnet"

    def log_message(self, format: str, *arguments: object) -> None:
        """Log nothing: paths contain the token."""

    def _authorised_path(self) -> str | None:
        """Return the path after the token; or refuse the request and return None."""
        host = self.headers.get("Host", "")
        if (host if ":" in host else f"{host}:80") not in self.server.hosts:
            port = self.server.server_port
            reason = f"This page is shown only at {LOOPBACK}:{port} and localhost:{port}."
            reason += f" Through SSH, keep the port: ssh -L {port}:{LOOPBACK}:{port} MACHINE"
            self.refuse(HTTPStatus.FORBIDDEN, reason)
            return None
        token, slash, rest = self.path.partition("?")[0].removeprefix("/").partition("/")
        if not slash or not secrets.compare_digest(token.encode(), self.server.token.encode()):
            self.refuse(HTTPStatus.NOT_FOUND)
            return None
        if not self.server.admit(self.connection):
            self.refuse(HTTPStatus.SERVICE_UNAVAILABLE)
            return None
        return rest


@contextmanager
def browser(address: str, name: str) -> Iterator[Callable[[], bool]]:
    """Yield a function that opens an address in a browser; it returns False if no browser can be started.

    The browser is started with a temporary file that redirects to the address, since other users can see its arguments.
    If snaps are installed, the file is in the home folder: a browser that is a snap can't see /tmp. The browser may
    show the file's name for a moment.
    """
    home = os.environ.get("HOME")
    parent = Path(home) if home and _SNAPS.is_dir() and os.access(home, os.W_OK) else None
    with temporary_folder(parent=parent) as folder:

        def start() -> bool:
            redirect = folder / f"{name}.html"
            redirect.write_text(f'<!doctype html><meta http-equiv="refresh" content="0; url={address}">', "utf-8")
            return webbrowser.open(redirect.as_uri())

        yield start
