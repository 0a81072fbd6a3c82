"""Requests of a page: jobs, and before them advice on what fits into a cover and how weak a passphrase is."""

import base64
import binascii
import json
import math
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from stegnet.core.errors import KeyFileError, StegnetError
from stegnet.core.measures import PSNR, difference, psnr
from stegnet.core.names import FILM, PICTURE, SOUND, TEXT_NAME, safe_name
from stegnet.core.pixels import encode_jpeg
from stegnet.core.text import Aside, Setting, shown
from stegnet.files import find, open_hidden, write_hidden
from stegnet.image.pictures import read_picture, reduced, refuse_palette
from stegnet.keys import Key, KeySource, Passphrase, guessing_years, random_words
from stegnet.media.capacity_tables import picture_quality
from stegnet.media.cover import Cover, kind
from stegnet.methods import AUTO, Capacity, Context, CoverSize, HideJob, hide_file
from stegnet.methods.registry import DESTINATIONS, method_for
from stegnet.results import OutputTarget, Report
from stegnet.video.films import read_frames

_INPUTS = {"hide": 2, "reveal": 1}  # number of files
_SUFFIXES = (".png", ".jpg", ".mkv", ".mp4", ".wav", ".flac")
_MOST_BYTES, _MOST_SIDE, _MOST_FRAMES = (1 << 63) - 1, 1 << 20, 1 << 32  # a side is in pixels
_PASSPHRASE_WORDS = 6
_LABELS = {  # labels of the page's fields, and options where the page has no field
    "any_quality": "`stegnet hide --any-quality`",
    "at_most_safe": "“No more than is hard to find”",
    "search": "“Search for a changed copy”",
    "survive": "“Where will it be sent?”",
    "to": "`stegnet hide -o`",
}
# For previews: gain of the difference, as in the page; JPEG quality; side in pixels.
GAIN, _QUALITY, _SIDE = 30, 90, 1200


class BadRequest(ValueError):
    """A request that the page does not send."""


@contextmanager
def parsing() -> Iterator[None]:
    """Read a request that anyone may have written within the block. Raises BadRequest if its form is invalid."""
    try:
        yield
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError):  # RecursionError: it is nested too deeply
        raise BadRequest from None


@dataclass(frozen=True)
class Request:
    """A job, "hide" or "reveal", as a page asks for it. Its repr shows no key.

    Attributes:
        inputs: name and size in bytes of each file: cover and secret, or the container.
        destination: where the container is sent, as in `stegnet hide --for`.
        suffix: of the container.
    """

    job: str
    inputs: tuple[tuple[str, int], ...]
    key_source: KeySource
    destination: str
    suffix: str
    at_most_safe: bool
    search: bool


class Done(NamedTuple):
    """A finished job: the container or the secret, previews by name, and what the page says about it, in JSON types."""

    main: Path
    previews: dict[str, Path]
    facts: dict[str, Any]


def parse_request(line: bytes) -> Request:
    """Parse a job, one line of JSON.

    Raises:
        BadRequest: it is not a valid job.
        KeyFileError: its key is invalid.
    """
    with parsing():
        asked = json.loads(line)
        del line
        key_source = _key_source(asked.pop("key"))
        inputs = tuple((safe_name(_text_of(file["name"])), _size_of(file["size"])) for file in asked["files"])
        job, suffix = _text_of(asked["job"]), _text_of(asked.get("suffix", ".png"))
        destination = _destination_of(asked)
        safe, search = asked.get("safe", False), asked.get("search", False)
    if job not in _INPUTS or len(inputs) != _INPUTS[job] or suffix not in _SUFFIXES:
        raise BadRequest
    if not (isinstance(safe, bool) and isinstance(search, bool)):
        raise BadRequest
    return Request(job, inputs, key_source, destination, suffix, safe, search)


def run_job(request: Request, inputs: list[Path], folder: Path, context: Context) -> Done:
    """Do a job, with an empty folder for its results. Messages name no folder.

    Args:
        inputs: files in the order of `request.inputs`, each in a folder of its own.
    """
    with _folders_left_out(folder, *(path.parent for path in inputs)):
        return (_hide if request.job == "hide" else _reveal)(request, *inputs, folder, context)


@contextmanager
def _folders_left_out(*folders: Path) -> Iterator[None]:
    """Within the block, make errors call files in these folders by their names alone."""
    try:
        yield
    except StegnetError as error:
        if Path(error.subject).parent in folders:
            error.subject = Path(error.subject).name
        raise


