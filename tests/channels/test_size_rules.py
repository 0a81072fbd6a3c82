"""Sizes that apps make, as a few examples tell: each is the app's own, or the cover is refused until more is known."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import product

import pytest
from PIL import Image

from stegnet import MediaError
from stegnet.channels import KnownChannel
from stegnet.channels.size_rules import Size
from tests.channels.test_known_channel import CHANNEL

App = Callable[[Size], Size]
NO_LIMIT = 10**6


def box(width: int, height: int, rounded: Callable[[Fraction], int]) -> App:
    """An app that reduces pictures to a box, by exact arithmetic."""

    def app(size: Size) -> Size:
        factor = min(Fraction(width, size[1]), Fraction(height, size[0]), Fraction(1))
        rows, cols = (max(1, rounded(factor * side)) for side in size)
        return rows, cols

    return app


def nearest(side: Fraction) -> int:
    return math.floor(side + Fraction(1, 2))


def thumbnail(size: Size) -> Size:
    """Pillow's own, which rounds so that proportions are nearest."""
    image = Image.new("1", size[::-1])
    image.thumbnail((400, 400))
    return image.height, image.width


def in_floating_point(size: Size) -> Size:
    """An app that cuts off fractions: 400 / 774 · 774 is below 400."""
    factor = min(1.0, 400 / max(size))
    return int(factor * size[0]), int(factor * size[1])


def by_shorter_side(size: Size) -> Size:
    factor = min(Fraction(1), Fraction(300, min(size)))
    return nearest(factor * size[0]), nearest(factor * size[1])


def by_pixels(size: Size) -> Size:
    factor = min(1.0, math.sqrt(120_000 / (size[0] * size[1])))
    return round(factor * size[0]), round(factor * size[1])


APPS: dict[str, App] = {
    "nearest": box(400, 400, nearest),
    "down": box(400, 400, math.floor),
    "up": box(400, 400, math.ceil),
    "thumbnail": thumbnail,
    "floating point": in_floating_point,
    "shorter": by_shorter_side,
    "width": box(400, NO_LIMIT, nearest),
    "height": box(NO_LIMIT, 400, math.floor),
    "box": box(400, 300, nearest),
    "pixels": by_pixels,
    "messenger": box(1600, 1600, nearest),
}
WIDE, TALL, SQUARE = (2000, 3000), (4032, 3024), (3024, 3024)
COVERS = [
    size
    for longer, shorter in product(
        (321, 481, 500, 774, 800, 1024, 2048, 4000), (200, 320, 333, 375, 481, 533, 575, 2252, 3000)
    )
    for size in ((longer, shorter), (shorter, longer))
]


def learned(app: App, sent: Sequence[Size]) -> KnownChannel:
    """What is known of an app from pictures of some sizes, of which the first was sent again."""
    first = app(sent[0])
    pairs = (*((size, app(size)) for size in sent), (first, first))
    return replace(CHANNEL, sizes=pairs)


def refused(known: KnownChannel, size: Size) -> bool:
    try:
        known.kept_size(*size)
    except MediaError:
        return True
    return False


@pytest.mark.parametrize("sent", [[WIDE], [TALL], [WIDE, TALL], [WIDE, WIDE[::-1], SQUARE]], ids=str)
@pytest.mark.parametrize("name", APPS)
def test_no_container_has_a_size_that_the_app_does_not_make(name: str, sent: list[Size]) -> None:
    app = APPS[name]
    known = learned(app, sent)
    for size in [*COVERS, *sent]:
        if not refused(known, size):
            assert known.kept_size(*size) == app(size), size
    for height, width in sent:
        for factor in (1, 3):
            assert known.kept_size(factor * height, factor * width) == app((height, width)), "of known proportions"


@pytest.mark.parametrize("name", APPS)
def test_a_pair_of_its_proportions_lets_a_cover_pass(name: str) -> None:
    """And after a few, hardly any is refused."""
    app, sent = APPS[name], [WIDE]
    for size in COVERS:
        if refused(learned(app, sent), size):
            sent.append(size)
            assert learned(app, sent).kept_size(*size) == app(size)
    assert len(sent) < 20
    known = learned(app, sent)
    assert [size for size in COVERS if known.kept_size(*size) != app(size)] == []


@pytest.mark.parametrize("size", [TALL, WIDE[::-1], (1000, 3000)], ids=str)
def test_one_picture_tells_nothing_of_other_proportions(size: Size) -> None:
    """Nor of the same ones upright: an app may limit width or height."""
    known = learned(APPS["nearest"], [WIDE])
    with pytest.raises(MediaError, match=f"what becomes of {size[1]}×{size[0]} is unknown") as told:
        known.kept_size(*size)
    assert "SENT RECEIVED" in told.value.hint


def test_small_covers_keep_their_size() -> None:
    """If they are within all limits that may hold."""
    known = learned(APPS["nearest"], [WIDE])
    assert known.kept_size(200, 260) == (200, 260)
    assert refused(known, (380, 200)), "the app may limit the height to 267"


def test_sizes_that_obey_no_rule() -> None:
    """Only what became of the same proportions is known."""
    pairs = (((600, 900), (256, 400)), ((900, 600), (384, 256)))
    known = replace(CHANNEL, sizes=pairs)
    assert known.kept_size(1200, 1800) == (256, 400)
    assert known.kept_size(200, 300) == (200, 300)
    assert refused(known, (600, 800))
