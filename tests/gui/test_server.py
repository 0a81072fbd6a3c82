"""Who reaches the page, and what a job's request and results may be."""

import json
import os
import re
import socket
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from stegnet.core.errors import MediaError, PackageError
from stegnet.core.progress import in_steps
from stegnet.gui import server as gui
from stegnet.gui.jobs import Networks
from stegnet.gui.server import Cancelled, GuiServer
from stegnet.gui.workspace import Workspace
from stegnet.loopback import LOOPBACK
from stegnet.methods.sealed.embed import bytes_room
from stegnet.results import Report
from tests.gui.conftest import KEY, PAGE, PASSPHRASE, Client, request
from tests.support.waiting import LIMIT, wait_until

pytestmark = pytest.mark.usefixtures("quick_scrypt")


@pytest.fixture
def cover(tmp_path: Path, picture) -> Path:
    Image.fromarray(picture(200, 300, 1)).save(tmp_path / "a cover.png")
    return tmp_path / "a cover.png"


@pytest.fixture
def note(tmp_path: Path) -> Path:
    (tmp_path / "note.txt").write_text("a note", "utf-8")
    return tmp_path / "note.txt"


@pytest.fixture
def job_that(monkeypatch) -> Callable[[Callable], None]:
    """Replaces what a job does."""
    return lambda does: monkeypatch.setattr(gui, "run_job", does)


def folders(workspace: Workspace) -> list[str]:
    """Names of the folders in the workspace, without what makes them unique."""
    return sorted(path.name.partition("-")[0] for path in workspace._folder.iterdir() if path.is_dir())


def test_the_page_and_its_policy(client: Client) -> None:
    answer = client.ask("")
    assert (answer.status, answer.headers["Content-Type"], answer.body) == (200, *PAGE[""])
    assert client.ask("assets/page.js").body == b"export {};"
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self';")
    assert "frame-ancestors 'none'" in policy
    assert (answer.headers["Cache-Control"], answer.headers["Referrer-Policy"]) == ("no-store", "no-referrer")


@pytest.mark.parametrize(
    "path",
    ["assets/../../server.py", "../server.py", "assets/%2e%2e/x", "assets//page.js", "index.html/", "results/", "jobs"],
)
def test_other_paths_are_not_found(client: Client, path: str) -> None:
    assert client.ask(path).status == 404


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_requests_without_the_token_are_not_found(client: Client, method: str) -> None:
    for token in ("", "x" * 32, client.server.token[:-1], client.server.token + "x"):
        for path in ("", "jobs", "quit", "assets/page.js"):
            assert client.ask_anything(f"/{token}/{path}", method).status == 404
    assert not client.server.stop.is_set()


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", LOOPBACK, "localhost.evil:1"])
def test_other_host_names_are_refused(client: Client, host: str) -> None:
    for method in ("GET", "POST"):
        assert client.ask("quit", method, Host=host).status == 403
    assert not client.server.stop.is_set()


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "", "http://127.0.0.1", "https://127.0.0.1:1"])
@pytest.mark.parametrize("path", ["quit", "jobs"])
def test_posts_of_other_origins_are_refused(client: Client, origin: str, path: str, cover: Path) -> None:
    assert client.ask(path, "POST", request("reveal", cover), Origin=origin).status == 403
    assert not client.server.stop.is_set()


def test_quitting(client: Client) -> None:
    assert client.ask("quit").status == 404  # a link can't trigger it
    assert client.ask("quit", "POST").status == 200
    assert client.server.stop.wait(LIMIT)


