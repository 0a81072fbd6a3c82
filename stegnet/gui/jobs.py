"""Requests of the local web page: jobs, and before them advice on a cover's capacity and a passphrase's strength."""

import base64
import binascii
import json
import math
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from stegnet.channels import learn_channel, read_channel
from stegnet.channels.destinations import DESTINATIONS
from stegnet.channels.transit import transit_of_file
from stegnet.core.errors import KeyFileError, StegnetError
from stegnet.core.measures import PSNR, difference, psnr
from stegnet.core.names import CHANNEL_SUFFIX, FILM, PICTURE, SOUND, TEXT_NAME, safe_name
from stegnet.core.pixels import encode_jpeg
from stegnet.core.text import Aside, Setting, kind_of, shown
from stegnet.files import find, open_hidden, write_hidden
from stegnet.formats.signatures import JPEG_SUFFIXES
from stegnet.hide_file import HideJob, hide_file
from stegnet.hiding import Context, CoverSize, Room
from stegnet.image.pictures import read_picture, reduced, refuse_palette
from stegnet.keys import Key, KeySource, Passphrase, guessing_time, random_words
from stegnet.media.cover import Cover, kind
from stegnet.media.metadata import has_gps_position
from stegnet.methods.chosen_method import keeps_place, made_anew, refused_growth
from stegnet.methods.registry import METHODS, method_for
from stegnet.results import CHANGES, COVER_FORMAT, OutputTarget, Report
from stegnet.video.films import read_frames

KNOWN_CHANNEL = "channel"  # destination of requests for a known channel, whose file is the last of theirs


# Largest numbers in a request.
_FILE_BYTES = (1 << 63) - 1  # that a file system can hold
_SIDE = 1 << 20  # pixels
_FRAMES = 1 << 32


