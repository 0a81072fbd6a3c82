"""Whole sessions, in processes of their own: a film stands in the camera's place."""

import json
import signal
import subprocess
import sys
import threading
import time
from fractions import Fraction
from pathlib import Path
from threading import Event
from urllib.request import Request, urlopen

import numpy as np
import pytest

from stegnet.codec import Network, read_key, reveal_film
from stegnet.codec.output import no_progress
from stegnet.codec.seal import read_salt
from stegnet.core.measures import psnr
from stegnet.media import read_frames, read_picture, scan
from stegnet.models import SHIPPED
from stegnet.webcam import live
from stegnet.webcam.server import Site
from stegnet.webcam.session import SessionOptions, run
from stegnet.webcam.source import Frame, Source

FILM = "secret.png --source camera.mkv"


def frame(address: str, after: int = 0) -> dict:
    with urlopen(f"{address}frame?after={after}", timeout=60) as answer:
        return json.load(answer)


def seen(address: str, frames: int) -> dict:
    """What the page shows once there have been so many frames."""
    answer, number = {}, 0
    while number < frames:
        answer = frame(address, number)
        assert not answer.get("over")
        number = answer.get("number", number)
    return answer


def revealed(folder: Path, weights: Path) -> list[np.ndarray]:
    """What `c.mkv` hides; it must be whole."""
    report = reveal_film(Network.load(weights), folder / "c.mkv", folder / "s.mkv", read_key("k"), strict=True)
    assert report.trouble == ()
    return list(read_frames(folder / "s.mkv"))


def test_the_page_shows_frames_until_its_button_is_pressed(session, folder):
    with session(f"{FILM} --record c.mkv --key-file k") as running:
        with urlopen(running.address, timeout=60) as page:
            assert b"<title>stegnet webcam</title>" in page.read()
        first = frame(running.address)
        later = frame(running.address, first["number"])
        assert later["number"] > first["number"] >= 1
        assert set(later["pictures"]) > {"cover", "container", "secret", "revealed"}
        assert later["figures"]["recording"] is True
        with urlopen(Request(f"{running.address}stop", method="POST"), timeout=60) as answer:
            assert answer.status == 200
        code, out, err = running.end()
    frames = len(scan(folder / "c.mkv").pts)
    assert (code, err) == (0, "")
    assert out.splitlines()[0].startswith(f"showed {frames} frames in ")
    assert out.splitlines()[1].startswith("wrote c.mkv: 96x64, ")
    assert out.endswith(f", {frames} frames, {frames} hidden\n")


def test_what_was_recorded_is_revealed(session, folder):
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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_a_whole_recording(session, folder, weights, number):
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


def test_a_film_that_is_not_repeated_ends_it(session):
    with session(f"{FILM} --once") as running:
        code, out, err = running.end()
    assert (code, err) == (0, "note: the key is a random one, for this session alone\n")
    shown, dropped = int(out.split()[1]), int(out.split()[-1])
    assert 1 <= shown <= shown + dropped <= 6


def test_frames_are_dropped_and_counted(folder, monkeypatch, exact, key, picture):
    """Of twelve frames, eleven come while the first is at work: the last of them is shown next."""
    at_work, all_came = threading.Event(), threading.Event()

    def frames():
        for number in range(12):
            yield Frame(picture(64, 96, number), Fraction(number, 25))
            at_work.wait(60)
        all_came.set()

    def slow(*arguments):
        at_work.set()
        all_came.wait(60)
        return filled(*arguments)

    filled = live._filled
    monkeypatch.setattr(live, "_filled", slow)
    monkeypatch.setattr("stegnet.webcam.session.open_cover", lambda *_: Source(frames(), timed=False))
    wishes, secret = SessionOptions("a camera"), folder / "secret.png"
    with Site(0, threading.Event()) as site:
        figures = run(wishes, secret, lambda: exact, key, site, lambda: None, no_progress)
        shown = site.newest.wait(0, 0)
    assert (figures["shown"], figures["dropped"]) == (2, 10)
    assert (figures["width"], figures["height"]) == (96, 64)
    assert shown[1].figures == figures


def test_the_camera_is_brought_to_a_size(session, folder):
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
    """Or one passphrase would be one key for all sessions."""
    for name in ("a.mkv", "b.mkv"):
        with Site(0, Event()) as site:
            wishes = SessionOptions("camera.mkv", frames=1, record=folder / name)
            run(wishes, folder / "secret.png", lambda: exact, key, site, lambda: None, no_progress)
    assert len({read_salt(next(read_frames(folder / name))) for name in ("a.mkv", "b.mkv")}) == 2


def test_it_is_ended_while_nobody_looks(session):
    with session(FILM) as running:
        time.sleep(0.5)
        running.process.send_signal(signal.SIGTERM)
        code, out, _ = running.end()
    assert (code, out.split()[0]) == (0, "showed")


def test_a_camera_that_goes_leaves_a_whole_recording(session, folder, weights, camera):
    with session(f"secret.png --source {camera} --record c.mkv --key-file k") as running:
        code, out, err = running.end()
    assert (code, err) == (0, f"warning: camera {camera}: it gave no more pictures\n")
    assert out.startswith(f"showed {len(revealed(folder, weights))} frames in ")
