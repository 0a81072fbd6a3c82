"""Revealing a file that was hidden byte for byte: from a picture array, or from a container on disk.

Each record says which bytes or which share of the file it holds, so the order of the frames does not matter. A file is
revealed whole or not at all.
"""

import hashlib
import io
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from stegnet.core.errors import RevealError
from stegnet.core.kinds import FILE, FILM
from stegnet.core.progress import Progress
from stegnet.keys import KeyRing, KeySource
from stegnet.media import atomic_write
from stegnet.methods.method import Hidden
from stegnet.methods.run import DEFAULT_RUN, Run
from stegnet.methods.sealed import SEALED
from stegnet.record import (
    PICTURE_ALTERED,
    UNREADABLE,
    Container,
    Diagnosis,
    File,
    FrameStatus,
    Gathering,
    Header,
    Record,
    diagnose,
    least_shares,
    nothing_revealed,
    open_container,
    read_record,
)
from stegnet.results import MOST_TEXT, TEXT_NAME, OutputTarget, Report, as_named, printable, text_report
from stegnet.sealing import room

_ALL_OR_NOTHING = "a file is revealed whole or not at all: get the container as it was written"
_WHOLE_ALBUM = "reveal a folder that holds enough of them, as they were written"


@dataclass
class _Pass:
    """Result of one pass over a container.

    Attributes:
        container: being read.
        header: of the file that is being collected; None until a frame opens.
        statuses: film id and status of each frame.
        sizes: bytes of a file that is not spread in each frame, by index.
        gathering: the shares of one that is spread.
        headers: number of frames with each header.
    """

    container: Container
    header: Header | None
    statuses: list[tuple[bytes | None, FrameStatus]] = field(default_factory=list)
    sizes: dict[int, int] = field(default_factory=dict)
    gathering: Gathering | None = None
    headers: Counter[Header] = field(default_factory=Counter)

    @property
    def enough(self) -> int:
        """Pictures that give the file; 0 if it is not in an album."""
        return 0 if self.container.kind == FILM else self.header.enough

    def trouble(self) -> tuple[str, ...]:
        """One line for each kind of damage; empty for none."""
        if self.enough:
            return self._album_trouble()
        diagnosis = self._diagnosis()
        if self.header.frames == 1 and diagnosis.altered:
            return (PICTURE_ALTERED,)
        lines = diagnosis.file_lines()
        return (
            (*lines, f"the film is damaged after {len(self.statuses)} frames") if self.container.breaks_off else lines
        )

    def strangers(self) -> tuple[str, ...]:
        """One line for each picture in an album's folder that is none of it, or can't be read."""
        read = zip(self.container.files, self.statuses, strict=False) if self.enough else ()
        others = [file for file, (film_id, _) in read if film_id != self.header.film_id]
        return tuple(self.container.remarks.get(file, f"{file}: is not of this album") for file in others)

    def _album_trouble(self) -> tuple[str, ...]:
        """Altered pictures, of which there is no copy that is whole, and the number of those that are missing."""
        read = zip(self.container.files, self.statuses, strict=False)
        own = [(file, status) for file, (film_id, status) in read if film_id == self.header.film_id]
        whole = {status.index for _, status in own if status.whole}
        altered = [f"{file}: was altered since it was hidden" for file, status in own if status.index not in whole]
        missing, count = self.header.frames - len({status.index for _, status in own}), self.header.frames
        return (*altered, *([f"{missing} of the album's {count} pictures {_are(missing)} missing"] * (missing > 0)))

    def _diagnosis(self) -> Diagnosis:
        """Diagnosis of the file's own frames; those of another container are foreign."""
        film_id = self.header.film_id
        own = [status if its_id == film_id else UNREADABLE for its_id, status in self.statuses]
        altered = {status.index for status in own if status.index is not None and not status.whole}
        return replace(diagnose(own, self.header.frames), altered=tuple(sorted(altered)))


def reveal_bytes(container: np.ndarray, key_source: KeySource) -> bytes:
    """Reveals the bytes that `hide_bytes`, or `embed_file` in a picture, hid.

    Args:
        container: (H, W, 3) uint8.
    Raises:
        RevealError: wrong key, nothing hidden, a picture or film is hidden instead, or bytes are missing.
    """
    record = read_record(container, KeyRing(key_source), first=True).record
    if record is None:
        raise nothing_revealed()
    if record.header.kind != FILE:
        raise _not_a_file()
    if hashlib.sha256(record.data).digest() != record.header.secret.digest:
        raise RevealError("the bytes are not those that were hidden", _ALL_OR_NOTHING)
    return record.data


