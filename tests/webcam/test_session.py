"""Complete sessions in other processes, with a film as camera."""

import json
import re
import signal
import subprocess
import sys
import threading
import time
from fractions import Fraction
from pathlib import Path
from threading import Event
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import numpy as np
import pytest
from PIL import Image
from stegnet.methods.robust.modems import SHIPPED_MODEMS

from stegnet.core.measures import psnr
from stegnet.core.progress import no_progress
from stegnet.keys import read_key
from stegnet.media import read_frames, read_picture, scan
from stegnet.methods.network import Network, reveal_film
from stegnet.methods.robust.content import RobustFile
from stegnet.models import SHIPPED
from stegnet.record.container import Container
from stegnet.sealing.seal import frame_salt
from stegnet.webcam import live
from stegnet.webcam.capture import Frame, Source
from stegnet.webcam.server import PageServer
from stegnet.webcam.session import SessionOptions, run
from tests.support.films import encoded, still_film
from tests.support.waiting import LIMIT

FILM = "secret.png --source camera.mkv"


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


def revealed(folder: Path, weights: Path) -> list[np.ndarray]:
    """Reveals `c.mkv`, which must not be damaged."""
    report = reveal_film(Network.load(weights), folder / "c.mkv", folder / "s.mkv", read_key("k"), strict=True)
    assert report.trouble == ()
    return list(read_frames(folder / "s.mkv"))


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
    frames = len(scan(folder / "c.mkv").pts)
    assert (code, err) == (0, "")
    assert out.splitlines()[0].startswith(f"showed {frames} frames in ")
    assert out.splitlines()[1].startswith("wrote c.mkv: 96x64, ")
    assert out.endswith(f", {frames} frames, {frames} hidden\n")


def test_a_recording_can_be_revealed(session, folder):
    with session("secret.mkv --source camera.mkv --record c.mkv --key-file k --frames 5", SHIPPED) as running:
        code, _, err = running.end()
    assert (code, err) == (0, "")
    found = revealed(folder, SHIPPED)
    secrets = list(read_frames(folder / "secret.mkv"))
    assert len(found) == 5
    assert all(max(psnr(one, secret) for secret in secrets) > 25 for one in found)
    times = [time * 1000 for time in scan(folder / "s.mkv").times]
    assert times == [time * 1000 for time in scan(folder / "c.mkv").times]
    assert times[0] == 0
    assert all(time % 40 == 0 for time in times)  # the film has 25 frames a second
    assert times == sorted(set(times))
    covers = list(read_frames(folder / "camera.mkv"))
    assert all(max(psnr(one, cover) for cover in covers) > 30 for one in read_frames(folder / "c.mkv"))


def test_a_recording_that_survives_h264(session, folder):
    """An ordinary film of the camera; of what was recorded without loss, nothing is left."""
    Image.new("RGB", (8, 8), "red").save("red.png")
    still_film(folder / "still.mkv", 60)
    before = {*folder.iterdir(), folder / "c.mp4"}
    line = "red.png --source still.mkv --record c.mp4 --survive h264:23 --frames 56 --key-file k"
    with session(line) as running:
        code, out, err = running.end()
    assert code == 0, err
    assert out.splitlines()[1].startswith("wrote c.mp4: 160x128, ")
    assert re.match(r"note: hidden: red.png, \d+ bytes, byte for byte; survives H.264 at CRF 23 and better \(", err)
    assert set(folder.iterdir()) == before
    again = encoded(folder / "c.mp4", folder / "again.mp4", "-crf", "23")
    with Container(again, read_key("k")) as container:
        assert container.robust(SHIPPED_MODEMS) == RobustFile("red.png", (folder / "red.png").read_bytes())


