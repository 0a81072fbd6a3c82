"""Parts of the test vectors: pictures, and ideal networks by the book, which hide five levels.

Level = round(4 · (hidden + ½)), within 0 and 4; revealed is level / 4 − ½. Without a period, a level is kept in the low
four bits of a sample as 3 · level + 1 (`FiveLevels` in tests/support/pairs.py). With a period of 16, it is kept in the
sample less its mask, modulo 16, as 3.2 · (level + ½) (`FivePhases`).
"""

import base64
import io
import random
from dataclasses import dataclass

import numpy as np
from PIL import Image

from tests.format import by_the_book
from tests.format.by_the_book import SECRET, Parsed

WEIGHTS = "5e" * 32
PERIOD = 16  # of the network that has one, in levels
# A grey picture of 48×40: its samples come out the same whoever converts them to RGB.
AVIF = base64.b64decode(
    "AAAAIGZ0eXBhdmlmAAAAAGF2aWZtaWYxbWlhZk1BMUEAAADrbWV0YQAAAAAAAAAhaGRscgAAAAAAAAAAcGljdAAAAAAAAAAAAAAAAAAAAAAOcGl0"
    "bQAAAAAAAQAAAB5pbG9jAAAAAEQAAAEAAQAAAAEAAAETAAAASQAAAChpaW5mAAAAAAABAAAAGmluZmUCAAAAAAEAAGF2MDFDb2xvcgAAAABqaXBy"
    "cAAAAEtpcGNvAAAAFGlzcGUAAAAAAAAAMAAAACgAAAAQcGl4aQAAAAADCAgIAAAADGF2MUOBIAAAAAAAE2NvbHJuY2x4AAEADQAGgAAAABdpcG1h"
    "AAAAAAAAAAEAAQQBAoMEAAAAUW1kYXQSAAoJOBVvnbQENBpAMjoZQmMEwgAAA0AAAADk3OjlsjQ1kvzymJTzqLm5wkR4W/eQ7EXwHk/d7Xinbcl2"
    "wWDn6Uy4feyoTwOA"
)


@dataclass(frozen=True)
class Base:
    """Of a secret: its kind, its field in a record, its picture and its gain."""

    kind: int
    field: bytes
    picture: np.ndarray
    gain: float


def cover(height: int, width: int, shift: int = 0) -> np.ndarray:
    """Slopes, in whole numbers."""
    y, x = np.mgrid[:height, :width]
    return (np.stack([x * 3 + y, 200 - y * 2, x + y * 4], -1) + shift).astype(np.uint8)


