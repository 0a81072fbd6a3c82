"""Makes the test vectors of robust films: `python -m tests.format.make_film_vectors`.

Films, most with one thing wrong, and answers.json, which says what a reader must answer, and what each step on the way
into the first of them gives. A film is a PNG picture with all frames, one below the other. They are written by the book
(`film_by_the_book`), not by stegnet, and nothing is left to chance.

The last film, encoded.mp4, is by stegnet, and encoded as H.264.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from PIL import Image
from scipy.fft import idctn

from stegnet import Key
from stegnet.methods.robust import (
    ALL_FILM_POINTS,
    HEAD_BYTES,
    GroupContent,
    content_capacity,
    file_content,
    hide_in_group,
    parse_content,
    pieces_of,
)
from stegnet.methods.robust.robust_content import RobustFile
from stegnet.video import FilmInfo
from stegnet.video.coding import Coding
from stegnet.video.film_writer import write_h264
from tests.format import film_by_the_book as book
from tests.format.film_by_the_book import (
    FREQUENCIES,
    GROUP,
    FilmRung,
    Keys,
    capacity,
    carried,
    header_of,
    places,
    region_lumas,
    seal,
    spans,
)
from tests.support.films import still_frames

FOLDER, ANSWERS = Path(__file__).parent / "film_vectors", "answers.json"
SECRET, WRONG_KEY, PASSPHRASE = bytes(range(32)), bytes(range(1, 33)), "zwei Käse"
RANDOM = bytes(range(0xE0, 0xE7))  # of headers
NAME, TEXT = "note.txt", b"at eight"
FILE = file_content(NAME, TEXT)
ENCODED, ENCODED_RATE = "encoded.mp4", 12
VARIANT = 21
LONG, _, FINE, SHORT = book.RUNGS
SIZE = 35, 69  # the last rows and columns are outside the hidden area
FIT_FOR_TWO = file_content(NAME, TEXT * 15)  # takes two groups of the rung LONG
RATE = 40
HEADER = header_of(RATE, RANDOM)
LEVEL, AT_EDGE = 56, 64
FIRST_REGION = tuple(slice(*spans(side // 8)[0]) for side in SIZE)
COLOUR = 20, 0, -12  # levels of red, green, blue against grey


@dataclass(frozen=True)
class Vector:
    """A film, and what a reader must answer.

    Attributes:
        name: of its file, without the suffix.
        message: None where nothing opens, or not all of a message is there.
        key: K; None: PASSPHRASE.
    """

    name: str
    film: list[np.ndarray]
    message: bytes | None = None
    key: bytes | None = SECRET


def modulated(
    group: list[np.ndarray], bits: Sequence[int], keys: Keys, rung: FilmRung, header: bytes
) -> list[np.ndarray]:
    """A group that carries a rung's bits, by their numbers: each coefficient goes to the nearest phase of ±¼.

    Only the first frame of each run changes.
    """
    shape = rows, cols = book.shape_of(group)
    found = book.coefficients(np.stack([book.rounded_luma(each) for each in group]))
    away = np.array(bits).reshape(rows * cols, -1) / 2 - 0.25
    away -= book.phases(found, book.dither_of(keys, header, shape, rung), rung)
    moved = (away - np.rint(away)).reshape(rows, cols, -1, rung.coefficients) * rung.periods
    made = list(group)
    for run in range(moved.shape[2]):
        changes = np.zeros((rows, cols, 8, 8))
        for index, (down, across) in enumerate(FREQUENCIES[: rung.coefficients]):
            changes[..., down, across] = moved[:, :, run, index]
        levels = np.rint(idctn(changes, axes=(2, 3), norm="ortho")).astype(int)
        made[run * rung.run] = changed(made[run * rung.run], levels.swapaxes(1, 2))
    return made


def changed(frame: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """A frame with the hidden area changed by (rows, 8, cols, 8) levels."""
    whole = frame.astype(int)
    area = whole[: 8 * levels.shape[0], : 8 * levels.shape[2]]
    area += levels.reshape(*area.shape[:2], 1)
    assert 0 <= whole.min() <= whole.max() <= 255
    return whole.astype(np.uint8)


# Films


def cover(height: int = SIZE[0], width: int = SIZE[1], *, at_edge: bool = False, colour: bool = False) -> list:
    """A group of flat regions, brighter and darker by turns; the means are in the middle of a step of the salt.

    Args:
        at_edge: that of the first region is at the edge between two steps.
    """
    levels = np.full((height, width), LEVEL)
    for row, (top, bottom) in enumerate(spans(height // 8)):
        for col, (left, right) in enumerate(spans(width // 8)):
            levels[top:bottom, left:right] = LEVEL + 16 * ((row * 5 + col * 3) % 9)
    if at_edge:
        levels[FIRST_REGION] = AT_EDGE
    flat = np.repeat(levels[..., None], 3, 2) + (np.array(COLOUR) if colour else 0)
    return [(flat + (5, -5)[index // 8 % 2]).astype(np.uint8) for index in range(GROUP)]


def hidden(
    data: bytes,
    rung: FilmRung = LONG,
    header: bytes = HEADER,
    *,
    group: list[np.ndarray] | None = None,
    salt: bytes | None = None,
    key: Callable[[bytes], bytes] = lambda salt: SECRET,
) -> list[np.ndarray]:
    """A group that holds content.

    Args:
        salt: of all subkeys; None: that of the cover and VARIANT.
        key: K, by the salt.
    """
    before = cover() if group is None else group
    salt = salt or of_variant(before, VARIANT)
    keys = Keys(key(salt[:-1]), salt)
    bits = carried(*book.shape_of(before), rung.group_bits, header, data, keys)
    return modulated(before, bits, keys, rung, header)


def by_passphrase(salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=32, n=1 << 17, r=8, p=1).derive(PASSPHRASE.encode())


def of_variant(group: list[np.ndarray], variant: int) -> bytes:
    """The salt of all subkeys."""
    return next(book.salts(group)) + bytes([variant])


def piece(message: bytes = FILE, first: int = 0, size: int | None = None, digest: bytes = b"") -> bytes:
    """The content of a group, with another size or digest than the message's."""
    right = hashlib.sha256(message).digest()[:8]
    return first.to_bytes(4, "big") + (size or len(message)).to_bytes(4, "big") + (digest or right) + message