class BadRequest(ValueError):
    """Error for a request that the page does not send."""


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
        inputs: name and size in bytes of each file: cover, secret and, for KNOWN_CHANNEL, the channel's; or the
            container.
        destination: where the container is sent: a key of DESTINATIONS, or KNOWN_CHANNEL.
        suffix: suffix of the container; "": the program chooses it, and refuses a container that is much larger.
        keeps_place: the container keeps its cover's metadata even if it says where that was taken.
        meant: the secret of a cover that is a container itself may be lost.
    """

    job: Literal["hide", "reveal"]
    inputs: tuple[tuple[str, int], ...]
    key_source: KeySource
    destination: str
    suffix: str
    at_most_safe: bool
    keeps_place: bool
    meant: bool


class Done(NamedTuple):
    """A finished job: the container or the secret, previews by name, and the facts to show, in JSON types."""

    main: Path
    previews: dict[str, Path]
    facts: dict[str, object]


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
        inputs = tuple(map(_file_of, asked["files"]))
        job = asked["job"]
        suffix = _text_of(asked.get("suffix", ".png"))
        destination = _destination_of(asked)
        at_most_safe = asked.get("safe", False)
        keeps_place = asked.get("place", False)
        meant = asked.get("meant", False)

    hidden_with = 3 if destination == KNOWN_CHANNEL else 2  # files
    if job not in ("hide", "reveal") or len(inputs) != (hidden_with if job == "hide" else 1):
        raise BadRequest
    if suffix and not any(suffix in method.info.suffixes for method in METHODS.values()):
        raise BadRequest
    if not all(isinstance(each, bool) for each in (at_most_safe, keeps_place, meant)):
        raise BadRequest
    return Request(job, inputs, key_source, destination, suffix, at_most_safe, keeps_place, meant)


def run_job(request: Request, inputs: list[Path], folder: Path, context: Context) -> Done:
    """Do a job, with an empty folder for its results. Messages name no folder.

    Args:
        request: the job, as a page asks for it.
        inputs: files in the order of `request.inputs`, each in a folder of its own.
        folder: empty folder for the results.
        context: networks, device and progress.
    """
    with _folders_left_out(folder / "container", folder, *(path.parent for path in inputs)):
        if request.job == "hide":
            return _hide(request, inputs, folder, context)
        (container,) = inputs
        return _reveal(request, container, folder, context)


@contextmanager
def _folders_left_out(*folders: Path) -> Iterator[None]:
    """Make errors of the block call files in these folders by their names alone."""
    try:
        yield
    except StegnetError as error:
        if Path(error.subject).parent in folders:
            error.subject = Path(error.subject).name
        for folder in folders:
            if str(folder) in error.problem:
                error.problem = error.problem.replace(f"{folder}{os.sep}", "")
        raise


def _hide(request: Request, inputs: list[Path], folder: Path, context: Context) -> Done:
    """Hide a secret in a cover, and write the container and previews to a folder."""
    cover, secret, *channel_file = inputs
    wanted = {"at_most_safe": True} if request.at_most_safe else {}
    if not request.keeps_place and has_gps_position(cover):
        wanted["strip_metadata"] = True
    destination = str(channel_file[0]) if channel_file else request.destination
    method, options = method_for(destination, wanted, request.suffix)
    job = HideJob(method, options, context, refuses_unmeant=not request.meant)
    suffix = request.suffix or job.unasked_suffix(cover)
    (folder / "container").mkdir()
    out = folder / "container" / f"{cover.stem}{suffix}"  # the cover's own name, which gives no secret away
    report = hide_file(job, cover, secret, OutputTarget(out), request.key_source)
    weakness = request.key_source.weakness() if isinstance(request.key_source, Passphrase) else ""
    previews, quality = _write_previews(cover, out, folder)
    # For pictures that are encoded again, a note has the PSNR before that.
    is_lossy = not channel_file and DESTINATIONS[request.destination].is_lossy
    container_psnr = None if is_lossy else report.figures.container_psnr
    measured = {
        "container": _finite(container_psnr),
        "secret": _finite(report.secret_psnr),
        "difference": _finite(quality),
    }
    told = {"verdict": in_words(report.figures.verdict), PSNR.key: measured}
    return Done(out, previews, _facts(out, report, weakness) | told)


def _reveal(request: Request, container: Path, folder: Path, context: Context) -> Done:
    """Reveal the secret in a container, and write it to a folder."""
    with open_hidden(container, request.key_source, context) as opened:
        hidden = find(opened, context)
        report = write_hidden(hidden, OutputTarget(folder, named=False))
    path = report.path
    if path is None:
        assert report.text is not None
        path = folder / TEXT_NAME
        path.write_text(report.text, "utf-8", newline="")
    return Done(path, {}, _facts(path, report) | {"robust": not hidden.tells_damage, "text": report.text})


def _facts(path: Path, report: Report, weakness: str = "") -> dict[str, object]:
    """Return the facts to show of a file that was written, with a warning of the passphrase's weakness, if any."""
    warnings = [*report.warnings, weakness] if weakness else report.warnings
    return {
        "width": report.width,
        "height": report.height,
        "frames": report.frames,
        "hidden": report.hidden,
        "notes": [in_words(line) for line in report.notes if kind_of(line) != CHANGES],  # the page has own figures
        "warnings": [in_words(line) for line in warnings if kind_of(line) != COVER_FORMAT],  # the verdict says that
        "trouble": [*map(in_words, report.trouble)],
        "name": path.name,
        "size": path.stat().st_size,
    }


def _write_previews(cover: Path, container: Path, folder: Path) -> tuple[dict[str, Path], float | None]:
    """Write pictures of a cover, its container and their difference; for films, of the first frame.

    Returns:
        The pictures by name, and the container's PSNR in dB. If the container's size differs from its cover's, there is
        neither difference nor PSNR.
    """
    longer_side = 1200  # pixels
    jpeg_quality = 90
    if kind(cover) == SOUND:
        return {}, None
    before = _picture(cover)
    after = _picture(container)
    pictures = {"cover": before, "container": after}
    quality = None
    if before.shape == after.shape:
        pictures["difference"] = difference(before, after)
        quality = psnr(before, after)

    paths = {name: folder / f"{name}.jpg" for name in pictures}
    for name, picture in pictures.items():
        paths[name].write_bytes(encode_jpeg(reduced(picture, longer_side), jpeg_quality))
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
    if destination not in (*DESTINATIONS, KNOWN_CHANNEL):
        raise ValueError("no destination")
    return destination


