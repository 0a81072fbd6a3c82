"""Folders on real nodes on this machine, each with processes of its own."""

import base64
import os
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import fsspec
import numpy as np
import psutil
import pytest

from stegnet.cli.signals import raised_signals
from stegnet.core.errors import ClusterError, DataError
from stegnet.core.remote_path import place
from stegnet.files import plan_hiding, plan_revealing
from stegnet.hiding import DEFAULT_CONTEXT
from stegnet.image import write_png
from stegnet.keys import Passphrase
from stegnet.processes import Work, over_processes
from stegnet.tasks import reveal_task
from tests.support.films import picture
from tests.support.nodes import KEY, SEED, die, doing, doing_all, errors, hiding, linger
from tests.support.temporary import contents
from tests.support.waiting import LIMIT, wait_until

pytestmark = pytest.mark.night

ORDER = ["f0.mkv", "f1.mkv", "f2.mkv", "f3.mkv", "p0-2.png", "p0.png", "p0-3.png", "p1.png", "p2.png", "p3.png"]


@pytest.fixture(scope="module")
def material(tmp_path_factory, make_film) -> Path:
    """Films and pictures, some of whose containers want the same name; secrets; and what one process makes of them."""
    folder = tmp_path_factory.mktemp("material")
    for name in ("covers", "secrets", "expected"):
        (folder / name).mkdir()
    for index in range(4):
        make_film(folder / f"covers/f{index}.mkv", 6, 96, 128, seed=index)
        write_png(folder / f"covers/p{index}.png", picture(70, 90, index))
        (folder / f"secrets/s{index}.txt").write_text(f"secret {index} " * 40 * (index + 1))
    write_png(folder / "covers/p0-2.png", picture(60, 80, 9))
    (folder / "covers/p0.jpg").write_bytes((folder / "covers/p1.png").read_bytes())
    places = {name: str(folder / name) for name in ("covers", "secrets")}
    assert errors(hiding(1, str(folder / "expected"), **places)) == []
    return folder


def test_the_bytes_do_not_depend_on_who_computes_them(nodes, expected):
    """An error ends only its job; what was there before is kept, unless it shall not."""
    whole = Path("covers/f2.mkv").read_bytes()
    Path("covers/f2.mkv").write_bytes(whole[:3000])
    Path("out/f1.mkv").write_text("mine")
    exists, damaged = sorted(errors(hiding(nodes.address)), reverse=True)
    assert exists == "out/f1.mkv: already exists" and damaged.startswith("covers/f2.mkv: ")
    assert contents("out") == {name: data for name, data in expected.items() if name != "f2.mkv"} | {"f1.mkv": b"mine"}
    Path("covers/f2.mkv").write_bytes(whole)
    outcomes = list(hiding(nodes.address, force=True))
    assert errors(outcomes) == []
    assert len({outcome.node for outcome in outcomes}) == 2
    assert len(outcomes) == len({outcome.job for outcome in outcomes}) == len(expected) == len(ORDER)
    assert contents("out") == expected
    assert all(outcome.size == len(expected[outcome.out.name]) for outcome in outcomes)


def left_behind(name: str) -> bool:
    """Does a killed run leave this, until it is a week old?"""
    return name.startswith(".") and name.endswith(".part")


def test_a_node_is_killed(nodes, expected):
    """Its tasks are done elsewhere; nothing is lost, written twice, or other than on one machine."""
    with closing(hiding(nodes.address)) as running:
        outcomes = [next(running)]
        nodes.kill()
        outcomes += running
    assert errors(outcomes) == []
    assert [outcome.out.name for outcome in outcomes] == ORDER
    assert {name: data for name, data in contents("out").items() if not left_behind(name)} == expected


@pytest.fixture
def many(folders) -> set[str]:
    """Names of the results of 21 covers, of which the first takes least: others remain when it is done."""
    write_png(Path("covers/a.png"), picture(40, 40))
    for index in range(4, 14):
        shutil.copy("covers/f0.mkv", f"covers/f{index}.mkv")
    return {"a.png"} | {f"f{index}.mkv" for index in range(14)} | {name for name in ORDER if name.startswith("p")}


