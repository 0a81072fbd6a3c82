from fractions import Fraction
from itertools import accumulate
from pathlib import Path
from random import Random

import pytest

from stegnet.codec import slices
from stegnet.codec.slices import no_sound, plan_sound
from stegnet.codec.tracks import PACKET_BYTES, format_packets, parse_packets
from stegnet.media import SoundPacket, SoundTrack

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
        monkeypatch.setattr(slices, "sound_tracks", lambda path: tracks)
        monkeypatch.setattr(slices, "read_sound", lambda path: iter(found))

    return put


def parsed(parts: list[bytes]) -> list[list[SoundPacket]]:
    return [list(parse_packets(part, 2)) for part in parts]


@pytest.mark.parametrize("frames", [1, 2, 7, 100, 1000])
@pytest.mark.parametrize("count", [0, 1, 2, 99])
def test_all_packets_travel_in_order(sound, count, frames):
    sound(packets(count))
    plan = plan_sound(Path("x"), frames, None)
    parts = list(plan.slices())
    assert len(parts) == plan.frames == frames
    assert b"".join(parts) == format_packets(packets(count))
    assert plan.total == len(b"".join(parts))
    assert plan.most == max(len(part) for part in parts)
    assert list(plan.slices()) == parts


@pytest.mark.parametrize("seed", range(10))
def test_a_packet_travels_as_the_book_says(sound, seed):
    found, frames = packets(60, seed), Random(seed).randrange(1, 90)
    sound(found)
    parts = parsed(list(plan_sound(Path("x"), frames, None).slices()))
    sizes = [PACKET_BYTES + len(packet.data) for packet in found]
    before = [0, *accumulate(sizes)]
    for packet, start in zip(found, before, strict=False):
        assert packet in parts[start * frames // before[-1]]


@pytest.mark.parametrize("frames", [1, 2, 4, 8])
def test_even_packets_are_shared_out_evenly(sound, frames):
    found = [SoundPacket(0, n, n, 1, True, bytes(10)) for n in range(8)]
    sound(found)
    parts = parsed(list(plan_sound(Path("x"), frames, None).slices()))
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
def test_what_begins_after_the_end_is_left_out(sound, end, kept):
    """Packets begin at 0, 20, 40, … milliseconds."""
    sound(packets(10))
    plan = plan_sound(Path("x"), 4, end)
    assert [packet for part in parsed(list(plan.slices())) for packet in part] == packets(10)[:kept]
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
    (kept,) = parsed(list(plan.slices()))
    assert kept == [found[0], found[2], *found[4:]]


def test_silence(sound):
    sound([], tracks=())
    for plan in (plan_sound(Path("x"), 3, None), no_sound(Path("x"), 3)):
        assert (plan.tracks, plan.total, plan.most) == ((), 0, 0)
        assert list(plan.slices()) == [b"", b"", b""]


def test_a_track_without_packets(sound):
    sound([])
    plan = plan_sound(Path("x"), 3, None)
    assert (plan.tracks, plan.total, plan.most) == (TRACKS, 0, 0)
    assert list(plan.slices()) == [b"", b"", b""]


def test_packets_are_read_as_they_are_needed(monkeypatch):
    """Constant memory: a slice is made of the packets that were read by then."""
    taken = []

    def read(path):
        for packet in packets(100):
            taken.append(packet)
            yield packet

    monkeypatch.setattr(slices, "sound_tracks", lambda path: TRACKS)
    monkeypatch.setattr(slices, "read_sound", read)
    plan = plan_sound(Path("x"), 50, None)
    taken.clear()
    parts = plan.slices()
    first = next(parts)
    assert len(taken) == len(list(parse_packets(first, 2))) + 1
    parts.close()
