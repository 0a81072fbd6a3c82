"""Copying everything but the pictures from one film to another, without re-encoding.

Sound, subtitles, chapters, attachments, cover art, tags, and colour metadata are copied. Anything that the other format
can't hold is left out, with a note.
"""

import codecs
import heapq
from collections.abc import Generator, Iterator
from fractions import Fraction
from typing import NamedTuple

import av
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
from av.subtitles.stream import SubtitleStream
from av.video.stream import VideoStream

from stegnet.core.errors import MediaError
from stegnet.formats.opened_file import Source
from stegnet.video.films import (
    AnyPacket,
    ColourCode,
    decoded,
    film_head,
    known_sound,
    open_film,
    picture_stream,
    picture_tracks,
    start_time,
)
from stegnet.video.forms import FORMS, FilmForm
from stegnet.video.frame_properties import FrameProperties, frame_properties
from stegnet.video.sound_packets import SoundPacket
from stegnet.video.sound_streams import read_sound, sound_tracks

_MP4_TEXT = "mov_text"  # FFmpeg's name for MP4's text codec
Timed = tuple[Fraction, SoundPacket | AnyPacket]  # time in seconds
_MP4_TAGS = {
    *("title", "artist", "album_artist", "composer", "album", "date", "comment", "genre", "copyright", "grouping"),
    *("lyrics", "description", "synopsis", "show", "episode_id", "network", "keywords", "episode_sort"),
    *("season_number", "media_type", "hd_video", "gapless_playback", "compilation", "track", "disc", "location"),
}
_ANY_TYPE = "application/octet-stream"


class SubtitleTrack(NamedTuple):
    """A subtitle track of a film, and its form in another film."""

    source: str  # name of its codec
    # codec in the other film, "copy" if unchanged; None: the other film can't hold it
    written: str | None
    language: str  # its tag, or ""


def subtitle_tracks(path: Source, form: str) -> list[SubtitleTrack]:
    """Return the subtitle tracks of a film, and the codec of each in another one, "mkv" or "mp4".

    Text is converted to what that can hold. Pictures are copied to Matroska only.
    """
    picture_codecs = {"hdmv_pgs_subtitle", "dvd_subtitle", "dvb_subtitle"}
    text_codecs = {"ass", "ssa", "subrip", "text", "webvtt"}
    mkv = FORMS[form].is_matroska
    written = {_MP4_TEXT: "subrip" if mkv else "copy"} | dict.fromkeys(text_codecs, "copy" if mkv else _MP4_TEXT)
    written |= dict.fromkeys(picture_codecs, "copy") if mkv else {}
    with open_film(path) as source:
        tracks = [(_codec_name(track), track.metadata.get("language", "")) for track in source.streams.subtitles]
    return [SubtitleTrack(codec, written.get(codec), language) for codec, language in tracks]


