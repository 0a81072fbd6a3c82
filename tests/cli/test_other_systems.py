"""Windows, as far as Linux can stand in for it: without what only Unix has, and without moving files that are open."""

import subprocess
import sys

import pytest

from stegnet.cli import main
from tests.cli.conftest import python
from tests.clones import ROOT

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
for line in sys.argv[1:]:
    sys.argv = ["stegnet", *line.split()]
    try:
        run()
    except SystemExit as stop:
        print("exit", stop.code, *sorted(os.listdir()), flush=True)
"""


def test_hiding_and_revealing(folder):
    """What names itself gets a name that Windows takes; nothing is left after a failure."""
    name = "what? aux:1.jpg"
    (folder / "secret.jpg").rename(name)
    assert main(["hide", "cover.mkv", name, "--key-file", "k", "-o", "odd.mkv"]) == 0
    (folder / name).unlink()
    (folder / "big").write_bytes(bytes(100_000))
    lines = (
        "keygen key",
        "hide cover.mkv notes.txt -o c.mkv --key-file key",
        "reveal odd.mkv --key-file k",
        "hide cover.png big -o c.png --key-file k",
    )
    done = python(WINDOWS, *lines)
    ends = [line.split(maxsplit=2)[1:] for line in done.stdout.decode().splitlines() if line.startswith("exit")]
    assert [code for code, _ in ends] == ["0", "0", "0", "1"], done.stderr
    assert "what_ aux_1.jpg" in ends[2][1]
    assert ends[3][1] == ends[2][1]
    assert done.stderr.count(b"error: ") == 1


# What the package alone does not install, and what a system may lack.
COLLECT = """
import os, signal, sys
import asyncio, av, concurrent.futures, importlib, multiprocessing, onnxruntime, pkgutil, psutil, tempfile
import pytest  # which, as those, on Linux use what is missing there

for name in "cv2 filelock hypothesis mlflow pandas ray scipy skimage sklearn torch yaml".split():
    sys.modules[name] = None
for module, names in ((os, {attributes}), (signal, {signals})):
    for name in names:
        delattr(module, name)
for name in {modules}:
    sys.modules[name] = None

import stegnet
for module in pkgutil.walk_packages(stegnet.__path__, "stegnet."):
    try:
        module.name.endswith("__main__") or importlib.import_module(module.name)
    except ModuleNotFoundError as error:
        assert error.name in {{"cv2", "torch"}}, (module.name, error)  # of extras
files = "tests/test_wheel.py", "tests/core/test_names.py"
os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # plugins of packages that are not there
sys.exit(pytest.main(["--collect-only", "-q", "-p", "xdist", "-p", "pytest_timeout", "-n", "auto", *files]))
"""


@pytest.mark.parametrize(
    ("attributes", "signals", "modules"),
    [
        (["sched_getaffinity"], [], []),
        (
            ["sched_getaffinity", "fork", "geteuid", "getuid"],
            ["SIGHUP", "SIGKILL", "SIGPIPE", "SIGUSR1"],
            ["fcntl", "grp", "pwd", "resource", "termios", "tty"],
        ),
    ],
    ids=["macOS", "Windows"],
)
def test_all_modules_start_and_tests_are_found(attributes, signals, modules):
    """Tests are those that other systems run in continuous integration, and with no more than the package installs."""
    code = COLLECT.format(attributes=attributes, signals=signals, modules=modules)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "tests/test_wheel.py::" in done.stdout and "tests/core/test_names.py::" in done.stdout
