"""Sound tracks on their way into a film that is being written."""

import struct
from collections.abc import Sequence
from fractions import Fraction

from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet, PacketSideData

from stegnet.media.sound import SoundPacket, SoundTrack, template_stream

# FFmpeg's number for it; samples to drop at the start, at the end, and a reason for each.
_SKIP_SAMPLES = 11
_TRIM = struct.Struct("<IIBB")
# A file that only counts the channels means these.
_COUNTED = {"1 channels": "mono", "2 channels": "stereo"}


class SoundWriter:
    """Makes FFmpeg's packets of ours.

    Args:
        film: not started yet.
        tracks: what to add to it.
        apart: the least distance of two packets of a track, in units of the new track's time base.
    Raises:
        ValueError, av.FFmpegError: the film can't hold a track.
    """

    def __init__(self, film: OutputContainer, tracks: Sequence[SoundTrack], apart: int) -> None:
        self._tracks = [_Track(film, track, apart) for track in tracks]

    def packet(self, sound: SoundPacket, shift: Fraction) -> Packet:
        """The packet for the film, `shift` seconds later."""
        return self._tracks[sound.track].packet(sound, shift)


class _Track:
    def __init__(self, film: OutputContainer, track: SoundTrack, apart: int) -> None:
        self._stream = _add(film, track)
        self._base = track.time_base
        self._apart = apart
        self._last: int | None = None
        self._end = 0

    def packet(self, sound: SoundPacket, shift: Fraction) -> Packet:
        packet = Packet(sound.data)
        packet.stream, packet.time_base = self._stream, self._stream.time_base
        packet.dts = self._next(sound.pts if sound.dts is None else sound.dts, shift)
        packet.pts = packet.dts if sound.pts is None else max(packet.dts, self._scaled(sound.pts, shift))
        packet.duration = self._scaled(sound.duration)
        packet.is_keyframe = sound.key
        self._end = packet.dts + packet.duration
        if sound.trim:
            side = PacketSideData(_SKIP_SAMPLES, _TRIM.size)
            side.update(_TRIM.pack(0, sound.trim, 0, 0))
            side.to_packet(packet)
        return packet

    def _next(self, stamp: int | None, shift: Fraction) -> int:
        """The packet's place: where the one before ends if it has none, and never before that one."""
        place = self._end if stamp is None else self._scaled(stamp, shift)
        self._last = place if self._last is None else max(place, self._last + self._apart)
        return self._last

    def _scaled(self, stamp: int, shift: Fraction = Fraction(0)) -> int:
        return round((stamp * self._base + shift) / self._stream.time_base)


def _add(film: OutputContainer, track: SoundTrack) -> AudioStream:
    with template_stream(track) as template:
        stream = film.add_stream_from_template(template)
        stream.disposition = template.disposition
    stream.codec_context.layout = _COUNTED.get(track.layout, track.layout)
    names = {"language": track.language, "title": track.title}
    stream.metadata.update({name: value for name, value in names.items() if value})
    return stream
