"""`stegnet webcam`: refused input, and the messages of sessions."""

import socket
import webbrowser
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from PIL import Image

FILM = "secret.mkv --source cover.mkv"


def test_a_session_with_a_picture_on_a_chosen_port(stegnet):
    Image.new("RGB", (300, 200), "red").save("red.png")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    code, out, err = stegnet(f"webcam red.png --source cover.mkv --frames 2 --port {port}")
    assert (code, err) == (0, "note: using a random key for this session only\n")
    assert out.startswith(f"watch http://127.0.0.1:{port}/")
    assert out.splitlines()[1].startswith("showed 2 frames in ")


def test_the_browser_gets_no_token_as_argument(stegnet, monkeypatch):
    opened, there = [], False

    def start(address: str) -> bool:
        page = Path(url2pathname(urlsplit(address).path))
        opened.append((address, page.read_text(), page.parent.stat().st_mode & 0o777))
        return there

    monkeypatch.setattr(webbrowser, "open", start)
    for there in (True, False):
        code, out, err = stegnet(f"webcam {FILM} --frames 1 --open --key-file k")
        address, page, mode = opened.pop()
        where = out.split()[1]
        assert (code, mode, opened) == (0, 0o700, [])
        assert address.startswith("file:///")
        assert where not in address
        assert f"url={where}" in page
        assert not Path(url2pathname(urlsplit(address).path)).exists()
        assert err == ("" if there else "note: could not start a browser; open the address yourself\n")
