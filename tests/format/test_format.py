"""The test vectors of docs/format.md: its values, and the containers in `vectors`."""

import json
import random
import re
import zlib
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from stegnet.core.errors import RevealError
from stegnet.core.samples import Base
from stegnet.core.shuffle import draw
from stegnet.keys import Key, Passphrase
from stegnet.keys.keys import KeyRing, film_key
from stegnet.media import read_frames, read_picture, read_sound
from stegnet.methods.network import Network, reveal_film, reveal_picture, run_of
from stegnet.methods.sealed import reveal_bytes
from stegnet.methods.sealed.extract import extract_file
from stegnet.record.base import least_base
from stegnet.record.container import Container
from stegnet.record.diagnosis import Diagnosis
from stegnet.record.record import PICTURE, Header, Pictures, Record, format_record, parse_record
from stegnet.results import OutputTarget
from stegnet.sealing import trellis
from stegnet.sealing.carriers import frame_salt
from stegnet.sealing.costs import texture_costs
from stegnet.sealing.seal import SealOptions, UnsealedRecord, room, seal, unseal
from tests.format import by_the_book, make_vectors, seal_by_the_book, vector_parts
from tests.format.by_the_book import FILM_ID, FILM_SECRET, NONCE, SECRET
from tests.format.make_vectors import ANSWERS, FOLDER
from tests.support.pairs import FiveLevels, FivePhases, network_of

PAGE = Path(__file__, "../../../docs/format.md").resolve().read_text(encoding="utf-8")
TEXT = PAGE.partition("## Test vectors")[2]
VECTORS = json.loads((FOLDER / ANSWERS).read_text(encoding="utf-8"))["vectors"]
PICTURES = [vector for vector in VECTORS if vector["file"].endswith(".png")]
FILMS = [vector for vector in VECTORS if vector["file"].endswith(".mkv") and "base" in vector]
SPREAD = [vector for vector in VECTORS if vector["file"].startswith("spread")]
KINDS = ("altered", "unreadable", "lost", "moved", "repeated", "foreign")
SIZES = [(1, 228), (24, 20), (33, 47), (92, 93)]  # the last has groups of two


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


def network(vector: dict) -> Network:
    """The ideal one."""
    pair = FivePhases() if vector.get("period") else FiveLevels()
    return network_of(pair, vector.get("base", "none"), 50)


@pytest.fixture
def record(key) -> bytes:
    described = Pictures(97, 61, 1, 1, 1, "none", 8, "5e" * 32)
    return format_record(Record(Header(FILM_ID, PICTURE, 1, described), 0), key)


@pytest.fixture
def grey() -> np.ndarray:
    return np.full((40, 48, 3), 128, np.uint8)


def test_keys(key, grey):
    salt = frame_salt(grey)
    assert f"whose salt is `{salt.hex()}`" in TEXT
    assert key.lead(salt) == value("lead")
    assert key.record(salt) == value("record")
    assert key.positions(salt) == value("positions")
    assert key.mac(salt) == value("MAC")
    assert key.shuffle(FILM_ID, 5) == value("shuffle of frame 5")
    assert key.commitment(FILM_ID) == by_the_book.hmac.digest(value("commitment"), FILM_ID, "sha256")
    by_passphrase, of_film = value("frame key of the passphrase `zwei Käse`"), value("film key of the film secret")
    assert Passphrase("zwei Käse").derive(salt).lead(salt) == Key(by_passphrase).lead(salt)
    assert film_key(FILM_SECRET).lead(salt) == Key(of_film).lead(salt)


def test_shuffle(key):
    permutation, turns = re.search(r"permutation `([\d ]+)`, bytes modulo 16 `([\d ]+)`", TEXT).groups()
    shuffle = draw(key.shuffle(FILM_ID, 5), 2, 3)
    assert shuffle.permutation.tolist() == numbers(permutation)
    assert (shuffle.orientation + 8 * shuffle.negative).tolist() == numbers(turns)
    assert any(shuffle.negative)


def test_record(key, record):
    plain = value("Record of a picture of 97×61, alone in its container, blocks of 8, no base, weights `5e 5e … 5e`")
    assert record == plain
    assert len(plain) == 136
    assert format_record(parse_record(plain, key), key) == plain


