"""Sound tracks of a film, read packet by packet, and copied without re-encoding, or as AAC for watching.

Packets are copied unchanged, with two exceptions. AAC in ADTS frames (raw, MPEG-TS) loses these frames, as in all other
formats. Packets that an edit list removes are left out, except in the tenth of a second before the start, which a
decoder needs to warm up.
"""

import io
import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from fractions import Fraction

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.bitstream import BitStreamFilterContext
from av.container import InputContainer, OutputContainer
from av.packet import Packet, PacketSideData

from stegnet.core.errors import MediaError
from stegnet.formats import matroska
from stegnet.formats.opened_file import Source
from stegnet.video.films import AnyPacket, is_cut_off, known_sound, open_film, start_time, time_base_of
from stegnet.video.sound_packets import CONVERT_SOUND, SoundPacket, SoundTrack

# FFmpeg's side data for trimming: samples to drop at the start and at the end, with a reason for each.
TRIM = struct.Struct("<IIBB")


def sound_tracks(path: Source) -> tuple[SoundTrack, ...]:
    """Return a film's sound tracks of known codecs, in the file's order. Raises MediaError if one can't be copied."""
    with _damage(path), open_film(path) as film:
        first: dict[int, AnyPacket] = {}
        for index, packet in _packets(film, path):
            first.setdefault(index, packet)
            if len(first) == len(known_sound(film)):
                break
        return tuple(_sound_track(stream, first.get(index), path) for index, stream in enumerate(known_sound(film)))


def ffmpeg_sound(path: Source) -> list[str]:
    """Return the tracks of `sound_tracks` as ffmpeg's command line names them."""
    with open_film(path) as film:
        known = {track.index for track in known_sound(film)}
        return [f"a:{number}" for number, track in enumerate(film.streams.audio) if track.index in known]


def read_sound(path: Source) -> Iterator[SoundPacket]:
    """Yield every packet of the tracks of `sound_tracks` in the file's order, in constant memory.

    Times are as in `scan`.
    """
    with _damage(path), open_film(path) as film:
        start = start_time(film)
        for index, packet in _packets(film, path):
            ticks = round(start / packet.time_base)
            trim = 0
            if packet.has_sidedata("skip_samples"):
                trim = TRIM.unpack(bytes(packet.get_sidedata("skip_samples")))[1]
            yield SoundPacket(
                index,
                None if packet.pts is None else packet.pts - ticks,
                None if packet.dts is None else packet.dts - ticks,
                packet.duration or 0,
                bool(packet.is_keyframe),
                bytes(packet),
                trim,
            )


