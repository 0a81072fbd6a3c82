"""Elements of Matroska (RFC 9559) that are parsed and written here without FFmpeg.

FFmpeg can add a track for encoded packets only from a stream that it has read. So the TrackEntry that it writes for a
track is stored, and later given back to it as a file that contains nothing else.
"""

import mmap
import struct
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from hashlib import md5
from itertools import accumulate, islice
from pathlib import Path
from typing import NamedTuple

from stegnet.formats.boxes import FileBytes

EBML = bytes.fromhex("1a45dfa3")
CODEC_PRIVATE = bytes.fromhex("63a2")
CODEC_DELAY = bytes.fromhex("56aa")
CRC32 = bytes.fromhex("bf")


class _Id:
    """Identifiers of elements (RFC 9559, section 5; EBML: RFC 8794)."""

    DOCUMENT_TYPE = bytes.fromhex("4282")
    SEGMENT = bytes.fromhex("18538067")
    SEEK_HEAD = bytes.fromhex("114d9b74")
    SEEK = bytes.fromhex("4dbb")
    SEEK_ID = bytes.fromhex("53ab")
    SEEK_POSITION = bytes.fromhex("53ac")
    VOID = bytes.fromhex("ec")
    INFO = bytes.fromhex("1549a966")
    SEGMENT_UID = bytes.fromhex("73a4")
    TRACKS = bytes.fromhex("1654ae6b")
    TRACK_ENTRY = bytes.fromhex("ae")
    TRACK_TYPE = bytes.fromhex("83")
    DEFAULT_DURATION = bytes.fromhex("23e383")
    VIDEO = bytes.fromhex("e0")
    DISPLAY_WIDTH = bytes.fromhex("54b0")
    DISPLAY_HEIGHT = bytes.fromhex("54ba")
    DISPLAY_UNIT = bytes.fromhex("54b2")
    COLOUR = bytes.fromhex("55b0")
    MATRIX = bytes.fromhex("55b1")
    RANGE = bytes.fromhex("55b9")
    TRANSFER = bytes.fromhex("55ba")
    PRIMARIES = bytes.fromhex("55bb")
    MAX_CLL = bytes.fromhex("55bc")
    MAX_FALL = bytes.fromhex("55bd")
    MASTERING = bytes.fromhex("55d0")
    TAGS = bytes.fromhex("1254c367")
    TAG = bytes.fromhex("7373")
    TARGETS = bytes.fromhex("63c0")
    ATTACHMENTS = bytes.fromhex("1941a469")
    ATTACHED_FILE = bytes.fromhex("61a7")
    CLUSTER = bytes.fromhex("1f43b675")
    TIMESTAMP = bytes.fromhex("e7")
    SIMPLE_BLOCK = bytes.fromhex("a3")


# SegmentUID; TrackUID, FileUID; TagTrackUID, TagAttachmentUID.
UIDS = {_Id.SEGMENT_UID, *(bytes.fromhex(name) for name in ("73c5", "46ae", "63c5", "63c6"))}
# Elements of headers whose children are parsed.
_MASTERS = {
    *(_Id.SEGMENT, _Id.INFO, _Id.TRACKS, _Id.TRACK_ENTRY),
    *(_Id.TAGS, _Id.TAG, _Id.TARGETS, _Id.ATTACHMENTS, _Id.ATTACHED_FILE),
}


class Span(NamedTuple):
    """Place of an element in a file, in bytes: its identifier, its content, and the end of its parent."""

    element: bytes
    start: int
    end: int
    parent_end: int


def spans(data: FileBytes, start: int, end: int) -> Iterator[Span]:
    """Yield all elements in a part of a file in order; one of unknown size extends to the end.

    Raises:
        ValueError: the data is not Matroska.
    """

    def width(at: int) -> int:  # width of a number: one more than the first byte's leading zeros
        if at >= len(data) or not data[at]:
            raise ValueError("not Matroska")
        return 9 - data[at].bit_length()

    while start < end:
        middle = start + width(start)
        first = middle + width(middle)
        ones = (1 << 7 * (first - middle)) - 1
        size = int.from_bytes(data[middle:first], "big") & ones
        stop = end if size == ones else first + size
        yield Span(data[start:middle], first, stop, end)
        start = stop


