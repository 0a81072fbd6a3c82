import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import cv2
import numpy as np
import pytest
from PIL import Image

import stegnet
from tests.support.waiting import LIMIT


@pytest.fixture
def colours() -> list[tuple[int, int, int]]:
    """Colours of the pictures that `camera` sends."""
    return [(200, 30, 60), (20, 90, 240), (128, 128, 128), (250, 240, 10)]


@pytest.fixture
def camera(colours) -> Iterator[str]:
    """Address of a camera that sends a JPEG picture of each colour."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=next")
            self.end_headers()
            for red, green, blue in colours:
                code = cv2.imencode(".jpg", np.full((96, 128, 3), (blue, green, red), np.uint8))[1].tobytes()
                self.wfile.write(b"--next\r\nContent-Type: image/jpeg\r\n")
                self.wfile.write(b"Content-Length: %d\r\n\r\n%s\r\n" % (len(code), code))
            self.wfile.write(b"--next--\r\n")

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/live"
        server.shutdown()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch, picture, make_film) -> Path:
    """Working folder with a film used as camera, secrets and a key."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(picture(48, 72, 2)).save("secret.png")
    Image.new("RGB", (8, 8), "red").save("red.png")
    make_film(tmp_path / "camera.mkv", 6, 64, 96)
    make_film(tmp_path / "secret.mkv", 4, 64, 96, seed=9)
    (tmp_path / "k").write_bytes(bytes(range(32)))
    (tmp_path / "k").chmod(0o600)
    return tmp_path


class Running:
    """A session in another process.

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
        """Waits for the end; returns the exit code and the rest of its output."""
        out, err = self.process.communicate(timeout=LIMIT)
        return self.process.returncode, out, err


@pytest.fixture
def session(folder: Path, weights: Path) -> Callable[[str], AbstractContextManager[Running]]:
    """Runs `stegnet webcam` at most for the time of a block."""

    @contextmanager
    def run(line: str) -> Iterator[Running]:
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
