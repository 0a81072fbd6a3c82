"""Access to the page, and the limits of a job's request and results."""

import io
import json
import re
import socket
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from stegnet.core.parallel import with_phases
from stegnet.gui import server as gui
from stegnet.hiding import Context
from stegnet.loopback import LOOPBACK
from tests.gui.conftest import KEY, PASSPHRASE, Client, back, body_of, named, request
from tests.support.waiting import LIMIT, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick_scrypt")]


def folders(workspace: gui.Workspace) -> list[str]:
    """Names of the folders in the workspace, without what makes them unique."""
    return sorted(path.name.partition("-")[0] for path in workspace._folder.iterdir() if path.is_dir())


def test_the_page_its_policy_and_its_end(client: Client) -> None:
    answer = client.ask("")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert b"<title>stegnet" in answer.body
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self';")
    assert "frame-ancestors 'none'" in policy
    assert (answer.headers["Cache-Control"], answer.headers["Referrer-Policy"]) == ("no-store", "no-referrer")
    module = client.ask("form/drop.js")
    assert (module.status, module.headers["Content-Type"]) == (200, "text/javascript; charset=utf-8")
    assert client.ask("examples/day.webp").headers["Content-Type"] == "image/webp"
    assert client.ask("quit").status == 404  # a link can't trigger it
    assert client.ask("quit", "POST").status == 200
    assert client.server.stop.wait(LIMIT)


def test_who_is_refused(client: Client) -> None:
    """Other paths; hosts, origins and tokens: tests/test_loopback.py."""
    others = ["form/../../server.py", "../server.py", "form/%2e%2e/x", "form//drop.js", "index.html/"]
    others += ["results/", "jobs", "quit", "form"]
    assert {path: client.ask(path).status for path in others} == dict.fromkeys(others, 404)
    own = f"{LOOPBACK}:{client.server.server_port}"
    assert f"ssh -L {own.split(':')[1]}:{own} " in client.ask("", Host="localhost:1").body.decode()


def asking(**wrong: Any) -> bytes:
    return body_of({"job": "reveal", "key": KEY, "files": [{"name": "a", "size": 0}]} | wrong)


NO_JSON = (b"", b"{}", b"{}\n", b"[]\n", b"5\n", b"\xff\n", b"x" * (1 << 17) + b"\n", b"[" * 60_000 + b"\n")
WRONG_SIZES = ("Infinity", "-Infinity", "NaN", "1e400", "0.5", "9" * 400, "9" * 5_000, "true", '"0"', "null", "-1")
BAD_JOBS = [
    *NO_JSON,
    b'{"job": "hide"}\n',
    b'{"job": "reveal", "key": ' + b'{"file":' * 7_000 + b"0" + b"}" * 7_001 + b"\n",
    *(asking().replace(b'"size": 0', f'"size": {size}'.encode()) for size in WRONG_SIZES),
    asking(files=[{"name": "a", "size": 1}]),  # which is not there
    *(asking(job=job) for job in ("steal", "hide", ["reveal"])),
    *(asking(files=files) for files in ([], [{"name": ["a"], "size": 0}], {"name": "a", "size": 0}, ["name"], None)),
    *(asking(suffix=suffix) for suffix in ("/x", None)),
    *(asking(destination=destination) for destination in (75, ["website"], "fax", None)),
    *(asking(safe=safe) for safe in (1, "yes", None)),
    *(asking(key=key) for key in ({"file": 5}, {"passphrase": 5}, {"passphrase": None}, ["passphrase"], "passphrase")),
]
_SIDES = b'{"cover": {"width": %s, "height": 1, "frames": 1}, "secret": {"name": "a", "size": 1}}\n'
BAD_QUESTIONS = [
    *(body for body in NO_JSON if body != b"{}\n"),
    b'{"passphrase": 5}\n',
    *(_SIDES % width for width in (b"Infinity", b"9e9", b"9999999999")),
    b'{"cover": {"width": 9, "height": 9, "frames": 1}, "secret": {"name": 5, "size": 1}}\n',
]


