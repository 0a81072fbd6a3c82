"""Revealing from file to file, by whatever method it was hidden, and from each container of a folder."""

import os
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from stegnet.core.errors import MediaError
from stegnet.core.names import FALLBACK, FILM, PICTURE, Names, safe_name
from stegnet.core.remote_path import Place, fetched
from stegnet.files.album import album_in
from stegnet.files.archive import is_archive, unpacks, write_folder
from stegnet.files.folder import FolderPlan, Job, Outcome, Writing, do_each, results_folder
from stegnet.image.pictures import check_lossless
from stegnet.keys import KeySource
from stegnet.methods import DEFAULT_CONTEXT, METHODS, Context, FoundSecret
from stegnet.record import Container, open_container
from stegnet.results import FORMS, REVEALED_FORMS, WATCHABLE_SUFFIX, OutputTarget, Report, plain_suffix

_PACKED = 'it is a packed folder, a ZIP: `stegnet reveal` of its container alone unpacks it (`to="FOLDER"`)'


def find(container: Container, context: Context = DEFAULT_CONTEXT) -> FoundSecret:
    """Finds what is hidden in a container: the cheapest methods are asked first.

    Raises:
        RevealError: nothing opens with the container's key, or it is damaged beyond use.
        MediaError: the container can't be read.
    """
    methods = METHODS.hiding_in(container.kind)
    for method in sorted(methods, key=lambda each: each.find_cost):
        hidden = method.find(container, context)
        if hidden is not None:
            return hidden
    error = container.not_opened()
    seconds = 0 if context.search else max(method.search_seconds(container) for method in methods)
    if seconds:
        film = container.kind == FILM
        changed = "frames were cut off or its frame rate changed" if film else "it was cropped or resized"
        error.hint += f"; if {changed} since, try `search=True`: about {seconds:.0f} s"
        error.searchable = True
    raise error


def open_hidden(path: Path, key_source: KeySource, context: Context = DEFAULT_CONTEXT) -> Container:
    """Opens a container, or the album in a folder.

    Raises:
        MediaError: it can't be read, or is a folder without an album that opens with this key.
    """
    if path.is_dir() and (album := album_in(path, key_source, context)) is not None:
        return album
    return open_container(path, key_source, context.progress)


def reveal_file(
    container: Path, out: OutputTarget, key_source: KeySource, strict: bool = False, context: Context = DEFAULT_CONTEXT
) -> Report:
    """Reveals the secret in a container: a picture or film in the format of the result's suffix, any file as it was.

    It may be a folder that holds an album. A film as MP4 is for watching, unless it is to be lossless. A file that is a
    picture or film of another format than the suffix says is converted likewise. Where the result names itself, a text
    is in the report instead.

    Args:
        strict: refuse a container that is not exactly as it was hidden, if it does not hide by bits that survive that.
    Raises:
        StegnetError: any but DataError, CapacityError and TrainingError.
    """
    with open_hidden(container, key_source, context) as opened:
        if out.named and not (out.folder or out.path.is_dir()):
            out.check((), "file", *opened.files)
        return write_hidden(find(opened, context), out, strict)


def write_hidden(hidden: FoundSecret, out: OutputTarget, strict: bool = False) -> Report:
    """Writes what was found; arguments and errors as `reveal_file`."""
    if unpacks(hidden, out):
        return write_folder(hidden, out, strict)
    if out.folder:
        with results_folder(out.path, hidden.container.path, private=True):
            return write_hidden(hidden, replace(out, folder=False), strict)
    if not out.named and (text := hidden.text(strict)) is not None:
        return text
    if not out.named or out.path.is_dir():
        own = FALLBACK + suffix_of(hidden, out.lossless) if hidden.name is None else safe_name(hidden.name)
        path = out.path / own
        if os.path.lexists(path):  # whose name the sender chose
            raise MediaError(f"{path}: already exists", 'choose another output name (`to="FILE"`)')
        out = replace(out, path=path, force=False, named=True)
    out.check(REVEALED_FORMS.get(hidden.kind, ()), hidden.kind, *hidden.container.files)
    if hidden.kind == PICTURE and out.lossless:
        check_lossless(out.path, out.path.suffix.lower())
    report = hidden.write(out, strict)
    notes = (*report.notes, _PACKED) if is_archive(hidden) else report.notes
    return replace(report, notes=notes, path=out.path)


def suffix_of(hidden: FoundSecret, lossless: bool) -> str:
    """Suffix of a result that the user does not name; that of a hidden file is kept if it is harmless."""
    if hidden.name is not None:
        return plain_suffix(hidden.name) or ".bin"
    return WATCHABLE_SUFFIX if hidden.kind == FILM and not lossless else FORMS[hidden.kind][0]


def reveal_each(
    plan: FolderPlan,
    folder: OutputTarget,
    key_source: KeySource,
    strict: bool = False,
    context: Context = DEFAULT_CONTEXT,
    writing: Writing = nullcontext,
) -> Iterator[Outcome]:
    """Reveals one container after the other; an error ends only its job.

    Args:
        folder: for the results; their suffix follows from what is hidden.
        strict: as `reveal_file`.
    """
    names = Names()

    def work(job: Job) -> tuple[Place, Report]:
        with fetched(job.source) as path, open_hidden(path, key_source) as container:
            hidden = find(container, context)
            out = folder.path / names.take(job.source.stem, suffix_of(hidden, folder.lossless))
            with writing(replace(folder, path=out)) as target:
                return out, write_hidden(hidden, target, strict)

    return do_each(plan.jobs, work)