def test_a_recording_in_which_nothing_can_be_hidden_stays(session, folder):
    line = f"{FILM} --record c.mp4 --survive h264:23 --frames 5 --key-file k"
    with session(line) as running:
        code, _, err = running.end()
    assert code == 1
    assert err.startswith("error: secret.png: takes ")
    assert "; the recording, in which nothing is hidden, is c.camera.mkv\n" in err
    assert not (folder / "c.mp4").exists()
    assert len(list(read_frames(folder / "c.camera.mkv"))) == 5
    assert (folder / "c.camera.mkv").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_completes_the_recording(session, folder, weights, number):
    before = sorted(folder.iterdir())
    with session(f"{FILM} --record c.mkv --key-file k") as running:
        seen(running.address, 3)
        running.process.send_signal(number)
        running.process.send_signal(number)  # an impatient user
        code, out, err = running.end()
    assert (code, err) == (0, "")
    assert sorted(folder.iterdir()) == sorted([*before, folder / "c.mkv"])
    frames = revealed(folder, weights)
    assert len(frames) >= 3
    assert out.startswith(f"showed {len(frames)} frames in ")


def test_the_session_ends_with_a_film_that_is_not_looped(session):
    with session(f"{FILM} --once") as running:
        code, out, err = running.end()
    assert (code, err) == (0, "note: using a random key for this session only\n")
    shown, dropped = int(out.split()[1]), int(out.split()[-1])
    assert 1 <= shown <= shown + dropped <= 6


def test_frames_are_dropped_and_counted(folder, monkeypatch, exact, key, picture):
    """Of twelve frames, eleven arrive while the first is processed; the last of them is shown next."""
    at_work, all_came = threading.Event(), threading.Event()

    def frames():
        for number in range(12):
            yield Frame(picture(64, 96, number), Fraction(number, 25))
            at_work.wait(LIMIT)
        all_came.set()

    def slow(*arguments):
        at_work.set()
        all_came.wait(LIMIT)
        return fill(*arguments)

    fill = live._fill
    monkeypatch.setattr(live, "_fill", slow)
    monkeypatch.setattr("stegnet.webcam.session.open_camera", lambda *_: Source(frames(), paced=False))
    options, secret = SessionOptions("a camera"), folder / "secret.png"
    with PageServer(0, threading.Event()) as server:
        statistics = run(options, secret, lambda: exact, key, server, lambda: None, no_progress)
        shown = server.latest.wait(0, 0)
    assert (statistics["shown"], statistics["dropped"]) == (2, 10)
    assert (statistics["width"], statistics["height"]) == (96, 64)
    assert shown[1].statistics == statistics


def test_the_camera_picture_is_resized(session, folder):
    with session(f"{FILM} --size 80x48 --record c.mkv --key-file k --frames 2") as running:
        assert running.end()[0] == 0
    info = scan(folder / "c.mkv")
    assert (info.width, info.height) == (80, 48)


def test_a_passphrase(session, folder, weights):
    (folder / "words").write_text("zwei Käse\n")
    (folder / "words").chmod(0o600)
    with session(f"{FILM} --record c.mkv --passphrase-file words --frames 2") as running:
        assert running.end()[0] == 0
    command = [sys.executable, "-m", "stegnet.cli", "reveal", "c.mkv", "-o", "s.mkv", "--passphrase-file", "words"]
    done = subprocess.run([*command, "--strict", "--weights", weights], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert next(read_frames(Path("s.mkv"))).shape == read_picture(Path("secret.png")).shape


def test_every_session_has_its_own_salt(folder, exact, key):
    """Otherwise a passphrase would give the same key in all sessions."""
    for name in ("a.mkv", "b.mkv"):
        with PageServer(0, Event()) as server:
            options = SessionOptions("camera.mkv", frames=1, record=folder / name)
            run(options, folder / "secret.png", lambda: exact, key, server, lambda: None, no_progress)
    assert len({frame_salt(next(read_frames(folder / name))) for name in ("a.mkv", "b.mkv")}) == 2


def test_a_session_without_viewers_can_be_ended(session):
    with session(FILM) as running:
        time.sleep(0.5)
        running.process.send_signal(signal.SIGTERM)
        code, out, _ = running.end()
    assert (code, out.split()[0]) == (0, "showed")


def test_a_disconnected_camera_completes_the_recording(session, folder, weights, camera):
    with session(f"secret.png --source {camera} --record c.mkv --key-file k") as running:
        code, out, err = running.end()
    assert (code, err) == (0, f"warning: camera {camera}: stopped delivering frames\n")
    assert out.startswith(f"showed {len(revealed(folder, weights))} frames in ")