def test_a_signal_ends_a_task_whose_cleaning_up_takes_long(nodes, many):
    """As on a busy machine: to leave the cluster before would kill the process that is at it."""
    plan = plan_hiding(Path("covers"), Path("secrets"), any_file=True)
    plan = replace(plan, jobs=plan.jobs[:2])
    running = doing_all(plan, nodes.address, doing(linger))

    def end() -> None:
        wait_until(lambda: len(contents("out")) == 2)
        os.kill(os.getpid(), signal.SIGTERM)

    with ThreadPoolExecutor(1) as pool, raised_signals(), pytest.raises(KeyboardInterrupt), closing(running):
        assert next(running).error is None
        pool.submit(end)
        next(running)
    assert set(contents("out")) == {"a.png"}


def test_from_and_to_an_object_store(nodes, expected, object_store):
    """Results have the names that they have on one machine; with a passphrase, and with another key."""
    store, key = fsspec.filesystem("s3"), Passphrase("correct horse")
    where = {name: f"{object_store}/{name}" for name in ("covers", "secrets", "out")}
    for name in ("covers", "secrets"):
        for file, data in contents(name).items():
            store.pipe(f"{where[name]}/{file}", data)
    outcomes = list(hiding(nodes.address, **where, key=key))
    assert errors(outcomes) == []
    assert str(outcomes[0].out) == f"{object_store}/out/f0.mkv"
    exist = [f"{object_store}/out/{name}: already exists" for name in expected]
    assert sorted(errors(hiding(nodes.address, **where, key=key))) == sorted(exist)
    plan, reveal = plan_revealing(place(where["out"])), partial(reveal_task, False, DEFAULT_CONTEXT)
    back = f"{object_store}/back"
    assert len(errors(doing_all(plan, nodes.address, reveal, back))) == len(ORDER)
    assert errors(doing_all(plan, nodes.address, reveal, back, key)) == []
    revealed = [store.cat(path) for path in store.ls(back)]
    assert len(revealed) == len(ORDER) and set(revealed) == set(contents("secrets").values())


def test_another_version_of_stegnet(nodes, folders, monkeypatch):
    monkeypatch.setattr("stegnet.processes.__version__", "0.0.1")
    with pytest.raises(ClusterError, match=r"has stegnet .*, this machine 0.0.1"):
        list(hiding(nodes.address))
    assert contents("out") == {}


def test_a_process_that_ends_again_and_again(nodes, folders, monkeypatch):
    monkeypatch.setattr("stegnet.processes._RETRIES", 1)
    plan = plan_hiding(Path("covers"), Path("secrets"), any_file=True)
    plan = replace(plan, jobs=plan.jobs[:1])
    assert errors(doing_all(plan, nodes.address, doing(die))) == [
        "its process ended early, 2 times (WorkerCrashedError)"
    ]


def command(*arguments: str, cluster: str = "auto") -> subprocess.Popen:
    """The command line with a key file in another process."""
    Path("k").write_bytes(KEY)
    Path("k").chmod(0o600)
    words = [sys.executable, "-u", "-m", "stegnet", *arguments, "--key-file", "k", "--cluster", cluster]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_the_command_is_killed(nodes, many):
    """By either signal, and run again it makes what is missing."""
    hide, left = ("hide", "covers", "secrets", "-o", "out", "--method", "sealed", "-v"), set()
    for number, code in ((signal.SIGTERM, 143), (signal.SIGKILL, -9)):
        driver, before = command(*hide), left
        assert driver.stdout.readline().startswith("wrote out/" if before else "wrote out/a.png")
        driver.send_signal(number)
        driver.communicate()
        assert driver.returncode == code
        wait_until(lambda: not nodes.working())
        left = {name for name in contents("out") if not name.startswith(".")}
        assert before < left < many
        assert number == signal.SIGKILL or left == set(contents("out"))
    again = command(*hide)
    out, err = again.communicate()
    assert err.count("already exists") == len(left)
    order = ["a.png", *(f"f{index}.mkv" for index in range(14)), *(name for name in ORDER if name.startswith("p"))]
    wrote = [f"wrote out/{name}" for name in order if name not in left]
    assert [line.split(":")[0] for line in out.splitlines()] == wrote
    assert len([line for line in err.splitlines() if line.endswith("files/s")]) == 2
    assert {name for name in contents("out") if not left_behind(name)} == many
    revealing = command("reveal", "out", "-o", "back", "--strict", cluster="local")
    revealing.communicate()
    assert revealing.returncode == 0
    assert set(contents("back").values()) == set(contents("secrets").values())


