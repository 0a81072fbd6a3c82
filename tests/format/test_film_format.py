"""Robust films as docs/format.md says: each step on the way into one, and what stegnet hides, read by the book."""

import json
from pathlib import Path

import numpy as np
import pytest

from stegnet.image import read_picture
from stegnet.keys import Key
from stegnet.methods.robust import (
    ALL_FILM_POINTS,
    GROUP,
    HEAD_BYTES,
    VARIANTS,
    BlockPlacement,
    GroupContent,
    coded_bits,
    content_capacity,
    file_content,
    group_dither,
    headers_of_variants,
    hide_in_group,
    pieces_of,
    read_film,
    salt_of_variant,
    salts_of_group,
    signal_of,
)
from stegnet.video import read_frames
from tests.format import film_by_the_book as book
from tests.format.film_by_the_book import Keys
from tests.format.test_robust_steps import digest
from tests.support.films import still_frames

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).parent / "film_vectors"
STEPS = json.loads((FOLDER / "answers.json").read_text(encoding="utf-8"))["steps"]
SECRET, RATE, RANDOM = bytes(range(32)), 20, bytes(range(0xE0, 0xE7))
KEY, FILE = Key(SECRET), file_content("note.txt", b"at eight")
each_point = pytest.mark.parametrize("point", ALL_FILM_POINTS, ids=lambda point: point.name)


def message_of(film: list[np.ndarray]) -> bytes | None:
    found = read_film((frame for frame in film), KEY)
    return found.message if found else None


def test_steps():
    """Those on the way into the first film."""
    tall, point = read_picture(FOLDER / "cover.png"), ALL_FILM_POINTS[0]
    group = list(tall.reshape(GROUP, -1, *tall.shape[1:]))
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
    pieces = pieces_of(
        file_content("note.txt", b"at eight" * 15),
        [content_capacity(shape[0] * shape[1], point, rate) - HEAD_BYTES] * 3,
    )
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
@pytest.mark.parametrize("size", [(10, 20), (10, 21), (11, 20), (45, 79), (45, 80)])
def test_places(point, size):
    """Of the header and a share of the blocks, and the header's signs by which its variant is found."""
    salt, header = bytes(range(16)), (6 << 52 | int.from_bytes(RANDOM, "big") & 2**52 - 1).to_bytes(8, "big")
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
    film = list(read_frames(FOLDER / "encoded.mp4"))
    assert book.read(film, lambda salt: SECRET) == message_of(film) == FILE
