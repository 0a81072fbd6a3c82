"""Windows, as far as Linux can stand in for it: without what only Unix has, and without moving files that are open."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from stegnet.cli import main
from tests.cli.conftest import ROOT

WINDOWS = """
import argparse, getpass, logging, multiprocessing, os, shutil, signal, socket, subprocess, sys, tempfile, webbrowser
import av, cryptography, numpy, onnxruntime, PIL, psutil, tqdm
from pathlib import Path

for name in ("fcntl", "grp", "pwd", "resource", "termios", "tty"):
    sys.modules[name] = None
for name in ("O_CLOEXEC", "O_DIRECTORY", "O_NOFOLLOW", "O_NONBLOCK", "fork", "geteuid", "getuid", "sched_getaffinity"):
    delattr(os, name)
for name in ("SIGHUP", "SIGKILL", "SIGPIPE", "SIGUSR1"):
    delattr(signal, name)

def is_open(path):
    links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    return any(os.readlink(link) == os.path.abspath(path) for link in links)

def refusing(move):
    def checked(path, *rest, **more):
        if is_open(path):
            raise PermissionError(13, "The process cannot access the file because it is being used", str(path))
        return move(path, *rest, **more)
    return checked

for name in ("unlink", "remove", "rename", "replace"):
    setattr(os, name, refusing(getattr(os, name)))

from stegnet.cli import run
run()
"""


@pytest.fixture
def on_windows(folder: Path) -> Callable[[str], subprocess.CompletedProcess[str]]:
    environment = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "2"}

    def run(line: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", WINDOWS, *line.split()]
        return subprocess.run(command, cwd=folder, env=environment, text=True, capture_output=True, check=False)

    return run


def test_hiding_and_revealing(on_windows, folder):
    """What names itself gets a name that Windows takes; nothing is left after a failure."""
    name = "what? aux:1.jpg"
    (folder / "secret.jpg").rename(name)
    assert main(["hide", "cover.mkv", name, "--key-file", "k", "-o", "odd.mkv"]) == 0
    (folder / name).unlink()
    for command in (
        "keygen key",
        "hide cover.mkv notes.txt -o c.mkv --key-file key",
        "reveal odd.mkv --key-file k",
    ):
        done = on_windows(command)
        assert (done.returncode, done.stderr.count("error")) == (0, 0), done.stderr
    assert (folder / "what_ aux_1.jpg").exists()
    (folder / "big").write_bytes(bytes(100_000))
    before = sorted(folder.iterdir())
    assert on_windows("hide cover.png big -o c.png --key-file k").stderr.startswith("error: ")
    assert sorted(folder.iterdir()) == before
