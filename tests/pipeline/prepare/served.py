"""Archives, and a web server with answers chosen by the test."""

import gzip
import io
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import numpy as np
from PIL import Image


def member(name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE, link: str = "") -> tuple:
    entry = tarfile.TarInfo(name)
    entry.size, entry.type, entry.linkname = len(content), kind, link
    return entry, io.BytesIO(content)


def jpeg(pixels: np.ndarray) -> bytes:
    Image.fromarray(pixels).save(content := io.BytesIO(), "JPEG")
    return content.getvalue()


def pack(members: list[tuple], comment: str = "") -> bytes:
    """A .tar.gz file that starts with a comment, as git writes it."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", format=tarfile.PAX_FORMAT, pax_headers={"comment": comment}) as tar:
        for entry, content in members:
            tar.addfile(entry, content)
    return packed.getvalue()


def broken(packed: bytes) -> bytes:
    """A .tar.gz file whose second half can't be decompressed."""
    content = gzip.decompress(packed)
    packer = zlib.compressobj(wbits=31)
    return packer.compress(content[: len(content) // 2]) + packer.flush(zlib.Z_FULL_FLUSH) + b"\xff" * 64


class Site(ThreadingHTTPServer):
    """Answers every request in the same way."""

    def __init__(self, answer: "Callable[[Visit], None]") -> None:
        super().__init__(("127.0.0.1", 0), Visit)
        self.answer = answer
        self.asked = 0

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignores clients that disconnect."""


class Visit(BaseHTTPRequestHandler):
    server: Site
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.asked += 1
        self.close_connection = True
        self.server.answer(self)

    def log_message(self, *args) -> None:
        """Logs nothing."""

    def begin(self, status: int = 200, **headers: object) -> None:
        self.send_response(status)
        self.send_header("Connection", "close")
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()


@contextmanager
def serving(answer: Callable[[Visit], None]) -> Iterator[Site]:
    with Site(answer) as site:
        thread = Thread(target=site.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield site
        site.shutdown()
        thread.join()


def in_chunks(body: bytes, end: bytes = b"0\r\n\r\n") -> Callable[[Visit], None]:
    """An archive without Content-Length, as GitHub sends it."""

    def answer(visit: Visit) -> None:
        visit.begin(Transfer_Encoding="chunked")
        for start in range(0, len(body), 1000):
            chunk = body[start : start + 1000]
            visit.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        visit.wfile.write(end)

    return answer


def at_once(body: bytes, status: int = 200, missing: int = 0) -> Callable[[Visit], None]:
    """An archive with Content-Length that lacks the last `missing` bytes."""

    def answer(visit: Visit) -> None:
        visit.begin(status, Content_Length=len(body))
        visit.wfile.write(body[: len(body) - missing])

    return answer
