"""Sizes to which an app reduces pictures: the rules that examples leave possible, and what these make of a picture.

An app limits the longer or the shorter side, width, height, a box of two of them, or the number of pixels. One picture
that it reduced obeys all of these rules; only pictures of other proportions tell them apart.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

Size = tuple[int, int]  # height and width
SizePair = tuple[Size, Size]  # of a picture that was sent, upright, and of what arrived
Limited = Literal["longer", "shorter", "width", "height", "pixels"]
Limits = tuple[tuple[Limited, int], ...]  # what is limited, and to how many pixels


@dataclass(frozen=True)
class SizeRule:
    """A rule by which an app reduces pictures.

    Attributes:
        limits: limits that hold together.
        added: fraction of a pixel that is added to a side before it is rounded down, 0 to 1; None: the side that is
            not limited is rounded so that the proportions are the nearest, as by Pillow.
    """

    limits: Limits
    added: float | None

    def reduced(self, size: Size) -> Size:
        """Return the size that the app makes of a picture's."""
        limited, most = min(self.limits, key=lambda limit: _factor(size, *limit))
        factor = _factor(size, limited, most)
        if factor >= 1:
            return size
        if self.added is None:
            return _in_nearest_proportions(size, _measured(size, limited), most)
        height, width = (max(1, math.floor(factor * side + self.added)) for side in size)
        return height, width


def _in_nearest_proportions(size: Size, side: int, most: int) -> Size:
    """Return a size reduced so that a side has `most` pixels, by the same arithmetic as Pillow's `thumbnail`."""
    height, width = size
    aspect = width / height
    if side == width:
        rows = most / aspect
        return max(1, min(math.floor(rows), math.ceil(rows), key=lambda near: near and abs(aspect - most / near))), most
    cols = most * aspect
    return most, max(1, min(math.floor(cols), math.ceil(cols), key=lambda near: abs(aspect - near / most)))


def _factor(size: Size, limited: Limited, most: int) -> float:
    """Return the factor by which a limit reduces the sides of a picture; 1 or more if it does not."""
    factor = most / _measured(size, limited)
    return math.sqrt(factor) if limited == "pixels" else factor


def _measured(size: Size, limited: Limited) -> int:
    """Return what is limited of a picture, in pixels."""
    height, width = size
    return {
        "longer": max(size),
        "shorter": min(size),
        "width": width,
        "height": height,
        "pixels": height * width,
    }[limited]


def sizes_made(pairs: Sequence[SizePair], size: Size) -> set[Size]:
    """Return the sizes that an app may make of a picture, as far as pairs of sizes tell.

    Where they obey no rule, only what became of pictures in the same proportions is known.
    """
    rules = possible_rules(tuple(pairs))
    if rules:
        return {rule.reduced(size) for rule in rules}
    height, width = size
    alike = [(sent, arrived) for sent, arrived in pairs if sent[0] * width == sent[1] * height and sent != arrived]
    return {arrived if arrived < size else size for _, arrived in alike}


def size_within(pairs: Sequence[SizePair], size: Size) -> Size:
    """Return the largest size in a picture's proportions whose longer side, shorter side and area all have arrived."""
    height, width = size
    limited: tuple[Limited, ...] = ("longer", "shorter", "pixels")
    longer, shorter, pixels = (max(_measured(arrived, what) for _, arrived in pairs) for what in limited)
    factor = min(1.0, longer / max(size), shorter / min(size), math.sqrt(pixels / (height * width)))
    rows = max(1, round(factor * height))
    cols = max(1, round(factor * width))
    while max(rows, cols) > longer or min(rows, cols) > shorter or rows * cols > pixels:
        if rows * width > cols * height:
            rows -= 1
        else:
            cols -= 1
    return rows, cols


@cache
def possible_rules(pairs: tuple[SizePair, ...]) -> tuple[SizeRule, ...]:
    """Return the rules that all pairs of sizes obey."""
    # Programs round down, some also what floating point leaves just below a whole number; to the nearest, halves down
    # or up; or up.
    tiny = 1e-9
    rules = [SizeRule(limits, None) for limits in _possible_limits(pairs)]
    for added in (0.0, tiny, 0.5 - tiny, 0.5 + tiny, 1 - tiny):
        all_limits = [*_possible_limits(pairs), *_possible_areas(pairs, added)]
        rules += [SizeRule(limits, added) for limits in all_limits]
    return tuple(rule for rule in rules if all(rule.reduced(sent) == arrived for sent, arrived in pairs))


def _possible_limits(pairs: Sequence[SizePair]) -> Iterator[Limits]:
    """Yield the limits of sides that pairs of sizes may show: the largest that arrived; a box may be larger."""
    sides: tuple[Limited, ...] = ("longer", "shorter", "width", "height")
    longer, shorter, width, height = ((side, max(_measured(arrived, side) for _, arrived in pairs)) for side in sides)
    yield from ((longer,), (shorter,), (width,), (height,), (longer, shorter), (width, height))


def _possible_areas(pairs: Sequence[SizePair], added: float) -> Iterator[Limits]:
    """Yield the roundest number of pixels that may be the limit of pairs of sizes, if there is one."""
    least = 1.0  # pixels
    most = math.inf
    for sent, arrived in pairs:
        area = _measured(sent, "pixels")
        if sent == arrived:
            least = max(least, area)
            continue
        for before, after in zip(sent, arrived, strict=True):
            least = max(least, ((after - added) / before) ** 2 * area)
            most = min(most, ((after + 1 - added) / before) ** 2 * area)
    round_numbers = (math.ceil(least / 10**zeros) * 10**zeros for zeros in range(10, -1, -1))
    roundest = next((number for number in round_numbers if number < most), None)
    if roundest is not None:
        yield (("pixels", roundest),)
