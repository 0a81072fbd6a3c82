"""What the servers on the loopback address promise, whatever they serve."""

import socket
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from http.client import HTTPConnection

import pytest

from stegnet import ConfigError
from stegnet.loopback import LOOPBACK, MAX_CONNECTIONS, MAX_STRANGERS, LoopbackHandler, LoopbackServer
from tests.support.waiting import LIMIT, wait_until

go_on = threading.Event()
LOOPS = 40  # of another user of the machine


class Page(LoopbackHandler):
    """Answers with the path, for "wait" when it is told to go on; a post stops the program."""

    def get(self, path: str) -> None:
        assert path != "wait" or go_on.wait(LIMIT)
        self.send_whole("text/plain", path.encode())

    def post(self, path: str) -> None:
        self.server.stop.set()
        self.send_whole("text/plain", b"")


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    go_on.clear()
    with LoopbackServer(0, Page, threading.Event(), {}) as server, server.running():
        yield server


@pytest.fixture
def ask(server) -> Callable[..., int]:
    """Requests a path; returns the status."""
    own = f"{LOOPBACK}:{server.server_port}"

    def send(path: str, method: str = "GET", host: str = own, origin: str = f"http://{own}") -> int:
        with closing(HTTPConnection(LOOPBACK, server.server_port, timeout=LIMIT)) as connection:
            connection.request(method, path, headers={"Host": host, "Origin": origin})
            answer = connection.getresponse()
            answer.read()
            assert answer.headers["Server"] in (None, "stegnet")
            return answer.status

    return send


def connect(server: LoopbackServer, path: str = "") -> socket.socket:
    """A connection by which a path below the token is asked for."""
    connection = socket.create_connection((LOOPBACK, server.server_port), LIMIT)
    connection.sendall(f"GET /{server.token}/{path} HTTP/1.1\r\nHost: {LOOPBACK}:{server.server_port}\r\n\r\n".encode())
    return connection


def stranger(server: LoopbackServer) -> socket.socket:
    """A connection by which nothing is asked for."""
    return socket.create_connection((LOOPBACK, server.server_port), LIMIT)


def threads() -> int:
    """Of requests."""
    return sum("process_request" in thread.name for thread in threading.enumerate())


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_who_is_refused(server, ask, method) -> None:
    """Those without the token, under other host names, and posts of other sites' pages."""
    right = f"/{server.token}/x"
    for token in ("", "x" * 32, server.token[:-1], server.token + "x", "%C3%A9"):
        assert ask(f"/{token}/x", method) == 404, token
    for whole in (f"/{server.token}", "/favicon.ico", "*", "//[", "x"):
        assert ask(whole, method) == 404, whole
    for host in ("evil.example", "evil.example:80", LOOPBACK, f"{LOOPBACK}:1", "localhost.evil"):
        assert ask(right, method, host=host) == 403, host
    for origin in ("http://evil.example", "null", "", f"http://{LOOPBACK}", f"https://{LOOPBACK}:{server.server_port}"):
        assert ask(right, method, origin=origin) == (403 if method == "POST" else 200), origin
    assert not server.stop.is_set()
    assert ask(right, method, host=f"localhost:{server.server_port}") == 200
    assert server.stop.is_set() == (method == "POST")
    assert server.socket.getsockname()[0] == "127.0.0.1"


def test_a_page_of_another_site_does_not_end_the_program(server, ask) -> None:
    """Though it has the token, as from an address that somebody pasted there."""
    end = f"/{server.token}/{Page.end}"
    for origin in ("http://evil.example", "null", ""):
        assert ask(end, "POST", origin=origin) == 403, origin
        assert not server.stop.is_set(), origin
    assert ask(end, "POST") == 200
    assert server.stop.wait(LIMIT)  # it is set behind the answer


def test_tokens_are_random_and_a_port_is_taken_once(server) -> None:
    with LoopbackServer(0, Page, threading.Event(), {}) as other:
        assert server.token != other.token
        assert len(server.token) == 32
    with pytest.raises(ConfigError, match=rf"port {server.server_port}: not available \(Address already in use\)"):
        LoopbackServer(server.server_port, Page, threading.Event(), {})


def test_disconnected_viewers_are_not_reported(server, ask, capfd) -> None:
    with connect(server, "wait") as connection:
        wait_until(threads)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # closed with a reset
    go_on.set()
    wait_until(lambda: not threads())
    assert ask(f"/{server.token}/") == 200
    assert capfd.readouterr() == ("", "")


