"""Metadata of a cover, which a container goes without if its sender wants: how it is shown and heard stays.

What stays is what browsers need: a picture, its colours and its orientation; a film's tracks; a sound.
"""

import re
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress

from PIL import ExifTags, Image

from stegnet import video
from stegnet.core.errors import MediaError
from stegnet.core.names import FILM, SOUND
from stegnet.core.text import Setting, Text
from stegnet.formats.opened_file import Part, Source, id3_bytes, is_mp4, mapped
from stegnet.formats.riff import riff_chunks
from stegnet.formats.signatures import form_of
from stegnet.image.pictures import UNREADABLE, ignoring_warnings, picture_has_position, says_position
from stegnet.jpeg.markers import JpegFile, Segment, UnsupportedJpegError, open_jpeg
from stegnet.png.file import chunk_bytes, open_png
from stegnet.sound.flac import (
    APPLICATION,
    COMMENTS,
    PADDING,
    SEEK_TABLE,
    STREAM,
    comments_of,
    metadata_blocks,
    with_comments,
    written_blocks,
)

PLACE = "place"  # kind of the warning on the place where a cover was taken
PLACE_KEPT = Text(
    "the container keeps the cover's GPS position, for anyone to read: ",
    *(Setting("strip_metadata", True), " leaves it out"),
    kind=PLACE,
)

_EXIF = b"Exif\0\0"
# In sounds and films: of XMP (exif:GPSLatitude), iXML (LOCATION_GPS) and comments of FLACs (LOCATION=, GPS…).
_PLACES = re.compile(rb"gps.?latitude|location_gps|geo_?location|(?<![a-z_])location=", re.IGNORECASE)
_SEGMENTS = {  # names of a JPEG's metadata, by marker and first bytes
    (0xE1, _EXIF): "EXIF",
    (0xE1, b"http://ns.adobe.com/"): "XMP",
    (0xE2, b"MPF\0"): "index of further pictures",
    (0xED, b"Photoshop 3.0\0"): "IPTC",
    (0xEB, b"JP"): "Content Credentials",
    (0xFE, b""): "comment",
}
_KEPT_SEGMENTS = ((0xE0, b"JFIF\0"), (0xE2, b"ICC_PROFILE\0"), (0xEE, b"Adobe"))
# Chunks that say how a PNG is shown (Portable Network Graphics, 3rd edition, 11.2 and 11.3), and its animation's.
_KEPT_CHUNKS = frozenset(
    {"IHDR", "PLTE", "IDAT", "IEND", "tRNS", "bKGD", "pHYs", "acTL", "fcTL", "fdAT"}
    | {"cHRM", "gAMA", "iCCP", "sBIT", "sRGB", "cICP", "mDCV", "cLLI"}
)
_CHUNKS = {"eXIf": "EXIF", "tIME": "time", "caBX": "Content Credentials"}
_CHUNKS |= dict.fromkeys(("tEXt", "zTXt", "iTXt"), "texts")
_KEPT_OF_WAV = frozenset({b"fmt ", b"fact", b"ds64", b"data"})
_OF_WAV = {b"LIST": "texts (LIST)", b"bext": "recording (bext)", b"id3 ": "ID3", b"ID3 ": "ID3", b"_PMX": "XMP"}
_OF_FLAC = {COMMENTS: "comments", APPLICATION: "application data", 5: "cue sheet", 6: "picture"}


def metadata_of(source: Source) -> list[Part]:
    """Return the metadata of a JPEG, PNG, WAV or FLAC, by its parts in the file.

    Containers of other pictures have none, nor have those of JPEGs of a kind that is not written; films lose theirs
    while they are written. Raises MediaError if it can't be read.
    """
    form = form_of(source)
    try:
        return list(_FORMS[form.name](source)) if form and form.name in _FORMS else []
    except UnsupportedJpegError:
        return []
    except (ValueError, LookupError, struct.error) as error:
        raise video.unreadable_metadata(source) from error


