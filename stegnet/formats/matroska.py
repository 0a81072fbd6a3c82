"""The few elements of Matroska (RFC 9559) that are parsed and written here without FFmpeg.

FFmpeg can add a track for encoded packets only from a stream that it has read. So the TrackEntry that it writes for
a track is stored, and later given back to it as a file that contains nothing else.
"""

import mmap
import struct
import zlib
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from av.filter import Graph

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
_SEED_BYTES = 4

# FFmpeg opens no file without a packet: track 1, time 0, a keyframe, one byte.
_PACKET = b"\x81\0\0\x80\0"


class Span(NamedTuple):
    """Place of an element in a file, in bytes: its identifier, its content, and the end of what holds it."""

    element: bytes
    start: int
    end: int
    parent_end: int


def spans(data: bytes, start: int, end: int) -> Iterator[Span]:
    """Every element in a part of a file in order, one of unknown size to the end; ValueError if it is not Matroska."""

    def width(at: int) -> int:  # of a number: one more than the first byte's leading zeros
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
    """Every element before the first cluster, and that cluster: those that hold identifiers before what they hold."""
    for span in spans(data, start, len(data) if end is None else end):
        yield span
        if span.element == _CLUSTER:
            return
        if span.element in _MASTERS:
            yield from header_spans(data, span.start, span.end)


def track_entry(header: bytes) -> dict[bytes, bytes]:
    """Identifier and content of each element in a file's first TrackEntry; ValueError if there is none."""
    start, end = 0, len(header)
    for level in (_SEGMENT, _TRACKS, _TRACK_ENTRY):
        found = next((span for span in spans(header, start, end) if span.element == level), None)
        if found is None:
            raise ValueError("no track")
        start, end = found.start, found.end
    return {span.element: header[span.start : span.end] for span in spans(header, start, end)}


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


def end_of_segment(start: bytes) -> int:
    """Length in bytes of a file that starts with these bytes; 0 if its header does not give it."""
    try:
        return next((span.end for span in spans(start, 0, len(start)) if span.element == _SEGMENT), 0)
    except ValueError:
        return 0


def draw_uids(path: Path, randomness: Callable[[int], bytes]) -> None:
    """Replaces the random identifiers of a Matroska file, those of the segment, the tracks and the attachments.

    They are drawn as FFmpeg draws them, all from one seed of 32 bits, for which `randomness` is called once. Others
    would show that FFmpeg was not used plainly: whoever tries all 2³² seeds finds those of FFmpeg, and its option
    `bitexact` numbers tracks 1, 2, 3. The checksums over them are computed anew.
    """
    with path.open("r+b") as film, mmap.mmap(film.fileno(), 0, access=mmap.ACCESS_COPY) as data:
        found = list(header_spans(data))
        words = _random_words(int.from_bytes(randomness(_SEED_BYTES), "little"), 4 * len(found))
        drawn: dict[bytes, bytes] = {}
        for span in found:
            if span.element in UIDS:
                # The segment's are four words as they lie in memory, others two as a number.
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


def _random_words(seed: int, count: int) -> Iterator[int]:
    """The first numbers of 32 bits that FFmpeg's generator (libavutil/lfg) gives for a seed, as white noise."""
    graph = Graph()
    noise = graph.add("anoisesrc", f"color=white:amplitude=1:seed={seed}:nb_samples={count}")
    sink = graph.add("abuffersink")
    noise.link_to(sink)
    graph.configure()
    samples = sink.pull().to_ndarray()[0]  # float64, −1 to 1
    return iter(np.rint((samples + 1) / 2 * 0xFFFFFFFF).astype(np.int64).tolist())
