"""Folders of files: listing them, pairing covers with secrets, naming results, and doing the jobs in turn.

Folders are on this machine, or in object stores. There, names distinguish pictures from films, as looking into each
file would take a request.
"""

import re
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from textwrap import shorten
from typing import overload

from stegnet.core.errors import CapacityError, MediaError, StegnetError, reading
from stegnet.core.names import COVERS, FILM, PICTURE, SOUND, Names, counted, either
from stegnet.core.remote_path import Place, RemotePath, fetched
from stegnet.core.text import Setting, Text
from stegnet.formats.signatures import SUFFIXES
from stegnet.hide_file import HideJob
from stegnet.keys import KeySource
from stegnet.media.cover import check_input, kind, kind_of_secret, visible_form
from stegnet.results import OutputFolder, OutputTarget, Report

Files = Sequence[tuple[Place, str]]  # files with their media kinds
LocalFiles = Sequence[tuple[Path, str]]
Notes = tuple[str, ...]


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
    notes: Notes = ()


@dataclass(frozen=True)
class Outcome:
    """Result of a job: a file and its report, or an error.

    Attributes:
        out: file that was written; None after an error.
        report: its report; None after an error.
        error: reason why there is no file; None if there is one.
        size: size of the file in bytes, if known.
        node: machine that did the job, if there are several.
    """

    job: Job
    out: Place | None = None
    report: Report | None = None
    error: StegnetError | None = None
    size: int | None = None
    node: str = ""

    @property
    def written(self) -> tuple[Place, Report]:
        """File that was written, and its report; the job must not have failed."""
        assert self.out is not None
        assert self.report is not None
        return self.out, self.report


Outcomes = Generator[Outcome, None, None]


@overload
def media_files(folder: Path, hint: str = "", kinds: Sequence[str] = COVERS) -> tuple[LocalFiles, Notes]: ...


@overload
def media_files(folder: Place, hint: str = "", kinds: Sequence[str] = COVERS) -> tuple[Files, Notes]: ...


def media_files(folder: Place, hint: str = "", kinds: Sequence[str] = COVERS) -> tuple[Files, Notes]:
    """List the files of these kinds in a folder in natural order, with notes on skipped files.

    Raises:
        MediaError: the folder can't be read, or holds no such files.
    """
    files, notes = _files(folder)
    media = [(path, kind_of_file) for path in files if (kind_of_file := _kind(path)) in kinds]
    if not media:
        raise MediaError(f"no {either(kinds)} in this folder", hint, subject=folder)
    listed = {path for path, _ in media}
    skipped = [path.name for path in files if path not in listed]
    return media, (*notes, *_skipped(folder, skipped, f"not a {either(kinds)}"))


def _files(folder: Place) -> tuple[list[Place], Notes]:
    """List the files in a folder in natural order, with a note on hidden files and other entries."""
    files: list[Place]
    if isinstance(folder, RemotePath):
        remote_files, skipped = folder.files()
        files = list(remote_files)
    else:
        with reading(folder):
            paths = list(folder.iterdir())
            files = [path for path in paths if path.is_file()]
        skipped = [path.name for path in set(paths) - set(files)]

    skipped += [path.name for path in files if path.name.startswith(".")]
    shown = [path for path in files if not path.name.startswith(".")]
    notes = _skipped(folder, sorted(skipped, key=natural), "hidden, or not files")
    return sorted(shown, key=lambda path: natural(path.name)), notes


def _kind(path: Place) -> str:
    """Return the media kind of a file, or "". A damaged or unreadable file has a kind, too, so that its job fails."""
    if isinstance(path, RemotePath):
        suffix = path.suffix.lower()
        return next((kind_of_suffix for kind_of_suffix, suffixes in SUFFIXES.items() if suffix in suffixes), "")
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


def _skipped(folder: Place, names: list[str], why: str) -> Notes:
    """Return a note on skipped files that names five of them; () without such files."""
    if not names:
        return ()
    named = names[:5]
    more = f" and {len(names) - len(named)} more" if len(names) > len(named) else ""
    return (f"{folder}: skipped ({why}): {', '.join(named)}{more}",)


