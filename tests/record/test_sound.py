"""Sound as bytes, and how its packets are spread over the frames."""

import struct
from fractions import Fraction
from itertools import accumulate
from pathlib import Path
from random import Random

import numpy as np
import pytest

from stegnet.record import Sound, parse_packets, plan_sound
from stegnet.video import FilmWriter, SoundPacket, read_sound, sound_tracks

HEAD = 30  # bytes of a packet before its data
PACKET = SoundPacket(1, 7, -1024, 1024, True, b"sound", 3)


def packed(packet: SoundPacket) -> bytes:
    """As docs/format.md says."""
    stamps = (-(1 << 63) if stamp is None else stamp for stamp in (packet.pts, packet.dts))
    fields = packet.track, packet.key, *stamps, packet.duration, packet.trim, len(packet.data)
    return struct.pack(">BBqqIII", *fields) + packet.data


@pytest.fixture(scope="module")
def film(tmp_path_factory, make_film):
    """Makes films with packets of any bytes in two tracks, one each 20 ms by turns."""
    folder = tmp_path_factory.mktemp("sounds")
    (track,) = sound_tracks(make_film(folder / "tone.mkv", 1, 16, 16, sound="pcm_s16le"))

    def make(*sizes: int) -> Path:
        path, random = folder / f"{len(list(folder.iterdir()))}.mkv", Random(len(sizes))
        units = int(Fraction(1, 50) / track.time_base)
        with FilmWriter(path, 16, 16, Fraction(25), sound=(track, track)) as film:
            film.write(np.zeros((16, 16, 3), np.uint8), Fraction(0), [
                SoundPacket(n % 2, n * units, n * units, units, True, random.randbytes(size), 5 * units // 20)
                for n, size in enumerate(sizes)
            ])  # fmt: skip
        return path

    return make


def parsed(plan: Sound) -> list[list[SoundPacket]]:
    return [list(parse_packets(part, 2)) for part in plan.shares()]


def test_packets_travel_in_order(film):
    """None carries more than its share and the largest packet; each as much if all packets are of one size."""
    for count in (0, 1, 2, 60, 99):
        path = film(*(Random(n).randrange(1, 400) for n in range(count)))
        found = list(read_sound(path))
        assert len(found) == count and all(packet.trim for packet in found)
        for frames in (1, 2, 7, 50, 77, 1000):
            plan = plan_sound(path, frames, None)
            parts = list(plan.shares())
            assert len(parts) == plan.frames == frames
            assert b"".join(parts) == b"".join(map(packed, found))
            assert (plan.total, plan.most) == (len(b"".join(parts)), max(map(len, parts)))
            before = [0, *accumulate(HEAD + len(packet.data) for packet in found)]
            for packet, start in zip(found, before, strict=False):
                assert packet in list(parse_packets(parts[start * frames // before[-1]], 2))
            most = max((len(packet.data) for packet in found), default=0)
            assert plan.most < plan.total / frames + HEAD + most
    path = film(*[10] * 8)
    found = list(read_sound(path))
    assert parsed(plan_sound(path, 4, None)) == [found[at : at + 2] for at in range(0, 8, 2)]


def test_packets_are_read_as_they_are_needed(film):
    """Constant memory: of a film that ends in the middle, the first share can be had."""
    path = film(*[9000] * 100)
    plan = plan_sound(path, 50, None)
    path.write_bytes(path.read_bytes()[:100_000])
    parts = plan.shares()
    assert len(list(parse_packets(next(parts), 2))) == 2
    parts.close()


def test_a_packet_is_its_fields():
    assert packed(PACKET) == (
        bytes.fromhex("01 01 0000000000000007 fffffffffffffc00 00000400 00000003 00000005") + b"sound"
    )
    for packet in (
        PACKET,
        SoundPacket(0, None, None, 0, False, b""),
        SoundPacket(0, (1 << 63) - 1, 1 - (1 << 63), 2**32 - 1, True, bytes(70_000), 2**32 - 1),
    ):
        assert list(parse_packets(packed(packet) + packed(PACKET), 2)) == [packet, PACKET]


def test_invalid_packets():
    good, foreign = packed(PACKET), packed(SoundPacket(2, 0, 0, 0, True, b""))
    for data in (
        *(b"x", good[:-1], good + b"x", (good + good)[:-6], foreign),
        *(b"\1\2" + good[2:], good[:26] + b"\xff\xff\xff\xffsound"),
    ):
        with pytest.raises(ValueError, match="record"):
            list(parse_packets(data, 2))
    assert list(parse_packets(b"", 0)) == []
    with pytest.raises(ValueError, match="record"):
        list(parse_packets(good, 0))
