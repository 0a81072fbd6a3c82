from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import cv2
import numpy as np
import pytest
from PIL import Image


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
    Image.new("RGB", (8, 8), "red").save("red.png")
    make_film(tmp_path / "camera.mkv", 6, 64, 96)
    (tmp_path / "k").write_bytes(bytes(range(32)))
    (tmp_path / "k").chmod(0o600)
    return tmp_path
