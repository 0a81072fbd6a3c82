"""JPEG containers: stegnet and the book read what the other writes, and the vectors."""

import json
from pathlib import Path

import pytest

from stegnet import Session
from stegnet.keys import Key
from tests.format import make_jpeg_vectors as made_by
from tests.format import seal_by_the_book as book
from tests.format.by_the_book import SECRET, digest, file_record
from tests.format.jpeg_by_the_book import Coefficients

VECTORS = json.loads((made_by.FOLDER / made_by.ANSWERS).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", VECTORS)
def test_vectors(name):
    found = Session().info(made_by.FOLDER / name, key=Key(SECRET))
    assert found["method"] == "jpeg"
    assert found["whole"] is (VECTORS[name] != "altered")
    assert found["hidden_sha256"] == digest(made_by.DATA)


def test_the_book_writes_the_vectors(tmp_path: Path):
    assert made_by.containers(tmp_path) == VECTORS
    for name in VECTORS:
        assert (tmp_path / name).read_bytes() == (made_by.FOLDER / name).read_bytes()


@pytest.mark.parametrize("kind", made_by.KINDS)
def test_the_book_reads_what_stegnet_writes(tmp_path: Path, kind: str):
    (tmp_path / "cover.jpg").write_bytes(made_by.cover(kind))
    (tmp_path / "note.txt").write_bytes(made_by.DATA)
    out = tmp_path / "out.jpg"
    Session().hide(tmp_path / "cover.jpg", tmp_path / "note.txt", to=out, key=Key(SECRET))
    read = Coefficients(out, made_by.KINDS[kind][0])
    record, whole = book.read(read.samples, SECRET, context=read.context)
    assert whole
    assert record[16:] == file_record(SECRET, record[:16], made_by.NAME, made_by.DATA)[16:]