def _file_of(asked: dict[str, object]) -> tuple[str, int]:
    """Return the name and the size in bytes of a file of a request."""
    return safe_name(_text_of(asked["name"])), _integer_of(asked["size"])


def _text_of(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")  # it may be a key
    return value


def _integer_of(value: object, most: int = _FILE_BYTES) -> int:
    """Return a value of a request that must be an integer from 0 to `most`, by default a number of bytes."""
    if type(value) is not int:
        raise TypeError("not a whole number")
    if not 0 <= value <= most:
        raise ValueError("too large a number")
    return value


def in_words(line: str) -> str:
    """Return a hint, note or warning for the page, with the labels of its fields for settings, and without asides."""
    return shown(line, _label_of)


def _label_of(setting: Setting) -> str:
    """Return the label of the page's field for a setting, or the option where the page has no field."""
    labels = {
        "any_quality": "the command line",
        "at_most_safe": "“Only as much as is hard to find”",
        "strip_metadata": "“Leave out where it was taken”",
        "survive": "“Where will it be sent?”",
    }
    if isinstance(setting, Aside):
        return ""
    label = labels.get(setting.name, f"the {setting.name}")
    return label if setting.value in (True, "CHANNEL") else f"{label} {setting.value}"


def _finite(value: float | None) -> float | str | None:
    """Replace infinity, which JSON lacks."""
    return "equal" if value is not None and math.isinf(value) else value


def _key_source(given: dict[str, object]) -> KeySource:
    """Return the key or passphrase of a request, which is removed from it. Raises KeyFileError if it is invalid."""
    if "passphrase" in given:
        return Passphrase(_text_of(given.pop("passphrase")))
    try:
        return Key(base64.b64decode(_text_of(given.pop("file")), validate=True))
    except (binascii.Error, ValueError):
        raise KeyFileError("not a key file", "choose a key file, or make one here") from None


class CapacityQuestion:
    """Question about a cover's capacity and lossy past. The cover's file follows the question, and is examined.

    Attributes:
        inputs: name and size in bytes of that file and, for KNOWN_CHANNEL, of the channel's.
    """

    def __init__(self, line: bytes) -> None:
        with parsing():
            asked = json.loads(line)
            self._hiding = _IntendedHiding.of(asked)
            files = [asked["cover"]["file"]]
            if self._hiding.destination == KNOWN_CHANNEL:
                files.append(asked["channel"])
            self.inputs = tuple(map(_file_of, files))

    def answer(self, paths: list[Path]) -> dict[str, object]:
        """Return the bytes that fit, the bytes that are hard to find, and the cover's lossy past; or why nothing fits.

        If the container gets much larger than its cover, `grows` says so; `larger` is the error of one that is larger
        than anyone is to get unasked. `anew`: the container is another JPEG. `place`: it says where
        its cover was taken, unless that is left out.

        The files are those of `inputs`, each in a folder of its own, which messages don't name.
        """
        try:
            with _folders_left_out(*(path.parent for path in paths)):
                return self._hiding.known_of(*paths)
        except StegnetError as error:
            return _offered(error) if error.larger else {"text": f"{error}."}


def _offered(error: StegnetError) -> dict[str, object]:
    """Return the problem and the hint of an error for a container that could be larger."""
    name = Path(error.subject).name
    return {"larger": {"message": f"{name}: {error.problem}", "hint": in_words(error.hint)}}


@dataclass(frozen=True)
class _IntendedHiding:
    """A hiding that the page asks about before its files are there.

    Attributes:
        cover: size of the cover as the page knows it; the width is 0 if it can't tell.
        secret_name: name of the file to hide.
        destination: where the container is sent, as in `Request`.
        suffix: suffix of the container.
    """

    cover: CoverSize
    secret_name: str
    destination: str
    suffix: str

    @classmethod
    def of(cls, asked: dict[str, Any]) -> "_IntendedHiding":
        """Return the hiding that a question is about; its errors are those that `parsing` turns into BadRequest."""
        cover = asked["cover"]
        height = _integer_of(cover["height"], _SIDE)
        width = _integer_of(cover["width"], _SIDE)
        return cls(
            cover=CoverSize(height, width, _integer_of(cover["frames"], _FRAMES)),
            secret_name=_text_of(asked["secret"]["name"]),
            destination=_destination_of(asked),
            suffix=_text_of(asked.get("suffix", "")),
        )

    @property
    def is_measured_later(self) -> bool:
        """True of a film that is encoded on its way: how much survives in it is known when it is hidden in."""
        is_lossy = self.destination != KNOWN_CHANNEL and DESTINATIONS[self.destination].is_lossy
        return self.cover.kind == FILM and is_lossy

    def room(self) -> Room | None:
        """Return the room in a cover of this size; None: not known."""
        is_chosen_later = not self.suffix and self.cover.kind == FILM  # whether the film stays what it is
        if self.destination == KNOWN_CHANNEL or is_chosen_later:
            return None
        method, options = method_for(self.destination, {}, self.suffix)
        return method.room(self.cover, self.secret_name, options)

    def known_of(self, file: Path, channel_file: Path | None = None) -> dict[str, object]:
        """Return what is known of the cover in a file, for the channel of another.

        Raises:
            StegnetError: a file can't be read, or nothing can be hidden in this cover for this channel.
        """
        destination = self.destination if channel_file is None else str(channel_file)
        method, options = method_for(destination, {}, self.suffix)
        job = HideJob(method, options)
        with Cover(file) as cover:
            if cover.kind == PICTURE:
                refuse_palette(cover)
            suffix = self.suffix or job.usual_suffix(cover)
            size = self.cover if self.cover.width else replace(CoverSize.of(cover), channels=3)
            channels = cover.channels if size.frames == 1 else 3
            room = job.room(replace(size, cover=cover, channels=channels), self.secret_name, suffix)
            growth = None if self.suffix else job.growth(cover, suffix)  # a suffix was asked for
            known: dict[str, object] = {}
            if room:
                condition = str(room.condition) if room.condition else ""
                known = {"capacity": room.bytes or 0, "hard": room.safe, "history": room.history}
                known["condition"] = condition
            if growth and growth.is_asked_about:
                known |= _offered(refused_growth(cover, growth, suffix))
            elif growth and growth.is_much:
                known["grows"] = growth.in_words
            if channel_file is None and suffix in JPEG_SUFFIXES and (anew := made_anew(cover, suffix)):
                known["anew"] = anew
            if keeps_place(cover, suffix):
                known["place"] = True
            return known


class ChannelQuestion:
    """Question about a known channel: its file follows, or pictures that were sent and what arrived, in pairs.

    Attributes:
        inputs: name and size in bytes of each file.
    """

    def __init__(self, line: bytes) -> None:
        with parsing():
            self.inputs = tuple(map(_file_of, json.loads(line)["files"]))
        if len(self.inputs) != 1 and (len(self.inputs) % 2 or not self.inputs):
            raise BadRequest

    def answer(self, paths: list[Path]) -> dict[str, object]:
        """Return what is known of the channel, and its file; `error` is why nothing can be hidden for it.

        The files are those of `inputs`, each in a folder of its own, which messages don't name. A channel that is
        learned is written beside the first.
        """
        known = None
        error = None
        try:
            with _folders_left_out(*(path.parent for path in paths)):
                file, *_ = paths
                if len(paths) > 1:
                    learned = learn_channel(list(zip(paths[::2], paths[1::2], strict=True)))
                    file = file.with_name(f"app{CHANNEL_SUFFIX}")
                    file.write_text(learned.text(), "utf-8")
                known = read_channel(file)
                transit_of_file(file)
        except StegnetError as problem:
            error = {"message": str(problem), "hint": in_words(problem.hint)}
        told = {} if known is None else {"described": known.described(), "file": known.text()}
        return told | ({} if error is None else {"error": error})


def advise(about: str, line: bytes) -> dict[str, str]:
    """Answer a question about one of ADVICE, one line of JSON. Raises BadRequest if the page asks no such question."""
    with parsing():
        asked = json.loads(line)
    return ADVICE[about](asked)


def _words(_: object) -> dict[str, str]:
    """Return a passphrase as `stegnet keygen --passphrase-words 6` prints it, and its strength."""
    text, bits = random_words(6)
    strength = f"{int(bits)} random bits: a thousand processor cores would guess at it for {guessing_time(bits)}."
    return {"passphrase": text, "text": strength}


def _weakness(asked: Any) -> dict[str, str]:
    """Return a sentence on how weak a passphrase is."""
    with parsing():
        passphrase = _text_of(asked["passphrase"])
    try:
        return {"text": Passphrase(passphrase).weakness()}
    except StegnetError as error:
        return {"text": str(error)}


def _forecast(asked: Any) -> dict[str, str]:
    """Return a sentence on the capacity, and on the form in which the secret will be hidden.

    `capacity`, `hard` and `condition` are the answer to a CapacityQuestion, if there was one; `safe`: hide no more than
    `hard`.
    """
    with parsing():
        secret = asked["secret"]
        hiding = _IntendedHiding.of(asked)
        at_most_safe = asked.get("safe") is True
        condition = _text_of(asked.get("condition", ""))
        hard = None if asked.get("hard") is None else _integer_of(asked["hard"])
        capacity = None if asked.get("capacity") is None else _integer_of(asked["capacity"])
        size = _integer_of(secret["size"])
        can_be_copied = bool(secret.get("film") or secret.get("width"))
    if capacity is None:
        try:
            room = hiding.room()
        except StegnetError as error:
            return {"text": f"{error}."}
        if room is None:
            later = "How much fits is measured while it is hidden."
            return {"text": f"{_verdict(hiding, None, size, condition)}{later}" if hiding.is_measured_later else ""}
        capacity, hard = room.bytes or 0, room.safe

    how_easily = ""
    if hard is not None:
        how_easily = f", at most {_amount(hard)} of it hard to find" if hard else ", all of it easy to find"
    most = capacity if hard is None or not at_most_safe else hard
    if size <= most:
        fate = "The secret fits as it is, byte for byte."
    elif can_be_copied and most:
        fate = "A copy of the secret is hidden, if that fits."
    else:
        remedy = "Use a longer or larger cover." if hiding.cover.frames > 1 else "Use a larger cover, or a film."
        fate = f"The secret is too large. {remedy}"
    verdict = _verdict(hiding, hard, min(size, most), condition)
    return {"text": f"{verdict}Capacity: about {_amount(capacity)}{how_easily}. {fate}"}


def _verdict(hiding: _IntendedHiding, hard: int | None, size: int, condition: str) -> str:
    """Return how easily so many bytes are found, and on what that rests, before another sentence; "": not known."""
    if hard is None:
        is_lossy = hiding.destination != KNOWN_CHANNEL and DESTINATIONS[hiding.destination].is_lossy
        return "Easy to find. " if is_lossy else ""
    if not hard:
        return "Easy to find. "
    return f"Hard to find, if {condition}. " if size <= hard else "Not hard to find. "


def _amount(count: int) -> str:
    """Describe a number of bytes with two digits, rounded down."""
    if count < 1000:
        return f"{count} bytes"
    unit = 10 ** (int(math.log10(count)) - 1)
    rounded = count // unit * unit
    return f"{rounded / 1e6:g} MB" if rounded >= 1_000_000 else f"{rounded / 1e3:g} kB"


ADVICE = {"forecast": _forecast, "weakness": _weakness, "words": _words}
