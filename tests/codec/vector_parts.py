"""What the test vectors are made of: pictures, and an ideal network by the book, which hides five levels.

Level = round(4 · (hidden + ½)), within 0 and 4, is kept in the low four bits of a sample as 3 · level + 1; revealed is
⌊low bits / 3⌋ / 4 − ½ (`FiveLevels` in tests/support/pairs.py).
"""

import base64
import io
import random
from dataclasses import dataclass

import numpy as np
from PIL import Image

from tests.codec import by_the_book
from tests.codec.by_the_book import SECRET, Parsed

WEIGHTS = "5e" * 32
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
    """What the ideal network hides of a picture, -2 to 2; never half-way between two levels."""
    exact = 4 * base.gain * (picture - base.picture.astype(int)) / 255
    assert (np.abs(exact % 1 - 0.5) > 1e-4).all()
    return np.rint(exact).clip(-2, 2).astype(int)


def shown(picture: np.ndarray, base: Base) -> str:
    """What a reader shows of a secret."""
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
    return by_the_book.write(container, record, SECRET, draw.randbytes(12), height=height)


def stepped(picture: np.ndarray, place: int, step: int = 1) -> np.ndarray:
    """With one sample changed by so many levels, the other way where that is out of range."""
    picture = picture.copy()
    value = int(picture.flat[place])
    picture.flat[place] = value + step if value + step <= 255 else value - step
    return picture
