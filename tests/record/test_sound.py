"""Sound as bytes, and how its packets are spread over the frames."""

import base64
import json
import zlib
from dataclasses import fields, replace
from fractions import Fraction
from itertools import accumulate, product
from pathlib import Path
from random import Random

import pytest

from stegnet import CapacityError
from stegnet.media import SoundPacket, SoundTrack
from stegnet.record import sound as sound_module
from stegnet.record.sound import PACKET_BYTES, Sound, format_packets, no_sound, parse_packets, plan_sound
from stegnet.record.tracks import format_tracks, parse_tracks

TRACK = SoundTrack("aac", Fraction(1, 44100), 44100, "5.1(side)", b"\x12\x10", bytes(range(256)), "deu", "Ton ä")
PLAIN = SoundTrack("pcm_s16le", Fraction(1, 1000), 8000, "mono", b"", b"")
PACKET = SoundPacket(1, 7, -1024, 1024, True, b"sound", 3)
TRACKS = replace(PLAIN, codec="aac"), replace(PLAIN, time_base=Fraction(1, 50))


def packets(count: int, seed: int = 0, most: int = 400) -> list[SoundPacket]:
    random = Random(seed)
    return [SoundPacket(0, 20 * n, 20 * n, 20, True, random.randbytes(random.randrange(most))) for n in range(count)]


@pytest.fixture
def planned(monkeypatch):
    """Plans packets instead of a film's sound; gives what was read of them by then, too."""

    def plan(
        found: list[SoundPacket], frames: int, end: Fraction | None = None, tracks: tuple[SoundTrack, ...] = TRACKS
    ) -> tuple[Sound, list[SoundPacket]]:
        taken = []

        def read(path):
            for packet in found:
                taken.append(packet)
                yield packet

        monkeypatch.setattr(sound_module, "sound_tracks", lambda path: tracks)
        monkeypatch.setattr(sound_module, "read_sound", read)
        made = plan_sound(Path("x"), frames, end)
        taken.clear()
        return made, taken

    return plan


def parsed(plan: Sound) -> list[list[SoundPacket]]:
    return [list(parse_packets(part, 2)) for part in plan.shares()]


