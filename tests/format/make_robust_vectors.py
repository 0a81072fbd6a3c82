"""Makes the test vectors of robust containers: `python -m tests.format.make_robust_vectors`.

Pictures, most with one thing wrong, and answers.json, which says what a reader must answer. They are written by the
book (`robust_by_the_book`), not by stegnet, and nothing is left to chance.

Their modem is an ideal one. Bit b of a rung, of 8 bits or of 64, is in pixel b of its block, row by row: with entry b
of the block's dither, d, green / 16 − d is near ¼ modulo 1 for 1, and near −¼ for 0; its ratio is
8 · sin 2π(green / 16 − d). Red and blue change as green does.
"""

import base64
import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from PIL import Image

from tests.format import robust_by_the_book as book
from tests.format.seal_by_the_book import SECRET, bits_of

FOLDER = Path(__file__).parent / "robust_vectors"
ANSWERS = "answers.json"
RUNGS = SMALL, LARGE = 8, 64  # bits of a block
PERIOD, SURENESS = 16, 8.0
WRONG_KEY, PASSPHRASE = bytes(range(1, 33)), "zwei Käse"
PICTURE = 100, 132  # the last rows and columns are outside the hidden area
RANDOM = bytes(range(0xE0, 0xE7))  # of headers
NAME, TEXT = b"note.txt", b"at eight"
# Of 11 rows and 17 columns, by libaom 3.13.
AV1 = base64.b64decode("EgAKCDgQ4UygIaDSMiEZgAAAQADDVeV0bybYz/Ew1hMB4rXxFY8D/yBlFfWhwUY=")


@dataclass(frozen=True)
class Vector:
    """A container, and what a reader must answer.

    Attributes:
        name: of its file, without the suffix.
        content: of the record; None where nothing opens, or a reader rejects it.
        key: K; None: PASSPHRASE.
    """

    name: str
    picture: np.ndarray
    content: bytes | None = None
    key: bytes | None = SECRET


def by_passphrase(salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=32, n=1 << 17, r=8, p=1).derive(PASSPHRASE.encode())


def key_of(vector: Vector) -> Callable[[bytes], bytes]:
    return by_passphrase if vector.key is None else lambda salt: vector.key


# The ideal modem


