"""A container, opened once for everything that reads it: revealing, collecting a hidden file, and information.

Its first frame is decoded and unsealed once: it gives the size, a passphrase's salt and usually the header, and begins
the first pass over the frames. Each record of a file says which bytes or shares of the file it holds, so their order
does not matter. A file is revealed completely or not at all.
"""

from collections import Counter
from collections.abc import Generator
from contextlib import AbstractContextManager, closing, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

import numpy as np

from stegnet import video
from stegnet.core.errors import MediaError, RevealError
from stegnet.core.names import FILE, FILM, PICTURE, SOUND
from stegnet.core.parallel import Progress, no_progress, parallel_map, prefetch, with_heartbeat
from stegnet.core.pixels import channels_of
from stegnet.core.text import CommandLine, Setting, Text
from stegnet.formats.opened_file import is_lossy_webp
from stegnet.image.pictures import open_picture
from stegnet.keys import Key, KeyRing, Opener, Passphrase
from stegnet.media.cover import Cover
from stegnet.record.coding import Header, Record
from stegnet.record.file_payload import file_digest
from stegnet.record.reading import (
    FRAMES,
    SEGMENTS,
    UNREADABLE,
    Diagnosis,
    FrameReading,
    FrameStatus,
    altered,
    diagnose,
    nothing_revealed,
    read_record,
)
from stegnet.record.spread import Gathering, least_shares
from stegnet.sealing import PIXELS, UNEVEN, record_capacity

ALL_OR_NOTHING = "a file is revealed whole or not at all: get the container as it was written"


@dataclass(frozen=True)
class Inspection:
    """Result of reading the record of every frame."""

    header: Header  # the most frequent header of its frames
    statuses: tuple[FrameStatus, ...]  # of all frames in order, relative to that header
    diagnosis: Diagnosis  # damage, derived from the statuses
    kind: str  # kind of the container

    @property
    def damage(self) -> dict[str, object]:
        """Dictionary of `whole`, True or False, and `trouble`, one line for each kind of damage."""
        lines = self.diagnosis.lines()
        if self.kind != FILM:
            damaged = self.diagnosis.altered or (self.diagnosis.unreadable and not self.header.enough)
            lines = (altered(self.kind),) if damaged else ()
        return {"whole": not lines, "trouble": list(lines)}


