"""Folders by tasks, in several processes of this machine; on real nodes: tests/cluster."""

import pickle
import signal
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from stegnet import CapacityError, Identity, Key, Passphrase
from stegnet.core.disk import atomic_write
from stegnet.core.errors import ClusterError
from stegnet.core.parallel import no_progress
from stegnet.core.remote_path import RemotePath
from stegnet.files import FolderPlan, Job, hide_each, plan_hiding
from stegnet.hide_file import HideJob
from stegnet.hiding import DEFAULT_CONTEXT
from stegnet.image import write_png
from stegnet.processes import decrypt, encrypt
from stegnet.results import OutputFolder, OutputTarget, Report
from stegnet.tasks import Secrets, do_folder, tasks_of, useful_processes
from tests.support.films import picture
from tests.support.nodes import HIDE, KEY, SEALED, SEED, Doing, die, doing, doing_all, errors
from tests.support.temporary import contents
from tests.support.waiting import LIMIT, wait_until

SECRETS = Secrets(Key(KEY), SEED)
SOURCES = [Key(KEY), Passphrase("zwölf Boxkämpfer"), Identity(KEY).recipient]


@pytest.mark.usefixtures("quick_scrypt")
@pytest.mark.parametrize("source", SOURCES, ids=["key", "passphrase", "recipient"])
def test_the_receiver_alone_opens_an_envelope(source):
    """Which shows nothing."""
    receiver, other = X25519PrivateKey.generate(), X25519PrivateKey.generate()
    public = receiver.public_key().public_bytes_raw()
    secret = Secrets(source, SEED).exported()
    envelope = encrypt(secret, public)
    assert KEY not in envelope and SEED not in envelope
    assert envelope[:32] != encrypt(secret, public)[:32]
    opened = Secrets.imported(decrypt(envelope, receiver))
    assert opened.seed == SEED and type(opened.source) is type(source)
    keys = [each if isinstance(each, Key) else each.derive(bytes(16)) for each in (opened.source, source)]
    assert keys[0].mac(b"salt") == keys[1].mac(b"salt")
    for private, altered in ((other, envelope), (receiver, envelope[:-1] + bytes([envelope[-1] ^ 1]))):
        with pytest.raises(InvalidTag):
            decrypt(altered, private)


def test_secrets_are_not_shown():
    assert repr(SECRETS) == str(SECRETS) == "Secrets(...)"
    with pytest.raises(TypeError, match="can't be pickled"):
        pickle.dumps(SECRETS)


def test_randomness_follows_from_seed_number_and_draw():
    def drawn(seed: bytes, number: int) -> tuple[bytes, ...]:
        draw = Secrets(Key(KEY), seed).randomness(number)
        return draw(16), draw(32), draw(32)

    assert drawn(SEED, 3) == drawn(SEED, 3)
    assert [len(part) for part in drawn(SEED, 3)] == [16, 32, 32]
    parts = [part[:16] for seed, number in ((SEED, 3), (SEED, 4), (KEY, 3)) for part in drawn(seed, number)]
    assert len(set(parts)) == len(parts)


def plan(*names: str) -> FolderPlan:
    return FolderPlan(tuple(Job(Path(name), "picture", Path("secret")) for name in names))


def write(job, cover, secret, out, key) -> Report:
    """Hides nothing: writes the cover's name and something random."""
    out.path.write_bytes(cover.name.encode() + job.context.randomness(8))
    return Report(1, 1)