def test_sealed_record(key, record, grey):
    container = by_the_book.write(grey, record, SECRET, NONCE, code=3)
    lead, code = value("Its lead, with h = 3"), value("The record, sealed")
    assert by_the_book.read_lead(container, SECRET)[0] == lead
    assert lead[:12] == NONCE
    count, lanes, rows, wide, most, width, first = re.search(
        r"trits, (\d+) in (\d+) lanes of (\d+) rows, of which (\d+) have (\d+) sums of one element, the "
        r"others (\d+), begin\s+with\s+`([012]+)`",
        TEXT,
    ).groups()
    trits = trellis.to_trits(code)
    assert "".join(map(str, trits[: len(first)])) == first
    plan = trellis.layout(trits.size, len(by_the_book.zones(grey, SECRET).record), 3)
    assert numbers(f"{count} {lanes} {rows} {wide} {width}") == [
        trits.size, plan.lanes, plan.rows, plan.wide, plan.width
    ]  # fmt: skip
    assert (plan.width + 1, plan.merged) == (int(most), 1)
    mac, digest = re.search(r"MAC of the container.*?`([0-9a-f]{32})`.*?`([0-9a-f]{64})`", TEXT, re.DOTALL).groups()
    assert seal_by_the_book.make_mac(container, SECRET).hex() == mac
    assert by_the_book.digest(container.tobytes()) == digest
    assert unseal(container, KeyRing(key), first=True) == UnsealedRecord(record, True)


def test_zones(grey):
    zones = by_the_book.zones(grey, SECRET)
    for name, samples in (("lead", zones.lead), ("MAC", zones.mac), (f"record, {len(zones.record):,}", zones.record)):
        (row,) = re.findall(rf"\n\| {name}(?: in all)? \| `([\d ]+)`", TEXT)
        assert numbers(row) == samples[:8]
    assert numbers(re.search(r"sides `([01 ]+)`", TEXT)[1]) == zones.sides[:8]


def test_columns():
    rows = re.findall(r"\n\| (\d) \| ([\d ]+) \|(?=\n)", PAGE)
    assert {int(height): tuple(numbers(row)) for height, row in rows} == trellis.COLUMNS
    assert {height: list(row) for height, row in trellis.COLUMNS.items()} == seal_by_the_book.COLUMNS


