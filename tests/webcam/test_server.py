"""Who gets to see the page, and what."""

import base64
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.client import HTTPConnection, RemoteDisconnected

import cv2
import numpy as np
import pytest

from stegnet.codec.frame import UnsealedFrame
from stegnet.codec.record import Record
from stegnet.codec.recording import open_header
from stegnet.core.errors import ConfigError
from stegnet.webcam.live import Trip
from stegnet.webcam.server import _MOST_CONNECTIONS, LOOPBACK, Site
from stegnet.webcam.view import Rates

Ask = Callable[..., tuple[int, dict[str, str], bytes]]


@pytest.fixture
def site() -> Iterator[Site]:
    with Site(0, threading.Event()) as site, site.served():
        yield site


@pytest.fixture
def ask(site) -> Ask:
    """Asks the site for a path below its token; gives status, headers and body."""

    def send(path: str, method: str = "GET", host: str | None = None, token: str = site.token):
        connection = HTTPConnection(LOOPBACK, site.server_port, timeout=30)
        whole = f"/{token}/{path}" if token else path
        connection.request(method, whole, headers={"Host": host or f"{LOOPBACK}:{site.server_port}"})
        answer = connection.getresponse()
        result = answer.status, dict(answer.headers), answer.read()
        connection.close()
        return result

    return send


@pytest.fixture
def make_trip(exact, picture) -> Callable[[int], Trip]:
    def make(number: int) -> Trip:
        pictures = [picture(48, 64, seed) for seed in range(4)]
        record = Record(open_header(exact, 48, 64), number, 40 * number)
        before = UnsealedFrame(pictures[1], np.zeros((48, 64, 3), np.int8), record)
        return Trip(before, number, *pictures, 41.5, float("inf"))

    return make


def decoded(text: str) -> np.ndarray:
    return cv2.cvtColor(cv2.imdecode(np.frombuffer(base64.b64decode(text), np.uint8), 1), cv2.COLOR_BGR2RGB)


def test_the_page_is_whole_and_loads_nothing_from_elsewhere(ask):
    status, headers, body = ask("")
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert not re.findall(rb"https?:|@import|url\(|<link rel=.stylesheet|<script src", body)
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; img-src data:;")
    assert headers["Cache-Control"] == "no-store"
    assert headers["Server"] == "stegnet"


def test_it_listens_on_the_loopback_address_alone(site):
    assert site.socket.getsockname()[0] == "127.0.0.1"


def test_a_frame(site, ask, make_trip, picture):
    trip = make_trip(3)
    site.newest.put(Rates(recording=False).view(trip, 5))
    status, headers, body = ask("frame?after=0")
    assert (status, headers["Content-Type"]) == (200, "application/json")
    answer = json.loads(body)
    assert answer["number"] == 1
    assert answer["figures"] == {
        "shown": 1,
        "dropped": 0,
        "camera_rate": None,
        "shown_rate": None,
        "container_psnr": 41.5,
        "revealed_psnr": None,
        "width": 64,
        "height": 48,
        "seconds": 0.12,
        "recording": False,
    }
    pictures = {name: decoded(text).astype(int) for name, text in answer["pictures"].items()}
    for name in ("cover", "container", "secret", "revealed"):
        assert np.abs(pictures[name] - getattr(trip, name)).mean() < 8
    difference = np.abs(trip.cover.astype(int) - trip.container)
    assert np.abs(pictures["container_difference"] - np.minimum(10 * difference, 255)).mean() < 20


def test_a_slow_viewer_gets_the_newest(site, ask, make_trip):
    rates = Rates(recording=True)
    for number in range(1, 8):
        site.newest.put(rates.view(make_trip(3 * number), 30))
    answer = json.loads(ask("frame?after=1")[2])
    assert answer["number"] == 7
    assert (answer["figures"]["shown"], answer["figures"]["dropped"]) == (7, 12)


def test_a_viewer_waits_for_what_is_new(site, ask, make_trip, monkeypatch):
    site.newest.put(Rates(recording=False).view(make_trip(1), 1))
    monkeypatch.setattr("stegnet.webcam.server._WAIT", 0.1)
    assert json.loads(ask("frame?after=1")[2]) == {"over": False}
    monkeypatch.setattr("stegnet.webcam.server._WAIT", 60.0)
    later = threading.Timer(0.2, lambda: site.newest.put(Rates(recording=False).view(make_trip(2), 2)))
    later.start()
    assert json.loads(ask("frame?after=1")[2])["number"] == 2
    site.newest.close()
    assert json.loads(ask("frame?after=2")[2]) == {"over": True}


