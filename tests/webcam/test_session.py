"""Complete sessions, with a film as camera."""

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from urllib.request import urlopen

import pytest

import stegnet
from stegnet.cli import main
from stegnet.sealing import frame_salt
from stegnet.video import read_frames, scan
from tests.support.films import encoded, still_film
from tests.support.quality import psnr
from tests.support.waiting import LIMIT

pytestmark = pytest.mark.usefixtures("folder")
SESSION = "webcam red.png --key-file k --backend onnx --source"


def comes_back(name: str) -> int:
    """Reveals the secret of a container, which must not be altered; returns the number of its frames."""
    found = stegnet.reveal(name, key=stegnet.Key(bytes(range(32))), strict=True)
    assert found.data == Path("red.png").read_bytes()
    return len(scan(Path(name)).pts)


def test_the_page_shows_frames_until_a_signal_completes_the_recording(folder):
    before = sorted(folder.iterdir())
    command = [sys.executable, "-m", "stegnet", *SESSION.split(), "camera.mkv", "--record", "c.mkv"]
    environment = os.environ | {"PYTHONPATH": str(Path(stegnet.__file__).parents[1])}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=environment, **pipes) as process, ExitStack() as failed:
        failed.callback(process.kill)  # otherwise the block would wait for its end
        address = re.fullmatch(r"watch (http://127\.0\.0\.1:\d+/[\w-]{32}/)\n", process.stdout.readline())[1]
        number = 0
        for _ in range(3):
            with urlopen(f"{address}frame?after={number}", timeout=LIMIT) as answer:
                shown = json.load(answer)
            assert shown["number"] > number
            number = shown["number"]
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGTERM)  # an impatient user
        out, err = process.communicate(timeout=LIMIT)
    assert (process.returncode, err.count("error")) == (0, 0)
    assert shown["statistics"]["recording"] is True
    assert shown["statistics"]["container_psnr"] > 35
    assert shown["statistics"]["revealed_psnr"] is None or shown["statistics"]["revealed_psnr"] > 35
    assert sorted(folder.iterdir()) == sorted([*before, folder / "c.mkv"])
    frames = comes_back("c.mkv")
    assert frames >= number
    assert out.startswith(f"showed {frames} frames in ")


def test_a_recording_is_the_film_of_the_camera_with_its_times(folder, capsys):
    """Each has a salt of its own: otherwise a passphrase would give the same key in all of them."""
    for name, size in (("a.mkv", "96x64"), ("b.mkv", "80x48")):
        line = f"{SESSION} camera.mkv --record {name} --frames 4 --size {size}"
        assert main(line.split()) == 0
        info = scan(folder / name)
        assert f"{info.width}x{info.height}" == size
        times = [time * 1000 for time in info.times]
        assert times[0] == 0 and all(time % 40 == 0 for time in times) and times == sorted(set(times))
        assert comes_back(name) == 4
    covers = list(read_frames(folder / "camera.mkv"))
    assert all(max(psnr(one, cover) for cover in covers) > 50 for one in read_frames(folder / "a.mkv"))
    assert len({frame_salt(next(read_frames(folder / name))) for name in ("a.mkv", "b.mkv")}) == 2


def test_sessions_that_end_by_themselves(camera, capsys):
    """With a film that is not looped, and a camera that is disconnected, which completes the recording."""
    assert main(f"{SESSION} camera.mkv --once".split()) == 0
    out, err = capsys.readouterr()
    _, last = out.splitlines()
    shown, dropped = int(last.split()[1]), int(last.split()[-1])
    assert (err, 1 <= shown <= shown + dropped <= 6) == ("", True)
    assert main(f"{SESSION} {camera} --record c.mkv".split()) == 0
    out, err = capsys.readouterr()
    assert err.splitlines()[0] == f"warning: camera {camera}: stopped delivering frames"
    assert out.splitlines()[1].startswith(f"showed {comes_back('c.mkv')} frames in ")


def test_a_recording_in_which_nothing_can_be_hidden_stays(folder, capsys):
    """It is named, readable by its owner only, and not overwritten."""
    line, draft = f"{SESSION} camera.mkv --frames 2 --record c.mp4 --survive h264:23", folder / "c.camera.mkv"
    before = {*folder.iterdir()}
    assert main(line.split()) == 1
    assert "; the recording, in which nothing is hidden, is c.camera.mkv" in capsys.readouterr().err
    assert ({*folder.iterdir()} - before, draft.stat().st_mode & 0o777) == ({draft}, 0o600)
    kept, covers = draft.read_bytes(), [cover.tobytes() for cover in read_frames(folder / "camera.mkv")]
    assert all(one.tobytes() in covers for one in read_frames(draft))
    assert main(line.split()) == 1
    assert "c.camera.mkv: already exists" in capsys.readouterr().err
    assert draft.read_bytes() == kept


def test_the_password_of_a_camera_is_not_shown(capsys):
    assert main(["webcam", "red.png", "--source", "http://me:word@127.0.0.1:1/live"]) == 1
    assert "camera http://…@127.0.0.1:1/live: no such source" in capsys.readouterr().err


@pytest.mark.long
def test_a_recording_that_survives_h264(folder, capsys):
    """An ordinary film of the camera; of what was recorded without loss, nothing is left."""
    still_film(folder / "still.mkv", 60)
    before = {*folder.iterdir(), folder / "c.mp4"}
    assert main(f"{SESSION} still.mkv --record c.mp4 --survive h264:23 --frames 56".split()) == 0
    assert "survives: H.264 at CRF 23 and better (" in capsys.readouterr().err
    assert set(folder.iterdir()) == before
    encoded(folder / "c.mp4", folder / "again.mp4", "-crf", "23")
    assert comes_back("again.mp4") == 56
