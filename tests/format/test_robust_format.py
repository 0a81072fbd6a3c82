"""Robust containers as docs/format.md says: the test vectors, each step, and real networks, against the book."""

import json
import random
import re
from pathlib import Path

import numpy as np
import pytest

from stegnet.core.jpeg import through_jpeg
from stegnet.core.samples import from_8_bits, to_8_bits
from stegnet.engines.engine import Pool
from stegnet.keys import Key, Passphrase
from stegnet.media import read_picture
from stegnet.methods import Run
from stegnet.methods.robust.channels import parse_channel
from stegnet.methods.robust.content import RobustFile, parse_content, read_robust
from stegnet.methods.robust.fec import Code, Coding
from stegnet.methods.robust.modem import Modem, Rung
from stegnet.methods.robust.parts import hide_tiled
from stegnet.methods.robust.reader import picture_reader
from stegnet.methods.robust.record import Blocks, coded_bits, content_room, dither_of
from stegnet.methods.robust.regions import robust_salts, textures
from stegnet.methods.robust.survival import Promise, choose_rung, hide_robust
from tests.format import code_by_the_book, make_robust_vectors
from tests.format import robust_by_the_book as book
from tests.format.make_robust_vectors import ANSWERS, FILE, FOLDER, LARGE, RANDOM, RUNGS, SMALL
from tests.format.seal_by_the_book import SECRET

pytestmark = pytest.mark.slow

TEXT = Path(__file__, "../../../docs/format.md").resolve().read_text(encoding="utf-8").partition("## Test vectors")[2]
VECTORS = json.loads((FOLDER / ANSWERS).read_text(encoding="utf-8"))["vectors"]
KEY = Key(SECRET)
SHIPPED = Modem.load(device="cpu")
OURS = Rung("small", 0, SMALL, 38.0, 1, 100), Rung("large", SMALL, LARGE, 38.0, 1, 100)


class IdealEngine:
    """Reads bits of the vectors' ideal modem."""

    backend, device, precision = "numpy", "cpu", "fp32"

    def reveal(self, container: np.ndarray, dither: np.ndarray) -> np.ndarray:
        return make_robust_vectors.reveal(to_8_bits(container), dither).astype(np.float32)

    def pool(self, pixels: int) -> Pool:
        return Pool(2)


IDEAL = Modem(IdealEngine(), "00" * 32, OURS)


def title(vector: dict) -> str:
    return f"{vector['file']}-{vector['answer']}"


def unlocking(vector: dict) -> Key | Passphrase:
    return Key(bytes.fromhex(vector["key"])) if "key" in vector else Passphrase(vector["passphrase"])


def check(vector: dict, found: object) -> None:
    """Compares what was read, name and bytes or a picture, with the answer."""
    if vector["answer"] == "nothing":
        assert found is None
    elif vector["answer"] == "file":
        assert found == (vector["name"].encode(), bytes.fromhex(vector["bytes"]))
    else:
        assert found.shape == (vector["height"], vector["width"], 3)
        assert found.mean((0, 1)) == pytest.approx(vector["means"], abs=0.6)  # decoders differ by rounding


@pytest.fixture(scope="module")
def made() -> dict[str, make_robust_vectors.Vector]:
    found = {f"{vector.name}.png": vector for vector in make_robust_vectors.vectors()}
    assert {path.name for path in FOLDER.iterdir()} == {*found, ANSWERS}
    return found


@pytest.mark.parametrize("vector", VECTORS, ids=title)
def test_vectors(made, vector):
    """They are those that the book writes; it reads them, and stegnet does."""
    picture, ours = read_picture(FOLDER / vector["file"]), made[vector["file"]]
    assert np.array_equal(picture, ours.picture)
    assert make_robust_vectors.answer(ours) == vector
    content = book.read(picture, make_robust_vectors.key_of(ours), RUNGS, make_robust_vectors.reveal)
    check(vector, None if content is None else book.parse(content, picture[..., 0].size))
    found = read_robust(IDEAL, picture, unlocking(vector))
    check(vector, (found.name.encode(), found.data) if isinstance(found, RobustFile) else found)


