"""The few elements of Matroska (RFC 9559) that are parsed and written here without FFmpeg.

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

EBML = bytes.fromhex("1a45dfa3")
CODEC_PRIVATE = bytes.fromhex("63a2")
CODEC_DELAY = bytes.fromhex("56aa")
_DOCUMENT_TYPE = bytes.fromhex("4282")
_SEGMENT = bytes.fromhex("18538067")
_SEEK_HEAD, _SEEK = bytes.fromhex("114d9b74"), bytes.fromhex("4dbb")
_SEEK_ID, _SEEK_POSITION = bytes.fromhex("53ab"), bytes.fromhex("53ac")
_VOID = bytes.fromhex("ec")
_TRACKS = bytes.fromhex("1654ae6b")
_TRACK_ENTRY = bytes.fromhex("ae")
_VIDEO = bytes.fromhex("e0")
_DISPLAY_WIDTH, _DISPLAY_HEIGHT, _DISPLAY_UNIT = (bytes.fromhex(name) for name in ("54b0", "54ba", "54b2"))
_TRACK_TYPE, _DEFAULT_DURATION = bytes.fromhex("83"), bytes.fromhex("23e383")
_COLOUR, _TRANSFER, _MATRIX, _PRIMARIES, _RANGE = (
    bytes.fromhex(f"55{last}") for last in ("b0", "ba", "b1", "bb", "b9")
)
_LIGHT = bytes.fromhex("55bc"), bytes.fromhex("55bd")  # MaxCLL, MaxFALL
_MASTERING = bytes.fromhex("55d0")
_UNSPECIFIED = 2  # transfer function or primaries (ITU-T H.273)
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
_SEED_BYTES = 4
_PARENTS = {_TRACKS, _TRACK_ENTRY, _VIDEO}  # of elements that are replaced
_CHECKSUM_BYTES = 6
_PICTURES = 1  # a type of track
_RATIO_OF_SIDES, _UNKNOWN_UNIT = 3, 4  # units of the shown sides
_MOST_SIDE = 1 << 20  # limit of the parts of the ratio that FFmpeg writes
_NANOSECONDS = 10**9  # in a second
_SHORT_VOID = 10  # size in bytes from which FFmpeg writes it in eight bytes

# FFmpeg opens no file without a packet: track 1, time 0, a keyframe, one byte.
_PACKET = b"\x81\0\0\x80\0"


class Span(NamedTuple):
    """Place of an element in a file, in bytes: its identifier, its content, and the end of its parent."""

    element: bytes
    start: int
    end: int
    parent_end: int


def spans(data: bytes, start: int, end: int) -> Iterator[Span]:
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


def header_spans(data: bytes, start: int = 0, end: int | None = None) -> Iterator[Span]:
    """Yield every element up to the first cluster; parents of identifiers come before their children."""
    for span in spans(data, start, len(data) if end is None else end):
        yield span
        if span.element == _CLUSTER:
            return
        if span.element in _MASTERS:
            yield from header_spans(data, span.start, span.end)


def track_entry(header: bytes) -> dict[bytes, bytes]:
    """Return identifier and content of each element in a file's first TrackEntry. Raises ValueError without one."""
    start, end = 0, len(header)
    for level in (_SEGMENT, _TRACKS, _TRACK_ENTRY):
        found = next((span for span in spans(header, start, end) if span.element == level), None)
        if found is None:
            raise ValueError("no track")
        start, end = found.start, found.end
    return {span.element: header[span.start : span.end] for span in spans(header, start, end)}


