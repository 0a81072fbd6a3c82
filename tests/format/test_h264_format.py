"""H.264 films as docs/format.md says: the vectors, levels of slices, and what stegnet hides, against the book."""

import json
from functools import cache
from hashlib import sha256
from pathlib import Path

import pytest

from stegnet import RevealError, Session
from stegnet.keys import Key
from stegnet.media.h264 import Parameters, read_levels
from tests.format import h264_by_the_book as book
from tests.format import make_h264_vectors as made_by

ANSWERED = json.loads((made_by.FOLDER / made_by.ANSWERS).read_text(encoding="utf-8"))
VECTORS = {vector["film"]: vector for vector in ANSWERED["vectors"]}
HIDDEN = ANSWERED["name"], ANSWERED["hidden"].encode()


@cache
def pictures(name: str) -> list[book.Pictures]:
    return book.groups_of_pictures(book.Film((made_by.FOLDER / name).read_bytes()))


def test_the_vectors_are_all_there():
    assert {path.name for path in made_by.FOLDER.iterdir()} == {*VECTORS, made_by.ANSWERS}
    assert ANSWERED["key"] == made_by.SECRET.hex()


@pytest.mark.parametrize("name", VECTORS)
def test_the_book_reads_the_vectors(name):
    found = book.read_film(pictures(name), made_by.SECRET)
    assert made_by.answer(made_by.FOLDER / name, pictures(name)) == VECTORS[name]
    assert len(found) == len(VECTORS[name]["groups"])
    assert [whole for _, whole in found] == [VECTORS[name]["answer"] != "altered"] * len(found)
    assert book.hidden_file([record for record, _ in found], made_by.SECRET) == HIDDEN
    assert book.read_film(pictures(name), bytes(32)) == []


@pytest.mark.parametrize("name", VECTORS)
def test_stegnet_reads_the_vectors(name):
    film, session = made_by.FOLDER / name, Session()
    found = session.info(film, key=Key(made_by.SECRET))
    assert found["method"] == "h264"
    assert found["whole"] is (VECTORS[name]["answer"] != "altered")
    assert found["hidden_sha256"] == sha256(HIDDEN[1]).hexdigest()
    with pytest.raises(RevealError):
        session.reveal(film, key=Key(bytes(32)))


def test_the_book_finds_a_group_where_a_film_was_cut():
    """Without its first group of pictures, the first group does not open, and the second one begins at the next."""
    (_, first), (second, whole) = book.read_film(pictures("cabac.mp4"), made_by.SECRET)
    assert first
    assert book.read_film(pictures("cabac.mp4")[1:], made_by.SECRET) == [(second, whole)]
    assert book.hidden_file([second], made_by.SECRET) == HIDDEN


@pytest.mark.parametrize(("name", "count"), [("cabac.mp4", 12), ("cavlc.mp4", 12), ("baseline.mp4", 12)])
def test_levels_of_slices(name, count):
    """Those that carry something and all others are what stegnet's reader finds; `count` pictures."""
    film = book.Film((made_by.FOLDER / name).read_bytes())
    ours, theirs = Parameters(), book.Parameters()
    for unit in (*film.sets, *(unit for picture in film.pictures[:count] for unit in picture)):
        ours.add(unit)
        theirs.take(unit)
        if unit[0] & 31 in book.SLICES:
            found = read_levels(ours, unit)
            columns = found.macroblock, found.kind, found.position, found.block, found.value, found.intra
            expected = list(zip(*(column.tolist() for column in columns), strict=True))
            assert [tuple(level) for level in theirs.levels(unit)] == expected


@pytest.mark.parametrize("name", ["cavlc.mp4", "baseline.mp4"])
def test_the_book_reads_what_stegnet_hides(tmp_path: Path, name: str):
    made_by.hide(made_by.FOLDER / name, tmp_path / name, b"another file", seed=1)
    found = book.read_film(book.groups_of_pictures(book.Film((tmp_path / name).read_bytes())), made_by.SECRET)
    assert [whole for _, whole in found] == [True]
    assert book.hidden_file([record for record, _ in found], made_by.SECRET) == (HIDDEN[0], b"another file")


def test_the_altered_vector_is_made_of_another(tmp_path: Path):
    made_by.alter(made_by.FOLDER / f"{made_by.ALTERED}.mp4", tmp_path / "altered.mp4")
    assert (tmp_path / "altered.mp4").read_bytes() == (made_by.FOLDER / "altered.mp4").read_bytes()
