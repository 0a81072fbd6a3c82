"""The test vectors of docs/format.md."""

import re
from pathlib import Path

from stegnet.codec import Header, open_header, seal_header
from stegnet.scramble import draw

TEXT = Path(__file__, "../../../docs/format.md").resolve().read_text().partition("## Test vectors")[2]
FILM_ID = bytes(range(0xA0, 0xB0))


def vector(name: str) -> bytes:
    item = TEXT.partition(name)[2].partition("\n- ")[0]
    return bytes.fromhex("".join(re.findall(r"`([0-9a-f]{20,})`", item)))


def test_subkeys(key):
    assert key.record() == vector("record key")
    assert key.shuffle(FILM_ID, 5) == vector("shuffle key of frame 5")


def test_shuffle(key):
    permutation, orientation = re.findall(r"`(\d(?: \d){5})`", TEXT)
    shuffle = draw(key.shuffle(FILM_ID, 5), 2, 3)
    assert shuffle.permutation.tolist() == [int(n) for n in permutation.split()]
    assert shuffle.orientation.tolist() == [int(n) for n in orientation.split()]


def test_header(key):
    header = Header(FILM_ID, 640, 360, 8, "00" * 32)
    sealed = vector("a picture's header (640×360, blocks of 8, weights `00 … 00`), sealed:")
    assert seal_header(header, key, lambda count: bytes(range(0xB0, 0xB0 + count))) == sealed
    assert open_header(sealed, key) == header
