"""The test vectors of docs/format.md: its values, and the containers in `vectors`."""

import json
import re
import zlib
from pathlib import Path

import numpy as np
import pytest

from stegnet.codec import Key, Passphrase, reveal_film, reveal_picture
from stegnet.codec.container import Container
from stegnet.codec.diagnosis import Diagnosis
from stegnet.codec.record import PICTURE, Header, Pictures, Record, format_record, parse_record
from stegnet.codec.seal import UnsealedRecord, seal, unseal
from stegnet.core.errors import RevealError
from stegnet.core.shuffle import draw
from stegnet.media import read_frames, read_picture, read_sound
from tests.codec import by_the_book, make_vectors
from tests.codec.by_the_book import FILM_ID, NONCE, SALT, SECRET
from tests.codec.make_vectors import ANSWERS, FOLDER

TEXT = Path(__file__, "../../../docs/format.md").resolve().read_text(encoding="utf-8").partition("## Test vectors")[2]
VECTORS = json.loads((FOLDER / ANSWERS).read_text(encoding="utf-8"))["vectors"]
PICTURES = [vector for vector in VECTORS if vector["file"].endswith(".png")]
FILMS = [vector for vector in VECTORS if vector["file"].endswith(".mkv")]
KINDS = ("altered", "unreadable", "lost", "moved", "repeated", "foreign")


def value(name: str) -> bytes:
    """The hexadecimal digits that follow a name."""
    found = re.search(rf"\n[|-] {re.escape(name)}(?: \||:)((?:\s*`[0-9a-f]{{20,}}`)+)", TEXT)
    assert found, name
    return bytes.fromhex("".join(re.findall("[0-9a-f]{20,}", found[1])))


def numbers(text: str) -> list[int]:
    return [int(number) for number in text.split()]


def title(vector: dict) -> str:
    return f"{vector['file']}-{vector['answer']}"


def unlocking(vector: dict) -> Key | Passphrase:
    return Key(bytes.fromhex(vector["key"])) if "key" in vector else Passphrase(vector["passphrase"])


@pytest.fixture
def record(key) -> bytes:
    described = Pictures(97, 61, 1, 1, 1, False, 8, "5e" * 32)
    return format_record(Record(Header(FILM_ID, PICTURE, 1, described), 0), key)


@pytest.fixture
def grey(key, record) -> np.ndarray:
    picture = np.full((40, 48, 3), 128, np.uint8)
    seal(picture, record, key, NONCE, SALT)
    return picture


def test_keys(key):
    assert key.lead() == value("lead")
    assert key.record() == value("record")
    assert key.positions() == value("positions of lead and MAC")
    assert key.positions(NONCE) == value("positions of the record")
    assert key.mac() == value("MAC")
    assert key.shuffle(FILM_ID, 5) == value("shuffle of frame 5")
    commitment = by_the_book.hmac.digest(value("commitment"), FILM_ID, "sha256")
    assert key.commitment(FILM_ID) == commitment
    assert Passphrase("zwei Käse").unlock(SALT).record() == Key(value("of the passphrase `zwei Käse`")).record()


def test_shuffle(key):
    permutation, turns = re.search(r"permutation `([\d ]+)`, bytes modulo 16 `([\d ]+)`", TEXT).groups()
    shuffle = draw(key.shuffle(FILM_ID, 5), 2, 3)
    assert shuffle.permutation.tolist() == numbers(permutation)
    assert (shuffle.orientation + 8 * shuffle.negative).tolist() == numbers(turns)
    assert any(shuffle.negative)


def test_record(key, record):
    plain = value(
        "Record of a picture of 97×61, alone in its container, blocks of 8, no detail layer, weights `5e 5e … 5e`"
    )
    assert record == plain
    assert len(plain) == 136
    assert format_record(parse_record(plain, key), key) == plain


