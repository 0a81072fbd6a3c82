import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

import stegnet
from stegnet.cli import main
from tests.support.films import make_film, picture


@pytest.fixture
def secret_bytes() -> bytes:
    """Contents of the key file."""
    return bytes(range(32))


@pytest.fixture(scope="session")
def ordinary_files(tmp_path_factory) -> Path:
    """A folder with two pictures and two films."""
    folder = tmp_path_factory.mktemp("ordinary")
    Image.fromarray(picture(61, 97, 1)).save(folder / "cover.png")
    Image.fromarray(picture(50, 40, 2)).save(folder / "secret.jpg")
    make_film(folder / "cover.mkv", 6, sound="aac")
    make_film(folder / "secret.mkv", 4, seed=9)
    return folder


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch, any_quality, ordinary_files, secret_bytes) -> Path:
    """Working folder with two pictures, two films and a key."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ordinary_files, tmp_path, dirs_exist_ok=True)
    (tmp_path / "k").write_bytes(secret_bytes)
    (tmp_path / "k").chmod(0o600)
    return tmp_path


@pytest.fixture(name="stegnet")
def stegnet_in_process(weights: Path, capsys) -> Callable[[str], tuple[int, str, str]]:
    """Runs a command; returns exit code, stdout and stderr, without file sizes, PSNR and figures of a hiding."""

    def run(line: str) -> tuple[int, str, str]:
        code = main(completed(line.split(), weights))
        out, err = capsys.readouterr()
        out = re.sub(r", secret (\d+\.\d dB|unchanged)|, [\d.]+ times the cover", "", out)
        out = re.sub(r"(wrote .*?)(\d+\.\d\d MB|\d+ bytes)", r"\1SIZE", out)
        return code, out, re.sub(r"note: (.*: )?container \d+\.\d dB.*\n", "", err)

    return run


@pytest.fixture
def program(folder: Path, weights: Path) -> Callable[..., subprocess.Popen]:
    """Starts a command in another process, in the folder."""

    def start(line: str | list[str], **settings) -> subprocess.Popen:
        arguments = completed(line.split() if isinstance(line, str) else line, weights)
        arguments += ["--force"] if arguments[0] == "hide" and "--" not in arguments else []
        path = {"PYTHONPATH": str(Path(stegnet.__file__).parents[1]), "PYTHONUNBUFFERED": ""}
        settings = {"cwd": folder, "env": os.environ | path | settings.pop("env", {})} | settings
        return subprocess.Popen([sys.executable, "-m", "stegnet.cli", *arguments], **settings)

    return start


def completed(arguments: list[str], weights: Path) -> list[str]:
    """Adds the method "network" to `hide` if it names none, and a tiny network to a command that needs one."""
    hides = arguments[0] == "hide"
    added = ["--method", "network"] if hides and "--method" not in " ".join(arguments) else []
    network = arguments[0] in ("reveal", "webcam") or (hides and "network" in added + arguments)
    added += ["--weights", str(weights)] if network and "--weights" not in arguments else []
    return arguments[:1] + added + arguments[1:]
