"""A folder to work in, containers that are made once, and ways to run commands."""

import os
import re
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
KEY = bytes(range(32))
_KEYS = ("--key", "--passphrase", "--recipient", "--identity")
_HIDDEN = (
    "hide cover.png secret.jpg -o c.png",
    "hide cover.mkv secret.mkv -o c.mkv",
    "hide cover.png notes.txt -o sealed.png --method sealed",
    "hide cover.mkv notes.txt -o sealed.mkv --method sealed",
)


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """Limits the size of files in bytes; what is larger can't be written, as on a full disk."""
    resource = pytest.importorskip("resource")
    before, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
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
    (folder / "k").write_bytes(KEY)
    (folder / "k").chmod(0o600)
    return folder


@pytest.fixture(scope="session")
def containers(material, weights, tmp_path_factory) -> list[Path]:
    """c.png and c.mkv are by the network, sealed.png and sealed.mkv hold notes.txt."""
    folder = tmp_path_factory.mktemp("containers") / "made"
    with pytest.MonkeyPatch.context() as patch:
        for name in ("LEAST", "POOR"):
            patch.setattr(f"stegnet.methods.network.quality.{name}", 0.0)
        patch.chdir(shutil.copytree(material, folder))
        assert [main(completed(line.split(), weights)) for line in _HIDDEN] == [0] * len(_HIDDEN)
    return [folder / line.split()[4] for line in _HIDDEN]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch, any_quality, material) -> Path:
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
        code = main(completed(line))
        return code, *capsys.readouterr()

    return call


@pytest.fixture(name="stegnet")
def stegnet_by_a_tiny_network(weights: Path, capsys) -> Command:
    """The same by the network if another method is not named; without file sizes, PSNR and figures of a hiding."""

    def call(line: str | list[str]) -> tuple[int, str, str]:
        code = main(completed(line, weights))
        out, err = capsys.readouterr()
        out = re.sub(r", secret (\d+\.\d dB|unchanged)|, [\d.]+ times the cover", "", out)
        out = re.sub(r"(wrote .*?)(\d+\.\d\d MB|\d+ bytes)", r"\1SIZE", out)
        return code, out, re.sub(r"note: (.*: )?container \d+\.\d dB.*\n", "", err)

    return call


@pytest.fixture
def program(folder: Path, weights: Path) -> Callable[..., subprocess.Popen]:
    """Starts such a command in another process, in the folder; what it hides overwrites files."""

    def start(line: str, **settings) -> subprocess.Popen:
        arguments = completed(line, weights)
        arguments += ["--force"] * (arguments[0] == "hide")
        path = {"PYTHONPATH": str(Path(stegnet.__file__).parents[1]), "PYTHONUNBUFFERED": ""}
        settings = {"cwd": folder, "env": os.environ | path} | settings
        return subprocess.Popen([sys.executable, "-m", "stegnet.cli", *arguments], **settings)

    return start


def completed(line: str | list[str], weights: Path | None = None) -> list[str]:
    """A command with what it does not name: the key and, if there are weights, these and the method "network"."""
    command, *rest = line.split() if isinstance(line, str) else line
    hides, added = command == "hide", []
    if command in ("hide", "reveal") and not any(word.startswith(_KEYS) for word in rest):
        added += ["--key-file", "k"]
    if weights and hides and "--method" not in rest:
        added += ["--method", "network"]
    computes = "network" in [*rest, *added] if hides else command in ("reveal", "webcam")
    if weights and computes and "--weights" not in rest:
        added += ["--weights", str(weights)]
    return [command, *added, *rest]
