"""One frame: what is hidden in each of its blocks, records that lie, and the room that it needs."""

import zlib
from dataclasses import replace
from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from stegnet import CapacityError
from stegnet.core.shuffle import apply, draw
from stegnet.keys import SYSTEM, ContainerKeys, Key, KeyRing
from stegnet.media import SoundPacket, SoundTrack, resize
from stegnet.methods.network import FrameInput, Network, check_cover, hide_frame, reveal_frame
from stegnet.record import KINDS, File, FrameReading, Header, Pictures, Record, format_record, read_record
from stegnet.record.sound import format_packets
from tests.support.pairs import SHRUNK, FiveLevels, network_of
from tests.support.sealing import FILM_ID, forged, sealed

TRACK = SoundTrack("pcm_s16le", Fraction(1, 1000), 8000, "mono", b"", b"")
PACKETS = format_packets([SoundPacket(0, 0, 0, 20, True, b"sound")])
SEED = bytes(32)


@pytest.fixture
def keys(key) -> ContainerKeys:
    return key.new_keys(SYSTEM)


def based(base: str, block: int = 8) -> Network:
    """Five levels of what a base leaves."""
    return network_of(FiveLevels(), base, 60, block)


def read(container: np.ndarray, key: Key) -> FrameReading:
    return read_record(container, KeyRing(key), first=True)


def header(network: Network, height: int, width: int, block: int = 8, **fields) -> Header:
    one = Fraction(1)
    described = Pictures(width, height, 1, one, one, network.base, block, network.weights)
    return Header(FILM_ID, "film", 3, replace(described, **fields))


def with_header(reading: FrameReading, header: Header) -> FrameReading:
    return replace(reading, record=replace(reading.record, header=header))


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def spread(means: np.ndarray) -> np.ndarray:
    return np.kron(means, np.ones((8, 8, 1)))


def means_of(picture: np.ndarray) -> np.ndarray:
    rows, cols = picture.shape[0] // 8, picture.shape[1] // 8
    return picture.astype(float).reshape(rows, 8, cols, 8, 3).mean((1, 3))


