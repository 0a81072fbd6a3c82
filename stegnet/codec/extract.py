"""A file that was hidden byte for byte, brought back from the frames of its container.

Each record says where in the file its bytes belong, so frames that stand in another order do no harm. A file is
either whole or not brought back at all.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import BinaryIO

import numpy as np

from stegnet.codec.diagnosis import Diagnosis, FrameStatus, _frames, _was, diagnose
from stegnet.codec.frame import find
from stegnet.codec.keys import Key, KeySource
from stegnet.codec.output import OutputTarget
from stegnet.codec.picture import nothing
from stegnet.codec.progress import Progress, no_progress
from stegnet.codec.record import FILE, File, Header, Record
from stegnet.codec.report import Report
from stegnet.codec.reveal import open_film_key
from stegnet.codec.seal import read_salt, room
from stegnet.core.errors import MediaError, RevealError
from stegnet.core.parallel import ahead, ordered
from stegnet.media import FILM, kind, read_cover, read_frames, whole_file

_PLAIN_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,16}")
WHOLE_OR_NOT = "a file is revealed whole or not at all: get the container as it was written"
WORKERS = 2  # threads that seal and unseal; most of the time goes to decoding and encoding


@dataclass
class _Gathered:
    """What a pass over the container has brought in.

    Attributes:
        header: of the file that is gathered; None until a frame opens.
        height, width: of the container.
        places: the film id and the place of each frame.
        sizes: bytes that each frame of the file holds, by index.
        headers: how many frames have each.
        broken: does the film break off?
    """

    header: Header | None
    height: int = 0
    width: int = 0
    places: list[tuple[bytes | None, FrameStatus]] = field(default_factory=list)
    sizes: dict[int, int] = field(default_factory=dict)
    headers: Counter[Header] = field(default_factory=Counter)
    broken: bool = False

    def trouble(self) -> tuple[str, ...]:
        """One line for each kind of trouble; none for none."""
        frames, diagnosis = self.header.frames, self._diagnosis()
        kinds = (
            (diagnosis.altered, "altered since it was hidden"),
            (diagnosis.unreadable, "altered beyond reading"),
            (diagnosis.lost, "lost"),
            (diagnosis.moved, "moved to another place"),
            (diagnosis.repeated, "repeated"),
        )
        lines = [f"{_told(found, frames)} {what}" for found, what in kinds if found]
        strangers = len(diagnosis.foreign)
        lines += [f"{strangers} {'frame was' if strangers == 1 else 'frames were'} put in"] if strangers else []
        return (*lines, f"the film is damaged after {len(self.places)} frames") if self.broken else tuple(lines)

    def _diagnosis(self) -> Diagnosis:
        """What has become of the frames; a frame of another container is a foreign one."""
        assert self.header is not None
        own = [place if film_id == self.header.film_id else FrameStatus(None, False) for film_id, place in self.places]
        altered = {place.index for place in own if place.index is not None and not place.whole}
        return replace(diagnose(own, self.header.frames), altered=tuple(sorted(altered)))


def extract_file(
    container: Path, out: OutputTarget, secret_key: KeySource, *, strict: bool = False, progress: Progress = no_progress
) -> Report:
    """Brings back the file that `embed_file` hid, for its owner to read alone; its own name is told, and never used.

    Args:
        out: of any suffix.
        strict: refuse a container that is not exactly as it was hidden, even if the file is whole.
    Raises:
        MediaError: the container can't be read, or the file not written.
        RevealError: wrong key, nothing hidden, not a file, or not every byte of it is left.
    """
    out.check((), "file", container)
    key = _open_key(container, secret_key)
    with whole_file(out.path, overwrite=out.force, private=True) as part:
        gathered = _gather(container, key, part, progress)
        header, lines = gathered.header, gathered.trouble()
        _check_whole(container, part, gathered, lines)
        if strict and lines:
            hint = "the file in it is whole: without --strict, it is revealed"
            raise RevealError(f"{container}: {'; '.join(lines)}", hint)
    size = gathered.width, gathered.height, header.frames
    return Report(*size, carrying(header), (told(header, *size), *_renamed(header.secret, out.path)), lines)


def reveal_bytes(container: np.ndarray, secret_key: KeySource) -> bytes:
    """The bytes that `hide_bytes`, or `embed_file` in a picture, hid.

    Args:
        container: (H, W, 3) uint8.
    Raises:
        RevealError: wrong key, nothing hidden, a picture or film instead of bytes, or not every byte is left.
    """
    record = find(container, secret_key.unlock(read_salt(container))).record
    if record is None:
        raise nothing()
    if record.header.kind != FILE:
        raise not_a_file()
    if record.header.frames != 1 or hashlib.sha256(record.data).digest() != record.header.secret.digest:
        raise RevealError("the bytes are not those that were hidden", WHOLE_OR_NOT)
    return record.data


def not_a_file() -> RevealError:
    """The error for a container that hides a picture or film."""
    return RevealError("what is hidden here is not a file", "`stegnet info` says what it is")


def carrying(header: Header) -> int:
    """How many frames hold some of the file's bytes."""
    return min(header.frames, header.secret.size)


