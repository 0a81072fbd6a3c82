"""Results: their destinations, writing and reading back pictures and films, and the report that callers get.

A hidden file's own name comes from its sender, who may want a file overwritten, hidden or run, or a terminal deceived.
If it names a result, it is first made harmless on all common systems. A result whose name has another suffix is
converted to that format.
"""

import os
import re
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import numpy as np

from stegnet import video
from stegnet.core.disk import already_exists, atomic_write, temporary_file, unwritable
from stegnet.core.errors import MediaError
from stegnet.core.names import FILM, MOST_TEXT, PICTURE, TEXT_NAME, either
from stegnet.core.parallel import Progress
from stegnet.core.pixels import is_grey
from stegnet.core.remote_path import Place
from stegnet.core.text import brief_repr
from stegnet.formats.opened_file import is_matroska
from stegnet.image.pictures import (
    PICTURE_FORMS,
    hdr_notes,
    open_picture,
    read_picture,
    read_with_notes,
    save_picture,
)
from stegnet.media.cover import media_kind
from stegnet.record import MAX_NAME
from stegnet.results.figures import HidingFigures
from stegnet.video.forms import MKV, MP4
from stegnet.video.sound_packets import CONVERT_SOUND, SoundPacket

if TYPE_CHECKING:
    from stegnet.video.film_writer import FilmWriter

NEXT_STEP = "next step"  # kind of a note on how the result is sent, or opened
CHANGED_SECRET = "changed secret"  # kind of a warning that a copy of the secret is hidden
WATCHABLE_SUFFIX = ".mp4"


@dataclass(frozen=True, repr=False)
class Report:
    """Summary of a hiding or revealing.

    Attributes:
        width, height: size in pixels of a picture or film that was written; None: another file.
        frames: frames of the film that was written; 1 for other files.
        hidden: frames hidden in it, or revealed.
        notes: one line each, for information.
        trouble: one line for each way in which the container was altered after hiding.
        warnings: one line for each problem that the user should act on.
        secret_psnr: PSNR in dB of the revealed secret against the secret at its own size; of a film, over frames
            sampled evenly. inf: they are equal; None: not measured.
        name, size: a hidden file's name, as its sender chose it, and size in bytes; None if it was hidden without a
            name.
        may_be_lost: number of a film's frames or an album's pictures that may be lost or altered without losing the
            hidden file; None if the file is not spread, or was revealed.
        path: the file that was written, if the caller did not name it; else None.
        text: a text that was revealed without a name for the file.
        container: the picture, (H, W, 3) uint8, or the bytes of the file, if it was not written; else None.
        unchanged: True if the revealed file has, or will have, the bytes that were hidden.
        changed_secret: a warning of the kind CHANGED_SECRET, that a copy is hidden instead of the secret; "": the
            secret itself is hidden.
        hiding: figures of a hiding; None for a revealing.
    """

    width: int | None = None
    height: int | None = None
    frames: int = 1
    hidden: int = 1
    notes: tuple[str, ...] = ()
    trouble: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    secret_psnr: float | None = None
    name: str | None = None
    size: int | None = None
    may_be_lost: int | None = None
    path: Path | None = None
    text: str | None = None
    container: np.ndarray | bytes | None = None
    unchanged: bool = False
    changed_secret: str = ""
    hiding: HidingFigures | None = None

    __repr__ = brief_repr

    @property
    def figures(self) -> HidingFigures:
        """Figures of the hiding; the report must be one of a hiding."""
        assert self.hiding is not None
        return self.hiding