class _Sink:
    """A file that can't seek, so that FFmpeg leaves no gaps to fill in later."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes) -> int:
        self.data += data
        return len(data)


@contextmanager
def _damage(path: Source) -> Iterator[None]:
    try:
        yield
    except av.FFmpegError as error:
        raise MediaError("the film's sound is damaged", subject=path) from error


def _packets(film: InputContainer, path: Source) -> Iterator[tuple[int, AnyPacket]]:
    """Yield track index and packet, except empty packets at the end of a track, and packets that are cut off."""
    streams = known_sound(film)
    indices = {stream.index: index for index, stream in enumerate(streams)}
    filters: dict[int, BitStreamFilterContext] = {}
    for stream in streams:  # AAC is in ADTS frames, which are removed, if the file has no decoder configuration
        codec = stream.codec_context
        if codec.codec.canonical_name == "aac" and not codec.extradata:
            filters[stream.index] = BitStreamFilterContext("aac_adtstoasc", stream)
    for packet in film.demux(streams) if streams else ():
        if packet.size and not _is_edited_out(packet) and not is_cut_off(packet, path):
            number = packet.stream.index
            for filtered in filters[number].filter(packet) if number in filters else (packet,):
                yield indices[number], filtered


def _is_edited_out(packet: AnyPacket) -> bool:
    """Return whether an edit list removes the packet and no decoder needs it to warm up."""
    if not packet.is_discard or packet.pts is None:
        return False
    end = (packet.pts + (packet.duration or 0)) * packet.time_base
    warm_up = Fraction(1, 10)  # seconds
    return not -warm_up < end <= 0


def _sound_track(stream: AudioStream, first: AnyPacket | None, path: Source) -> SoundTrack:
    codec = stream.codec_context
    time_base = time_base_of(stream)
    entry = matroska.track_entry(_track_header(stream, first, path))
    extradata = entry.pop(matroska.CODEC_PRIVATE, b"")
    if first is not None and first.pts is not None and first.pts < 0:
        # Matroska has no negative times: sound that starts before time 0 gets a codec delay. The file's own delay is
        # more precise than the time stamp of its first packet, unless it counts packets that an edit list removes.
        tick = time_base * 10**9  # nanoseconds
        early = -first.pts * tick
        known = int.from_bytes(entry.get(matroska.CODEC_DELAY, b""), "big")
        if abs(early - known) >= tick:
            entry[matroska.CODEC_DELAY] = round(early).to_bytes(8, "big").lstrip(b"\0")
    language = stream.metadata.get("language")
    return SoundTrack(
        codec.codec.canonical_name,
        time_base,
        codec.sample_rate,
        codec.layout.name,
        extradata,
        b"".join(matroska.element(name, content) for name, content in entry.items()),
        None if language == "und" else language,
        stream.metadata.get("title") or stream.metadata.get("name"),
    )


def _track_header(stream: AudioStream, first: AnyPacket | None, path: Source) -> bytes:
    """Return the header of a Matroska file with this stream alone.

    `first` is the stream's first packet, which may bring new extradata. Raises MediaError if it can't be copied.
    """
    sink = _Sink()
    try:
        with av.open(sink, "w", format="matroska", container_options={"fflags": "+bitexact"}) as film:
            copy = film.add_stream_from_template(stream)
            copy.disposition = stream.disposition
            if first is not None and first.has_sidedata("new_extradata"):
                copy.codec_context.extradata = bytes(first.get_sidedata("new_extradata"))
            film.start_encoding()
    except (ValueError, av.FFmpegError) as error:
        name = stream.codec_context.codec.canonical_name
        raise MediaError(f"its sound ({name}) can't be copied to another file", CONVERT_SOUND, subject=path) from error
    return bytes(sink.data)


class SoundWriter:
    """Sound tracks of a film that is being written, and not started yet; turns `SoundPacket` into FFmpeg's packets.

    Args:
        film: film that is being written.
        tracks: tracks of the sound to write.
        packet_gap: least difference of time stamps in ticks.
        playable: codecs to copy. Others become AAC, as the notes say; None: all are copied.

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
        codecs = {track.codec for track in tracks}
        converted = codecs - (codecs if playable is None else playable)
        names = ", ".join(sorted(converted))
        self.notes = (f"its sound ({names}) became AAC, which browsers and phones play",) if converted else ()
        self._tracks = [
            _AacWriter(film, track) if track.codec in converted else _TrackWriter(film, track, packet_gap)
            for track in tracks
        ]

    def packets(self, given: Iterable[SoundPacket | AnyPacket], shift: Fraction = Fraction(0)) -> Iterator[AnyPacket]:
        """Yield the packets for the film, `shift` seconds later. Packets of subtitles have their tracks already."""
        for packet in given:
            if isinstance(packet, SoundPacket):
                yield from self._tracks[packet.track].packets(packet, shift)
            else:
                assert packet.pts is not None
                packet.pts = packet.pts + round(shift / packet.time_base)
                packet.dts = packet.pts
                yield packet

    def rest(self) -> Iterator[AnyPacket]:
        """Yield the packets after the last one."""
        for track in self._tracks:
            yield from track.rest()


