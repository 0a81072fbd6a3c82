"""`stegnet gui`: how it starts and ends."""

import re
import socket
import webbrowser
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from tests.support.waiting import LIMIT


def test_the_browser_gets_no_token_as_argument(stegnet, monkeypatch, tmp_path_factory) -> None:
    """Nor in a file that others can read; one that is a snap sees nothing of /tmp, but what is not hidden at home."""
    temporary, home = tmp_path_factory.mktemp("temporary"), tmp_path_factory.mktemp("home")
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    monkeypatch.setenv("HOME", str(home))
    opened = []

    def start(address: str) -> bool:
        opened.append((address, Path(url2pathname(urlsplit(address).path)).read_text("utf-8")))
        where = re.search(r"url=http://([^/]*)(/[^/]*/)", opened[0][1])
        with closing(HTTPConnection(where[1], timeout=LIMIT)) as connection:
            connection.request("POST", f"{where[2]}quit", headers={"Origin": f"http://{where[1]}"})
            assert connection.getresponse().status == 200
        return there

    monkeypatch.setattr(webbrowser, "open", start)
    for there, snaps in ((True, home / "no"), (False, home), (True, home)):
        monkeypatch.setattr("stegnet.loopback._SNAPS", snaps)
        code, out, err = stegnet("gui")
        address, redirect = opened.pop()
        token = re.fullmatch(r"open http://127\.0\.0\.1:\d+/([\w-]{32})/\n", out)[1]
        assert (code, opened) == (0, [])
        assert token not in address
        assert re.match(rf"file://{home if snaps == home else temporary}/[^.]", address)
        assert token in redirect
        assert err == ("" if there else "note: could not start a browser; open the address yourself\n")
        assert [*temporary.iterdir(), *home.iterdir()] == []


def test_a_port_in_use(stegnet) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, out, err = stegnet(f"gui --port {port} --no-browser")
    assert (code, out) == (1, "")
    assert err.startswith(f"error: port {port}: not available")
