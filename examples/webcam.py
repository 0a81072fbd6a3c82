"""Hide a picture in what a camera sees, live: python examples/webcam.py SECRET [--film OUT.mkv --key-file KEY].

A page of this machine shows the camera, the container, ten times their difference, and the secret as it is revealed
from the container's 8-bit samples. With --film, the camera is recorded without loss until the end (Ctrl-C, or
--frames), and SECRET is hidden in that film, which `stegnet reveal` opens. Needs `pip install opencv-python-headless`.
"""

import argparse
import os
import secrets
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import cv2
import numpy as np
from PIL import Image

import stegnet

RATE = 10  # frames per second of the recorded film
GAIN = 10  # of the difference
BOUNDARY = "frame"  # between the pictures of a page's stream


class Page:
    """A page that shows the latest picture, at an address that only this session knows."""

    def __init__(self, port: int) -> None:
        self._changed = threading.Condition()
        self._jpeg = b""
        self._path = f"/{secrets.token_urlsafe(24)}"
        page = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path != page._path:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={BOUNDARY}")
                self.end_headers()
                with suppress(ConnectionError):  # the page was closed
                    for jpeg in page._pictures():
                        head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                        self.wfile.write(head.encode() + jpeg + b"\r\n")

            def log_message(self, *arguments: object) -> None:
                """Keep the address, which is in each request, out of the terminal."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_port}{self._path}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def show(self, picture: np.ndarray) -> None:
        """Show a picture, (H, W, 3) uint8 RGB, to everyone who watches."""
        with self._changed:
            self._jpeg = cv2.imencode(".jpg", picture[..., ::-1])[1].tobytes()
            self._changed.notify_all()

    def _pictures(self) -> Iterator[bytes]:
        while True:
            with self._changed:
                self._changed.wait()
                jpeg = self._jpeg
            yield jpeg


def camera_frames(camera: str, size: tuple[int, int]) -> Iterator[np.ndarray]:
    """Yield a camera's frames, (H, W, 3) uint8 RGB, scaled to `size`, width and height; `camera` as OpenCV takes it."""
    source = cv2.VideoCapture(int(camera) if camera.isdecimal() else camera)
    try:
        found, frame = source.read()
        if not found:
            raise SystemExit(
                f"error: camera {camera} delivers no frames\nhint: --camera is a number, an address or a film"
            )
        while found:
            yield cv2.resize(frame, size, interpolation=cv2.INTER_AREA)[..., ::-1].copy()
            found, frame = source.read()
    finally:
        source.release()


def four_views(session: stegnet.Session, cover: np.ndarray, secret: np.ndarray, key: stegnet.Key) -> np.ndarray:
    """Hide and reveal; return cover, container, difference and revealed secret, two by two, (2 · H, 2 · W, 3) uint8."""
    container = session.hide(cover, secret, key=key, method="network", any_quality=True).container
    revealed = session.reveal(container, key=key).picture
    difference = np.abs(container.astype(int) - cover) * GAIN
    above, below = np.hstack([cover, container]), np.hstack([difference.clip(0, 255).astype(np.uint8), revealed])
    return np.vstack([above, below])


def record(film: av.container.OutputContainer, frame: np.ndarray) -> None:
    """Add a frame to a film without loss."""
    if not film.streams.video:
        stream = film.add_stream("ffv1", rate=Fraction(RATE), options={"level": "3"})
        stream.height, stream.width, stream.pix_fmt = *frame.shape[:2], "bgr0"
    film.mux(film.streams.video[0].encode(av.VideoFrame.from_ndarray(frame, format="rgb24").reformat(format="bgr0")))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("secret", type=Path, help="picture to hide")
    parser.add_argument("--camera", default="0", help="number, address or film (default: 0)")
    parser.add_argument("--size", type=int, nargs=2, default=(320, 240), metavar=("WIDTH", "HEIGHT"))
    parser.add_argument("--frames", type=int, default=1 << 30, help="end after so many frames")
    parser.add_argument("--film", type=Path, metavar="OUT.mkv", help="record the camera, and hide SECRET in the film")
    parser.add_argument("--key-file", type=Path, help="of --film; of the live view, the key is random")
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    if options.film and not options.key_file:
        parser.error("--film requires --key-file, or nobody could reveal what is hidden")

    page, session, shown = Page(options.port), stegnet.Session(), 0
    live_key = stegnet.Key(os.urandom(32))
    secret = np.array(Image.open(options.secret).convert("RGB").resize(options.size))
    print(f"watch {page.address}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder, "camera.mkv")
        with av.open(str(draft), "w") as film, suppress(KeyboardInterrupt):
            for shown, frame in enumerate(camera_frames(options.camera, tuple(options.size)), 1):
                page.show(four_views(session, frame, secret, live_key))
                if options.film:
                    record(film, frame)
                if shown >= options.frames:
                    break
            if film.streams.video:
                film.mux(film.streams.video[0].encode())
        print(f"showed {shown} frames")
        if options.film:
            session.hide(draft, options.secret, options.film, key=stegnet.read_key(options.key_file))
            print(f"wrote {options.film}")


if __name__ == "__main__":
    try:
        main()
    except stegnet.StegnetError as error:
        raise SystemExit(error.as_text()) from error
