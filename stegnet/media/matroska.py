"""The few elements of Matroska (RFC 9559) that are parsed and written here without FFmpeg.

FFmpeg can add a track for encoded packets only from a stream that it has read. So the TrackEntry that it writes for
a track is stored, and later given back to it as a file that contains nothing else.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

EBML = bytes.fromhex("1a45dfa3")
CODEC_PRIVATE = bytes.fromhex("63a2")
CODEC_DELAY = bytes.fromhex("56aa")
_DOCUMENT_TYPE = bytes.fromhex("4282")
_SEGMENT = bytes.fromhex("18538067")
_TRACKS = bytes.fromhex("1654ae6b")
_TRACK_ENTRY = bytes.fromhex("ae")
_CLUSTER = bytes.fromhex("1f43b675")
_TIMESTAMP = bytes.fromhex("e7")
_SIMPLE_BLOCK = bytes.fromhex("a3")
CRC32 = bytes.fromhex("bf")
SEGMENT_UID = bytes.fromhex("73a4")
# TrackUID, FileUID; TagTrackUID, TagAttachmentUID.
UIDS = {SEGMENT_UID, *(bytes.fromhex(name) for name in ("73c5", "46ae", "63c5", "63c6"))}
# Info; Tags, Tag, Targets; Attachments, AttachedFile.
_MASTERS = {bytes.fromhex(name) for name in ("1549a966", "1254c367", "7373", "63c0", "1941a469", "61a7")}
_MASTERS |= {_SEGMENT, _TRACKS, _TRACK_ENTRY}
_MOST_HEAD = 12  # bytes of an identifier and a size

# FFmpeg opens no file without a packet: track 1, time 0, a keyframe, one byte.
_PACKET = b"\x81\0\0\x80\0"


def track_entry(header: bytes) -> list[tuple[bytes, bytes]]:
    """Identifier and content of each element in a file's first TrackEntry.

    Raises:
        ValueError: there is none.
    """
    content = header
    for level in (_SEGMENT, _TRACKS, _TRACK_ENTRY):
        content = next((inner for name, inner in elements(content) if name == level), None)
        if content is None:
            raise ValueError("no track")
    return list(elements(content))


def file_of(entry: bytes) -> bytes:
    """A complete file with one track of this TrackEntry, and one packet of one byte."""
    header = element(EBML, element(_DOCUMENT_TYPE, b"matroska"))
    cluster = element(_CLUSTER, element(_TIMESTAMP, b"\0") + element(_SIMPLE_BLOCK, _PACKET))
    return header + element(_SEGMENT, element(_TRACKS, element(_TRACK_ENTRY, entry)) + cluster)


def element(name: bytes, content: bytes) -> bytes:
    """Serialises an element, its size in as few bytes as possible."""
    size = len(content)
    # One less than the largest number, since all ones mean an unknown size.
    width = next(width for width in range(1, 9) if size < (1 << 7 * width) - 1)
    return name + (size | 1 << 7 * width).to_bytes(width, "big") + content


def elements(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Identifier and content of each element; one of unknown size extends to the end.

    Raises:
        ValueError: it is not Matroska.
    """
    while content:
        name, start, size = _head(content)
        end = len(content) if size is None else start + size
        yield name, content[start:end]
        content = content[end:]


def end_of_segment(start: bytes) -> int | None:
    """Length in bytes of a file that starts with these bytes; None if its header does not give it."""
    position = 0
    while position < len(start):
        try:
            name, first, size = _head(start[position:])
        except ValueError:
            return None
        if name == _SEGMENT or size is None:
            return None if size is None else position + first + size
        position += first + size
    return None


@dataclass(frozen=True)
class Span:
    """Place of an element in a file, in bytes.

    Attributes:
        name: its identifier.
        start, end: of its content.
        parent_end: end of the element that holds it.
    """

    name: bytes
    start: int
    end: int
    parent_end: int


def header_spans(film: BinaryIO) -> Iterator[Span]:
    """Every element before the first cluster, and that cluster: those that hold identifiers before what they hold.

    Raises:
        ValueError: it is not Matroska.
    """
    yield from _spans(film, 0, film.seek(0, io.SEEK_END))


def _spans(film: BinaryIO, start: int, end: int) -> Iterator[Span]:
    while start < end:
        film.seek(start)
        name, offset, size = _head(film.read(_MOST_HEAD))
        first = start + offset
        start = end if size is None else first + size
        yield Span(name, first, start, end)
        if name == _CLUSTER:
            return
        if name in _MASTERS:
            yield from _spans(film, first, start)


def _head(content: bytes) -> tuple[bytes, int, int | None]:
    """An element's identifier, the offset of its content, and its size; None for an unknown size."""
    middle = _width(content)
    start = middle + _width(content[middle:])
    ones = (1 << 7 * (start - middle)) - 1
    size = int.from_bytes(content[middle:start], "big") & ones
    return content[:middle], start, None if size == ones else size


def _width(content: bytes) -> int:
    """Length in bytes of a variable-size number: one more than the first byte's leading zeros."""
    if not content or not content[0]:
        raise ValueError("not Matroska")
    return 9 - content[0].bit_length()
