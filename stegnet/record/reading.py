"""Reading the record of a frame, and diagnosis of a container's frames.

Frames may be altered, unreadable, lost, moved, repeated, or foreign. A record with any invalid part counts as missing.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from stegnet.core.errors import MediaError, RevealError
from stegnet.core.keystream import grid
from stegnet.core.pixels import Base, check_declared
from stegnet.keys import KeyRing
from stegnet.record.coding import File, Pictures, Record, parse_packets, parse_record, require
from stegnet.sealing import PIXELS, SampleRules, unseal

MAX_PIXEL_RATIO = 256  # largest number of a secret's pixels per pixel of its container: revealing needs memory for them
FRAMES = "frame", "frames"  # word for a frame, singular and plural
SEGMENTS = "segment", "segments"  # of a sound
_LISTED = 8  # spans of frames that a line lists


def altered(kind: str) -> str:
    """Return the line that reports alteration of a container with one frame, PICTURE or SOUND."""
    return f"the {kind} was altered since it was hidden"


@dataclass(frozen=True)
class FrameStatus:
    """State of one frame of a container."""

    index: int | None  # index at hiding; None if nothing opens, or the frame belongs to another container
    whole: bool  # no sample was changed
    time: int = 0  # as in its record


UNREADABLE = FrameStatus(None, False)


@dataclass(frozen=True)
class FrameReading:
    """Record read from a frame of a container."""

    record: Record | None  # None if nothing opens with this key
    whole: bool  # no sample was changed after sealing
    base: Base | None = None  # base of the hidden picture; None if the frame hides no picture

    @property
    def status(self) -> FrameStatus:
        """State of the frame."""
        if self.record is None:
            return UNREADABLE
        return FrameStatus(self.record.index, self.whole, self.record.time)


def read_record(container: np.ndarray, keys: KeyRing, *, first: bool, rules: SampleRules = PIXELS) -> FrameReading:
    """Unseal and parse the record of a frame, (H, W, 3) uint8; a record with any invalid part counts as missing.

    The arguments are those of `unseal`.
    """
    unsealed = unseal(container, keys, first=first, rules=rules)
    if unsealed is None:
        return FrameReading(None, False)
    try:
        record, film_secret = parse_record(unsealed.record)
        require(film_secret is None or keys.accept(film_secret))
        height, width = container.shape[:2]
        return FrameReading(record, unsealed.whole, _checked_base(record, height, width))
    except ValueError:
        return FrameReading(None, False)


def nothing_revealed(called: str = "file", look: str = "", by_passphrase: bool = False) -> RevealError:
    """Return the one error for a wrong key, nothing hidden, and a container altered beyond reading.

    Args:
        called: word for the container in the message, such as "picture".
        look: visible signs that the file is a copy of a container, which the hint quotes in parentheses.
        by_passphrase: the key is one, which may be mistyped.
    """
    seen = f"{look}; " if look else ""
    again = f"the {called} was saved again or edited on its way ({seen}ask for the original, sent as a file)"
    wrong = "the passphrase may be mistyped (capitals, hyphens, blanks)" if by_passphrase else "the key may be wrong"
    hint = f"{wrong}, or {again}, or it hides nothing"
    return RevealError("nothing can be revealed: nothing here opens with this key", hint)


def not_given_back(subject: object) -> MediaError:
    """Return the error for a container that its own sender can't open."""
    hint = "nothing was kept: write to another disk; if that fails, too, report it, with the command and the cover"
    return MediaError("what was written does not give the secret back", hint, subject=subject)


def _checked_base(record: Record, height: int, width: int) -> Base | None:
    """Return the base of a record that hides a picture. Raises ValueError if the record is invalid."""
    secret = record.header.secret
    if isinstance(secret, File):
        return None
    require(secret.width * secret.height <= MAX_PIXEL_RATIO * height * width)
    area = hidden_size(height, width, secret)
    require(min(area) > 0)
    check_declared(max(secret.height, area[0]), max(secret.width, area[1]), height * width)  # while it is resized
    for _ in parse_packets(record.data, len(secret.tracks)):
        pass
    from stegnet.record.base import decode_base  # imports AVIF, which files need not

    return decode_base(record.base, secret.base, *area) if record.index < secret.hidden else None


def hidden_size(height: int, width: int, secret: Pictures) -> tuple[int, int]:
    """Return height and width of the hidden area in pixels."""
    rows, cols = grid(height, width, secret.block)
    return rows * secret.block, cols * secret.block