def test_packets_travel_in_order(planned):
    """None carries more than its share and the largest packet; each as much if all packets are of one size."""
    for seed, (frames, count) in enumerate(product((1, 2, 7, 50, 77, 1000), (0, 1, 2, 60, 99))):
        found = packets(count, seed)
        plan, _ = planned(found, frames)
        parts = list(plan.shares())
        assert len(parts) == plan.frames == frames
        assert b"".join(parts) == format_packets(found)
        assert plan.total == len(b"".join(parts))
        assert plan.most == max(map(len, parts))
        before = [0, *accumulate(PACKET_BYTES + len(packet.data) for packet in found)]
        for packet, start in zip(found, before, strict=False):
            assert packet in list(parse_packets(parts[start * frames // before[-1]], 2))
        most = max((len(packet.data) for packet in found), default=0)
        assert plan.most < plan.total / frames + PACKET_BYTES + most
    found = [SoundPacket(0, n, n, 1, True, bytes(10)) for n in range(8)]
    assert parsed(planned(found, 4)[0]) == [found[at : at + 2] for at in range(0, 8, 2)]


def test_packets_after_the_end_are_left_out(planned):
    """Packets begin at 0, 20, 40, … milliseconds; each track has its own clock."""
    for end, kept in ((None, 10), (Fraction(0), 0), (Fraction(1, 10), 5), (Fraction(101, 1000), 6)):
        plan, _ = planned(packets(10), 4, end)
        assert [packet for part in parsed(plan) for packet in part] == packets(10)[:kept]
        assert plan.total == sum(PACKET_BYTES + len(packet.data) for packet in packets(10)[:kept])
    found = [
        SoundPacket(1, 4, 4, 1, True, b"0.08 s"),
        SoundPacket(1, 5, 5, 1, True, b"0.1 s"),
        SoundPacket(0, None, 99, 1, True, b"decoded at 0.099 s"),
        SoundPacket(0, None, 100, 1, True, b"decoded at 0.1 s"),
        SoundPacket(0, -30, -30, 1, True, b"before the start"),
        SoundPacket(1, None, None, 1, True, b"no stamp"),
        SoundPacket(0, 0, 500, 1, True, b"shown at 0"),
    ]
    assert parsed(planned(found, 1, Fraction(1, 10))[0]) == [[found[0], found[2], *found[4:]]]


def test_silence(planned):
    """Without tracks, and a track without packets."""
    for plan, tracks in ((planned([], 3, tracks=())[0], ()), (no_sound(Path("x"), 3), ()), (planned([], 3)[0], TRACKS)):
        assert (plan.tracks, plan.total, plan.most) == (tracks, 0, 0)
        assert list(plan.shares()) == [b"", b"", b""]


def test_packets_are_read_as_they_are_needed(planned):
    """Constant memory: a slice is made of the packets that were read by then."""
    plan, taken = planned(packets(100), 50)
    parts = plan.shares()
    first = next(parts)
    assert len(taken) == len(list(parse_packets(first, 2))) + 1
    parts.close()


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
    odd = replace(TRACK, rate=0, title="a\u200db\n\0", time_base=Fraction(1, 2**31 - 1))
    for tracks in ((), (TRACK,), (PLAIN,), (TRACK, PLAIN, TRACK), (PLAIN,) * 255, (odd,)):
        assert parse_tracks(format_tracks(tracks)) == tracks
        assert bool(format_tracks(tracks)) == bool(tracks)
    for tracks in ((PLAIN,) * 256, (replace(PLAIN, extradata=bytes(1 << 20)),)):
        with pytest.raises(CapacityError, match="sound"):
            format_tracks(tracks)


def test_invalid_tracks():
    good = format_tracks((TRACK,))
    wrong = [b"x", good + b"x", good[:-1], *map(zlib.compress, (b"\xff", b"[" * 100_000, b"{"))]
    wrong += [zlib.compress(b" " * (1 << 20) + b"[]"), zlib.compress(b"[" + b"9" * 5000 + b"]")]
    some = {name: value for name, value in plain().items() if name != "rate"}
    wrong += map(as_json, ([], {}, None, [7], [{}], [plain()] * 256, [plain() | {"more": 1}], [some]))
    others = {
        "codec": [7],
        "rate": ["44100", 44100.0, None, True, -1, 1 << 31],
        "title": ["\ud800"],
        "layout": ["\udcff"],
        "language": [7],
        "time_base": [[1 << 31, 1], [1, 1 << 31], [0, 1], [1, 0], [1, -44100],
                      [1], [1, 2, 3], [1.0, 44100], [True, 1], 1],
        "extradata": ["no base64!", "ä", 7],
        "template": [None],
    }  # fmt: skip
    wrong += [as_json([plain() | {name: value}]) for name, values in others.items() for value in values]
    for data in wrong:
        with pytest.raises(ValueError, match=r"."):
            parse_tracks(data)
            pytest.fail(repr(data[:100]))


def test_a_packet_is_its_fields():
    assert (
        format_packets([PACKET])
        == bytes.fromhex("01 01 0000000000000007 fffffffffffffc00 00000400 00000003 00000005") + b"sound"
    )
    assert len(format_packets([PACKET])) == PACKET_BYTES + 5 == 35
    assert format_packets([replace(PACKET, pts=None)])[2:10] == b"\x80" + bytes(7)
    for some in (
        [],
        [PACKET],
        [replace(PACKET, data=b"", track=0)],
        [replace(PACKET, pts=None, dts=None, key=False, duration=0)] * 3,
        [replace(PACKET, pts=(1 << 63) - 1, dts=1 - (1 << 63), duration=2**32 - 1, trim=2**32 - 1)],
        [replace(PACKET, data=bytes(70_000)), PACKET],
    ):
        assert list(parse_packets(format_packets(some), 2)) == some
    beyond = [replace(PACKET, duration=1 << 32, trim=-1)]  # longer than anything that is sound
    assert list(parse_packets(format_packets(beyond), 2)) == [replace(PACKET, duration=0, trim=0)]


def test_invalid_packets():
    good = format_packets([PACKET])
    wrong = [b"x", good[:-1], good + b"x", (good + good)[:-6], format_packets([replace(PACKET, track=2)])]
    for data in (*wrong, b"\1\2" + good[2:], good[:26] + b"\xff\xff\xff\xffsound"):
        with pytest.raises(ValueError, match="record"):
            list(parse_packets(data, 2))
    assert list(parse_packets(b"", 0)) == []
    with pytest.raises(ValueError, match="record"):
        list(parse_packets(format_packets([replace(PACKET, track=0)]), 0))
