"""`stegnet gui` in Chromium: films and JPEGs exchanged between its page and the command line."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

import stegnet
from stegnet.cli import main
from tests.demo.conftest import needs_chromium, node
from tests.support.phone_photographs import Shot, through_app
from tests.support.sounds import noise
from tests.support.waiting import LIMIT

ROOT = Path(__file__).parents[2]


@contextmanager
def running(temporary: Path) -> Iterator[tuple[str, subprocess.Popen]]:
    """Address of the page of a program in another process, and the process."""
    command = [sys.executable, "-m", "stegnet", "gui", "--no-browser", "--device", "cpu"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(temporary)}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout
            found = re.fullmatch(r"open (http://127\.0\.0\.1:\d+/[\w-]{32}/)\n", process.stdout.readline())
            assert found
            yield found[1], process
        finally:
            with suppress(ProcessLookupError):
                process.kill()


def test_files_of_the_page_and_of_the_command_line(demo: Path, make_film, picture, tmp_path: Path) -> None:
    needs_chromium()
    mp4 = {"codec": "libx264", "pix_fmt": "yuv420p"}
    make_film(tmp_path / "cover.mp4", 8, 240, 320, sound="aac", **mp4)
    make_film(tmp_path / "secret.mp4", 6, 64, 96, seed=9, sound="aac", **mp4)
    make_film(tmp_path / "long.mp4", 300, 480, 640, **mp4)
    make_film(tmp_path / "unplayable.mp4", 12, 240, 320, codec="mpeg4", pix_fmt="yuv420p")
    Image.fromarray(picture(240, 320, 1)).save(tmp_path / "photo.jpeg", quality=92)
    Image.fromarray(picture(900, 600, 2)).save(tmp_path / "portrait.png")
    first, *others = (Image.fromarray(picture(120, 160, seed)) for seed in (1, 2, 3))
    for suffix in ("gif", "png", "webp", "avif"):
        first.save(tmp_path / f"still.{suffix}")
        first.save(tmp_path / f"moving.{suffix}", save_all=True, append_images=others, duration=80)
    Shot(640, 480, seed=3).save(tmp_path / "phone.jpg")
    through_app(tmp_path / "phone.jpg", tmp_path / "received.jpg")
    through_app(tmp_path / "received.jpg", tmp_path / "again.jpg")
    soundfile.write(tmp_path / "song.flac", noise(60_000).astype(np.int16), 44100)
    stegnet.make_key_file(tmp_path / "key")
    from_file = stegnet.read_key(tmp_path / "key")
    files = [str(tmp_path / name) for name in ("cover.mp4", "secret.mp4")]
    key = ["--key-file", str(tmp_path / "key"), "-o"]
    assert main(["hide", *files, *key, str(tmp_path / "from_program.mkv")]) == 0
    (tmp_path / "temporary").mkdir()
    with running(tmp_path / "temporary") as (address, process):
        node(demo, "tests/browser/gui.test.js", STEGNET_EXCHANGE=str(tmp_path), STEGNET_GUI=address)
        out, err = process.communicate(timeout=LIMIT)
    assert (process.returncode, out, err) == (0, "", "")
    assert list((tmp_path / "temporary").iterdir()) == []
    assert main(["reveal", str(tmp_path / "from_gui.mkv"), *key, str(tmp_path / "revealed.mp4")]) == 0
    assert (tmp_path / "revealed.mp4").read_bytes() == (tmp_path / "secret.mp4").read_bytes()
    found = stegnet.Session().info(tmp_path / "from_gui.jpg", key=stegnet.read_key(tmp_path / "key"))
    assert (found["method"], found["whole"]) == ("jpeg", True)
    for number in (1, 2):  # hidden for the channel as it was learned in the page, and for its saved file
        through_app(tmp_path / f"to_app{number}.jpg", tmp_path / "arrived.jpg")
        assert stegnet.reveal(tmp_path / "arrived.jpg", key=from_file, strict=True).data == b"Meet me."


@pytest.mark.night
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it(tmp_path: Path, number: signal.Signals) -> None:
    with running(tmp_path) as (_, process):
        process.send_signal(number)
        out, err = process.communicate(timeout=LIMIT)
    assert (process.returncode, out, err) == (0, "", "")
    assert list(tmp_path.iterdir()) == []