class Container(AbstractContextManager["Container", None]):
    """Picture, film or sound in which something may be hidden; a context manager.

    Attributes:
        owns_file: closing the container closes its file, too.
        path: path of the file, or of an album's folder.
        files: files that the container is read from.
        file_bytes: size of all of them.
        kind: PICTURE, FILM or SOUND.
        height, width, channels: size of every frame; one channel if the first frame is grey.
        first: record reading of the first frame.
        key_source: source of keys that it was opened with, or its sender's own keys.
        breaks_off: True once a pass over the frames has met damage that ends the film early.
        remarks: reason why a file has no record, one line per file.
        rules: rules of its samples.
        called: word for a frame that the user sees, singular and plural.

    Raises:
        MediaError: the file can't be read, has an unknown format, or has no frames.
    """

    rules = PIXELS
    called = FRAMES
    owns_file = False

    def __init__(self, file: Cover, key_source: Opener) -> None:
        self.file = file
        self.path = file.path
        self.files: tuple[Path, ...] = (file.path,)
        self.file_bytes: int = file.length
        self.kind = file.kind
        if self.kind == SOUND:
            self.called = SEGMENTS
        if file.context:
            self.rules = replace(UNEVEN, context=file.context)
        self.remarks: dict[Path, str] = {}
        self.breaks_off = self._closed = False
        self.key_source = key_source
        self._keys = KeyRing(key_source)
        self._decoder: Generator[np.ndarray, None, None] | None = self._decode()
        self._decoded: list[np.ndarray] = []
        self._header: Header | None = None
        self._looked_for_header = False
        self.first = FrameReading(None, False)
        if self._has_samples:
            self._read_first(self._decoder)

    @property
    def _has_samples(self) -> bool:
        """True if samples are read on opening: not from a JPEG's pixels, where no change of one level survives."""
        return not self.file.is_jpeg

    def _read_first(self, decoder: Generator[np.ndarray, None, None]) -> None:
        """Read the record of the first frame, and an anchor's if a passphrase needs it."""
        try:
            first = next(decoder, None)
            if first is None:
                raise MediaError("the film has no frames", subject=self.file)
            self._shape = first.shape[0], first.shape[1], channels_of(first)
            self.first = read_record(first, self._keys, first=True, rules=self.rules)
            # A frame may open with the passphrase alone: an anchor.
            if not self.first.record and self._keys.locked and self.kind != PICTURE:
                with closing(self._decode()) as frames:
                    for frame in frames:
                        if self._keys.exhausted or read_record(frame, self._keys, first=False).record:
                            break
        except BaseException:
            decoder.close()
            raise
        self._decoded = [first]

    @cached_property
    def _shape(self) -> tuple[int, int, int]:
        """Height, width and channels, known without decoding if the first frame was read."""
        height, width, _ = self.file.pixels.shape
        return height, width, channels_of(self.file.pixels)

    @property
    def height(self) -> int:
        """Height in pixels of the picture or of a film's frames."""
        return self._shape[0]

    @property
    def width(self) -> int:
        """Width in pixels of the picture or of a film's frames."""
        return self._shape[1]

    @property
    def channels(self) -> int:
        """Number of channels: 1 for a grey picture, else 3."""
        return self._shape[2]

    @property
    def key(self) -> Key:
        """Film key, with which the frames are unshuffled; known once a frame has opened."""
        return self._keys.film

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close what reads the file, and the file if the container owns it."""
        self._closed = True
        if self._decoder is not None:
            self._decoder.close()
        if self.owns_file:
            self.file.close()

    def frames(self) -> Generator[np.ndarray, None, None]:
        """Decode all frames in order, (H, W, 3) uint8 each; the first pass resumes after the frame already decoded.

        Raises:
            MediaError: the film is damaged.
            ValueError: the container is closed.
        """
        if self._closed:
            raise ValueError(f"{self.path}: the container is closed")
        decoder = self._decoder or self._decode()
        self._decoder = None
        decoded = self._decoded
        self._decoded = []
        with closing(decoder):
            while decoded:
                yield decoded.pop()
            yield from decoder

    def readable_frames(self) -> Generator[np.ndarray, None, None]:
        """Decode the frames, up to where the film breaks off if it is damaged."""
        try:
            with closing(self.frames()) as frames:
                yield from frames
        except MediaError:
            self.breaks_off = True

    def read(self, position: int, frame: np.ndarray) -> FrameReading:
        """Read the record of the frame at a position, counted from 0. The first frame was read on opening."""
        if position == 0 and self.first.record:
            return self.first
        return read_record(frame, self._keys, first=False, rules=self.rules)

    def header(self, progress: Progress = no_progress) -> Header | None:
        """Return the header of the first frame whose record can be read; None if no frame opens with this key.

        Raises:
            MediaError: the film is damaged before that frame.
        """
        if self.first.record is not None:
            return self.first.record.header
        if not self._looked_for_header:
            if self.kind != PICTURE and not self.file.lossy_format:  # no frame of a lossy film opens
                with closing(self.frames()) as frames:
                    for position, frame in enumerate(frames):
                        if position:
                            progress("check", position, 0)
                        if record := self.read(position, frame).record:
                            self._header = record.header
                            break
            self._looked_for_header = True
        return self._header

    def inspect(self, progress: Progress = no_progress) -> Inspection:
        """Read the records of all frames, and diagnose their damage.

        Raises:
            RevealError: no frame opens with this key.
        """
        headers: dict[Header, Header] = {}  # each is stored once, however many frames hold it
        read: list[tuple[Header | None, FrameStatus]] = []
        with closing(self.readings()) as readings:
            for done, reading in enumerate(readings, 1):
                header = reading.record.header if reading.record else None
                read.append((headers.setdefault(header, header) if header else None, reading.status))
                progress("check", done, 0)
        if not headers:
            raise self.not_opened()
        ((header, _),) = Counter(frame_header for frame_header, _ in read if frame_header).most_common(1)
        statuses = tuple(status if frame_header is header else UNREADABLE for frame_header, status in read)
        total = 1 if header.enough else header.frames  # an album's other files are not searched for
        return Inspection(header, statuses, diagnose(statuses, total), self.kind)

    def not_opened(self) -> RevealError:
        """Return the error for a container that does not open. Raises MediaError if it is an unreadable JPEG."""
        self._shape  # noqa: B018
        by_passphrase = isinstance(self.key_source, Passphrase)
        return nothing_revealed("JPEG" if self.file.is_jpeg else self.kind, _look_of_a_copy(self.file), by_passphrase)

    def readings(self) -> Generator[FrameReading, None, None]:
        """Yield the record readings of all frames in order, up to where a film breaks off."""
        unsealers = 2  # threads that unseal if no network computes; most of the time goes to decoding
        frames = prefetch(self.readable_frames())
        with (
            closing(frames),
            closing(parallel_map(lambda item: self.read(*item), enumerate(frames), unsealers)) as readings,
        ):
            yield from readings

    def _decode(self) -> Generator[np.ndarray, None, None]:
        if self.kind == SOUND:
            yield from self.file.sound.samples()
            return
        if self.kind != FILM:
            yield self.file.pixels
            return
        with closing(video.read_frames(self.file)) as frames:
            yield from frames


def _look_of_a_copy(file: Cover) -> str:
    """Return what shows that a picture is a copy that a messenger has sent; "": nothing does."""
    sides = (1280, 1600, 2048)  # longer ones of pictures that messengers send
    if file.kind != PICTURE or not (file.is_jpeg or is_lossy_webp(file)):
        return ""
    height, width = file.size
    with suppress(MediaError), open_picture(file) as picture:
        if max(height, width) in sides and not picture.getexif():
            return f"{width}×{height} pixels without a camera's data, as in a messenger's copy"
    return ""


def open_container(path: Path, key_source: Opener, progress: Progress = no_progress) -> Container:
    """Open a container, which takes seconds if the first frame is large. Raises the errors of `Container`."""
    hint = "a container is a PNG, JPEG, MKV, MP4, WAV or FLAC: ask the sender for the file as it was written"
    file = Cover(path, quiet=True)  # the user was warned about oddities of the cover when it was hidden in
    try:
        file.kind  # noqa: B018
    except MediaError as error:
        file.close()
        raise error.with_hint(hint) from error
    try:
        container = with_heartbeat(lambda: Container(file, key_source), lambda: progress("open", 0, 0))
    except BaseException:
        file.close()
        raise
    container.owns_file = True
    return container


@dataclass
class Collected:
    """Result of one pass over a container that collects a file."""

    container: Container  # container being read
    wanted: Header | None  # header of the file that is being collected; None until a frame opens
    statuses: list[tuple[bytes | None, FrameStatus]] = field(default_factory=list)  # film id and status of each frame
    sizes: dict[int, int] = field(default_factory=dict)  # bytes of an unspread file in each frame, by index
    gathering: Gathering | None = None  # shares of a spread file
    headers: Counter[Header] = field(default_factory=Counter)  # number of frames with each header

    @property
    def header(self) -> Header:
        """Header of the file that is being collected; a frame must have opened."""
        assert self.wanted is not None
        return self.wanted

    @property
    def enough(self) -> int:
        """Files of an album that give the hidden file; 0 if it is not in an album."""
        return self.header.enough

    def trouble(self) -> tuple[str, ...]:
        """Return one line for each kind of damage; empty if there is none. Files that an album lacks are no damage."""
        film_id = self.header.film_id
        count = self.header.frames
        if self.enough:  # lists altered files without an unaltered copy
            whole = {status.index for _, status in self._of_album() if status.whole}
            altered_files = (file for file, status in self._of_album() if status.index not in whole)
            return tuple(f"{file}: was altered since it was hidden" for file in altered_files)
        # Frames of another container count as unreadable.
        statuses = [status if its_id == film_id else UNREADABLE for its_id, status in self.statuses]
        damaged = {status.index for status in statuses if status.index is not None and not status.whole}
        if count == 1 and damaged:
            return (altered(self.container.kind),)
        diagnosis = replace(diagnose(statuses, count), altered=tuple(sorted(damaged)))
        damage = diagnosis.file_lines(self.container.called)
        if self.container.breaks_off:
            return (*damage, f"the film is damaged after {len(self.statuses)} {self.container.called[1]}")
        return damage

    def _of_album(self) -> list[tuple[Path, FrameStatus]]:
        """Return the files of an album that opened, with their status."""
        read = zip(self.container.files, self.statuses, strict=False)
        return [(file, status) for file, (its_id, status) in read if its_id == self.header.film_id]

    def absent(self) -> str:
        """Return a line on the files that an album lacks; "" if there are none."""
        count = self.header.frames
        absent = count - len({status.index for _, status in self._of_album()}) if self.enough else 0
        verb = "is" if absent == 1 else "are"
        return f"{absent} of the album's {count} files {verb} missing or unreadable" if absent else ""

    def strangers(self) -> tuple[str, ...]:
        """Return one line for each file in an album's folder that is not part of the album or can't be read."""
        read = zip(self.container.files, self.statuses, strict=False) if self.enough else ()
        strangers = [file for file, (film_id, _) in read if film_id != self.header.film_id]
        return tuple(self.container.remarks.get(file, f"{file}: is not of this album") for file in strangers)

    def take(self, record: Record, file: BinaryIO) -> None:
        """Write a frame's bytes at their offset, if they belong to the file that is being collected.

        Raises:
            RevealError: the record does not belong to a file, or its file is larger than the container can hold.
        """
        header = record.header
        self.headers[header] += 1
        self.wanted = self.wanted or header
        if header != self.wanted:
            return
        if header.kind != FILE:
            raise not_a_file()
        if not header.enough:  # the pictures of an album may have any sizes
            frame_capacity = record_capacity(self.container.height, self.container.width) or 0
            if header.file.size > header.frames * frame_capacity:
                raise nothing_revealed()
        if header.spread:
            self.gathering = self.gathering or Gathering(header.spread, file)
            for number, share in record.shares():
                self.gathering.add(number, share)
            return
        if record.offset <= self.container.file_bytes:  # else files that should hold what is before it are missing
            file.seek(record.offset)
            file.write(record.data)
        self.sizes[record.index] = len(record.data)

    def missing(self) -> str:
        """Return a sentence that says how much of the file is missing; "" if it is complete."""
        file = self.header.file
        count = self.header.frames
        gathering = self.gathering
        missing = file.size - sum(self.sizes.values())
        if gathering.least >= file.needed if gathering else not missing:
            return ""
        if self.enough:
            return f"the album needs {'all' if self.enough == count else self.enough} of its {count} files"
        if not gathering:
            return f"{missing} of the file's {file.size} bytes are missing"
        spread = gathering.spread
        many = self.container.called[1]
        if spread.groups == 1:
            return f"the file needs {file.needed} of its {spread.frames} {many}, and {gathering.least} can be read"
        group = f"{file.needed} of the {least_shares(spread.frames)} {many} in each of {spread.groups} groups"
        return f"the file needs {group}, and of one group {gathering.least} can be read"


def collect_whole(
    container: Container, file: BinaryIO, strict: bool, progress: Progress
) -> tuple[Collected, tuple[str, ...]]:
    """Write the hidden file; return how it was collected, and lines on damage of the container.

    Raises:
        RevealError: no frame opens, it is not a file, bytes are missing, or (if `strict`) the container was altered.
    """
    whole_album = "reveal a folder that holds enough of them, as they were written"
    collected = _collect(container, file, progress)
    lines = collected.trouble()
    absent = [line] if (line := collected.absent()) else []
    problem = collected.missing()
    if not problem and collected.gathering:
        collected.gathering.restore()
    if not problem and file_digest(file) != collected.header.file.digest:
        problem = "the file's bytes are not those that were hidden"
    if problem:
        hint = whole_album if collected.enough else ALL_OR_NOTHING
        raise RevealError("; ".join((problem, *lines, *absent, *collected.strangers())), hint, subject=container.path)
    if strict and (lines or absent):
        without = Text("the file in it is whole: without ", Setting("strict", True), ", it is revealed")
        raise RevealError("; ".join((*lines, *absent)), without, subject=container.path)
    return collected, lines


def _collect(container: Container, file: BinaryIO, progress: Progress) -> Collected:
    """Write the file that most frames belong to; if the first frame is of another file, a second pass is made."""
    wanted = None
    while True:
        file.seek(0)
        file.truncate()
        collected = Collected(container, wanted)
        with closing(container.readings()) as readings:
            for done, reading in enumerate(readings, 1):
                record = reading.record
                collected.statuses.append((record.header.film_id if record else None, reading.status))
                if record is not None:
                    collected.take(record, file)
                phase = "reveal files" if collected.wanted and collected.enough else "reveal"
                progress(phase, done, collected.wanted.frames if collected.wanted else 0)
        if collected.wanted is None:
            raise container.not_opened()
        ((wanted, _),) = collected.headers.most_common(1)
        if wanted == collected.wanted:
            return collected


def not_a_file() -> RevealError:
    """Return the error for a container of a picture or film that is read as a file's."""
    return RevealError("what is hidden here is not a file", Text(CommandLine("stegnet info", "see what it is")))