def test_a_file_comes_back(client: Client, workspace: Workspace, cover: Path, note: Path, tmp_path: Path) -> None:
    done = client.do("hide", cover, note)
    facts = done["result"]
    assert (facts["name"], facts["width"], facts["height"]) == ("a cover.png", 300, 200)
    assert facts["psnr"]["container"] > 50
    assert facts["warnings"] == []
    container = client.fetch(done)
    assert container.headers["Content-Type"] == "image/png"
    assert container.headers["Content-Disposition"] == "attachment; filename*=UTF-8''a%20cover.png"
    (tmp_path / "c.png").write_bytes(container.body)
    found = client.do("reveal", tmp_path / "c.png")
    assert (found["result"]["name"], found["result"]["trouble"]) == ("note.txt", [])
    assert found["result"]["text"] is None
    assert client.fetch(found).body == b"a note"
    assert folders(workspace) == ["results", "results"]  # no inputs


@pytest.mark.slow
def test_a_jpeg_that_survives(client: Client, note: Path, tmp_path: Path, picture) -> None:
    Image.fromarray(picture(256, 320, 1)).save(tmp_path / "cover.png")
    done = client.do("hide", tmp_path / "cover.png", note, survive="jpeg:75", suffix=".jpg")
    assert client.fetch(done).headers["Content-Type"] == "image/jpeg"
    (tmp_path / "c.jpg").write_bytes(client.fetch(done).body)
    found = client.do("reveal", tmp_path / "c.jpg")
    assert (found["result"]["robust"], client.fetch(found).body) == (True, b"a note")


def test_an_unknown_channel(client: Client, cover: Path, note: Path) -> None:
    assert "unknown channel 'fax'" in client.do("hide", cover, note, survive="fax", suffix=".jpg")["error"]["message"]


def test_previews(client: Client, cover: Path, note: Path, tmp_path: Path) -> None:
    previews = client.do("hide", cover, note)["result"]["previews"]
    assert set(previews) == {"cover", "container", "difference"}
    shown = {name: client.ask(path) for name, path in previews.items()}
    assert {answer.headers["Content-Type"] for answer in shown.values()} == {"image/jpeg"}
    (tmp_path / "difference.jpg").write_bytes(shown["difference"].body)
    assert np.asarray(Image.open(tmp_path / "difference.jpg")).mean() > 0


def test_a_container_that_is_named_as_a_preview(
    client: Client, monkeypatch, tmp_path: Path, note: Path, picture
) -> None:
    def hide(request, networks, cover, secret, out, progress) -> Report:
        out.path.write_bytes(cover.read_bytes())
        return Report(300, 200)

    monkeypatch.setattr("stegnet.gui.jobs._hidden", hide)
    Image.fromarray(picture(200, 300, 1)).save(tmp_path / "cover.jpg", quality=50)
    done = client.do("hide", tmp_path / "cover.jpg", note, survive="jpeg:75", suffix=".jpg")
    assert done["result"]["name"] == "cover.jpg"
    assert client.fetch(done).body == (tmp_path / "cover.jpg").read_bytes()


def test_a_text_is_shown(client: Client, cover: Path, tmp_path: Path) -> None:
    (tmp_path / "message.txt").write_text("Grüße", "utf-8")
    (tmp_path / "c.png").write_bytes(client.fetch(client.do("hide", cover, tmp_path / "message.txt")).body)
    assert client.do("reveal", tmp_path / "c.png")["result"]["text"] == "Grüße"


def test_a_weak_passphrase(client: Client, cover: Path, note: Path) -> None:
    (warning,) = client.do("hide", cover, note, key=PASSPHRASE)["result"]["warnings"]
    assert warning.startswith("the passphrase is weak")


def advice(client: Client, about: str, **asked: Any) -> str:
    """What the server says to a question."""
    answer = client.ask(about, "POST", json.dumps(asked).encode() + b"\n")
    assert answer.status == 200, answer
    return json.loads(answer.body)["text"]


PICTURE = {"width": 1600, "height": 1200, "frames": 1}
PHOTO = {"name": "a.jpg", "size": 10**6, "width": 1600, "height": 1200}


