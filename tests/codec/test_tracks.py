import base64
import json
import zlib
from dataclasses import fields, replace
from fractions import Fraction

import pytest

from stegnet.codec.tracks import PACKET_BYTES, format_packets, format_tracks, parse_packets, parse_tracks
from stegnet.core.errors import CapacityError
from stegnet.media import SoundPacket, SoundTrack
from tests.codec.by_the_book import bits_of

TRACK = SoundTrack("aac", Fraction(1, 44100), 44100, "5.1(side)", b"\x12\x10", bytes(range(256)), "deu", "Ton ä")
PLAIN = SoundTrack("pcm_s16le", Fraction(1, 1000), 8000, "mono", b"", b"")
PACKET = SoundPacket(1, 7, -1024, 1024, True, b"sound", 3)


def as_json(tracks: object) -> bytes:
    return zlib.compress(json.dumps(tracks).encode())


def plain() -> dict:
    (track,) = json.loads(zlib.decompress(format_tracks((TRACK,))))
    return track


def test_tracks_are_json():
    assert plain() == {
        "codec": "aac",
        "time_base": [1, 44100],
        "rate": 44100,
        "layout": "5.1(side)",
        "extradata": "EhA=",
        "template": base64.b64encode(bytes(range(256))).decode(),
        "language": "deu",
        "title": "Ton ä",
    }
    assert plain().keys() == {field.name for field in fields(SoundTrack)}


@pytest.mark.parametrize(
    "tracks",
    [
        (),
        (TRACK,),
        (PLAIN,),
        (TRACK, PLAIN, TRACK),
        (PLAIN,) * 255,
        (replace(TRACK, rate=0, title="a\u200db\n\0", time_base=Fraction(1, 2**31 - 1)),),
    ],
)
def test_tracks_come_back(tracks):
    assert parse_tracks(format_tracks(tracks)) == tracks
    assert bool(format_tracks(tracks)) == bool(tracks)


@pytest.mark.parametrize("tracks", [(PLAIN,) * 256, (replace(PLAIN, extradata=bytes(1 << 20)),)])
def test_tracks_that_no_reader_would_take(tracks):
    with pytest.raises(CapacityError, match="sound"):
        format_tracks(tracks)


@pytest.mark.parametrize(
    "data",
    [
        b"x",
        format_tracks((TRACK,)) + b"x",
        format_tracks((TRACK,))[:-1],
        zlib.compress(b"\xff"),
        zlib.compress(b"[" * 100_000),
        zlib.compress(b"{"),
        zlib.compress(b" " * (1 << 20) + b"[]"),
        as_json([]),
        as_json({}),
        as_json(None),
        as_json([7]),
        as_json([{}]),
        as_json([plain()] * 256),
        as_json([plain() | {"more": 1}]),
        as_json([{name: value for name, value in plain().items() if name != "rate"}]),
        as_json([plain() | {"codec": 7}]),
        as_json([plain() | {"rate": "44100"}]),
        as_json([plain() | {"rate": 44100.0}]),
        as_json([plain() | {"rate": None}]),
        as_json([plain() | {"rate": True}]),
        as_json([plain() | {"rate": -1}]),
        as_json([plain() | {"rate": 1 << 31}]),
        zlib.compress(b"[" + b"9" * 5000 + b"]"),
        as_json([plain() | {"title": "\ud800"}]),
        as_json([plain() | {"layout": "\udcff"}]),
        as_json([plain() | {"time_base": [1 << 31, 1]}]),
        as_json([plain() | {"time_base": [1, 1 << 31]}]),
        as_json([plain() | {"time_base": [0, 1]}]),
        as_json([plain() | {"language": 7}]),
        as_json([plain() | {"time_base": [1, 0]}]),
        as_json([plain() | {"time_base": [1, -44100]}]),
        as_json([plain() | {"time_base": [1]}]),
        as_json([plain() | {"time_base": [1, 2, 3]}]),
        as_json([plain() | {"time_base": [1.0, 44100]}]),
        as_json([plain() | {"time_base": [True, 44100]}]),
        as_json([plain() | {"time_base": 1}]),
        as_json([plain() | {"extradata": "no base64!"}]),
        as_json([plain() | {"extradata": "ä"}]),
        as_json([plain() | {"extradata": 7}]),
        as_json([plain() | {"template": None}]),
    ],
)
def test_what_are_no_tracks(data):
    with pytest.raises(ValueError, match=r"."):
        parse_tracks(data)


def test_a_packet_is_its_fields():
    assert (
        format_packets([PACKET])
        == bytes.fromhex("01 01 0000000000000007 fffffffffffffc00 00000400 00000003 00000005") + b"sound"
    )
    assert len(format_packets([PACKET])) == PACKET_BYTES + 5 == 35
    assert sum(bits_of(format_packets([replace(PACKET, pts=None)])[2:10])) == 1


@pytest.mark.parametrize(
    "packets",
    [
        [],
        [PACKET],
        [replace(PACKET, data=b"", track=0)],
        [replace(PACKET, pts=None, dts=None, key=False, duration=0)] * 3,
        [replace(PACKET, pts=(1 << 63) - 1, dts=1 - (1 << 63), duration=2**32 - 1, trim=2**32 - 1)],
        [replace(PACKET, data=bytes(70_000)), PACKET],
    ],
)
def test_packets_come_back(packets):
    assert list(parse_packets(format_packets(packets), 2)) == packets


def test_a_length_beyond_32_bits_is_not_known():
    """Longer than anything that is sound."""
    packets = [replace(PACKET, duration=1 << 32, trim=-1)]
    assert list(parse_packets(format_packets(packets), 2)) == [replace(PACKET, duration=0, trim=0)]


@pytest.mark.parametrize(
    "data",
    [
        b"x",
        format_packets([PACKET])[:-1],
        format_packets([PACKET]) + b"x",
        format_packets([PACKET, PACKET])[:-6],
        format_packets([replace(PACKET, track=2)]),
        b"\1\2" + format_packets([PACKET])[2:],
        format_packets([PACKET])[:26] + b"\xff\xff\xff\xffsound",
    ],
)
def test_what_are_no_packets(data):
    with pytest.raises(ValueError, match="record"):
        list(parse_packets(data, 2))


def test_packets_of_no_track():
    assert list(parse_packets(b"", 0)) == []
    with pytest.raises(ValueError, match="record"):
        list(parse_packets(format_packets([replace(PACKET, track=0)]), 0))
