"""The sound of a film: its packets as bytes (docs/format.md, "Sound"), spread evenly over the frames."""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from stegnet.record.fields import require, sized, take, take_sized
from stegnet.video.sound import SoundPacket, SoundTrack, read_sound, sound_tracks

# track, is it a key packet, presentation and decoding stamp, duration, samples to drop at its end
_PACKET = struct.Struct(">BBqqII")
_NO_STAMP = -(1 << 63)
PACKET_BYTES = _PACKET.size + 4  # overhead of a packet


@dataclass(frozen=True)
class Sound:
    """The sound of a film, and how it is spread over the frames.

    Attributes:
        path: of the film.
        tracks: all of them.
        frames: number of frames that carry it.
        end: seconds; packets that begin then or later are left out. None: none is left out.
        total: bytes of all packets in records.
        most: most bytes in one frame.
    """

    path: Path
    tracks: tuple[SoundTrack, ...]
    frames: int
    end: Fraction | None
    total: int
    most: int

    def shares(self) -> Iterator[bytes]:
        """The packets of each frame, as bytes."""
        for _, packets in _spread(self._packets(), self.total, self.frames):
            yield format_packets(packets)

    def _packets(self) -> Iterator[SoundPacket]:
        return _kept(read_sound(self.path), self.tracks, self.end) if self.tracks else iter(())


def plan_sound(path: Path, frames: int, end: Fraction | None) -> Sound:
    """Plans how the packets are spread; reads all of them twice.

    Raises:
        MediaError: the film can't be read.
    """
    tracks = sound_tracks(path)
    if not tracks:
        return no_sound(path, frames)
    total = sum(_size(packet) for packet in _kept(read_sound(path), tracks, end))
    spread = _spread(_kept(read_sound(path), tracks, end), total, frames)
    return Sound(path, tracks, frames, end, total, max(size for size, _ in spread))


def no_sound(path: Path, frames: int) -> Sound:
    """Sound without tracks."""
    return Sound(path, (), frames, None, 0, 0)


def _kept(
    packets: Iterable[SoundPacket], tracks: tuple[SoundTrack, ...], end: Fraction | None
) -> Iterator[SoundPacket]:
    for packet in packets:
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
    return len(packet.data) + PACKET_BYTES


def format_packets(packets: Iterable[SoundPacket]) -> bytes:
    """Packets as bytes: for each its fields, its length and its data."""
    return b"".join(_format_packet(packet) for packet in packets)


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
        yield SoundPacket(track, _stamp(pts), _stamp(dts), duration, bool(key), bytes(content), trim)


def _format_packet(packet: SoundPacket) -> bytes:
    pts, dts = (_NO_STAMP if stamp is None else stamp for stamp in (packet.pts, packet.dts))
    lengths = (length if 0 <= length < 1 << 32 else 0 for length in (packet.duration, packet.trim))
    return _PACKET.pack(packet.track, packet.key, pts, dts, *lengths) + sized(packet.data)


def _stamp(value: int) -> int | None:
    return None if value == _NO_STAMP else value


def describe_tracks(tracks: Iterable[SoundTrack]) -> list[str]:
    """A line on each track."""
    return [f"{track.codec}, {track.rate} Hz, {track.layout}" for track in tracks]
