"""A container, opened once for everything that reads it: revealing, extracting, and information.

Its first frame is decoded once and unsealed once: it gives the size, a passphrase's salt, mostly the header, and it
begins the first pass over the frames.
"""

from collections import Counter
from collections.abc import Generator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from stegnet.core.errors import MediaError, RevealError
from stegnet.core.kinds import FILM
from stegnet.core.parallel import parallel_map, prefetch, with_heartbeat
from stegnet.core.progress import Progress, no_progress
from stegnet.core.samples import channels_of
from stegnet.keys import Key, KeyRing, KeySource
from stegnet.media.cover import Cover
from stegnet.record.diagnosis import FRAMES, PICTURE_ALTERED, UNREADABLE, Diagnosis, FrameStatus, diagnose
from stegnet.record.reading import FrameReading, nothing_revealed, read_record
from stegnet.record.record import Header
from stegnet.sealing import PIXELS
from stegnet.video.films import read_frames

_NOT_LOOKED_FOR = object()
_UNSEALERS = 2  # threads that unseal where no network computes; most of the time goes to decoding


@dataclass(frozen=True)
class Inspection:
    """Result of reading the record of every frame.

    Attributes:
        header: the one that most frames hold.
        statuses: of all frames in order, as seen from that header.
        diagnosis: damage, derived from the statuses.
        kind: of the container.
    """

    header: Header
    statuses: tuple[FrameStatus, ...]
    diagnosis: Diagnosis
    kind: str = FILM

    @property
    def damage(self) -> dict[str, object]:
        """True or False for `whole`, and one line of `trouble` for each kind of damage."""
        lines = self.diagnosis.lines()
        if self.kind != FILM:
            lines = (PICTURE_ALTERED,) if self.diagnosis.altered else ()
        return {"whole": not lines, "trouble": list(lines)}


