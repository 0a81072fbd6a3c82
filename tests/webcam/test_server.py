"""Access to the page, and its contents."""

import base64
import io
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from http.client import HTTPConnection, RemoteDisconnected

import numpy as np
import pytest
from PIL import Image

from stegnet import ConfigError
from stegnet.loopback import LOOPBACK, MAX_CONNECTIONS
from stegnet.webcam.live import LiveFrame
from stegnet.webcam.server import PageServer, StatisticsCounter
from tests.support.waiting import LIMIT, wait_until


@pytest.fixture
def server() -> Iterator[PageServer]:
    with PageServer(0, threading.Event()) as server, server.running():
        yield server


@pytest.fixture
def ask(server) -> Callable[..., tuple[int, dict[str, str], bytes]]:
    """Requests a path below the token; returns status, headers and body."""
    own = f"{LOOPBACK}:{server.server_port}"

    def send(path: str, method: str = "GET", host: str = own, token: str = server.token):
        with closing(HTTPConnection(LOOPBACK, server.server_port, timeout=LIMIT)) as connection:
            whole = f"/{token}/{path}" if token else path
            connection.request(method, whole, headers={"Host": host, "Origin": f"http://{own}"})
            answer = connection.getresponse()
            return answer.status, dict(answer.headers), answer.read()

    return send


@pytest.fixture
def make_frame(picture) -> Callable[[int], LiveFrame]:
    pictures = [picture(48, 64, seed) for seed in range(4)]
    return lambda number: LiveFrame(40 * number, number, *pictures, 41.5, float("inf"))


@pytest.fixture
def show(server, make_frame) -> Callable[..., LiveFrame]:
    """Shows a frame of a number, of so many that were captured."""

    def put(number: int = 1, captured: int = 1, counter: StatisticsCounter | None = None) -> LiveFrame:
        frame = make_frame(number)
        server.latest.put((counter or StatisticsCounter(recording=False)).view(frame, captured))
        return frame

    return put


def test_the_page_is_self_contained_and_on_the_loopback_address_only(server, ask):
    status, headers, body = ask("")
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert not re.findall(rb"https?:|@import|url\(|<link rel=.stylesheet|<script src", body)
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; img-src data:;")
    assert (headers["Cache-Control"], headers["Server"]) == ("no-store", "stegnet")
    assert server.socket.getsockname()[0] == "127.0.0.1"
    assert ask("", host=f"localhost:{server.server_port}")[0] == 200


def test_a_frame(ask, show):
    frame = show(3, 5)
    status, headers, body = ask("frame?after=0")
    assert (status, headers["Content-Type"]) == (200, "application/json")
    answer = json.loads(body)
    assert answer["number"] == 1
    assert answer["statistics"] == {
        "shown": 1, "dropped": 0, "camera_rate": None, "shown_rate": None, "container_psnr": 41.5,
        "revealed_psnr": None, "width": 64, "height": 48, "seconds": 0.12, "recording": False,
    }  # fmt: skip
    difference = np.abs(frame.cover.astype(int) - frame.container)
    shown = {name: (getattr(frame, name), 8) for name in ("cover", "container", "secret", "revealed")}
    for name, (picture, most) in (shown | {"container_difference": (np.minimum(10 * difference, 255), 20)}).items():
        with Image.open(io.BytesIO(base64.b64decode(answer["pictures"][name]))) as image:
            assert np.abs(np.asarray(image).astype(int) - picture).mean() < most


def test_a_slow_viewer_gets_the_latest_frame(ask, show):
    """As one does whose query is invalid."""
    counter = StatisticsCounter(recording=True)
    for number in range(1, 8):
        show(3 * number, 30, counter)
    for query in ("?after=1", "", "?after=", "?after=x", "?after=-1", "?after=%C2%B2", "?other=1"):
        answer = json.loads(ask(f"frame{query}")[2])
        assert answer["number"] == 7
        assert (answer["statistics"]["shown"], answer["statistics"]["dropped"]) == (7, 12)


def test_a_viewer_waits_for_a_new_frame(server, ask, show, monkeypatch):
    show()
    monkeypatch.setattr("stegnet.webcam.server._LONG_POLL", 0.1)
    assert json.loads(ask("frame?after=1")[2]) == {"ended": False}
    monkeypatch.setattr("stegnet.webcam.server._LONG_POLL", LIMIT)
    later = threading.Timer(0.2, lambda: show(2, 2))
    later.start()
    assert json.loads(ask("frame?after=1")[2])["number"] == 2
    server.latest.close()
    assert json.loads(ask("frame?after=2")[2]) == {"ended": True}


