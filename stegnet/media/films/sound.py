"""Sound tracks of a film, read packet by packet, so that they can be copied to another without re-encoding.

Packets are copied unchanged but for two cases. AAC in ADTS frames (raw, MPEG-TS) loses the frames, as in all other
formats. Packets that an edit list removes are left out, except in the tenth of a second before the start, which a
decoder needs to warm up.
"""

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction

import av
from av.audio.stream import AudioStream
from av.bitstream import BitStreamFilterContext
from av.container import InputContainer
from av.packet import Packet

from stegnet.core.errors import MediaError
from stegnet.media import matroska
from stegnet.media.films.films import known_sound, open_film, start_time
from stegnet.media.opened_file import Source
from stegnet.media.signature import is_animation

_WARM_UP = Fraction(1, 10)
_NANOSECONDS = 10**9
# FFmpeg's side data for trimming: its number, and samples to drop at the start and at the end, with a reason for each.
SKIP_SAMPLES = 11
TRIM = struct.Struct("<IIBB")
CONVERT_SOUND = "convert the sound to AAC or FLAC first"


@dataclass(frozen=True)
class SoundTrack:
    """Everything needed to create the track in another file.

    Attributes:
        codec: FFmpeg's name, such as "aac" or "pcm_s16le".
        time_base: of the packets' time stamps, in seconds.
        rate: samples per second.
        layout: of the channels, such as "stereo" or "5.1"; "3 channels" if the file names none.
        extradata: the decoder's configuration, as in Matroska's CodecPrivate.
        template: the other elements of Matroska's TrackEntry (RFC 9559), made by FFmpeg.
        language: ISO 639-2, or None.
        title: for display, or None.
    """

    codec: str
    time_base: Fraction
    rate: int
    layout: str
    extradata: bytes
    template: bytes
    language: str | None = None
    title: str | None = None


@dataclass(frozen=True)
class SoundPacket:
    """A packet of a sound track.

    Attributes:
        track: index into the tracks.
        pts, dts: presentation and decoding time stamp, in the track's time base; None if unknown.
        duration: in the track's time base, 0 if unknown.
        key: whether decoding can start here.
        data: the packet's bytes.
        trim: samples to drop at its end.
    """

    track: int
    pts: int | None
    dts: int | None
    duration: int
    key: bool
    data: bytes
    trim: int = 0


def sound_tracks(path: Source) -> tuple[SoundTrack, ...]:
    """The sound tracks of a film whose codecs are known, in the order of the file.

    Raises:
        MediaError: no such file, not a film, damaged, or a track can't be copied to another file.
    """
    if is_animation(path):
        return ()
    with _damage(path), open_film(path) as film:
        first = _first_packets(film)
        return tuple(_sound_track(stream, first.get(index), path) for index, stream in enumerate(known_sound(film)))


def ffmpeg_sound(path: Source) -> list[str]:
    """The tracks of `sound_tracks` as ffmpeg's command line names them.

    Raises:
        MediaError: it is not a film.
    """
    if is_animation(path):
        return []
    with open_film(path) as film:
        known = {track.index for track in known_sound(film)}
        return [f"a:{number}" for number, track in enumerate(film.streams.audio) if track.index in known]


def read_sound(path: Source) -> Iterator[SoundPacket]:
    """Every packet of the tracks of `sound_tracks` in the order of the file, in constant memory; times as in `scan`.

    Raises:
        MediaError: no such file, not a film, or damaged.
    """
    if is_animation(path):
        return
    with _damage(path), open_film(path) as film:
        start = start_time(film)
        for index, packet in _packets(film):
            ticks = round(start / packet.time_base)
            yield SoundPacket(
                index,
                None if packet.pts is None else packet.pts - ticks,
                None if packet.dts is None else packet.dts - ticks,
                packet.duration or 0,
                bool(packet.is_keyframe),
                bytes(packet),
                _trim(packet),
            )


class _Sink:
    """A file without seeking, so that FFmpeg leaves no gaps to fill in later."""

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
        raise MediaError(f"{path}: the film's sound is damaged") from error


def _packets(film: InputContainer) -> Iterator[tuple[int, Packet]]:
    """Track index and packet, without the empty packet at the end of each track."""
    streams = known_sound(film)
    indices = {stream.index: index for index, stream in enumerate(streams)}
    filters = {stream.index: _adts_filter(stream) for stream in streams}
    for packet in film.demux(streams) if streams else ():
        if packet.size and not _is_edited_out(packet):
            number = packet.stream.index
            for filtered in filters[number](packet):
                yield indices[number], filtered


def _adts_filter(stream: AudioStream) -> Callable[[Packet], list[Packet]]:
    """Removes ADTS frames from AAC, which has them if the file has no decoder configuration."""
    codec = stream.codec_context
    if codec.codec.canonical_name == "aac" and not codec.extradata:
        return BitStreamFilterContext("aac_adtstoasc", stream).filter
    return lambda packet: [packet]


def _is_edited_out(packet: Packet) -> bool:
    """True if an edit list removes the packet and no decoder needs it to warm up."""
    if not packet.is_discard or packet.pts is None:
        return False
    end = (packet.pts + (packet.duration or 0)) * packet.time_base
    return not -_WARM_UP < end <= 0


def _first_packets(film: InputContainer) -> dict[int, Packet]:
    first: dict[int, Packet] = {}
    for index, packet in _packets(film):
        first.setdefault(index, packet)
        if len(first) == len(known_sound(film)):
            break
    return first


def _sound_track(stream: AudioStream, first: Packet | None, path: Source) -> SoundTrack:
    codec = stream.codec_context
    entry = dict(matroska.track_entry(_track_header(stream, first, path)))
    extradata = entry.pop(matroska.CODEC_PRIVATE, b"")
    _set_delay(entry, stream, first)
    language = stream.metadata.get("language")
    return SoundTrack(
        codec.codec.canonical_name,
        stream.time_base,
        codec.sample_rate,
        codec.layout.name,
        extradata,
        b"".join(matroska.element(name, content) for name, content in entry.items()),
        None if language == "und" else language,
        stream.metadata.get("title") or stream.metadata.get("name"),
    )


def _track_header(stream: AudioStream, first: Packet | None, path: Source) -> bytes:
    """Header of a Matroska file with this track."""
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
        raise MediaError(f"{path}: its sound ({name}) can't be copied to another file", CONVERT_SOUND) from error
    return bytes(sink.data)


def _set_delay(entry: dict[bytes, bytes], stream: AudioStream, first: Packet | None) -> None:
    """Stores as codec delay how long before time 0 the sound starts, since Matroska has no negative times.

    The file's own codec delay is more precise than the time stamp of its first packet.
    """
    if first is None or first.pts is None or first.pts >= 0:
        return
    early = -first.pts * stream.time_base * _NANOSECONDS
    known = int.from_bytes(entry.get(matroska.CODEC_DELAY, b""), "big")
    if early - known >= stream.time_base * _NANOSECONDS:
        entry[matroska.CODEC_DELAY] = round(early).to_bytes(8, "big").lstrip(b"\0")


def _trim(packet: Packet) -> int:
    if not packet.has_sidedata("skip_samples"):
        return 0
    return TRIM.unpack(bytes(packet.get_sidedata("skip_samples")))[1]
