"""A film's sound, spread evenly over its frames."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from stegnet.codec.tracks import PACKET_BYTES, format_packets
from stegnet.media import SoundPacket, SoundTrack, read_sound, sound_tracks


@dataclass(frozen=True)
class Sound:
    """The sound of a film, as far as it will be hidden.

    Attributes:
        path: of the film.
        tracks: all of them.
        frames: that carry it.
        end: seconds; packets that begin then or later are left out. None: all are kept.
        total: bytes of all packets, as a record holds them.
        most: bytes that one frame carries at most.
    """

    path: Path
    tracks: tuple[SoundTrack, ...]
    frames: int
    end: Fraction | None
    total: int
    most: int

    def slices(self) -> Iterator[bytes]:
        """What each frame carries."""
        for _, packets in _spread(self._packets(), self.total, self.frames):
            yield format_packets(packets)

    def _packets(self) -> Iterator[SoundPacket]:
        return _kept(read_sound(self.path), self.tracks, self.end) if self.tracks else iter(())


def plan_sound(path: Path, frames: int, end: Fraction | None) -> Sound:
    """Reads all packets once, to know how they will be spread.

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
    """Silence."""
    return Sound(path, (), frames, None, 0, 0)


def _kept(
    packets: Iterable[SoundPacket], tracks: tuple[SoundTrack, ...], end: Fraction | None
) -> Iterator[SoundPacket]:
    for packet in packets:
        stamp = packet.pts if packet.pts is not None else packet.dts
        if end is None or stamp is None or stamp * tracks[packet.track].time_base < end:
            yield packet


def _spread(packets: Iterable[SoundPacket], total: int, frames: int) -> Iterator[tuple[int, list[SoundPacket]]]:
    """For each frame, the bytes and packets that it carries: those whose first byte falls into its equal share."""
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