def metadata_names(source: Source, place: bool = True) -> list[str]:
    """Return what a cover has besides how it is shown and heard, each once; a place only if asked for.

    To find the place, a PNG is decoded. Of a damaged file, whose metadata can't be left out where it stands, they are
    those that its reader finds.
    """
    form = form_of(source)
    is_film = form is not None and form.kind == FILM
    try:
        parts = video.metadata_in_mp4(source) if is_mp4(source) else metadata_of(source)
        names = list(dict.fromkeys(part.name for part in parts if part.name))
    except MediaError:
        names = video.film_tags(source) if is_film else []
    if is_film and not is_mp4(source):
        names = video.film_tags(source)
    if names and place and has_gps_position(source):
        names.insert(0, "GPS position")
    return names


def has_gps_position(source: Source) -> bool:
    """Return whether the metadata of a picture, film or sound say where it was taken; errors are those of `probe`."""
    form = form_of(source)
    if form is None:
        return False
    if form.kind == FILM:
        return video.film_has_position(source) or (is_mp4(source) and _mp4_has_position(source))
    if form.kind == SOUND:
        return any(_PLACES.search(text) for text in _texts_of_sound(source))
    if form.name == "JPEG":
        with suppress(MediaError):  # of a kind that Pillow may read
            return _jpeg_has_position(open_jpeg(source))
    return (form.name != "PNG" or open_png(source).may_have_exif) and picture_has_position(source)


def _jpeg_has_position(file: JpegFile) -> bool:
    contents = [file.data[segment.start : segment.end] for segment in file.metadata if segment.marker == 0xE1]

    def exif() -> Image.Exif:
        found = Image.Exif()
        found.load(b"".join(content.removeprefix(_EXIF) for content in contents if content.startswith(_EXIF)))
        return found

    return says_position(exif, [content for content in contents if content.startswith(b"http://ns.adobe.com/")])


def _mp4_has_position(source: Source) -> bool:
    """Return whether the XMP of an MP4, which FFmpeg does not read, says where it was taken; False if it is damaged."""
    try:
        parts = video.metadata_in_mp4(source)
    except MediaError:  # it is reported where the metadata is left out
        return False
    with mapped(source) as data:
        return any(_PLACES.search(data[part.start : part.end]) for part in parts)


def _texts_of_sound(source: Source) -> Iterator[bytes]:
    """Yield what a WAV or FLAC holds besides its samples; of a damaged one, what is before the damage."""
    with mapped(source) as data:
        if data[:4] in {b"RIFF", b"RF64", b"BW64"}:
            yield from (data[start:end] for kind, _, start, end in riff_chunks(data) if kind != b"data")
        else:
            with suppress(ValueError):  # its reader reports it
                yield from (content for _, content in metadata_blocks(data)[0])


def _of_jpeg(source: Source) -> Iterator[Part]:
    file = open_jpeg(source)
    has_exif = False
    for segment in file.metadata:
        content = file.data[segment.start : segment.end]
        if segment.marker == 0xE0 and content.startswith(b"JFIF\0") and (any(content[12:14]) or len(content) > 14):
            yield part_of_segment("thumbnail", segment, content[:12] + bytes(2))
        if segment.marker == 0xEE and content.startswith(b"Adobe") and len(content) > 12:
            yield part_of_segment("segment APP14", segment, content[:12])
        if any(segment.marker == marker and content.startswith(head) for marker, head in _KEPT_SEGMENTS):
            continue
        known = _SEGMENTS.items()
        names = (name for (marker, head), name in known if segment.marker == marker and content.startswith(head))
        name = next(names, f"segment APP{segment.marker - 0xE0}")
        rest = b""
        if name == "EXIF":
            shown = b"" if has_exif else _shown(source)
            has_exif = True
            rest = _EXIF + shown if shown else b""
            name = "" if rest == content else name
        yield part_of_segment(name, segment, rest)
    if file.end < len(file.data):
        yield Part("data behind the picture", file.end, len(file.data))


