"""What has become of a container's frames since they were hidden."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stegnet.core.errors import RevealError

_MOST_TIMES = 1000  # as many frames as there are left, a container can have had


@dataclass(frozen=True)
class FrameStatus:
    """A frame as it is found in a container.

    Attributes:
        index: where it stood when it was hidden; None if nothing opens, or it belongs to another container.
        whole: is every sample as it was?
    """

    index: int | None
    whole: bool


@dataclass(frozen=True)
class Diagnosis:
    """Frames by what happened to them; each a sorted tuple of indices at hiding, counted from 0.

    Attributes:
        order: for each frame that is to be shown, in order, its place in the container and its index.
        altered: shown, though samples of it were changed.
        unreadable: changed so much that nothing can be read.
        lost: not there.
        moved: there, but not at their place; not shown.
        repeated: there more than once; shown once.
        foreign: places in the container that hold something else.
    """

    order: tuple[tuple[int, int], ...]
    altered: tuple[int, ...] = ()
    unreadable: tuple[int, ...] = ()
    lost: tuple[int, ...] = ()
    moved: tuple[int, ...] = ()
    repeated: tuple[int, ...] = ()
    foreign: tuple[int, ...] = ()

    def lines(self) -> tuple[str, ...]:
        """One line for each kind of trouble; none for none."""
        return tuple(
            f"{_frames(found)} {_was(found)} {what}"
            for found, what in (
                (self.altered, "altered since hiding, and shown all the same"),
                (self.unreadable, "altered beyond reading, and left out"),
                (self.lost, "lost"),
                (self.moved, "moved to another place, and left out"),
                (self.repeated, "repeated; the repetitions are left out"),
            )
            if found
        ) + ((f"{_count(self.foreign)} put in that {_do(self.foreign)} not belong here",) if self.foreign else ())


def diagnose(places: Sequence[FrameStatus], total: int) -> Diagnosis:
    """Compares what is found, in order, with the `total` frames that were hidden.

    Of frames that are out of order, as few as possible are called moved.

    Raises:
        RevealError: there are said to have been so many that a list of the lost ones would fill the memory.
    """
    if total > _MOST_TIMES * (len(places) + 1):
        told = f"the container has {len(places)} frames, and says that it had {total}"
        raise RevealError(told, "nearly all of it is missing, or it was made to do harm")
    known = [(position, place.index) for position, place in enumerate(places) if place.index is not None]
    order = _longest_rise(known, [places[position].whole for position, _ in known])
    shown = {index for _, index in order}
    counts: dict[int, int] = {}
    for _, index in known:
        counts[index] = counts.get(index, 0) + 1
    unreadable, lost, foreign = _gaps(places, order, total, set(counts))
    return Diagnosis(
        tuple(order),
        tuple(index for position, index in order if not places[position].whole),
        tuple(unreadable),
        tuple(lost),
        tuple(sorted(counts.keys() - shown)),
        tuple(sorted(index for index, count in counts.items() if count > 1 and index in shown)),
        tuple(foreign),
    )


def _longest_rise(known: Sequence[tuple[int, int]], whole: Sequence[bool]) -> list[tuple[int, int]]:
    """The longest run of rising indices, by patience sorting (Fredman 1975, Discrete Mathematics 11).

    Of a frame that is there more than once, a whole one is taken.
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
    places: Sequence[FrameStatus], order: Sequence[tuple[int, int]], total: int, seen: set[int]
) -> tuple[list[int], list[int], list[int]]:
    """Unreadable and lost indices, and foreign places: within each gap, missing frames meet unreadable places."""
    unreadable, lost, foreign = [], [], []
    for (left, first), (right, last) in zip([(-1, -1), *order], [*order, (len(places), total)], strict=False):
        missing = [index for index in range(first + 1, last) if index not in seen]
        blank = [position for position in range(left + 1, right) if places[position].index is None]
        meet = min(len(missing), len(blank))
        unreadable += missing[:meet]
        lost += missing[meet:]
        foreign += blank[meet:]
    return unreadable, lost, foreign


def _was(found: Sequence[int]) -> str:
    return "was" if len(found) == 1 else "were"


def _do(found: Sequence[int]) -> str:
    return "does" if len(found) == 1 else "do"


def _count(found: Sequence[int]) -> str:
    return f"{len(found)} frame{'' if len(found) == 1 else 's'} {_was(found)}"


def _frames(found: Sequence[int]) -> str:
    spans = list(_spans(found))
    shown = ", ".join(spans[:8]) + (f" and {len(spans) - 8} more spans" if len(spans) > 8 else "")
    return f"frame {shown}" if len(found) == 1 else f"{len(found)} frames ({shown})"


def _spans(found: Sequence[int]) -> Iterator[str]:
    start = 0
    for at in range(1, len(found) + 1):
        if at == len(found) or found[at] != found[at - 1] + 1:
            yield str(found[start]) if at - start == 1 else f"{found[start]}–{found[at - 1]}"
            start = at
