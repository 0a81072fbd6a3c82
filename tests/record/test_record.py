import struct
import zlib
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from random import Random

import pytest

from stegnet.core.errors import CapacityError
from stegnet.keys import Key
from stegnet.media import SoundTrack
from stegnet.record.record import (
    FILE,
    FILM,
    PICTURE,
    File,
    Header,
    Pictures,
    Record,
    format_record,
    inflate,
    parse_record,
    require,
    sized,
    take,
    take_fraction,
    take_sized,
)
from tests.format import by_the_book
from tests.format.by_the_book import FILM_ID, SECRET

TRACK = SoundTrack("aac", Fraction(1, 44100), 44100, "stereo", b"\x12\x10", b"any", "eng", None)
WEIGHTS = bytes(range(100, 132))
SECRET_FILM = Pictures(97, 61, 5, Fraction(1, 90_000), Fraction(30_000, 1001), "means", 16, WEIGHTS.hex(), (TRACK,))
HEADER = Header(FILM_ID, FILM, 8, SECRET_FILM)
RECORD = Record(HEADER, 3, -7, b"base", b"sound")


def with_secret(record: Record = RECORD, **fields) -> Record:
    return replace(record, header=replace(record.header, secret=replace(record.header.secret, **fields)))


def test_each_field_has_its_place(key):
    fields = by_the_book.parse(format_record(RECORD, key))
    assert fields == by_the_book.Parsed(
        film_id=FILM_ID,
        commitment=by_the_book.commitment(SECRET, FILM_ID),
        kind=2,
        frames=8,
        index=3,
        flags=1,
        block=16,
        weights=WEIGHTS,
        width=97,
        height=61,
        hidden=5,
        time_base=(1, 90_000),
        rate=(30_000, 1001),
        tracks=fields.tracks,
        stamp=-7,
        base=b"base",
        rest=b"sound",
    )
    assert len(fields.tracks) > 50


@pytest.mark.parametrize(
    "record",
    [
        RECORD,
        Record(HEADER, 7),
        Record(HEADER, 0, base=b"-"),
        with_secret(Record(HEADER, 3, 1 << 56, b"", b"data"), base="none", tracks=()),
        with_secret(Record(HEADER, 3, -(1 << 62), b"x" * 10_000, b"y" * 10_000), time_base=Fraction(1, 1 << 22)),
        with_secret(width=1, height=1, hidden=8, block=8, time_base=Fraction(1, 2**31 - 1)),
        with_secret(width=1 << 20, height=1 << 8, block=256, rate=Fraction(2**31 - 1)),
        with_secret(width=1 << 14, height=1 << 14, time_base=Fraction(2**31 - 1)),
        with_secret(replace(RECORD, stamp=1 << 40), time_base=Fraction(1)),
        replace(RECORD, header=replace(HEADER, frames=1 << 24), index=4),
        Record(Header(FILM_ID, PICTURE, 1, replace(SECRET_FILM, hidden=1, tracks=())), 0, 0, b"t", b""),
    ],
)
def test_records_round_trip(key, record):
    assert parse_record(format_record(record, key), key) == record


def test_the_last_index_of_the_longest_film(key):
    last = replace(RECORD, header=replace(HEADER, frames=1 << 24), index=(1 << 24) - 1, base=b"")
    assert parse_record(format_record(last, key), key) == last


FIELDS = by_the_book.parse(format_record(RECORD, Key(SECRET)))


@pytest.mark.parametrize(
    "fields",
    [
        {"film_id": bytes(16)},
        {"commitment": bytes(32)},
        {"kind": 0},
        {"kind": 1},
        {"kind": 4},
        {"kind": 255},
        {"frames": 0},
        {"frames": (1 << 24) + 1},
        {"frames": 4},
        {"frames": 3},
        {"index": 8},
        {"index": 2**32 - 1},
        {"flags": 3},
        {"flags": 4},
        {"flags": 128},
        {"flags": 0},
        {"block": 0},
        {"block": 4},
        {"block": 12},
        {"block": 264},
        {"block": 65535},
        {"width": 0},
        {"width": (1 << 20) + 1},
        {"height": 0},
        {"height": (1 << 20) + 1},
        {"hidden": 0},
        {"hidden": 9},
        {"time_base": (0, 1)},
        {"time_base": (1, 0)},
        {"rate": (0, 1)},
        {"rate": (25, 0)},
        {"tracks": b"x"},
        {"tracks": FIELDS.tracks[:-1]},
        {"tracks": FIELDS.tracks + b"x"},
        {"width": 1 << 20, "height": (1 << 8) + 1},
        {"width": (1 << 14) + 1, "height": 1 << 14},
        {"time_base": (1 << 31, 1)},
        {"rate": (1, 1 << 31)},
        {"stamp": (1 << 62) + 1, "time_base": (1, 1 << 30)},
        {"stamp": -(1 << 62) - 1, "time_base": (1, 1 << 30)},
        {"stamp": -(1 << 63), "time_base": (1, 1 << 30)},
        {"stamp": (1 << 40) + 1, "time_base": (1, 1)},
        {"stamp": -(1 << 40) - 1, "time_base": (1, 1)},
        {"base": b""},
        {"hidden": 3},
    ],
    ids=str,
)
def test_rejected_records(key, fields):
    with pytest.raises(ValueError, match=r"."):
        parse_record(replace(FIELDS, **fields).join(), key)


