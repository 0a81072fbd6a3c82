"""Diagnosis of the frames of a film: by examples, and by what must be true of every diagnosis."""

from itertools import combinations, pairwise
from random import Random

import pytest

from stegnet import RevealError
from stegnet.record import Diagnosis, FrameStatus, diagnose

BLANK = FrameStatus(None, False)
KINDS = ("altered", "unreadable", "lost", "moved", "repeated", "foreign")


def places(*indices: int | None, altered: tuple[int, ...] = ()) -> list[FrameStatus]:
    """Frames as they are found: their index at hiding, None for what does not open; `altered` are positions."""
    return [
        BLANK if index is None else FrameStatus(index, position not in altered)
        for position, index in enumerate(indices)
    ]


def longest_rise(indices: list[int]) -> int:
    """By trying every choice."""
    for size in range(len(indices), 0, -1):
        if any(list(choice) == sorted(set(choice)) for choice in combinations(indices, size)):
            return size
    return 0


def found_at_random(random: Random, total: int) -> list[FrameStatus]:
    """Mostly in order; some missing, twice, elsewhere, altered or blank."""
    indices: list[int | None] = [index for index in range(total) for _ in range(random.choice([0, 1, 1, 1, 1, 2]))]
    for _ in range(random.randrange(3)):
        indices.insert(random.randrange(len(indices) + 1), random.choice([None, random.randrange(total)]))
    return places(*indices, altered=tuple(at for at in range(len(indices)) if random.random() < 0.1))


def check(film: list[FrameStatus], total: int) -> None:
    """Facts that are true of every diagnosis, found by counting."""
    found = diagnose(film, total)
    indices = [place.index for place in film if place.index is not None]
    shown = [index for _, index in found.order]

    assert all(film[position].index == index for position, index in found.order)
    assert [position for position, _ in found.order] == sorted({position for position, _ in found.order})
    assert shown == sorted(set(shown))
    assert len(shown) == longest_rise(indices)

    assert sorted([*shown, *found.unreadable, *found.lost, *found.moved]) == list(range(total))
    assert set(found.moved) == set(indices) - set(shown)
    assert set(found.repeated) == {index for index in shown if indices.count(index) > 1}
    assert found.altered == tuple(index for position, index in found.order if not film[position].whole)

    blank = [position for position, place in enumerate(film) if place.index is None]
    assert len(found.unreadable) + len(found.foreign) == len(blank)
    assert set(found.foreign) <= set(blank)
    for (left, first), (right, last) in pairwise([(-1, -1), *found.order, (len(film), total)]):
        gap = [position for position in blank if left < position < right]
        missing = [index for index in range(first + 1, last) if index not in indices]
        count = min(len(gap), len(missing))
        assert [index for index in found.unreadable if first < index < last] == missing[:count]
        assert [index for index in found.lost if first < index < last] == missing[count:]
        assert [position for position in found.foreign if left < position < right] == gap[count:]
    for name in KINDS:
        values = getattr(found, name)
        assert list(values) == sorted(set(values)), name


def test_any_edits():
    for seed in range(400):
        random = Random(seed)
        total = random.randrange(1, 9)
        check(found_at_random(random, total), total)


def test_diagnosis_lines():
    found = diagnose(places(0, None, 3, 3, 5, 4, None, 7, 8, 10, altered=(0, 7, 8)), 12)
    assert found.lines() == (
        "3 frames (0, 7–8) were altered since hiding, and shown all the same",
        "2 frames (1, 6) were damaged beyond reading, and left out",
        "3 frames (2, 9, 11) were lost",
        "frame 5 was moved to another place, and left out",
        "frame 3 was repeated; the repetitions are left out",
    )
    assert Diagnosis((), foreign=(7,)).lines() == ("1 foreign frame was inserted",)
    assert Diagnosis((), foreign=(7, 9)).lines() == ("2 foreign frames were inserted",)
    spans = Diagnosis((), lost=tuple(range(0, 40, 2)))
    assert spans.lines() == ("20 frames (0, 2, 4, 6, 8, 10, 12, 14 and 12 more spans) were lost",)


def test_an_unaltered_frame_is_preferred_to_its_altered_repetition():
    assert diagnose(places(0, 1, 1, 2, altered=(1,)), 3).order == ((0, 0), (2, 1), (3, 2))
    assert diagnose(places(0, 1, 1, 2, altered=(2,)), 3).order == ((0, 0), (1, 1), (3, 2))
    assert diagnose(places(0, 1, 1, 1, 2, altered=(1, 3)), 3).altered == ()


def test_long_films():
    """They take no time, and not more than there could be is listed as lost."""
    total = 20_000
    film = places(*range(total))
    film[5], film[total - 5] = film[total - 5], film[5]
    del film[1000]
    found = diagnose(film, total)
    assert (found.moved, found.lost) == ((5, total - 5), (1000,))
    assert diagnose(places(*reversed(range(2000))), 2000).order == ((1999, 0),)
    assert len(diagnose(places(0, 1), 3000).lost) == 2998
    with pytest.raises(RevealError, match="the container has 2 frames, and says that it had 16777216"):
        diagnose(places(0, 1), 1 << 24)
