"""Robust films as docs/format.md says: the test vectors, each step, and real networks, against the book."""

import json
from fractions import Fraction

import numpy as np
import pytest

from stegnet.keys import Key, Passphrase
from stegnet.media import read_frames
from stegnet.methods.robust.content import RobustFile, parse_content
from stegnet.methods.robust.record import Blocks, coded_bits
from stegnet.methods.robust_film.groups import (
    GroupContent,
    group_room,
    hide_in_group,
    modulated,
    pieces_of,
    salts_of_group,
    signal_of,
)
from stegnet.methods.robust_film.phases import ALL_RUNGS, GROUP, coefficients, dither_of, luma
from stegnet.methods.robust_film.reading import read_film
from stegnet.methods.robust_film.variants import VARIANTS, headers_of, salt_of_variant
from tests.format import film_by_the_book as book
from tests.format import make_film_vectors as made_by
from tests.format.film_by_the_book import Keys
from tests.format.make_film_vectors import ANSWERS, ENCODED, FILE, FOLDER, RANDOM, SECRET
from tests.support.films import still_frames

ANSWERED = json.loads((FOLDER / ANSWERS).read_text(encoding="utf-8"))
VECTORS, STEPS = ANSWERED["vectors"], ANSWERED["steps"]
KEY, RATE = Key(SECRET), 20
each_rung = pytest.mark.parametrize("rung", ALL_RUNGS, ids=lambda rung: rung.name)


def title(vector: dict) -> str:
    return f"{vector['file']}-{vector['answer']}"


def unlocking(vector: dict) -> Key | Passphrase:
    return Key(bytes.fromhex(vector["key"])) if "key" in vector else Passphrase(vector["passphrase"])


def message_of(film: list[np.ndarray], key: Key | Passphrase) -> bytes | None:
    found = read_film(lambda: (frame for frame in film), lambda: times(len(film)), key)
    return found and found.message


def times(count: int) -> list[Fraction]:
    return [Fraction(index, 25) for index in range(count)]


def check(vector: dict, message: bytes | None) -> None:
    if vector["answer"] == "nothing":
        assert message is None
    else:
        assert parse_content(message, 0) == RobustFile(vector["name"], bytes.fromhex(vector["bytes"]))


@pytest.fixture(scope="module")
def made() -> dict[str, made_by.Vector]:
    found = {f"{vector.name}.png": vector for vector in made_by.vectors()}
    assert {path.name for path in FOLDER.iterdir()} == {*found, ANSWERS, ENCODED}
    return found


@pytest.mark.parametrize("vector", VECTORS, ids=title)
def test_vectors(made, vector):
    """They are those that the book writes; it reads them, and stegnet does."""
    own, film = made[vector["file"]], made_by.read_film(FOLDER / vector["file"], vector["height"])
    assert np.array_equal(film, own.film)
    assert made_by.answer(own) == vector
    key_of = made_by.by_passphrase if own.key is None else lambda salt: own.key
    check(vector, book.read(film, key_of))
    check(vector, message_of(film, unlocking(vector)))


def test_rungs():
    assert [book.FilmRung(rung.coefficients, rung.run, rung.scale) for rung in ALL_RUNGS] == list(book.RUNGS)


def test_steps():
    assert json.loads(json.dumps(made_by.steps())) == STEPS
    group, rung = made_by.cover(), ALL_RUNGS[0]
    shape, salt = (4, 8), next(salts_of_group([signal_of(frame) for frame in group]))
    header, content = bytes.fromhex(STEPS["header"]), bytes.fromhex(STEPS["content"])
    assert salt.hex() == STEPS["robust_salt"]
    salt = salt_of_variant(salt, STEPS["variant"])
    assert [KEY.robust(b"dither", salt, each).hex() for each in (b"", header)] == STEPS["dither_keys"]
    blocks = Blocks(shape, rung, KEY, salt)
    assert made_by.digest((dither_of(blocks, header) * (1 << 16)).astype("<u4")) == STEPS["dither"]
    places = blocks.places
    assert made_by.digest(places.header.astype("<u4")) == STEPS["header_places"]
    bits = coded_bits(blocks, made_by.RATE, content, header[1:])
    assert made_by.digest(np.packbits(bits)) == STEPS["bits"]
    rooms = [group_room(shape, rung, made_by.RATE)] * 3
    assert [piece.hex() for piece in pieces_of(made_by.FIT_FOR_TWO, rooms)] == STEPS["pieces"]
    assert made_by.rooms(3) == rooms


