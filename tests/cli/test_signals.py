"""Interrupted runs leave no partial output, no thread and no traceback."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

import stegnet as package
from stegnet.cli.signals import SignalReceived, Signals, exit_on_signals, stop_on_signal
from stegnet.methods.network import ByNetwork
from tests.support.waiting import LIMIT

ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(package.__file__).parents[1])}
NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def test_a_signal_leaves_no_output(program, folder, make_film):
    make_film(folder / "long.mkv", 60, 128, 192)
    before = sorted(folder.iterdir())
    for line, number, code, told in (
        ("hide long.mkv long.mkv -o c.mkv", signal.SIGTERM, 143, "terminated"),
        ("hide long.mkv long.mkv -o c.mp4", signal.SIGINT, 130, "interrupted"),
        ("hide --method sealed long.mkv k -o c.mkv", signal.SIGHUP, 129, "the terminal was closed"),
    ):
        with program(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            while not list(folder.glob(".*.m*")):
                assert process.poll() is None
                time.sleep(0.02)
            process.send_signal(number)
            process.send_signal(number)  # an impatient user
            out, err = process.communicate(timeout=LIMIT)
        assert (process.returncode, out, err) == (code, "", f"error: {told}\n")
        assert sorted(folder.iterdir()) == before


def test_an_interrupted_batch_keeps_finished_files(stegnet, folder, monkeypatch):
    (folder / "covers").mkdir()
    for name in ("1.png", "2.png"):
        (folder / "covers" / name).write_bytes((folder / "cover.png").read_bytes())
    hide = ByNetwork.hide

    def once(self, cover, *arguments):
        if cover.name == "2.png":
            raise KeyboardInterrupt
        return hide(self, cover, *arguments)

    monkeypatch.setattr(ByNetwork, "hide", once)
    code, out, err = stegnet("hide covers secret.jpg -o out")
    assert (code, out, err) == (130, "wrote out/1.png: 97x61, SIZE\n", "error: interrupted\n")
    assert [path.name for path in (folder / "out").iterdir()] == ["1.png"]


@pytest.mark.parametrize(("ignored", "code", "told"), [(True, 1, b"error: nothing"), (False, 129, b"error: the term")])
def test_an_ignored_signal_stays_ignored(program, folder, ignored, code, told):
    handler = signal.SIG_IGN if ignored else signal.SIG_DFL
    os.mkfifo(folder / "p")
    with program(
        "info cover.png --passphrase-file p",
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, handler),
    ) as process:
        with suppress(BrokenPipeError), open("p", "wb") as phrase:  # blocks until the program opens it
            process.send_signal(signal.SIGHUP)
            if ignored:
                phrase.write(b"a phrase\n")
            else:
                process.wait(LIMIT)
        err = process.communicate(timeout=LIMIT)[1]
    assert process.returncode == code
    assert err.startswith(told)


def test_the_first_import_imports_nothing():
    """Ctrl-C during this import shows a traceback."""
    code = "import sys; before = set(sys.modules); import stegnet.cli; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, check=True)
    assert done.stdout == "stegnet stegnet.cli\n"


@pytest.mark.parametrize(
    "module",
    ["stegnet.cli.signals", "contextlib", "stegnet.cli.command", "argparse", "stegnet.cli.commands.hide", "tempfile"],
)
def test_an_interrupt_during_startup(module):
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
    done = subprocess.run(
        [sys.executable, "-c", code, "keygen", "none/k"], env=ENVIRONMENT, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


def test_signals_in_a_cleanup_are_ignored_and_later_ones_raise_again(monkeypatch):
    now = iter([100, 104, 106])
    monkeypatch.setattr("time.monotonic", lambda: next(now))
    signals = Signals()
    with signals.handled():
        assert signals.exit_code is None
        with pytest.raises(SignalReceived):
            signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(SignalReceived):
            signal.raise_signal(signal.SIGINT)
    assert (signals.exit_code, signals.description) == (143, "terminated")


def test_stop_on_signal(monkeypatch):
    now = iter([100, 104, 106])
    monkeypatch.setattr("time.monotonic", lambda: next(now))
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


@pytest.mark.parametrize("ends", [True, False])
def test_a_signal_swallowed_by_a_library(monkeypatch, stegnet, ends):
    """A bug raises its traceback all the same, and handlers are restored."""
    before = [signal.getsignal(number) for number in NUMBERS]

    def look(*arguments):
        with suppress(SignalReceived):
            signal.raise_signal(signal.SIGTERM)
        if ends:
            raise ImportError("something else")
        return {}

    monkeypatch.setattr("stegnet.files.file_info", look)
    assert stegnet("info cover.png") == (143, "", "error: terminated\n")
    assert [signal.getsignal(number) for number in NUMBERS] == before
    monkeypatch.setattr("stegnet.files.file_info", lambda *arguments: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        stegnet("info cover.png")


def test_exit_on_signals(monkeypatch):
    before = [signal.getsignal(number) for number in NUMBERS]
    monkeypatch.setattr("os._exit", sys.exit)
    try:
        exit_on_signals()
        for number in NUMBERS:
            with pytest.raises(SystemExit) as caught:
                signal.raise_signal(number)
            assert caught.value.code == 128 + number
    finally:
        for number, handler in zip(NUMBERS, before, strict=True):
            signal.signal(number, handler)