def file_of(entry: bytes) -> bytes:
    """Return a complete file with one track of this TrackEntry, and one packet of one byte."""
    header = element(EBML, element(_DOCUMENT_TYPE, b"matroska"))
    cluster = element(_CLUSTER, element(_TIMESTAMP, b"\0") + element(_SIMPLE_BLOCK, _PACKET))
    return header + element(_SEGMENT, element(_TRACKS, element(_TRACK_ENTRY, entry)) + cluster)


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
    if aspect is None:
        return element(_DISPLAY_UNIT, number(_UNKNOWN_UNIT))
    if int(width * aspect + Fraction(1, 2)) == width:
        return b""
    shown = _reduced(Fraction(width, height) * aspect)
    sides = element(_DISPLAY_WIDTH, number(shown.numerator)) + element(_DISPLAY_HEIGHT, number(shown.denominator))
    return sides + element(_DISPLAY_UNIT, number(_RATIO_OF_SIDES))


def _reduced(value: Fraction) -> Fraction:
    """Return the nearest fraction with parts as small as FFmpeg writes."""
    return 1 / _reduced(1 / value) if value > 1 else max(value, Fraction(1, _MOST_SIDE)).limit_denominator(_MOST_SIDE)


def aspect_in_new_file(width: int, height: int, aspect: Fraction, rate: Fraction) -> dict[bytes, bytes]:
    """Return changes that add pixel aspect ratio and frame duration to a file whose muxer was given neither.

    PyAV can't pass the aspect ratio, and its elements may be shorter than the one that marks it as unknown. Together
    with the frame duration they are always longer, and the muxer is asked for room before the first cluster. The
    resulting file is as if FFmpeg had known both.
    """
    kind, tick = element(_TRACK_TYPE, number(_PICTURES)), Fraction(1, 1000)
    duration = element(_DEFAULT_DURATION, number(int(_NANOSECONDS / rate))) if 1 / rate > tick else b""
    return aspect_in_copy(width, height, aspect) | {kind: kind + duration}


def light_in_new_file(
    colours: tuple[int, int], light: tuple[int, ...], mastering: tuple[Fraction, ...]
) -> dict[bytes, bytes]:
    """Return the change that adds HDR light and mastering to FFmpeg's file of RGB (RFC 9559, 5.1.4.1.28.25, .29-.50).

    Args:
        colours: transfer function and primaries.
        light: MaxCLL and MaxFALL.
        mastering: in the order of Matroska's elements.
    """
    transfer, primaries = colours
    old = element(_TRANSFER, number(transfer)) if transfer != _UNSPECIFIED else b""
    old += element(_MATRIX, number(0))
    old += element(_PRIMARIES, number(primaries)) if primaries != _UNSPECIFIED else b""
    old += element(_RANGE, number(2))
    new = old + b"".join(element(name, number(value)) for name, value in zip(_LIGHT, light, strict=False) if value)
    if mastering:
        values = enumerate(mastering, 1)
        floats = (element(bytes([0x55, 0xD0 + place]), struct.pack(">d", value)) for place, value in values)
        new += element(_MASTERING, b"".join(floats))
    return {element(_COLOUR, old): element(_COLOUR, new)} if new != old else {}


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
        segment = next(span for span in spans(data, 0, len(data)) if span.element == _SEGMENT)
        parts, at = [], segment.start
        for span in spans(data, segment.start, segment.end):
            if span.element == _CLUSTER:
                break
            parts.append((span.element, at - segment.start, data[at : span.end]))
            at = span.end
        (first, _, index), (second, _, _), *rest = parts
        assert (first, second) == (_SEEK_HEAD, _VOID)
        left = dict(changes)
        new = [(place, _replaced(part, left)) for name, place, part in rest if name != _VOID]
        start = at - segment.start - sum(len(part) for _, part in new)
        places = accumulate((len(part) for _, part in new), initial=start)
        index = _seek_head(index, dict(zip((place for place, _ in new), places, strict=False)))
        film.seek(segment.start)
        film.write(b"".join((index, _void(start - len(index)), *(part for _, part in new))))
    return not left


