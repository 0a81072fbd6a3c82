"""Making a hidden file, which has a format and a name of its own, what the suffix of the result's name says."""

from dataclasses import dataclass
from pathlib import Path

from stegnet.core.kinds import FILM, PICTURE
from stegnet.core.progress import Progress
from stegnet.core.samples import is_grey
from stegnet.formats.opened_file import is_matroska
from stegnet.image.pictures import PICTURE_FORMS, open_picture, read_cover, read_picture, save_picture
from stegnet.media.cover import media_kind
from stegnet.results.naming import MOST_TEXT, TEXT_NAME, WATCHABLE_SUFFIX, plain_suffix, suffix_note
from stegnet.results.output import OutputTarget, Report
from stegnet.video.forms import MKV, MP4
from stegnet.video.remux import make_watchable, rewrap, unplayable

_SAME = {".jpeg": ".jpg"}
_MATROSKA = ".mkv"  # also what films become that are compressed to fit their covers
_NO_MATROSKA = "it is not Matroska, which can't hold all of its tracks: it has the bytes that were hidden"


@dataclass(frozen=True)
class Named:
    """A revealed file that is what the result's name says.

    Attributes:
        notes: on that, one line each.
        unchanged: it has the bytes that were hidden.
    """

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
        return Named(_advice(part, out.path) if own == _MATROSKA else ())
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


def _advice(part: Path, out: Path) -> tuple[str, ...]:
    """Note on a film that few programs play, as compressed ones are."""
    codec = unplayable(part) if media_kind(part) == FILM else None
    name = out.with_suffix(WATCHABLE_SUFFIX).name
    return (f"not all programs play this film ({codec}): revealed as {name}, it is one for watching",) if codec else ()
