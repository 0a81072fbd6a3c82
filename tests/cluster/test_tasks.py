from pathlib import Path

import pytest

from stegnet import CapacityError
from stegnet.cluster.envelope import Secrets
from stegnet.cluster.tasks import Task, tasks_of
from stegnet.core.address import Address
from stegnet.files import FolderPlan, Job, hide_each
from stegnet.keys import Key
from stegnet.results import OutputTarget, Report
from tests.support.nodes import doing

SECRETS = Secrets(Key(bytes(32)), bytes(32))


def plan(*names: str) -> FolderPlan:
    return FolderPlan(tuple(Job(Path(name), "picture", Path("secret")) for name in names))


def write(cover, secret, out, key, options, run) -> Report:
    """Hides nothing: writes the cover's name and something random."""
    out.path.write_bytes(cover.name.encode() + run.randomness(8))
    return Report(1, 1)


@pytest.mark.parametrize(
    ("names", "groups"),
    [
        (("a.png", "b.png", "c.png"), [[0], [1], [2]]),
        (("a.png", "b.png", "A.jpg"), [[0, 2], [1]]),
        (("a-2.png", "a-3.png", "b-2.png"), [[0], [1], [2]]),
        (("a.png", "a.jpg", "a-2.png", "a-3.png", "a-4.png", "b.png"), [[0, 1, 2, 3, 4], [5]]),
        (("a.png", "a.jpg", "a-3.png", "a-2-2.png"), [[0, 1], [2], [3]]),
        (("a.png", "a.jpg", "a-2.png", "a-2.jpg", "a-2-2.png"), [[0, 1, 2, 3, 4]]),
    ],
)
def test_results_have_the_names_that_they_have_on_one_machine(tmp_path, names, groups):
    made, out = plan(*names), OutputTarget(tmp_path)
    tasks = tasks_of(made, out)
    assert [[made.jobs.index(job) for job in task.jobs] for task in tasks] == groups
    assert [task.number for task in tasks] == [numbers[0] for numbers in groups]
    alone = list(hide_each(made, out, lambda *files: Report(1, 1)))
    work = doing(write)
    spread = {outcome.job: outcome.out for task in tasks for outcome in work.outcomes(task, SECRETS)}
    assert spread == {outcome.job: outcome.out for outcome in alone}


def test_the_same_bytes_in_any_order_and_again(tmp_path):
    tasks, work = tasks_of(plan("a.png", "b.png"), OutputTarget(tmp_path)), doing(write)
    for task in tasks:
        work.outcomes(task, SECRETS)
    first = (tmp_path / "a.png").read_bytes(), (tmp_path / "b.png").read_bytes()
    for task in reversed(tasks):
        (outcome,) = work.outcomes(task, SECRETS)
        assert outcome.error is None and outcome.size == 13
    assert first == ((tmp_path / "a.png").read_bytes(), (tmp_path / "b.png").read_bytes())
    assert first[0][5:] != first[1][5:]


def test_files_that_were_there_are_kept(tmp_path):
    names = ("a.png", "a-2.png", "a-3.png", "b.mkv", "ab.png")
    for name in names:
        (tmp_path / name).write_text("mine")
    a, b = tasks_of(plan("a.png", "b.png"), OutputTarget(tmp_path))
    assert (a.present, b.present) == (frozenset({"a.png"}), frozenset({"b.mkv"}))
    (both,) = tasks_of(plan("a.png", "a.jpg"), OutputTarget(tmp_path))
    assert both.present == frozenset({"a.png", "a-2.png"})
    outcomes = doing(write).outcomes(both, SECRETS)
    assert [str(each.error) for each in outcomes] == [f"{tmp_path / name}: exists already" for name in names[:2]]
    (forced,) = tasks_of(plan("a.png"), OutputTarget(tmp_path, force=True))
    assert doing(write).outcomes(forced, SECRETS)[0].error is None
    assert {(tmp_path / name).read_bytes() for name in names[1:]} == {b"mine"}


def test_errors_name_the_address_and_not_the_copy():
    folder = Address("memory://covers")
    with_file = folder / "a.png"
    files, path = with_file._opened
    files.pipe(path, b"cover")

    def refuse(cover, *rest) -> Report:
        assert cover.read_bytes() == b"cover"
        raise CapacityError(f"{cover}: is too small", "take another")

    job = Job(with_file, "picture", with_file)
    task = Task(0, (job,), OutputTarget(Address("memory://out")))
    (outcome,) = doing(refuse).outcomes(task, SECRETS)
    assert isinstance(outcome.error, CapacityError) and outcome.error.hint == "take another"
    assert str(outcome.error) == "memory://covers/a.png: is too small"
    assert not files.exists("/out")