def _replaced(data: bytes, changes: dict[bytes, bytes]) -> bytes:
    """Return elements after replacing some of them or their children; replaced ones are removed from `changes`."""
    parts, at = [], 0
    for span in spans(data, 0, len(data)):
        whole, at = data[at : span.end], span.end
        if span.element in _PARENTS:
            content = _replaced(data[span.start : span.end], changes)
            content = _with_checksum(content[_CHECKSUM_BYTES:]) if content.startswith(CRC32) else content
            whole = element(span.element, content, len(whole) - len(span.element) - (span.end - span.start))
        parts.append(changes.pop(whole, whole))
    return b"".join(parts)


def _seek_head(old: bytes, moved: Mapping[int, int]) -> bytes:
    """Return an index of elements, some of which have moved to other places in the segment."""
    (whole,) = spans(old, 0, len(old))
    content = b""
    for seek in spans(old, whole.start, whole.end):
        if seek.element == _SEEK:
            name, position = (old[span.start : span.end] for span in spans(old, seek.start, seek.end))
            place = int.from_bytes(position, "big")
            position = number(moved.get(place, place))
            content += element(_SEEK, element(_SEEK_ID, name) + element(_SEEK_POSITION, position))
    return element(_SEEK_HEAD, _with_checksum(content))


def _with_checksum(content: bytes) -> bytes:
    return element(CRC32, zlib.crc32(content).to_bytes(4, "little")) + content


def _void(size: int) -> bytes:
    """Return an empty element of `size` bytes in total, as FFmpeg writes it."""
    width = 1 if size < _SHORT_VOID else 8
    return element(_VOID, bytes(size - len(_VOID) - width), width)


def end_of_segment(start: bytes) -> int:
    """Return the length in bytes of a file that starts with these bytes; 0 if its header does not give it."""
    try:
        return next((span.end for span in spans(start, 0, len(start)) if span.element == _SEGMENT), 0)
    except ValueError:
        return 0


def draw_uids(path: Path, randomness: Callable[[int], bytes]) -> None:
    """Replace the random identifiers of a Matroska file: those of the segment, the tracks and the attachments.

    They are drawn as FFmpeg draws them, all from one seed of 32 bits, for which `randomness` is called once. Any others
    would show that the file is not FFmpeg's ordinary output: trying all 2³² seeds finds the identifiers of FFmpeg, and
    its option `bitexact` numbers tracks 1, 2, 3. The checksums over them are recomputed.
    """
    with path.open("r+b") as film, mmap.mmap(film.fileno(), 0, access=mmap.ACCESS_COPY) as data:
        found = list(header_spans(data))
        words = _random_words(int.from_bytes(randomness(_SEED_BYTES), "little"))
        drawn: dict[bytes, bytes] = {}
        for span in found:
            if span.element in UIDS:
                # The segment's identifier is four words as they lie in memory, others are two words as a number.
                form, count = ("<4I", 4) if span.element == SEGMENT_UID else (">2I", 2)
                old = data[span.start : span.end]
                if old not in drawn:
                    drawn[old] = struct.pack(form, *islice(words, count))
                data[span.start : span.end] = drawn[old]
        for span in found:
            if span.element == CRC32:
                data[span.start : span.end] = zlib.crc32(data[span.end : span.parent_end]).to_bytes(4, "little")
        for span in found:
            if span.element in {*UIDS, CRC32}:
                film.seek(span.start)
                film.write(data[span.start : span.end])


def _random_words(seed: int) -> Iterator[int]:
    """Yield the 32-bit numbers of FFmpeg's generator for a seed: av_lfg_init and av_lfg_get (libavutil).

    Each is the sum of the 24th and the 55th before it. The first ones are MD5 digests, each of the seed, a count, and
    the rest of the previous digest.
    """
    words, digest = deque[int](maxlen=55), bytes(16)
    for count in range(8, 64, 4):
        digest = md5(struct.pack("<IB", seed, count) + digest[5:], usedforsecurity=False).digest()
        words.extend(struct.unpack("<4I", digest))
    while True:
        words.append((words[-24] + words[-55]) & 0xFFFFFFFF)
        yield words[-1]