class Container(AbstractContextManager):
    """A picture or film in which something may be hidden; a context manager.

    Args:
        file: stays open until the container is closed.
        key_source: opens what is hidden in it.
    Attributes:
        path: of the file, or an album's folder.
        files: that it is read from.
        kind: media.PICTURE or media.FILM.
        height, width: of every frame, in pixels.
        channels: 1 if the first frame is grey, else 3.
        first: record reading of the first frame.
        breaks_off: True once a pass over the frames has met damage that ends the film early.
        remarks: why there is no record in some of its files, a line for each.
        medium: what its samples are.
        called: what a frame is to the user, and several.
    Raises:
        MediaError: it can't be read, is neither a picture nor a film, or has no frames.
    """

    medium, called = PIXELS, FRAMES

    def __init__(self, file: Cover, key_source: KeySource) -> None:
        self.file, self.path, self.files, self.kind = file, file.path, (file.path,), file.kind
        self.remarks: dict[Path, str] = {}
        self.breaks_off = self._closed = False
        self._decoder: Generator[np.ndarray, None, None] | None = self._decode()
        try:
            first = next(self._decoder, None)
            if first is None:
                raise MediaError(f"{file}: the film has no frames")
            self.height, self.width = first.shape[:2]
            self.channels = channels_of(first)
            self._key_source, self._keys = key_source, KeyRing(key_source)
            self.first = read_record(first, self._keys, first=True, medium=self.medium)
            if self._keys.locked and self.kind == FILM:
                self._find_anchor()
        except BaseException:
            self._decoder.close()
            raise
        self._decoded = [first]
        self._header: Header | object | None = _NOT_LOOKED_FOR

    @property
    def key(self) -> Key:
        """The film key, with which the frames are unshuffled; known once a frame has opened."""
        return self._keys.film

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file."""
        self._closed = True
        if self._decoder is not None:
            self._decoder.close()
        self.file.close()

    def frames(self) -> Generator[np.ndarray, None, None]:
        """Decodes all frames in order, (H, W, 3) uint8 each; the first pass goes on after the frame already decoded.

        Raises:
            MediaError: the film is damaged.
            ValueError: the container is closed.
        """
        if self._closed:
            raise ValueError(f"{self.path}: the container is closed")
        decoder, self._decoder = self._decoder or self._decode(), None
        decoded, self._decoded = self._decoded, []
        with closing(decoder):
            while decoded:
                yield decoded.pop()
            yield from decoder

    def readable_frames(self) -> Generator[np.ndarray, None, None]:
        """Decodes the frames up to where the film breaks off, if it does."""
        try:
            with closing(self.frames()) as frames:
                yield from frames
        except MediaError:
            self.breaks_off = True

    def read(self, position: int, frame: np.ndarray) -> FrameReading:
        """Reads the record of the frame at a position, counted from 0. The first was read on opening."""
        if position == 0 and self.first.record:
            return self.first
        return read_record(frame, self._keys, first=False, medium=self.medium)

    def header(self, progress: Progress = no_progress) -> Header | None:
        """Finds the header: that of the first frame whose record can be read; None if no frame opens with this key.

        Raises:
            MediaError: the film is damaged before that frame.
        """
        if self.first.record is not None:
            return self.first.record.header
        if self._header is _NOT_LOOKED_FOR:  # of a film in a lossy format, no frame opens
            lossy = self.kind == FILM and self.file.lossy_format
            self._header = None if lossy else self._found_header(progress)
        return self._header

    def _found_header(self, progress: Progress) -> Header | None:
        with closing(self.frames()) as frames:
            for position, frame in enumerate(frames):
                if position:
                    progress("check", position, 0)
                record = self.read(position, frame).record
                if record is not None:
                    return record.header
        return None

    @property
    def key_source(self) -> KeySource:
        """The key, or passphrase or identity, that it was opened with."""
        return self._key_source

    def times(self) -> list[Fraction]:
        """Times of a film's frames in seconds."""
        return list(self.file.film.times)

    def inspect(self, progress: Progress = no_progress) -> Inspection:
        """Reads the records of all frames, and diagnoses what happened to them.

        Raises:
            RevealError: none opens with this key.
        """
        headers: dict[Header, Header] = {}  # each is kept once, however many frames hold it
        read: list[tuple[Header | None, FrameStatus]] = []
        with closing(self.readings()) as readings:
            for done, reading in enumerate(readings, 1):
                header = reading.record and reading.record.header
                read.append((header and headers.setdefault(header, header), reading.status))
                progress("check", done, 0)
        if not headers:
            raise self.not_opened()
        ((header, _),) = Counter(found for found, _ in read if found).most_common(1)
        statuses = tuple(status if found is header else UNREADABLE for found, status in read)
        total = header.frames if self.kind == FILM else 1  # other pictures of an album are not looked for
        return Inspection(header, statuses, diagnose(statuses, total), self.kind)

    def not_opened(self) -> RevealError:
        """The error where nothing opens; it says so if the file's format alone explains it."""
        form = self.file.lossy_format
        if form is None:
            return nothing_revealed()
        hint = f'the key is another one, or {form} keeps nothing of what was hidden; hide it with `survive="CHANNEL"`'
        return RevealError(str(nothing_revealed()), hint)

    def _find_anchor(self) -> None:
        """Looks for a frame that opens with the passphrase alone, where the first does not."""
        with closing(self._decode()) as frames:
            for frame in frames:
                if self._keys.exhausted or read_record(frame, self._keys, first=False).record:
                    return

    def readings(self) -> Generator[FrameReading, None, None]:
        """The record readings of all frames in order, up to where a film breaks off."""
        frames = prefetch(self.readable_frames())
        with (
            closing(frames),
            closing(parallel_map(lambda item: self.read(*item), enumerate(frames), _UNSEALERS)) as readings,
        ):
            yield from readings

    def _decode(self) -> Generator[np.ndarray, None, None]:
        if self.kind != FILM:
            yield self.file.pixels
            return
        with closing(read_frames(self.file)) as frames:
            yield from frames


def open_container(path: Path, key_source: KeySource, progress: Progress = no_progress) -> Container:
    """Opens a container; a large first frame takes seconds. Errors as `Container`."""
    file = Cover(path)
    try:
        return with_heartbeat(lambda: Container(file, key_source), lambda: progress("open", 0, 0))
    except BaseException:
        file.close()
        raise