@pytest.mark.parametrize("base", KINDS)
@pytest.mark.parametrize("size", [(40, 48, 8), (61, 97, 8), (61, 97, 16), (70, 90, 32)], ids=str)
def test_a_frame_is_the_definition(keys, key, picture, size, base):
    """Level by level; tests/format says where the record is."""
    (height, width, block), network = size, based(base, size[2])
    cover, secret = noise(height, width), picture(height, width, 2)
    rows, cols = height // block, width // block
    high, wide = rows * block, cols * block
    record = Record(header(network, 30, 20, block), 0, 5)
    container = hide_frame(network, keys, cover, FrameInput(secret, record, SEED))

    reading = read(container, key)
    assert reading.whole
    assert replace(reading.record, base=b"") == record

    stretched = resize(secret, high, wide)
    decoded, gain = reading.base.picture.astype(float), reading.base.gain
    if base == "means":
        assert np.abs(decoded[::8, ::8] - means_of(stretched)).max() <= 0.5 + 1e-4
    elif base == "coded":
        assert np.square(decoded - stretched).mean() < 60
    rest = np.clip((stretched - decoded) * gain / 255, -0.5, 0.5)
    if base != "none":
        assert (((stretched - decoded) * gain / 255) ** 2).mean() ** 0.5 == pytest.approx(0.1, rel=0.05)

    shuffle = draw(key.shuffle(FILM_ID, 0), rows, cols)
    shown = np.rint((apply(rest, shuffle) + 0.5) * 4)
    area = container[:high, :wide]
    clear = np.abs((rest + 0.5) * 4 % 1 - 0.5) > 1e-4
    clear = np.abs(apply(clear.astype(int), shuffle)) == 1
    np.testing.assert_array_equal((area % 16 // 3)[clear], shown[clear])
    np.testing.assert_array_equal(area // 16, cover[:high, :wide] // 16)
    margin = np.ones((height, width), bool)
    margin[:high, :wide] = False
    assert np.abs(container[margin].astype(int) - cover[margin]).max(initial=0) <= 2

    kept = (np.rint((rest + 0.5) * 4) / 4 - 0.5) * SHRUNK
    expected = np.rint((kept * 255 / gain + decoded).clip(0, 255))
    revealed = reveal_frame(network, key, container, with_header(read(container, key), record.header))
    assert revealed.shape == (30, 20, 3)
    full = replace(record.header, secret=replace(record.header.secret, width=wide, height=high))
    revealed = reveal_frame(network, key, container, with_header(read(container, key), full))
    assert (np.abs(revealed - expected) > 1).mean() < 0.002, "but for what falls between two levels"


def packed(rows: int, cols: int) -> bytes:
    """A gain, and block means."""
    return bytes([40]) + zlib.compress(bytes(3 * rows * cols))


def test_a_record_of_which_any_part_is_wrong_is_none(key):
    """Sealed with the right key: even its holder can't make a reader stumble."""
    described = Record(header(based("means"), 40, 48, tracks=(TRACK,)), 0, 0, b"-", b"")
    good = forged(format_record(described, key), base=packed(5, 6))
    right = [{}, {"rest": PACKETS}, {"base": packed(4, 6), "block": 16}, {"base": b"", "index": 1}]
    wrong = [{"base": base} for base in (packed(5, 5), packed(5, 7), packed(5, 6)[:-1], packed(5, 6) + b"x", b"x", b"")]
    wrong += [{"block": 16}, {"base": packed(0, 0), "block": 48}, {"rest": PACKETS[:-1]}, {"rest": b"\1" + PACKETS[1:]}]
    wrong += [{"rest": PACKETS, "tracks": b""}, {"index": 1}, {"stamp": -(1 << 63)}, {"commitment": bytes(32)}]
    wrong += [{"kind": 9}, {"tracks": zlib.compress(b"[" * 5000)}]
    for fields in (*right, *wrong):
        written = sealed(noise(40, 48), forged(good, **fields))
        assert (read(written, key).record is not None) == (fields in right), fields
    record = Record(Header(FILM_ID, "file", 1, File("x", 5, bytes(32))), 0, 0, b"", b"bytes")
    written = sealed(noise(40, 48), format_record(record, key))
    assert read(written, key).record == record


def picture_header(network: Network, secret: tuple[int, int] = (8, 8)) -> Header:
    return replace(header(network, *secret), kind="picture", frames=1)


def fits(network: Network, key: Key, size: tuple[int, int], data: int = 0) -> bool:
    try:
        check_cover(*size, picture_header(network), key, data)
    except CapacityError:
        return False
    return True


@pytest.mark.parametrize("base", KINDS)
def test_every_cover_that_passes_the_check_can_hide(key, keys, base):
    """Every shape near the limit, with a secret that can't be compressed."""
    network, passed = based(base), set()
    for width, height in product((8, 9, 23, 31, 32, 36, 37, 40, 130, 200), range(1, 210)):
        if fits(network, key, (height, width)) and not fits(network, key, (height - 1, width)):
            passed.add(width)
            given = FrameInput(noise(height, width, 1), Record(picture_header(network, (height, width)), 0), SEED)
            container = hide_frame(network, keys, noise(height, width), given)
            found = read(container, key)
            assert found.whole
            assert reveal_frame(network, key, container, found).shape == (height, width, 3)
    assert len(passed) == 10 - (base == "coded")


def test_the_hint_names_a_size_that_would_do(key):
    sizes = [(1, 1), (1, 5000), (5000, 7), (20, 20), (36, 36), (360, 640)]
    for base, data, size, block in product(KINDS, [0, 100, 60_000, 10**7], sizes, [8, 64]):
        described = picture_header(based(base))
        described = replace(described, secret=replace(described.secret, block=block))
        try:
            check_cover(*size, described, key, data)
        except CapacityError as error:
            assert f"too small: {size[1]}×{size[0]} pixels" in str(error)
            wide, high = map(int, error.hint.split()[-1].split("×"))
            check_cover(high, wide, described, key, data)
            assert high * wide < 3 * (min(size[0] * size[1], 2**17) + 8 * data + 2000) or min(size) < block
