"""Tasks of a folder: each is the work of one process, this one, another, or one of a cluster.

The files that a task writes depend only on its jobs and the secrets, and have the same names as if one process did all.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import accumulate, chain, count
from pathlib import Path, PurePath
from typing import NamedTuple, Self

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from stegnet.core.disk import already_exists
from stegnet.core.errors import StegnetError, reading
from stegnet.core.names import PICTURE, SOUND, folded
from stegnet.core.parallel import Progress, no_progress, thread_count
from stegnet.core.remote_path import Place, RemotePath, size_of, stored
from stegnet.files import FolderPlan, Job, Outcome, Outcomes, hide_each, reveal_each
from stegnet.files.folder import Writing, write_here
from stegnet.hide_file import HideJob
from stegnet.hiding import Context
from stegnet.image.pictures import open_picture
from stegnet.keys import SYSTEM, KeySource, Randomness, Unpicklable, export_secret, import_secret
from stegnet.networks.engines import uses_gpu
from stegnet.processes import Work, node_name, over_processes
from stegnet.results import OutputFolder, OutputTarget

SEED_BYTES = 32
_DRAWN = b"stegnet/cluster/randomness"


@dataclass(frozen=True, repr=False)
class Secrets(Unpicklable):
    """Secrets that a process needs to hide or reveal; the repr does not show them, and they can't be pickled."""

    source: KeySource
    seed: bytes  # 32 random bytes, fresh for each run, from which all other randomness follows

    @classmethod
    def fresh(cls, source: KeySource) -> Self:
        """Return the secrets of a new run."""
        return cls(source, SYSTEM(SEED_BYTES))

    def exported(self) -> bytes:
        """Return the secrets as bytes, to be encrypted by the caller; `imported` is the inverse."""
        return self.seed + export_secret(self.source)

    @classmethod
    def imported(cls, data: bytes) -> Self:
        """Return the secrets that `exported` turned into bytes."""
        return cls(import_secret(data[SEED_BYTES:]), data[:SEED_BYTES])

    def randomness(self, number: int) -> Randomness:
        """Return the randomness of a task: a repeated task draws the same, and so writes the same bytes.

        Each draw is a separate output of HKDF, so that it can't be told from random without the seed.
        """
        draws = count()

        def draw(size: int) -> bytes:
            info = _DRAWN + number.to_bytes(8, "big") + next(draws).to_bytes(8, "big")
            return HKDF(algorithm=SHA256(), length=size, salt=None, info=info).derive(self.seed)

        return draw


@dataclass(frozen=True)
class Task:
    """Work of one process: one file, or a few in order whose results may collide.

    The files that it writes into the folder `out` depend only on its jobs and the secrets.

    Attributes:
        number: number of its first job; unique.
        present: names of files that existed before the run, and that its results might have.
    """

    number: int
    jobs: tuple[Job, ...]
    out: OutputFolder
    present: frozenset[str] = frozenset()

    @contextmanager
    def result(self, folder: OutputFolder, out: Place) -> Iterator[OutputTarget]:
        """Yield the target to write a result to on a cluster; files from before the run are kept, as on one machine.

        A file that did not exist before is a result of this task, whose process ended before it could report it.
        """
        if out.name in self.present and not folder.force:
            raise already_exists(out)
        with stored(out) as path:
            yield replace(folder.target(path), force=True)


# Function that yields an outcome for each job of a task.
Do = Callable[[Task, Secrets, Progress, Writing], Outcomes]


def hide_task(job: HideJob, task: Task, secrets: Secrets, progress: Progress, writing: Writing) -> Outcomes:
    """Hide in the covers of a task; yield an outcome for each."""
    shown = job.showing(progress)
    drawn = replace(shown.context, randomness=secrets.randomness(task.number))
    return hide_each(FolderPlan(task.jobs), task.out, replace(shown, context=drawn), secrets.source, writing)


def reveal_task(
    strict: bool, context: Context, task: Task, secrets: Secrets, progress: Progress, writing: Writing
) -> Outcomes:
    """Reveal from the containers of a task; yield an outcome for each."""
    shown = replace(context, progress=progress)
    return reveal_each(FolderPlan(task.jobs), task.out, secrets.source, strict, shown, writing)


