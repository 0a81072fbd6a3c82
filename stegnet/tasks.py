"""Tasks of a folder: each is the work of one process, on this machine or on a cluster.

The files that a task writes depend only on its jobs and the secrets, and have the same names as if one process did all.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import PurePath
from typing import Self

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from stegnet.core.disk import already_exists
from stegnet.core.errors import reading
from stegnet.core.names import folded
from stegnet.core.parallel import Progress
from stegnet.core.remote_path import Place, RemotePath, stored
from stegnet.files import FolderPlan, Job, Outcomes, hide_each, reveal_each
from stegnet.files.folder import Writing, write_here
from stegnet.keys import SYSTEM, KeySource, Randomness, Unpicklable
from stegnet.methods import DEFAULT_CONTEXT, Context, HideJob
from stegnet.networks.engines import uses_gpu
from stegnet.results import OutputFolder, OutputTarget

SEED_BYTES = 32
_DRAWN = b"stegnet/cluster/randomness"


@dataclass(frozen=True, repr=False)
class Secrets(Unpicklable):
    """Secrets that a process needs to hide or reveal; the repr does not show them, and they can't be pickled."""

    source: KeySource
    seed: bytes  # 32 random bytes, fresh for each run, from which all other randomness follows

    @classmethod
    def fresh(cls, source: KeySource, randomness: Randomness = SYSTEM) -> Self:
        """Return the secrets of a new run."""
        return cls(source, randomness(SEED_BYTES))

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
        """Yield the target to write a result to; files from before the run are kept, as on one machine.

        A file that did not exist before is a result of this task, whose process ended before it could report it.
        """
        if out.name in self.present and not folder.force:
            raise already_exists(out)
        with stored(out) as path:
            yield replace(folder.target(path), force=True)


@dataclass(frozen=True)
class HidingWork:
    """Work that hides secrets in covers; can be pickled."""

    job: HideJob

    @property
    def on_gpu(self) -> bool:
        """True if its networks compute on a GPU."""
        return self.job.method.info.computes and uses_gpu(self.job.context.backend, self.job.context.device)

    def here(self, plan: FolderPlan, out: OutputFolder, source: KeySource) -> Outcomes:
        """Do the jobs of a plan one after the other in this process; yield their outcomes."""
        return hide_each(plan, out, self.job, source)

    def showing(self, progress: Progress) -> "HidingWork":
        """Return a copy of this work that reports its progress."""
        return HidingWork(self.job.showing(progress))

    def outcomes(self, task: Task, secrets: Secrets, writing: Writing = write_here) -> Outcomes:
        """Yield an outcome for each job of the task."""
        drawn = replace(self.job.context, randomness=secrets.randomness(task.number))
        job = replace(self.job, context=drawn)
        return hide_each(FolderPlan(task.jobs), task.out, job, secrets.source, writing)


@dataclass(frozen=True)
class RevealingWork:
    """Work that reveals the secrets in containers; can be pickled."""

    strict: bool = False
    context: Context = DEFAULT_CONTEXT

    @property
    def on_gpu(self) -> bool:
        """True if networks compute on a GPU, if any are needed."""
        return uses_gpu(self.context.backend, self.context.device)

    def here(self, plan: FolderPlan, out: OutputFolder, source: KeySource) -> Outcomes:
        """Do the jobs of a plan one after the other in this process; yield their outcomes."""
        return reveal_each(plan, out, source, self.strict, self.context)

    def showing(self, progress: Progress) -> "RevealingWork":
        """Return a copy of this work that reports its progress."""
        return replace(self, context=replace(self.context, progress=progress))

    def outcomes(self, task: Task, secrets: Secrets, writing: Writing = write_here) -> Outcomes:
        """Yield an outcome for each job of the task."""
        plan = FolderPlan(task.jobs)
        return reveal_each(plan, task.out, secrets.source, self.strict, self.context, writing)


Work = HidingWork | RevealingWork


def tasks_of(plan: FolderPlan, out: OutputFolder) -> list[Task]:
    """Return the tasks of a plan, in its order; their results have the names that they have on one machine."""
    counts = Counter(folded(job.source.stem) for job in plan.jobs)

    def group(stem: str) -> str:
        """Return the first of the stems whose results may collide: a-2 belongs to group a if two files are named a."""
        base, _, number = stem.rpartition("-")
        if base not in counts or not number.isdecimal() or number.startswith("0"):
            return stem
        first = group(base)
        return first if counts[base] > 1 or first != base else stem

    if isinstance(out.path, RemotePath):
        names = [file.name for file in out.path.files()[0]] if out.path.is_dir() else []
    else:
        with reading(out.path):
            names = [path.name for path in out.path.iterdir()]

    present: dict[str, set[str]] = defaultdict(set)
    groups: dict[str, list[tuple[int, Job]]] = defaultdict(list)
    for name in names:
        present[group(folded(PurePath(name).stem))].add(name)
    for number, job in enumerate(plan.jobs):
        groups[group(folded(job.source.stem))].append((number, job))
    return [
        Task(jobs[0][0], tuple(job for _, job in jobs), out, frozenset(present[stem])) for stem, jobs in groups.items()
    ]