def test_frame_rates(make_frame, monkeypatch):
    now = iter([10.0, 10.5, 11.0, 20.0, 20.5])
    monkeypatch.setattr("stegnet.webcam.server.time.monotonic", lambda: next(now))
    counter = StatisticsCounter(recording=False)
    statistics = [counter.view(make_frame(10 * step + 1), 10 * step + 1).statistics for step in range(5)]
    assert [each["shown_rate"] for each in statistics] == [None, 2.0, 2.0, pytest.approx(1 / 9), 2.0]
    assert [each["camera_rate"] for each in statistics] == [None, 20.0, 20.0, pytest.approx(10 / 9), 20.0]
    assert [each["dropped"] for each in statistics] == [0, 9, 18, 27, 36]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_requests_without_the_token_or_for_other_hosts_are_refused(server, ask, method):
    for path in ("", "frame", "stop"):
        for token in ("x" * 32, server.token[:-1], server.token + "x", "%C3%A9"):
            assert ask(path, method, token=token)[0] == 404
        for host in ("evil.example", "evil.example:80", "127.0.0.1", "127.0.0.1:1", "localhost.evil"):
            assert ask(path, method, host=host)[0] == 403
    for whole in ("/", f"/{server.token}", "/favicon.ico", "*", "//[", "x"):
        assert ask(whole, method, token="")[0] == 404
    assert not server.stop.is_set()


def test_tokens_are_random_and_a_port_is_taken_once(server):
    with PageServer(0, threading.Event()) as other:
        assert server.token != other.token
        assert len(server.token) == 32
    with pytest.raises(ConfigError, match=rf"port {server.server_port}: not available \(Address already in use\)"):
        PageServer(server.server_port, threading.Event())


def test_the_stop_button(server, ask):
    assert ask("stop")[0] == 404  # a link or an image can't trigger it
    assert not server.stop.is_set()
    assert ask("stop", "POST")[0] == 200
    assert server.stop.is_set()


def test_disconnected_viewers_are_not_reported(server, ask, show, capfd):
    connection = socket.create_connection((LOOPBACK, server.server_port))
    request = f"GET /{server.token}/frame?after=0 HTTP/1.1\r\nHost: {LOOPBACK}:{server.server_port}\r\n\r\n"
    connection.sendall(request.encode())
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()  # with a reset, while the server waits for a frame
    show()
    time.sleep(0.3)
    assert ask("")[0] == 200
    assert capfd.readouterr() == ("", "")


def test_connections_are_limited(server, ask):
    """Excess connections are refused at once without a thread, until others are closed."""
    before = set(threading.enumerate())
    request = f"GET /{server.token}/ HTTP/1.1\r\nHost: {LOOPBACK}:{server.server_port}\r\n\r\n".encode()
    with ExitStack() as idle:
        for _ in range(MAX_CONNECTIONS):
            connection = idle.enter_context(socket.create_connection((LOOPBACK, server.server_port)))
            connection.sendall(request)
            assert connection.recv(12) == b"HTTP/1.1 200"  # it occupies its thread now
        for _ in range(20):
            status, headers, _ = ask("")
            assert (status, headers.get("Retry-After")) == (503, "1")
        started = set(threading.enumerate()) - before
        assert sum("process_request" in thread.name for thread in started) == MAX_CONNECTIONS
    wait_until(lambda: ask("")[0] == 200)


def test_a_thread_that_fails_to_start_frees_its_connection(server, ask, monkeypatch, capfd):
    def fail(thread):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", fail)
        for _ in range(MAX_CONNECTIONS):
            with pytest.raises((ConnectionError, RemoteDisconnected)):
                ask("")
    assert ask("")[0] == 200
    assert "can't start new thread" in capfd.readouterr().err


def test_the_server_stops_while_a_viewer_waits(monkeypatch):
    waiting = threading.Event()
    with PageServer(0, threading.Event()) as server:
        wait = server.latest.wait
        monkeypatch.setattr(server.latest, "wait", lambda *arguments: waiting.set() or wait(*arguments))
        with server.running():
            connection = HTTPConnection(LOOPBACK, server.server_port, timeout=LIMIT)
            connection.request("GET", f"/{server.token}/frame?after=0")
            assert waiting.wait(LIMIT)
        assert json.loads(connection.getresponse().read()) == {"ended": True}
        connection.close()


def test_clients_without_the_token_hold_no_thread(server):
    with socket.create_connection((LOOPBACK, server.server_port)) as connection:
        connection.sendall(f"GET / HTTP/1.1\r\nHost: {LOOPBACK}:{server.server_port}\r\n\r\n".encode())
        connection.settimeout(LIMIT)
        assert connection.makefile("rb").read().startswith(b"HTTP/1.1 404")  # until the connection is closed