class StreamCopy:
    """Streams and metadata on their way from a film that was read to one that is being written.

    `tracks` are the film's sound tracks, and `covers` the packets of cover art, which come first.

    Without `metadata`, only sound, subtitles, their languages, and the times of chapters are copied.

    Raises:
        MediaError: it is not a film, or its sound can't be copied.
    """

    def __init__(self, path: Source, metadata: bool = True) -> None:
        self.tracks = sound_tracks(path)
        self._metadata = metadata
        self.covers: list[AnyPacket] = []
        self._path = path
        self._notes: list[str] = []
        self._subtitles: dict[int, Stream] = {}  # by their number in the film that was read
        self._lost_styles = False
        self._sources: list[Generator[Timed, None, None]] = []
        self._merged: Iterator[Timed] = iter(())
        self._next: Timed | None = None

    def frame_properties(self) -> FrameProperties:
        """Return its pixel aspect ratio, field order and HDR metadata; decodes a frame."""
        with open_film(self._path) as source:
            stream = picture_stream(source, self._path)
            first = next(decoded(source, stream, self._path), None)
            return frame_properties(stream, first) if first else FrameProperties()

    @property
    def notes(self) -> tuple[str, ...]:
        """One line for each thing that could not be copied; complete after the last packet."""
        lost = ("the styles of its subtitles are lost: Matroska gets plain text",) if self._lost_styles else ()
        return (*self._notes, *lost)

    def add_to(self, film: OutputContainer, pictures: VideoStream, form: FilmForm) -> None:
        """Add all metadata and subtitle tracks to a film that has not started yet, and set `covers`."""
        with film_head(self._path) as source:
            _copy_picture_metadata(picture_stream(source, self._path), pictures)
            for old, new in zip(known_sound(source), film.streams.audio, strict=True):
                new.metadata.clear()
                new.metadata.update(self._kept_tags(old))
            chapters = source.chapters()
            for number, chapter in enumerate(chapters, 1):
                chapter["id"] = number
                chapter["end"] = max(chapter["start"], chapter["end"])  # one that ends before its start has no length
                if not self._metadata:
                    chapter["metadata"] = {}
            film.set_chapters(chapters)
            missing = [track for track in source.streams.subtitles if not self._add_subtitles(track, film, form)]
            if self._metadata:
                self._notes += _copy_tags(source, film, form)
                self._notes += _copy_attachments(source, film, form)
            else:
                pictures.metadata.clear()
                self._notes += _never_copied(source)
            unheld = f"are left out: {form.name} can't hold them"
            self._notes += [f"its subtitles ({_codec_name(track)}) {unheld}" for track in missing]
            has_covers = self._metadata and bool(_covers_of(source))
        self.covers = _copy_covers(self._path, film, form) if has_covers else []
        self._sources = [self._timed_sound(), self._timed_subtitles()]
        self._merged = heapq.merge(*self._sources, key=lambda timed: timed[0])

    def packets_until(self, time: Fraction | None) -> Iterator[SoundPacket | AnyPacket]:
        """Yield packets of sound and subtitles up to `time` in seconds; None: all the remaining ones."""
        while True:
            try:
                self._next = self._next or next(self._merged, None)
            except av.FFmpegError as error:
                raise MediaError("the film is damaged", subject=self._path) from error
            if self._next is None or (time is not None and self._next[0] > time):
                return
            packet = self._next[1]
            self._next = None
            yield packet

    def close(self) -> None:
        """Close the film to copy from."""
        for source in self._sources:
            source.close()

    def _add_subtitles(self, track: SubtitleStream, film: OutputContainer, form: FilmForm) -> bool:
        """Add a track, and return whether the format can hold it. MP4's text becomes SubRip in Matroska."""
        try:
            if _codec_name(track) == _MP4_TEXT and form.is_matroska:
                stream = film.add_mux_stream("subrip", time_base=track.time_base)
            else:
                stream = film.add_stream_from_template(track)
        except ValueError:
            return False
        stream.disposition = track.disposition
        stream.metadata.update(self._kept_tags(track))
        self._subtitles[track.index] = stream
        return True

    def _kept_tags(self, track: Stream) -> dict[str, str]:
        """Return the tags of a track that the other film gets."""
        return {name: text for name, text in track.metadata.items() if self._metadata or name.lower() == "language"}

    def _timed_sound(self) -> Generator[Timed, None, None]:
        time = Fraction(0)
        for packet in read_sound(self._path) if self.tracks else ():
            stamp = packet.pts if packet.dts is None else packet.dts
            time = time if stamp is None else stamp * self.tracks[packet.track].time_base
            yield time, packet

    def _timed_subtitles(self) -> Generator[Timed, None, None]:
        if not self._subtitles:
            return
        with open_film(self._path) as source:
            start = start_time(source)
            for packet in source.demux([source.streams[index] for index in self._subtitles]):
                if not packet.size or packet.pts is None:
                    continue
                packet.pts = max(0, packet.pts - round(start / packet.time_base)) if start else packet.pts
                time = packet.pts * packet.time_base
                stream = self._subtitles[packet.stream.index]
                copy = self._plain_text(packet) if stream.codec_context is None else packet  # None: SubRip
                if copy.size:
                    copy.stream = stream
                    yield time, copy

    def _plain_text(self, packet: AnyPacket) -> AnyPacket:
        """Return a packet of MP4's text in UTF-8, without styles.

        3GPP TS 26.245: the length of the text in 16 bits, the text, styles.
        """
        data = bytes(packet)
        end = 2 + int.from_bytes(data[:2], "big")
        text = data[2:end]
        self._lost_styles = self._lost_styles or len(data) > end
        has_utf_16 = text.startswith(codecs.BOM_UTF16_BE)
        plain: AnyPacket = Packet(text.decode("utf-16", errors="replace").encode() if has_utf_16 else text)
        plain.pts = packet.pts
        plain.dts = packet.dts
        plain.duration = packet.duration
        plain.time_base = packet.time_base
        plain.is_keyframe = True
        return plain


def _codec_name(track: SubtitleStream) -> str:
    return track.codec_context.codec.canonical_name if track.codec_context else "unknown"


def film_tags(path: Source) -> list[str]:
    """Return the names of a film's tags, and of what else says something of its maker."""
    with film_head(path) as source:
        tags = [name for name in sorted(_film_tags(source)) if name != "duration"]
        cover = ["cover art"] if _covers_of(source) else []
        return tags + cover + (["attached files"] if source.streams.attachments else [])