def test_bad_requests(client: Client, workspace: gui.Workspace, capfd) -> None:
    asked = [("jobs", body) for body in BAD_JOBS]
    asked += [(about, body) for about in ("forecast", "weakness") for body in BAD_QUESTIONS]
    for path, body in asked:
        answer = client.ask(path, "POST", body)
        assert (answer.status, answer.body) == (400, b"Bad Request\n"), (path, body[:200])
    with socket.create_connection((LOOPBACK, client.server.server_port)) as connection:  # without a length
        connection.sendall(client.raw(b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked"))
        assert connection.makefile("rb").read().startswith(b"HTTP/1.1 400")
    assert folders(workspace) == []
    assert capfd.readouterr() == ("", "")  # no traceback


def test_errors_have_hints_and_name_no_folder(
    client: Client, workspace: gui.Workspace, cover: Path, note: Path
) -> None:
    error = client.do("reveal", cover)["error"]
    assert error["message"] == "nothing can be revealed: nothing here opens with this key"
    assert error["hint"]
    for key in ({"file": ""}, {"file": "AA=="}, {"file": "*"}, {"passphrase": ""}):
        said = client.do("reveal", cover, key=key)["error"]["message"]
        assert re.match("not a key file|the passphrase is empty", said), key
    safe = "at_most_safe: goes with auto or sealed or jpeg or h264 or transparent or sound"
    refused = client.do("hide", note, cover)["error"]["message"]
    assert refused == "note.txt: is a file, not a picture, film or sound that can be read"
    assert client.do("hide", cover, note, destination="website", safe=True)["error"]["message"] == safe
    assert folders(workspace) == []


def test_a_hidden_page_does_not_run_here(client: Client, cover: Path, tmp_path: Path) -> None:
    page = tmp_path / "evil.html"
    page.write_text("<script>alert(1)</script>", "utf-8")
    (tmp_path / "c.png").write_bytes(client.fetch(client.do("hide", cover, page)).body)
    answer = client.fetch(client.do("reveal", tmp_path / "c.png"))
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Content-Security-Policy"].startswith("sandbox;")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_parts_of_a_result(client: Client, job_that, note: Path) -> None:
    job_that(back)
    done = client.do("reveal", note)
    parts = {"bytes=0-1": (b"a ", "0-1/6"), "bytes=2-": (b"note", "2-5/6"), "bytes=4-999": (b"te", "4-5/6")}
    for header, (expected, place) in (parts | dict.fromkeys(("bytes=-2", "bytes=0-1,3-4"), (b"a note", None))).items():
        answer = client.fetch(done, Range=header)
        assert (answer.status, answer.body) == (206 if place else 200, expected), header
        assert answer.headers.get("Content-Range") == (place and f"bytes {place}")
    assert [client.fetch(done, Range=beyond).status for beyond in ("bytes=6-", "bytes=3-2")] == [416, 416]


def test_results_of_others_are_not_found_and_old_ones_removed(
    client: Client, workspace: gui.Workspace, job_that, note: Path
) -> None:
    job_that(back)
    done = [client.do("reveal", note) for _ in range(6)]
    assert [client.fetch(each).status for each in done] == [404, 404, 200, 200, 200, 200]
    assert folders(workspace) == ["results"] * 4
    url = done[-1]["result"]["url"]
    known = url.split("/")[1]
    for guess in (known[:-1], known + "x", known.swapcase(), "..", "../lock", ""):
        assert client.ask(f"results/{guess}/n.txt").status == 404
    assert client.ask_anything(f"/{'x' * 32}/{url}").status == 404


def test_names_stay_in_their_folder(client: Client, workspace: gui.Workspace, job_that) -> None:
    seen = []

    def does(request, inputs, folder, run):
        seen.extend(inputs)
        return back(request, inputs, folder, run)

    job_that(does)
    names = ["../../evil.png", "/etc/passwd", "..", "", "a\0b", "a\\b.png", "x" * 400, "\ud800"]
    for name in names:
        client.ask("jobs", "POST", asking(files=[{"name": name, "size": 1}]) + b"x")
    assert len(seen) == len(names)
    for path in seen:
        assert path.parent.parent.parent == workspace._folder
        assert path.parent.name == "0"


def test_a_disk_with_little_space(client: Client, workspace: gui.Workspace, monkeypatch, cover: Path) -> None:
    """Half of the free space is kept."""
    size = cover.stat().st_size
    for free, told in ((2 * size + 1, "nothing can be revealed"), (2 * size - 1, "are too much for the folder")):
        monkeypatch.setattr("shutil.disk_usage", lambda path, free=free: type("Usage", (), {"free": free}))
        error = client.do("reveal", cover)["error"]
        assert told in error["message"]
    assert "TMPDIR" in error["hint"]
    assert folders(workspace) == []


def test_a_bug_is_one_line_here_and_a_traceback_in_the_terminal(
    client: Client, job_that, workspace: gui.Workspace, cover: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments):
        raise OSError("a bug")

    job_that(fail)
    terminal = terminal_of(monkeypatch)
    error = client.do("reveal", cover, key=PASSPHRASE)["error"]
    assert error == {
        "message": "something went wrong",
        "hint": "this is a bug: the terminal of `stegnet gui` shows more",
        "larger": "",
        "unmeant": False,
    }
    wait_until(lambda: folders(workspace) == [])
    err = traceback(terminal, "OSError: a bug")
    assert client.server.token not in err
    assert PASSPHRASE["passphrase"] not in err


def terminal_of(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Return what the terminal will show; a captured descriptor, read while a thread writes to it, may lose lines.

    Called in the test itself, since pytest sets sys.stderr anew after the fixtures.
    """
    shown = io.StringIO()
    monkeypatch.setattr(sys, "stderr", shown)
    return shown


def traceback(terminal: io.StringIO, error: str) -> str:
    """What the terminal shows, as soon as the traceback of an error is there; those of other threads may be, too."""
    wait_until(lambda: "-" * 40 in terminal.getvalue().partition(error)[2])  # which is the line below it
    return terminal.getvalue()


@pytest.mark.parametrize("error", [IndexError("odd"), OSError("odd"), MemoryError()])
def test_a_cover_that_nobody_foresaw_gets_an_answer(
    client: Client, cover: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Before it is hidden in, too, when the page asks how much fits."""

    def fail(*arguments):
        raise error

    monkeypatch.setattr(gui.CapacityQuestion, "answer", fail)
    terminal = terminal_of(monkeypatch)
    sides = {"width": 9, "height": 9, "frames": 1, "file": named(cover)}
    told = client.told("capacity", {"cover": sides, "secret": {"name": "a", "size": 1}}, cover)
    if isinstance(error, MemoryError):
        assert told == {"text": "out of memory; close other programs, and try again."}
        assert terminal.getvalue() == ""
    else:
        assert told == {"text": "something went wrong; this is a bug: the terminal of `stegnet gui` shows more."}
        traceback(terminal, f"{type(error).__name__}: odd")


class Waiting:
    """A job that waits until it is cancelled, or told to go on; `told`: it tells how far it is."""

    def __init__(self, told: bool = True) -> None:
        self.told = told
        self.started, self.go_on, self.cancelled = threading.Event(), threading.Event(), threading.Event()

    def __call__(self, request, inputs, folder, run):
        self.started.set()
        steps = with_phases(run.progress, "hide", "write")
        try:
            while not self.go_on.wait(0.01):
                if self.told:
                    steps("hide", 1, 2)
        except gui.Cancelled:
            self.cancelled.set()
            raise
        return back(request, inputs, folder, run)


@pytest.fixture
def waiting(job_that) -> Waiting:
    job = Waiting()
    job_that(job)
    return job


def send_job(client: Client, file: Path) -> socket.socket:
    """Asks for a job; returns the connection, of which nothing is read."""
    connection = socket.create_connection((LOOPBACK, client.server.server_port))
    connection.sendall(client.raw(request("reveal", file)))
    return connection


def read_until(connection: socket.socket, end: bytes) -> bytes:
    """Reads an answer until something is in it; returns what was read."""
    read = b""
    while end not in read:
        part = connection.recv(1 << 16)
        assert part, read
        read += part
    return read


def test_a_closed_page_cancels_its_job(
    client: Client, workspace: gui.Workspace, waiting: Waiting, note: Path, capfd
) -> None:
    """Also while it passes files, even if the connection is reset."""
    send_job(client, note).close()
    assert waiting.cancelled.wait(LIMIT)
    wait_until(lambda: folders(workspace) == [])
    with socket.create_connection((LOOPBACK, client.server.server_port)) as connection:
        connection.sendall(client.raw(request("reveal", note))[:-3])
        wait_until(lambda: folders(workspace) == ["inputs"])
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    wait_until(lambda: folders(workspace) == [])
    wait_until(lambda: client.server.places._value == 4)
    assert capfd.readouterr() == ("", "")


def test_steps_are_named_and_a_silent_job_shows_that_it_is_there(client: Client, waiting: Waiting, note: Path) -> None:
    waiting.told = False
    with send_job(client, note) as connection:
        assert read_until(connection, b"\r\n\r\n\n\n").count(b"{") == 0
        waiting.told = True
        first = read_until(connection, b"}").partition(b"{")[2].partition(b"}")[0]
        assert json.loads(b"{" + first + b"}") == {"stage": "hide", "done": 1, "total": 2, "step": 1, "steps": 2}
        waiting.go_on.set()
        read_until(connection, b'"result"')


def test_two_pages_take_turns_and_too_many_jobs_are_refused(client: Client, waiting: Waiting, note: Path) -> None:
    with send_job(client, note) as first:
        assert waiting.started.wait(LIMIT)
        with send_job(client, note) as second:
            read_until(second, b'"stage": "waiting"')
            others = [send_job(client, note) for _ in range(2)]
            wait_until(lambda: client.server.places._value == 0)
            assert client.do("reveal", note)["error"]["message"] == "the program has too much to do already"
            for connection in others:
                connection.close()
            waiting.go_on.set()
            for connection in (first, second):
                assert b'"result"' in connection.makefile("rb").read()


def test_the_end_of_the_program_cancels_jobs(workspace: gui.Workspace, waiting: Waiting, note: Path) -> None:
    with gui.GuiServer(0, threading.Event(), workspace, Context()) as server:
        with server.running():
            connection = send_job(Client(server), note)
            assert waiting.started.wait(LIMIT)
        assert waiting.cancelled.is_set()
    assert folders(workspace) == []
    connection.close()
