"""A folder to work in, and ways to run commands."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image

import stegnet
from stegnet.cli import main

Command = Callable[[str | list[str]], tuple[int, str, str]]
ROOT = Path(stegnet.__file__).parents[1]
_KEYS = ("--key", "--passphrase", "--recipient", "--identity")
_HIDDEN = (
    "hide cover.png secret.jpg -o c.png --method network",
    "hide cover.mkv secret.mkv -o c.mkv --method network",
    "hide cover.png notes.txt -o sealed.png --method sealed",
)


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """Limits the size of files in bytes; what is larger can't be written, as on a full disk.

    Python keeps no bytecode meanwhile: it would keep what fits, and other processes would import that.
    """
    resource = pytest.importorskip("resource")
    before, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "dont_write_bytecode", True)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (before, hard))


@pytest.fixture(scope="session")
def material(tmp_path_factory, picture, make_film) -> Path:
    """Two pictures, two films, a text and a key."""
    folder = tmp_path_factory.mktemp("material")
    Image.fromarray(picture(61, 97, 1)).save(folder / "cover.png")
    Image.fromarray(picture(50, 40, 2)).save(folder / "secret.jpg")
    make_film(folder / "cover.mkv", 6, sound="aac")
    make_film(folder / "secret.mkv", 4, seed=9)
    (folder / "notes.txt").write_bytes(b"what was said " * 20)
    (folder / "k").write_bytes(bytes(range(32)))
    (folder / "k").chmod(0o600)
    return folder


@pytest.fixture(scope="session")
def containers(material, tmp_path_factory) -> list[Path]:
    """c.png and c.mkv are by the network, sealed.png holds notes.txt."""
    folder = tmp_path_factory.mktemp("containers") / "made"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(shutil.copytree(material, folder))
        assert [main(with_key(line)) for line in _HIDDEN] == [0] * len(_HIDDEN)
    return [folder / line.split()[4] for line in _HIDDEN]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch, material) -> Path:
    """Working folder with the material."""
    monkeypatch.chdir(shutil.copytree(material, tmp_path, dirs_exist_ok=True))
    return tmp_path


@pytest.fixture
def hidden(folder, containers) -> Path:
    """The same with the containers."""
    for path in containers:
        shutil.copy(path, folder)
    return folder


@pytest.fixture
def run(capsys) -> Command:
    """Runs a command as it is typed, with the key if it names none; returns exit code, stdout and stderr."""

    def call(line: str | list[str]) -> tuple[int, str, str]:
        code = main(with_key(line))
        return code, *capsys.readouterr()

    return call


@pytest.fixture
def program(folder: Path) -> Callable[..., subprocess.Popen]:
    """Starts such a command in another process, in the folder; `env` is added to its environment."""

    def start(line: str, env: dict[str, str] | None = None, **settings) -> subprocess.Popen:
        env = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": ""} | (env or {})
        return subprocess.Popen([sys.executable, "-m", "stegnet", *with_key(line)], cwd=folder, env=env, **settings)

    return start


def python(code: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Runs a program that finds stegnet here, in the current folder."""
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, env={"PYTHONPATH": str(ROOT)}, capture_output=True, check=False)


def with_key(line: str | list[str]) -> list[str]:
    """A command with the key, if it names none and needs one."""
    command, *rest = line.split() if isinstance(line, str) else line
    if command not in ("hide", "reveal") or any(word.startswith(_KEYS) for word in rest):
        return [command, *rest]
    return [command, "--key-file", "k", *rest]