def left_out(path: Source, form: str) -> tuple[str, ...]:
    """Return lines on all that is lost if only pictures, sound, subtitles and the times of chapters are copied.

    Args:
        path: film.
        form: form of the other film, "mkv" or "mp4".
    """
    lost = [f"subtitles ({track.source})" for track in subtitle_tracks(path, form) if track.written is None]
    with film_head(path) as source:
        if any(chapter["metadata"].get("title") for chapter in source.chapters()):
            lost.append("chapter titles")
        lost += [f"tags {', '.join(names)}"] if (names := sorted(_film_tags(source))) else []
        lost += [f"attached files ({len(files)})"] if (files := source.streams.attachments) else []
        lost += ["cover art"] if _covers_of(source) else []
        return (*(f"its {what} are left out" for what in lost), *_never_copied(source))


# Metadata. Functions that yield give a line for everything that the other format can't hold.


def _copy_picture_metadata(stream: VideoStream, pictures: VideoStream) -> None:
    """Copy colour primaries, transfer function, disposition, and the track's tags except the name of its encoder."""
    old = stream.codec_context
    new = pictures.codec_context
    if old.color_primaries != ColourCode.UNSPECIFIED:
        new.color_primaries = old.color_primaries
    if old.color_trc != ColourCode.UNSPECIFIED:
        new.color_trc = old.color_trc
    pictures.disposition = stream.disposition
    pictures.metadata.update({name: stream.metadata[name] for name in stream.metadata if name.lower() != "encoder"})


def _copy_tags(source: InputContainer, film: OutputContainer, form: FilmForm) -> Iterator[str]:
    """Copy the film's tags as ffmpeg does: all except the time and the product of the recording."""
    # Tags that say when, and with which company's program, a film was recorded: ffmpeg leaves them out.
    of_recording = ("creation_time", "company_name", "product_name", "product_version")
    kept = list(source.metadata.items())
    for name in of_recording:
        for place in [place for place, (tag, _) in enumerate(kept) if tag.lower() == name]:
            kept[place] = kept[-1]  # as in FFmpeg's dictionary, whose order the file shows
            kept.pop()
    tags = dict(kept)
    if not form.is_matroska:
        if unknown := sorted(_film_tags(source).keys() - _MP4_TAGS):
            yield f"its tags {', '.join(unknown)} are left out: MP4 can't hold them"
        tags = {name: value for name, value in tags.items() if name.lower() in _MP4_TAGS}
    film.metadata.update(tags)


def _film_tags(source: InputContainer) -> dict[str, str]:
    # These tags describe the file, not the film, and are not worth a note.
    file_tags = {"encoder", "major_brand", "minor_version", "compatible_brands", "duration", "location-eng"}
    tags = {name.lower(): value for name, value in source.metadata.items()}
    return {name: value for name, value in tags.items() if name not in file_tags and "creation" not in name}


def _copy_attachments(source: InputContainer, film: OutputContainer, form: FilmForm) -> Iterator[str]:
    """Copy fonts and other files, and note the tracks that are never copied."""
    attachments = source.streams.attachments
    if form.is_matroska:
        for stream in attachments:
            film.add_attachment(stream.name or "attachment", stream.mimetype or _ANY_TYPE, stream.data)
    elif attachments:
        yield f"its attached files ({len(attachments)}) are left out: MP4 can't hold them"
    yield from _never_copied(source)


def _never_copied(source: InputContainer) -> Iterator[str]:
    # MP4 stores chapters in a text track.
    data = [stream for stream in source.streams.data if not (source.chapters() and stream.name == "bin_data")]
    if data:
        yield f"its data tracks ({len(data)}) are left out"
    other_tracks = len(picture_tracks(source)) - 1
    if other_tracks:
        yield f"its other video tracks ({other_tracks}) are left out"


def _copy_covers(path: Source, film: OutputContainer, form: FilmForm) -> list[AnyPacket]:
    """Copy cover art, to Matroska as attachments. Return the packets that MP4 needs first."""
    cover_types = {"mjpeg": ("cover.jpg", "image/jpeg"), "png": ("cover.png", "image/png")}
    with open_film(path) as source:
        covers = _covers_of(source)
        packets: dict[int, AnyPacket] = {}
        for packet in source.demux(covers):
            packets.setdefault(packet.stream.index, packet)
            if len(packets) == len(covers):
                break
        first: list[AnyPacket] = []
        for art in (packets[stream.index] for stream in covers if stream.index in packets):
            old = art.stream
            if form.is_matroska:
                name, kind = cover_types.get(old.codec_context.name, ("cover", _ANY_TYPE))
                film.add_attachment(old.metadata.get("filename", name), old.metadata.get("mimetype", kind), bytes(art))
                continue
            new = film.add_stream_from_template(old)
            new.disposition = Disposition.attached_pic
            cover: AnyPacket = Packet(bytes(art))
            cover.stream = new
            cover.is_keyframe = True
            first.append(cover)
    return first


def _covers_of(source: InputContainer) -> list[VideoStream]:
    return [stream for stream in source.streams.video if stream.disposition & Disposition.attached_pic]