def plan_hiding(
    covers: Place, secrets: Place, any_file: bool = False, kinds: Sequence[str] = COVERS, matched: bool = False
) -> FolderPlan:
    """Pair the covers in a folder with secrets, both in natural order.

    If there are fewer secrets than covers, they are repeated in order.

    Args:
        covers: folder of covers.
        secrets: a folder, or one file that goes into each cover.
        any_file: secrets may be any files, and go into any cover; else pictures go into pictures, and films into films.
        kinds: kinds of covers.
        matched: with `any_file`, still put pictures into pictures and films into films if all secrets of a folder are
            pictures or films, and not all covers are sounds.

    Raises:
        MediaError: a folder can't be read or holds no suitable files, or the one secret can't be read.
        CapacityError: there are more secrets than covers.
    """
    cover_files, notes = media_files(covers, kinds=kinds)
    cover_kinds = [cover_kind for _, cover_kind in cover_files]
    if is_folder(secrets):
        hidden, more = _secrets_of_folder(secrets, any_file, matched and set(cover_kinds) != {SOUND})
        paired_kinds = cover_kinds if hidden[0][1] else [""] * len(cover_kinds)
        notes = (*notes, *more, *_repeated(paired_kinds, hidden))
    else:
        if isinstance(secrets, Path):
            check_input(secrets)
        hidden = [(secrets, "" if any_file else _kind_of_secret(secrets))]
        if len(cover_files) > 1:
            notes = (*notes, f"the secret goes whole into each of {len(cover_files)} covers")

    by_kind: dict[str, list[Place]] = {}
    for path, secret_kind in hidden:
        by_kind.setdefault(secret_kind, []).append(path)
    turns = {secret_kind: cycle(paths) for secret_kind, paths in by_kind.items()}
    # A cover without a secret of its kind gets one of another kind, and hiding reports the error.
    of_another_kind = next(iter(turns.values()))
    jobs = (Job(path, cover_kind, next(turns.get(cover_kind, of_another_kind))) for path, cover_kind in cover_files)
    return FolderPlan(tuple(jobs), notes)


def _secrets_of_folder(folder: Place, any_file: bool, matched: bool) -> tuple[Files, Notes]:
    """List the secrets in a folder with the kind of cover that each needs, "" for any; arguments as `plan_hiding`."""
    if not any_file:
        return media_files(folder, _hint_for_any_file(), (PICTURE, FILM))
    files, notes = _files(folder)
    if not files:
        raise MediaError("no file in this folder", subject=folder)
    if matched:
        with_kinds = [(path, _kind(path)) for path in files]
        if all(secret_kind in (PICTURE, FILM) for _, secret_kind in with_kinds):
            return with_kinds, notes
    return [(path, "") for path in files], notes


def _kind_of_secret(secret: Place) -> str:
    if isinstance(secret, Path):
        return kind_of_secret(secret)
    if (kind_by_name := _kind(secret)) in (PICTURE, FILM):
        return kind_by_name
    raise MediaError("neither a picture nor a film by its name", _hint_for_any_file(), subject=secret)


def _hint_for_any_file() -> Text:
    return Text(Setting("method", "sealed"), " hides any file")


def _repeated(cover_kinds: list[str], secrets: Files) -> Iterator[str]:
    """Yield notes on repeated secrets of each kind. Raises CapacityError if there are more secrets than covers."""
    for secret_kind, count in Counter(secret_kind for _, secret_kind in secrets).items():
        available = cover_kinds.count(secret_kind)
        secrets_in_words = counted(count, secret_kind or "file")
        covers_in_words = counted(available, "cover")
        if count > available:
            hint = "add covers, or remove secrets: none is left out silently"
            raise CapacityError(f"{secrets_in_words} to hide, and only {covers_in_words} for that", hint)
        if count < available:
            yield f"{secrets_in_words} for {covers_in_words}: repeated in order"


