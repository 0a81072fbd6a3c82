"""Jobs: what a page asks for, and how it is done."""

import base64
import binascii
import json
import math
import os
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from stegnet.core.errors import SETTING, KeyFileError, renamed
from stegnet.core.jpeg import encode_jpeg
from stegnet.core.kinds import FILM
from stegnet.core.measures import PSNR, difference, psnr
from stegnet.core.names import safe_name
from stegnet.files import find, open_hidden, write_hidden
from stegnet.image.pictures import read_picture, reduced
from stegnet.keys import Key, KeySource, Passphrase
from stegnet.media.cover import kind
from stegnet.methods import AUTO, METHODS, Context, HideJob, Method, hide_file
from stegnet.methods.registry import DESTINATIONS
from stegnet.results import TEXT_NAME, OutputTarget, Report
from stegnet.video.films import read_frames

_INPUTS = {"hide": 2, "reveal": 1}  # files
_SUFFIXES = (".png", ".jpg", ".mkv", ".mp4")
_MOST_BYTES = (1 << 63) - 1
_ASIDE = re.compile(rf" \({SETTING.pattern}\)")
_LABELS = {  # of the page's fields, and what it has none for
    "any_quality": "`stegnet hide --any-quality`",
    "at_most_safe": "“No more than is hard to find”",
    "search": "“Search for a changed copy”",
    "survive": "“Where will it be sent?”",
}
GAIN, _QUALITY, _SIDE = 30, 90, 1200  # of previews: gain of the difference, as in the page; of JPEGs; in pixels


class BadRequest(ValueError):
    """A request that the page does not send."""


@contextmanager
def parsing() -> Iterator[None]:
    """For reading a request that anybody may have written.

    Raises:
        BadRequest: it has no such form.
    """
    try:
        yield
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError):  # the last: nested too deep
        raise BadRequest from None


@dataclass(frozen=True)
class Request:
    """A job as a page asks for it; its repr shows no key.

    Attributes:
        job: "hide" or "reveal".
        inputs: name and size in bytes of each file: cover and secret, or the container.
        destination: where the container is sent, as of `stegnet hide --for`.
        suffix: of the container.
        at_most_safe: refuse more than is hard to find.
        search: look for what was cropped, resized or cut, too.
    """

    job: str
    inputs: tuple[tuple[str, int], ...]
    key_source: KeySource
    destination: str = "file"
    suffix: str = ".png"
    at_most_safe: bool = False
    search: bool = False


@dataclass(frozen=True)
class Done:
    """Files of a finished job.

    Attributes:
        main: the container, or the secret.
        previews: pictures by name.
        facts: what the page says of it, as JSON takes it.
    """

    main: Path
    previews: dict[str, Path]
    facts: dict[str, Any]


def parse_request(line: bytes) -> Request:
    """Parses a job, one line of JSON.

    Raises:
        BadRequest: it is none.
        KeyFileError: its key is none.
    """
    with parsing():
        asked = json.loads(line)
        del line
        key_source = _key_source(asked.pop("key"))
        inputs = tuple((safe_name(text_of(file["name"])), size_of(file["size"])) for file in asked["files"])
        job, suffix = text_of(asked["job"]), text_of(asked.get("suffix", ".png"))
        destination = destination_of(asked)
        safe, search = asked.get("safe", False), asked.get("search", False)
    if job not in _INPUTS or len(inputs) != _INPUTS[job] or suffix not in _SUFFIXES:
        raise BadRequest
    if not (isinstance(safe, bool) and isinstance(search, bool)):
        raise BadRequest
    return Request(job, inputs, key_source, destination, suffix, safe, search)


def run_job(request: Request, inputs: list[Path], folder: Path, context: Context) -> Done:
    """Does a job.

    Args:
        inputs: files in the order of `request.inputs`, each in a folder of its own.
        folder: for the results; empty.
    Raises:
        StegnetError: any but DataError, TrainingError and ClusterError; no message names a folder.
    """
    with renamed({f"{each}{os.sep}": "" for each in (folder, *(path.parent for path in inputs))}):
        return (_hide if request.job == "hide" else _reveal)(request, *inputs, folder, context)