def capacities(groups: int) -> list[int]:
    rows, cols = (side // 8 for side in SIZE)
    return [capacity(rows * cols, LONG.group_bits, HEADER) - 16] * groups


def over_an_edge(frames: int) -> list[np.ndarray]:
    """A group whose first region is one level brighter in so many frames, and so over the edge of a step."""
    before = cover(at_edge=True)
    steps = [total // (16000 * size) for total, size in region_lumas(cover()[0])]
    salt = book.film_salt(before, [AT_EDGE // 16 - 1, *steps[1:]])
    made = hidden(piece(), group=before, salt=salt + bytes([VARIANT]))
    for frame in made[:frames]:
        frame[FIRST_REGION] += 1
    return made


def vectors() -> list[Vector]:
    """All of them."""
    two = [hidden(each) for each in book.pieces(FIT_FOR_TWO, capacities(3))]
    good = hidden(piece())
    return [
        Vector("good", good, FILE),
        Vector("wrong_key", good, key=WRONG_KEY),
        Vector("passphrase", hidden(piece(), key=by_passphrase), FILE, None),
        Vector("colour", hidden(piece(), FINE, header_of(20, RANDOM), group=cover(48, 32, colour=True)), FILE),
        Vector("runs_of_one", hidden(piece(), SHORT, header_of(20, RANDOM), group=cover(16, 16)), FILE),
        Vector("another_variant", hidden(piece(), salt=of_variant(cover(), 0)), FILE),
        Vector("last_variant", hidden(piece(), salt=of_variant(cover(), 31)), FILE),
        Vector("no_variant", hidden(piece(), salt=of_variant(cover(), 32))),
        Vector("a_half", hidden(piece(), FINE, header_of(45, RANDOM, 4)), FILE),
        Vector("rest", [*good, *cover()[:2]], FILE),
        Vector("begins_late", [*cover()[:3], *good], FILE),
        Vector("first_lost", [*cover(), *two[1], *two[2]], FIT_FOR_TWO),
        Vector("part", two[0]),
        Vector("over_an_edge", over_an_edge(24), FILE),
        Vector("far_over_an_edge", over_an_edge(48)),
        Vector("other_digest", hidden(piece(digest=bytes(8)))),
        Vector("too_large", hidden(piece(size=(1 << 25) + 1))),
        Vector("beyond_the_end", hidden(piece(first=len(FILE)))),
        Vector("cover", cover()),
    ]


# Answers


def answer(vector: Vector) -> dict[str, object]:
    """The answer of a reader: a file's name and bytes, or nothing."""
    how = {"passphrase": PASSPHRASE} if vector.key is None else {"key": vector.key.hex()}
    found = {"file": f"{vector.name}.png", "height": vector.film[0].shape[0], **how}
    if vector.message is None:
        return found | {"answer": "nothing"}
    file = parse_content(vector.message, 0)
    assert isinstance(file, RobustFile)
    return found | {"answer": "file", "name": file.name, "bytes": file.data.hex()}


def steps() -> dict[str, object]:
    """Those of the first film."""
    group, header, rung = cover(), HEADER, LONG
    (rows, cols), salt = book.shape_of(group), next(book.salts(group))
    keys = Keys(SECRET, salt + bytes([VARIANT]))
    found = places(rows, cols, rung.group_bits, keys)
    assert found
    return {
        "robust_salt": salt.hex(),
        "variant": VARIANT,
        "header": header.hex(),
        "dither_keys": [keys.of("dither").hex(), book.record_key(keys, header).hex()],
        "dither": digest((book.dither_of(keys, header, (rows, cols), rung) * (1 << 16)).astype("<u4")),
        "header_places": digest(np.array(found.header, "<u4")),
        "record_places": digest(np.array(found.record(keys, header), "<u4")),
        "content": piece().hex(),
        "sealed": seal(rows, cols, rung.group_bits, header, piece(), keys).hex(),
        "bits": digest(np.packbits(carried(rows, cols, rung.group_bits, header, piece(), keys))),
        "pieces": [each.hex() for each in book.pieces(FIT_FOR_TWO, capacities(3))],
    }


def digest(values: np.ndarray) -> str:
    """SHA-256 of 32-bit little-endian numbers, or of bits packed into bytes."""
    return hashlib.sha256(values.tobytes()).hexdigest()


# Files


def write_film(path: Path, film: Sequence[np.ndarray]) -> None:
    """One picture; of one channel if all are the same."""
    tall = np.concatenate(film)
    grey = (tall == tall[..., :1]).all()
    Image.fromarray(tall[..., 0] if grey else tall).save(path, optimize=True)


def read_film(path: Path, height: int) -> list[np.ndarray]:
    tall = np.asarray(Image.open(path).convert("RGB"))
    return list(tall.reshape(-1, height, *tall.shape[1:]))


def write_encoded_film(path: Path) -> None:
    """Writes the film by stegnet."""
    _, rung, *_ = ALL_FILM_POINTS
    frames = still_frames(GROUP, 64, 96)
    (content,) = pieces_of(FILE, [content_capacity(8 * 12, rung, ENCODED_RATE) - HEAD_BYTES])
    made = hide_in_group(frames, rung, GroupContent(content, ENCODED_RATE, RANDOM, VARIANT), Key(SECRET))
    info = FilmInfo(96, 64, tuple(range(GROUP)), Fraction(1, 25), Fraction(25), Fraction(1), ())
    write_h264(path, iter(made), info, Coding(23))


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    made = vectors()
    for vector in made:
        write_film(FOLDER / f"{vector.name}.png", vector.film)
    about = " ".join(__doc__.partition("\n\n")[2].split())
    answers = {
        "about": about,
        "vectors": [answer(vector) for vector in made],
        "steps": steps(),
    }
    write_encoded_film(FOLDER / ENCODED)
    (FOLDER / ANSWERS).write_text(json.dumps(answers, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
