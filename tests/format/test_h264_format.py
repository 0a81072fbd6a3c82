"""H.264 films as docs/format.md says: the vectors, levels of slices, and what stegnet hides, against the book."""

import json
from functools import cache
from hashlib import sha256
from pathlib import Path

import pytest

from stegnet import Key, RevealError, Session
from stegnet.sealing import frame_salt
from stegnet.video.h264_levels import Parameters, read_levels
from tests.format import h264_by_the_book as book
from tests.format import make_h264_vectors as made_by
from tests.format.make_h264_vectors import ANSWERS, FOLDER

pytestmark = pytest.mark.slow

ANSWERED = json.loads((FOLDER / ANSWERS).read_text(encoding="utf-8"))
VECTORS = {vector["film"]: vector for vector in ANSWERED["vectors"]}
SECRET, HIDDEN = bytes.fromhex(ANSWERED["key"]), (ANSWERED["name"], ANSWERED["hidden"].encode())


@cache
def pictures(name: str) -> list[book.Pictures]:
    return book.groups_of_pictures(book.Film(FOLDER / name))


def test_each_vector_has_an_answer():
    assert {path.name for path in FOLDER.iterdir()} == {*VECTORS, "answers.json"}


@pytest.mark.parametrize("name", VECTORS)
def test_vectors(name):
    """The book reads them, and stegnet does; with another key, nothing opens."""
    altered = VECTORS[name]["answer"] == "altered"
    assert VECTORS[name]["groups"] == [
        {
            "carriers": len(group.samples),
            "samples": sha256(group.samples).hexdigest(),
            "salt": frame_salt(book.frame_of(group)).hex(),
            "context": group.context.hex(),
        }
        for group in made_by.groups(pictures(name))
    ]
    found = book.read_film(pictures(name), SECRET)
    assert [whole for _, whole in found] == [not altered] * len(VECTORS[name]["groups"])
    assert book.hidden_file([record for record, _ in found], SECRET) == HIDDEN
    assert book.read_film(pictures(name), bytes(32)) == []
    told = Session().info(FOLDER / name, key=Key(SECRET))
    assert (told["method"], told["whole"]) == ("h264", not altered)
    assert told["hidden_sha256"] == sha256(HIDDEN[1]).hexdigest()
    with pytest.raises(RevealError):
        Session().reveal(FOLDER / name, key=Key(bytes(32)))


def test_the_book_finds_a_group_where_a_film_was_cut():
    """Without its first group of pictures, the first group does not open, and the second one begins at the next."""
    (_, first), (second, whole) = book.read_film(pictures("cabac.mp4"), SECRET)
    assert first
    assert book.read_film(pictures("cabac.mp4")[1:], SECRET) == [(second, whole)]
    assert book.hidden_file([second], SECRET) == HIDDEN


@pytest.mark.parametrize("name", ["cabac.mp4", "cavlc.mp4", "baseline.mp4"])
def test_levels_of_slices(name):
    """Those that carry something and all others are what stegnet's reader finds, in the first pictures."""
    film = book.Film(FOLDER / name)
    ours, theirs = Parameters(), book.Parameters()
    for unit in (*film.sets, *(unit for picture in film.pictures[:12] for unit in picture)):
        ours.add(unit)
        theirs.take(unit)
        if unit[0] & 31 in book.SLICES:
            found = read_levels(ours, unit)
            columns = found.macroblock, found.kind, found.position, found.block, found.value, found.intra
            expected = list(zip(*(column.tolist() for column in columns), strict=True))
            assert [tuple(level) for level in theirs.levels(unit)] == expected


@pytest.mark.parametrize("name", ["cavlc.mp4", "baseline.mp4"])
def test_the_book_reads_what_stegnet_hides(tmp_path: Path, name: str):
    Session().hide(FOLDER / name, b"another file", tmp_path / name, key=Key(SECRET), method="h264")
    found = book.read_film(book.groups_of_pictures(book.Film(tmp_path / name)), SECRET)
    assert [whole for _, whole in found] == [True]
    assert book.hidden_file([record for record, _ in found], SECRET) == ("secret", b"another file")


def test_the_altered_vector_is_made_of_another(tmp_path: Path):
    made_by.alter(FOLDER / f"{made_by.ALTERED}.mp4", tmp_path / "altered.mp4")
    assert (tmp_path / "altered.mp4").read_bytes() == (FOLDER / "altered.mp4").read_bytes()