def header_spans(data: FileBytes, start: int = 0, end: int | None = None) -> Iterator[Span]:
    """Yield every element up to the first cluster; parents of identifiers come before their children."""
    for span in spans(data, start, len(data) if end is None else end):
        yield span
        if span.element == _Id.CLUSTER:
            return
        if span.element in _MASTERS:
            yield from header_spans(data, span.start, span.end)


def track_entry(header: bytes) -> dict[bytes, bytes]:
    """Return identifier and content of each element in a file's first TrackEntry. Raises ValueError without one."""
    start = 0
    end = len(header)
    for level in (_Id.SEGMENT, _Id.TRACKS, _Id.TRACK_ENTRY):
        parent = next((span for span in spans(header, start, end) if span.element == level), None)
        if parent is None:
            raise ValueError("no track")
        start = parent.start
        end = parent.end
    return {span.element: header[span.start : span.end] for span in spans(header, start, end)}


def file_of(entry: bytes) -> bytes:
    """Return a complete file with one track of this TrackEntry, and one packet of one byte."""
    header = element(EBML, element(_Id.DOCUMENT_TYPE, b"matroska"))
    # FFmpeg opens no file without a packet: track 1, time 0, a keyframe, one byte.
    packet = b"\x81\0\0\x80\0"
    cluster = element(_Id.CLUSTER, element(_Id.TIMESTAMP, b"\0") + element(_Id.SIMPLE_BLOCK, packet))
    return header + element(_Id.SEGMENT, element(_Id.TRACKS, element(_Id.TRACK_ENTRY, entry)) + cluster)


def element(name: bytes, content: bytes, width: int = 1) -> bytes:
    """Serialise an element, with its size in as few bytes as possible, but at least `width`."""
    size = len(content)
    # One less than the largest number, since all ones mean an unknown size.
    width = next(width for width in range(width, 9) if size < (1 << 7 * width) - 1)
    return name + (size | 1 << 7 * width).to_bytes(width, "big") + content


def number(value: int) -> bytes:
    """Serialise an unsigned integer in as few bytes as possible."""
    return value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big")


def display_elements(width: int, height: int, aspect: Fraction | None) -> bytes:
    """Return FFmpeg's elements for the pixel aspect ratio: the ratio of the shown sides, or that it is unknown.

    For square pixels there are no elements (RFC 9559, 5.1.4.1.28.12 to 14: DisplayWidth, DisplayHeight, DisplayUnit).
    """
    unknown_unit = 4  # values of DisplayUnit
    ratio_of_sides = 3
    if aspect is None:
        return element(_Id.DISPLAY_UNIT, number(unknown_unit))
    if int(width * aspect + Fraction(1, 2)) == width:
        return b""
    shown = _reduced(Fraction(width, height) * aspect)
    sides = element(_Id.DISPLAY_WIDTH, number(shown.numerator)) + element(_Id.DISPLAY_HEIGHT, number(shown.denominator))
    return sides + element(_Id.DISPLAY_UNIT, number(ratio_of_sides))


def _reduced(value: Fraction) -> Fraction:
    """Return the nearest fraction with parts as small as FFmpeg writes."""
    if value > 1:
        return 1 / _reduced(1 / value)
    limit = 1 << 20
    return max(value, Fraction(1, limit)).limit_denominator(limit)


