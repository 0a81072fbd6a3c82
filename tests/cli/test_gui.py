"""`stegnet gui`: how it starts and ends."""

import re
import socket
import webbrowser
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest

from stegnet.gui import server as gui
from tests.support.waiting import LIMIT


@pytest.fixture
def built(monkeypatch, tmp_path: Path) -> None:
    """A page of one file, and a folder for temporary files."""
    monkeypatch.setattr(gui, "_read_page", lambda folder: {"": ("text/html", b"page")}.items())
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize("there", [True, False])
def test_the_browser_gets_no_token_as_argument(stegnet, monkeypatch, folder: Path, there: bool) -> None:
    opened = []

    def start(address: str) -> bool:
        opened.append((address, Path(url2pathname(urlsplit(address).path)).read_text("utf-8")))
        where = re.search(r"url=http://([^/]*)(/[^/]*/)", opened[0][1])
        with closing(HTTPConnection(where[1], timeout=LIMIT)) as connection:
            connection.request("POST", f"{where[2]}quit", headers={"Origin": f"http://{where[1]}"})
            assert connection.getresponse().status == 200
        return there

    monkeypatch.setattr(webbrowser, "open", start)
    code, out, err = stegnet("gui")
    ((address, redirect),) = opened
    token = re.fullmatch(r"open http://127\.0\.0\.1:\d+/([\w-]{32})/\n", out)[1]
    assert code == 0
    assert token not in address
    assert token in redirect
    assert err == ("" if there else "note: could not start a browser; open the address yourself\n")
    assert list((folder / "temporary").iterdir()) == []


@pytest.mark.usefixtures("built")
def test_a_port_in_use(stegnet) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, out, err = stegnet(f"gui --port {port} --no-browser")
    assert (code, out) == (1, "")
    assert err.startswith(f"error: port {port}: not available")


def test_a_page_that_was_not_built(stegnet, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr(gui, "files", lambda package: tmp_path)
    code, out, err = stegnet("gui")
    assert (code, out) == (1, "")
    assert err == (
        "error: the page of `stegnet gui` was not built\n"
        "hint: `make page` builds it from the source, which needs Node.js 18.20 or newer\n"
    )
