"""Diagnosis of a container's frames: altered, unreadable, lost, moved, repeated, or foreign."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stegnet.core.errors import RevealError

PICTURE_ALTERED = "the picture was altered since it was hidden"
Names = tuple[str, str]  # of one, and of several
FRAMES = "frame", "frames"
_LISTED = 8  # spans of frames that a line names
_MAX_LOSS = 1000  # hidden frames for each frame that is left


@dataclass(frozen=True)
class FrameStatus:
    """State of one frame of a container.

    Attributes:
        index: its position at hiding; None if nothing opens, or it belongs to another container.
        whole: True if no sample was changed.
        stamp: as in its record.
    """

    index: int | None
    whole: bool
    stamp: int = 0


UNREADABLE = FrameStatus(None, False)


@dataclass(frozen=True)
class Diagnosis:
    """Frames by damage; each a sorted tuple of indices at hiding, counted from 0.

    Attributes:
        order: position in the container and index of each frame to reveal, in order.
        altered: samples were changed; revealed all the same.
        unreadable: changed so much that the record can't be read.
        lost: missing.
        moved: out of order; not revealed.
        repeated: present more than once; revealed once.
        foreign: positions in the container of frames that do not belong to it.
    """

    order: tuple[tuple[int, int], ...]
    altered: tuple[int, ...] = ()
    unreadable: tuple[int, ...] = ()
    lost: tuple[int, ...] = ()
    moved: tuple[int, ...] = ()
    repeated: tuple[int, ...] = ()
    foreign: tuple[int, ...] = ()

    def lines(self) -> tuple[str, ...]:
        """One line for each kind of damage of a hidden film; empty for none."""
        return self._lines(
            FRAMES,
            altered="altered since hiding, and shown all the same",
            unreadable="altered beyond reading, and left out",
            lost="lost",
            moved="moved to another place, and left out",
            repeated="repeated; the repetitions are left out",
        )

    def file_lines(self, called: Names = FRAMES) -> tuple[str, ...]:
        """As `lines`, of the container of a hidden file: the order of its frames does not matter."""
        return self._lines(
            called,
            altered="altered since it was hidden",
            unreadable="altered beyond reading",
            lost="lost",
            moved="moved to another place",
            repeated="repeated",
        )

    def _lines(self, called: Names, **words: str) -> tuple[str, ...]:
        own = [f"{frames_were(found, called)} {what}" for name, what in words.items() if (found := getattr(self, name))]
        return (*own, *([foreign_frames(self.foreign, called)] if self.foreign else []))


def diagnose(statuses: Sequence[FrameStatus], total: int) -> Diagnosis:
    """Compares the frames of a container, in order, with the `total` frames that were hidden.

    Of frames that are out of order, as few as possible count as moved.

    Raises:
        RevealError: `total` is so large that a list of the lost frames would fill the memory.
    """
    if total > _MAX_LOSS * (len(statuses) + 1):
        message = f"the container has {len(statuses)} frames, and says that it had {total}"
        raise RevealError(message, "nearly all of it is missing, or it is malicious")
    known = [(position, status.index) for position, status in enumerate(statuses) if status.index is not None]
    order = _longest_increasing(known, [statuses[position].whole for position, _ in known])
    shown = {index for _, index in order}
    counts = Counter(index for _, index in known)
    unreadable, lost, foreign = _gaps(statuses, order, total, set(counts))
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
    """Longest increasing subsequence of the indices, by patience sorting (Fredman 1975, Discrete Mathematics 11).

    Of a frame that is present more than once, an unaltered one is taken.
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
    rise, at = [], ends[-1] if ends else -1
    while at >= 0:
        rise.append(known[at])
        at = before[at]
    return rise[::-1]


def _gaps(
    statuses: Sequence[FrameStatus], order: Sequence[tuple[int, int]], total: int, seen: set[int]
) -> tuple[list[int], list[int], list[int]]:
    """Unreadable and lost indices, and foreign positions.

    Within each gap of the order, missing frames are matched with frames that could not be read.
    """
    unreadable, lost, foreign = [], [], []
    for (left, first), (right, last) in zip([(-1, -1), *order], [*order, (len(statuses), total)], strict=False):
        missing = [index for index in range(first + 1, last) if index not in seen]
        blank = [position for position in range(left + 1, right) if statuses[position].index is None]
        meet = min(len(missing), len(blank))
        unreadable += missing[:meet]
        lost += missing[meet:]
        foreign += blank[meet:]
    return unreadable, lost, foreign


def frames_were(indices: Sequence[int], called: Names = FRAMES) -> str:
    """Subject and verb of a sentence on frames: "frame 3 was", "3 frames (0–1, 7) were"."""
    if len(indices) == 1:
        return f"{called[0]} {indices[0]} was"
    spans = list(_spans(indices))
    listed = ", ".join(spans[:_LISTED]) + (f" and {len(spans) - _LISTED} more spans" if len(spans) > _LISTED else "")
    return f"{len(indices)} {called[1]} ({listed}) were"


def foreign_frames(positions: Sequence[int], called: Names = FRAMES) -> str:
    """Line on frames that do not belong to a container."""
    if len(positions) == 1:
        return f"1 foreign {called[0]} was inserted"
    return f"{len(positions)} foreign {called[1]} were inserted"


def _spans(indices: Sequence[int]) -> Iterator[str]:
    start = 0
    for at in range(1, len(indices) + 1):
        if at == len(indices) or indices[at] != indices[at - 1] + 1:
            yield str(indices[start]) if at - start == 1 else f"{indices[start]}–{indices[at - 1]}"
            start = at