@pytest.mark.parametrize(("cover", "secret", "survive", "expected"), [
    (PICTURE, {"name": "a.bin", "size": 10**6}, None, r"Room for about [\d.]+ MB: the secret as it is, .*"),
    (PICTURE, {"name": "a.bin", "size": 10**7}, None, r"Room for about [\d.]+ MB: too little for this secret\. .*"),
    (PICTURE, PHOTO | {"size": 10**7}, None, r"Room for about [\d.]+ MB: a copy of the secret at about \d\d dB\."),
    (PICTURE, PHOTO, "jpeg:75", r"Room for about \d\d kB: a copy of the secret at about \d\d dB\."),
    (PICTURE, PHOTO, "messenger", r"Room for about \d\d kB: a copy of the secret at about \d\d dB\."),
    (PICTURE, PHOTO, "fax", r"survive: unknown channel 'fax'\."),
    (PICTURE | {"frames": 48}, {"name": "a", "size": 1}, "h264:23", r"Room for about \d\d kB: the secret as it is.*"),
    (PICTURE | {"frames": 48}, {"name": "a", "size": 10**9, "film": True}, None, r".* \d\d MB: a compressed copy .*"),
    ({"width": 8, "height": 8, "frames": 1}, PHOTO, None, r"Room for about 0 bytes: too little for this secret\."),
])  # fmt: skip
def test_the_room_is_told_before_hiding(
    client: Client, cover: dict[str, int], secret: dict[str, Any], survive: str | None, expected: str
) -> None:
    assert re.fullmatch(expected, advice(client, "forecast", cover=cover, secret=secret, survive=survive))


def test_the_room_that_is_told_is_there(client: Client, tmp_path: Path, cover: Path) -> None:
    room = bytes_room(200, 300, "a.bin")
    for size, fits in ((room, True), (room + 1, False)):
        (tmp_path / "a.bin").write_bytes(bytes(size))
        asked = {"cover": {"width": 300, "height": 200, "frames": 1}, "secret": {"name": "a.bin", "size": size}}
        assert ("byte for byte" in advice(client, "forecast", **asked)) is fits
        assert ("result" in client.do("hide", cover, tmp_path / "a.bin")) is fits


def test_a_weak_passphrase_is_told_before_hiding(client: Client) -> None:
    assert advice(client, "weakness", **PASSPHRASE).startswith("the passphrase is weak")
    assert advice(client, "weakness", passphrase="") == "the passphrase is empty or too long"
    answer = json.loads(client.ask("words", "POST", b"{}\n").body)
    assert re.fullmatch(r"[a-z]+(-[a-z]+){5,}", answer["passphrase"])
    assert answer["text"].startswith("77 random bits")
    assert advice(client, "weakness", passphrase=answer["passphrase"]) == ""


@pytest.mark.parametrize("about", ["forecast", "weakness"])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]\n",
        b"5\n",
        b"[" * 60_000 + b"\n",
        b'{"passphrase": 5}\n',
        b'{"cover": {"width": Infinity, "height": 1, "frames": 1}, "secret": {"name": "a", "size": 1}}\n',
        b'{"cover": {"width": 9e9, "height": 1, "frames": 1}, "secret": {"name": "a", "size": 1}}\n',
        b'{"cover": {"width": 9999999999, "height": 1, "frames": 1}, "secret": {"name": "a", "size": 1}}\n',
        b'{"cover": {"width": 9, "height": 9, "frames": 1}, "secret": {"name": 5, "size": 1}}\n',
    ],
)
def test_bad_questions(client: Client, capfd, about: str, body: bytes) -> None:
    assert client.ask(about, "POST", body).status == 400
    assert capfd.readouterr() == ("", "")


def test_steps_are_named(client: Client, job_that, note: Path) -> None:
    def run(request, networks, inputs, folder, progress):
        in_steps(progress, "compress", "hide")("hide", 1, 2)
        return gui.Done(inputs[0].rename(folder / "n"), {}, {})

    job_that(run)
    first, *_ = client.ask("jobs", "POST", request("reveal", note)).lines
    assert first == {"stage": "hide", "done": 1, "total": 2, "step": 2, "steps": 2}


