"""The server behind the page: the page's own files, jobs, and their results.

A job is one request: a line of JSON, then the files. The answer is lines of JSON: progress, warnings and, last, the
result or an error. If the page is closed or cancels, the connection ends, and with it the job.
"""

import json
import re
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from http import HTTPStatus
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

from stegnet.core.disk import locked_folder
from stegnet.core.errors import MediaError, RevealError, StegnetError
from stegnet.core.parallel import with_heartbeat
from stegnet.gui.jobs import ADVICE, BadRequest, CapacityQuestion, advise, in_words, parse_request, run_job
from stegnet.loopback import LoopbackHandler, LoopbackServer
from stegnet.methods import Context

_MOST_JOBS = 4  # passed to the program at a time; it does them one after another
_MAX_LINE = 1 << 16
_CHUNK = 1 << 20
_INTERVAL = 0.1  # seconds between lines of progress
_PREFIX = "stegnet-gui-"  # prefix of the folder for temporary files
_ID_BYTES = 12
_KEPT = 4  # results; a page shows two
_BYTES = "application/octet-stream"
_NO_MEMORY = "out of memory", "close other programs, and try again"
_BUG = "something went wrong", "this is a bug: the terminal of `stegnet gui` shows more"
_TYPES = {  # types of results that the page shows; a file with another suffix may be anything
    **{".avif": "image/avif", ".gif": "image/gif", ".jpeg": "image/jpeg", ".jpg": "image/jpeg", ".png": "image/png"},
    **{".m4v": "video/mp4", ".mkv": "video/x-matroska", ".mov": "video/mp4", ".mp4": "video/mp4"},
    **{".webm": "video/webm", ".webp": "image/webp"},
}
_PAGE_TYPES = _TYPES | {
    **{".css": "text/css; charset=utf-8", ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8"},
    ".svg": "image/svg+xml",
}
_RANGE = re.compile(r"bytes=(\d{1,18})-(\d{0,18})", re.ASCII)
_SANDBOX = {"Content-Security-Policy": "sandbox; default-src 'none'"}  # results come from others


class Workspace(ExitStack):
    """A folder for the files that the page passes to the program, and for results until they are fetched.

    A context manager. Only its owner can read the folder. It is removed at the end; at the start, folders that killed
    programs left are removed.
    """

    def __init__(self) -> None:
        super().__init__()
        try:
            self._folder = self.enter_context(locked_folder(_PREFIX, Path(tempfile.gettempdir())))
        except OSError as error:
            hint = "set TMPDIR to a folder that you can write"
            raise MediaError(f"no folder for temporary files ({error.strerror})", hint) from error
        self._results: list[tuple[Path, dict[str, Path]]] = []  # a job's folder, and its files by id
        self._changes = threading.Lock()

    @contextmanager
    def inputs(self) -> Iterator[Path]:
        """Yield a new folder for the files of a job, and remove it after the block."""
        made = tempfile.TemporaryDirectory(prefix="inputs-", dir=self._folder, ignore_cleanup_errors=True)
        with made as folder:
            yield Path(folder)

    @contextmanager
    def outputs(self) -> Iterator[Path]:
        """Yield a new folder for the results of a job. It is removed if the block fails, else as `publish` says."""
        folder = Path(tempfile.mkdtemp(prefix="results-", dir=self._folder))
        try:
            yield folder
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def publish(self, folder: Path, paths: list[Path]) -> list[str]:
        """Offer files of an output folder, and return their ids. Beyond four results, the oldest is removed."""
        ids = [secrets.token_urlsafe(_ID_BYTES) for _ in paths]
        with self._changes:
            self._results.append((folder, dict(zip(ids, paths, strict=True))))
            old, self._results = self._results[:-_KEPT], self._results[-_KEPT:]
        for removed, _ in old:
            shutil.rmtree(removed, ignore_errors=True)
        return ids

    def published(self, file_id: str) -> Path | None:
        """Return the file with this id, or None."""
        with self._changes:
            return next((files[file_id] for _, files in self._results if file_id in files), None)

    def check_space(self, size: int) -> None:
        """Refuse files of `size` bytes unless twice as many are free on the disk, since the result needs some, too."""
        free = shutil.disk_usage(self._folder).free
        if 2 * size > free:
            what = f"{size / 1e6:.0f} MB are too much for the folder for temporary files: {free / 1e6:.0f} MB are free"
            raise MediaError(what, "set TMPDIR to a folder on a larger disk, and start again; or use `stegnet hide`")


class Cancelled(BaseException):
    """The page was closed or has cancelled the job, or the program ends."""


@contextmanager
def _connected() -> Iterator[None]:
    """Read from the page or write to it within the block. Raises Cancelled if it is gone."""
    try:
        yield
    except OSError as error:
        raise Cancelled from error


class GuiServer(LoopbackServer):
    """The server of the page; the rest as in `LoopbackServer`."""

    def __init__(self, port: int, stop: threading.Event, workspace: Workspace, context: Context) -> None:
        self.workspace, self.context = workspace, context
        self.turn = threading.Lock()
        self.places = threading.Semaphore(_MOST_JOBS)
        super().__init__(port, _Handler, stop, dict(_read_page(files("stegnet.gui").joinpath("page"))))

    def closing(self) -> None:
        """Cancel jobs, and wait until they have ended."""
        self.stop.set()
        for _ in range(_MOST_JOBS):
            self.places.acquire()


class _Handler(LoopbackHandler):
    server: GuiServer
    _answering = False  # whether lines are being sent
    _told = 0.0  # time of the last line of progress
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )

    def setup(self) -> None:
        self._sending = threading.Lock()
        super().setup()

    def get(self, path: str) -> None:
        self.close_connection = True
        folder, _, rest = path.partition("/")
        file = self.server.workspace.published(rest.partition("/")[0]) if folder == "results" else None
        if file is None:
            self.refuse(HTTPStatus.NOT_FOUND)
        else:
            self._send_result(file)

    def post(self, path: str) -> None:
        body = _Body(self.rfile, self.headers.get("Content-Length", ""), self.server.stop)
        if path == "jobs":
            self._do_job(body)
        elif path == "capacity" or path in ADVICE:
            self._advise(path, body)
        else:
            self.refuse(HTTPStatus.NOT_FOUND)

    def _advise(self, about: str, body: "_Body") -> None:
        """Answer a question. If that fails, tell the page so, and print why: a file may be odd in any way."""
        try:
            answer = self._capacity(body) if about == "capacity" else advise(about, body.line())
        except BadRequest:
            self.refuse(HTTPStatus.BAD_REQUEST)
        except Cancelled:
            return
        except MemoryError:
            self._send_answer({"text": f"{'; '.join(_NO_MEMORY)}."})
        except Exception as error:
            self._send_answer({"text": f"{'; '.join(_BUG)}."})
            raise RuntimeError("a question failed") from error  # an OSError alone would be taken for a closed page
        else:
            self._send_answer(answer)

    def _send_answer(self, answer: dict[str, Any]) -> None:
        self.send_whole("application/json", json.dumps(answer).encode())

    def _capacity(self, body: "_Body") -> dict[str, Any]:
        """Return the capacity of a cover, whose file follows the question."""
        question = CapacityQuestion(body.line())
        try:
            self.server.workspace.check_space(question.size)
            with self.server.workspace.inputs() as folder:
                return question.answer(body.file(folder / "cover", question.name, question.size))
        except StegnetError as error:
            body.skip()
            return {"text": f"{error}."}

    def _do_job(self, body: "_Body") -> None:
        """Do a job, unless there are too many.

        The request is read to its end, since browsers ignore an answer before that.
        """
        if not self.server.places.acquire(blocking=False):
            self._send_error(body, "the program has too much to do already", "wait until other jobs have ended")
            return
        try:
            self._send_line({"result": self._result(body)})
        except Cancelled:
            return
        except BadRequest:
            self.refuse(HTTPStatus.BAD_REQUEST)
        except StegnetError as error:
            self._send_error(body, str(error), error.hint, isinstance(error, RevealError) and error.searchable)
        except MemoryError:
            self._send_error(body, *_NO_MEMORY)
        except Exception as error:
            self._send_error(body, *_BUG)
            raise RuntimeError("a job failed") from error  # an OSError alone would be taken for a closed page
        finally:
            self.server.places.release()

    def _result(self, body: "_Body") -> dict[str, Any]:
        """Do what the body asks for, and return what the page shows."""
        request = parse_request(body.line())
        workspace = self.server.workspace
        workspace.check_space(sum(size for _, size in request.inputs))
        with workspace.inputs() as folder:
            paths = [body.file(folder / str(number), *named) for number, named in enumerate(request.inputs)]
            with self._turn(), workspace.outputs() as results:
                warn = lambda line: self._send_line({"warning": in_words(line)})  # noqa: E731
                context = replace(self.server.context, progress=self._progress, warn=warn)
                # Empty lines, with or without progress: Firefox gives up on an answer that is silent for 300 s.
                done = with_heartbeat(lambda: run_job(request, paths, results, context), lambda: self._send(b"\n"))
                main, *others = workspace.publish(results, [done.main, *done.previews.values()])
        previews = {name: f"results/{each}" for name, each in zip(done.previews, others, strict=True)}
        return done.facts | {"url": f"results/{main}/{quote(done.main.name, safe='')}", "previews": previews}

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Wait until no other job is running, and take the turn for the block."""
        while not self.server.turn.acquire(timeout=_INTERVAL):
            self._progress("waiting", 0, 0)
        try:
            yield
        finally:
            self.server.turn.release()

    def _progress(self, stage: str, done: int, total: int) -> None:
        """Report progress to the page from time to time. Raises Cancelled if the page is gone."""
        if self.server.stop.is_set():
            raise Cancelled
        now = time.monotonic()
        if now - self._told >= _INTERVAL:
            self._told = now
            steps = {name: getattr(stage, name) for name in ("step", "steps") if hasattr(stage, name)}
            self._send_line({"stage": stage, "done": done, "total": total} | steps)

    def _send_error(self, body: "_Body", message: str, hint: str, searchable: bool = False) -> None:
        with suppress(Cancelled):
            body.skip()
            self._send_line({"error": {"message": message, "hint": in_words(hint), "searchable": searchable}})

    def _send_line(self, content: dict[str, Any]) -> None:
        self._send(json.dumps(content).encode() + b"\n")

    def _send(self, data: bytes) -> None:
        """Send a part of the answer to a job, with the head before the first part."""
        with _connected(), self._sending:
            if not self._answering:
                self._answering = True
                self.send_head(HTTPStatus.OK, {"Content-Type": "application/x-ndjson", "Connection": "close"})
            self.wfile.write(data)

    def _send_result(self, path: Path) -> None:
        """Send a file, or the part of it that a film's player asks for (RFC 9110, section 14)."""
        size = path.stat().st_size
        match = _RANGE.fullmatch(self.headers.get("Range", ""))
        start = int(match[1]) if match else 0
        end = min(int(match[2] or size), size - 1) if match else size - 1
        if match and start > end:
            self.refuse(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
            return
        part = {"Content-Range": f"bytes {start}-{end}/{size}"} if match else {}
        headers = {
            "Content-Type": _TYPES.get(path.suffix.lower(), _BYTES),
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(path.name, safe='')}",
            "Content-Length": str(end - start + 1),
            "Accept-Ranges": "bytes",
        }
        self.send_head(HTTPStatus.PARTIAL_CONTENT if match else HTTPStatus.OK, headers | part | _SANDBOX)
        with path.open("rb") as file:
            file.seek(start)
            left = end - start + 1
            while left and (chunk := file.read(min(_CHUNK, left))):
                self.wfile.write(chunk)
                left -= len(chunk)