class _TrackWriter:
    """Track that is copied packet by packet."""

    def __init__(self, film: OutputContainer, track: SoundTrack, packet_gap: int) -> None:
        # Layout names for files that only give the number of channels.
        layouts = {"1 channels": "mono", "2 channels": "stereo"}
        with _template_stream(track) as template:
            self._stream = film.add_stream_from_template(template)
            self._stream.disposition = template.disposition
        self._stream.codec_context.layout = layouts.get(track.layout, track.layout)
        _set_names(self._stream, track)
        self._time_base = track.time_base
        self._gap = packet_gap
        self._is_mp4 = "mp4" in film.format.name  # its track ends where its last packet does: nothing else trims it
        self._usual = 0  # duration of the packet before
        self._last: int | None = None
        self._end = 0

    def packets(self, sound: SoundPacket, shift: Fraction) -> Iterator[AnyPacket]:
        packet: AnyPacket = Packet(sound.data)
        packet.stream = self._stream
        packet.time_base = time_base_of(self._stream)
        stamp = sound.pts if sound.dts is None else sound.dts
        dts = self._end if stamp is None else self._ticks(stamp, shift)
        dts = dts if self._last is None else max(dts, self._last + self._gap)
        duration = self._ticks(sound.duration)
        if sound.trim and self._is_mp4 and duration >= self._usual:  # else it is the trimmed one already
            duration -= round(Fraction(sound.trim, self._stream.codec_context.sample_rate) / time_base_of(self._stream))
        self._usual = duration
        packet.dts = dts
        packet.pts = dts if sound.pts is None else max(dts, self._ticks(sound.pts, shift))
        packet.duration = duration
        packet.is_keyframe = sound.key
        self._last = dts
        self._end = dts + duration
        if sound.trim:
            skip_samples = 11  # FFmpeg's number of side data for trimming
            side = PacketSideData(skip_samples, TRIM.size)  # type: ignore[call-arg]  # the stub lacks the constructor
            side.update(TRIM.pack(0, sound.trim, 0, 0))
            side.to_packet(packet)
        yield packet

    def rest(self) -> Iterator[AnyPacket]:
        return iter(())

    def _ticks(self, stamp: int, shift: Fraction = Fraction(0)) -> int:
        return round((stamp * self._time_base + shift) / time_base_of(self._stream))


class _AacWriter:
    """A track that is decoded and coded as AAC. Packets that can't be decoded, or differ in kind, are left out."""

    def __init__(self, film: OutputContainer, track: SoundTrack) -> None:
        self._time_base = track.time_base
        self._opened = ExitStack()
        self._last: int | None = None
        self._kind: tuple[str, str, int] | None = None  # format, channels and rate of all frames
        self._decoder = self._opened.enter_context(_template_stream(track)).codec_context
        # Layouts that AAC keeps; all others are mixed to stereo.
        layouts = {"1 channels": "mono", "mono": "mono", "5.1": "5.1", "5.1(side)": "5.1"}
        rates = {96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000}  # Hz
        self._stream = film.add_stream(
            "aac",
            rate=track.rate if track.rate in rates else 48_000,
            layout=layouts.get(track.layout, "stereo"),
        )
        self._stream.bit_rate = 96_000 * self._stream.layout.nb_channels  # bits per second
        _set_names(self._stream, track)

    def packets(self, sound: SoundPacket, shift: Fraction) -> Iterator[AnyPacket]:
        packet: AnyPacket = Packet(sound.data)
        packet.time_base = self._time_base
        packet.duration = sound.duration
        if sound.pts is not None:
            packet.pts = packet.dts = sound.pts + round(shift / self._time_base)
        with suppress(av.InvalidDataError):
            yield from self._encoded(self._decoder.decode(packet))

    def rest(self) -> Iterator[AnyPacket]:
        with self._opened:
            yield from self._encoded([*self._decoder.decode(None), None])

    def _encoded(self, frames: Iterable[AudioFrame | None]) -> Iterator[AnyPacket]:
        for frame in frames:
            if frame is not None:
                kind = frame.format.name, frame.layout.name, frame.sample_rate
                self._kind = self._kind or kind
                if kind != self._kind:  # the encoder takes one kind
                    continue
            for packet in self._stream.encode(frame):
                assert packet.dts is not None
                stamp = packet.dts if self._last is None else max(packet.dts, self._last + 1)
                packet.pts = stamp
                packet.dts = stamp
                self._last = stamp
                yield packet


def _set_names(stream: AudioStream, track: SoundTrack) -> None:
    names = {"language": track.language, "title": track.title}
    stream.metadata.update({name: value for name, value in names.items() if value})


@contextmanager
def _template_stream(track: SoundTrack) -> Iterator[AudioStream]:
    """Yield an FFmpeg stream to create another one from, for a track that `sound_tracks` made."""
    private = matroska.element(matroska.CODEC_PRIVATE, track.extradata) if track.extradata else b""
    with av.open(io.BytesIO(matroska.file_of(track.template + private)), format="matroska") as film:
        if not film.streams.audio or film.streams.audio[0].codec_context is None:  # it names a codec that there is not
            raise ValueError("no sound track")
        yield film.streams.audio[0]
