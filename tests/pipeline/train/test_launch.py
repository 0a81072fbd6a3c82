"""The launcher, with a program that ends in a given way."""

import os
import signal
import subprocess
import sys

import psutil
import pytest

from pipeline.train.processes import launch
from tests.support.lab import ROOT, TrainingError
from tests.support.waiting import LIMIT, wait_until

WORKER = """
import os, time
from pathlib import Path
from stegnet.core.errors import DataError
from pipeline.stage import program
from stegnet.core.parallel import rank, world_size

def work(way):
    Path(f"{rank()} of {world_size()}").touch()
    if way == "hangs" or rank() == 0:
        time.sleep(600)
    if way == "fails":
        raise DataError("no pictures", "take some")
    if way == "is wrong":
        raise ZeroDivisionError
    if way == "is killed":
        os.kill(os.getpid(), 9)

with program():
    work(os.environ["WAY"])
"""


pytestmark = pytest.mark.long


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Launches two processes that end in the given way."""
    (tmp_path / "worker.py").write_text(WORKER, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(ROOT)]))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)

    def call(way: str) -> None:
        monkeypatch.setenv("WAY", way)
        launch("worker", 2)

    return call


def test_a_failure_is_reported_once_and_ends_the_other_processes(start, capfd):
    before = psutil.Process().children(recursive=True)  # other tests leave helpers of Python's own
    with pytest.raises(SystemExit) as caught:
        start("fails")
    assert caught.value.code == 1
    assert capfd.readouterr().err == "error: no pictures\nhint: take some\nstopped\n"
    children = set(psutil.Process().children(recursive=True)) - set(before)
    assert not [child for child in children if "resource_tracker" not in " ".join(child.cmdline())]
    with pytest.raises(TrainingError, match=r"^process 1 of the training failed$"):
        start("is wrong")
    assert "ZeroDivisionError" in capfd.readouterr().err
    with pytest.raises(TrainingError, match=r"^process 1 of the training was ended by SIGKILL$"):
        start("is killed")


@pytest.fixture
def launcher(start, monkeypatch):
    """Launches them from a process of its own."""

    def call(way: str) -> subprocess.Popen:
        monkeypatch.setenv("WAY", way)
        code = "from pipeline.stage import program; from pipeline.train.processes import launch\n"
        code += "with program(): launch('worker', 2)"
        return subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE)

    return call


@pytest.mark.night
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_are_forwarded(launcher, tmp_path, number):
    process = launcher("hangs")
    wait_until(lambda: len(list(tmp_path.glob("* of *"))) == 2)
    assert {path.name for path in tmp_path.glob("* of *")} == {"0 of 2", "1 of 2"}
    process.send_signal(number)
    assert process.communicate()[1] == b"stopped\n"
    assert process.returncode == 128 + number


def test_ctrl_c_while_a_program_is_imported_is_one_line():
    command = [sys.executable, "-c", "import pipeline.stage; raise KeyboardInterrupt"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "stopped\n")


@pytest.mark.night
def test_no_process_outlives_the_launcher(launcher, tmp_path):
    process = launcher("hangs")
    wait_until(lambda: len(list(tmp_path.glob("* of *"))) == 2)
    children = psutil.Process(process.pid).children()
    process.kill()
    process.communicate()
    assert psutil.wait_procs(children, timeout=LIMIT)[1] == []
