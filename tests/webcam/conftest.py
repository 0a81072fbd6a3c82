import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from PIL import Image

import stegnet


@pytest.fixture
def folder(tmp_path: Path, monkeypatch, picture, make_film) -> Path:
    """A film in the camera's place, secrets, a key; the place to work in."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(picture(48, 72, 2)).save("secret.png")
    make_film(tmp_path / "camera.mkv", 6, 64, 96)
    make_film(tmp_path / "secret.mkv", 4, 64, 96, seed=9)
    (tmp_path / "k").write_bytes(bytes(range(32)))
    (tmp_path / "k").chmod(0o600)
    return tmp_path


class Running:
    """A session in a process of its own.

    Attributes:
        address: of its page.
    """

    def __init__(self, process: subprocess.Popen) -> None:
        self.process = process
        line = process.stdout.readline()
        found = re.fullmatch(r"watch (http://127\.0\.0\.1:\d+/[\w-]{32}/)\n", line)
        assert found, line + process.stderr.read()
        self.address = found[1]

    def end(self) -> tuple[int, str, str]:
        """Exit code, and what it has told since."""
        out, err = self.process.communicate(timeout=300)
        return self.process.returncode, out, err


@pytest.fixture
def session(folder: Path, weights: Path) -> Callable[[str], Iterator[Running]]:
    """Runs `stegnet webcam` for the time of a block, at most."""

    @contextmanager
    def run(line: str, weights: Path = weights) -> Iterator[Running]:
        command = [sys.executable, "-m", "stegnet.cli", "webcam", "--weights", str(weights), *line.split()]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        root = {"PYTHONPATH": str(Path(stegnet.__file__).parents[1])}
        with subprocess.Popen(command, cwd=folder, env=os.environ | root, **pipes) as process:
            try:
                yield Running(process)
            finally:
                with suppress(ProcessLookupError):
                    process.kill()

    return run