def aspect_in_new_file(width: int, height: int, aspect: Fraction, rate: Fraction) -> dict[bytes, bytes]:
    """Return changes that add pixel aspect ratio and frame duration to a file whose muxer was given neither.

    PyAV can't pass the aspect ratio, and its elements may be shorter than the one that marks it as unknown. Together
    with the frame duration they are always longer, and the muxer is asked for room before the first cluster. The
    resulting file is as if FFmpeg had known both.
    """
    video = 1  # value of TrackType
    kind = element(_Id.TRACK_TYPE, number(video))
    tick = Fraction(1, 1000)  # seconds
    duration = b""
    if 1 / rate > tick:
        nanoseconds = int(10**9 / rate)
        duration = element(_Id.DEFAULT_DURATION, number(nanoseconds))
    return aspect_in_copy(width, height, aspect) | {kind: kind + duration}


def light_in_new_file(
    colours: tuple[int, int], light: tuple[int, ...], mastering: tuple[Fraction, ...]
) -> dict[bytes, bytes]:
    """Return the change that adds HDR light and mastering to FFmpeg's file of RGB (RFC 9559, 5.1.4.1.28.25, .29-.50).

    Args:
        colours: transfer function and primaries.
        light: MaxCLL and MaxFALL.
        mastering: colours and luminance of the mastering display, in the order of Matroska's elements.
    """
    transfer, primaries = colours
    unspecified = 2  # transfer function or primaries (ITU-T H.273)
    old = element(_Id.TRANSFER, number(transfer)) if transfer != unspecified else b""
    old += element(_Id.MATRIX, number(0))
    old += element(_Id.PRIMARIES, number(primaries)) if primaries != unspecified else b""
    old += element(_Id.RANGE, number(2))

    new = old
    for name, value in zip((_Id.MAX_CLL, _Id.MAX_FALL), light, strict=False):
        new += element(name, number(value)) if value else b""
    if mastering:
        values = enumerate(mastering, 1)
        floats = (element(bytes([0x55, 0xD0 + place]), struct.pack(">d", value)) for place, value in values)
        new += element(_Id.MASTERING, b"".join(floats))
    return {element(_Id.COLOUR, old): element(_Id.COLOUR, new)} if new != old else {}


def aspect_in_copy(width: int, height: int, aspect: Fraction) -> dict[bytes, bytes]:
    """Return the change that adds the pixel aspect ratio, which FFmpeg was not given, to its file."""
    return {display_elements(width, height, None): display_elements(width, height, aspect)}


def replace_in_tracks(path: Path, changes: Mapping[bytes, bytes]) -> bool:
    """Replace elements of the tracks in a file that FFmpeg has written, each once; the clusters stay where they are.

    Elements are given with identifier and size. A change of length is balanced by the void before the first cluster,
    which is dropped, or else by the void after the SeekHead. Positions and checksums are updated. Returns whether all
    elements were found.
    """
    with path.open("r+b") as film, mmap.mmap(film.fileno(), 0, access=mmap.ACCESS_READ) as data:
        segment = next(span for span in spans(data, 0, len(data)) if span.element == _Id.SEGMENT)
        parts = []
        at = segment.start
        for span in spans(data, segment.start, segment.end):
            if span.element == _Id.CLUSTER:
                break
            parts.append((span.element, at - segment.start, data[at : span.end]))
            at = span.end
        (first, _, index), (second, _, _), *rest = parts
        assert (first, second) == (_Id.SEEK_HEAD, _Id.VOID)
        left = dict(changes)
        new = [(place, _replaced(part, left)) for name, place, part in rest if name != _Id.VOID]
        start = at - segment.start - sum(len(part) for _, part in new)
        places = accumulate((len(part) for _, part in new), initial=start)
        index = _seek_head(index, dict(zip((place for place, _ in new), places, strict=False)))
        film.seek(segment.start)
        film.write(b"".join((index, _void(start - len(index)), *(part for _, part in new))))
    return not left


def _replaced(data: bytes, changes: dict[bytes, bytes]) -> bytes:
    """Return elements after replacing some of them or their children; replaced ones are removed from `changes`."""
    parts = []
    at = 0
    parents = {_Id.TRACKS, _Id.TRACK_ENTRY, _Id.VIDEO}  # of elements that are replaced
    checksum_bytes = 6  # of the whole element
    for span in spans(data, 0, len(data)):
        whole = data[at : span.end]
        at = span.end
        if span.element in parents:
            content = _replaced(data[span.start : span.end], changes)
            content = _with_checksum(content[checksum_bytes:]) if content.startswith(CRC32) else content
            whole = element(span.element, content, len(whole) - len(span.element) - (span.end - span.start))
        parts.append(changes.pop(whole, whole))
    return b"".join(parts)


