"""The sound of a film: its packets as bytes (docs/format.md, "Sound"), spread evenly over the frames."""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from stegnet.record.record import require, sized, take, take_sized
from stegnet.video.sound import SoundPacket, SoundTrack, read_sound, sound_tracks

# track, is it a key packet, presentation and decoding stamp, duration, samples to drop at its end
_PACKET = struct.Struct(">BBqqII")
_NO_STAMP = -(1 << 63)


@dataclass(frozen=True)
class Sound:
    """The sound of a film, and how it is spread over the frames."""

    path: Path  # of the film
    tracks: tuple[SoundTrack, ...]
    frames: int  # that carry it
    end: Fraction | None  # seconds; packets that begin then or later are left out
    total: int  # bytes of all packets in records
    most: int  # bytes in one frame

    def shares(self) -> Iterator[bytes]:
        """The packets of each frame, as bytes."""
        packets = _kept(self.path, self.tracks, self.end) if self.tracks else ()
        for _, share in _spread(packets, self.total, self.frames):
            yield format_packets(share)


def plan_sound(path: Path, frames: int, end: Fraction | None) -> Sound:
    """Plans how the packets are spread; reads all of them twice.

    Raises:
        MediaError: the film can't be read.
    """
    tracks = sound_tracks(path)
    if not tracks:
        return no_sound(path, frames)
    total = sum(_size(packet) for packet in _kept(path, tracks, end))
    spread = _spread(_kept(path, tracks, end), total, frames)
    return Sound(path, tracks, frames, end, total, max(size for size, _ in spread))


def no_sound(path: Path, frames: int) -> Sound:
    """Sound without tracks."""
    return Sound(path, (), frames, None, 0, 0)


def _kept(path: Path, tracks: tuple[SoundTrack, ...], end: Fraction | None) -> Iterator[SoundPacket]:
    for packet in read_sound(path):
        stamp = packet.pts if packet.pts is not None else packet.dts
        if end is None or stamp is None or stamp * tracks[packet.track].time_base < end:
            yield packet


def _spread(packets: Iterable[SoundPacket], total: int, frames: int) -> Iterator[tuple[int, list[SoundPacket]]]:
    """Size and packets of each frame's share: the packets whose first byte falls into its equal part of all bytes."""
    packets = iter(packets)
    waiting = next(packets, None)
    before = 0
    for frame in range(frames):
        chosen: list[SoundPacket] = []
        start = before
        while waiting is not None and before * frames < total * (frame + 1):
            chosen.append(waiting)
            before += _size(waiting)
            waiting = next(packets, None)
        yield before - start, chosen


def _size(packet: SoundPacket) -> int:
    return _PACKET.size + 4 + len(packet.data)


def format_packets(packets: Iterable[SoundPacket]) -> bytes:
    """Packets as bytes: for each its fields, its length and its data."""
    parts = []
    for packet in packets:
        pts, dts = (_NO_STAMP if stamp is None else stamp for stamp in (packet.pts, packet.dts))
        lengths = (length if 0 <= length < 1 << 32 else 0 for length in (packet.duration, packet.trim))
        parts.append(_PACKET.pack(packet.track, packet.key, pts, dts, *lengths) + sized(packet.data))
    return b"".join(parts)


def parse_packets(data: bytes, tracks: int) -> Iterator[SoundPacket]:
    """Parses the packets in `data`, which has `tracks` tracks.

    Raises:
        ValueError: they are not packets.
    """
    rest = memoryview(data)
    while rest:
        (track, key, pts, dts, duration, trim), rest = take(_PACKET, rest)
        require(track < tracks and key in (0, 1))
        content, rest = take_sized(rest)
        stamps = (None if stamp == _NO_STAMP else stamp for stamp in (pts, dts))
        yield SoundPacket(track, *stamps, duration, bool(key), bytes(content), trim)


def describe_tracks(tracks: Iterable[SoundTrack]) -> list[str]:
    """A line on each track."""
    return [f"{track.codec}, {track.rate} Hz, {track.layout}" for track in tracks]
