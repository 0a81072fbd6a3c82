"""Albums: stegnet and the book read what the other writes, and the vectors."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stegnet import RevealError, Session
from stegnet.keys import Key, Passphrase
from stegnet.media import read_picture
from tests.format import make_album_vectors as made_by
from tests.format.album_by_the_book import Page, joined, read_page
from tests.format.by_the_book import SECRET, digest
from tests.format.jpeg_by_the_book import Coefficients

VECTORS = json.loads((made_by.FOLDER / made_by.ANSWERS).read_text(encoding="utf-8"))


def page_of(path: Path, key: bytes | None = SECRET) -> Page | None:
    return read_page(read_picture(path), key, made_by.PASSPHRASE)


def key_of(name: str) -> Key | Passphrase:
    given = VECTORS[name]["key"]
    return Passphrase(given) if given == made_by.PASSPHRASE else Key(bytes.fromhex(given))


@pytest.mark.parametrize("name", VECTORS)
def test_vectors(name):
    folder, answer = made_by.FOLDER / name, VECTORS[name]["answer"]
    key = None if VECTORS[name]["key"] == made_by.PASSPHRASE else SECRET
    read = joined([page_of(path, key) for path in folder.iterdir()])
    assert (digest(read) if read else "nothing") == answer
    if answer == "nothing":
        with pytest.raises(RevealError, match=r"the album needs (4|all) of its"):
            Session().reveal(folder, key=key_of(name))
        return
    found = Session().reveal(folder, key=key_of(name))
    assert (found.name, digest(found.data)) == ("big.bin", answer)


def test_the_book_writes_the_vectors(tmp_path: Path):
    assert made_by.albums(tmp_path) == VECTORS
    for path in tmp_path.rglob("*.png"):
        assert np.array_equal(read_picture(path), read_picture(made_by.FOLDER / path.relative_to(tmp_path)))


@pytest.mark.parametrize("enough", [None, 2])
def test_the_book_reads_what_stegnet_writes(tmp_path: Path, picture, enough: int | None):
    """PNG and JPEG in one album."""
    covers, out = tmp_path / "covers", tmp_path / "out"
    covers.mkdir()
    for number in range(2):
        Image.fromarray(picture(64 + 9 * number, 80, number)).save(covers / f"{number}.png")
    Image.fromarray(picture(120, 160, 5)).save(covers / "2.jpg", quality=90, subsampling="4:4:4")
    (tmp_path / "big.bin").write_bytes(made_by.DATA)
    Session().hide_album(covers, tmp_path / "big.bin", out, key=Key(SECRET), enough=enough)
    pages = [page_of(out / f"{number}.png") for number in range(2)]
    jpeg = Coefficients(out / "2.jpg", [(1, 1)] * 3)
    pages.append(read_page(jpeg.samples, SECRET, "", jpeg.context))
    assert sorted(page.index for page in pages) == [0, 1, 2]
    assert joined(pages) == made_by.DATA
    assert (joined(pages[1:]) == made_by.DATA) is (enough == 2)