def test_one_figure_for_the_container(client: Client, monkeypatch, tmp_path: Path, cover: Path, note: Path) -> None:
    """Of one that survives JPEG, a note has it."""

    def hide(request, networks, cover, secret, out, progress) -> Report:
        Image.open(cover).save(out.path, quality=50)
        return Report(300, 200, notes=("container 38.0 dB",))

    monkeypatch.setattr("stegnet.gui.jobs._hidden", hide)
    survivor = client.do("hide", cover, note, survive="jpeg:75", suffix=".jpg")["result"]["psnr"]
    plain = client.do("hide", cover, note)["result"]["psnr"]
    assert (survivor["container"], plain["container"]) == (None, "equal")
    assert survivor["difference"] > 10


def test_a_wrong_key_is_an_error_with_a_hint(client: Client, workspace: Workspace, cover: Path) -> None:
    error = client.do("reveal", cover)["error"]
    assert error["message"] == "nothing can be revealed: nothing here opens with this key"
    assert error["hint"]
    assert folders(workspace) == []


@pytest.mark.parametrize("key", [{"file": ""}, {"file": "AA=="}, {"file": "*"}, {"passphrase": ""}])
def test_a_wrong_kind_of_key(client: Client, cover: Path, key: dict[str, str]) -> None:
    assert re.match("not a key file|the passphrase is empty", client.do("reveal", cover, key=key)["error"]["message"])


def test_messages_name_no_folder(client: Client, note: Path, cover: Path) -> None:
    error = client.do("hide", note, cover)["error"]
    assert error["message"] == "note.txt: neither a picture nor a film that can be read"
    assert client.do("reveal", note)["error"]["message"].startswith("note.txt: ")


def test_a_hidden_page_does_not_run_here(client: Client, cover: Path, tmp_path: Path) -> None:
    page = tmp_path / "evil.html"
    page.write_text("<script>alert(1)</script>", "utf-8")
    (tmp_path / "c.png").write_bytes(client.fetch(client.do("hide", cover, page)).body)
    answer = client.fetch(client.do("reveal", tmp_path / "c.png"))
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Content-Security-Policy"].startswith("sandbox;")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("header", "status", "expected"),
    [
        ("bytes=0-1", 206, b"a "),
        ("bytes=2-", 206, b"note"),
        ("bytes=4-999", 206, b"te"),
        ("bytes=6-", 416, None),
        ("bytes=3-2", 416, None),
        ("bytes=-2", 200, b"a note"),
        ("bytes=0-1,3-4", 200, b"a note"),
    ],
)
def test_parts_of_a_result(client: Client, job_that, note: Path, header: str, status: int, expected: bytes) -> None:
    job_that(lambda request, networks, inputs, folder, progress: gui.Done(inputs[0].rename(folder / "n.txt"), {}, {}))
    answer = client.fetch(client.do("reveal", note), Range=header)
    assert (answer.status, answer.body) == (status, expected if expected else b"Requested Range Not Satisfiable\n")
    if status == 206:
        first = int(re.search(r"\d+", header)[0])
        assert answer.headers["Content-Range"] == f"bytes {first}-{first + len(expected) - 1}/6"


def test_results_of_others_are_not_found(client: Client, cover: Path, note: Path) -> None:
    url = client.do("hide", cover, note)["result"]["url"]
    known = url.split("/")[1]
    for guess in (known[:-1], known + "x", known.swapcase(), "..", "../lock", ""):
        assert client.ask(f"results/{guess}/a%20cover.png").status == 404
    assert client.ask_anything(f"/{'x' * 32}/{url}").status == 404