@dataclass(frozen=True)
class Diagnosis:
    """Frames by kind of damage; each field is a sorted tuple of indices at hiding, counted from 0."""

    order: tuple[tuple[int, int], ...]  # position in the container and index of each frame to reveal, in order
    altered: tuple[int, ...] = ()  # samples were changed; revealed nevertheless
    unreadable: tuple[int, ...] = ()  # changed so much that the record can't be read
    lost: tuple[int, ...] = ()
    moved: tuple[int, ...] = ()  # out of order; not revealed
    repeated: tuple[int, ...] = ()  # present more than once; revealed once
    foreign: tuple[int, ...] = ()  # positions in the container of frames that do not belong to it

    def lines(self) -> tuple[str, ...]:
        """Return one line for each kind of damage of a hidden film; empty if there is no damage."""
        return self._lines(
            FRAMES,
            altered="altered since hiding, and shown all the same",
            unreadable="damaged beyond reading, and left out",
            lost="lost",
            moved="moved to another place, and left out",
            repeated="repeated; the repetitions are left out",
        )

    def file_lines(self, called: tuple[str, str] = FRAMES) -> tuple[str, ...]:
        """Return `lines` for the container of a hidden file, in which the order of the frames does not matter."""
        return self._lines(
            called,
            altered="altered since it was hidden",
            unreadable="damaged, and can't be read",
            lost="lost",
            moved="moved to another place",
            repeated="repeated",
        )

    def _lines(self, called: tuple[str, str], **words: str) -> tuple[str, ...]:
        damage = {what: getattr(self, name) for name, what in words.items()}
        lines = [f"{_frames_were(frames, called)} {what}" for what, frames in damage.items() if frames]
        if len(self.foreign) == 1:
            lines.append(f"1 foreign {called[0]} was inserted")
        elif self.foreign:
            lines.append(f"{len(self.foreign)} foreign {called[1]} were inserted")
        return tuple(lines)


def diagnose(statuses: Sequence[FrameStatus], total: int) -> Diagnosis:
    """Compare the frames of a container, in order, with the `total` frames that were hidden.

    As few frames as possible count as moved.

    Raises:
        RevealError: `total` is so large that a list of the lost frames would fill the memory.
    """
    max_loss = 1000  # most hidden frames per remaining frame
    if total > max_loss * (len(statuses) + 1):
        message = f"the container has {len(statuses)} frames, and says that it had {total}"
        raise RevealError(message, "nearly all of it is missing, or it is malicious")
    known = [(position, status.index) for position, status in enumerate(statuses) if status.index is not None]
    order = _longest_increasing(known, [statuses[position].whole for position, _ in known])
    shown = {index for _, index in order}
    counts = Counter(index for _, index in known)
    unreadable: list[int] = []
    lost: list[int] = []
    foreign: list[int] = []
    # Within each gap of the order, missing frames are matched with unreadable ones.
    for (left, first), (right, last) in zip([(-1, -1), *order], [*order, (len(statuses), total)], strict=False):
        missing = [index for index in range(first + 1, last) if index not in counts]
        blank = [position for position in range(left + 1, right) if statuses[position].index is None]
        meet = min(len(missing), len(blank))
        unreadable += missing[:meet]
        lost += missing[meet:]
        foreign += blank[meet:]
    return Diagnosis(
        tuple(order),
        tuple(index for position, index in order if not statuses[position].whole),
        tuple(unreadable),
        tuple(lost),
        tuple(sorted(counts.keys() - shown)),
        tuple(sorted(index for index, count in counts.items() if count > 1 and index in shown)),
        tuple(foreign),
    )


def _longest_increasing(known: Sequence[tuple[int, int]], whole: Sequence[bool]) -> list[tuple[int, int]]:
    """Return the longest increasing subsequence of the indices.

    Patience sorting: Fredman 1975, Discrete Mathematics 11. If a frame is present more than once, an unaltered copy is
    preferred.
    """
    tops: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    for at, (_, index) in enumerate(known):
        pile = bisect_left(tops, index)
        before.append(ends[pile - 1] if pile else -1)
        if tops[pile : pile + 1] == [index] and whole[ends[pile]]:
            continue
        tops[pile : pile + 1] = [index]
        ends[pile : pile + 1] = [at]
    rise: list[tuple[int, int]] = []
    at = ends[-1] if ends else -1
    while at >= 0:
        rise.append(known[at])
        at = before[at]
    return rise[::-1]


def _frames_were(indices: Sequence[int], called: tuple[str, str]) -> str:
    """Return subject and verb of a sentence on frames: "frame 3 was", "3 frames (0–1, 7) were"."""
    if len(indices) == 1:
        return f"{called[0]} {indices[0]} was"
    spans = list(_spans(indices))
    listed = ", ".join(spans[:_LISTED])
    if len(spans) > _LISTED:
        listed += f" and {len(spans) - _LISTED} more spans"
    return f"{len(indices)} {called[1]} ({listed}) were"


def _spans(indices: Sequence[int]) -> Iterator[str]:
    start = 0
    for at in range(1, len(indices) + 1):
        if at == len(indices) or indices[at] != indices[at - 1] + 1:
            yield str(indices[start]) if at - start == 1 else f"{indices[start]}–{indices[at - 1]}"
            start = at
