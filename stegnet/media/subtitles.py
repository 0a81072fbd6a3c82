"""Subtitles on their way from one film into another."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.subtitles.stream import SubtitleStream

from stegnet.media.films import open_film, start_time
from stegnet.media.forms import MKV, Form

_UTF16 = b"\xfe\xff"


class Subtitles:
    """The subtitle tracks of a film, each made again in another film that has not started yet.

    MP4's text becomes SubRip in Matroska, where only its styles are lost. A track that the form can't hold is left
    out, and a note says so.
    """

    def __init__(self, source: InputContainer, path: Path, film: OutputContainer, form: Form) -> None:
        self._path = path
        self._notes: list[str] = []
        self._plain = False
        self._streams = {track.index: self._add(track, film, form) for track in source.streams.subtitles}

    @property
    def notes(self) -> tuple[str, ...]:
        """One line for each thing lost; whole once all packets were taken."""
        return (*self._notes, *(["the styles of its subtitles are lost: Matroska gets plain text"] * self._plain))

    def packets(self) -> Iterator[tuple[Fraction, Packet]]:
        """Time in seconds, and packet, in the order of the file.

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
                    yield from self._carried(packet)

    def _add(self, track: SubtitleStream, film: OutputContainer, form: Form) -> Stream | None:
        codec = track.codec_context.codec.canonical_name if track.codec_context else "unknown"
        try:
            if codec == "mov_text" and form is MKV:
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

    def _carried(self, packet: Packet) -> Iterator[tuple[Fraction, Packet]]:
        stream = self._streams[packet.stream.index]
        time = packet.pts * packet.time_base
        if stream.codec_context is None:
            text, styles = _mov_text(bytes(packet))
            self._plain = self._plain or bool(styles)
            packet = _like(packet, text)
        if packet.size:
            packet.stream = stream
            yield time, packet


def _mov_text(data: bytes) -> tuple[bytes, bytes]:
    """Text in UTF-8, and the boxes of styles after it (3GPP TS 26.245: a length of 16 bits, then the text)."""
    end = 2 + int.from_bytes(data[:2], "big")
    text = data[2:end]
    if text.startswith(_UTF16):
        text = text.decode("utf-16", errors="replace").encode()
    return text, data[end:]


def _like(packet: Packet, data: bytes) -> Packet:
    """A packet with the other's times and this content."""
    copy = Packet(data)
    copy.pts, copy.dts, copy.duration, copy.time_base = packet.pts, packet.dts, packet.duration, packet.time_base
    copy.is_keyframe = True
    return copy