def test_old_results_are_removed(client: Client, workspace: Workspace, job_that, note: Path) -> None:
    job_that(lambda request, networks, inputs, folder, progress: gui.Done(inputs[0].rename(folder / "n"), {}, {}))
    done = [client.do("reveal", note) for _ in range(6)]
    assert [client.fetch(each).status for each in done] == [404, 404, 200, 200, 200, 200]
    assert folders(workspace) == ["results"] * 4


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"{}\n",
        b"[]\n",
        b"\xff\n",
        b'{"job": "hide"}\n',
        json.dumps({"job": "steal", "key": KEY, "files": []}).encode() + b"\n",
        json.dumps({"job": "reveal", "key": KEY, "files": []}).encode() + b"\n",
        json.dumps({"job": "reveal", "key": KEY, "files": [{"name": "a", "size": -1}]}).encode() + b"\n",
        json.dumps({"job": "reveal", "key": KEY, "files": [{"name": "a", "size": 1}]}).encode() + b"\n",
        json.dumps({"job": "reveal", "key": "k", "files": [{"name": "a", "size": 0}]}).encode() + b"\n",
        json.dumps({"job": "reveal", "key": KEY, "files": [{"name": "a", "size": 0}], "suffix": "/x"}).encode() + b"\n",
        b"x" * (1 << 17) + b"\n",
        b"[" * 60_000 + b"\n",
        b'{"job": "reveal", "key": ' + b'{"file":' * 7_000 + b"0" + b"}" * 7_001 + b"\n",
        *(
            f'{{"job": "reveal", "key": {json.dumps(KEY)}, "files": [{{"name": "a", "size": {size}}}]}}\n'.encode()
            for size in ("Infinity", "-Infinity", "NaN", "1e400", "0.5", "9" * 400, "9" * 5_000, "true", '"0"', "null")
        ),
        *(
            json.dumps({"job": "reveal", "key": KEY, "files": [{"name": "a", "size": 0}]} | wrong).encode() + b"\n"
            for wrong in (
                {"files": [{"name": ["a"], "size": 0}]},
                {"files": {"name": "a", "size": 0}},
                {"files": ["name"]},
                {"files": None},
                {"job": ["reveal"]},
                {"suffix": None},
                {"survive": 75},
                {"survive": ["jpeg:75"]},
                {"key": {"file": 5}},
                {"key": {"passphrase": 5}},
                {"key": {"passphrase": None}},
                {"key": ["passphrase"]},
                {"key": "passphrase"},
            )
        ),
    ],
)
def test_bad_requests(client: Client, workspace: Workspace, capfd, body: bytes) -> None:
    answer = client.ask("jobs", "POST", body)
    assert (answer.status, answer.body) == (400, b"Bad Request\n")
    assert folders(workspace) == []
    assert capfd.readouterr() == ("", "")  # no traceback


def test_a_request_without_a_length(client: Client) -> None:
    with socket.create_connection((LOOPBACK, client.server.server_port)) as connection:
        connection.sendall(client.raw(b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked"))
        assert connection.makefile("rb").read().startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize("name", ["../../evil.png", "/etc/passwd", "..", "", "a\0b", "a\\b.png", "x" * 400, "\ud800"])
def test_names_stay_in_their_folder(client: Client, workspace: Workspace, job_that, name: str) -> None:
    seen = []

    def run(request, networks, inputs, folder, progress):
        seen.extend(inputs)
        return gui.Done(inputs[0].rename(folder / "n"), {}, {})

    job_that(run)
    head = json.dumps({"job": "reveal", "key": KEY, "files": [{"name": name, "size": 1}]}).encode()
    client.ask("jobs", "POST", head + b"\nx")
    for path in seen:
        assert path.parent.parent.parent == workspace._folder
        assert path.parent.name == "0"
    assert len(seen) == 1 or name == "\ud800"


def test_files_beyond_the_free_room_are_refused(client: Client, monkeypatch, cover: Path) -> None:
    usage = type("Usage", (), {"free": 1_000})
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage)
    error = client.do("reveal", cover)["error"]
    assert "are too much for the folder for temporary files" in error["message"]
    assert "TMPDIR" in error["hint"]


def test_half_of_the_free_room_is_kept(workspace: Workspace, monkeypatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 1_000}))
    workspace.check_room(500)
    with pytest.raises(MediaError, match="too much for the folder for temporary files"):
        workspace.check_room(501)