@pytest.mark.parametrize(
    ("names", "groups"),
    [
        (("a.png", "b.png", "A.jpg"), [[0, 2], [1]]),
        (("a.png", "a.jpg", "a-3.png", "a-03.png", "b-2.png", "a-2-2.png"), [[0, 1, 2], [3], [4], [5]]),
        (("a.png", "a.jpg", "a-2.png", "a-2.jpg", "a-2-2.png", "b.png"), [[0, 1, 2, 3, 4], [5]]),
    ],
)
def test_results_have_the_names_and_bytes_that_they_have_on_one_machine(tmp_path, names, groups):
    """In any order, and again."""
    made, out = plan(*names), OutputFolder(tmp_path)
    tasks, do = tasks_of(made, out), doing(write)
    assert [[made.jobs.index(job) for job in task.jobs] for task in tasks] == groups
    assert [task.number for task in tasks] == [numbers[0] for numbers in groups]
    alone = list(hide_each(made, out, Doing(HIDE.method, HIDE.options, DEFAULT_CONTEXT, work=write), SECRETS.source))
    spread = {each.job: each.out for task in tasks for each in do(task, SECRETS, no_progress, task.result)}
    assert spread == {outcome.job: outcome.out for outcome in alone}
    first = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert len({data[-8:] for data in first.values()}) == len(names)
    for task in reversed(tasks):
        assert errors(do(task, SECRETS, no_progress, task.result)) == []
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == first


def test_files_that_were_there_are_kept(tmp_path):
    names = ("a.png", "a-2.png", "a-3.png", "b.mkv", "ab.png")
    for name in names:
        (tmp_path / name).write_text("mine")
    (both,) = tasks_of(plan("a.png", "a.jpg"), OutputFolder(tmp_path), names)
    expected = [f"{tmp_path / name}: already exists" for name in names[:2]]
    assert errors(doing(write)(both, SECRETS, no_progress, both.result)) == expected
    (forced,) = tasks_of(plan("a.png"), OutputFolder(tmp_path, force=True), names)
    assert errors(doing(write)(forced, SECRETS, no_progress, forced.result)) == []
    assert {(tmp_path / name).read_bytes() for name in names[1:]} == {b"mine"}


def test_errors_name_the_address_and_not_the_copy():
    with_file = RemotePath("memory://covers") / "a.png"
    with with_file.opened() as (files, path):
        files.pipe(path, b"cover")

    def refuse(job, cover, *rest) -> Report:
        assert cover.read_bytes() == b"cover"
        raise CapacityError("is too small", "use another", subject=cover)

    (task,) = tasks_of(FolderPlan((Job(with_file, "picture", with_file),)), OutputFolder(RemotePath("memory://out")))
    (outcome,) = doing(refuse)(task, SECRETS, no_progress, task.result)
    assert isinstance(outcome.error, CapacityError) and outcome.error.hint == "use another"
    assert str(outcome.error) == "memory://covers/a.png: is too small"
    assert not files.exists("/out")


@pytest.mark.slow
def test_a_cluster_that_is_not_there_is_an_error_at_once(tmp_path):
    for address in ("127.0.0.1:1", "ray://127.0.0.1:1", "nowhere"):
        with pytest.raises(ClusterError, match=f"the cluster {address} can't be reached"):
            next(do_folder(plan("a"), OutputFolder(tmp_path), doing(write), SECRETS, address))


# Several processes