def test_salts_near_edges():
    """Groups whose means are all over, many of them near an edge."""
    random = np.random.default_rng(2)
    for _ in range(10):
        lumas = (16 * random.integers(1, 15, (4, 4)) + random.integers(-1, 2, (4, 4))).repeat(8, 0).repeat(8, 1)
        group = [
            np.clip(lumas[..., None] + random.integers(-2, 3, (32, 32, 3)), 0, 255).astype(np.uint8)
            for _ in range(GROUP)
        ]
        assert list(salts_of_group([signal_of(frame) for frame in group])) == list(book.salts(group))


@each_rung
def test_sines_of_headers(rung):
    """Of all variants, by which one is found."""
    group, salt, shape = still_frames(GROUP, 96, 128), bytes(range(16)), (12, 16)
    lumas = np.stack([luma(frame) for frame in group])
    (headers,) = headers_of(shape, [rung], KEY, salt)
    found = headers.sines([coefficients(each) for each in lumas[:: rung.run]])
    theirs = book.FilmRung(rung.coefficients, rung.run, rung.scale)
    for variant in (0, 5, VARIANTS - 1):
        keys = Keys(SECRET, salt + bytes([variant]))
        expected = book.header_sines(book.coefficients(lumas), shape, keys, theirs).reshape(-1)
        kept = book.places(*shape, rung.bits, keys).header[: found.shape[1]]
        np.testing.assert_allclose(found[variant], expected[kept], atol=5e-3)
        assert np.array_equal(headers.signs[variant], book.signed(keys.of("header"), np.ones(len(kept))))


@each_rung
def test_the_book_reads_what_stegnet_hides(rung):
    frames = still_frames(GROUP, 99, 133)
    (content,) = pieces_of(FILE, [group_room((12, 16), rung, RATE)])
    film = hide_in_group(frames, rung, GroupContent(content, RATE, RANDOM, 7), KEY)
    assert book.read(film, lambda salt: SECRET) == FILE


@each_rung
@pytest.mark.parametrize("shape", [(10, 20), (41, 39), (45, 80)])
def test_places_of_a_group(rung, shape):
    salt, header = bytes(range(16)), book.header_of(0, RANDOM, 6)
    theirs = book.places(*shape, rung.bits, Keys(SECRET, salt))
    ours = Blocks(shape, rung, KEY, salt).places
    assert ours.header.tolist() == theirs.header
    assert ours.record(6, header).tolist() == theirs.used(header)


@each_rung
def test_stegnet_reads_what_the_book_hides(rung):
    frames, shape = still_frames(GROUP, 96, 128), (12, 16)
    salt = salt_of_variant(next(book.salts(frames)), 7)
    header = book.header_of(RATE, RANDOM)
    carried = book.carried(*shape, rung.bits, header, made_by.piece(), Keys(SECRET, salt))
    signs = np.reshape(carried, (*shape, rung.bits)) * np.float32(2) - 1
    film = modulated(frames, signs, dither_of(Blocks(shape, rung, KEY, salt), header), rung)
    assert message_of(film, KEY) == FILE


def test_a_film_after_h264():
    film = list(read_frames(FOLDER / ENCODED))
    assert message_of(film, KEY) == FILE
    assert book.read(film, lambda salt: SECRET) == FILE