def test_a_disk_that_becomes_full(client: Client, workspace: Workspace, job_that, cover: Path) -> None:
    def fail(*arguments):
        raise MediaError("c.png: can't be written (No space left on device)")

    job_that(fail)
    assert client.do("reveal", cover)["error"]["message"].endswith("(No space left on device)")
    assert folders(workspace) == []


def test_a_bug_is_one_line_here_and_a_traceback_in_the_terminal(
    client: Client, job_that, workspace: Workspace, cover: Path, capfd
) -> None:
    def fail(*arguments):
        raise OSError("a bug")

    job_that(fail)
    error = client.do("reveal", cover, key=PASSPHRASE)["error"]
    assert error == {
        "message": "something went wrong",
        "hint": "this is a bug: the terminal of `stegnet gui` shows more",
    }
    wait_until(lambda: folders(workspace) == [])
    said = []

    def whole_traceback() -> bool:
        said.append(capfd.readouterr().err)
        return "".join(said).count("-" * 40) == 2  # above it and below

    wait_until(whole_traceback)
    err = "".join(said)
    assert "OSError: a bug" in err
    assert client.server.token not in err
    assert PASSPHRASE["passphrase"] not in err


def test_keys_are_in_no_output(client: Client, cover: Path, note: Path, capfd) -> None:
    client.do("hide", cover, note, key=PASSPHRASE)
    client.do("reveal", cover, key=PASSPHRASE)
    assert capfd.readouterr() == ("", "")


class Waiting:
    """A job that waits until it is cancelled, or told to go on."""

    def __init__(self) -> None:
        self.started, self.go_on, self.cancelled = threading.Event(), threading.Event(), threading.Event()

    def __call__(self, request, networks, inputs, folder, progress):
        self.started.set()
        try:
            while not self.go_on.wait(0.01):
                progress("hide", 1, 2)
        except Cancelled:
            self.cancelled.set()
            raise
        return gui.Done(inputs[0].rename(folder / "n"), {}, {})


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


def test_a_closed_page_cancels_its_job(client: Client, workspace: Workspace, job_that, note: Path) -> None:
    job = Waiting()
    job_that(job)
    send_job(client, note).close()
    assert job.cancelled.wait(LIMIT)
    wait_until(lambda: folders(workspace) == [])


def test_a_page_that_is_closed_while_it_passes_files(client: Client, workspace: Workspace, cover: Path) -> None:
    with socket.create_connection((LOOPBACK, client.server.server_port)) as connection:
        connection.sendall(client.raw(request("reveal", cover))[:-10])
        wait_until(lambda: folders(workspace) == ["inputs"])
    wait_until(lambda: folders(workspace) == [])


def test_a_silent_job_shows_that_it_is_there(client: Client, job_that, monkeypatch, note: Path) -> None:
    seen = threading.Event()

    def run(request, networks, inputs, folder, progress):
        seen.wait(LIMIT)
        return gui.Done(inputs[0].rename(folder / "n"), {}, {})

    monkeypatch.setattr(gui, "_BEAT", 0.05)
    job_that(run)
    with send_job(client, note) as connection:
        assert read_until(connection, b"\r\n\r\n\n\n").count(b"{") == 0
        seen.set()
        read_until(connection, b'"result"')


def test_two_pages_take_turns(client: Client, job_that, note: Path) -> None:
    job = Waiting()
    job_that(job)
    first = send_job(client, note)
    assert job.started.wait(LIMIT)
    with send_job(client, note) as second:
        read_until(second, b'"stage": "waiting"')
        job.go_on.set()
        for connection in (first, second):
            assert b'"result"' in connection.makefile("rb").read()
    first.close()


