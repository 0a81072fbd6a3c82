"""What stands before the first packet of a film, carried from one film into another that has not started yet.

Each function yields a line for each thing that the other film's form can't hold.
"""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from stegnet.media.films import decoded, open_film, picture_stream, picture_tracks, shape
from stegnet.media.forms import MKV, Form
from stegnet.media.frames import UNSPECIFIED

# Of the file or of its making, not of the film.
_NOT_TAGS = {"encoder", "major_brand", "minor_version", "compatible_brands", "duration", "location-eng"}
_MP4_TAGS = {
    *("title", "artist", "album_artist", "composer", "album", "date", "comment", "genre", "copyright", "grouping"),
    *("lyrics", "description", "synopsis", "show", "episode_id", "network", "keywords", "episode_sort"),
    *("season_number", "media_type", "hd_video", "gapless_playback", "compilation", "track", "disc", "location"),
}
_ANY_TYPE = "application/octet-stream"
_COVER_TYPES = {"mjpeg": ("cover.jpg", "image/jpeg"), "png": ("cover.png", "image/png")}
_INTERLACED = {2, 3, 4, 5}  # FFmpeg's field orders


def carry_colours(source: InputContainer, path: Path, pictures: VideoStream, form: Form) -> Iterator[str]:
    """What the numbers of a pixel mean, and the shape of pixels."""
    stream = picture_stream(source, path)
    old, new = stream.codec_context, pictures.codec_context
    if old.color_primaries != UNSPECIFIED:
        new.color_primaries = old.color_primaries
    if old.color_trc != UNSPECIFIED:
        new.color_trc = old.color_trc
    first = next(decoded(source, stream, path), None)
    aspect = Fraction(1) if first is None else shape(stream, first)[2]
    if form is not MKV:
        new.sample_aspect_ratio = aspect
        return
    if old.field_order in _INTERLACED:
        new.field_order = old.field_order
    if aspect != 1:
        ratio = f"{aspect.numerator}:{aspect.denominator}"
        yield f"its pixels are {ratio}, but square in the new film: this program's MKV can't say it, its MP4 can"


def carry_tags(source: InputContainer, film: OutputContainer, form: Form) -> Iterator[str]:
    """Title and the like; not who made the file, nor when."""
    tags = {name.lower(): value for name, value in source.metadata.items()}
    tags = {name: value for name, value in tags.items() if name not in _NOT_TAGS and "creation" not in name}
    if form is not MKV and (unknown := sorted(tags.keys() - _MP4_TAGS)):
        yield f"its tags {', '.join(unknown)} are left out: MP4 has no place for them"
        tags = {name: value for name, value in tags.items() if name in _MP4_TAGS}
    film.metadata.update(tags)


def carry_chapters(source: InputContainer, film: OutputContainer) -> None:
    """Chapters and their titles; one without an end ends where it starts."""
    film.set_chapters([_chapter(number, chapter) for number, chapter in enumerate(source.chapters(), 1)])


def carry_attachments(source: InputContainer, film: OutputContainer, form: Form) -> Iterator[str]:
    """Fonts and other files; and what is said of tracks that are of no use here."""
    attachments = source.streams.attachments
    if form is MKV:
        for stream in attachments:
            film.add_attachment(stream.name or "attachment", stream.mimetype or _ANY_TYPE, stream.data)
    elif attachments:
        yield f"its attached files ({len(attachments)}) are left out: MP4 has no place for them"
    data = [stream for stream in source.streams.data if not _holds_chapters(stream, source)]
    if data:
        yield f"its data tracks ({len(data)}) are left out"
    others = len(picture_tracks(source)) - 1
    if others:
        yield f"its other tracks of pictures ({others}) are left out"


def carry_covers(path: Path, film: OutputContainer, form: Form) -> list[Packet]:
    """Cover art: attached files in Matroska; in MP4, pictures whose packets are to come first."""
    with open_film(path) as source:
        covers = [stream for stream in source.streams.video if stream.disposition & Disposition.attached_pic]
        packets = {}
        for packet in source.demux(covers) if covers else ():
            packets.setdefault(packet.stream.index, packet)
            if len(packets) == len(covers):
                break
        carried = [_cover(packets[stream.index], film, form) for stream in covers if stream.index in packets]
    return [packet for packet in carried if packet is not None]


def _cover(art: Packet, film: OutputContainer, form: Form) -> Packet | None:
    old = art.stream
    if form is MKV:
        name, kind = _COVER_TYPES.get(old.codec_context.name, ("cover", _ANY_TYPE))
        film.add_attachment(old.metadata.get("filename", name), old.metadata.get("mimetype", kind), bytes(art))
        return None
    new = film.add_stream_from_template(old)
    new.disposition = Disposition.attached_pic
    packet = Packet(bytes(art))
    packet.stream, packet.is_keyframe = new, True
    return packet


def _chapter(number: int, chapter: dict[str, Any]) -> dict[str, Any]:
    return chapter | {"id": number, "end": max(chapter["start"], chapter["end"])}


def _holds_chapters(stream: Stream, film: InputContainer) -> bool:
    """Whether it is the track of text in which MP4 keeps chapters."""
    return bool(film.chapters()) and stream.name == "bin_data"