def test_fields_at_their_limits_are_not_rejected(key):
    limits = {"frames": 1 << 24, "block": 256, "width": 1 << 20, "height": 1 << 8, "tracks": b""}
    assert parse_record(replace(FIELDS, **limits).join(), key).header.secret.width == 1 << 20
    for stamp in (1 << 62, -(1 << 62)):
        assert parse_record(replace(FIELDS, stamp=stamp, time_base=(1, 1 << 22)).join(), key).stamp == stamp
    assert parse_record(FIELDS.join(), key) == RECORD


def test_a_fraction_need_not_be_in_lowest_terms(key):
    assert parse_record(replace(FIELDS, rate=(50, 2)).join(), key).header.secret.rate == 25


def test_a_picture_is_one_frame(key):
    one = replace(FIELDS, kind=1, frames=1, hidden=1, index=0)
    assert parse_record(one.join(), key).header.kind == PICTURE
    for fields in ({"frames": 2}, {"frames": 2, "hidden": 2}, {"hidden": 0}):
        with pytest.raises(ValueError, match="record"):
            parse_record(replace(one, **fields).join(), key)


def test_a_record_that_is_cut_off(key):
    data = replace(FIELDS, rest=b"").join()
    parse_record(data, key)
    for size in range(len(data)):
        with pytest.raises(ValueError, match=r"."):
            parse_record(data[:size], key)


def test_another_keys_commitment(key):
    with pytest.raises(ValueError, match="record"):
        parse_record(format_record(RECORD, Key(bytes(32))), key)


@pytest.mark.parametrize("seed", range(300))
def test_no_bytes_make_a_reader_stumble(key, seed):
    """Who holds the key can seal anything: it is a record or ValueError."""
    random = Random(seed)
    start = replace(FIELDS, rest=b"").join() if seed % 2 else file_record(key)
    data = bytearray(start[: random.randrange(48, len(start))] + random.randbytes(random.randrange(90)))
    for _ in range(random.randrange(4)):
        data[random.randrange(48, len(data))] = random.choice([0, 1, 2, 127, 128, 255])
    with suppress(ValueError):
        parse_record(bytes(data), key)


NAMED = Header(FILM_ID, FILE, 3, File("report.pdf", 1000, bytes(range(32))))


@pytest.mark.parametrize(
    "record",
    [
        Record(NAMED, 0, 0, b"", bytes(1000)),
        Record(NAMED, 2, 1000, b"", b""),
        Record(NAMED, 1, 990, b"", b"0123456789"),
        Record(replace(NAMED, secret=File("ä" * 127, 0, bytes(32))), 0),
        Record(replace(NAMED, secret=File("a\udcff", (1 << 62), bytes(32))), 0, 1 << 62),
    ],
)
def test_files_round_trip(key, record):
    assert parse_record(format_record(record, key), key) == record


def file_record(
    key: Key, name: bytes = b"report.pdf", size: int = 1000, offset: int = 990, rest: bytes = b"ten bytes!"
):
    start = struct.pack(">16s32sBII", FILM_ID, key.commitment(FILM_ID), 3, 3, 1)
    return start + struct.pack(">Q32sI", size, bytes(32), len(name)) + name + struct.pack(">Q", offset) + rest


def test_a_files_fields_have_their_places(key):
    assert parse_record(file_record(key), key) == Record(
        Header(FILM_ID, FILE, 3, File("report.pdf", 1000, bytes(32))), 1, 990, b"", b"ten bytes!"
    )
    assert format_record(parse_record(file_record(key), key), key) == file_record(key)