def _hide(request: Request, cover: Path, secret: Path, folder: Path, context: Context) -> Done:
    out = folder / f"{cover.stem}{request.suffix}"
    method, options = chosen_method(request.destination, request.suffix, request.at_most_safe)
    report = hide_file(HideJob(method, options, context), cover, secret, OutputTarget(out), request.key_source)
    weakness = request.key_source.weakness() if isinstance(request.key_source, Passphrase) else ""
    shown = folder / "previews"  # a folder of their own, since the container has its cover's name
    shown.mkdir()
    previews, quality = _write_previews(cover, out, shown)
    # Of what is encoded again, the PSNR before that is in a note.
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
    """Writes pictures of a cover, its container and their difference; of films, of the first frame.

    Returns:
        The files by name, and the container's PSNR in dB. Where the container is of another size than its cover, there
        are neither difference nor PSNR.
    Raises:
        MediaError: one can't be read.
    """
    seen, sent = _picture(cover), _picture(container)
    pictures, quality = {"cover": seen, "container": sent}, None
    if seen.shape == sent.shape:
        pictures["difference"], quality = difference(seen, sent, GAIN), psnr(seen, sent)
    paths = {name: folder / f"{name}.jpg" for name in pictures}
    for name, picture in pictures.items():
        paths[name].write_bytes(encode_jpeg(reduced(picture, _SIDE), _QUALITY))
    return paths, quality


def _picture(path: Path) -> np.ndarray:
    """(H, W, 3) uint8."""
    if kind(path) != FILM:
        return read_picture(path)
    with closing(read_frames(path)) as frames:
        return next(frames)


def chosen_method(destination: str, suffix: str, at_most_safe: bool = False) -> tuple[Method, Any]:
    """The method by which a container survives being sent to a destination, and its options.

    Raises:
        ConfigError: the method can't follow.
    """
    chosen = DESTINATIONS[destination]
    given = chosen.options | ({"at_most_safe": True} if at_most_safe else {})
    method = METHODS.choose(chosen.method, given, suffix)
    return method, method.options(**given)


def destination_of(asked: dict[str, Any]) -> str:
    """The destination in a request; by default, the container is sent as a file.

    Raises:
        TypeError, ValueError: it is none.
    """
    destination = text_of(asked.get("destination", "file"))
    if destination not in DESTINATIONS:
        raise ValueError("no destination")
    return destination


def text_of(value: object) -> str:
    """A value of a request that must be a text.

    Raises:
        TypeError: it is none; the value is not in the message, since it may be a key.
    """
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def size_of(value: object, most: int = _MOST_BYTES) -> int:
    """A value of a request that must be a size: a whole number from 0 to `most`, which is what a file system can hold.

    Raises:
        TypeError: it is no whole number.
        ValueError: it is negative or too large.
    """
    if type(value) is not int:
        raise TypeError("not a whole number")
    if not 0 <= value <= most:
        raise ValueError("too large a number")
    return value


def in_words(line: str) -> str:
    """A hint, note or warning for the page, with the labels of its fields for settings, and none in parentheses."""
    return SETTING.sub(_label, _ASIDE.sub("", line))


def _label(setting: re.Match) -> str:
    name, value = setting.groups()
    label = _LABELS.get(name, f"the {name}")
    return label if value in ("True", "CHANNEL") else f"{label} {value}"


def _finite(value: float | None) -> float | str | None:
    """Replaces infinity, which JSON lacks."""
    return "equal" if value is not None and math.isinf(value) else value


def _key_source(given: dict[str, str]) -> KeySource:
    """The key in a request.

    Raises:
        KeyFileError: it is none.
    """
    if "passphrase" in given:
        return Passphrase(text_of(given.pop("passphrase")))
    try:
        return Key(base64.b64decode(text_of(given.pop("file")), validate=True))
    except (binascii.Error, ValueError):
        raise KeyFileError("not a key file", "choose the file that `stegnet keygen` wrote") from None
