"""The launcher, with a program that does nothing but end in some way."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from stegnet.core.errors import TrainingError
from stegnet.training import launch as module
from stegnet.training.launch import launch

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
WORKER = """
import os, sys, time
from pathlib import Path
from stegnet.core.errors import DataError
from stegnet.training.launch import supervised
from stegnet.core.ranks import rank, world_size
from stegnet.training.stop import TrainingStopped, StopRequest

def work(way):
    Path(f"{rank()} of {world_size()}").touch()
    if way == "stops":
        with StopRequest() as wish:
            Path(f"{rank()} waits").touch()
            while not wish.signal:
                time.sleep(0.05)
            raise TrainingStopped(3, 9, wish.signal)
    if way == "hangs" or (rank() == 0 and way != "ends"):
        time.sleep(600)
    if way == "fails":
        raise DataError("no pictures", "take some")
    if way == "is wrong":
        raise ZeroDivisionError
    if way == "is killed":
        os.kill(os.getpid(), 9)

try:
    with supervised():
        work(os.environ["WAY"])
except KeyboardInterrupt as stop:
    sys.exit(print(stop, file=sys.stderr) or stop.code)
"""


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Launches two processes that end in a certain way."""
    (tmp_path / "worker.py").write_text(WORKER, encoding="utf-8")
    monkeypatch.setattr(module, "GRACE", 0.5)
    monkeypatch.setattr(sys, "argv", ["pytest"])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(ROOT)]))
    monkeypatch.chdir(tmp_path)

    def call(way: str) -> int:
        monkeypatch.setenv("WAY", way)
        return launch("worker", 2)

    return call


def test_all_run_and_know_their_number(start, tmp_path):
    assert start("ends") == 0
    assert {path.name for path in tmp_path.glob("* of *")} == {"0 of 2", "1 of 2"}


def test_who_fails_is_told_of_and_ends_the_others(start):
    before = psutil.Process().children(recursive=True)  # other tests leave helpers of Python's own
    with pytest.raises(TrainingError, match=r"^no pictures$") as caught:
        start("fails")
    assert caught.value.hint == "take some"
    assert set(psutil.Process().children(recursive=True)) <= set(before)


def test_a_programmers_error_shows_where(start, capsys):
    with pytest.raises(TrainingError, match=r"^process 1 of the training failed$"):
        start("is wrong")
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_who_is_killed_ends_the_others(start):
    with pytest.raises(TrainingError, match=r"^process 1 of the training was ended by SIGKILL$"):
        start("is killed")


@pytest.fixture
def launcher(start, monkeypatch):
    """A launcher in a process of its own."""

    def call(way: str) -> subprocess.Popen:
        monkeypatch.setenv("WAY", way)
        code = "import sys; from stegnet.training.launch import launch; sys.exit(launch('worker', 2))"
        return subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE)

    return call


def wait_for(condition) -> None:
    for _ in range(600):
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError("never")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_are_handed_on(launcher, tmp_path, number):
    process = launcher("stops")
    wait_for(lambda: len(list(tmp_path.glob("* waits"))) == 2)
    process.send_signal(number)
    said = process.communicate()[1].decode()
    assert process.returncode == 128 + number
    assert said.count("stopped after 3 of 9 steps") == 1


def test_nobody_outlives_the_launcher(launcher, tmp_path):
    process = launcher("hangs")
    wait_for(lambda: len(list(tmp_path.glob("* of *"))) == 2)
    children = psutil.Process(process.pid).children()
    process.kill()
    process.communicate()
    assert psutil.wait_procs(children, timeout=30)[1] == []