def test_rates(make_trip, monkeypatch):
    now = iter([10.0, 10.5, 11.0, 20.0, 20.5])
    monkeypatch.setattr("stegnet.webcam.view.time.monotonic", lambda: next(now))
    rates = Rates(recording=False)
    figures = [rates.view(make_trip(10 * step + 1), 10 * step + 1).figures for step in range(5)]
    assert [each["shown_rate"] for each in figures] == [None, 2.0, 2.0, pytest.approx(1 / 9), 2.0]
    assert [each["camera_rate"] for each in figures] == [None, 20.0, 20.0, pytest.approx(10 / 9), 20.0]
    assert [each["dropped"] for each in figures] == [0, 9, 18, 27, 36]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_without_the_token_there_is_nothing(site, ask, method):
    for path in ("", "frame", "stop"):
        for token in ("x" * 32, site.token[:-1], site.token + "x", "%C3%A9"):
            assert ask(path, method, token=token)[0] == 404
    for whole in ("/", f"/{site.token}", "/favicon.ico", "*", "//[", "x"):
        assert ask(whole, method, token="")[0] == 404
    assert not site.stop.is_set()


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1", "127.0.0.1:1", "localhost.evil"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_another_name_is_refused(site, ask, host, method):
    for path in ("", "frame", "stop"):
        assert ask(path, method, host=host)[0] == 403
    assert not site.stop.is_set()


def test_localhost_is_the_loopback_address(site, ask):
    assert ask("", host=f"localhost:{site.server_port}")[0] == 200


def test_tokens_differ():
    with Site(0, threading.Event()) as one, Site(0, threading.Event()) as other:
        assert one.token != other.token
        assert len(one.token) == 32


def test_the_stop_button(site, ask):
    assert ask("stop")[0] == 404  # a link or picture can't press it
    assert not site.stop.is_set()
    assert ask("stop", "POST")[0] == 200
    assert site.stop.is_set()


@pytest.mark.parametrize("query", ["", "?after=", "?after=x", "?after=-1", "?after=%C2%B2", "?other=1"])
def test_an_odd_question(site, ask, make_trip, query):
    site.newest.put(Rates(recording=False).view(make_trip(1), 1))
    assert json.loads(ask(f"frame{query}")[2])["number"] == 1


def test_a_port_that_is_taken(site):
    with pytest.raises(ConfigError, match=rf"port {site.server_port}: can't be had \(Address already in use\)"):
        Site(site.server_port, threading.Event())


def test_nothing_is_told_of_viewers_that_go(site, ask, make_trip, capfd):
    connection = socket.create_connection((LOOPBACK, site.server_port))
    request = f"GET /{site.token}/frame?after=0 HTTP/1.1\r\nHost: {LOOPBACK}:{site.server_port}\r\n\r\n"
    connection.sendall(request.encode())
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()  # with a reset, while the other side waits for a frame
    site.newest.put(Rates(recording=False).view(make_trip(1), 1))
    time.sleep(0.3)
    assert ask("")[0] == 200
    assert capfd.readouterr() == ("", "")


def test_connections_are_limited(site, ask):
    """Those who can't get in are told so at once, and take no thread; when others go, there is room again."""
    before = threading.active_count()
    request = f"GET /{site.token}/ HTTP/1.1\r\nHost: {LOOPBACK}:{site.server_port}\r\n\r\n".encode()
    with ExitStack() as idle:
        for _ in range(_MOST_CONNECTIONS):
            connection = idle.enter_context(socket.create_connection((LOOPBACK, site.server_port)))
            connection.sendall(request)
            assert connection.recv(12) == b"HTTP/1.1 200"  # it holds its thread now
        for _ in range(20):
            status, headers, _ = ask("")
            assert (status, headers.get("Retry-After")) == (503, "1")
        assert threading.active_count() == before + _MOST_CONNECTIONS
    assert soon(lambda: ask("")[0] == 200)


def test_whoever_does_not_know_the_address_holds_no_thread(site):
    with socket.create_connection((LOOPBACK, site.server_port)) as connection:
        connection.sendall(f"GET / HTTP/1.1\r\nHost: {LOOPBACK}:{site.server_port}\r\n\r\n".encode())
        connection.settimeout(30)
        assert connection.makefile("rb").read().startswith(b"HTTP/1.1 404")  # up to the end of the connection


def test_a_thread_that_can_not_be_started_leaves_its_place(site, ask, monkeypatch, capfd):
    def fail(thread):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", fail)
        for _ in range(_MOST_CONNECTIONS):
            with pytest.raises((ConnectionError, RemoteDisconnected)):
                ask("")
    assert ask("")[0] == 200
    assert "can't start new thread" in capfd.readouterr().err


def soon(true: Callable[[], bool]) -> bool:
    """Whether it comes true within half a minute."""
    end = time.monotonic() + 30
    while not (found := true()) and time.monotonic() < end:
        time.sleep(0.01)
    return found


def test_it_ends_while_a_viewer_waits():
    answers = []
    with Site(0, threading.Event()) as site:
        with site.served():
            connection = HTTPConnection(LOOPBACK, site.server_port, timeout=30)
            connection.request("GET", f"/{site.token}/frame?after=0")
            time.sleep(0.1)
        answers.append(json.loads(connection.getresponse().read()))
        connection.close()
    assert answers == [{"over": True}]