def do_folder(
    plan: FolderPlan,
    out: OutputFolder,
    do: Do,
    secrets: Secrets,
    where: int | str,
    progress: Progress = no_progress,
) -> Outcomes:
    """Do the jobs of a plan; yield their outcomes in the order of the jobs.

    Close the generator to stop early: unfinished files are then removed. The same plan, secrets and options give the
    same bytes anywhere.

    Args:
        plan: jobs of a folder.
        out: folder for the results.
        do: `hide_task` or `reveal_task`, with its first arguments.
        secrets: key source and seed of the run.
        where: as for `over_processes`.
        progress: called with the progress of the first job that is not done, on this machine.
    """
    on_cluster = isinstance(where, str)
    tasks = tasks_of(plan, out, _names_in(out) if on_cluster else ())
    work = Work(partial(_do_on_cluster if on_cluster else _do_here, do), _lost, _memory)
    done: dict[Job, Outcome] = {}
    with closing(over_processes(work, tasks, where, secret=secrets.exported(), progress=progress)) as groups:
        outcomes = chain.from_iterable(groups)
        for job in plan.jobs:
            while job not in done:
                outcome = next(outcomes)
                done[outcome.job] = outcome
            yield done.pop(job)


def _do_here(do: Do, task: Task, secret: bytes, progress: Progress) -> list[Outcome]:
    """Do a task on this machine."""
    return list(do(task, Secrets.imported(secret), progress, write_here))


def _do_on_cluster(do: Do, task: Task, secret: bytes, progress: Progress) -> list[Outcome]:
    """Do a task, perhaps again, in a process of a cluster."""
    outcomes = do(task, Secrets.imported(secret), progress, task.result)
    sized = ((outcome, size_of(outcome.out) if outcome.out else None) for outcome in outcomes)
    return [replace(outcome, node=node_name(), size=size) for outcome, size in sized]


def _lost(task: Task, error: StegnetError) -> list[Outcome]:
    """Return the outcomes of a task whose process ended early."""
    return [Outcome(job, error=error) for job in task.jobs]


def useful_processes(plan: FolderPlan, context: Context, computes: bool = True) -> int:
    """Return the number of processes that do a plan's jobs soonest; 1: this one, since starting others takes time.

    One process keeps a GPU busy, and several would fill its memory: it `computes` if it may need a network.
    """
    if computes and uses_gpu(context.backend, context.device):
        return 1
    start_seconds = 0.6  # of processor time, to start a process
    most = min(thread_count(), len(plan.jobs))
    worth_starting = 1
    for seconds in accumulate(_cost(job).seconds for job in plan.jobs):
        worth_starting = int(seconds / start_seconds)
        if worth_starting >= most:
            return most
    return max(1, worth_starting)


class _Cost(NamedTuple):
    """Upper bound of the cost of a job."""

    memory: float  # bytes
    seconds: float  # of processor time


def _cost(job: Job) -> _Cost:
    """Return a measured upper bound of a job's cost, from its source's pixels or bytes, for any method."""
    smallest = 100_000_000  # bytes that a process needs for the smallest picture
    source = job.source
    assert isinstance(source, Path), "addresses are for clusters"
    if job.kind == PICTURE:
        try:
            with open_picture(source) as image:
                pixels = image.width * image.height
        except Exception:  # whatever it is, the job meets it too, and reports it
            return _Cost(smallest, 0)
        return _Cost(smallest + 110 * pixels, 0.1 + 2e-7 * pixels)
    size = source.stat().st_size if source.is_file() else 0
    if job.kind == SOUND:
        return _Cost(smallest + min(25 * size, 200_000_000), 0.2 + 1e-7 * size)  # a segment at a time
    return _Cost(5 * smallest, 1 + 1e-6 * size)  # a film keeps a few frames in memory


def _memory(task: Task) -> float:
    """Return the bytes that a task needs."""
    return max(_cost(job).memory for job in task.jobs)


def _names_in(folder: OutputFolder) -> list[str]:
    """Return the names of the files in a folder for results."""
    if isinstance(folder.path, RemotePath):
        return [file.name for file in folder.path.files()[0]] if folder.path.is_dir() else []
    with reading(folder.path):
        return [path.name for path in folder.path.iterdir()]


def tasks_of(plan: FolderPlan, out: OutputFolder, names: Iterable[str] = ()) -> list[Task]:
    """Return the tasks of a plan, in its order; their results have the names that they have in one process.

    `names` are those of the files that are in the folder for the results already.
    """
    counts = Counter(folded(job.source.stem) for job in plan.jobs)

    def group(stem: str) -> str:
        """Return the first of the stems whose results may collide: a-2 belongs to group a if two files are named a."""
        base, _, number = stem.rpartition("-")
        if base not in counts or not number.isdecimal() or number.startswith("0"):
            return stem
        first = group(base)
        return first if counts[base] > 1 or first != base else stem

    present: dict[str, set[str]] = defaultdict(set)
    groups: dict[str, list[tuple[int, Job]]] = defaultdict(list)
    for name in names:
        present[group(folded(PurePath(name).stem))].add(name)
    for number, job in enumerate(plan.jobs):
        groups[group(folded(job.source.stem))].append((number, job))
    return [
        Task(jobs[0][0], tuple(job for _, job in jobs), out, frozenset(present[stem])) for stem, jobs in groups.items()
    ]
