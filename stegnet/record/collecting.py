"""Collecting the parts of a hidden file from the frames of a container, or from the pictures of an album.

Each record says which bytes or which shares of the file it holds, so their order does not matter. A file is revealed
whole or not at all.
"""

from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import BinaryIO

from stegnet.core.errors import RevealError
from stegnet.core.kinds import FILE, FILM
from stegnet.core.progress import Progress
from stegnet.record.container import Container
from stegnet.record.diagnosis import PICTURE_ALTERED, UNREADABLE, Diagnosis, FrameStatus, diagnose
from stegnet.record.file_payload import file_digest
from stegnet.record.reading import nothing_revealed
from stegnet.record.record import File, Header, Record
from stegnet.record.spread import Gathering, least_shares
from stegnet.sealing import room

ALL_OR_NOTHING = "a file is revealed whole or not at all: get the container as it was written"
_WHOLE_ALBUM = "reveal a folder that holds enough of them, as they were written"


@dataclass
class Collected:
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
        lines, many = diagnosis.file_lines(self.container.called), self.container.called[1]
        return (*lines, *[f"the film is damaged after {len(self.statuses)} {many}"] * self.container.breaks_off)

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
        if missing:
            altered.append(f"{missing} of the album's {count} pictures {_are(missing)} missing")
        return tuple(altered)

    def _diagnosis(self) -> Diagnosis:
        """Diagnosis of the file's own frames; those of another container are foreign."""
        film_id = self.header.film_id
        own = [status if its_id == film_id else UNREADABLE for its_id, status in self.statuses]
        altered = {status.index for status in own if status.index is not None and not status.whole}
        return replace(diagnose(own, self.header.frames), altered=tuple(sorted(altered)))


def collect_whole(
    container: Container, file: BinaryIO, strict: bool, progress: Progress
) -> tuple[Collected, tuple[str, ...]]:
    """Writes the hidden file; returns how it was found, and lines on damage of the container.

    Raises:
        RevealError: no frame opens, it is not a file, bytes are missing, or (if strict) the container was altered.
    """
    found = _collect(container, file, progress)
    lines = found.trouble()
    _check_whole(file, found, lines)
    if strict and lines:
        hint = "the file in it is whole: without `strict=True`, it is revealed"
        raise RevealError(f"{container.path}: {'; '.join(lines)}", hint)
    return found, lines


def _collect(container: Container, file: BinaryIO, progress: Progress) -> Collected:
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


def _read_frames(container: Container, wanted: Header | None, file: BinaryIO, progress: Progress) -> Collected:
    found = Collected(container, wanted)
    with closing(container.readings()) as readings:
        for done, reading in enumerate(readings, 1):
            record = reading.record
            found.statuses.append((record and record.header.film_id, reading.status))
            if record is not None:
                _take(record, found, file)
            phase = "reveal pictures" if found.header and found.enough else "reveal"
            progress(phase, done, found.header.frames if found.header else 0)
    return found


def _take(record: Record, found: Collected, file: BinaryIO) -> None:
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
        raise not_a_file()
    other_sizes = container.kind != FILM and header.frames > 1  # an album's pictures are not alike
    if not other_sizes and header.secret.size > header.frames * max(room(container.height, container.width), 0):
        raise nothing_revealed()


def not_a_file() -> RevealError:
    return RevealError("what is hidden here is not a file", "`stegnet info` says what it is")


def _check_whole(written: BinaryIO, found: Collected, lines: tuple[str, ...]) -> None:
    """Refuses a file of which bytes are missing or wrong; restores those of lost frames."""
    what = _missing(found)
    if not what and found.gathering:
        found.gathering.restore()
    if not what and file_digest(written) != found.header.secret.digest:
        what = "the file's bytes are not those that were hidden"
    if not what:
        return
    hint = _WHOLE_ALBUM if found.enough else ALL_OR_NOTHING
    raise RevealError("; ".join((f"{found.container.path}: {what}", *lines, *found.strangers())), hint)


def _missing(found: Collected) -> str:
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
    spread, least, many = found.header.spread, found.gathering.least, found.container.called[1]
    if spread.groups == 1:
        return f"the file needs {file.needed} of its {spread.frames} {many}, and {least} can be read"
    group = f"{file.needed} of the {least_shares(spread.frames)} {many} in each of {spread.groups} groups"
    return f"the file needs {group}, and of one group {least} can be read"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"
