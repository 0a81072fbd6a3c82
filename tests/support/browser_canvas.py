"""Pictures saved again by a browser's canvas, as web pages reduce them before they are sent.

The browser runs without a window and without a driver: a page asks a server on this machine for one picture after
another, and sends back the JPEG that `canvas.toBlob` makes.
"""

import json
import os
import signal
import subprocess
import tempfile
import threading
from base64 import b64encode
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, Queue

from tests.support.waiting import LIMIT

PAGE = b"""<!doctype html>
<meta charset="utf-8">
<title>Canvas</title>
<script type="module">
async function save({ source, side, quality }) {
  const picture = new Image();
  picture.src = source;
  await picture.decode();
  const { naturalWidth: width, naturalHeight: height } = picture; // upright
  const factor = side === null ? 1 : Math.min(1, side / Math.max(width, height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(width * factor);
  canvas.height = Math.round(height * factor);
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", quality));
}
for (;;) {
  const answer = await fetch("/job");
  if (answer.status !== 200) continue; // there was nothing to do for some seconds
  try {
    await fetch("/saved", { method: "POST", body: await save(await answer.json()) });
  } catch (error) {
    await fetch("/failed", { method: "POST", body: String(error) });
  }
}
</script>
"""


class CanvasServer(ThreadingHTTPServer):
    """Server of the page; jobs in JSON wait in one queue, and what came of them in another."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), CanvasRequest)
        self.waiting: Queue[bytes] = Queue()
        self.results: Queue[bytes | RuntimeError] = Queue()


class CanvasRequest(BaseHTTPRequestHandler):
    """Request of the page."""

    server: CanvasServer

    def do_GET(self) -> None:
        if self.path == "/":
            self._answer(200, PAGE, "text/html")
        elif self.path != "/job":
            self._answer(404)
        else:
            seconds = 10  # a browser gives up a request that stays without an answer for minutes
            try:
                job = self.server.waiting.get(timeout=seconds)
            except Empty:
                self._answer(204)
            else:
                self._answer(200, job, "application/json")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.results.put(body if self.path == "/saved" else RuntimeError(body.decode()))
        self._answer(204)

    def _answer(self, status: int, body: bytes = b"", kind: str = "text/plain") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        with suppress(ConnectionError):  # a browser that was ended waits no longer
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Print nothing."""


class BrowserCanvas:
    """Browser that is started for its first picture, and stays open for more until it is closed.

    Attributes:
        program: path of the browser.
        name: its name in messages.
    """

    def __init__(self, program: Path, name: str, options: Sequence[str], preferences: str = "") -> None:
        """Keep how to start the browser.

        Args:
            options: of its command line; "{profile}" becomes the folder of a new profile.
            preferences: content of the profile's `user.js`, which only Firefox reads.
        """
        self.program = program
        self.name = name
        self._options = options
        self._preferences = preferences
        self._running = ExitStack()
        self._server: CanvasServer | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def save(self, source: Path, side: int | None, quality: float) -> bytes:
        """Return a picture as a canvas saves it.

        Args:
            side: longest side in pixels; None for the picture's own size.
            quality: of `canvas.toBlob`, 0 to 1.

        Raises:
            RuntimeError: the page can't save it, or the browser ended.
        """
        server = self._server or self._start()
        picture = "data:image/jpeg;base64," + b64encode(source.read_bytes()).decode()
        server.waiting.put(json.dumps({"source": picture, "side": side, "quality": quality}).encode())
        result = self._result(server)
        if isinstance(result, RuntimeError):
            raise result
        return result

    def _result(self, server: CanvasServer) -> bytes | RuntimeError:
        for _ in range(LIMIT):
            try:
                return server.results.get(timeout=1)
            except Empty:
                if self._process is None or self._process.poll() is not None:
                    return RuntimeError(f"{self.name} ended")
        return RuntimeError(f"{self.name} saved nothing in {LIMIT} seconds")

    def _start(self) -> CanvasServer:
        server = self._running.enter_context(CanvasServer())
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self._running.callback(server.shutdown)
        profile = self._running.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        Path(profile, "user.js").write_text(self._preferences)

        options = [option.format(profile=profile) for option in self._options]
        command = [str(self.program), *options, f"http://127.0.0.1:{server.server_port}/"]
        self._process = subprocess.Popen(
            command,
            env=os.environ | {"HOME": profile},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._running.callback(_end, self._process)
        self._server = server
        return server

    def close(self) -> None:
        """End the browser, if it was started; another picture starts it again."""
        self._running.close()
        self._server = None


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a browser with the processes that it has started."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
