"""Folders over the processors of this machine."""

import signal
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from stegnet.core.disk import atomic_write
from stegnet.core.parallel import no_progress
from stegnet.files import FolderPlan, Outcome, plan_hiding
from stegnet.image import write_png
from stegnet.keys import Key
from stegnet.methods import HideJob
from stegnet.processes import run_in_processes, useful_processes
from stegnet.results import OutputFolder, OutputTarget, Report
from stegnet.tasks import Secrets, Work
from tests.support.films import picture
from tests.support.nodes import KEY, SEALED, SEED, alone, die, doing, errors
from tests.support.temporary import contents
from tests.support.waiting import LIMIT, wait_until

pytestmark = pytest.mark.slow


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FolderPlan:
    """Five pictures, of which three want the same name."""
    monkeypatch.chdir(tmp_path)
    for name in ("covers", "out", "expected"):
        Path(name).mkdir()
    for index, name in enumerate(("a", "b", "b-2", "c")):
        write_png(Path(f"covers/{name}.png"), picture(60, 80, index))
    Path("covers/b.jpg").write_bytes(Path("covers/a.png").read_bytes())
    Path("secret").write_text("see you at nine")
    return plan_hiding(Path("covers"), Path("secret"), any_file=True)


def run(plan: FolderPlan, work: Work, progress: Any = no_progress) -> list[Outcome]:
    return list(run_in_processes(plan, OutputFolder(Path("out")), work, Secrets(Key(KEY), SEED), progress, 2))


def test_the_results_and_their_order_are_those_of_one_process(plan: FolderPlan) -> None:
    signs: list[tuple[str, int, int]] = []
    outcomes = run(plan, SEALED, lambda *sign: signs.append(sign))
    assert [outcome.job for outcome in outcomes] == list(plan.jobs)
    expected = {outcome.job: outcome.out and outcome.out.name for outcome in alone(plan, "expected", SEALED)}
    assert None not in expected.values()
    assert {outcome.job: outcome.out and outcome.out.name for outcome in outcomes} == expected
    assert contents("out") == contents("expected")
    assert not [each for each in psutil.Process().children() if "spawn_main" in str(each.cmdline())]  # all have ended


def end_with_the_first(job: HideJob, cover: Path, *arguments: Any) -> Report:
    if cover.name == "a.png":
        die()
    return SEALED.job(cover, *arguments)


def test_a_process_that_ends_early_ends_only_its_job(plan: FolderPlan) -> None:
    first, *others = run(plan, doing(end_with_the_first))
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


def test_several_work_at_a_time(plan: FolderPlan) -> None:
    assert errors(run(plan, doing(meet))) == []


def mark(job: HideJob, cover: Path, secret: Path, out: OutputTarget, *arguments: Any) -> Report:
    """Write how many are at work, a while after this began."""
    at_work = Path(f"at-work-{cover.name}")
    at_work.touch()
    time.sleep(0.2)
    out.path.write_text(str(len(list(Path().glob("at-work-*")))))
    at_work.unlink()
    return Report(1, 1)


def test_no_more_work_at_a_time_than_fit_into_memory(plan: FolderPlan, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = type("memory", (), {"available": 1000})
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    assert errors(run(plan, doing(mark))) == []
    assert set(contents("out").values()) == {b"1"}


def test_processes_are_started_where_that_pays(plan: FolderPlan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    assert useful_processes(plan) == 1  # small pictures
    write_png(Path("covers/large.png"), np.zeros((3000, 4000, 3), np.uint8))
    assert 2 <= useful_processes(plan_hiding(Path("covers"), Path("secret"), any_file=True)) <= 6  # as it has files
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert useful_processes(plan_hiding(Path("covers"), Path("secret"), any_file=True)) == 2


def linger(job: HideJob, cover: Path, secret: Path, out: OutputTarget, *arguments: Any) -> Report:
    """Hide in the first picture; in the others, begin to write, and go on for long."""
    if cover.name == "a.png":
        return SEALED.job(cover, secret, out, *arguments)
    with atomic_write(out.path):
        time.sleep(LIMIT)
    return Report(1, 1)


def test_what_is_being_written_is_removed_when_the_work_is_stopped(plan: FolderPlan) -> None:
    running = run_in_processes(plan, OutputFolder(Path("out")), doing(linger), Secrets(Key(KEY), SEED), no_progress, 2)
    with closing(running):
        assert next(running).error is None
        wait_until(lambda: len(contents("out")) == 2)
    assert set(contents("out")) == {"a.png"}


def look(job: HideJob, cover: Path, secret: Path, out: OutputTarget, *arguments: Any) -> Report:
    """Write what other users can see of this process and the one that started it."""
    family = [psutil.Process(), *psutil.Process().parents()[:2]]
    out.path.write_text(repr([(each.cmdline(), each.environ()) for each in family]))
    return Report(1, 1)


def test_the_key_is_in_no_list_of_processes(plan: FolderPlan) -> None:
    assert errors(run(plan, doing(look))) == []
    for seen in contents("out").values():
        assert b"OMP_NUM_THREADS" in seen
        assert not any(text in seen for text in (KEY, KEY.hex().encode(), repr(KEY)[2:-1].encode()))