def plan_revealing(containers: Place) -> FolderPlan:
    """Plan all pictures, films and sounds in a folder, in natural order; errors are those of `media_files`."""
    files, notes = media_files(containers)
    return FolderPlan(tuple(Job(path, container_kind) for path, container_kind in files), notes)


# Function that yields the target for a result in a folder while it is written.
Writing = Callable[[OutputFolder, Place], AbstractContextManager[OutputTarget]]


@contextmanager
def write_here(folder: OutputFolder, out: Place) -> Iterator[OutputTarget]:
    """Yield the target for a result on this machine."""
    assert isinstance(out, Path), "a result in an object store is written by a task of a cluster"
    yield folder.target(out)


def hide_each(
    plan: FolderPlan, folder: OutputFolder, hide: HideJob, key_source: KeySource, writing: Writing = write_here
) -> Outcomes:
    """Hide pair after pair; an error ends only its pair.

    Args:
        plan: pairs of a cover and a secret.
        folder: folder for the results: `a.bmp` becomes `folder/a.png`, for example.
        hide: method, options and context by which each pair is hidden.
        key_source: key or passphrase of all containers.
        writing: yields the target of each result; by default a file of this machine.
    """
    names = Names()

    def work(job: Job) -> tuple[Place, Report]:
        assert job.secret is not None
        with fetched(job.source) as cover:
            out = folder.path / names.take(job.source.stem, hide.unasked_suffix(cover, alone=False))
            with writing(folder, out) as target, fetched(job.secret) as secret:
                return out, hide(cover, secret, target, key_source)

    return do_each(plan.jobs, work)


def do_each(jobs: Iterable[Job], work: Callable[[Job], tuple[Place, Report]]) -> Outcomes:
    """Do jobs in turn; an error ends only its job, even an error that no file should cause."""
    for job in jobs:
        try:
            out, report = work(job)
        except StegnetError as error:
            yield Outcome(job, error=in_folder(error))
        except MemoryError:
            hint = "use a smaller file, or a machine with more memory"
            yield Outcome(job, error=StegnetError("needs more memory than there is", hint, subject=job.source))
        except Exception as error:  # whatever it is, the other files are not affected
            reason = shorten(f"{type(error).__name__}: {error}", 200, placeholder=" …")
            hint = "please report this line, with the file"
            fault = StegnetError(f"ended by a fault ({reason})", hint, subject=job.source)
            fault.__cause__ = error
            yield Outcome(job, error=fault)
        else:
            yield Outcome(job, out, report)


def in_folder(error: StegnetError) -> StegnetError:
    """Return the error for one of several files, whose containers can't be named."""
    if not error.larger:
        return error
    return error.with_hint(Text(error.hint, "; for all files of a folder: ", Setting("method", "sealed")))


@contextmanager
def results_folder(folder: Place, *inputs: Place, private: bool = False) -> Iterator[None]:
    """Create the folder for the results if it is missing, and remove it again if it stays empty.

    Object stores have no folders: nothing is created there. A new `private` folder is accessible to its owner only.

    Raises:
        MediaError: the folder can't be created, is a file, or is one of the inputs.
    """
    is_input = MediaError("is an input too", "name another folder for the results", subject=folder)
    if isinstance(folder, RemotePath):
        if folder in inputs:
            raise is_input
        yield
        return

    try:
        is_new = not folder.exists()
        folder.mkdir(0o700 if private else 0o777, exist_ok=True)
        if folder in inputs or any(folder.samefile(source) for source in inputs if isinstance(source, Path)):
            raise is_input
    except OSError as error:
        raise MediaError(f"is not a folder, and none can be made ({error.strerror})", subject=folder) from error
    try:
        yield
    finally:
        if is_new and not any(folder.iterdir()):
            folder.rmdir()


def is_media_file_name(path: Place) -> bool:
    """Return whether a path has the suffix of a picture, film or sound, and is not a folder."""
    return any(path.suffix.lower() in suffixes for suffixes in SUFFIXES.values()) and not is_folder(path)


def is_folder(path: Place) -> bool:
    """Return whether a path is certainly a folder; if it can't be examined, reading it will raise the error."""
    try:
        return path.is_dir()
    except OSError:
        return False
