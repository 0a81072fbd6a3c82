"""Records as bytes: each field in its place, at its limits and beyond, and whatever else a reader may meet."""

import base64
import json
import struct
import zlib
from contextlib import suppress
from dataclasses import fields as fields_of, replace
from fractions import Fraction
from hashlib import sha256
from random import Random

import pytest

from stegnet import CapacityError
from stegnet.core.names import FILE, FILM, PICTURE
from stegnet.record import File, Header, Pictures, Record, format_record
from stegnet.record.coding import parse_record
from stegnet.video import SoundTrack
from tests.support.sealing import FILM_ID, FILM_SECRET, FIXED, forged

TRACK = SoundTrack("aac", Fraction(1, 44100), 44100, "5.1(side)", b"\x12\x10", bytes(range(256)), "deu", "Ton ä")
BARE = SoundTrack("pcm_s16le", Fraction(1, 1000), 8000, "mono", b"", b"")
WEIGHTS = bytes(range(100, 132))
SECRET_FILM = Pictures(97, 61, 5, Fraction(1, 90_000), Fraction(30_000, 1001), "means", 16, WEIGHTS.hex(), (TRACK,))
HEADER = Header(FILM_ID, FILM, 8, SECRET_FILM)
RECORD = Record(HEADER, 3, -7, b"base", b"sound")
NAMED = Header(FILM_ID, FILE, 3, File("report.pdf", 1000, bytes(range(32))))
PLAIN = format_record(RECORD, FILM_SECRET)
TRACKS = PLAIN[FIXED + 4 :][: int.from_bytes(PLAIN[FIXED : FIXED + 4])]
LONGEST = replace(HEADER, frames=1 << 24)


def with_secret(record: Record = RECORD, **fields) -> Record:
    return replace(record, header=replace(record.header, secret=replace(record.header.secret, **fields)))


def with_stamp(stamp: int, denominator: int) -> Record:
    return with_secret(replace(RECORD, time=stamp), time_base=Fraction(1, denominator))


def parsed(data: bytes) -> Record:
    return parse_record(data)[0]


