"""Windows, as far as Linux can stand in for it: without what only Unix has, and without moving files that are open."""

from stegnet.cli import main
from tests.cli.conftest import python

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