@pytest.fixture
def five(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FolderPlan:
    """Five pictures, of which three want the same name."""
    monkeypatch.chdir(tmp_path)
    for name in ("covers", "out", "expected"):
        Path(name).mkdir()
    for index, name in enumerate(("a", "b", "b-2", "c")):
        write_png(Path(f"covers/{name}.png"), picture(60, 80, index))
    Path("covers/b.jpg").write_bytes(Path("covers/a.png").read_bytes())
    Path("secret").write_text("see you at nine")
    return plan_hiding(Path("covers"), Path("secret"), any_file=True)


def started_by(process: psutil.Process) -> list[psutil.Process]:
    return [each for each in process.children() if "spawn_main" in str(each.cmdline())]


@pytest.mark.slow
def test_the_results_and_their_order_are_those_of_one_process(five: FolderPlan) -> None:
    signs: list[tuple[str, int, int]] = []
    outcomes = list(do_folder(five, OutputFolder(Path("out")), SEALED, SECRETS, 2, lambda *sign: signs.append(sign)))
    assert [outcome.job for outcome in outcomes] == list(five.jobs)
    expected = {outcome.job: outcome.written[0].name for outcome in doing_all(five, 1, SEALED, "expected")}
    assert {outcome.job: outcome.written[0].name for outcome in outcomes} == expected
    assert contents("out") == contents("expected")
    assert {"hide", "verify"} & {phase for phase, _, _ in signs}
    assert started_by(psutil.Process()) == []  # all have ended


def end_with_the_first(job: HideJob, cover: Path, *arguments: Any) -> Report:
    if cover.name == "a.png":
        die()
    return HIDE(cover, *arguments)


@pytest.mark.slow
def test_a_process_that_ends_early_ends_only_its_job(five: FolderPlan) -> None:
    first, *others = doing_all(five, 2, doing(end_with_the_first))
    assert str(first.error) == f"its process ended early (exit code {-signal.SIGKILL})"
    assert first.error
    assert "memory" in first.error.hint
    assert errors(others) == []
    assert len(contents("out")) == 4


def meet(job: HideJob, cover: Path, secret: Path, out: OutputTarget, *arguments: Any) -> Report:
    """Wait, in the first two pictures, for the process that does the other one."""
    Path(f"at-work-{cover.stem}").touch()
    if cover.stem in "ab":
        wait_until(lambda: Path("at-work-a").exists() and Path("at-work-b").exists())
    return Report(1, 1)


@pytest.mark.slow
def test_several_work_at_a_time(five: FolderPlan) -> None:
    assert errors(doing_all(five, 2, doing(meet))) == []


def mark(job: HideJob, cover: Path, secret: Path, out: OutputTarget, *arguments: Any) -> Report:
    """Write how many processes there are for the work: all of them are started before the first begins."""
    parent = psutil.Process().parent()
    assert parent
    out.path.write_text(str(len(started_by(parent))))
    return Report(1, 1)


@pytest.mark.slow
def test_no_more_work_at_a_time_than_fit_into_memory(five: FolderPlan, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = type("memory", (), {"available": 1000})
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    assert errors(doing_all(five, 2, doing(mark))) == []
    assert set(contents("out").values()) == {b"1"}


@pytest.mark.slow
def test_processes_are_started_where_that_pays(five: FolderPlan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    assert useful_processes(five, DEFAULT_CONTEXT) == 1  # small pictures
    write_png(Path("covers/large.png"), np.zeros((3000, 4000, 3), np.uint8))
    larger = plan_hiding(Path("covers"), Path("secret"), any_file=True)
    assert 2 <= useful_processes(larger, DEFAULT_CONTEXT) <= 6  # as it has files
    on_gpu = replace(DEFAULT_CONTEXT, device="cuda")
    assert [useful_processes(larger, on_gpu, computes) == 1 for computes in (True, False)] == [True, False]
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert useful_processes(larger, DEFAULT_CONTEXT) == 2


def linger(job: HideJob, cover: Path, secret: Path, out: OutputTarget, *arguments: Any) -> Report:
    """Hide in the first picture; in the others, begin to write, and go on for long."""
    if cover.name == "a.png":
        return HIDE(cover, secret, out, *arguments)
    with atomic_write(out.path):
        time.sleep(LIMIT)
    return Report(1, 1)


@pytest.mark.slow
def test_what_is_being_written_is_removed_when_the_work_is_stopped(five: FolderPlan) -> None:
    with closing(doing_all(five, 2, doing(linger))) as running:
        assert next(running).error is None
        wait_until(lambda: len(contents("out")) == 2)
    assert set(contents("out")) == {"a.png"}


def look(job: HideJob, cover: Path, secret: Path, out: OutputTarget, *arguments: Any) -> Report:
    """Write what other users can see of this process and the one that started it."""
    family = [psutil.Process(), *psutil.Process().parents()[:2]]
    out.path.write_text(repr([(each.cmdline(), each.environ()) for each in family]))
    return Report(1, 1)


@pytest.mark.slow
def test_the_key_is_in_no_list_of_processes(five: FolderPlan) -> None:
    assert errors(doing_all(five, 2, doing(look))) == []
    for seen in contents("out").values():
        assert b"OMP_NUM_THREADS" in seen
        assert not any(text in seen for text in (KEY, KEY.hex().encode(), repr(KEY)[2:-1].encode()))