def part_of_segment(name: str, segment: Segment, content: bytes) -> Part:
    """Return a segment of a JPEG that gets other content, or goes without any."""
    head = bytes([0xFF, segment.marker]) + (len(content) + 2).to_bytes(2)
    return Part(name, segment.start - 4, segment.end, head + content if content else b"")


def _of_png(source: Source) -> Iterator[Part]:
    with mapped(source) as data:
        for kind, start, end in open_png(source).others:
            if kind in _KEPT_CHUNKS or start == end:
                continue
            name = _CHUNKS.get(kind, f"chunk {kind}") if kind else "data behind the picture"
            rest = b""
            if kind == "eXIf":
                shown = _shown(source)
                rest = chunk_bytes(b"eXIf", shown) if shown else b""
                name = "" if rest == data[start:end] else name
            yield Part(name, start, end, rest)


def _of_wav(source: Source) -> Iterator[Part]:
    with mapped(source) as data:
        end = 12
        for kind, start, _, end in riff_chunks(data):
            if kind not in _KEPT_OF_WAV:
                yield Part(_OF_WAV.get(kind, f"chunk {kind.decode('latin-1').strip()}"), start, end)
        if end < len(data):
            yield Part("data behind the sound", end, len(data))


def _of_flac(source: Source) -> Iterator[Part]:
    """Yield what a FLAC has besides its samples, its encoder's name, and the loudspeakers that its channels are for."""
    with mapped(source) as data:
        if tag_end := id3_bytes(data[:10]):
            yield Part("ID3", 0, tag_end)
        blocks, frames = metadata_blocks(data)
    kept = [
        (kind, _shown_block(kind, content))
        for kind, content in blocks
        if kind in (STREAM, SEEK_TABLE, COMMENTS, PADDING)
    ]
    lost = [_OF_FLAC.get(kind, f"block {kind}") for kind, content in blocks if (kind, content) not in kept]
    if lost:
        yield Part(", ".join(dict.fromkeys(lost)), tag_end + 4, frames, written_blocks(kept))


def _shown_block(kind: int, content: bytes) -> bytes:
    """Return the content of a block of a FLAC without metadata."""
    if kind == PADDING:
        return bytes(len(content))
    if kind != COMMENTS:
        return content
    channels = b"WAVEFORMATEXTENSIBLE_CHANNEL_MASK="  # of libFLAC
    return with_comments(content, [each for each in comments_of(content) if each.upper().startswith(channels)])


def _shown(source: Source) -> bytes:
    """Return EXIF that says only how a picture is turned and which colours it has; b"" if it need not."""
    usual = 1  # of both: not turned, and sRGB
    try:
        with ignoring_warnings, source.open("rb") as file, Image.open(file) as image:
            old = image.getexif()
            orientation = old.get(ExifTags.Base.Orientation, usual)
            space = old.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.ColorSpace, usual)
            index = old.get_ifd(ExifTags.IFD.Interop).get(ExifTags.Interop.InteropIndex)
    except UNREADABLE:  # viewers do without damaged EXIF
        return b""
    new = Image.Exif()
    if orientation != usual:
        new[ExifTags.Base.Orientation] = orientation
    if space != usual:
        new.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ColorSpace] = space
        if index:
            new.get_ifd(ExifTags.IFD.Exif)[ExifTags.IFD.Interop] = {ExifTags.Interop.InteropIndex: index}
    return new.tobytes().removeprefix(_EXIF) if len(new) or space != usual else b""


_FORMS: dict[str, Callable[[Source], Iterator[Part]]] = {
    **{"JPEG": _of_jpeg, "PNG": _of_png},
    **{"WAV": _of_wav, "FLAC": _of_flac},
}