def reveal(area: np.ndarray, dither: np.ndarray) -> np.ndarray:
    """Ratios, (rows, cols, K), of all rungs' bits."""
    rows, cols = (side // 8 for side in area.shape[:2])
    green = area[..., 1].reshape(rows, 8, cols, 8).transpose(0, 2, 1, 3).reshape(rows, cols, 64)
    ratios = SURENESS * np.sin(2 * np.pi * (green / PERIOD - dither))
    return np.concatenate([ratios[..., :bits] for bits in RUNGS], 2)


def modulated(cover: np.ndarray, bits: Sequence[int], dither: np.ndarray, rung: int) -> np.ndarray:
    """A container of a rung's bits, by their numbers; each green is the nearest to the cover's."""
    container, levels = cover.copy(), np.arange(256)
    cols = cover.shape[1] // 8
    for number, bit in enumerate(bits):
        block, place = divmod(number, rung)
        y, x = 8 * (block // cols) + place // 8, 8 * (block % cols) + place % 8
        away = levels / PERIOD - dither[block // cols, block % cols, place] - (0.25 if bit else -0.25)
        right = levels[np.abs(away - np.round(away)) <= 0.5 / PERIOD]
        before = int(cover[y, x, 1])
        container[y, x] += np.uint8((right[np.abs(right - before).argmin()] - before) % 256)
    return container


# Contents


def content(body: bytes, kind: int = 2, longer: int = 0) -> bytes:
    return bytes([kind]) + (len(body) + longer).to_bytes(3, "big") + body


def file_body(name: bytes = NAME, data: bytes = TEXT) -> bytes:
    return bytes([len(name)]) + name + data


def picture_body(height: int = 22, width: int = 34, scale: int = 4, data: bytes = AV1) -> bytes:
    return height.to_bytes(2, "big") + width.to_bytes(2, "big") + bytes([scale]) + data


FILE, PICTURE_CONTENT = content(file_body()), content(picture_body(), 1)


# Containers


def cover(height: int = PICTURE[0], width: int = PICTURE[1], *, at_edge: bool = False) -> np.ndarray:
    """Flat regions, their levels in the middle of a step of the salt, or that of the first at an edge."""
    levels = np.full((height, width), 40, int)
    spans = itertools.product(*(enumerate(book.spans(side // 8)) for side in (height, width)))
    for (y, (top, bottom)), (x, (left, right)) in spans:
        levels[top:bottom, left:right] = 80 if at_edge and x == y == 0 else 40 + 16 * ((5 * y + 3 * x) % 11)
    return np.repeat(levels[..., None], 3, 2).astype(np.uint8)


def rough() -> np.ndarray:
    """Such a cover of 32×40 blocks, of which one in seven is a chequerboard, the more contrasting the further down."""
    levels = cover(256, 320).astype(int)
    for row, col in itertools.product(range(32), range(40)):
        if (3 * row + col) % 7 == 0:
            block = levels[8 * row : 8 * row + 8, 8 * col : 8 * col + 8]
            block[::2, ::2] += row + 1
            block[::2, 1::2] -= row + 1
    return levels.astype(np.uint8)


def hidden(
    data: bytes,
    rung: int = SMALL,
    rate: int = 20,
    picture: np.ndarray | None = None,
    salt: bytes | None = None,
    **more: Callable | int,
) -> np.ndarray:
    """A container of content.

    Args:
        salt: another than that of the cover.
        more: key: K, by the salt; change: of the bits before they are hidden; share: number of the blocks';
            by_texture: 1: the most textured blocks carry something.
    """
    before = cover() if picture is None else picture
    rows, cols = (side // 8 for side in before.shape[:2])
    salt = salt or next(book.salts(before))
    textures = book.texture(book.area_of(before)) if "by_texture" in more else None
    keys = book.Keys(more["key"](salt) if "key" in more else SECRET, salt, textures=textures)
    header = book.header_of(rate, RANDOM, more.get("share", 0))
    bits = book.carried(rows, cols, rung, header, data, keys)
    if "change" in more:
        more["change"](bits, keys, header)
    return modulated(before, bits, keys.dither(rows, cols), rung)


def over_an_edge(levels: int) -> np.ndarray:
    """A container whose first region's mean luma is half of so many levels above the salt's step."""
    before = cover(at_edge=True)
    regions = [total // (16000 * size) for total, size in book.region_lumas(before)]
    container = hidden(FILE, picture=before, salt=book.salt_of([4, *regions[1:]]))
    (down, *_), (across, *_) = (book.spans(side // 8) for side in before.shape[:2])
    region = container[slice(*down), slice(*across)]
    region[::2] += np.uint8(levels)  # every second row by as many levels, so that no bit is lost
    return container


def blank(container: np.ndarray, rows: int) -> np.ndarray:
    """Its first rows without what they carry."""
    return np.concatenate([cover()[:rows], container[rows:]])


def with_header(rate: int) -> Callable[[list[int], book.Keys, bytes], None]:
    """Puts another rate into the header."""

    def change(bits: list[int], keys: book.Keys, header: bytes) -> None:
        rows, cols = PICTURE[0] // 8, PICTURE[1] // 8
        numbers = book.places(rows, cols, SMALL, keys).header
        coded = book.HEADER.encode(bits_of(book.header_of(rate, RANDOM)))
        repeated = [coded[element % 384] for element in range(len(numbers))]
        for number, bit in zip(numbers, book.masked(keys.of("header"), repeated), strict=True):
            bits[number] = bit

    return change


def vectors() -> list[Vector]:
    """All of them."""

    def nothing(name: str, body: bytes, kind: int = 2, **more: int) -> Vector:
        return Vector(name, hidden(content(body, kind, **more), LARGE))

    good = hidden(FILE)
    return [
        Vector("good", good, FILE),
        Vector("wrong_key", good, key=WRONG_KEY),
        Vector("passphrase", hidden(FILE, key=by_passphrase), FILE, None),
        Vector("picture", hidden(PICTURE_CONTENT, LARGE), PICTURE_CONTENT),
        Vector("lowest_rate", hidden(content(file_body(b"a", b"1")), LARGE, 1), content(file_body(b"a", b"1"))),
        *(Vector(f"rate_{rate}", hidden(FILE, LARGE, rate), FILE) for rate in (16, 29, 36)),
        Vector("highest_rate", hidden(FILE, LARGE, 58), FILE),
        Vector("two_codewords", hidden(FILE, LARGE, 45, picture=cover(288, 256)), FILE),
        Vector("one_row", hidden(FILE, LARGE, picture=cover(8, 192)), FILE),
        Vector("over_an_edge", over_an_edge(1), FILE),
        Vector("far_over_an_edge", over_an_edge(2)),
        Vector("damaged", blank(hidden(FILE, LARGE, 16), 16), FILE),
        Vector("destroyed", blank(hidden(FILE, LARGE, 16), 88)),
        Vector("cover", cover()),
        Vector("other_size", good[:80]),
        Vector("seven_eighths", hidden(FILE, LARGE, 40, share=1), FILE),
        Vector("an_eighth", hidden(FILE, LARGE, 50, share=12), FILE),
        Vector("next_to_nothing", hidden(FILE, LARGE, 50, picture=cover(512, 640), share=30), FILE),
        Vector("textured", hidden(FILE, LARGE, 20, picture=rough(), share=20, by_texture=1), FILE),
        *(Vector(f"rate_{rate}", hidden(FILE, change=with_header(rate))) for rate in (0, 59)),
        Vector("other_rate", hidden(FILE, change=with_header(21))),
        nothing("kind_0", file_body(), 0),
        nothing("kind_3", file_body(), 3),
        nothing("too_long", file_body(), longer=1 << 16),
        Vector("rest", hidden(FILE + b"\0\1", LARGE)),
        nothing("no_name", file_body(b"")),
        nothing("folder", file_body(b"a/b")),
        nothing("parent", file_body(b"..")),
        nothing("zero_in_name", file_body(b"a\0b")),
        nothing("cut_name", bytes([9]) + NAME),
        nothing("no_rows", picture_body(height=0), 1),
        nothing("too_large", picture_body(65535, 65535, 0), 1),
        nothing("far_too_large", picture_body(3348, 5175, 33), 1),
        nothing("damaged_av1", picture_body(data=AV1[:30]), 1),
    ]


def answer(vector: Vector) -> dict[str, object]:
    """The answer of a reader: a file's name and bytes, or a picture's size and means, or nothing."""
    how = {"passphrase": PASSPHRASE} if vector.key is None else {"key": vector.key.hex()}
    found = {"file": f"{vector.name}.png", **how}
    if vector.content is None:
        return found | {"answer": "nothing"}
    what = book.parse(vector.content, vector.picture[..., 0].size)
    if isinstance(what, tuple):
        return found | {"answer": "file", "name": what[0].decode(), "bytes": what[1].hex()}
    means = [round(float(mean), 2) for mean in what.mean((0, 1))]
    return found | {"answer": "picture", "height": what.shape[0], "width": what.shape[1], "means": means}


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    made = vectors()
    for vector in made:
        Image.fromarray(vector.picture).save(FOLDER / f"{vector.name}.png", optimize=True)
    about = __doc__.partition("\n\n")[2].partition("\n\n")[2].strip()
    answers = {"about": " ".join(about.split()), "rungs": RUNGS, "vectors": [answer(vector) for vector in made]}
    (FOLDER / ANSWERS).write_text(json.dumps(answers, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
