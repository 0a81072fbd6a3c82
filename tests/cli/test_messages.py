"""Printed output: progress bars, standard streams and terminals."""

import io
import os
import signal
import subprocess
from contextlib import redirect_stderr, suppress
from pathlib import Path
from typing import NoReturn
from unittest import mock

import pytest

from stegnet import MediaError
from stegnet.cli import main, messages
from stegnet.core.parallel import with_phases
from tests.cli.terminal import typed
from tests.support.waiting import LIMIT


def test_a_file_whose_name_looks_like_a_setting_keeps_it(capsys):
    assert main(["reveal", "my `strict=True` notes.png", "--key-file", "x `survive=1` y"]) == 1
    error = capsys.readouterr().err
    assert "`strict=True`" in error or "`survive=1`" in error
    assert "--strict" not in error and "--survive" not in error


def test_the_steps_of_a_job_read_as_one():
    shown = io.StringIO()
    shown.isatty = lambda: True
    with redirect_stderr(shown), messages.progress_bar() as progress:
        steps = with_phases(progress, "compress", "hide tiles", "write")
        for step in (("compress", 1, 4), ("hide tiles", 2, 8), ("hide tiles", 2, 8), ("write", 0, 0), ("write", 0, 0)):
            steps(*step)
        for _ in range(2):  # the second time it is shown at once
            progress("reveal", 1, 9)
    bars = [line.rstrip() for line in shown.getvalue().split("\r") if line.strip()]
    assert any(bar.startswith("step 1 of 3: compressing:") and "[this step: " in bar for bar in bars)
    assert any(bar.startswith("step 2 of 3: hiding:") and "2/8" in bar for bar in bars)
    assert sum(bar.startswith("step 3 of 3: writing [") for bar in bars) >= 2
    assert any(bar.startswith("revealing:") and "1/9" in bar for bar in bars)


def test_a_bar_is_gone_before_an_error_is_told():
    shown = io.StringIO()
    shown.isatty = lambda: True
    with pytest.raises(OSError, match="disk") as raised, redirect_stderr(shown), messages.progress_bar() as progress:
        progress("reveal", 1, 9)
        raise OSError("disk")
    assert raised.value.__traceback__  # whose frames keep the bar, or it would end with them
    assert shown.getvalue().endswith(" \r")


@pytest.mark.parametrize("line", ["--help", "info cover.png", "info - --passphrase-file fd:99"])
def test_a_broken_pipe(program, line):
    """Of stdout, or of stderr where the line is refused."""
    reading, writing = os.pipe()
    os.close(reading)
    stream, other = ("stderr", "stdout") if " - " in line else ("stdout", "stderr")
    with program(line, **{stream: writing, other: subprocess.PIPE}) as process:
        os.close(writing)
        assert process.communicate() in ((b"", None), (None, b""))
    assert process.returncode == 141


def test_a_full_disk_behind_stdout(program):
    with Path("/dev/full").open("w") as full, program("--help", stdout=full, stderr=subprocess.PIPE) as process:
        err = process.communicate()[1]
    assert (process.returncode, err) == (1, b"error: standard output: can't be written (No space left on device)\n")


def test_closed_streams(folder, program, run):
    """Not even a file that is written takes the place of one."""
    assert program("hide cover.png k -o c.png", preexec_fn=lambda: os.closerange(0, 3)).wait(LIMIT) == 0
    assert run("reveal c.png -o back")[0] == 0
    assert (folder / "back").read_bytes() == (folder / "k").read_bytes()
    reveal = program("reveal c.png -o -", preexec_fn=lambda: os.close(1), stderr=subprocess.PIPE)
    assert reveal.communicate(timeout=LIMIT)[1].startswith(b"error: standard output is closed\n")
    assert reveal.returncode == 1


def test_streams_that_another_program_left_unblocked(program):
    """There, an empty pipe would be the end of the input, and a full one that of the output."""
    ends = [*os.pipe(), *os.pipe()]
    for end in ends:
        os.set_blocking(end, False)
    assert program("--version", stdin=ends[0], stdout=ends[1], stderr=ends[3]).wait(LIMIT) == 0
    assert [os.get_blocking(end) for end in ends] == [True, True, False, True]
    for end in ends:
        os.close(end)


def test_help_where_output_is_ascii(program):
    with program("hide --help", env={"PYTHONIOENCODING": "ascii"}, stdout=subprocess.PIPE) as process:
        assert b"\\u2026" in process.communicate(timeout=LIMIT)[0]


def test_terminals(program, run):
    """A text can't control one, and bytes are neither written to it nor read from it."""
    run(["hide", "cover.png", "--text", "a\x1b[2Jb\tc\nd", "-o", "c.png"])
    assert typed(program, "reveal c.png") == (0, "a\\x1b[2Jb    c\r\nd\r\n")
    for line, told in (
        ("hide cover.png k -o -", "standard output is a terminal, and this is not a text"),
        ("reveal - -o out", "standard input is a terminal"),
    ):
        code, shown = typed(program, line)
        assert (code, shown.splitlines()[0]) == (1, f"error: {told}")


def swallowed(*arguments: object) -> NoReturn:
    """A library makes something else of a signal."""
    with suppress(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)
    raise ImportError


def test_no_memory_and_a_signal_that_a_library_swallows(run, monkeypatch):
    damaged = MediaError("a.mp4: the film is damaged")
    damaged.__cause__ = BlockingIOError(11, "Resource temporarily unavailable")  # as FFmpeg says of threads
    exhausted = (MemoryError(), RuntimeError("can't start new thread"), damaged)
    told = dict.fromkeys(exhausted, (1, "error: out of memory, or of threads"))
    for raised, expected in (told | {swallowed: (143, "error: terminated")}).items():
        monkeypatch.setattr("stegnet.cli.commands.info.file_info", mock.Mock(side_effect=raised))
        code, out, err = run("info cover.png")
        assert (code, err.splitlines()[0], out) == (*expected, "")