def _hide(request: Request, cover: Path, secret: Path, folder: Path, context: Context) -> Done:
    out = folder / f"{cover.stem}-2{request.suffix}"  # a name that gives no secret away, but is not the cover's
    safe = {"at_most_safe": True} if request.at_most_safe else {}
    method, options = method_for(request.destination, safe, request.suffix)
    report = hide_file(HideJob(method, options, context), cover, secret, OutputTarget(out), request.key_source)
    weakness = request.key_source.weakness() if isinstance(request.key_source, Passphrase) else ""
    previews, quality = _write_previews(cover, out, folder)
    # For pictures that are encoded again, a note has the PSNR before that.
    told = report.hiding.container_psnr if DESTINATIONS[request.destination].method == AUTO else None
    measured = {"container": _finite(told), "secret": _finite(report.secret_psnr), "difference": _finite(quality)}
    facts = _facts(out, report) | {PSNR.key: measured}
    facts["warnings"] += filter(None, [weakness])
    return Done(out, previews, facts)


def _reveal(request: Request, container: Path, folder: Path, context: Context) -> Done:
    with open_hidden(container, request.key_source, context) as opened:
        hidden = find(opened, replace(context, search=request.search))
        report = write_hidden(hidden, OutputTarget(folder, named=False))
    path = report.path
    if path is None:
        assert report.text is not None
        path = folder / TEXT_NAME
        path.write_text(report.text, "utf-8", newline="")
    return Done(path, {}, _facts(path, report) | {"robust": not hidden.tells_damage, "text": report.text})


def _facts(path: Path, report: Report) -> dict[str, Any]:
    facts = {name: getattr(report, name) for name in ("width", "height", "frames", "hidden")}
    facts |= {name: [*map(in_words, getattr(report, name))] for name in ("notes", "warnings", "trouble")}
    return facts | {"name": path.name, "size": path.stat().st_size}


def _write_previews(cover: Path, container: Path, folder: Path) -> tuple[dict[str, Path], float | None]:
    """Write pictures of a cover, its container and their difference; for films, of the first frame.

    Returns:
        The pictures by name, and the container's PSNR in dB. If the container's size differs from its cover's, there is
        neither difference nor PSNR.
    """
    if kind(cover) == SOUND:
        return {}, None
    pictures, quality = {"cover": _picture(cover), "container": _picture(container)}, None
    seen, sent = pictures.values()
    if seen.shape == sent.shape:
        pictures["difference"], quality = difference(seen, sent, GAIN), psnr(seen, sent)
    paths = {name: folder / f"{name}.jpg" for name in pictures}
    for name, picture in pictures.items():
        paths[name].write_bytes(encode_jpeg(reduced(picture, _SIDE), _QUALITY))
    return paths, quality


def _picture(path: Path) -> np.ndarray:
    """Return a picture, or a film's first frame, (H, W, 3) uint8."""
    if kind(path) != FILM:
        return read_picture(path)
    with closing(read_frames(path)) as frames:
        return next(frames)


def _destination_of(asked: dict[str, Any]) -> str:
    """Return the container's destination, by default "file"."""
    destination = _text_of(asked.get("destination", "file"))
    if destination not in DESTINATIONS:
        raise ValueError("no destination")
    return destination