def test_connections_are_limited(server, ask) -> None:
    """Those that have shown the token: excess ones are refused, until others are closed."""
    with ExitStack() as idle:
        for _ in range(MAX_CONNECTIONS):
            connection = idle.enter_context(connect(server))
            assert connection.recv(12) == b"HTTP/1.1 200"  # it occupies its thread now
        assert [ask(f"/{server.token}/") for _ in range(20)] == [503] * 20
        wait_until(lambda: threads() == MAX_CONNECTIONS)
    wait_until(lambda: ask(f"/{server.token}/") == 200)


def test_who_says_nothing_keeps_nobody_out(server, ask) -> None:
    """Loops that connect, and again when they are refused, leave each request with the token its answer."""
    stop = threading.Event()

    def loop() -> None:
        while not stop.is_set():
            with suppress(OSError), stranger(server) as connection:
                connected.release()
                connection.settimeout(0.1)
                while not stop.is_set():
                    with suppress(TimeoutError):
                        if not connection.recv(1):
                            break

    connected = threading.Semaphore(0)
    with ThreadPoolExecutor(LOOPS) as pool:
        for _ in range(LOOPS):
            pool.submit(loop)
        try:
            for _ in range(LOOPS):
                assert connected.acquire(timeout=LIMIT)
            assert [ask(f"/{server.token}/") for _ in range(40)] == [200] * 40
        finally:
            stop.set()


def test_the_oldest_of_those_that_show_no_token_makes_room(server, ask) -> None:
    with ExitStack() as opened:
        waiting = opened.enter_context(connect(server, "wait"))
        wait_until(lambda: threads() == 1)
        first, second, *others = (opened.enter_context(stranger(server)) for _ in range(MAX_STRANGERS + 1))
        assert first.recv(1) == b""
        assert ask(f"/{server.token}/") == 200
        assert second.recv(1) == b""
        wait_until(lambda: threads() == 1 + len(others))
        go_on.set()
        assert waiting.recv(12) == b"HTTP/1.1 200"


def accepting_waits() -> bool:
    """Does the server wait for a thread to end, before it accepts one more connection?"""
    calls = [[frame.f_code.co_name for frame, _ in traceback.walk_stack(top)] for top in sys._current_frames().values()]
    return any({"process_request", "acquire", "wait"} <= {*names} for names in calls)


def test_a_flood_of_connections_takes_no_more_threads(server, monkeypatch) -> None:
    """Even if the threads of connections that were closed take long to end."""
    handle, go_on, most = LoopbackServer.process_request_thread, threading.Event(), MAX_STRANGERS + MAX_CONNECTIONS + 1

    def held(self, request, address):
        go_on.wait(LIMIT)
        handle(self, request, address)

    monkeypatch.setattr(LoopbackServer, "process_request_thread", held)
    before = threading.active_count()
    with ExitStack() as opened:
        opened.callback(go_on.set)
        for _ in range(most + 40):
            flooding = opened.enter_context(socket.socket())
            flooding.setblocking(False)  # those for which no thread is free wait in the system's queue
            flooding.connect_ex((LOOPBACK, server.server_port))
        wait_until(lambda: threading.active_count() - before > most or accepting_waits())
        assert threading.active_count() - before == most
    wait_until(lambda: threading.active_count() == before)


def test_a_thread_that_fails_to_start_frees_its_connection(server, ask, monkeypatch, capfd) -> None:
    def fail(thread):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", fail)
        for _ in range(MAX_STRANGERS + 2 * MAX_CONNECTIONS):
            with pytest.raises(ConnectionError):
                ask("/")
    assert ask(f"/{server.token}/") == 200
    assert "can't start new thread" in capfd.readouterr().err


def test_clients_without_the_token_hold_no_thread(server, monkeypatch) -> None:
    """Neither after their first request, nor if it never ends."""
    with stranger(server) as connection:
        connection.sendall(f"GET / HTTP/1.1\r\nHost: {LOOPBACK}:{server.server_port}\r\n\r\n".encode())
        assert connection.makefile("rb").read().startswith(b"HTTP/1.1 404")  # until the connection is closed
    monkeypatch.setattr(LoopbackServer, "seconds_for_token", 0.1)
    with socket.create_connection((LOOPBACK, server.server_port), Page.timeout / 2) as connection:
        connection.sendall(b"GET /")
        assert connection.recv(1) == b""
