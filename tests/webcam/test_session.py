"""Complete sessions in other processes, with a film as camera."""

import json
import re
import signal
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest

from stegnet.cli import main
from stegnet.media import read_frames, scan
from stegnet.sealing.seal import frame_salt
from tests.support.films import encoded, still_film
from tests.support.quality import psnr
from tests.support.waiting import LIMIT

FILM = "red.png --source camera.mkv"


def frame(address: str, after: int = 0) -> dict:
    with urlopen(f"{address}frame?after={after}", timeout=LIMIT) as answer:
        return json.load(answer)


def seen(address: str, frames: int) -> dict:
    """Polls like the page until `frames` frames were shown; returns the last answer."""
    answer, number = {}, 0
    while number < frames:
        answer = frame(address, number)
        assert not answer.get("ended")
        number = answer.get("number", number)
    return answer


def comes_back(name: str, *key: str) -> int:
    """Reveals the secret of a container, which must not be altered; returns the number of its frames."""
    before = Path("red.png").read_bytes()
    key = key or ("--key-file", "k")
    assert main(["reveal", name, "-o", "back.png", "--strict", "--force", *key]) == 0
    assert Path("back.png").read_bytes() == before
    Path("back.png").unlink()
    return len(scan(Path(name)).pts)


def test_the_page_shows_frames_until_stopped(session, folder):
    with session(f"{FILM} --record c.mkv --key-file k") as running:
        with urlopen(running.address, timeout=LIMIT) as page:
            assert b"<title>stegnet webcam</title>" in page.read()
        first = seen(running.address, 1)
        later = seen(running.address, first["number"] + 1)
        assert later["number"] > first["number"] >= 1
        assert set(later["pictures"]) > {"cover", "container", "secret", "revealed"}
        assert later["statistics"]["recording"] is True
        origin = {"Origin": "http://" + urlsplit(running.address).netloc}  # as browsers send
        with urlopen(Request(f"{running.address}stop", method="POST", headers=origin), timeout=LIMIT) as answer:
            assert answer.status == 200
        code, out, err = running.end()
    frames = comes_back("c.mkv")
    assert (code, err.count("error")) == (0, 0)
    assert out.splitlines()[0].startswith(f"showed {frames} frames in ")
    assert out.splitlines()[1].startswith("wrote c.mkv: 96x64, ")
    assert out.endswith(f", {frames} frames\n")


@pytest.mark.long
def test_a_recording_that_survives_h264(session, folder):
    """An ordinary film of the camera; of what was recorded without loss, nothing is left."""
    still_film(folder / "still.mkv", 60)
    before = {*folder.iterdir(), folder / "c.mp4"}
    line = "red.png --source still.mkv --record c.mp4 --survive h264:23 --frames 56 --key-file k"
    with session(line) as running:
        code, out, err = running.end()
    assert code == 0, err
    assert out.splitlines()[1].startswith("wrote c.mp4: 160x128, ")
    assert re.match(r"note: hidden: red.png, \d+ bytes, byte for byte; survives H.264 at CRF 23 and better \(", err)
    assert set(folder.iterdir()) == before
    encoded(folder / "c.mp4", folder / "again.mp4", "-crf", "23")
    assert comes_back("again.mp4") == 56


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_completes_the_recording(session, folder, number):
    before = sorted(folder.iterdir())
    with session(f"{FILM} --record c.mkv --key-file k") as running:
        seen(running.address, 3)
        running.process.send_signal(number)
        running.process.send_signal(number)  # an impatient user
        code, out, err = running.end()
    assert (code, err.count("error")) == (0, 0)
    assert sorted(folder.iterdir()) == sorted([*before, folder / "c.mkv"])
    frames = comes_back("c.mkv")
    assert frames >= 3
    assert out.startswith(f"showed {frames} frames in ")


@pytest.mark.long
def test_sessions_that_end_by_themselves(session, folder, camera):
    """With a film that is not looped, and a camera that is disconnected, which completes the recording."""
    with session(f"{FILM} --once") as running:
        code, out, err = running.end()
    assert (code, err) == (0, "note: using a random key for this session only\n")
    shown, dropped = int(out.split()[1]), int(out.split()[-1])
    assert 1 <= shown <= shown + dropped <= 6
    with session(f"red.png --source {camera} --record c.mkv --key-file k") as running:
        code, out, err = running.end()
    assert (code, err.splitlines()[0]) == (0, f"warning: camera {camera}: stopped delivering frames")
    assert out.startswith(f"showed {comes_back('c.mkv')} frames in ")


def test_a_passphrase_and_another_size(session, folder):
    """Of two sessions, each has its own salt: otherwise a passphrase would give the same key in all of them.

    A recording is the film of the camera, with its times.
    """
    (folder / "words").write_text("zwei Käse\n")
    (folder / "words").chmod(0o600)
    for name, size in (("a.mkv", "96x64"), ("b.mkv", "80x48")):
        with session(f"{FILM} --record {name} --passphrase-file words --frames 4 --size {size}") as running:
            assert running.end()[0] == 0
        info = scan(folder / name)
        assert f"{info.width}x{info.height}" == size
        times = [time * 1000 for time in info.times]
        assert times[0] == 0 and all(time % 40 == 0 for time in times) and times == sorted(set(times))
        assert comes_back(name, "--passphrase-file", "words") == 4
    covers = list(read_frames(folder / "camera.mkv"))
    assert all(max(psnr(one, cover) for cover in covers) > 50 for one in read_frames(folder / "a.mkv"))
    assert len({frame_salt(next(read_frames(folder / name))) for name in ("a.mkv", "b.mkv")}) == 2
