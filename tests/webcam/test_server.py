"""The page and its frames; who is refused: tests/test_loopback.py."""

import base64
import io
import json
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from stegnet.loopback import LOOPBACK
from stegnet.webcam.live import LiveFrame, PageServer
from tests.support.quality import psnr
from tests.support.waiting import LIMIT


@pytest.fixture
def server() -> Iterator[PageServer]:
    with PageServer(0, threading.Event(), recording=False) as server, server.running():
        yield server


@pytest.fixture
def ask(server) -> Callable[..., tuple[int, dict[str, str], bytes]]:
    """Requests a path below the token; returns status, headers and body."""
    origin = {"Origin": f"http://{LOOPBACK}:{server.server_port}"}

    def send(path: str, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
        with closing(HTTPConnection(LOOPBACK, server.server_port, timeout=LIMIT)) as connection:
            connection.request(method, f"/{server.token}/{path}", headers=origin)
            answer = connection.getresponse()
            return answer.status, dict(answer.headers), answer.read()

    return send


@pytest.fixture
def show(server, picture) -> Callable[..., LiveFrame]:
    """Shows a frame of a number, of so many that were captured."""
    cover, secret, container = (picture(48, 64, seed) for seed in range(3))

    def put(number: int = 1, captured: int = 1) -> LiveFrame:
        frame = LiveFrame(number, 40 * number, cover, secret, container, revealed=secret)
        server.show(frame, captured)
        return frame

    return put


def test_the_page_is_self_contained_and_can_stop_the_session(server, ask):
    status, headers, body = ask("")
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert not re.findall(rb"https?:|@import|url\(|<link rel=.stylesheet|<script src", body)
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; img-src data:;")
    assert headers["Cache-Control"] == "no-store"
    assert ask("stop")[0] == ask("other", "POST")[0] == 404  # a link or an image can't trigger it
    assert not server.stop.is_set()
    assert ask("stop", "POST")[0] == 200
    assert server.stop.wait(5)  # set once the visitor has the answer


def test_a_frame(ask, show):
    frame = show(3, 5)
    status, headers, body = ask("frame?after=0")
    assert (status, headers["Content-Type"]) == (200, "application/json")
    answer = json.loads(body)
    assert answer["number"] == 1
    assert answer["statistics"] == {
        "shown": 1, "dropped": 0, "camera_rate": None, "shown_rate": None, "revealed_psnr": None,
        "container_psnr": pytest.approx(psnr(frame.cover, frame.container)), "width": 64, "height": 48,
        "seconds": 0.12, "recording": False,
    }  # fmt: skip
    difference = np.abs(frame.cover.astype(int) - frame.container)
    shown = {name: (getattr(frame, name), 8) for name in ("cover", "container", "secret", "revealed")}
    for name, (picture, most) in (shown | {"container_difference": (np.minimum(10 * difference, 255), 20)}).items():
        with Image.open(io.BytesIO(base64.b64decode(answer["pictures"][name]))) as image:
            assert np.abs(np.asarray(image).astype(int) - picture).mean() < most


def test_a_slow_viewer_gets_the_latest_frame(ask, show):
    """As one does whose query is invalid."""
    for number in range(1, 8):
        show(3 * number, 30)
    for query in ("?after=1", "", "?after=", "?after=x", "?after=-1", "?after=%C2%B2", "?other=1"):
        answer = json.loads(ask(f"frame{query}")[2])
        assert answer["number"] == 7
        assert (answer["statistics"]["shown"], answer["statistics"]["dropped"]) == (7, 12)


def test_a_viewer_waits_for_a_new_frame_or_the_end(server, ask, show):
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(ask, "frame")
        show()
        assert json.loads(waiting.result()[2])["number"] == 1
        waiting = pool.submit(ask, "frame?after=1")
        server.closing()
        assert json.loads(waiting.result()[2]) == {"ended": True}


def test_frame_rates(server, show, monkeypatch):
    """Those of the last three seconds, or of the last frame."""
    now, statistics = iter([10.0, 10.5, 11.0, 20.0, 20.5]), []
    monkeypatch.setattr("stegnet.webcam.live.time", SimpleNamespace(monotonic=lambda: next(now)))
    for step in range(5):
        show(10 * step + 1, 10 * step + 1)
        statistics.append(server.statistics)
    assert [each["shown_rate"] for each in statistics] == [None, 2.0, 2.0, pytest.approx(1 / 9), 2.0]
    assert [each["camera_rate"] for each in statistics] == [None, 20.0, 20.0, pytest.approx(10 / 9), 20.0]
    assert [each["dropped"] for each in statistics] == [0, 9, 18, 27, 36]