def _seek_head(old: bytes, moved: Mapping[int, int]) -> bytes:
    """Return an index of elements; those that moved within the segment get their new places."""
    (whole,) = spans(old, 0, len(old))
    content = b""
    for seek in spans(old, whole.start, whole.end):
        if seek.element == _Id.SEEK:
            name, position = (old[span.start : span.end] for span in spans(old, seek.start, seek.end))
            place = int.from_bytes(position, "big")
            position = number(moved.get(place, place))
            content += element(_Id.SEEK, element(_Id.SEEK_ID, name) + element(_Id.SEEK_POSITION, position))
    return element(_Id.SEEK_HEAD, _with_checksum(content))


def _with_checksum(content: bytes) -> bytes:
    return element(CRC32, zlib.crc32(content).to_bytes(4, "little")) + content


def _void(size: int) -> bytes:
    """Return an empty element of `size` bytes in total, as FFmpeg writes it."""
    width = 1 if size < 10 else 8
    return element(_Id.VOID, bytes(size - len(_Id.VOID) - width), width)


def end_of_segment(start: bytes) -> int:
    """Return the length in bytes of a file that starts with these bytes; 0 if its header does not give it."""
    try:
        return next((span.end for span in spans(start, 0, len(start)) if span.element == _Id.SEGMENT), 0)
    except ValueError:
        return 0


def draw_uids(path: Path, randomness: Callable[[int], bytes]) -> None:
    """Replace the random identifiers of a Matroska file: those of the segment, the tracks and the attachments.

    They are drawn as FFmpeg draws them, all from one seed of 32 bits, for which `randomness` is called once. Any others
    would show that the file is not FFmpeg's ordinary output: trying all 2³² seeds finds the identifiers of FFmpeg, and
    its option `bitexact` numbers tracks 1, 2, 3. The checksums over them are recomputed.
    """
    with path.open("r+b") as film, mmap.mmap(film.fileno(), 0, access=mmap.ACCESS_COPY) as data:
        all_spans = list(header_spans(data))
        words = _random_words(int.from_bytes(randomness(4), "little"))
        drawn: dict[bytes, bytes] = {}
        for span in all_spans:
            if span.element in UIDS:
                # The segment's identifier is four words as they lie in memory, others are two words as a number.
                form, count = ("<4I", 4) if span.element == _Id.SEGMENT_UID else (">2I", 2)
                old = data[span.start : span.end]
                if old not in drawn:
                    drawn[old] = struct.pack(form, *islice(words, count))
                data[span.start : span.end] = drawn[old]
        for span in all_spans:
            if span.element == CRC32:
                data[span.start : span.end] = zlib.crc32(data[span.end : span.parent_end]).to_bytes(4, "little")
        for span in all_spans:
            if span.element in {*UIDS, CRC32}:
                film.seek(span.start)
                film.write(data[span.start : span.end])


def _random_words(seed: int) -> Iterator[int]:
    """Yield the 32-bit numbers of FFmpeg's generator for a seed: av_lfg_init and av_lfg_get (libavutil).

    Each is the sum of the 24th and the 55th before it. The first ones are MD5 digests, each of the seed, a count, and
    the rest of the previous digest.
    """
    words = deque[int](maxlen=55)
    digest = bytes(16)
    for count in range(8, 64, 4):
        digest = md5(struct.pack("<IB", seed, count) + digest[5:], usedforsecurity=False).digest()
        words.extend(struct.unpack("<4I", digest))
    while True:
        words.append((words[-24] + words[-55]) & 0xFFFFFFFF)
        yield words[-1]
