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
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from http import HTTPStatus
from importlib.resources import files
from importlib.resources.abc import Traversable
from io import BufferedIOBase
from pathlib import Path
from urllib.parse import quote

from stegnet.core.disk import locked_folder
from stegnet.core.errors import MediaError, StegnetError
from stegnet.core.parallel import Phase, with_heartbeat
from stegnet.gui.jobs import (
    ADVICE,
    BadRequest,
    CapacityQuestion,
    ChannelQuestion,
    advise,
    in_words,
    parse_request,
    run_job,
)
from stegnet.hiding import Context
from stegnet.loopback import LoopbackHandler, LoopbackServer

_CHUNK = 1 << 20  # bytes
_NO_MEMORY = "out of memory", "close other programs, and try again"
_BUG = "something went wrong", "this is a bug: the terminal of `stegnet gui` shows more"
# Types of results that the page shows; a file with another suffix may be anything.
_TYPES = {
    ".avif": "image/avif",
    ".gif": "image/gif",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".m4v": "video/mp4",
    ".mkv": "video/x-matroska",
    ".mov": "video/mp4",
    ".mp4": "video/mp4",
    ".png": "image/png",
    ".webm": "video/webm",
    ".webp": "image/webp",
}
_PAGE_TYPES = _TYPES | {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_ANY_TYPE = "application/octet-stream"


class Workspace(ExitStack):
    """A folder for the files that the page passes to the program, and for results until they are fetched.

    A context manager. Only its owner can read the folder. It is removed at the end; at the start, folders that killed
    programs left are removed.
    """

    most_results = 4  # that are kept; a page shows two

    def __init__(self) -> None:
        super().__init__()
        try:
            self._folder = self.enter_context(locked_folder("stegnet-gui-", Path(tempfile.gettempdir())))
        except OSError as error:
            hint = "set TMPDIR to a folder that you can write"
            raise MediaError(f"no folder for temporary files ({error.strerror})", hint) from error
        self._results: list[tuple[Path, dict[str, Path]]] = []  # a job's folder, and its files by id
        self._changes = threading.Lock()

    @contextmanager
    def inputs(self) -> Iterator[Path]:
        """Yield a new folder for the files of a job, and remove it after the block."""
        directory = tempfile.TemporaryDirectory(prefix="inputs-", dir=self._folder, ignore_cleanup_errors=True)
        with directory as folder:
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
        ids = [secrets.token_urlsafe(12) for _ in paths]
        with self._changes:
            self._results.append((folder, dict(zip(ids, paths, strict=True))))
            old = self._results[: -self.most_results]
            self._results = self._results[-self.most_results :]
        for old_folder, _ in old:
            shutil.rmtree(old_folder, ignore_errors=True)
        return ids

    def published(self, file_id: str) -> Path | None:
        """Return the file with this id, or None."""
        with self._changes:
            return next((files[file_id] for _, files in self._results if file_id in files), None)

    def check_space(self, size: int) -> None:
        """Refuse files of `size` bytes unless twice as many are free on the disk, since the result needs some, too."""
        free = shutil.disk_usage(self._folder).free
        if 2 * size > free:
            there_are = f"{free / 1e6:.0f} MB are free"
            problem = f"{size / 1e6:.0f} MB are too much for the folder for temporary files: {there_are}"
            raise MediaError(problem, "set TMPDIR to a folder on a larger disk, and start again")


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

    most_jobs = 4  # passed to the program at a time; it does them one after another

    def __init__(self, port: int, stop: threading.Event, workspace: Workspace, context: Context) -> None:
        self.workspace = workspace
        self.context = context
        self.turn = threading.Lock()
        self.places = threading.Semaphore(self.most_jobs)
        super().__init__(port, _Handler, stop, dict(_read_page(files("stegnet.gui").joinpath("page"))))

    def closing(self) -> None:
        """Cancel jobs, and wait until they have ended."""
        self.stop.set()
        for _ in range(self.most_jobs):
            self.places.acquire()


class _Handler(LoopbackHandler):
    """Handler of a page's requests: for results, jobs, and advice before them."""

    server: GuiServer
    progress_interval = 0.1  # seconds between lines of progress
    _answering = False  # whether lines are being sent
    _last_progress = 0.0  # time of the last line of progress
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
        elif path in ("capacity", "channel", *ADVICE):
            self._advise(path, body)
        else:
            self.refuse(HTTPStatus.NOT_FOUND)

    def _advise(self, about: str, body: "_Body") -> None:
        """Answer a question. If that fails, tell the page so, and print why: a file may be odd in any way."""
        answer: Mapping[str, object]
        try:
            answer = advise(about, body.line()) if about in ADVICE else self._examine(about, body)
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

    def _send_answer(self, answer: Mapping[str, object]) -> None:
        self.send_whole("application/json", json.dumps(answer).encode())

    def _examine(self, about: str, body: "_Body") -> dict[str, object]:
        """Answer a question about files that follow it: a cover's capacity, or what is known of a channel."""
        question = CapacityQuestion(body.line()) if about == "capacity" else ChannelQuestion(body.line())
        try:
            with self._files(body, question.inputs) as paths:
                return question.answer(paths)
        except StegnetError as error:
            body.skip()
            return {"text": f"{error}."}

    @contextmanager
    def _files(self, body: "_Body", inputs: tuple[tuple[str, int], ...]) -> Iterator[list[Path]]:
        """Write the files of a body, given names and sizes, each to a folder that is removed after the block."""
        self.server.workspace.check_space(sum(size for _, size in inputs))
        with self.server.workspace.inputs() as folder:
            yield [body.file(folder / str(number), name, size) for number, (name, size) in enumerate(inputs)]

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
            self._send_error(body, str(error), error.hint, error.larger, error.unmeant)
        except MemoryError:
            self._send_error(body, *_NO_MEMORY)
        except Exception as error:
            self._send_error(body, *_BUG)
            raise RuntimeError("a job failed") from error  # an OSError alone would be taken for a closed page
        finally:
            self.server.places.release()

    def _result(self, body: "_Body") -> dict[str, object]:
        """Do the job that the body asks for, and return the result that the page shows."""
        request = parse_request(body.line())
        workspace = self.server.workspace
        with self._files(body, request.inputs) as paths, self._turn(), workspace.outputs() as results:
            context = replace(self.server.context, progress=self._progress, warn=self._warn)
            # Empty lines, with or without progress: Firefox gives up on an answer that is silent for 300 s.
            done = with_heartbeat(lambda: run_job(request, paths, results, context), lambda: self._send(b"\n"))
            main_id, *preview_ids = workspace.publish(results, [done.main, *done.previews.values()])
        previews = {name: f"results/{file_id}" for name, file_id in zip(done.previews, preview_ids, strict=True)}
        return done.facts | {"url": f"results/{main_id}/{quote(done.main.name, safe='')}", "previews": previews}

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Wait until no other job is running, and take the turn for the block."""
        while not self.server.turn.acquire(timeout=self.progress_interval):
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
        if now - self._last_progress < self.progress_interval:
            return
        self._last_progress = now
        line: dict[str, object] = {"stage": stage, "done": done, "total": total}
        if isinstance(stage, Phase) and stage.number:
            line |= {"step": stage.number, "steps": stage.last}
        self._send_line(line)

    def _warn(self, line: str) -> None:
        self._send_line({"warning": in_words(line)})

    def _send_error(
        self,
        body: "_Body",
        message: str,
        hint: str,
        larger: str = "",
        unmeant: bool = False,
    ) -> None:
        with suppress(Cancelled):
            body.skip()
            offered = {"larger": larger, "unmeant": unmeant}
            self._send_line({"error": {"message": message, "hint": in_words(hint), **offered}})

    def _send_line(self, content: Mapping[str, object]) -> None:
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
        match = re.fullmatch(r"bytes=(\d{1,18})-(\d{0,18})", self.headers.get("Range", ""), re.ASCII)
        start = int(match[1]) if match else 0
        end = min(int(match[2] or size), size - 1) if match else size - 1
        if match and start > end:
            self.refuse(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
            return
        headers = {
            "Content-Security-Policy": "sandbox; default-src 'none'",  # results come from others
            "Content-Type": _TYPES.get(path.suffix.lower(), _ANY_TYPE),
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(path.name, safe='')}",
            "Content-Length": str(end - start + 1),
            "Accept-Ranges": "bytes",
        }
        if match:
            headers["Content-Range"] = f"bytes {start}-{end}/{size}"
        self.send_head(HTTPStatus.PARTIAL_CONTENT if match else HTTPStatus.OK, headers)
        with path.open("rb") as file:
            file.seek(start)
            left = end - start + 1
            while left and (chunk := file.read(min(_CHUNK, left))):
                self.wfile.write(chunk)
                left -= len(chunk)


class _Body:
    """The body of a request, read no further than its length."""

    def __init__(self, stream: BufferedIOBase, length: str, stop: threading.Event) -> None:
        self._stream = stream
        self._stop = stop
        self._left = int(length) if re.fullmatch(r"\d{1,18}", length, re.ASCII) else 0

    def line(self) -> bytes:
        """Read the first line."""
        longest = 1 << 16  # bytes
        with _connected():
            line = self._stream.readline(min(longest, self._left))
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
        """Read the rest of the body."""
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
            size -= len(chunk)
            self._left -= len(chunk)
            yield chunk


def _read_page(folder: Traversable, path: str = "") -> Iterator[tuple[str, tuple[str, bytes]]]:
    """Yield the path of each file of the page, with its type and bytes; the path of index.html is ""."""
    for file in folder.iterdir():
        if file.is_dir():
            yield from _read_page(file, f"{path}{file.name}/")
        else:
            content_type = _PAGE_TYPES.get(Path(file.name).suffix, _ANY_TYPE)
            name = path + file.name
            yield "" if name == "index.html" else name, (content_type, file.read_bytes())
