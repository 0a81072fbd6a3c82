"""Sound tracks of a film that is being written: copied packet by packet, or coded as AAC for watching."""

import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from fractions import Fraction

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet, PacketSideData

from stegnet.media import matroska
from stegnet.media.films.sound import SKIP_SAMPLES, TRIM, SoundPacket, SoundTrack

PLAYABLE = frozenset({"aac", "flac", "mp3", "opus"})  # what browsers and phones play in MP4
_AAC_RATES = {96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000}
_USUAL_RATE, _AAC_BITS = 48_000, 96_000  # bits per second and channel
# Names of layouts in files that only give the number of channels.
_LAYOUTS = {"1 channels": "mono", "2 channels": "stereo"}
# Channels that AAC keeps; all others are mixed to two.
_AAC_LAYOUTS = {"1 channels": "mono", "mono": "mono", "5.1": "5.1", "5.1(side)": "5.1"}


class SoundWriter:
    """Sound tracks of a film that is being written; turns `SoundPacket` into FFmpeg's packets.

    Args:
        film: not started yet.
        tracks: to add to it.
        packet_gap: smallest difference between two packets' time stamps, in ticks of the new track.
        playable: codecs that are copied, all others become AAC; None: all are copied.
    Attributes:
        notes: a line on what becomes AAC.
    Raises:
        ValueError, av.FFmpegError: the film's format can't hold a track.
    """

    def __init__(
        self,
        film: OutputContainer,
        tracks: Sequence[SoundTrack],
        packet_gap: int,
        playable: frozenset[str] | None = None,
    ) -> None:
        others = {track.codec for track in tracks} - (playable or {track.codec for track in tracks})
        names = ", ".join(sorted(others))
        self.notes = (f"its sound ({names}) became AAC, which browsers and phones play",) if others else ()
        self._tracks = [
            _AacWriter(film, track) if track.codec in others else _TrackWriter(film, track, packet_gap)
            for track in tracks
        ]

    def packets(self, sound: SoundPacket, shift: Fraction) -> Iterator[Packet]:
        """The packets for the film, `shift` seconds later."""
        return self._tracks[sound.track].packets(sound, shift)

    def rest(self) -> Iterator[Packet]:
        """The packets that come after the last one."""
        for track in self._tracks:
            yield from track.rest()


class _TrackWriter:
    def __init__(self, film: OutputContainer, track: SoundTrack, packet_gap: int) -> None:
        self._stream = _add_stream(film, track)
        self._time_base = track.time_base
        self._gap = packet_gap
        self._last: int | None = None
        self._end = 0

    def packets(self, sound: SoundPacket, shift: Fraction) -> Iterator[Packet]:
        packet = Packet(sound.data)
        packet.stream, packet.time_base = self._stream, self._stream.time_base
        packet.dts = self._next_dts(sound.pts if sound.dts is None else sound.dts, shift)
        packet.pts = packet.dts if sound.pts is None else max(packet.dts, self._ticks(sound.pts, shift))
        packet.duration = self._ticks(sound.duration)
        packet.is_keyframe = sound.key
        self._end = packet.dts + packet.duration
        if sound.trim:
            side = PacketSideData(SKIP_SAMPLES, TRIM.size)
            side.update(TRIM.pack(0, sound.trim, 0, 0))
            side.to_packet(packet)
        yield packet

    def rest(self) -> Iterator[Packet]:
        return iter(())

    def _next_dts(self, stamp: int | None, shift: Fraction) -> int:
        """The stamp, or else the end of the last packet; never before the last packet's stamp."""
        dts = self._end if stamp is None else self._ticks(stamp, shift)
        self._last = dts if self._last is None else max(dts, self._last + self._gap)
        return self._last

    def _ticks(self, stamp: int, shift: Fraction = Fraction(0)) -> int:
        return round((stamp * self._time_base + shift) / self._stream.time_base)


class _AacWriter:
    """Decodes a track and codes it as AAC; a packet that can't be decoded is left out, as players do."""

    def __init__(self, film: OutputContainer, track: SoundTrack) -> None:
        self._time_base, self._opened = track.time_base, ExitStack()
        self._decoder = self._opened.enter_context(_template_stream(track)).codec_context
        layout = _AAC_LAYOUTS.get(track.layout, "stereo")
        self._stream = film.add_stream(
            "aac", rate=track.rate if track.rate in _AAC_RATES else _USUAL_RATE, layout=layout
        )
        self._stream.bit_rate = _AAC_BITS * self._stream.layout.nb_channels
        _set_names(self._stream, track)

    def packets(self, sound: SoundPacket, shift: Fraction) -> Iterator[Packet]:
        packet = Packet(sound.data)
        packet.time_base, packet.duration = self._time_base, sound.duration
        if sound.pts is not None:
            packet.pts = packet.dts = sound.pts + round(shift / self._time_base)
        with suppress(av.InvalidDataError):
            yield from self._encoded(self._decoder.decode(packet))

    def rest(self) -> Iterator[Packet]:
        with self._opened:
            yield from self._encoded([*self._decoder.decode(None), None])

    def _encoded(self, frames: Iterable[AudioFrame | None]) -> Iterator[Packet]:
        for frame in frames:
            yield from self._stream.encode(frame)


def _add_stream(film: OutputContainer, track: SoundTrack) -> AudioStream:
    with _template_stream(track) as template:
        stream = film.add_stream_from_template(template)
        stream.disposition = template.disposition
    stream.codec_context.layout = _LAYOUTS.get(track.layout, track.layout)
    _set_names(stream, track)
    return stream


def _set_names(stream: AudioStream, track: SoundTrack) -> None:
    names = {"language": track.language, "title": track.title}
    stream.metadata.update({name: value for name, value in names.items() if value})


@contextmanager
def _template_stream(track: SoundTrack) -> Iterator[AudioStream]:
    """A stream of FFmpeg's to create another one from.

    Raises:
        ValueError, av.FFmpegError: the track was not made by `sound_tracks`.
    """
    private = matroska.element(matroska.CODEC_PRIVATE, track.extradata) if track.extradata else b""
    with av.open(io.BytesIO(matroska.file_of(track.template + private)), format="matroska") as film:
        if not film.streams.audio:
            raise ValueError("no sound track")
        yield film.streams.audio[0]
