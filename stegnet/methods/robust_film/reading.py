"""Reading the message of a film that survived H.264: its groups are found by key where frames were lost or retimed."""

from bisect import bisect_right
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from fractions import Fraction
from hashlib import sha256
from itertools import islice

import numpy as np

from stegnet.core.errors import RevealError
from stegnet.core.jpeg import BLOCK
from stegnet.core.parallel import prefetch
from stegnet.keys import KeySource
from stegnet.methods.context import Context
from stegnet.methods.robust import FoundContent, Reading, parse_content
from stegnet.methods.robust_film.groups import DIGEST, HEAD_BYTES, MOST_MESSAGE, NUMBER, FrameSignal, signal_of
from stegnet.methods.robust_film.opening import GroupReader
from stegnet.methods.robust_film.phases import GROUP
from stegnet.record import Container

_TRIED, _SALTS = 2, 2  # groups of a film that is not searched; salts of all but the first
_BLACK = 8.0  # levels
_SEARCHED = 2  # groups, from a place where none opens
_BACK = 8  # frames that may have been repeated
_MOST_SEARCHES = 6  # in a row, in which nothing is found
_NTSC = Fraction(1000, 1001)
# Frames per second that a film may have had before a program changed them.
_RATES = (*(Fraction(rate) for rate in (24, 25, 30, 50, 60, 20, 15, 12)), 24 * _NTSC, 30 * _NTSC, 60 * _NTSC)
_NEARLY = Fraction(1, 1000)  # relative difference of rates that are the same

Frames = Callable[[], Generator[np.ndarray, None, None]]


@dataclass
class Pieces:
    """The pieces of a message that were found.

    Attributes:
        digest: start of the message's SHA-256.
        data: (size,) uint8.
        known: (size,) bool.
        groups: number of pieces.
    """

    digest: bytes
    data: np.ndarray
    known: np.ndarray
    groups: int = 0

    @property
    def message(self) -> bytes | None:
        """The message, if it is whole."""
        data = self.data.tobytes()
        return data if self.known.all() and sha256(data).digest()[:DIGEST] == self.digest else None

    @property
    def share(self) -> float:
        """Share of the bytes that is known."""
        return float(self.known.mean())


def read_film(
    frames: Frames,
    times: Callable[[], Sequence[Fraction]],
    key_source: KeySource,
    step: Callable[[int], None] = lambda done: None,
    search: bool = True,
) -> Pieces | None:
    """The message of a film, or what is left of it; None if nothing opens with this key.

    Where no group is at its place, frames may have been lost or repeated, or their number per second changed: then
    groups are searched for, frame by frame and at other rates.

    Args:
        frames: decodes all frames from the start.
        times: of the frames in seconds.
        step: called after each frame with the number of frames read.
        search: do so before any group was found, too, and try the groups of the whole film; that takes long.
    """
    reader = GroupReader(key_source)
    found = _collect(reader, frames(), step, search)
    if not found and search:
        order = _retiming(reader, frames, times())
        found = _collect(reader, _picked(frames(), order), step) if order else {}
    return max(found.values(), key=lambda pieces: pieces.share, default=None)


def hidden_in_film(container: Container, context: Context) -> FoundContent | None:
    """The content that survived in a film; None if nothing opens.

    Raises:
        RevealError: the film has lost a part of it.
    """
    if container.file.lossy_format is None or min(container.height, container.width) < BLOCK:
        return None
    pieces = read_film(
        container.readable_frames,
        container.times,
        container.key_source,
        lambda done: context.progress("reveal", done, 0),
        context.search,
    )
    if pieces is None:
        return None
    message = pieces.message
    if message is None:
        groups = f"{pieces.groups} group{'s' * (pieces.groups > 1)} of frames"
        lost = f"{pieces.share:.0%} of what is hidden here is left: {groups}"
        hint = "frames were lost or repeated, or the film was encoded at a lower quality than it was promised for"
        raise RevealError(f"{container.path}: {lost}", hint)
    try:
        return FoundContent(container, context, parse_content(message, 0))
    except ValueError:
        return None


def read_groups(
    frames: Generator[np.ndarray, None, None], key_source: KeySource, step: Callable[[int], None], lost: int
) -> Generator[Reading | None, None, None]:
    """Readings of each group of frames in order; `lost` as in `GroupReader`. Closes `frames`."""
    reader, start = GroupReader(key_source, lost), 0
    with closing(_signals(frames)) as signals:
        window = _Window(signals, step)
        while group := window.group(start):
            yield reader.open(group)
            start += GROUP


def _signals(frames: Generator[np.ndarray, None, None]) -> Generator[FrameSignal, None, None]:
    """The signals of frames, computed in a thread while groups are read. Closes `frames`."""
    return prefetch(_signals_of(frames), GROUP)


