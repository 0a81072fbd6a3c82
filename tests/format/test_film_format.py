"""Robust films as docs/format.md says: the test vectors, each step, and what stegnet hides, against the book."""

import json
from fractions import Fraction

import numpy as np
import pytest
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from stegnet.keys import Key, Passphrase
from stegnet.methods.robust import (
    ALL_FILM_POINTS,
    GROUP,
    HEAD_BYTES,
    VARIANTS,
    BlockPlacement,
    GroupContent,
    coded_bits,
    content_capacity,
    group_dither,
    headers_of_variants,
    hide_in_group,
    parse_content,
    pieces_of,
    read_film,
    salt_of_variant,
    salts_of_group,
    signal_of,
)
from stegnet.video import read_frames
from tests.format import film_by_the_book as book
from tests.format import make_film_vectors as made_by
from tests.format.film_by_the_book import Keys
from tests.format.make_film_vectors import ANSWERS, ENCODED, FILE, FIT_FOR_TWO, FOLDER, RANDOM, SECRET, digest
from tests.support.films import still_frames

pytestmark = pytest.mark.slow

ANSWERED = json.loads((FOLDER / ANSWERS).read_text(encoding="utf-8"))
VECTORS, STEPS = ANSWERED["vectors"], ANSWERED["steps"]
KEY, RATE = Key(SECRET), 20
each_point = pytest.mark.parametrize("point", ALL_FILM_POINTS, ids=lambda point: point.name)


def film_of(vector: dict) -> list[np.ndarray]:
    return made_by.read_film(FOLDER / vector["file"], vector["height"])


def message_of(film: list[np.ndarray], key: Key | Passphrase = KEY) -> bytes | None:
    times = [Fraction(index, 25) for index in range(len(film))]
    found = read_film(lambda: (frame for frame in film), lambda: times, key)
    return found.message if found else None


def test_each_vector_has_an_answer():
    assert {path.name for path in FOLDER.iterdir()} == {*(each["file"] for each in VECTORS), "answers.json", ENCODED}
    assert [book.FilmRung(point.coefficients, point.run, point.scale) for point in ALL_FILM_POINTS] == list(book.RUNGS)


def test_the_vectors_are_what_a_second_writer_makes():
    made = made_by.vectors()
    assert [made_by.answer(each) for each in made] == VECTORS
    assert all(np.array_equal(film_of(vector), each.film) for vector, each in zip(VECTORS, made, strict=True))
    assert json.loads(json.dumps(made_by.steps())) == STEPS


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector['file']}-{vector['answer']}")
def test_vectors(vector):
    """The book reads them, and stegnet does."""
    film = film_of(vector)
    if "key" in vector:
        secret = bytes.fromhex(vector["key"])
        key, key_of = Key(secret), lambda salt: secret
    else:
        phrase = vector["passphrase"]
        key, key_of = Passphrase(phrase), lambda salt: Scrypt(salt, 32, 1 << 17, 8, 1).derive(phrase.encode())
    for message in (book.read(film, key_of), message_of(film, key)):
        if vector["answer"] == "nothing":
            assert message is None
        else:
            found = parse_content(message, 0)
            assert (found.name, found.data) == (vector["name"], bytes.fromhex(vector["bytes"]))


def test_steps():
    """Those on the way into the first film."""
    group, point = film_of(next(vector for vector in VECTORS if vector["file"] == "cover.png")), ALL_FILM_POINTS[0]
    shape, salt = (4, 8), next(salts_of_group([signal_of(frame) for frame in group]))
    header, content = bytes.fromhex(STEPS["header"]), bytes.fromhex(STEPS["content"])
    assert salt.hex() == next(book.salts(group)).hex() == STEPS["robust_salt"]
    salt = salt_of_variant(salt, STEPS["variant"])
    assert [KEY.robust(b"dither", salt, each).hex() for each in (b"", header)] == STEPS["dither_keys"]
    blocks, keys, rate = BlockPlacement(shape, point, KEY, salt), Keys(SECRET, salt), book.fields(header)[0]
    assert digest((group_dither(blocks, header) * (1 << 16)).astype("<u4")) == STEPS["dither"]
    assert digest(blocks.header_places.astype("<u4")) == STEPS["header_places"]
    assert digest(np.array(book.places(*shape, point.bits, keys).record(keys, header), "<u4")) == STEPS["record_places"]
    assert digest(np.packbits(coded_bits(blocks, rate, content, header[1:]))) == STEPS["bits"]
    pieces = pieces_of(FIT_FOR_TWO, [content_capacity(shape[0] * shape[1], point, rate) - HEAD_BYTES] * 3)
    assert [piece.hex() for piece in pieces] == STEPS["pieces"]


def test_salts_near_edges():
    """Groups whose means are all over, many of them near an edge."""
    random = np.random.default_rng(2)
    for _ in range(6):
        lumas = (16 * random.integers(1, 15, (4, 4)) + random.integers(-1, 2, (4, 4))).repeat(8, 0).repeat(8, 1)
        group = [
            np.clip(lumas[..., None] + random.integers(-2, 3, (32, 32, 3)), 0, 255).astype(np.uint8)
            for _ in range(GROUP)
        ]
        assert list(salts_of_group([signal_of(frame) for frame in group])) == list(book.salts(group))


@each_point
@pytest.mark.parametrize("size", [(10, 20), (45, 80)])
def test_places(point, size):
    """Of the header and a share of the blocks, and the header's signs by which its variant is found."""
    salt, header = bytes(range(16)), book.header_of(0, RANDOM, 6)
    own, places = book.places(*size, point.bits, Keys(SECRET, salt)), BlockPlacement(size, point, KEY, salt)
    assert places.header_places.tolist() == own.header
    assert places.record_places(6, header).tolist() == own.used(header)
    _, _, signs_of_variants = headers_of_variants(point, size, KEY, salt)
    for variant in (0, VARIANTS - 1):
        signs = signs_of_variants[variant]
        key = Keys(SECRET, salt + bytes([variant])).of("header")
        assert np.array_equal(signs, book.signed(key, np.ones(len(signs))))


@each_point
def test_the_book_reads_what_stegnet_hides(point):
    frames = still_frames(GROUP, 99, 133)
    (content,) = pieces_of(FILE, [content_capacity(12 * 16, point, RATE) - HEAD_BYTES])
    film = hide_in_group(frames, point, GroupContent(content, RATE, RANDOM, 7), KEY)
    assert book.read(film, lambda salt: SECRET) == message_of(film) == FILE


def test_a_film_after_h264():
    film = list(read_frames(FOLDER / ENCODED))
    assert book.read(film, lambda salt: SECRET) == message_of(film) == FILE
