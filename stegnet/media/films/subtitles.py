"""Subtitles on their way from one film to another: packet by packet, or as ffmpeg's command line converts them."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.subtitles.stream import SubtitleStream

from stegnet.media.films.encoders import FORMS, MKV, Form
from stegnet.media.films.films import open_film, start_time
from stegnet.media.films.sound import SoundPacket
from stegnet.media.opened_file import Source
from stegnet.media.signature import is_animation

# Codecs: MP4's, other text, and pictures.
_MP4_TEXT, _TEXTS = "mov_text", {"ass", "ssa", "subrip", "text", "webvtt"}
_PICTURES = {"hdmv_pgs_subtitle", "dvd_subtitle", "dvb_subtitle"}
_UTF16 = b"\xfe\xff"
Timed = tuple[Fraction, SoundPacket | Packet]  # time in seconds


@dataclass(frozen=True)
class SubtitleTrack:
    """A subtitle track of a film, and what becomes of it in another.

    Attributes:
        source: name of its codec.
        written: what it becomes in the other film, "copy" if it stays as it is; None: the other film can't hold it.
        language: its tag, or "".
    """

    source: str
    written: str | None
    language: str


def subtitle_tracks(path: Source, form: str) -> list[SubtitleTrack]:
    """The subtitle tracks of a film: text is converted to what the other film can hold.

    Args:
        form: of that film, "mkv" or "mp4".
    Raises:
        MediaError: it is not a film.
    """
    if is_animation(path):
        return []
    with open_film(path) as source:
        found = [(_codec_name(track), track.metadata.get("language", "")) for track in source.streams.subtitles]
    return [SubtitleTrack(codec, _subtitle_codec(codec, form), language) for codec, language in found]


def _subtitle_codec(codec: str, form: str) -> str | None:
    mkv = FORMS[form] is MKV
    if codec == _MP4_TEXT:
        return "subrip" if mkv else "copy"
    if codec in _TEXTS:
        return "copy" if mkv else _MP4_TEXT
    return "copy" if mkv and codec in _PICTURES else None


class SubtitleCopy:
    """The subtitle tracks of a film, each added to another film that has not started yet.

    MP4's text becomes SubRip in Matroska, which loses only its styles. A track that the format can't hold is left
    out with a note.
    """

    def __init__(self, source: InputContainer, path: Source, film: OutputContainer, form: Form) -> None:
        self._path = path
        self._notes: list[str] = []
        self._lost_styles = False
        self._streams = {track.index: self._add(track, film, form) for track in source.streams.subtitles}

    @property
    def notes(self) -> tuple[str, ...]:
        """One line for each loss; complete after the last packet."""
        lost = ["the styles of its subtitles are lost: Matroska gets plain text"] * self._lost_styles
        return (*self._notes, *lost)

    def packets(self) -> Iterator[Timed]:
        """Time in seconds and packet, in the order of the file.

        Raises:
            av.FFmpegError: the film is damaged.
        """
        wanted = [index for index, stream in self._streams.items() if stream is not None]
        if not wanted:
            return
        with open_film(self._path) as source:
            start = start_time(source)
            for packet in source.demux([source.streams[index] for index in wanted]):
                if packet.size and packet.pts is not None:
                    packet.pts = max(0, packet.pts - round(start / packet.time_base)) if start else packet.pts
                    yield from self._copied(packet)

    def _add(self, track: SubtitleStream, film: OutputContainer, form: Form) -> Stream | None:
        codec = _codec_name(track)
        try:
            if codec == _MP4_TEXT and form is MKV:
                stream = film.add_mux_stream("subrip", time_base=track.time_base)
            else:
                stream = film.add_stream_from_template(track)
        except ValueError:
            self._notes.append(f"its subtitles ({codec}) are left out: {form.name} can't hold them")
            return None
        stream.disposition = track.disposition
        names = {name: track.metadata.get(name) for name in ("language", "title")}
        stream.metadata.update({name: value for name, value in names.items() if value})
        return stream

    def _copied(self, packet: Packet) -> Iterator[Timed]:
        stream = self._streams[packet.stream.index]
        time = packet.pts * packet.time_base
        if stream.codec_context is None:  # SubRip
            text, styles = _split_mov_text(bytes(packet))
            self._lost_styles = self._lost_styles or bool(styles)
            packet = _with_data(packet, text)
        if packet.size:
            packet.stream = stream
            yield time, packet


def _codec_name(track: SubtitleStream) -> str:
    return track.codec_context.codec.canonical_name if track.codec_context else "unknown"


def _split_mov_text(data: bytes) -> tuple[bytes, bytes]:
    """Text in UTF-8, and the style boxes after it (3GPP TS 26.245: a 16-bit length, then the text)."""
    end = 2 + int.from_bytes(data[:2], "big")
    text = data[2:end]
    if text.startswith(_UTF16):
        text = text.decode("utf-16", errors="replace").encode()
    return text, data[end:]


def _with_data(packet: Packet, data: bytes) -> Packet:
    """A packet with the same times and other data."""
    copy = Packet(data)
    copy.pts, copy.dts, copy.duration, copy.time_base = packet.pts, packet.dts, packet.duration, packet.time_base
    copy.is_keyframe = True
    return copy
