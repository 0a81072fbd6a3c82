"""Printed output: unusual file names, broken pipes, and different terminals."""

import io
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stegnet.cli import main, messages
from stegnet.core.progress import in_steps
from stegnet.results import Report

ODD = ["new\nline red\x1b[31m", "file:reversed\u202e half\udce4", "-dash é ü 漢字%d"]


def test_unusual_file_names(capfd, weights, hidden):
    """Pictures, films and other files, with any name that the system accepts."""
    for name in ODD:
        for suffix, secret in ((".png", "secret.jpg"), (".mkv", "notes.txt")):
            shutil.copy(f"cover{suffix}", f"{name}{suffix}")
            hide = ["hide", f"--output=out {name}{suffix}", "--key-file=k", "--", f"{name}{suffix}", secret]
            assert main(hide) == 0
        shutil.copy("c.png", f"{name}-c.png")
        network = ["--key-file=k", f"--weights={weights}", "--", f"{name}-c.png"]
        assert main(["reveal", f"--output={name}-back.png", *network]) == 0
        shutil.copy("notes.txt", name)
        assert main(["hide", "--force", f"--output=out {name}.png", "--key-file=k", "--", f"{name}.png", name]) == 0
        assert main(["reveal", f"--output={name}-again", "--key-file=k", "--", f"out {name}.png"]) == 0
        assert main(["info", "--key-file=k", "--", f"out {name}.png"]) == 0
        assert main(["info", "--json", "--", f"{name}.mkv"]) == 0
        assert main(["info", "--", f"no {name}"]) == 1
        out, err = capfd.readouterr()
        assert all(line.isprintable() for line in (out + err).split("\n"))
        assert out.count("wrote ") == 5


def test_the_steps_of_a_job_read_as_one(monkeypatch):
    shown = io.StringIO()
    shown.isatty = lambda: True
    monkeypatch.setattr("sys.stderr", shown)
    with messages.progress_bar() as progress:
        steps = in_steps(progress, "compress", "hide tiles", "write")
        for step in (("compress", 1, 4), ("hide tiles", 2, 8), ("hide tiles", 2, 8), ("write", 0, 0), ("write", 0, 0)):
            steps(*step)
        for _ in range(2):  # the second time it is shown at once
            progress("reveal", 1, 9)
    bars = [line.rstrip() for line in shown.getvalue().split("\r") if line.strip()]
    assert any(bar.startswith("step 1 of 3: compressing:") and "[this step: " in bar for bar in bars)
    assert any(bar.startswith("step 2 of 3: hiding:") and "2/8" in bar for bar in bars)
    assert sum(bar.startswith("step 3 of 3: writing [") for bar in bars) >= 2
    assert any(bar.startswith("revealing:") and "1/9" in bar for bar in bars)


def test_texts_and_sizes(capsys):
    assert messages.escape("a plain line, ü – 漢 ×") == "a plain line, ü – 漢 ×"
    assert messages.escape("two\nlines\r\x1b[2J\x00\udcff\u2028") == r"two\nlines\r\x1b[2J\x00\udcff\u2028"
    for size, told in ((0, "0 bytes"), (4999, "4999 bytes"), (5000, "0.01 MB"), (2_345_678, "2.35 MB")):
        messages.wrote(Path("a"), Report(), "", size=size)
        assert capsys.readouterr().out == f"wrote a: {told}\n"


def test_ascii_terminals_and_closed_streams(monkeypatch, stegnet):
    shown = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(shown, "ascii"))
    assert stegnet("hide cover.png secret.jpg -o c×.png")[0] == 0
    assert shown.getvalue().startswith(rb"wrote c\xd7.png: ")
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert stegnet("info cover.png")[0] == 0
    assert sys.stderr.getvalue() == ""


@pytest.mark.parametrize("line", ["--help", "info cover.png", "info - --passphrase-fd 99"])
def test_a_broken_pipe(program, line):
    """Of stdout, or of stderr where the line is refused."""
    reading, writing = os.pipe()
    os.close(reading)
    stream, other = ("stderr", "stdout") if " - " in line else ("stdout", "stderr")
    with program(line, **{stream: writing, other: subprocess.PIPE}) as process:
        os.close(writing)
        assert process.communicate() in ((b"", None), (None, b""))
    assert process.returncode == 141


@pytest.mark.parametrize("line", ["--help", "info cover.png"])
def test_a_full_disk_behind_stdout(program, line):
    with Path("/dev/full").open("w") as full, program(line, stdout=full, stderr=subprocess.PIPE) as process:
        err = process.communicate()[1]
    assert (process.returncode, err) == (1, b"error: standard output: can't be written (No space left on device)\n")
