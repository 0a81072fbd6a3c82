"""`stegnet webcam`: refused input, and the messages of sessions."""

import socket
import webbrowser
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from PIL import Image

FILM = "secret.mkv --source cover.mkv"
NO_CAMERA = "--source takes a camera's number (0 is the first), a device, an address or a film file"


REFUSED = {
    "secret.mkv --source 99": ("camera 99: not connected, or in use", NO_CAMERA),
    "secret.mkv --source gone.mp4": ("camera gone.mp4: no such source", NO_CAMERA),
    "secret.mkv --source cover.png": ("cover.png: is a picture, not a film", "`stegnet hide` hides in pictures"),
    "gone.png --source cover.mkv": ("gone.png: no such file",),
    "k --source cover.mkv": ("k: neither a picture nor a film that can be read", "convert it to PNG or MP4 first"),
    f"{FILM} --record c.avi": ("c.avi: a film is written as .mkv or .mp4", "name it c.mkv"),
    f"{FILM} --record cover.mkv --force": ("cover.mkv: is an input too", "name another file to write"),
    f"{FILM} --record secret.mkv --force": ("secret.mkv: is an input too", "name another file to write"),
    f"{FILM} --record old.mkv": ("old.mkv: exists already", "`--force` overwrites it"),
    f"{FILM} --record gone/c.mkv": ("gone: no such folder", "create it first"),
    f"{FILM} --record c.mp4 --survive jpeg:75": (
        "survive: 'jpeg:75' is no channel for films",
        "films survive h264:18 to 28, hevc:18 to 30, vp9:27 to 41, av1:25 to 39, h264 also with +veryfast, "
        "all with +twice; or messenger",
    ),
    f"{FILM} --size 95x63 --record c.mp4 --survive h264:23": (
        "the cover has 95×63 pixels, and H.264 needs even sides",
        "scale it by --size",
    ),
    f"{FILM} --size 24x16 --record c.mkv": (
        "the cover is too small: 24×16 pixels",
        "what must travel with each picture needs about 37×27",
    ),
}


def test_invalid_input_is_refused(stegnet, folder):
    (folder / "old.mkv").write_text("old")
    before = sorted(folder.iterdir())
    for line, (error, *hint) in REFUSED.items():
        code, out, err = stegnet(f"webcam {line} --key-file k")
        assert (code, out) == (1, "")
        assert err.splitlines() == [f"error: {error}", *(f"hint: {line}" for line in hint)]
        assert sorted(folder.iterdir()) == before
        assert (folder / "old.mkv").read_text() == "old"


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
