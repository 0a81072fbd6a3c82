"""Folders of files: pairing covers with secrets, naming results, and running one job after the other."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path

from stegnet.core.errors import CapacityError, MediaError, StegnetError
from stegnet.core.names import Names
from stegnet.core.remote_path import Place, fetched
from stegnet.files.finding import find, open_hidden
from stegnet.files.listing import Files, any_files, kind_of_only, media_files
from stegnet.files.reveal import suffix_of
from stegnet.keys import KeySource
from stegnet.methods import DEFAULT_CONTEXT, Context, FoundSecret
from stegnet.results import OutputTarget, Report


@dataclass(frozen=True)
class Job:
    """One file to hide in or to reveal from.

    Attributes:
        source: the cover, or the container.
        kind: of the source: "picture" or "film".
        secret: to hide in a cover; None for a container.
    """

    source: Place
    kind: str
    secret: Place | None = None


@dataclass(frozen=True)
class FolderPlan:
    """Jobs of a folder.

    Attributes:
        jobs: in natural order of the sources.
        notes: one line each on files that are skipped or repeated.
    """

    jobs: tuple[Job, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """Result of a job: a file and its report, or an error.

    Attributes:
        size: of the file in bytes, if it is known.
        node: the machine that did it, if it is one of several.
    """

    job: Job
    out: Place | None = None
    report: Report | None = None
    error: StegnetError | None = None
    size: int | None = None
    node: str = ""


def plan_hiding(covers: Place, secrets: Place, any_file: bool = False) -> FolderPlan:
    """Pairs the covers in a folder with secrets, both in natural order, pictures with pictures and films with films.

    Fewer secrets than covers are repeated in order.

    Args:
        covers: a folder. Of addresses, the names tell pictures from films, as to look into each would take a request.
        secrets: a folder, or one file that goes into each cover.
        any_file: secrets may be any files, and go into any cover.
    Raises:
        MediaError: a folder can't be read or holds no suitable files, or the one secret can't be read.
        CapacityError: there are more secrets than covers.
    """
    chosen, notes = media_files(covers)
    if is_folder(secrets):
        hidden, more = any_files(secrets) if any_file else media_files(secrets, '`method="sealed"` hides any file')
        notes = (*notes, *more, *_repeated(chosen, hidden, any_file))
    else:
        hidden = [(secrets, kind_of_only(secrets, any_file))]
    turns = {what: cycle([path for path, its in hidden if its == what]) for what in {its for _, its in hidden}}
    # A cover that has no secret of its kind gets another: hiding says what is wrong.
    other = next(iter(turns.values()))
    return FolderPlan(tuple(Job(path, what, next(turns.get(what, other))) for path, what in chosen), notes)


def plan_revealing(containers: Place) -> FolderPlan:
    """Plans all pictures and films in a folder, in natural order.

    Raises:
        MediaError: it can't be read, or holds none.
    """
    found, notes = media_files(containers)
    return FolderPlan(tuple(Job(path, what) for path, what in found), notes)


def hide_each(
    plan: FolderPlan,
    folder: OutputTarget,
    hide: Callable[[Path, Place, OutputTarget], Report],
    suffix_of: Callable[[Path], str],
) -> Iterator[Outcome]:
    """Hides pair after pair; an error ends only its pair.

    Args:
        folder: for the results: `a.bmp` becomes `folder/a.png`, for example.
        hide: hides a secret in a cover.
        suffix_of: suffix of the container of a cover.
    """
    names = Names()

    def work(job: Job) -> tuple[Place, Report]:
        assert job.secret is not None
        with fetched(job.source) as cover:
            out = folder.path / names.take(job.source.stem, suffix_of(cover))
            return out, hide(cover, job.secret, replace(folder, path=out))

    return _each(plan.jobs, work)


def reveal_each(
    plan: FolderPlan,
    folder: OutputTarget,
    key_source: KeySource,
    write: Callable[[FoundSecret, OutputTarget], Report],
    context: Context = DEFAULT_CONTEXT,
) -> Iterator[Outcome]:
    """Reveals one container after the other; an error ends only its job.

    Args:
        folder: for the results; their suffix follows from what is hidden.
        write: writes what was found in a container.
    """
    names = Names()

    def work(job: Job) -> tuple[Place, Report]:
        with fetched(job.source) as path, open_hidden(path, key_source) as container:
            hidden = find(container, context)
            out = folder.path / names.take(job.source.stem, suffix_of(hidden, folder.lossless))
            return out, write(hidden, replace(folder, path=out))

    return _each(plan.jobs, work)


@contextmanager
def results_folder(folder: Place, *inputs: Place, private: bool = False) -> Iterator[None]:
    """Creates the folder for the results if it is missing, and removes it again if it stays empty.

    Object stores have no folders: nothing is created there.

    Args:
        private: a new folder is accessible to its owner only; an existing one is not changed.
    Raises:
        MediaError: it can't be created, is a file, or is one of the inputs.
    """
    local = isinstance(folder, Path)
    try:
        made = local and not folder.exists()
        if local:
            folder.mkdir(0o700 if private else 0o777, exist_ok=True)
        if folder in inputs or (local and any(folder.samefile(other) for other in inputs if isinstance(other, Path))):
            raise MediaError(f"{folder}: is an input too", "name another folder for the results")
    except OSError as error:
        raise MediaError(f"{folder}: is not a folder, and none can be made ({error.strerror})") from error
    try:
        yield
    finally:
        if made and not any(folder.iterdir()):
            folder.rmdir()


def is_folder(path: Place) -> bool:
    """True if a path is certainly a folder; if it can't be examined, reading it will give the error."""
    try:
        return path.is_dir()
    except OSError:
        return False


def _each(jobs: Iterable[Job], work: Callable[[Job], tuple[Place, Report]]) -> Iterator[Outcome]:
    for job in jobs:
        try:
            out, report = work(job)
        except StegnetError as error:
            yield Outcome(job, error=error)
        else:
            yield Outcome(job, out, report)


def _repeated(covers: Files, secrets: Files, any_file: bool) -> Iterator[str]:
    """Compares the numbers of covers and secrets of each kind.

    Raises:
        CapacityError: there are more secrets than covers.
    """
    room = Counter("" if any_file else what for _, what in covers)
    for what, count in Counter(what for _, what in secrets).items():
        things, covers_there = _counted(count, what or "file"), _counted(room[what], "cover")
        if count > room[what]:
            hint = "add covers, or remove secrets: none is left out silently"
            raise CapacityError(f"{things} to hide, and only {covers_there} for that", hint)
        if count < room[what]:
            yield f"{things} for {covers_there}: repeated in order"


def _counted(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"