def secret(height: int, width: int, shift: int = 0) -> np.ndarray:
    """Squares in a few colours, none of them near black."""
    y, x = np.mgrid[:height, :width]
    squares = ((x + shift) // 6 * 5 + (y + shift) // 5 * 3) % 11
    return np.stack([40 + squares * 20, 250 - squares * 20, 60 + squares * 9], -1).astype(np.uint8)


def no_base(height: int, width: int) -> Base:
    return Base(0, b"", np.full((height, width, 3), 128, np.uint8), 1)


def means_of(picture: np.ndarray) -> Base:
    """Block means, and a gain of 2."""
    height, width, _ = picture.shape
    sums = picture.astype(int).reshape(height // 8, 8, width // 8, 8, 3).sum((1, 3))
    means = np.rint(sums / 64).astype(np.uint8)
    return Base(1, b"\x28" + by_the_book.pack_means(means), means.repeat(8, 0).repeat(8, 1), 2)


def coded_base() -> Base:
    """The AVIF above, and a gain that is no whole number."""
    return Base(2, b"\x2f" + AVIF, np.array(Image.open(io.BytesIO(AVIF))), 2 ** ((0x2F - 32) / 8))


def levels_of(picture: np.ndarray, base: Base) -> np.ndarray:
    """The part of a picture that the ideal network hides, -2 to 2; never half-way between two levels."""
    exact = 4 * base.gain * (picture - base.picture.astype(int)) / 255
    assert (np.abs(exact % 1 - 0.5) > 1e-4).all()
    return np.rint(exact).clip(-2, 2).astype(int)


def shown(picture: np.ndarray, base: Base) -> str:
    """A secret as a reader shows it."""
    exact = (base.picture + 255 * levels_of(picture, base) / (4 * base.gain)).clip(0, 255)
    assert (np.abs(exact % 1 - 0.5) > 1e-4).all()
    return by_the_book.digest(np.rint(exact).astype(np.uint8).tobytes())


def hide(cover: np.ndarray, picture: np.ndarray, base: Base, shuffle_key: bytes) -> np.ndarray:
    """A cover with a secret in the low bits of its area, before it is sealed."""
    container, (height, width, _) = cover.copy(), picture.shape
    shuffle = by_the_book.draw_shuffle(shuffle_key, height * width // 64)
    levels = by_the_book.shuffle(levels_of(picture, base), *shuffle, width // 8)
    container[:height, :width] = cover[:height, :width] // 16 * 16 + 3 * (levels + 2) + 1
    return container


def hide_masked(cover: np.ndarray, picture: np.ndarray, base: Base, shuffle_key: bytes) -> np.ndarray:
    """The same by the network with a period: each sample goes to the nearest value that means its level."""
    container, (height, width, _) = cover.copy(), picture.shape
    shuffle = by_the_book.draw_shuffle(shuffle_key, height * width // 64)
    levels = by_the_book.shuffle(levels_of(picture, base), *shuffle, width // 8) + 2
    wanted = 3.2 * (levels + 0.5) + by_the_book.draw_mask(shuffle_key, height, width) * PERIOD
    area = cover[:height, :width]
    exact = wanted + PERIOD * np.rint((area - wanted) / PERIOD)
    exact += PERIOD * ((exact < 0).astype(int) - (exact > 255))
    container[:height, :width] = np.rint(exact)
    return container


def fields_of(film_id: bytes, key: bytes, height: int, width: int, base: Base) -> Parsed:
    """The record of a picture, alone in its container.

    Args:
        key: of the film.
    """
    commitment, one = by_the_book.commitment(key, film_id), (1, 1)
    sizes = width, height, 1, one, one
    return Parsed(film_id, commitment, 1, 1, 0, base.kind, 8, bytes.fromhex(WEIGHTS), *sizes, b"", 0, base.field, b"")


def picture_in(cover: np.ndarray, picture: np.ndarray, base: Base, draw: random.Random, height: int) -> np.ndarray:
    """A container by a key file, its record in a code of this height."""
    film_id = draw.randbytes(16)
    container = hide(cover, picture, base, by_the_book.shuffle_key(SECRET, film_id, 0))
    record = fields_of(film_id, SECRET, *picture.shape[:2], base).join()
    container = by_the_book.with_dummies(container, draw, 0.2)
    return by_the_book.write(container, record, SECRET, draw.randbytes(12), code=height)


def stepped(picture: np.ndarray, place: int, step: int = 1) -> np.ndarray:
    """With one sample changed by so many levels, the other way where that is out of range."""
    picture = picture.copy()
    value = int(picture.flat[place])
    picture.flat[place] = value + step if value + step <= 255 else value - step
    return picture


def with_other_mac_bit(container: np.ndarray) -> np.ndarray:
    """One sample of the MAC's zone is the other of its pair; its hidden level stays."""
    zones = by_the_book.zones(container, SECRET)
    for sample, side in zip(zones.mac, zones.sides, strict=True):
        value = int(container.flat[sample])
        other = (value + side ^ 1) - side
        if 0 <= other <= 255 and value % 16 // 3 == other % 16 // 3:
            return stepped(container, sample, other - value)
    raise AssertionError


def refreshed(container: np.ndarray, draw: random.Random, anchor: bool) -> np.ndarray:
    """With other salt samples, so that it is an anchor, or that it is none."""
    while True:
        again = by_the_book.with_dummies(container, draw, 0.2)
        if by_the_book.is_anchor(again) == anchor:
            return again