def test_the_key_is_found_nowhere(nodes, many):
    texts = [KEY, SEED, KEY.hex().encode(), base64.b64encode(KEY), repr(KEY)[2:-1].encode()]
    with closing(hiding(nodes.address)) as running:
        next(running)
        assert any(KEY in memory_of(process) for process in nodes.workers())  # the search finds what is there
        wait_until(lambda: any(b"_do" in answer for answer in dashboard_answers(nodes)))  # not at once
        answers = dashboard_answers(nodes)
        memory = {process.pid: memory_of(process) for process in nodes.processes()}
    places = {path: path.read_bytes() for path in nodes.folder.rglob("*") if path.is_file() and not path.is_symlink()}
    assert any(b"stegnet.processes" in data for data in memory.values())
    places |= memory | dict(enumerate(answers))
    assert [found for found, data in places.items() if any(text in data for text in texts)] == []


def dashboard_answers(nodes) -> list[bytes]:
    paths = [
        *(f"api/v0/{what}?detail=1&limit=10000" for what in ("tasks", "objects", "workers", "jobs", "actors", "nodes")),
        "api/jobs/", "nodes?view=details", "api/cluster_status", "api/v0/tasks/timeline", "events",
    ]  # fmt: skip
    headers = {"Authorization": f"Bearer {os.environ['RAY_AUTH_TOKEN']}"}
    return [answer_of(urllib.request.Request(f"http://{nodes.dashboard}/{path}", headers=headers)) for path in paths]


def answer_of(request: urllib.request.Request) -> bytes:
    try:
        return urllib.request.urlopen(request, timeout=LIMIT).read()
    except urllib.error.HTTPError as error:
        return error.read()


def memory_of(process: psutil.Process) -> bytes:
    """All pages that a process can write and has, and the object store that it shares; nothing if it has ended."""
    parts, page = [], os.sysconf("SC_PAGE_SIZE")
    with (
        suppress(FileNotFoundError, ProcessLookupError),
        open(f"/proc/{process.pid}/maps") as maps,
        open(f"/proc/{process.pid}/mem", "rb", buffering=0) as memory,
        open(f"/proc/{process.pid}/pagemap", "rb", buffering=0) as pages,
    ):
        for line in maps:
            span, rights, *_ = line.split()
            if rights.startswith("rw"):
                first, last = (int(edge, 16) // page for edge in span.split("-"))
                pages.seek(8 * first)
                there = np.frombuffer(pages.read(8 * (last - first)), "<u8") >> 62 > 0  # in memory, or swapped
                there |= rights.endswith("s")  # others may have written there
                edges = np.flatnonzero(np.diff(there, prepend=False, append=False)) + first
                for start, end in edges.reshape(-1, 2).tolist():
                    memory.seek(start * page)
                    with suppress(OSError):
                        parts.append(memory.read((end - start) * page))
    return b"".join(parts)


# Functions of one's own


def where_it_runs(number: int) -> tuple[tuple[int, Path], int]:
    return (number, Path.cwd()), os.getpid()


def test_results_are_in_order_and_computed_in_this_folder(nodes, folders):
    results, processes = zip(*over_processes(Work(where_it_runs), range(20), nodes.address), strict=True)
    assert list(results) == [(number, folders) for number in range(20)]
    assert os.getpid() not in processes


def test_an_error_is_raised_as_if_it_had_happened_here(nodes, folders):
    def fail(number: int) -> int:
        if number == 2:
            raise DataError("no pictures", "take some")
        return number

    with pytest.raises(DataError, match=r"^no pictures$") as caught:
        list(over_processes(Work(fail), range(5), nodes.address))
    assert caught.value.hint == "take some"