class _Body:
    """The body of a request, read no further than its length."""

    def __init__(self, stream: BinaryIO, length: str, stop: threading.Event) -> None:
        self._stream, self._stop = stream, stop
        self._left = int(length) if re.fullmatch(r"\d{1,18}", length, re.ASCII) else 0

    def line(self) -> bytes:
        """Read the first line."""
        with _connected():
            line = self._stream.readline(min(_MAX_LINE, self._left))
        self._left -= len(line)
        if not line.endswith(b"\n"):
            raise BadRequest
        return line

    def file(self, folder: Path, name: str, size: int) -> Path:
        """Write the next `size` bytes to a file in a new folder, and return its path."""
        try:
            folder.mkdir(0o700)
            with (folder / name).open("xb") as file:
                for chunk in self._chunks(size):
                    file.write(chunk)
        except OSError as error:
            raise MediaError(f"can't be passed to the program ({error.strerror})", subject=name) from error
        return folder / name

    def skip(self) -> None:
        """Read what is left."""
        for _ in self._chunks(self._left):
            pass

    def _chunks(self, size: int) -> Iterator[bytes]:
        if size > self._left:
            raise BadRequest
        while size:
            with _connected():
                chunk = b"" if self._stop.is_set() else self._stream.read(min(_CHUNK, size))
            if not chunk:
                raise Cancelled
            size, self._left = size - len(chunk), self._left - len(chunk)
            yield chunk


def _read_page(folder: Traversable, path: str = "") -> Iterator[tuple[str, tuple[str, bytes]]]:
    """Yield the path of each file of the page, with its type and bytes; the path of index.html is ""."""
    for file in folder.iterdir():
        if file.is_dir():
            yield from _read_page(file, f"{path}{file.name}/")
        else:
            kind = _PAGE_TYPES.get(Path(file.name).suffix, _BYTES)
            yield "" if path + file.name == "index.html" else path + file.name, (kind, file.read_bytes())