@dataclass(frozen=True)
class OutputTarget:
    """Destination of a result.

    Attributes:
        path: file to write.
        force: overwrite an existing file. An input is never overwritten.
        inputs: other files that are read (keys, weights).
        lossless: keep every bit of a revealed secret, whatever the size and whichever programs can show it.
        named: if false, `path` is a folder, and the revealed secret gets its own name.
        folder: `path` is a folder, created if missing, for a file with its own name.
    """

    path: Path
    force: bool = False
    inputs: tuple[Path, ...] = ()
    lossless: bool = False
    named: bool = True
    folder: bool = False

    def check(self, suffixes: tuple[str, ...], made: str, *inputs: Path) -> None:
        """Refuse a destination that can't or must not be written: a folder, an input, or a file that exists.

        Args:
            suffixes: allowed file suffixes; empty allows any.
            made: kind of the result, for the message: "picture", "film".
            inputs: files that the result is made from.

        Raises:
            MediaError: the destination is refused.
        """
        try:
            if self.path.is_dir():
                raise MediaError("is a folder", "name the file to write", subject=self.path)
            if self.path.exists() and not self.path.is_file():
                raise MediaError("is not a file that can be replaced", "name another file to write", subject=self.path)
            if suffixes and self.path.suffix.lower() not in suffixes:
                hint = f"name it {self.path.with_suffix(suffixes[0])}"
                raise MediaError(f"a {made} is written as {either(suffixes)}", hint, subject=self.path)
            read = (*inputs, *self.inputs)
            if self.path.exists() and any(source.exists() and self.path.samefile(source) for source in read):
                raise MediaError("is an input too", "name another file to write", subject=self.path)
            if os.path.lexists(self.path) and not self.force:
                raise already_exists(self.path)
            with temporary_file(self.path):  # a folder that can't be written to is refused before the work
                pass
        except OSError as error:
            raise unwritable(self.path, error) from error


@dataclass(frozen=True)
class OutputFolder:
    """Folder for the results of several jobs, on this machine or in an object store.

    Attributes:
        path: the folder.
        force, inputs, lossless: as in `OutputTarget`.
    """

    path: Place
    force: bool = False
    inputs: tuple[Path, ...] = ()
    lossless: bool = False

    def target(self, path: Path) -> OutputTarget:
        """Return the target for a result: a file in the folder, or the local copy of one."""
        return OutputTarget(path, self.force, self.inputs, self.lossless)


def film_form_of(suffix: str) -> str:
    """Return the film format for a suffix: "mkv" or "mp4"."""
    return suffix.lower().removeprefix(".")


def shown_form(path: Path, lossless: bool = False) -> str:
    """Return the format of a film to be watched, by file name: an MP4 is exact only if `lossless` is set."""
    form = film_form_of(path.suffix)
    return "watchable" if form == "mp4" and not lossless else form


def write_revealed(out: OutputTarget, picture: np.ndarray) -> Report:
    """Write a revealed picture, (H, W, 3) uint8, in the format of the suffix, readable by its owner only."""
    with atomic_write(out.path, overwrite=out.force, private=True) as part:
        save_picture(part, picture, out.path.suffix.lower(), lossless=out.lossless)
    return Report(picture.shape[1], picture.shape[0])


@dataclass(frozen=True)
class FilmFrame:
    """Frame to write, (H, W, 3) uint8; None: it is processed, but not written.

    Attributes:
        time: presentation time in seconds.
        sound: packets that are written before it.
    """

    picture: np.ndarray | None
    time: Fraction = Fraction(0)
    sound: Iterable[SoundPacket] = ()


def write_film(
    part: Path,
    open_writer: Callable[[], "FilmWriter"],
    frames: Generator[FilmFrame, None, None],
    step: Callable[[int], None],
) -> tuple[str, ...]:
    """Write a film frame by frame to an existing file; return the writer's notes on tracks that could not be copied.

    Args:
        part: existing file to write.
        open_writer: opens a writer on `part`.
        frames: closed at the end, even after an error.
        step: called after each frame with the number of frames done.

    Raises:
        MediaError: the film can't be written.
    """
    with closing(frames), open_writer() as film:
        for done, frame in enumerate(frames, 1):
            if frame.picture is not None:
                try:
                    film.write(frame.picture, frame.time, frame.sound)
                except OverflowError as error:
                    problem = "the film's time stamps are beyond what a file can hold"
                    raise MediaError(problem, subject=part) from error
            step(done)
    return film.notes


def plain_suffix(name: str) -> str:
    """Return the suffix of a hidden file's own name if it is harmless, else ""."""
    suffix = PurePath(name).suffix
    return suffix if re.fullmatch(r"\.[A-Za-z0-9]{1,16}", suffix) else ""


def suffix_warning(name: str, out: Path) -> tuple[str, ...]:
    """Return a warning if a result's suffix, by which programs choose how to open it, differs from the file's own."""
    own_suffix = plain_suffix(name)
    if not own_suffix or out.suffix.lower() == own_suffix.lower():
        return ()
    return (f"its own name ends in {own_suffix}: programs may want it named {out.with_suffix(own_suffix).name}",)


def stored_name(file: Path) -> str:
    """Return the name without folders, cut to the length that a record holds, with its suffix."""
    name = os.fsencode(file.name)
    if len(name) > MAX_NAME:
        suffix = os.fsencode(file.suffix)[:16]
        # A character that is cut in two is left out.
        name = name[: MAX_NAME - len(suffix)].decode("utf-8", "ignore").encode() + suffix
    return name.decode("utf-8", "surrogateescape")