def _signals_of(frames: Generator[np.ndarray, None, None]) -> Generator[FrameSignal, None, None]:
    with closing(frames):
        for frame in frames:
            yield signal_of(frame)


@dataclass
class _Window:
    """The latest signals of a film's frames."""

    source: Iterator[FrameSignal]
    step: Callable[[int], None]
    first: int = 0
    signals: list[FrameSignal] = field(default_factory=list)

    def group(self, start: int) -> list[FrameSignal]:
        """The group from a frame on; empty if the film has too few frames, or the frame is no longer kept."""
        while self.first + len(self.signals) < start + GROUP:
            signal = next(self.source, None)
            if signal is None:
                return []
            self.signals.append(signal)
            self.step(self.first + len(self.signals))
        superfluous = start - _BACK - self.first
        if superfluous > 0:
            del self.signals[:superfluous]
            self.first += superfluous
        index = start - self.first
        return self.signals[index : index + GROUP] if index >= 0 else []


def _collect(
    reader: GroupReader, decoded: Generator[np.ndarray, None, None], step: Callable[[int], None], search: bool = True
) -> dict[bytes, Pieces]:
    """The pieces of each message in a film; if it is not to be searched, and its first groups do not open, none."""
    found: dict[bytes, Pieces] = {}
    start, searches, tried = 0, 0, 0
    with closing(_signals(decoded)) as signals:
        window = _Window(signals, step)
        while group := window.group(start):
            reading = reader.open(group, None if search or found or not tried else _SALTS)
            tried += _can_carry(group)
            if not (reading or found or search) and tried == _TRIED:
                break
            if reading is None and searches < (_MOST_SEARCHES if found else int(search)):
                start, reading = _searched(reader, window, start)
                searches += 1
            if reading is not None:
                _add_piece(found, reading.content)
                searches = 0
            start += GROUP
    return found


def _can_carry(group: Sequence[FrameSignal]) -> bool:
    """False for a group that is black or white for the most part, which carries nothing."""
    return _BLACK < np.median([signal.means for signal in group]) < 255 - _BLACK


def _searched(reader: GroupReader, window: _Window, start: int) -> tuple[int, Reading | None]:
    """The first group near a place where none opens, and its reading; the place itself if there is none."""
    if reading := (ahead := window.group(start + GROUP)) and reader.open(ahead):
        return start + GROUP, reading  # only this group was lost
    for shift in (*range(1, _SEARCHED * GROUP), *range(-1, -_BACK, -1)):
        group = window.group(start + shift) if shift != GROUP else None
        if group and (reading := reader.open(group, salts=1)):
            return start + shift, reading
    return start, None


def _retiming(reader: GroupReader, frames: Frames, times: Sequence[Fraction]) -> list[int]:
    """The frames of a film as they were at the rate at which its first group opens; none if there is no such rate."""
    if len(times) < 2 or times[-1] <= times[0]:
        return []
    own = (len(times) - 1) / (times[-1] - times[0])
    with closing(frames()) as decoded:
        signals = [signal_of(frame) for frame in islice(decoded, 3 * GROUP)]
    for rate in _RATES:
        order = _at_rate(times, rate)
        known = [index for index in order[:GROUP] if index < len(signals)]
        if abs(rate / own - 1) < _NEARLY or len(known) < GROUP:
            continue
        if reader.open([signals[index] for index in known], salts=1):
            return order
    return []


def _at_rate(times: Sequence[Fraction], rate: Fraction) -> list[int]:
    """The frame that is shown in the middle of each frame of a rate per second, as long as the film lasts."""
    count = int((times[-1] - times[0]) * rate) + 1
    return [bisect_right(times, times[0] + (index + Fraction(1, 2)) / rate) - 1 for index in range(count)]


def _picked(frames: Generator[np.ndarray, None, None], order: Sequence[int]) -> Generator[np.ndarray, None, None]:
    """Frames in a rising order of indices, which may occur several times."""
    with closing(frames):
        at, frame = -1, None
        for index in order:
            while at < index:
                at, frame = at + 1, next(frames, None)
                if frame is None:
                    return
            yield frame


def _add_piece(found: dict[bytes, Pieces], content: bytes) -> None:
    start, size = (int.from_bytes(content[at : at + NUMBER], "big") for at in (0, NUMBER))
    if not start < size <= MOST_MESSAGE:
        return
    name = content[NUMBER:HEAD_BYTES]
    pieces = found.setdefault(name, Pieces(name[NUMBER:], np.zeros(size, np.uint8), np.zeros(size, bool)))
    part = np.frombuffer(content, np.uint8)[HEAD_BYTES : HEAD_BYTES + size - start]
    pieces.data[start : start + part.size] = part
    pieces.known[start : start + part.size] = True
    pieces.groups += 1