class HiddenFile(Hidden):
    """A file, byte for byte."""

    kind, method = FILE, SEALED

    def __init__(self, container: Container, run: Run, header: Header) -> None:
        super().__init__(container, run)
        self.name, self.size = header.secret.name, header.secret.size

    def text(self, strict: bool = False) -> Report | None:
        if self.name != TEXT_NAME or self.size > MOST_TEXT:
            return None
        data = io.BytesIO()
        lines = _collect_whole(self.container, data, strict, self.run.progress)[1]
        return text_report(TEXT_NAME, data.getvalue(), lines)

    def write(self, out: OutputTarget, strict: bool = False) -> Report:
        container, progress = self.container, self.run.progress
        out.check((), "file", *container.files)
        with atomic_write(out.path, overwrite=out.force, private=True) as part:
            with part.open("w+b") as file:
                found, lines = _collect_whole(container, file, strict, progress)
            header = found.header
            named = as_named(part, header.secret.name, out, progress)
        notes, secret = (describe_file(header), *found.strangers(), *named.notes), header.secret
        return Report(notes=notes, trouble=lines, name=secret.name, size=secret.size, unchanged=named.unchanged)

    def details(self) -> dict[str, Any]:
        inspection = self.container.inspect(self.run.progress)
        secret: File = inspection.header.secret
        values = {"name": secret.name, "bytes": secret.size, "sha256": secret.digest.hex()}
        found = {f"hidden_{name}": value for name, value in values.items()}
        header = inspection.header
        lost = may_be_lost(header)
        if self.container.kind != FILM and header.enough:
            found |= {"album_pictures": header.frames, "album_pictures_needed": header.enough}
        elif lost is not None:
            found |= {"frames_when_hidden": header.frames, "frames_that_may_be_lost": lost}
        return found | inspection.damage


def hidden_file(container: Container, run: Run) -> HiddenFile | None:
    """The file that is hidden in a container; None if there is none; errors as `Method.open`."""
    header = container.header(run.progress)
    return HiddenFile(container, run, header) if header and header.kind == FILE else None


def extract_file(
    container: Path, out: OutputTarget, key_source: KeySource, *, strict: bool = False, run: Run = DEFAULT_RUN
) -> Report:
    """Reveals the file that `embed_file` hid, readable by its owner only; its own name is reported, and never used.

    Args:
        out: of any suffix.
        strict: refuse a container that is not exactly as it was hidden, even if the file is whole.
    Raises:
        MediaError: the container can't be read, or the file not written.
        RevealError: wrong key, nothing hidden, not a file, or bytes of it are missing.
    """
    out.check((), "file", container)
    with open_container(container, key_source, run.progress) as opened:
        found = hidden_file(opened, run)
        if found is None:
            raise _not_a_file() if opened.header() else opened.not_opened()
        return found.write(out, strict)


def frames_with_data(header: Header) -> int:
    """Number of frames that hold bytes of the file, or shares of it."""
    size = header.secret.size
    return header.frames if header.spread and size else min(header.frames, size)


def may_be_lost(header: Header) -> int | None:
    """Frames of a film that may be lost or altered, and the file comes back all the same; None if it is not spread."""
    return header.spread.most_lost() if header.spread else None


def loss_note(header: Header, first_needed: bool) -> tuple[str, ...]:
    """Line that says how many frames may be lost or altered; none for a file that is not spread.

    Args:
        first_needed: the key opens frame 0, and most others only after it.
    """
    lost = may_be_lost(header)
    if lost is None:
        return ()
    if lost == 0:
        return (f"comes back only if none of its {header.frames} frames is lost or altered",)
    note = f"comes back whole if up to {lost} of its {header.frames} frames are lost or altered"
    return (note + ", but not the first" * first_needed,)


def describe_file(header: Header) -> str:
    """Line with name and size of a hidden file."""
    return f"hidden: {printable(header.secret.name)}, {header.secret.size} bytes"


