import base64
import json
import zlib
from dataclasses import fields, replace
from fractions import Fraction
from itertools import accumulate
from pathlib import Path
from random import Random

import pytest

from stegnet.core.errors import CapacityError
from stegnet.media import SoundPacket, SoundTrack
from stegnet.record import sound as sound_module
from stegnet.record.record import format_tracks, parse_tracks
from stegnet.record.sound import PACKET_BYTES, format_packets, no_sound, parse_packets, plan_sound
from tests.format.by_the_book import bits_of

TRACKS = (
    SoundTrack("aac", Fraction(1, 1000), 44100, "stereo", b"", b""),
    SoundTrack("pcm_s16le", Fraction(1, 50), 8000, "mono", b"", b""),
)


def packets(count: int, seed: int = 0, most: int = 400) -> list[SoundPacket]:
    random = Random(seed)
    return [SoundPacket(0, 20 * n, 20 * n, 20, True, random.randbytes(random.randrange(most))) for n in range(count)]


@pytest.fixture
def sound(monkeypatch):
    """Puts packets in the place of a film's sound."""

    def put(found: list[SoundPacket], tracks: tuple[SoundTrack, ...] = TRACKS):
        monkeypatch.setattr(sound_module, "sound_tracks", lambda path: tracks)
        monkeypatch.setattr(sound_module, "read_sound", lambda path: iter(found))

    return put


def parsed(parts: list[bytes]) -> list[list[SoundPacket]]:
    return [list(parse_packets(part, 2)) for part in parts]


@pytest.mark.parametrize("frames", [1, 2, 7, 100, 1000])
@pytest.mark.parametrize("count", [0, 1, 2, 99])
def test_all_packets_travel_in_order(sound, count, frames):
    sound(packets(count))
    plan = plan_sound(Path("x"), frames, None)
    parts = list(plan.shares())
    assert len(parts) == plan.frames == frames
    assert b"".join(parts) == format_packets(packets(count))
    assert plan.total == len(b"".join(parts))
    assert plan.most == max(len(part) for part in parts)
    assert list(plan.shares()) == parts


@pytest.mark.parametrize("seed", range(10))
def test_a_packet_travels_as_the_book_says(sound, seed):
    found, frames = packets(60, seed), Random(seed).randrange(1, 90)
    sound(found)
    parts = parsed(list(plan_sound(Path("x"), frames, None).shares()))
    sizes = [PACKET_BYTES + len(packet.data) for packet in found]
    before = [0, *accumulate(sizes)]
    for packet, start in zip(found, before, strict=False):
        assert packet in parts[start * frames // before[-1]]


@pytest.mark.parametrize("frames", [1, 2, 4, 8])
def test_even_packets_are_shared_out_evenly(sound, frames):
    found = [SoundPacket(0, n, n, 1, True, bytes(10)) for n in range(8)]
    sound(found)
    parts = parsed(list(plan_sound(Path("x"), frames, None).shares()))
    assert parts == [found[start : start + 8 // frames] for start in range(0, 8, 8 // frames)]


@pytest.mark.parametrize("frames", [3, 50, 77])
def test_frames_carry_alike(sound, frames):
    """None carries more than its share and the largest packet."""
    found = packets(300)
    sound(found)
    plan = plan_sound(Path("x"), frames, None)
    assert plan.most < plan.total / frames + PACKET_BYTES + max(len(packet.data) for packet in found)


@pytest.mark.parametrize(
    ("end", "kept"), [(None, 10), (Fraction(0), 0), (Fraction(1, 10), 5), (Fraction(101, 1000), 6)]
)
def test_packets_after_the_end_are_left_out(sound, end, kept):
    """Packets begin at 0, 20, 40, … milliseconds."""
    sound(packets(10))
    plan = plan_sound(Path("x"), 4, end)
    assert [packet for part in parsed(list(plan.shares())) for packet in part] == packets(10)[:kept]
    assert plan.total == sum(PACKET_BYTES + len(packet.data) for packet in packets(10)[:kept])


def test_each_track_has_its_own_clock(sound):
    found = [
        SoundPacket(1, 4, 4, 1, True, b"0.08 s"),
        SoundPacket(1, 5, 5, 1, True, b"0.1 s"),
        SoundPacket(0, None, 99, 1, True, b"decoded at 0.099 s"),
        SoundPacket(0, None, 100, 1, True, b"decoded at 0.1 s"),
        SoundPacket(0, -30, -30, 1, True, b"before the start"),
        SoundPacket(1, None, None, 1, True, b"no stamp"),
        SoundPacket(0, 0, 500, 1, True, b"shown at 0"),
    ]
    sound(found)
    plan = plan_sound(Path("x"), 1, Fraction(1, 10))
    (kept,) = parsed(list(plan.shares()))
    assert kept == [found[0], found[2], *found[4:]]


def test_silence(sound):
    sound([], tracks=())
    for plan in (plan_sound(Path("x"), 3, None), no_sound(Path("x"), 3)):
        assert (plan.tracks, plan.total, plan.most) == ((), 0, 0)
        assert list(plan.shares()) == [b"", b"", b""]


def test_a_track_without_packets(sound):
    sound([])
    plan = plan_sound(Path("x"), 3, None)
    assert (plan.tracks, plan.total, plan.most) == (TRACKS, 0, 0)
    assert list(plan.shares()) == [b"", b"", b""]


def test_packets_are_read_as_they_are_needed(monkeypatch):
    """Constant memory: a slice is made of the packets that were read by then."""
    taken = []

    def read(path):
        for packet in packets(100):
            taken.append(packet)
            yield packet

    monkeypatch.setattr(sound_module, "sound_tracks", lambda path: TRACKS)
    monkeypatch.setattr(sound_module, "read_sound", read)
    plan = plan_sound(Path("x"), 50, None)
    taken.clear()
    parts = plan.shares()
    first = next(parts)
    assert len(taken) == len(list(parse_packets(first, 2))) + 1
    parts.close()


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
def test_tracks_round_trip(tracks):
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
def test_invalid_tracks(data):
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
def test_packets_round_trip(packets):
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
def test_invalid_packets(data):
    with pytest.raises(ValueError, match="record"):
        list(parse_packets(data, 2))


def test_packets_of_no_track():
    assert list(parse_packets(b"", 0)) == []
    with pytest.raises(ValueError, match="record"):
        list(parse_packets(format_packets([replace(PACKET, track=0)]), 0))