def test_smallest_pictures():
    found = re.search(r"is (\d+)×\1\s+pixels without a base, (\d+)×\2 with means, and (\d+)×\3 with a coded", PAGE)
    for kind, side in zip(("none", "means", "coded"), map(int, found.groups()), strict=True):
        needed = [136 + least_base(kind, size // 8 * 8, size // 8 * 8) for size in (side - 1, side)]
        assert room(side - 1, side - 1) < needed[0]
        assert room(side, side) >= needed[1]
    assert room(1, 227) < 0 <= room(1, 228)  # 681 and 684 samples


def covers(height: int, width: int) -> dict[str, np.ndarray]:
    draw = random.Random(width)
    noise = np.frombuffer(draw.randbytes(3 * height * width), np.uint8).reshape(height, width, 3)
    flat = {name: np.full((height, width, 3), level, np.uint8) for name, level in (("black", 0), ("white", 255))}
    return {"noise": noise, "contrasts": noise // 64 * 85, **flat}


@pytest.mark.parametrize("height", trellis.HEIGHTS)
def test_stegnet_reads_what_the_book_writes(key, height):
    """tests/sealing/test_seal.py has the other way round."""
    draw, ring = random.Random(height), KeyRing(key)
    for size in SIZES:
        for name, cover in covers(*size).items():
            data = draw.randbytes(draw.choice([0, room(*size) // 10, room(*size)]))
            refreshed = by_the_book.with_dummies(cover, draw, 0.3)
            container = by_the_book.write(refreshed, data, SECRET, draw.randbytes(12), code=height)
            assert unseal(container, ring, first=True) == UnsealedRecord(data, True), (size, name)
            greens = [sample for sample in by_the_book.zones(refreshed, SECRET).record if sample % 3 == 1]
            most = seal_by_the_book.largest_record(len(greens))
            if most >= 0:
                data = data[:most]
                container = by_the_book.write(refreshed, data, SECRET, draw.randbytes(12), code=16 + height)
                assert unseal(container, ring, first=True) == UnsealedRecord(data, True), (size, name)


@pytest.mark.slow
def test_the_book_reads_films_by_passphrase():
    draw, cover = random.Random(1), covers(33, 47)["noise"]
    keys = Passphrase("zwei Käse").new_keys(draw.randbytes)
    frames = [cover.copy() for _ in range(3)]
    for index, frame in enumerate(frames):
        seal(frame, bytes([index]), keys, draw.randbytes(32), texture_costs(cover), SealOptions(index == 0))
    assert by_the_book.read_film(frames, "zwei Käse") == [(bytes([index]), True) for index in range(3)]
    assert by_the_book.read_film(frames[1:], "zwei Käse") == [None, None]


def test_the_book_unmasks_what_stegnet_masks(key):
    """A network with a period; in a picture of all levels, samples near both ends among them."""
    height, width = 40, 48
    secret, cover = vector_parts.secret(height, width), covers(height, width)["noise"]
    base, shuffle_key = vector_parts.no_base(height, width), key.shuffle(FILM_ID, 0)
    pair = network({"period": vector_parts.PERIOD})
    container = pair.hide(cover, secret, draw(shuffle_key, 5, 6), Base.grey(height, width)).container
    masked = (container - by_the_book.draw_mask(shuffle_key, height, width) * vector_parts.PERIOD) % vector_parts.PERIOD
    wanted = by_the_book.shuffle(
        vector_parts.levels_of(secret, base), *by_the_book.draw_shuffle(shuffle_key, 30), width // 8
    )
    np.testing.assert_array_equal(masked // 3.2 - 2, wanted)
    assert (masked % 3.2 > 1.05).all() and (masked % 3.2 < 2.15).all()
    by_book = vector_parts.hide_masked(cover, secret, base, shuffle_key)
    np.testing.assert_array_equal(container, by_book)


@pytest.mark.parametrize("vector", PICTURES, ids=title)
def test_picture(vector):
    container = read_picture(FOLDER / vector["file"])
    if vector["answer"] == "nothing":
        with pytest.raises(RevealError, match="nothing can be revealed"):
            reveal_picture(network(vector), container, unlocking(vector))
        return
    if "base" not in vector:
        assert [by_the_book.digest(reveal_bytes(container, unlocking(vector)))] == vector["shown"]
        return
    revealed = reveal_picture(network(vector), container, unlocking(vector))
    assert revealed.whole == (vector["answer"] == "whole")
    assert [by_the_book.digest(revealed.picture.tobytes())] == vector["shown"]


@pytest.mark.slow
@pytest.mark.parametrize("vector", FILMS, ids=title)
def test_film(tmp_path, vector):
    container, out = FOLDER / vector["file"], OutputTarget(tmp_path / "out.mkv", force=True)
    reveal = partial(reveal_film, container, out, unlocking(vector), run=run_of(network(vector)))
    if vector["answer"] == "nothing":
        with pytest.raises(RevealError, match="nothing can be revealed"):
            reveal()
        return
    with Container(container, unlocking(vector)) as opened:
        found = opened.inspect().diagnosis
    assert {kind: list(getattr(found, kind)) for kind in KINDS if getattr(found, kind)} == vector["said"]
    report = reveal()
    said = {kind: tuple(indices) for kind, indices in vector["said"].items()}
    assert report.trouble == Diagnosis((), **said).lines()
    assert [by_the_book.digest(frame.tobytes()) for frame in read_frames(out.path)] == vector["shown"]
    assert by_the_book.digest(b"".join(packet.data for packet in read_sound(out.path))) == vector["sound"]
    assert report.trouble or vector["answer"] == "whole"


@pytest.mark.parametrize("vector", SPREAD, ids=title)
def test_spread_file(tmp_path, vector):
    container, out, key = FOLDER / vector["file"], OutputTarget(tmp_path / "out"), unlocking(vector)
    if vector["answer"] == "nothing":
        with pytest.raises(RevealError, match="nothing can be revealed"):
            extract_file(container, out, key)
        return
    with Container(container, key) as opened:
        found = opened.inspect().diagnosis
    assert {kind: list(getattr(found, kind)) for kind in KINDS if getattr(found, kind)} == vector["said"]
    if vector["answer"] == "lost":
        with pytest.raises(RevealError, match="the file needs 3 of its 6 frames, and 2 can be read"):
            extract_file(container, out, key)
        return
    report = extract_file(container, out, key)
    assert [by_the_book.digest(out.path.read_bytes())] == vector["shown"]
    assert bool(report.trouble) == (vector["answer"] == "altered")


@pytest.mark.slow
def test_made_again_they_are_the_same():
    again = make_vectors.all_vectors()
    assert [make_vectors.described(vector) for vector in again] == VECTORS
    assert {vector["file"] for vector in VECTORS} | {ANSWERS} == {path.name for path in FOLDER.iterdir()}
    if zlib.crc32(zlib.compress(bytes(range(256)) * 3, 9)) != 0xD1A4D1E6:
        pytest.skip("this zlib compresses otherwise")
    for vector in again:
        path = FOLDER / vector.file
        frames = [read_picture(path)] if path.suffix == ".png" else list(read_frames(path))
        if "truncated" not in vector.file:
            assert len(frames) == len(vector.frames)
        for frame, wanted in zip(frames, vector.frames, strict=False):
            np.testing.assert_array_equal(frame, wanted, vector.file)