def test_values():
    cover = make_robust_vectors.cover()
    salt = next(book.salts(cover))
    keys, header = book.Keys(SECRET, salt), book.header_of(20, RANDOM)
    assert re.search(r"whose robust salt is\s+`([0-9a-f]+)`", TEXT)[1] == salt.hex()
    table = dict(re.findall(r"\n\| robust: ([a-z ]+) \| `([0-9a-f]{64})` \|", TEXT))
    assert table.keys() == {"dither", "places", "header mask", "order", "mask", "record"}
    for name, value in table.items():
        fresh = name in ("order", "mask", "record")
        assert keys.of(name.partition(" ")[0], header if fresh else b"").hex() == value
        ours = KEY.robust(name.partition(" ")[0].encode(), salt, *([header] if fresh else []))
        assert ours.hex() == value
    first = [int(number) for number in re.search(r"header's first elements are the bits `([\d ]+)`", TEXT)[1].split()]
    assert book.places(12, 16, SMALL, keys).header[: len(first)] == first
    sealed = re.search(r"Sealed record:\s+`([0-9a-f]+)`\s+`([0-9a-f]+)`", TEXT)
    assert book.seal(12, 16, SMALL, header, FILE, keys).hex() == sealed[1] + sealed[2]


def test_salts(picture):
    """Regions of means all over, many of them near an edge; no two equally near. The smallest pictures have none."""
    for shape in ((71, 50), (8, 200)):
        assert list(robust_salts(picture(*shape))) == list(book.salts(picture(*shape)))
    assert book.read(picture(7, 40), lambda salt: SECRET, RUNGS, make_robust_vectors.reveal) is None
    random = np.random.default_rng(1)
    for _ in range(20):
        lumas = 16 * random.integers(0, 16, (4, 4)) + random.integers(-2, 3, (4, 4))
        some = np.repeat(np.repeat(lumas.clip(0, 255), 16, 0), 16, 1)[..., None].repeat(3, 2).astype(np.uint8)
        for region, count in enumerate(random.choice(256, 16, replace=False)):
            y, x = divmod(region, 4)
            rows, cols = np.divmod(np.arange(count), 16)
            some[16 * y + rows, 16 * x + cols, 1] ^= 1
        some = np.pad(some, ((8, 8), (8, 8), (0, 0)))
        assert list(robust_salts(some)) == list(book.salts(some))


@pytest.mark.parametrize("rung", OURS, ids=lambda rung: rung.name)
@pytest.mark.parametrize("blocks", [1, 48, 49, 65, 192, 2000, 5000])
def test_places(rung, blocks):
    salt = bytes(range(16))
    theirs, ours = (
        book.places(1, blocks, rung.bits, book.Keys(SECRET, salt)),
        Blocks((1, blocks), rung, KEY, salt).places,
    )
    if theirs is None:
        assert content_room(blocks, rung, 20) < 1
    else:
        assert ours.header.tolist() == theirs.header
        for share in (0, 1, 2, 3, 4, 10, 18):
            header = book.header_of(0, RANDOM, share)
            assert ours.record(share, header).tolist() == theirs.used(header)


@pytest.mark.parametrize("rung", OURS, ids=lambda rung: rung.name)
@pytest.mark.parametrize("shape", [(1, 70), (7, 8), (12, 16), (40, 50)])
def test_places_by_texture(picture, rung, shape):
    """One picture has blocks without any texture, of which many are alike."""
    salt, area = bytes(range(16)), picture(8 * shape[0], 8 * shape[1], 3)
    area[: 4 * shape[0]] = 77
    found, keys = textures(area), book.Keys(SECRET, salt, textures=book.texture(area))
    assert found.reshape(-1).tolist() == keys.textures
    theirs, ours = book.places(*shape, rung.bits, keys), Blocks(shape, rung, KEY, salt, found).places
    assert ours.header.tolist() == theirs.header
    for share in (0, 1, 2, 3, 4, 10, 18):
        header = book.header_of(0, RANDOM, share)
        assert ours.record(share, header).tolist() == theirs.used(header)


@pytest.mark.parametrize("rate", [1, 9, 10, 16, 28, 29, 35, 36, 44, 45, 58])
def test_codes(rate):
    coding, theirs = Coding(3001, rate), code_by_the_book.Coding(3001, rate)
    assert coding.room == theirs.room
    message = np.random.default_rng(rate).integers(0, 2, coding.room).astype(np.uint8)
    coded = coding.encode(message)
    assert coded.tolist() == theirs.encode(message.tolist())
    noisy = 5 * (2.0 * coded - 1) + np.random.default_rng(0).normal(0, 1, coded.size)
    assert theirs.decode(noisy) == coding.decode(noisy).tolist() == message.tolist()
    header = np.random.default_rng(rate).integers(0, 2, 64).astype(np.uint8)
    assert Code(384, 64, 10).encode(header).tolist() == code_by_the_book.HEADER.encode(header.tolist())