def told(header: Header, width: int, height: int, frames: int) -> str:
    """Name and size of a hidden file, and what its container carries.

    The name's control and formatting characters, which could forge what a terminal shows, are escaped.
    """
    file = header.secret
    bits = 8 * file.size / (3 * width * height * frames)
    return f"hidden: {escaped(file.name)}, {file.size} bytes, {bits:.3f} bits per sample"


def _renamed(file: File, out: Path) -> Iterator[str]:
    """Says that a file was given another suffix than its own, by which programs tell what it is."""
    own = plain_suffix(file)
    if own and out.suffix.lower() != own.lower():
        yield f"its own name ends in {own}: programs may want it named {out.with_suffix(own).name}"


def plain_suffix(file: File) -> str:
    """The suffix of a hidden file's own name, if it can do no harm; else ""."""
    suffix = PurePath(file.name).suffix
    return suffix if _PLAIN_SUFFIX.fullmatch(suffix) else ""


def escaped(name: str) -> str:
    """A name that does nothing but be read."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in name)


def _told(found: tuple[int, ...], frames: int) -> str:
    return f"{_frames(found) if frames > 1 else 'the picture'} {_was(found)}"


def _open_key(container: Path, secret_key: KeySource) -> Key:
    if kind(container) == FILM:
        return open_film_key(container, secret_key)
    return secret_key.unlock(read_salt(read_cover(container)[0]))


def _gather(container: Path, key: Key, part: Path, progress: Progress) -> _Gathered:
    """The file that most of the frames belong to: mostly the first that is met, else a second pass fetches it.

    Raises:
        RevealError: no frame opens, or what is hidden is not a file.
    """
    wanted = None
    while True:
        gathered = _pass(container, key, wanted, part, progress)
        if gathered.header is None:
            raise nothing()
        ((wanted, _),) = gathered.headers.most_common(1)
        if wanted == gathered.header:
            return gathered


def _pass(container: Path, key: Key, wanted: Header | None, part: Path, progress: Progress) -> _Gathered:
    gathered = _Gathered(wanted)

    def look(frame: np.ndarray) -> tuple[Record | None, FrameStatus, tuple[int, int]]:
        seen = find(frame, key)
        index = None if seen.record is None else seen.record.index
        return seen.record, FrameStatus(index, seen.whole), frame.shape[:2]

    frames = ahead(_frames_of(container, gathered))
    with part.open("wb") as file, closing(frames), closing(ordered(look, frames, WORKERS)) as found:
        for done, (record, place, size) in enumerate(found, 1):
            gathered.height, gathered.width = size
            gathered.places.append((record.header.film_id if record else None, place))
            if record is not None:
                _take(record, gathered, file)
            progress("reveal", done, gathered.header.frames if gathered.header else 0)
    return gathered


def _frames_of(container: Path, gathered: _Gathered) -> Generator[np.ndarray, None, None]:
    """Every frame, as far as the film goes."""
    if kind(container) != FILM:
        yield read_cover(container)[0]
        return
    try:
        with closing(read_frames(container)) as frames:
            yield from frames
    except MediaError:
        gathered.broken = True


def _take(record: Record, gathered: _Gathered, file: BinaryIO) -> None:
    """Puts a frame's bytes where they belong, if they are of the file that is gathered."""
    gathered.headers[record.header] += 1
    gathered.header = gathered.header or record.header
    if record.header == gathered.header:
        _check_file(record.header, gathered)
        file.seek(record.stamp)
        file.write(record.data)
        gathered.sizes[record.index] = len(record.data)


def _check_file(header: Header, gathered: _Gathered) -> None:
    """Stops at what is not a file, and at one that says it has more bytes than its container can hold."""
    if header.kind != FILE:
        raise not_a_file()
    if header.secret.size > header.frames * max(room(gathered.height, gathered.width), 0):
        raise nothing()


def _check_whole(container: Path, part: Path, gathered: _Gathered, lines: tuple[str, ...]) -> None:
    """Stops unless every byte is there and is the one that was hidden."""
    file: File = gathered.header.secret
    missing = file.size - sum(gathered.sizes.values())
    if missing:
        what = f"{missing} of the file's {file.size} bytes are missing"
    elif sha256(part) != file.digest:
        what = "the file's bytes are not those that were hidden"
    else:
        return
    raise RevealError("; ".join((f"{container}: {what}", *lines)), WHOLE_OR_NOT)


def sha256(path: Path) -> bytes:
    """A file's SHA-256."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
