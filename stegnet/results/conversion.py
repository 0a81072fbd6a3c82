"""Names and formats of hidden files, and of the results that are made of them.

A hidden file's own name comes from somebody else, who may want a file overwritten, hidden or run, or a terminal
deceived. Where it names a result, what is left of it is harmless on all common systems. A result whose name has another
suffix is converted to the format of that.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path, PurePath

from stegnet.core.names import FILM, PICTURE
from stegnet.core.parallel import Progress
from stegnet.core.pixels import is_grey
from stegnet.formats.opened_file import is_matroska
from stegnet.image.pictures import PICTURE_FORMS, open_picture, read_cover, read_picture, save_picture
from stegnet.media.cover import media_kind
from stegnet.record import MAX_NAME
from stegnet.results.output import OutputTarget, Report
from stegnet.video.forms import MKV, MP4
from stegnet.video.remux import make_watchable, rewrap, unplayable

TEXT_NAME, MOST_TEXT = "message.txt", 1 << 16  # of a hidden text, and its bytes in UTF-8 at most
WATCHABLE_SUFFIX = ".mp4"
_PLAIN_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,16}")
_SAME = {".jpeg": ".jpg"}
_MATROSKA = ".mkv"  # also what films become that are compressed to fit their covers
_NO_MATROSKA = "it is not Matroska, which can't hold all of its tracks: it has the bytes that were hidden"


def plain_suffix(name: str) -> str:
    """Suffix of a hidden file's own name if it is harmless, else ""."""
    suffix = PurePath(name).suffix
    return suffix if _PLAIN_SUFFIX.fullmatch(suffix) else ""


def suffix_note(name: str, out: Path) -> tuple[str, ...]:
    """Note on a result whose suffix, by which programs choose how to open it, differs from the file's own."""
    own = plain_suffix(name)
    if not own or out.suffix.lower() == own.lower():
        return ()
    return (f"its own name ends in {own}: programs may want it named {out.with_suffix(own).name}",)


def printable(name: str) -> str:
    """A name with control and formatting characters escaped, since they could forge what a terminal shows."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in name)


def stored_name(file: Path) -> str:
    """The name without folders, cut to what a record holds, its suffix kept."""
    name = os.fsencode(file.name)
    if len(name) > MAX_NAME:
        suffix = os.fsencode(file.suffix)[:16]
        # A character that is cut in two is left out.
        name = name[: MAX_NAME - len(suffix)].decode("utf-8", "ignore").encode() + suffix
    return name.decode("utf-8", "surrogateescape")


@dataclass(frozen=True)
class Named:
    """A revealed file that is what the result's name says: notes on that, and whether its bytes are as hidden."""

    notes: tuple[str, ...]
    unchanged: bool = True


def as_named(part: Path, name: str, out: OutputTarget, progress: Progress) -> Named:
    """Converts a revealed picture or film if the result's name asks for another format than its own.

    A file keeps its bytes if the result has the suffix of its own name, or one that says nothing to us.

    Args:
        part: the file as it was hidden; it is converted in its place.
        name: its own.
        out: the result; with `lossless`, pictures and films keep every bit of their samples.
    Raises:
        MediaError: it can't be made what is asked for.
    """
    own, wanted = (_SAME.get(suffix, suffix) for suffix in (plain_suffix(name).lower(), out.path.suffix.lower()))
    if own == wanted:
        codec = unplayable(part) if own == _MATROSKA and media_kind(part) == FILM else None
        if not codec:
            return Named(())
        watchable = out.path.with_suffix(WATCHABLE_SUFFIX).name
        line = f"not all programs play this film ({codec}): revealed as {watchable}, it is one for watching"
        return Named((line,))
    what = media_kind(part) if wanted in {*PICTURE_FORMS, WATCHABLE_SUFFIX, _MATROSKA} else None
    notes: tuple[str, ...] = ()
    if what == PICTURE and wanted in PICTURE_FORMS:
        notes = _as_picture(part, out)
    elif what == FILM and wanted == WATCHABLE_SUFFIX and out.lossless:
        notes = ("put into MP4",) if rewrap(part, MP4) else ()
    elif what == FILM and wanted == WATCHABLE_SUFFIX:
        notes = make_watchable(part, lambda done, total: progress("convert", done, total))
    elif what == FILM and wanted == _MATROSKA and not is_matroska(part):
        if not rewrap(part, MKV):
            return Named((_NO_MATROSKA, *suffix_note(name, out.path)))
        notes = ("put into Matroska, its pictures and sound unchanged",)
    if not notes:
        return Named(suffix_note(name, out.path))
    exact = out.path.with_suffix(plain_suffix(name) or ".bin").name
    return Named((f"{notes[0]}; as {exact} it is revealed byte for byte", *notes[1:]), unchanged=False)


def text_report(name: str | None, data: bytes, trouble: tuple[str, ...] = ()) -> Report | None:
    """The report of a hidden file that is a text; None if it is none."""
    if name != TEXT_NAME or len(data) > MOST_TEXT:
        return None
    try:
        return Report(trouble=trouble, name=name, size=len(data), text=data.decode(), unchanged=True)
    except UnicodeDecodeError:
        return None


def _as_picture(part: Path, out: OutputTarget) -> tuple[str, ...]:
    suffix = out.path.suffix.lower()
    form = PICTURE_FORMS[suffix][0]
    with open_picture(part) as image:
        if image.format == form:
            return ()
    pixels, profile = read_cover(part)
    if is_grey(pixels):  # whose profile, for greys, not all formats can have
        pixels, profile = read_picture(part), None
    save_picture(part, pixels, suffix, profile, lossless=out.lossless)
    return (f"converted to {form}",)