@pytest.mark.parametrize("rung", OURS, ids=lambda rung: rung.name)
@pytest.mark.parametrize(("rate", "share"), [(8, 0), (20, 0), (58, 0), (58, 1), (58, 3), (58, 4), (58, 10)])
def test_carried_bits(rung, rate, share):
    salt, shape, header = bytes(range(16)), (12, 16), book.header_of(rate, RANDOM, share)
    keys = book.Keys(SECRET, salt)
    assert content_room(192, rung, rate, share) == book.room(192, rung.bits, header)
    content = b"\2" * min(content_room(192, rung, rate, share), 200)
    bits = coded_bits(Blocks(shape, rung, KEY, salt), rate, content, RANDOM, share)
    assert bits.reshape(-1).tolist() == book.carried(*shape, rung.bits, header, content, keys)
    assert np.allclose(dither_of(shape, KEY, salt) / 65536, keys.dither(*shape), atol=1e-7)


@pytest.mark.parametrize(("height", "width", "scale"), [(22, 34, 4), (11, 17, 0), (13, 20, 1), (62, 96, 10)])
def test_pictures(height, width, scale):
    """The coded picture has 11 rows and 17 columns."""
    content = make_robust_vectors.content(make_robust_vectors.picture_body(height, width, scale), 1)
    theirs = book.parse(content, 1000)
    assert theirs.shape == (height, width, 3)
    assert abs(parse_content(content, 1000).astype(int) - theirs).max() <= 3  # decoders and resizing round


def by_networks(area: np.ndarray, dither: np.ndarray) -> np.ndarray:
    return SHIPPED.engine.reveal(from_8_bits(area), dither.astype(np.float32))


@pytest.mark.parametrize(("channel", "quality"), [("jpeg:75", 75), ("jpeg:90", 92)])
def test_the_book_reads_what_stegnet_hides(picture, channel, quality):
    modem, cover = SHIPPED, picture(163, 170, 3)
    rung = choose_rung(modem.rungs, parse_channel(channel), 38.0)
    found = hide_robust(modem, cover, lambda room: FILE, KEY, Promise(parse_channel(channel), rung))
    received = through_jpeg(found.picture, quality)
    bits = [each.bits for each in modem.rungs]
    assert book.parse(book.read(received, lambda salt: SECRET, bits, by_networks), 0) == (b"note.txt", b"at eight")


def test_the_book_reads_a_part_of_what_stegnet_hides(picture):
    """The place in the map is drawn first: rows, then columns."""
    cover, channel = picture(560, 540, 3), parse_channel("jpeg:80+crop:0.6")
    rung = choose_rung(SHIPPED.rungs, parse_channel("jpeg:75"), 38.0)
    run = Run(randomness=random.Random(1).randbytes)
    found = hide_tiled(SHIPPED, cover, lambda room: FILE, KEY, Promise(channel, rung, None), run)
    drawn = random.Random(1)
    row, col = (int.from_bytes(drawn.randbytes(2), "big") for _ in range(2))
    received = through_jpeg(np.ascontiguousarray(found.picture[100:440, 37:370]), 82)[4:, 3:]
    place = ((row + 13) % 512, (col + 5) % 512)
    content = book.read_part(received, SECRET, [each.bits for each in SHIPPED.rungs], by_networks, place)
    assert book.parse(content, 0) == (b"note.txt", b"at eight")


def test_stegnet_reads_what_the_book_hides(picture):
    modem, cover = SHIPPED, picture(163, 170, 3)
    rung = choose_rung(modem.rungs, parse_channel("jpeg:75"), 38.0)
    salt = next(book.salts(cover))
    keys, shape = book.Keys(SECRET, salt), (20, 21)
    carried = book.carried(*shape, rung.bits, book.header_of(5, RANDOM), FILE, keys)
    bits = np.zeros((*shape, modem.bits), np.float32)
    bits[..., rung.places] = 2.0 * np.reshape(carried, (*shape, rung.bits)) - 1
    container = modem.hide(np.ascontiguousarray(book.area_of(cover)), bits, keys.dither(*shape).astype(np.float32))
    whole = cover.copy()
    book.area_of(whole)[:] = container
    assert picture_reader(modem, KEY)(through_jpeg(whole, 75)).content.startswith(FILE)