def test_sealed_bits(key, record, grey):
    lead, sealed, mac = value("Its lead"), value("The record, sealed"), TEXT.partition("- MAC of")[2]
    bits = grey.reshape(-1) & 1
    lead_places, mac_places = by_the_book.lead_and_mac_places(grey.size, SECRET)
    record_places = by_the_book.record_places(grey.size, SECRET, NONCE, len(sealed))
    assert bits[by_the_book.salt_places(grey.size)].tolist() == by_the_book.bits_of(SALT)
    assert bits[[place for place, _ in lead_places]].tolist() == by_the_book.bits_of(lead)
    assert bits[[place for place, _ in record_places]].tolist() == by_the_book.bits_of(sealed)
    wanted = re.findall("`([0-9a-f]{32,64})`", mac)
    assert by_the_book.bytes_of(bits[[place for place, _ in mac_places]].tolist()).hex() == wanted[0]
    assert by_the_book.digest(grey.tobytes()) == wanted[1]
    assert unseal(grey, key) == UnsealedRecord(record, True)


def test_places(grey):
    """As the table has them, and as an even picture shows them."""
    lead, mac = by_the_book.lead_and_mac_places(grey.size, SECRET)
    record = by_the_book.record_places(grey.size, SECRET, NONCE, 152)
    for name, places in (("lead", lead), ("MAC", mac), ("record below", record)):
        (row,) = re.findall(rf"\n\| {name} \| `([\d+− ]+)` \|", TEXT)
        assert row.split() == [f"{place}{'+' if sign == 1 else '−'}" for place, sign in places[:6]]
        for place, sign in places[:6] if name != "MAC" else ():
            assert grey.reshape(-1)[place] in (128, 128 + sign)
    (row,) = re.findall(r"\n\| salt \| `([\d ]+)` \|", TEXT)
    assert numbers(row) == by_the_book.salt_places(grey.size)[:6]


@pytest.mark.parametrize("vector", PICTURES, ids=title)
def test_picture(vector):
    container = read_picture(FOLDER / vector["file"])
    network = make_vectors.network(detail=False)
    if vector["answer"] == "nothing":
        with pytest.raises(RevealError, match="nothing can be revealed"):
            reveal_picture(network, container, unlocking(vector))
        return
    revealed = reveal_picture(network, container, unlocking(vector))
    assert revealed.whole == (vector["answer"] == "whole")
    assert [by_the_book.digest(revealed.picture.tobytes())] == vector["shown"]


@pytest.mark.parametrize("vector", FILMS, ids=title)
def test_film(tmp_path, vector):
    container, network, out = FOLDER / vector["file"], make_vectors.network(detail=False), tmp_path / "out.mkv"
    if vector["answer"] == "nothing":
        with pytest.raises(RevealError, match="nothing can be revealed"):
            reveal_film(network, container, out, unlocking(vector))
        return
    with Container(container, unlocking(vector)) as opened:
        found = opened.inspect().diagnosis
    assert {kind: list(getattr(found, kind)) for kind in KINDS if getattr(found, kind)} == vector["said"]
    report = reveal_film(network, container, out, unlocking(vector))
    said = {kind: tuple(indices) for kind, indices in vector["said"].items()}
    assert report.trouble == Diagnosis((), **said).lines()
    assert [by_the_book.digest(frame.tobytes()) for frame in read_frames(out)] == vector["shown"]
    assert by_the_book.digest(b"".join(packet.data for packet in read_sound(out))) == vector["sound"]
    if vector["answer"] == "whole":
        reveal_film(network, container, out, unlocking(vector), strict=True)
    else:
        with pytest.raises(RevealError, match="not as it was hidden"):
            reveal_film(network, container, out, unlocking(vector), strict=True)


def test_they_are_small():
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 300_000


@pytest.fixture(scope="module")
def again() -> list[make_vectors.Vector]:
    return make_vectors.pictures() + make_vectors.films()


def test_made_again_they_are_the_same(again):
    if zlib.crc32(zlib.compress(bytes(range(256)) * 3, 9)) != 0xD1A4D1E6:
        pytest.skip("this zlib compresses otherwise")
    for vector in again:
        path = FOLDER / vector.file
        frames = [read_picture(path)] if path.suffix == ".png" else list(read_frames(path))
        if "truncated" not in vector.file:
            assert len(frames) == len(vector.frames)
        for frame, wanted in zip(frames, vector.frames, strict=False):
            np.testing.assert_array_equal(frame, wanted, vector.file)


def test_the_answers_match_the_generated_vectors(again):
    assert [make_vectors.described(vector) for vector in again] == VECTORS
    assert {vector["file"] for vector in VECTORS} | {ANSWERS} == {path.name for path in FOLDER.iterdir()}