@pytest.mark.parametrize(
    "fields",
    [
        {"name": b""},
        {"name": b"x" * 256},
        {"name": b"../x"},
        {"name": b"/"},
        {"name": b"a\0b"},
        {"name": b"."},
        {"name": b".."},
        {"offset": 991},
        {"offset": (1 << 64) - 1},
        {"size": 999},
        {"rest": b"eleven bytes"},
    ],
    ids=str,
)
def test_files_that_are_rejected(key, fields):
    with pytest.raises(ValueError, match="record"):
        parse_record(file_record(key, **fields), key)


@pytest.mark.parametrize("name", [b"x", b"x" * 255, b"...", b".x", b"\xff\xfe", "ä".encode()])
def test_names_that_are_not_rejected(key, name):
    parse_record(file_record(key, name=name), key)


@pytest.mark.parametrize(
    "record",
    [
        with_secret(width=(1 << 20) + 1),
        with_secret(height=(1 << 20) + 1),
        with_secret(width=(1 << 14) + 1, height=1 << 14),
        with_secret(replace(RECORD, stamp=(1 << 40) + 1), time_base=Fraction(1)),
        replace(RECORD, header=replace(HEADER, frames=(1 << 24) + 1)),
        with_secret(replace(RECORD, stamp=(1 << 62) + 1), time_base=Fraction(1, 1 << 30)),
        with_secret(replace(RECORD, stamp=-(1 << 63)), time_base=Fraction(1, 1 << 30)),
        replace(RECORD, stamp=1 << 80),
        with_secret(time_base=Fraction(1, 1 << 31)),
        with_secret(rate=Fraction((1 << 33) + 2, 3)),
        with_secret(rate=Fraction(0)),
    ],
)
def test_values_beyond_a_record_are_refused(key, record):
    with pytest.raises(CapacityError):
        format_record(record, key)


PAIR = struct.Struct(">BI")


def test_require():
    require(True)
    with pytest.raises(ValueError, match="record"):
        require(False)


def test_fields_are_taken_from_the_front():
    assert take(PAIR, b"\1\0\0\0\2rest") == ((1, 2), b"rest")
    assert take(PAIR, b"\1\0\0\0\2") == ((1, 2), b"")


@pytest.mark.parametrize("size", range(5))
def test_fields_that_are_cut_off(size):
    with pytest.raises(ValueError, match="record"):
        take(PAIR, bytes(size))


@pytest.mark.parametrize("data", [b"", b"x", b"x" * 300])
def test_sized(data):
    assert sized(data) == len(data).to_bytes(4, "big") + data
    assert take_sized(sized(data) + b"rest") == (data, b"rest")


@pytest.mark.parametrize("data", [b"", b"\0\0\0", b"\0\0\0\1", b"\0\0\0\3ab", b"\xff\xff\xff\xffab"])
def test_sized_that_is_cut_off(data):
    with pytest.raises(ValueError, match="record"):
        take_sized(data)


def test_fractions_are_above_zero():
    assert take_fraction(2, 4) == Fraction(1, 2)
    assert take_fraction(2**31 - 1, 2**31 - 1) == 1
    for parts in [(0, 1), (1, 0), (0, 0), (1 << 31, 1), (1, 1 << 31)]:
        with pytest.raises(ValueError, match="record"):
            take_fraction(*parts)


@pytest.mark.parametrize("size", [0, 1, 1000, 70_000])
def test_inflate(size):
    data = bytes(range(256)) * (size // 256 + 1)
    assert inflate(zlib.compress(data[:size]), size) == data[:size]
    assert inflate(zlib.compress(data[:size]), size + 1) == data[:size]


@pytest.mark.parametrize("size", [1, 1000, 70_000])
def test_zlib_data_beyond_the_limit(size):
    with pytest.raises(ValueError, match="record"):
        inflate(zlib.compress(bytes(size)), size - 1)


def test_a_bomb_is_not_unpacked():
    """A gigabyte would be noticed: the stream is given up after the first byte too many."""
    bomb = zlib.compressobj(9)
    stream = b"".join(bomb.compress(bytes(1 << 20)) for _ in range(1 << 6)) + bomb.flush()
    with pytest.raises(ValueError, match="record"):
        inflate(stream, 10)


WHOLE = zlib.compress(b"Twice and twice and twice.")


@pytest.mark.parametrize("size", range(len(WHOLE)))
def test_an_unfinished_stream(size):
    with pytest.raises(ValueError, match="record"):
        inflate(WHOLE[:size], 100)


@pytest.mark.parametrize("data", [b"no zlib", WHOLE + b"\0", WHOLE[:-1] + bytes([WHOLE[-1] ^ 1]), b"\x78\x9c\xff"])
def test_data_that_is_not_a_single_zlib_stream(data):
    with pytest.raises(ValueError, match="record"):
        inflate(data, 100)
