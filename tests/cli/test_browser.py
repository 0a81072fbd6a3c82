"""The browser that `stegnet gui` starts."""

import re
import webbrowser
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from tests.support.temporary import temporary_files_in
from tests.support.waiting import LIMIT


def test_the_browser_gets_no_token_as_argument(run, monkeypatch, tmp_path_factory) -> None:
    """Nor in a file that others can read; one that is a snap sees nothing of /tmp, but what is not hidden at home."""
    temporary, home = tmp_path_factory.mktemp("temporary"), tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    opened = []

    def start(address: str) -> bool:
        page = Path(url2pathname(urlsplit(address).path))
        opened.append((address, page.read_text("utf-8"), page.parent.stat().st_mode & 0o777))
        where = re.search(r"url=http://([^/]*)(/[^/]*/)", opened[0][1])
        assert where
        with closing(HTTPConnection(where[1], timeout=LIMIT)) as connection:
            connection.request("POST", f"{where[2]}quit", headers={"Origin": f"http://{where[1]}"})
            assert connection.getresponse().status == 200
        return there

    monkeypatch.setattr(webbrowser, "open", start)
    for there, snaps in ((True, home / "no"), (False, home)):
        monkeypatch.setattr("stegnet.loopback._SNAPS", snaps)
        with temporary_files_in(temporary):
            code, out, err = run("gui")
        address, redirect, mode = opened.pop()
        token = re.match(r"open http://127\.0\.0\.1:\d+/([\w-]{32})/\n", out)
        assert token
        assert (code, opened, mode) == (0, [], 0o700)
        assert token[1] not in address
        assert re.match(rf"file://{home if snaps == home else temporary}/[^.]", address)
        assert token[1] in redirect
        assert err == ("" if there else "note: could not start a browser; open the address yourself\n")
        assert [*temporary.iterdir(), *home.iterdir()] == []