def _text_of(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")  # it may be a key
    return value


def _size_of(value: object, most: int = _MOST_BYTES) -> int:
    """Return a value of a request that must be an integer, by default a number of bytes that a file system can hold."""
    if type(value) is not int:
        raise TypeError("not a whole number")
    if not 0 <= value <= most:
        raise ValueError("too large a number")
    return value


def in_words(line: str) -> str:
    """Return a hint, note or warning for the page, with the labels of its fields for settings, and without asides."""
    return shown(line, _label_of)


def _label_of(setting: Setting) -> str:
    if isinstance(setting, Aside):
        return ""
    label = _LABELS.get(setting.name, f"the {setting.name}")
    return label if setting.value in (True, "CHANNEL") else f"{label} {setting.value}"


def _finite(value: float | None) -> float | str | None:
    """Replace infinity, which JSON lacks."""
    return "equal" if value is not None and math.isinf(value) else value


def _key_source(given: dict[str, str]) -> KeySource:
    if "passphrase" in given:
        return Passphrase(_text_of(given.pop("passphrase")))
    try:
        return Key(base64.b64decode(_text_of(given.pop("file")), validate=True))
    except (binascii.Error, ValueError):
        raise KeyFileError("not a key file", "choose the file that `stegnet keygen` wrote") from None


class CapacityQuestion:
    """The question how much fits into a cover, and what gives it away, judged by its file, which is still to come.

    Attributes:
        name, size: of that file.
    """

    def __init__(self, line: bytes) -> None:
        with parsing():
            asked = json.loads(line)
            file = asked["cover"]["file"]
            self.name, self.size = safe_name(_text_of(file["name"])), _size_of(file["size"])
            self._capacity = _capacity(asked)

    def answer(self, path: Path) -> dict[str, Any]:
        """Return the bytes that fit, the bytes that are hard to find, and the cover's lossy past; or why nothing fits.

        The file is in a folder of its own, which messages don't name.
        """
        try:
            with _folders_left_out(path.parent):
                found = self._capacity(path)
            return {} if found is None else {"capacity": found.bytes, "hard": found.hard, "history": found.history}
        except StegnetError as error:
            return {"text": f"{error}."}


def _capacity(asked: dict[str, Any]) -> Callable[[Path | None], Capacity | None]:
    """Return a function that measures a cover's capacity for a secret, by its file if it has one; None: not known."""
    cover, destination, suffix = asked["cover"], _destination_of(asked), _text_of(asked.get("suffix", ""))
    height, width = (_size_of(cover[name], _MOST_SIDE) for name in ("height", "width"))
    cover_size = CoverSize(height, width, _size_of(cover["frames"], _MOST_FRAMES))
    name = _text_of(asked["secret"]["name"])

    def measure(file: Path | None) -> Capacity | None:
        method, options = method_for(destination, {}, suffix)
        if not file:
            return method.capacity(cover_size, name, options)
        with Cover(file) as opened:
            if opened.kind == PICTURE:
                refuse_palette(opened)
            size = cover_size if cover_size.width else replace(CoverSize.of(opened), channels=3)
            channels = opened.channels if size.frames == 1 else 3
            return method.capacity(replace(size, cover=opened, channels=channels), name, options)

    return measure


def advise(about: str, line: bytes) -> dict[str, str]:
    """Answer a question about one of ADVICE, one line of JSON. Raises BadRequest if the page asks no such question."""
    with parsing():
        asked = json.loads(line)
    return ADVICE[about](asked)


def _words(_: object) -> dict[str, str]:
    """Return a passphrase as `stegnet keygen --passphrase-words 6` prints it, and its strength."""
    text, bits = random_words(_PASSPHRASE_WORDS)
    years = float(f"{guessing_years(bits):.0e}")
    strength = f"{int(bits)} random bits: a thousand processor cores would guess it in {years:,.0f} years."
    return {"passphrase": text, "text": strength}


def _weakness(asked: Any) -> dict[str, str]:
    with parsing():
        passphrase = _text_of(asked["passphrase"])
    try:
        return {"text": Passphrase(passphrase).weakness()}
    except StegnetError as error:
        return {"text": str(error)}


def _forecast(asked: Any) -> dict[str, str]:
    """Return a sentence on what fits, and what becomes of the secret.

    `capacity` and `hard` are the answer to a CapacityQuestion, if there was one; `safe`: hide no more than `hard`.
    """
    with parsing():
        secret, measure, only_safe = asked["secret"], _capacity(asked), asked.get("safe") is True
        most, hard = (None if asked.get(name) is None else _size_of(asked[name]) for name in ("capacity", "hard"))
        size, film, in_film = _size_of(secret["size"]), bool(secret.get("film")), asked["cover"]["frames"] > 1
        sides = [_size_of(secret[side], _MOST_SIDE) for side in ("width", "height")] if secret.get("width") else []
    try:
        found = measure(None) if most is None else Capacity(most, hard)
    except StegnetError as error:
        return {"text": f"{error}."}
    if found is None:
        return {"text": ""}
    easily = ""
    if found.hard is not None:
        easily = f", {_amount(found.hard)} of it hard to find" if found.hard else ", all of it easy to find"
    most = found.bytes if found.hard is None or not only_safe else found.hard
    remedy = "Use a longer or larger cover." if in_film else "Use a larger cover, or a film."
    fate = "The secret fits as it is, byte for byte." if size <= most else _too_large(most, film, sides, remedy)
    return {"text": f"Capacity: about {_amount(found.bytes)}{easily}. {fate}"}


def _too_large(most: int, film: bool, sides: list[int], remedy: str) -> str:
    """Describe what becomes of a secret that does not fit as it is; `sides` are those of a picture or film."""
    if film:
        return "A compressed copy of the secret is hidden, if that fits."
    if not sides:
        return f"The secret is too large. {remedy}"
    quality = picture_quality(most, *(max(side, 1) for side in sides))
    return f"A copy of the secret fits, at about {quality:.0f} dB." if quality > 0 else "The secret is too large."


def _amount(count: int) -> str:
    """Describe a number of bytes with two digits, rounded down."""
    if count < 1000:
        return f"{count} bytes"
    unit = 10 ** (int(math.log10(count)) - 1)
    rounded = count // unit * unit
    return f"{rounded / 1e6:g} MB" if rounded >= 1_000_000 else f"{rounded / 1e3:g} kB"


ADVICE = {"forecast": _forecast, "weakness": _weakness, "words": _words}