@dataclass(frozen=True)
class Named:
    """Outcome of `as_named`."""

    notes: tuple[str, ...] = ()  # lines on the conversion
    unchanged: bool = True  # whether the bytes are as hidden
    warnings: tuple[str, ...] = ()


def as_named(part: Path, name: str, out: OutputTarget, progress: Progress) -> Named:
    """Convert a revealed picture or film if the result's name asks for another format than its own.

    A file keeps its bytes if the result has the suffix of its own name, or an unknown one.

    Args:
        part: the file as it was hidden; it is converted in place.
        name: the file's own name.
        out: the result; if `lossless` is set, pictures and films keep every bit of their samples.
        progress: called with the progress of the conversion of a film.

    Raises:
        MediaError: the file can't be converted.
    """
    matroska = ".mkv"  # also the suffix of films that are compressed to fit their covers
    same_form = {".jpeg": ".jpg"}
    own_suffix = plain_suffix(name).lower()
    own_suffix = same_form.get(own_suffix, own_suffix)
    wanted_suffix = out.path.suffix.lower()
    wanted_suffix = same_form.get(wanted_suffix, wanted_suffix)
    if own_suffix == wanted_suffix:
        codec = video.unplayable(part) if own_suffix == matroska and media_kind(part) == FILM else None
        if not codec:
            return Named()
        watchable = out.path.with_suffix(WATCHABLE_SUFFIX).name
        line = f"not all programs play this film ({codec}): revealed as {watchable}, it is one for watching"
        return Named((line,))

    kind = media_kind(part) if wanted_suffix in {*PICTURE_FORMS, WATCHABLE_SUFFIX, matroska} else None
    notes: tuple[str, ...] = ()
    exact = out.path.with_suffix(plain_suffix(name) or ".bin").name
    if kind == PICTURE and wanted_suffix in PICTURE_FORMS:
        notes = _as_picture(part, out)
    elif kind == FILM and wanted_suffix == WATCHABLE_SUFFIX and out.lossless:
        notes = ("put into MP4",) if video.rewrap(part, MP4) else ()
    elif kind == FILM and wanted_suffix == WATCHABLE_SUFFIX:
        notes = _watchable(part, exact, progress)
    elif kind == FILM and wanted_suffix == matroska and not is_matroska(part):
        if not video.rewrap(part, MKV):
            line = "it is not Matroska, which can't hold its tracks as they are: it has the bytes that were hidden"
            return Named((line,), warnings=suffix_warning(name, out.path))
        notes = ("put into Matroska, its pictures and sound unchanged",)

    if not notes:
        return Named(warnings=suffix_warning(name, out.path))
    return Named((f"{notes[0]}; as {exact} it is revealed byte for byte", *notes[1:]), unchanged=False)


def _watchable(part: Path, exact: str, progress: Progress) -> tuple[str, ...]:
    """Convert a revealed film to one for watching. The MediaError for sound that can't be copied gives a remedy."""
    try:
        return video.make_watchable(part, lambda done, total: progress("convert", done, total))
    except MediaError as error:
        hint = f"as {exact} it is revealed byte for byte" if error.hint == CONVERT_SOUND else error.hint
        raise error.with_hint(hint) from error


def text_report(name: str | None, data: bytes, trouble: tuple[str, ...] = ()) -> Report | None:
    """Return the report of a hidden file that is a text; None if it isn't one."""
    if name != TEXT_NAME or len(data) > MOST_TEXT:
        return None
    try:
        return Report(trouble=trouble, name=name, size=len(data), text=data.decode(), unchanged=True)
    except UnicodeDecodeError:
        return None


def _as_picture(part: Path, out: OutputTarget) -> tuple[str, ...]:
    """Convert a revealed picture to the form of the result's suffix; return notes, or () if it has that form."""
    suffix = out.path.suffix.lower()
    form = PICTURE_FORMS[suffix].name
    with open_picture(part) as image:
        if image.format == form:
            return ()
        lost = hdr_notes(image)
    pixels, profile, *_ = read_with_notes(part)
    if is_grey(pixels):  # not all formats support its profile, which is for greys
        pixels = read_picture(part)
        profile = None
    save_picture(part, pixels, suffix, profile, lossless=out.lossless)
    return (f"converted to {form}", *lost)
