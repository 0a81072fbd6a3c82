import base64
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from stegnet.gui import jobs, server as gui
from stegnet.hiding import Context
from stegnet.loopback import LOOPBACK
from tests.support.temporary import temporary_files_in
from tests.support.waiting import LIMIT

KEY = {"file": base64.b64encode(bytes(range(32))).decode()}
PASSPHRASE = {"passphrase": "zwei Käse"}


@dataclass(frozen=True)
class Answer:
    """An answer of the server; `lines`: those of JSON, if it is an answer to a job."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.body.splitlines() if line]


@dataclass(frozen=True)
class Client:
    """Requests of a page."""

    server: gui.GuiServer

    @property
    def own(self) -> dict[str, str]:
        """Headers of the server's own page."""
        host = f"{LOOPBACK}:{self.server.server_port}"
        return {"Host": host, "Origin": f"http://{host}"}

    def ask(self, path: str, method: str = "GET", body: bytes | None = None, **headers: str) -> Answer:
        """Asks for a path below the token."""
        return self.ask_anything(f"/{self.server.token}/{path}", method, body, **headers)

    def ask_anything(self, path: str, method: str = "GET", body: bytes | None = None, **headers: str) -> Answer:
        connection = HTTPConnection(LOOPBACK, self.server.server_port, timeout=LIMIT)
        connection.request(method, path, body, self.own | headers)
        answer = connection.getresponse()
        result = Answer(answer.status, dict(answer.headers), answer.read())
        connection.close()
        return result

    def raw(self, body: bytes) -> bytes:
        """The bytes of a request for a job."""
        own = "".join(f"{name}: {value}\r\n" for name, value in self.own.items())
        head = f"POST /{self.server.token}/jobs HTTP/1.1\r\n{own}Content-Length: {len(body)}\r\n\r\n"
        return head.encode() + body

    def told(self, about: str, question: dict[str, Any], *files: Path) -> dict[str, Any]:
        """Asks a question about files; returns the answer."""
        answer = self.ask(about, "POST", body_of(question, *files))
        assert answer.status == 200, answer
        told: dict[str, Any] = json.loads(answer.body)
        return told

    def do(self, job: str, *files: Path, key: dict[str, str] = KEY, **options: object) -> dict[str, Any]:
        """Does a job; returns the last line of its answer."""
        answer = self.ask("jobs", "POST", request(job, *files, key=key, **options))
        assert answer.status == 200, answer
        return answer.lines[-1]

    def fetch(self, done: dict[str, Any], **headers: str) -> Answer:
        """Fetches the file that a job has made."""
        return self.ask(done["result"]["url"], "GET", None, **headers)


def named(file: Path) -> dict[str, Any]:
    """A file in a request, behind which its content comes."""
    return {"name": file.name, "size": file.stat().st_size}


def body_of(question: dict[str, Any], *files: Path) -> bytes:
    """Body of a request."""
    return json.dumps(question).encode() + b"\n" + b"".join(file.read_bytes() for file in files)


def request(job: str, *files: Path, key: dict[str, str] = KEY, **options: object) -> bytes:
    """Body of a request for a job."""
    return body_of({"job": job, "files": [*map(named, files)], "key": key, **options}, *files)


def back(request: object, inputs: list[Path], folder: Path, context: Context) -> jobs.Done:
    """A job that gives its first file back."""
    return jobs.Done(inputs[0].rename(folder / "n.txt"), {}, {})


@pytest.fixture
def job_that(monkeypatch) -> Callable[[Callable[..., jobs.Done]], None]:
    """Replaces what a job does."""
    return lambda does: monkeypatch.setattr(gui, "run_job", does)


@pytest.fixture
def temporary(tmp_path: Path) -> Iterator[Path]:
    """An empty folder as the system's one for temporary files."""
    (tmp_path / "temporary").mkdir()
    with temporary_files_in(tmp_path / "temporary") as folder:
        yield folder


@pytest.fixture
def workspace(temporary: Path) -> Iterator[gui.Workspace]:
    with gui.Workspace() as made:
        yield made


@pytest.fixture
def client(workspace: gui.Workspace) -> Iterator[Client]:
    run = Context(device="cpu", precision="fp32")
    with gui.GuiServer(0, threading.Event(), workspace, run) as server, server.running():
        yield Client(server)


@pytest.fixture
def cover(tmp_path: Path, picture) -> Path:
    Image.fromarray(picture(200, 300, 1)).save(tmp_path / "a cover.png")
    return tmp_path / "a cover.png"


@pytest.fixture
def note(tmp_path: Path) -> Path:
    (tmp_path / "note.txt").write_text("a note", "utf-8")
    return tmp_path / "note.txt"
