"""Folders of files: listing them, pairing covers with secrets, naming results, and doing the jobs in turn.

Folders are on this machine, or in object stores. There, names distinguish pictures from films, as looking into each
file would take a request.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path
from textwrap import shorten

from stegnet.core.errors import CapacityError, MediaError, StegnetError, reading
from stegnet.core.names import COVERS, FILM, FORMS, PICTURE, SOUND, Names, counted, either
from stegnet.core.remote_path import Place, RemotePath, fetched
from stegnet.core.text import Setting, Text
from stegnet.keys import KeySource
from stegnet.media.cover import check_input, kind, kind_of_secret, visible_form
from stegnet.methods import HideJob
from stegnet.results import OutputTarget, Report

_NAMED = 5  # skipped files that a note names
_SUFFIXES = {  # suffixes that identify files in object stores, and names of files rather than folders
    FILM: (".avi", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ts", ".webm", ".wmv"),
    PICTURE: (".avif", ".bmp", ".gif", ".heic", ".heif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"),
    SOUND: FORMS[SOUND],
}
_ANY_FILE = Text(Setting("method", "sealed"), " hides any file")
_MATCHED = (PICTURE, FILM)  # kinds of secrets that go into covers of the same kind

Files = list[tuple[Place, str]]  # with the media kind of each


@dataclass(frozen=True)
class Job:
    """One file to hide in or to reveal from.

    Attributes:
        source: the cover, or the container.
        kind: kind of the source, one of COVERS.
        secret: file to hide in a cover; None for a container.
    """

    source: Place
    kind: str
    secret: Place | None = None


@dataclass(frozen=True)
class FolderPlan:
    """Jobs of a folder, in natural order of the sources, and a note on each file that is skipped or repeated."""

    jobs: tuple[Job, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """Result of a job: a file and its report, or an error.

    Attributes:
        size: size of the file in bytes, if known.
        node: machine that did the job, if there are several.
    """

    job: Job
    out: Place | None = None
    report: Report | None = None
    error: StegnetError | None = None
    size: int | None = None
    node: str = ""


def media_files(folder: Place, hint: str = "", kinds: Sequence[str] = COVERS) -> tuple[Files, tuple[str, ...]]:
    """List the files of these kinds in a folder in natural order, with notes on skipped files.

    Raises:
        MediaError: the folder can't be read, or holds no such files.
    """
    files, notes = _files(folder)
    found = [(path, what) for path in files if (what := _kind(path)) in kinds]
    if not found:
        raise MediaError(f"no {either(kinds)} in this folder", hint, subject=folder)
    media = {path for path, _ in found}
    skipped = [path.name for path in files if path not in media]
    return found, (*notes, *_skipped(folder, skipped, f"not a {either(kinds)}"))


def _files(folder: Place) -> tuple[list[Place], tuple[str, ...]]:
    """List the files in a folder in natural order, with a note on hidden files and other entries."""
    if isinstance(folder, RemotePath):
        files, others = folder.files()
    else:
        with reading(folder):
            paths = list(folder.iterdir())
            files = [path for path in paths if path.is_file()]
        others = [path.name for path in set(paths) - set(files)]
    others += [path.name for path in files if path.name.startswith(".")]
    shown = [path for path in files if not path.name.startswith(".")]
    notes = _skipped(folder, sorted(others, key=natural), "hidden, or not files")
    return sorted(shown, key=lambda path: natural(path.name)), notes


def _kind(path: Place) -> str:
    """Return the media kind of a file, or "". A damaged or unreadable file has a kind, too, so that its job fails."""
    if isinstance(path, RemotePath):
        suffix = path.suffix.lower()
        return next((what for what, suffixes in _SUFFIXES.items() if suffix in suffixes), "")
    try:
        path.open("rb").close()
        return kind(path)
    except MediaError:
        form = visible_form(path)
        return form.kind if form else ""
    except Exception:  # its job fails, too, and says why; the other files are not affected
        return PICTURE


def natural(name: str) -> tuple[list[str | int], str]:
    """Return a sorting key by which 2 comes before 10."""
    parts = re.split("([0-9]+)", name.casefold())
    return [int(part) if index % 2 else part for index, part in enumerate(parts)], name


def _skipped(folder: Place, names: list[str], why: str) -> tuple[str, ...]:
    if not names:
        return ()
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return (f"{folder}: skipped ({why}): {', '.join(names[:_NAMED])}{more}",)


def plan_hiding(
    covers: Place, secrets: Place, any_file: bool = False, kinds: Sequence[str] = COVERS, matched: bool = False
) -> FolderPlan:
    """Pair the covers in a folder with secrets, both in natural order.

    If there are fewer secrets than covers, they are repeated in order.

    Args:
        secrets: a folder, or one file that goes into each cover.
        any_file: secrets may be any files, and go into any cover; else pictures go into pictures, and films into films.
        kinds: kinds of covers.
        matched: with `any_file`, still put pictures into pictures and films into films if all secrets of a folder are
            pictures or films, and not all covers are sounds.
    Raises:
        MediaError: a folder can't be read or holds no suitable files, or the one secret can't be read.
        CapacityError: there are more secrets than covers.
    """
    chosen, notes = media_files(covers, kinds=kinds)
    if is_folder(secrets):
        if any_file:
            files, more = _files(secrets)
            if not files:
                raise MediaError("no file in this folder", subject=secrets)
            matched = matched and {what for _, what in chosen} != {SOUND}
            hidden = [(path, _kind(path) if matched else "") for path in files]
            if not all(what in _MATCHED for _, what in hidden):
                hidden = [(path, "") for path in files]
        else:
            hidden, more = media_files(secrets, _ANY_FILE, _MATCHED)
        kinds_of_covers = [what if hidden[0][1] else "" for _, what in chosen]
        notes = (*notes, *more, *_repeated(kinds_of_covers, hidden))
    else:
        if isinstance(secrets, Path):
            check_input(secrets)
        hidden = [(secrets, "" if any_file else _kind_of_secret(secrets))]
        if len(chosen) > 1:
            notes = (*notes, f"the secret is hidden {len(chosen)} times, whole in each cover")
    turns = {what: cycle([path for path, its in hidden if its == what]) for what in {its for _, its in hidden}}
    # A cover without a secret of its kind gets another one, and hiding reports the error.
    other = next(iter(turns.values()))
    return FolderPlan(tuple(Job(path, what, next(turns.get(what, other))) for path, what in chosen), notes)


def _kind_of_secret(secret: Place) -> str:
    if isinstance(secret, Path):
        return kind_of_secret(secret)
    if (what := _kind(secret)) in (PICTURE, FILM):
        return what
    raise MediaError("neither a picture nor a film by its name", _ANY_FILE, subject=secret)


def _repeated(covers: list[str], secrets: Files) -> Iterator[str]:
    """Yield notes on repeated secrets of each kind. Raises CapacityError if there are more secrets than covers."""
    for what, count in Counter(what for _, what in secrets).items():
        available = covers.count(what)
        things, places = counted(count, what or "file"), counted(available, "cover")
        if count > available:
            hint = "add covers, or remove secrets: none is left out silently"
            raise CapacityError(f"{things} to hide, and only {places} for that", hint)
        if count < available:
            yield f"{things} for {places}: repeated in order"


def plan_revealing(containers: Place) -> FolderPlan:
    """Plan all pictures, films and sounds in a folder, in natural order; errors are those of `media_files`."""
    found, notes = media_files(containers)
    return FolderPlan(tuple(Job(path, what) for path, what in found), notes)


Writing = Callable[[OutputTarget], AbstractContextManager[OutputTarget]]  # yields the target to write to instead


def hide_each(
    plan: FolderPlan, folder: OutputTarget, hide: HideJob, key_source: KeySource, writing: Writing = nullcontext
) -> Iterator[Outcome]:
    """Hide pair after pair; an error ends only its pair.

    Args:
        folder: for the results: `a.bmp` becomes `folder/a.png`, for example.
    """
    names = Names()

    def work(job: Job) -> tuple[Place, Report]:
        with fetched(job.source) as cover:
            out = folder.path / names.take(job.source.stem, hide.suffix_of(cover))
            with writing(replace(folder, path=out)) as target, fetched(job.secret) as secret:
                return out, hide(cover, secret, target, key_source)

    return do_each(plan.jobs, work)


def do_each(jobs: Iterable[Job], work: Callable[[Job], tuple[Place, Report]]) -> Iterator[Outcome]:
    """Do jobs in turn; an error ends only its job, even an error that no file should cause."""
    for job in jobs:
        try:
            out, report = work(job)
        except StegnetError as error:
            yield Outcome(job, error=error)
        except MemoryError:
            hint = "use a smaller file, or a machine with more memory"
            yield Outcome(job, error=StegnetError("needs more memory than there is", hint, subject=job.source))
        except Exception as error:  # whatever it is, the other files are not affected
            yield Outcome(job, error=_fault(job, error))
        else:
            yield Outcome(job, out, report)


def _fault(job: Job, error: Exception) -> StegnetError:
    """Return the error for an exception that is a fault of this program, or of a library that reads a file."""
    reason = shorten(f"{type(error).__name__}: {error}", 200, placeholder=" …")
    shown = StegnetError(f"ended by a fault ({reason})", "please report this line, with the file", subject=job.source)
    shown.__cause__ = error
    return shown


@contextmanager
def results_folder(folder: Place, *inputs: Place, private: bool = False) -> Iterator[None]:
    """Create the folder for the results if it is missing, and remove it again if it stays empty.

    Object stores have no folders: nothing is created there. A new `private` folder is accessible to its owner only.

    Raises:
        MediaError: the folder can't be created, is a file, or is one of the inputs.
    """
    local = isinstance(folder, Path)
    try:
        made = local and not folder.exists()
        if local:
            folder.mkdir(0o700 if private else 0o777, exist_ok=True)
        if folder in inputs or (local and any(folder.samefile(other) for other in inputs if isinstance(other, Path))):
            raise MediaError("is an input too", "name another folder for the results", subject=folder)
    except OSError as error:
        raise MediaError(f"is not a folder, and none can be made ({error.strerror})", subject=folder) from error
    try:
        yield
    finally:
        if made and not any(folder.iterdir()):
            folder.rmdir()


def is_file_name(path: Place) -> bool:
    """Return whether a path has the suffix of a picture, film or sound, and is not a folder."""
    return any(path.suffix.lower() in suffixes for suffixes in _SUFFIXES.values()) and not is_folder(path)


def is_folder(path: Place) -> bool:
    """Return whether a path is certainly a folder; if it can't be examined, reading it will raise the error."""
    try:
        return path.is_dir()
    except OSError:
        return False
