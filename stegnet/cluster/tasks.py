"""Tasks, each the work of one process of a cluster: a job, or a few whose results may want the same name.

A long film becomes more tasks: one for each of its segments, and then one that joins them.

Jobs are planned and worked off by `stegnet.files.folder`, as on one machine. What a task writes follows from its jobs
and its secrets alone.
"""

import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Protocol

from stegnet.cluster.envelope import Secrets
from stegnet.core.address import Address, Place, fetched, size_of, stored
from stegnet.core.errors import reading
from stegnet.core.names import folded
from stegnet.files import FolderPlan, Job, Outcome, hide_each, reveal_each, write_hidden
from stegnet.media.output import exists_already
from stegnet.methods import ALL_FRAMES, DEFAULT_RUN, Hidden, Hider, Part, Run
from stegnet.results import OutputTarget, Report

SEGMENT = ".segment-"  # names of segments begin with it


@dataclass(frozen=True)
class Task:
    """Jobs that one process does, in order.

    Attributes:
        number: of its first job; unique.
        out: the folder for the results.
        present: names of files that were there before the run, and that its results or segments might have.
        part: what is done of a film.
        segment: the file for a segment.
    """

    number: int
    jobs: tuple[Job, ...]
    out: OutputTarget
    present: frozenset[str] = frozenset()
    part: Part = ALL_FRAMES
    segment: Place | None = None

    @contextmanager
    def result(self, out: OutputTarget) -> Iterator[OutputTarget]:
        """Yields the target to write a result or segment to; what was there before the run is kept, as on one machine.

        What was not there before is a result of this task, whose process ended before it could say so.

        Raises:
            MediaError: it exists already.
        """
        if out.path.name in self.present and not out.force:
            raise exists_already(out.path)
        with stored(self.segment or out.path) as path:
            yield replace(out, path=path, force=True)


class Work(Protocol):
    """Does tasks; can be pickled."""

    def outcomes(self, task: Task, secrets: Secrets) -> list[Outcome]:
        """One for each of its jobs.

        Raises:
            LongFilm: it is better done as several tasks.
        """


@dataclass(frozen=True)
class HidingWork:
    """Hides secrets in covers."""

    hider: Hider

    def outcomes(self, task: Task, secrets: Secrets) -> list[Outcome]:
        """One for each of its jobs.

        Raises:
            LongFilm: its film is longer than `task.part` allows.
        """
        run = replace(self.hider.run, randomness=secrets.randomness(task.number), part=task.part)
        hider = replace(self.hider, run=run)

        def hide(cover: Path, secret: Place, out: OutputTarget) -> Report:
            with task.result(out) as target, fetched(secret) as secret_path:
                return hider(cover, secret_path, target, secrets.source)

        outcomes = hide_each(FolderPlan(task.jobs), task.out, hide, hider.method.form)
        return list(outcomes) if task.segment else _measured(outcomes)


@dataclass(frozen=True)
class RevealingWork:
    """Reveals what containers hide."""

    strict: bool = False
    run: Run = DEFAULT_RUN

    def outcomes(self, task: Task, secrets: Secrets) -> list[Outcome]:
        """One for each of its jobs."""

        def write(hidden: Hidden, out: OutputTarget) -> Report:
            with task.result(out) as target:
                return write_hidden(hidden, target, self.strict)

        return _measured(reveal_each(FolderPlan(task.jobs), task.out, secrets.source, write, self.run))


def _measured(outcomes: Iterator[Outcome]) -> list[Outcome]:
    """The same with the sizes of their files."""
    return [replace(each, size=size_of(each.out)) if each.out else each for each in outcomes]


def tasks_of(plan: FolderPlan, out: OutputTarget) -> list[Task]:
    """The tasks of a plan, in its order; their results have the names that they have on one machine.

    Args:
        out: the folder for the results.
    Raises:
        MediaError: the folder can't be listed.
    """
    present: dict[str, list[str]] = {}
    for name in _names_in(out.path):
        present.setdefault(_owner(name), []).append(name)
    tasks = []
    for numbers in _groups([folded(job.source.stem) for job in plan.jobs]):
        jobs = tuple(plan.jobs[number] for number in numbers)
        stems = {folded(job.source.stem) for job in jobs}
        stems |= {f"{stem}-{count}" for stem in stems for count in range(2, len(jobs) + 1)}
        owners = stems | {segment_start(job) for job in jobs}
        names = frozenset(name for owner in owners for name in present.get(owner, ()))
        tasks.append(Task(numbers[0], jobs, out, names))
    return tasks


def _groups(stems: Sequence[str]) -> list[list[int]]:
    """Numbers of stems, together those whose results may want one name: equal ones, and what `Names` makes of them."""
    counts = Counter(stems)
    leader = {stem: stem for stem in counts}

    def leading(stem: str) -> str:
        while leader[stem] != stem:
            stem = leader[stem]
        return stem

    for stem, many in counts.items():
        suffix, free = 2, many - 1
        while free:
            other = f"{stem}-{suffix}"
            if other in counts:
                leader[leading(other)] = leading(stem)
            else:
                free -= 1
            suffix += 1
    groups: dict[str, list[int]] = {}
    for number, stem in enumerate(stems):
        groups.setdefault(leading(stem), []).append(number)
    return list(groups.values())


def segment_start(job: Job) -> str:
    """Beginning of the names of a film's segments: that of hidden files, and short however long its own name is."""
    return SEGMENT + hashlib.sha256(os.fsencode(folded(job.source.stem))).hexdigest()[:16]


def _owner(name: str) -> str:
    """The owner of a file: its stem, regardless of case, or the beginning of a segment's name."""
    return name[: len(SEGMENT) + 16] if name.startswith(SEGMENT) else folded(PurePath(name).stem)


def _names_in(folder: Place) -> list[str]:
    if isinstance(folder, Address):
        return [file.name for file in folder.files()[0]] if folder.is_dir() else []
    with reading(folder):
        return [path.name for path in folder.iterdir()]
