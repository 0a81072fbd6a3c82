"""Interrupted runs leave no partial output, no thread and no traceback."""

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from stegnet.cli.signals import SignalReceived, raised_signals, stop_on_signal
from tests.cli.conftest import python
from tests.support.films import ffmpeg
from tests.support.waiting import LIMIT, wait_until

PIPES = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}


@pytest.mark.parametrize(
    ("line", "number", "code", "told"),
    [
        ("hide covers k -o out --method sealed -v", signal.SIGTERM, 143, "terminated"),
        ("hide covers pictures -o out --method network --backend onnx -v", signal.SIGINT, 130, "interrupted"),
    ],
)
def test_a_signal_leaves_whole_files_only(program, folder, line, number, code, told):
    """A film of 1,200 frames is given up; the picture before it stays."""
    for name in ("covers", "pictures"):
        Path(name).mkdir()
    Path("cover.png").rename("covers/1.png")
    Path("secret.jpg").rename("pictures/1.jpg")
    for name in ("covers", "pictures"):
        ffmpeg("-stream_loop 200 -i cover.mkv", Path(name, "2.mkv"), "-c copy -an")
    with program(line, env={"PYTHONUNBUFFERED": "1"}, **PIPES) as process:
        first = process.stdout.readline()
        wait_until(lambda: process.poll() is not None or list(Path("out").glob(".2.mkv.*")))
        process.send_signal(number)
        process.send_signal(number)  # an impatient user
        out, err = process.communicate(timeout=LIMIT)
    assert (process.returncode, err.splitlines()[-1]) == (code, f"error: {told}")
    assert (first.partition(":")[0], out) == ("wrote out/1.png", "")
    assert [path.name for path in Path("out").iterdir()] == ["1.png"]


@pytest.mark.parametrize(
    ("ignored", "code", "told"), [(True, 1, "error: p: the pass"), (False, 129, "error: the term")]
)
def test_an_ignored_signal_stays_ignored(program, folder, ignored, code, told):
    handler = signal.SIG_IGN if ignored else signal.SIG_DFL
    os.mkfifo(folder / "p")
    line = "info cover.png --passphrase-file p"
    with program(line, **PIPES, preexec_fn=lambda: signal.signal(signal.SIGHUP, handler)) as process:
        with suppress(BrokenPipeError), open("p", "wb") as phrase:  # blocks until the program opens it
            process.send_signal(signal.SIGHUP)
            if ignored:
                phrase.write(b"\n")
            else:
                process.wait(LIMIT)
        _, err = process.communicate(timeout=LIMIT)
    assert process.returncode == code
    assert err.startswith(told)


@pytest.mark.parametrize(
    ("module", "told"),
    [
        ("stegnet.cli.signals", b""),
        ("contextlib", b""),
        ("argparse", b""),
        ("stegnet.cli.commands.keygen", b"error: interrupted\n"),
        ("numpy", b"error: interrupted\n"),
    ],
)
def test_an_interrupt_during_startup(module, told):
    code = f"""
import os, sys
from stegnet.cli import run

class Interrupt:
    def find_spec(self, name, *rest):
        if name == {module!r}:
            os.kill(os.getpid(), 2)

for name in {module!r}, "contextlib", "argparse", "tempfile":
    sys.modules.pop(name, None)  # loaded by the interpreter itself
sys.meta_path.insert(0, Interrupt())
run()
"""
    done = python(code, "keygen", "none/k")
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", told)


def test_a_signal_that_python_does_not_handle_ends_the_process_at_the_second_time():
    code = """
import signal, time
from itertools import count
from stegnet.cli.signals import stop_on_signal

now = count(0, 6)
time.monotonic = lambda: next(now)
with stop_on_signal(lambda: print("stopping", flush=True)):
    signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGTERM)
    print("still there")
"""
    done = python(code)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGTERM, b"stopping\n", b"")


@pytest.fixture
def clock(monkeypatch) -> None:
    """It is looked at three times, after four and two more seconds."""
    now = iter([100, 104, 106])
    monkeypatch.setattr("time.monotonic", lambda: next(now))


@pytest.mark.usefixtures("clock")
def test_signals_in_a_cleanup_are_ignored_and_later_ones_raise_again():
    before = signal.getsignal(signal.SIGTERM)
    with raised_signals() as raised:
        assert not raised
        with pytest.raises(SignalReceived):
            signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(SignalReceived):
            signal.raise_signal(signal.SIGINT)
    assert raised == [signal.SIGTERM, signal.SIGINT]
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.usefixtures("clock")
def test_the_first_signal_asks_to_stop_and_a_later_one_stops():
    asked, heard = [], []
    before = signal.signal(signal.SIGTERM, lambda number, frame: heard.append(number))
    try:
        with stop_on_signal(lambda: asked.append(len(heard))):
            for expected in ([], [], [signal.SIGTERM]):
                signal.raise_signal(signal.SIGTERM)
                assert (asked, heard) == ([0], expected)
        signal.raise_signal(signal.SIGTERM)
        assert len(heard) == 2
    finally:
        signal.signal(signal.SIGTERM, before)
