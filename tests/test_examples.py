"""The example of a live camera, as its reader runs it."""

import re
import subprocess
import sys
from pathlib import Path

from PIL import Image

import stegnet
from tests.support.waiting import LIMIT

WEBCAM = Path(__file__).parents[1] / "examples/webcam.py"


def test_a_film_as_the_camera(tmp_path, picture, make_film, monkeypatch) -> None:
    """The recorded film has what was hidden in it."""
    monkeypatch.chdir(tmp_path)
    make_film(tmp_path / "camera.mkv", 3, 96, 128)
    stegnet.make_key_file("k")
    Image.fromarray(picture(24, 32, 1)).save("note.png")
    line = "note.png --camera camera.mkv --size 128 96 --frames 2 --film out.mkv --key-file k"
    done = subprocess.run(
        [sys.executable, str(WEBCAM), *line.split()], capture_output=True, text=True, timeout=LIMIT, check=False
    )
    assert done.returncode == 0, done.stderr
    told = r"watch http://127\.0\.0\.1:\d+/[\w-]{32}\nshowed 2 frames\nwrote out\.mkv\n"
    assert re.fullmatch(told, done.stdout), done.stdout
    assert stegnet.reveal("out.mkv", key=stegnet.read_key("k")).data == Path("note.png").read_bytes()
