"""Folders of covers, secrets and containers."""

from pathlib import Path

import pytest
from PIL import Image

from stegnet.media import read_picture
from stegnet.methods.network import Network
from tests.support.tampering import altered

HIDE = "hide covers secrets -o out"


@pytest.fixture
def folders(folder) -> Path:
    """Covers 2.png, 10.png and f.mkv; secrets a.png and b.mkv."""
    for name, files in {
        "covers": {"2.png": "cover.png", "10.png": "cover.png", "f.mkv": "cover.mkv"},
        "secrets": {"a.jpg": "secret.jpg", "b.mkv": "secret.mkv"},
    }.items():
        (folder / name).mkdir()
        for new, old in files.items():
            (folder / name / new).write_bytes((folder / old).read_bytes())
    return folder


@pytest.mark.usefixtures("folders")
def test_folders_round_trip(stegnet, monkeypatch):
    """The network is loaded once for each."""
    load, calls = Network.load, []
    monkeypatch.setattr(Network, "load", lambda *arguments: calls.append(1) or load(*arguments))
    code, out, err = stegnet(HIDE)
    assert (code, len(calls)) == (0, 1)
    assert out.splitlines() == [
        "wrote out/2.png: 97x61, SIZE",
        "wrote out/10.png: 97x61, SIZE",
        "wrote out/f.mkv: 96x64, SIZE, 6 frames, 4 hidden",
    ]
    assert err.splitlines() == [
        "note: 1 picture for 2 covers: repeated in order",
        "note: out/f.mkv: the hidden film ends at 0.16 s: 4 of the cover's 6 frames hold it",
    ]
    code, out, err = stegnet("reveal out -o back")
    assert (code, err, len(calls)) == (0, "", 2)
    assert out.splitlines() == [
        "wrote back/2.png: 40x50, SIZE",
        "wrote back/10.png: 40x50, SIZE",
        "wrote back/f.mp4: 96x64, SIZE, 4 frames",
    ]
    Image.fromarray(altered(read_picture(Path("out/10.png")))).save("out/10.png")
    code, out, err = stegnet("reveal out -o back --force")
    assert (code, len(out.splitlines())) == (3, 3)
    assert err == "warning: back/10.png: the picture was altered since it was hidden, and is shown as it is\n"
    code, _, err = stegnet("reveal out -o strict --strict")
    assert (code, err.splitlines()[0]) == (1, "error: 1 of 3 failed")
    assert sorted(path.name for path in Path("strict").iterdir()) == ["2.png", "f.mp4"]