def rejected(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_record(data)


def test_records_round_trip():
    for record in (
        RECORD,
        Record(HEADER, 7),
        Record(HEADER, 0, base=b"-"),
        with_secret(Record(HEADER, 3, 1 << 56, b"", b"data"), base="none", tracks=()),
        with_secret(Record(HEADER, 3, -(1 << 62), b"x" * 10_000, b"y" * 10_000), time_base=Fraction(1, 1 << 22)),
        with_secret(width=1, height=1, hidden=8, block=8, time_base=Fraction(1, 2**31 - 1)),
        with_secret(width=1 << 20, height=1 << 8, block=256, rate=Fraction(2**31 - 1)),
        with_secret(width=1 << 14, height=1 << 14, time_base=Fraction(2**31 - 1)),
        with_stamp(1 << 40, 1),
        with_secret(aspect=Fraction(32, 27)),
        with_secret(aspect=Fraction(1, 256), tracks=()),
        with_secret(aspect=Fraction(256), hidden=8),
        replace(RECORD, header=LONGEST, index=4),
        replace(RECORD, header=LONGEST, index=(1 << 24) - 1, base=b""),
        Record(Header(FILM_ID, PICTURE, 1, replace(SECRET_FILM, hidden=1, tracks=())), 0, 0, b"t", b""),
        Record(NAMED, 0, 0, b"", bytes(1000)),
        Record(NAMED, 2, offset=1000),
        Record(NAMED, 1, data=b"0123456789", offset=990),
        Record(replace(NAMED, secret=File("ä" * 127, 0, bytes(32))), 0),
        Record(replace(NAMED, secret=File("a\udcff", (1 << 62), bytes(32))), 0, offset=1 << 62),
    ):
        assert parse_record(format_record(record, FILM_SECRET)) == (record, FILM_SECRET)


def test_fields_beyond_their_limits_are_rejected():
    wrong = {
        "kind": [0, 1, 4, 6, 7, 255],
        "frames": [0, (1 << 24) + 1, 4, 3],
        "index": [8, 2**32 - 1],
        "flags": [3, 4, 128, 0],
        "block": [0, 4, 12, 264, 65535],
        "width": [0, (1 << 20) + 1],
        "height": [0, (1 << 20) + 1],
        "hidden": [0, 9, 3],
        "time_base": [(0, 1), (1, 0), (1 << 31, 1)],
        "rate": [(0, 1), (25, 0), (1, 1 << 31)],
        "aspect": [(0, 1), (1, 0), (257, 1), (1, 257), (1 << 31, 1 << 30), (1 << 30, 1 << 31)],
        "base": [b""],
    }
    each = [{name: value} for name, values in wrong.items() for value in values]
    each += [{"width": 1 << 20, "height": (1 << 8) + 1}, {"width": (1 << 14) + 1, "height": 1 << 14}]
    each += [{"stamp": sign * (1 << 62) + sign, "time_base": (1, 1 << 30)} for sign in (1, -1)]
    each += [{"stamp": -(1 << 63), "time_base": (1, 1 << 30)}]
    each += [{"stamp": sign * (1 << 40) + sign, "time_base": (1, 1)} for sign in (1, -1)]
    for fields in each:
        with pytest.raises(ValueError, match=r"."):
            parse_record(forged(PLAIN, **fields))
            pytest.fail(str(fields))


def test_pixels_of_a_film_need_not_be_square():
    for parts in ((7, 7), (64, 54), (1, 256), (256, 1), (2**31 - 1, 2**31 - 2)):
        found = parsed(forged(PLAIN, aspect=parts)).header
        assert found == replace(HEADER, secret=replace(SECRET_FILM, aspect=Fraction(*parts)))


def test_a_picture_is_one_frame():
    one = forged(PLAIN, kind=1, frames=1, hidden=1, index=0)
    assert parsed(one).header.kind == PICTURE
    for fields in ({"frames": 2}, {"frames": 2, "hidden": 2}, {"hidden": 0}, {"aspect": (32, 27)}):
        rejected(forged(one, **fields))
    assert parsed(forged(PLAIN, rate=(50, 2))).header.secret.rate == 25, "not in lowest terms"


def test_records_that_are_cut_off():
    data = forged(PLAIN, rest=b"")
    parse_record(data)
    for size in range(len(data)):
        rejected(data[:size])


def test_no_bytes_make_a_reader_stumble():
    """Who holds the key can seal anything: it is a record or ValueError."""
    for seed in range(300):
        random = Random(seed)
        start = forged(PLAIN, rest=b"") if seed % 2 else file_record()
        data = bytearray(start[: random.randrange(1, len(start))] + random.randbytes(random.randrange(90)))
        for _ in range(random.randrange(4)):
            data[random.randrange(len(data))] = random.choice([0, 1, 2, 127, 128, 255])
        with suppress(ValueError):
            parse_record(bytes(data))


def file_record(name: bytes = b"report.pdf", size: int = 1000, offset: int = 990, rest: bytes = b"ten bytes!") -> bytes:
    """Of the second of three pictures of an album that needs all."""
    start = struct.pack(">B16s16sII", 6, FILM_SECRET, FILM_ID, 3, 1)
    return start + struct.pack(">Q32sI", size, bytes(32), len(name)) + name + struct.pack(">Q", offset) + rest


def test_a_files_fields_have_their_places():
    header = Header(FILM_ID, FILE, 3, File("report.pdf", 1000, bytes(32)))
    assert parse_record(file_record()) == (Record(header, 1, data=b"ten bytes!", offset=990), FILM_SECRET)
    assert format_record(parsed(file_record()), FILM_SECRET) == file_record()
    for name in (b"x", b"x" * 255, b"...", b".x", b"\xff\xfe", "ä".encode()):
        parse_record(file_record(name=name))
    names = (b"", b"x" * 256, b"../x", b"/", b"a\0b", b".", b"..")
    wrong = [{"name": name} for name in names] + [{"offset": 991}, {"offset": (1 << 64) - 1}, {"size": 999}]
    for fields in (*wrong, {"rest": b"eleven bytes"}):
        rejected(file_record(**fields))


def test_a_whole_files_record_has_its_name_and_bytes():
    data = b"\3\x0areport.pdften bytes!"
    found, film_secret = parse_record(data)
    file = File("report.pdf", 10, sha256(b"ten bytes!").digest())
    assert (found.header.secret, found.header.frames, found.data, film_secret) == (file, 1, b"ten bytes!", None)
    assert format_record(found, FILM_SECRET) == data
    assert parsed(b"\3\1x").data == b""
    for wrong in (b"", b"\3", b"\3\0", b"\3\0ten bytes!", data[:11], b"\3\3a/b", b"\3\2..", b"\3\3a\0b"):
        rejected(wrong)


def album_record(size: int = 100, needed: int = 10, enough: int = 3, first: int = 4, rest: int = 30) -> bytes:
    """Of a picture of an album of five, whose shares have ten bytes."""
    start = struct.pack(">B16s16sII", 5, FILM_SECRET, FILM_ID, 5, 1)
    described = struct.pack(">Q32sI", size, bytes(32), 1) + b"x"
    return start + described + struct.pack(">HIH", needed, enough, first) + bytes(rest)


def test_an_albums_fields_have_their_places():
    header = Header(FILM_ID, FILE, 5, File("x", 100, bytes(32), 10, 3))
    record = parsed(album_record())
    assert record == Record(header, 1, data=bytes(30), first_share=4)
    assert [number for number, _ in record.shares()] == [4, 5, 6]
    assert format_record(record, FILM_SECRET) == album_record()
    for fields in ({"rest": 0}, {"first": 253}, {"rest": 0, "first": 256}, {"needed": 256, "rest": 3}, {"enough": 5}):
        parse_record(album_record(**fields))
    wrong = [{"size": 0}, {"needed": 0}, {"needed": 257}, {"enough": 0}, {"enough": 6}]
    for fields in (*wrong, {"first": 254}, {"rest": 29}, {"rest": 0, "first": 257}):
        rejected(album_record(**fields))


def test_values_beyond_a_record_are_refused():
    for record in (
        with_secret(width=(1 << 20) + 1),
        with_secret(width=(1 << 14) + 1, height=1 << 14),
        with_stamp((1 << 40) + 1, 1),
        replace(RECORD, header=replace(HEADER, frames=(1 << 24) + 1)),
        replace(RECORD, time=1 << 80),
        with_secret(rate=Fraction((1 << 33) + 2, 3)),
    ):
        with pytest.raises(CapacityError):
            format_record(record, FILM_SECRET)


def test_tracks_are_compressed_json():
    (plain,) = json.loads(zlib.decompress(TRACKS))
    assert plain == {
        "codec": "aac",
        "time_base": [1, 44100],
        "rate": 44100,
        "layout": "5.1(side)",
        "extradata": "EhA=",
        "template": base64.b64encode(bytes(range(256))).decode(),
        "language": "deu",
        "title": "Ton ä",
    }
    assert plain.keys() == {field.name for field in fields_of(SoundTrack)}
    odd = replace(TRACK, rate=0, title="a\u200db\n\0", time_base=Fraction(1, 2**31 - 1))
    for tracks in ((TRACK, BARE, TRACK), (BARE,) * 255, (odd,)):
        record = with_secret(tracks=tracks)
        assert parsed(format_record(record, FILM_SECRET)) == record
    for tracks in ((BARE,) * 256, (replace(BARE, extradata=bytes(1 << 20)),)):
        with pytest.raises(CapacityError, match="sound"):
            format_record(with_secret(tracks=tracks), FILM_SECRET)


def test_what_describes_no_tracks_is_rejected():
    """Half a stream of zlib, more than one, a bomb, and JSON of any other form."""
    plain = json.loads(zlib.decompress(TRACKS))
    wrong = [b"x", TRACKS + b"x", TRACKS[:-1], *map(zlib.compress, (b"\xff", b"[" * 100_000, b"{"))]
    wrong += [zlib.compress(b" " * (1 << 20) + b"[]"), zlib.compress(b"[" + b"9" * 5000 + b"]")]
    some = {name: value for name, value in plain[0].items() if name != "rate"}
    lists = [[], {}, None, [7], [{}], plain * 256, [plain[0] | {"more": 1}], [some]]
    others = {
        "codec": [7],
        "rate": ["44100", 44100.0, None, True, -1, 1 << 31],
        "title": ["\ud800"],
        "layout": ["\udcff"],
        "language": [7],
        "time_base": [[1 << 31, 1], [1, 1 << 31], [0, 1], [1, -44100], [1], [1, 2, 3], [1.0, 44100], [True, 1], 1],
        "extradata": ["no base64!", "ä", 7],
        "template": [None],
    }
    lists += [[plain[0] | {name: value}] for name, values in others.items() for value in values]
    wrong += [zlib.compress(json.dumps(tracks).encode()) for tracks in lists]
    for data in wrong:
        with pytest.raises(ValueError, match=r"."):
            parse_record(forged(PLAIN, tracks=data))
            pytest.fail(repr(data[:100]))