def _collect_whole(
    container: Container, file: BinaryIO, strict: bool, progress: Progress
) -> tuple[_Pass, tuple[str, ...]]:
    """Writes the hidden file; returns how it was found, and lines on damage of the container.

    Raises:
        RevealError: no frame opens, it is not a file, bytes are missing, or (if strict) the container was altered.
    """
    found = _collect(container, file, progress)
    lines = found.trouble()
    _check_whole(file, found, lines)
    if strict and lines:
        hint = "the file in it is whole: unless strict, it is revealed"
        raise RevealError(f"{container.path}: {'; '.join(lines)}", hint)
    return found, lines


def _collect(container: Container, file: BinaryIO, progress: Progress) -> _Pass:
    """Writes the file that most frames belong to: usually that of the first frame, else a second pass is needed.

    Raises:
        RevealError: no frame opens, or what is hidden is not a file.
    """
    wanted = None
    while True:
        file.seek(0)
        file.truncate()
        found = _read_frames(container, wanted, file, progress)
        if found.header is None:
            raise container.not_opened()
        ((wanted, _),) = found.headers.most_common(1)
        if wanted == found.header:
            return found


def _read_frames(container: Container, wanted: Header | None, file: BinaryIO, progress: Progress) -> _Pass:
    found = _Pass(container, wanted)
    with closing(container.readings()) as readings:
        for done, reading in enumerate(readings, 1):
            record = reading.record
            found.statuses.append((record and record.header.film_id, reading.status))
            if record is not None:
                _take(record, found, file)
            phase = "reveal pictures" if found.header and found.enough else "reveal"
            progress(phase, done, found.header.frames if found.header else 0)
    return found


def _take(record: Record, found: _Pass, file: BinaryIO) -> None:
    """Writes a frame's bytes at their offset, if they are of the file that is being collected."""
    found.headers[record.header] += 1
    found.header = found.header or record.header
    if record.header == found.header:
        _check_file(record.header, found.container)
        if found.header.spread:
            found.gathering = found.gathering or Gathering(found.header.spread, file)
            for number, share in record.shares():
                found.gathering.add(number, share)
            return
        file.seek(record.stamp)
        file.write(record.data)
        found.sizes[record.index] = len(record.data)


def _check_file(header: Header, container: Container) -> None:
    """Refuses what is not a file, and a size beyond what the container can hold."""
    if header.kind != FILE:
        raise _not_a_file()
    other_sizes = container.kind != FILM and header.frames > 1  # an album's pictures are not alike
    if not other_sizes and header.secret.size > header.frames * max(room(container.height, container.width), 0):
        raise nothing_revealed()


def _not_a_file() -> RevealError:
    return RevealError("what is hidden here is not a file", "`stegnet info` says what it is")


def _check_whole(written: BinaryIO, found: _Pass, lines: tuple[str, ...]) -> None:
    """Refuses a file of which bytes are missing or wrong; restores those of lost frames."""
    what = _missing(found)
    if not what and found.gathering:
        found.gathering.restore()
    if not what and _sha256(written) != found.header.secret.digest:
        what = "the file's bytes are not those that were hidden"
    if not what:
        return
    hint = _WHOLE_ALBUM if found.enough else _ALL_OR_NOTHING
    raise RevealError("; ".join((f"{found.container.path}: {what}", *lines, *found.strangers())), hint)


def _missing(found: _Pass) -> str:
    """Sentence on what is missing of a file; "" if nothing is."""
    file: File = found.header.secret
    missing = file.size - sum(found.sizes.values())
    if found.gathering.least >= file.needed if found.gathering else not missing:
        return ""
    if found.enough:
        count = found.header.frames
        return f"the album needs {'all' if found.enough == count else found.enough} of its {count} pictures"
    if not found.gathering:
        return f"{missing} of the file's {file.size} bytes are missing"
    spread, least = found.header.spread, found.gathering.least
    if spread.groups == 1:
        return f"the file needs {file.needed} of its {spread.frames} frames, and {least} can be read"
    group = f"{file.needed} of the {least_shares(spread.frames)} frames in each of {spread.groups} groups"
    return f"the file needs {group}, and of one group {least} can be read"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _sha256(file: BinaryIO) -> bytes:
    file.seek(0)
    return hashlib.file_digest(file, "sha256").digest()