def test_too_many_jobs_are_refused(client: Client, job_that, note: Path) -> None:
    job = Waiting()
    job_that(job)
    waiting = [send_job(client, note) for _ in range(4)]
    wait_until(lambda: client.server.places._value == 0)
    assert client.do("reveal", note)["error"]["message"] == "the program has too much to do already"
    for connection in waiting:
        connection.close()


def test_the_end_of_the_program_cancels_jobs(make_server, workspace: Workspace, job_that, note: Path) -> None:
    job = Waiting()
    job_that(job)
    with make_server(workspace) as server:
        with server.running():
            connection = send_job(Client(server), note)
            assert job.started.wait(LIMIT)
        assert job.cancelled.is_set()
    assert folders(workspace) == []
    connection.close()


def test_clients_that_never_show_the_token_are_disconnected(client: Client, monkeypatch) -> None:
    monkeypatch.setattr("stegnet.loopback._FIRST_REQUEST", 0.3)
    with socket.create_connection((LOOPBACK, client.server.server_port)) as connection:
        connection.sendall(b"GET /")
        connection.settimeout(LIMIT)
        with pytest.raises(ConnectionError):  # although it goes on
            while True:
                connection.sendall(b"x")
                time.sleep(0.05)


def test_a_page_that_was_not_built(workspace: Workspace, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(gui, "files", lambda package: tmp_path)
    with pytest.raises(PackageError, match="the page of `stegnet gui` was not built") as raised:
        GuiServer(0, threading.Event(), workspace, Networks(None, None))
    assert "`make page`" in raised.value.hint
    assert "Node.js" in raised.value.hint


def test_the_files_of_a_page(tmp_path: Path) -> None:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_bytes(b"page")
    (tmp_path / "assets" / "a.js").write_bytes(b"script")
    assert dict(gui._read_page(tmp_path)) == {
        "": ("text/html; charset=utf-8", b"page"),
        "assets/a.js": ("text/javascript; charset=utf-8", b"script"),
    }


def test_the_folder_is_private_and_removed(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Workspace() as workspace:
        assert workspace._folder.stat().st_mode & 0o777 == 0o700
        with workspace.inputs() as inputs:
            assert inputs.stat().st_mode & 0o777 == 0o700
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_program_left_is_removed(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Workspace() as first:
        left = tmp_path / "stegnet-gui-left"
        left.mkdir()
        (left / "lock").touch()
        (left / "secret.png").touch()
        with Workspace():
            assert not left.exists()
            assert first._folder.exists()


def test_what_another_user_left_is_not_removed(tmp_path: Path, monkeypatch) -> None:
    """Whoever may remove all files, as an administrator, would remove theirs."""
    left = tmp_path / "stegnet-gui-left"
    left.mkdir()
    (left / "lock").touch()
    user, lstat = left.stat().st_uid, Path.lstat

    def of_another(path: Path) -> os.stat_result:
        found = list(lstat(path))
        found[stat.ST_UID] = user + (path == left)
        return os.stat_result(found)

    monkeypatch.setattr(Path, "lstat", of_another)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Workspace():
        assert (left / "lock").exists()


def test_links_in_the_folder_for_temporary_files_are_left(tmp_path: Path, monkeypatch) -> None:
    """Another user may have put them there."""
    temporary, other = tmp_path / "temporary", tmp_path / "other"
    temporary.mkdir()
    other.mkdir()
    (other / "lock").touch()
    (temporary / "stegnet-gui-link").symlink_to(other)
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    with Workspace():
        assert (other / "lock").exists()
    assert (temporary / "stegnet-gui-link").is_symlink()


def test_no_folder_for_temporary_files(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    with pytest.raises(MediaError, match="no folder for temporary files"):
        Workspace()
