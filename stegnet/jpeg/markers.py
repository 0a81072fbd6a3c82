"""Parser of JPEG files: their segments and positions (ITU-T T.81, annex B).

Only frames of one or three components, Huffman-coded in 8 bits, are read: baseline, extended and progressive. Data
that follows the picture in its file, such as films, gain maps, depth and second views from phones, is kept as it is. An
index of such pictures (CIPA DC-007-2009, "Multi-Picture Format") is changed: it has the length of the first picture,
and the distances of the others from the index.
"""

import re
import struct
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import IntEnum
from types import MappingProxyType
from typing import NamedTuple, Self

from stegnet.core.errors import MediaError, reading
from stegnet.core.names import shown_size
from stegnet.core.pixels import MOST_JPEG_SIDE
from stegnet.formats.opened_file import OpenedFile, Source, mapped, spliced

AC_KEY = 16  # added to the number of a Huffman table for AC coefficients
HINT = "convert it to an ordinary JPEG or to PNG first"
_AGAIN = "copy it again from its source"
_HUFFMAN_FRAMES = {0xC0, 0xC1, 0xC2}  # markers of frames that are read: baseline, extended and progressive
_ARITHMETIC = "arithmetically coded"
_OTHER_FRAMES = {  # kinds of frames that are not, by marker
    0xC3: "lossless",
    **dict.fromkeys((0xC5, 0xC6, 0xC7), "hierarchical"),
    **dict.fromkeys((0xC9, 0xCA), _ARITHMETIC),
    0xCB: f"lossless and {_ARITHMETIC}",
    **dict.fromkeys((0xCD, 0xCE, 0xCF), f"hierarchical and {_ARITHMETIC}"),
    0xF7: "a JPEG-LS",
}
_INDEX_SIGNATURE = b"MPF\0"


class _Marker(IntEnum):
    """Second bytes of markers (T.81, table B.1)."""

    DHT = 0xC4
    DAC = 0xCC  # tables for arithmetic coding, which files of other kinds may have, too
    EOI = 0xD9
    SOS = 0xDA
    DQT = 0xDB
    DNL = 0xDC
    DRI = 0xDD
    APP2 = 0xE2
    APP14 = 0xEE


class UnsupportedJpegError(MediaError):
    """Error for a JPEG of a kind that few programs read.

    Attributes:
        reason: end of a sentence about the file, "is CMYK" or "has 12 bits a sample".
        way_out: how to make it an ordinary JPEG without loss; "": there is no way.
    """

    reason = ""
    way_out = ""

    @classmethod
    def because(cls, reason: str, subject: object, recodable: bool = False) -> Self:
        """Return the error for a reason and a file's name; a recodable JPEG is one that jpegtran makes ordinary."""
        way_out = "make it an ordinary JPEG without loss: `jpegtran -copy all IN.jpg > OUT.jpg`" if recodable else ""
        error = cls(f"the JPEG {reason}, which is not supported", way_out or HINT, subject)
        error.reason = reason
        error.way_out = way_out
        return error


@dataclass(frozen=True)
class HuffmanTable:
    """Huffman table of a DHT segment."""

    counts: bytes  # number of codes of each length, 1 to 16
    symbols: bytes  # in order of their codes
    key: int = field(default=0, compare=False)  # its number, plus AC_KEY if it is for AC coefficients
    start: int = field(default=0, compare=False)  # its position in the file

    @property
    def content(self) -> bytes:
        """Bytes of the table in a segment."""
        return bytes([self.key]) + self.counts + self.symbols


@dataclass(frozen=True)
class Component:
    """Component of a frame: luma, or one of two of chroma."""

    number: int  # its identifier in the file
    across: int  # across, down: sampling factors
    down: int
    table: int  # number of its quantisation table


@dataclass(frozen=True)
class Scan:
    """Scan, and the position of its entropy-coded data."""

    components: tuple[int, ...]  # index of each component in the frame
    dc: tuple[int, ...]  # dc, ac: number of the Huffman tables of each
    ac: tuple[int, ...]
    first: int  # first, last: of the coefficients that it codes, in zigzag order
    last: int
    high: int  # high, low: bit positions of successive approximation
    low: int
    interval: int  # MCUs between restart markers; 0: none
    tables: Mapping[int, HuffmanTable]  # Huffman tables in force, by key
    start: int  # start, end: of the data in the file
    end: int


@dataclass
class JpegFile:
    """JPEG file, and the positions of its parts."""

    data: bytes
    width: int = 0  # width, height: in pixels
    height: int = 0
    progressive: bool = False  # whether its coefficients come in several scans
    components: tuple[Component, ...] = ()  # of its frame, in order
    # 64 quanta of each table in zigzag order, by number
    quantisation: dict[int, tuple[int, ...]] = field(default_factory=dict)
    scans: list[Scan] = field(default_factory=list)  # in order
    # start and end of the content of each DHT segment, and its tables
    huffman_segments: list[tuple[int, int, list[HuffmanTable]]] = field(default_factory=list)
    index: tuple[int, int] | None = None  # start and end of the content of the index of several pictures, if any
    metadata: list["Segment"] = field(default_factory=list)  # segments of applications, and comments
    frame: int = 0  # start of the frame's content
    # start and end of each segment but metadata, with the entropy-coded data behind it
    parts: list[tuple[int, int]] = field(default_factory=list)
    end: int = 0  # of the picture

    @property
    def mcu(self) -> tuple[int, int]:
        """Largest sampling factors, across and down."""
        across = max(component.across for component in self.components)
        down = max(component.down for component in self.components)
        return across, down

    @property
    def mcus(self) -> tuple[int, int]:
        """Rows and columns of MCUs."""
        across, down = self.mcu
        return -(-self.height // (8 * down)), -(-self.width // (8 * across))

    def blocks(self, component: Component) -> tuple[int, int]:
        """Return rows and columns of a component's blocks, without those that only fill up an MCU."""
        across, down = self.mcu
        rows = -(-self.height * component.down // (8 * down))
        return rows, -(-self.width * component.across // (8 * across))


def open_jpeg(path: Source) -> JpegFile:
    """Read a JPEG file into memory and parse it.

    Raises:
        MediaError: it can't be read, is not a JPEG, is damaged, or of a kind that is not supported.
    """
    return path.once("JPEG", _read_and_parse) if isinstance(path, OpenedFile) else _read_and_parse(path)


def _read_and_parse(path: Source) -> JpegFile:
    refuse_excess(path)
    with reading(path), path.open("rb") as file:
        return parse_jpeg(file.read(), str(path))


def refuse_excess(path: Source) -> None:
    """Raise a MediaError for a JPEG with far more bytes than its picture can have: all readers would take long."""
    most_beside = 256 << 20  # bytes of metadata, and of data behind the picture: phones append films of some MB
    length = path.stat().st_size
    if length <= most_beside:
        return

    most_before_frame = 64 << 20  # bytes
    with reading(path), mapped(path) as data, memoryview(data)[:most_before_frame] as first:
        height = width = 0  # without a frame
        with suppress(IndexError, struct.error, MediaError):  # it ends too early
            frames = _HUFFMAN_FRAMES | _OTHER_FRAMES.keys()
            start = next((segment.start for segment in _segments(first, str(path)) if segment.marker in frames), None)
            if start is not None:
                height, width = struct.unpack_from(">HH", first, start + 1)
    bytes_of_pixel = 6  # three samples of 16 bits
    excess = length - bytes_of_pixel * width * height
    if excess > most_beside:
        hint = "save the picture alone in an image editor"
        problem = f"the JPEG has {shown_size(excess)} beside its picture: too many to keep"
        raise MediaError(problem, hint, subject=path)


def refuse_many_scans(path: Source) -> None:
    """Raise a MediaError for a JPEG with far more scans than encoders write: each goes over all of the picture.

    Only its markers and the lengths of its segments are read (T.81, B.1.1).
    """
    most_scans = 32  # libjpeg writes 10
    # Among coded samples, 0xff is followed by 0 or by the number of a restart; before a marker, it may be repeated.
    next_marker = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])")
    scans = 0
    with mapped(path) as data:
        found = next_marker.search(data, 2)  # behind SOI
        while found and found[1][0] != _Marker.EOI and scans <= most_scans:
            scans += found[1][0] == _Marker.SOS
            length = int.from_bytes(data[found.end() : found.end() + 2], "big")
            found = next_marker.search(data, found.end() + length)
    if scans > most_scans:
        hint = "save it anew in an image editor, as PNG or as JPEG that is not progressive"
        raise MediaError(f"the JPEG has more than {most_scans} scans: too slow to read", hint, subject=path)


def parse_jpeg(data: bytes, name: str) -> JpegFile:
    """Parse a JPEG file, whose name is for messages.

    Raises:
        MediaError: it is not a JPEG, is damaged, or of a kind that is not supported.
    """
    try:
        return _Parser(data, name).parse()
    except (IndexError, ValueError, struct.error) as error:  # a segment that ends too early
        raise MediaError("the JPEG is truncated", _AGAIN, subject=name) from error


def has_sound_segments(file: JpegFile) -> bool:
    """Return whether libjpeg accepts a file's segments besides metadata: their kinds, lengths and order (T.81, B.2)."""
    quanta: set[int] = set()  # numbers of the quantisation tables so far, 0 to 3
    scans = iter(file.scans)
    has_frame = False
    for place, _ in file.parts:
        marker, length = struct.unpack_from(">xBH", file.data, place)
        content = file.data[place + 4 : place + 2 + length]
        if marker in _HUFFMAN_FRAMES:
            is_sound = not has_frame and len(content) == 6 + 3 * len(file.components)
            has_frame = True
        elif marker == _Marker.SOS:
            components = next(scans).components
            used = {file.components[index].table for index in components}
            is_sound = bool(components) and len(content) == 4 + 2 * len(components) and used <= quanta
        elif marker == _Marker.DQT:
            table = 0
            while table < len(content):
                wide, number = divmod(content[table], 16)
                quanta.add(number)
                table += 1 + (128 if wide else 64)
            is_sound = table == len(content) and max(quanta, default=0) < 4
        elif marker == _Marker.DRI:
            is_sound = len(content) == 2
        else:
            is_sound = marker == _Marker.DHT or (marker == _Marker.DAC and length >= 2)
        if not is_sound:
            return False

    keys = {0, 1, 2, 3, 16, 17, 18, 19}
    for start, end, tables in file.huffman_segments:
        fill_segment = sum(len(table.content) for table in tables) == end - start
        if not fill_segment or any(table.key not in keys or len(table.symbols) > 256 for table in tables):
            return False
    return True


def segments_of(data: bytes, name: str) -> list[tuple[int, bytes]]:
    """Return the marker and the content of each segment of a JPEG's headers, up to EOI; errors are `parse_jpeg`'s."""
    try:
        return [(segment.marker, data[segment.start : segment.end]) for segment in _segments(data, name)][:-1]
    except (IndexError, struct.error) as error:
        raise MediaError("the JPEG is truncated", _AGAIN, subject=name) from error


def joined_segments(segments: Iterable[tuple[int, bytes]]) -> bytes:
    """Return headers of a JPEG with these segments, each a marker and its content."""
    parts = [bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2, "big") + content for marker, content in segments]
    return b"".join([b"\xff\xd8", *parts, b"\xff\xd9"])


class Segment(NamedTuple):
    """Segment of a JPEG."""

    marker: int
    start: int  # start, end: of its content
    end: int
    part_end: int  # end of the segment and the entropy-coded data behind it


def _segments(data: bytes | memoryview, name: str) -> Iterator[Segment]:
    """Yield the segments of a picture; the last one is EOI.

    Raises:
        IndexError, struct.error: the data ends too early.
        MediaError: a segment is longer than the data.
    """
    without_length = {0x01, *range(0xD0, 0xD9)}
    next_marker = re.compile(rb"\xff([^\x00\xff])")  # decoders skip everything else between segments
    data_end = re.compile(rb"\xff[^\x00\xd0-\xd7]")  # the next marker except restart markers
    place = 2
    while True:
        match = next_marker.search(data, place)
        if match is None:
            raise IndexError
        marker = match[1][0]
        place = match.end()
        if marker == _Marker.EOI:
            yield Segment(marker, place, place, place)
            return
        if marker in without_length:
            continue

        (length,) = struct.unpack_from(">H", data, place)
        start = place + 2
        end = place + length
        if end > len(data):
            raise MediaError("the JPEG is truncated", _AGAIN, subject=name)
        place = end
        if marker == _Marker.SOS:
            behind = data_end.search(data, end)
            if behind is None:
                raise IndexError
            place = behind.start()
        yield Segment(marker, start, end, place)


class _Parser:
    """Parser of a JPEG file that is in memory."""

    def __init__(self, data: bytes, name: str) -> None:
        self.data = data
        self.name = name
        self.file = JpegFile(data)
        self.tables: dict[int, HuffmanTable] = {}
        self.interval = 0
        self.in_rgb = False

    def parse(self) -> JpegFile:
        """Parse the file; errors are those of `parse_jpeg`, and others that it turns into MediaError."""
        if self.data[:3] != b"\xff\xd8\xff":
            raise MediaError("not a JPEG", subject=self.name)
        metadata = {*range(0xE0, 0xF0), 0xFE}
        for segment in _segments(self.data, self.name):
            if segment.marker == _Marker.EOI:
                self.file.end = segment.end
                break
            self._read(segment)
            if segment.marker in metadata:
                self.file.metadata.append(segment)
            else:
                self.file.parts.append((segment.start - 4, segment.part_end))
        self._check()
        return self.file

    def _read(self, segment: Segment) -> None:
        """Take the content of a segment into the file."""
        marker, start, end, part_end = segment
        if marker in _HUFFMAN_FRAMES:
            self._frame(marker, start)
        elif marker in _OTHER_FRAMES:
            kind = _OTHER_FRAMES[marker]
            raise UnsupportedJpegError.because(f"is {kind}", self.name, recodable=kind == _ARITHMETIC)
        elif marker == _Marker.DHT:
            tables: list[HuffmanTable] = []
            place = start
            while place < end:  # T.81, B.2.4.2
                counts = self.data[place + 1 : place + 17]
                last = place + 17 + sum(counts)
                tables.append(HuffmanTable(counts, self.data[place + 17 : last], self.data[place], place))
                place = last
            self.file.huffman_segments.append((start, end, tables))
            self.tables |= {table.key: table for table in tables}
        elif marker == _Marker.DQT:
            place = start
            while place < end:  # T.81, B.2.4.1
                wide, number = divmod(self.data[place], 16)
                form = ">64H" if wide else ">64B"
                self.file.quantisation[number] = struct.unpack_from(form, self.data, place + 1)
                place += 1 + struct.calcsize(form)
        elif marker == _Marker.DRI:
            (self.interval,) = struct.unpack_from(">H", self.data, start)
        elif marker == _Marker.APP2 and self.data[start:end].startswith(_INDEX_SIGNATURE):
            self.file.index = start, end
        elif marker == _Marker.APP14 and self.data[start : start + 5] == b"Adobe":
            self.in_rgb = self.data[start + 11] == 0
        elif marker == _Marker.DNL:
            (height,) = struct.unpack_from(">H", self.data, start)
            raise self._height_at_end(known=height == self.file.height)
        elif marker == _Marker.SOS:
            self._scan(start, end, part_end)

    def _check(self) -> None:
        """Raise a MediaError for a file whose segments do not make a picture that is supported."""
        if not self.file.scans:
            raise MediaError("the JPEG has no picture", subject=self.name)
        if any(component.table not in self.file.quantisation for component in self.file.components):
            raise MediaError("the JPEG is damaged: it has no table for its coefficients", subject=self.name)

        missing = [1] * 64  # for each coefficient of luma, the number of its lowest bits that no scan has
        for scan in self.file.scans:
            if 0 in scan.components:
                missing[scan.first : scan.last + 1] = [scan.low] * (scan.last + 1 - scan.first)
        if any(missing):
            raise UnsupportedJpegError.because("lacks its last scans", self.name, recodable=True)

        numbers = bytes(component.number for component in self.file.components)
        if len(numbers) == 3 and (self.in_rgb or numbers == b"RGB"):
            raise UnsupportedJpegError.because("is in RGB", self.name)

    def _frame(self, marker: int, start: int) -> None:
        """Read a frame's header, SOF (T.81, B.2.2)."""
        file = self.file
        precision, file.height, file.width, count = struct.unpack_from(">BHHB", self.data, start)
        parts = [self.data[start + 6 + 3 * index : start + 9 + 3 * index] for index in range(count)]
        file.components = tuple(Component(number, both >> 4, both & 15, table) for number, both, table in parts)
        file.progressive = marker == 0xC2
        file.frame = start

        if precision != 8:
            raise UnsupportedJpegError.because(f"has {precision} bits a sample", self.name)
        if count not in (1, 3):
            kind = "is CMYK" if count == 4 else f"has {count} components"
            raise UnsupportedJpegError.because(kind, self.name)
        if not file.height:
            raise self._height_at_end(known=False)
        factors = [factor for component in file.components for factor in (component.across, component.down)]
        if not file.width or min(factors) < 1 or max(factors) > 4:  # T.81, B.2.2
            raise MediaError("the JPEG is damaged: it has no size", subject=self.name)
        if max(file.height, file.width) > MOST_JPEG_SIDE:
            size = f"has {file.width}×{file.height} pixels, and at most {MOST_JPEG_SIDE} a side can be read"
            raise MediaError(f"the JPEG {size}", "cut it into parts", subject=self.name)

    def _height_at_end(self, known: bool) -> MediaError:
        """Return the error for a frame whose height follows its scan (T.81, B.2.2, B.2.5); known: its header has it."""
        return UnsupportedJpegError.because("has its height at its end", self.name, recodable=known)

    def _scan(self, start: int, data_start: int, data_end: int) -> None:
        """Read a scan's header, SOS (T.81, B.2.3)."""
        numbers = [component.number for component in self.file.components]
        count = self.data[start]
        pairs = [self.data[start + 1 + 2 * index : start + 3 + 2 * index] for index in range(count)]
        first, last, bits = self.data[start + 1 + 2 * count : start + 4 + 2 * count]
        if not self.file.progressive:  # decoders ignore these fields
            first = 0
            last = 63
            bits = 0
        try:
            components = tuple(numbers.index(number) for number, _ in pairs)
        except ValueError as error:
            raise MediaError("the JPEG is damaged: a scan of no component", subject=self.name) from error
        scan = Scan(
            components,
            dc=tuple(both >> 4 for _, both in pairs),
            ac=tuple(both & 15 for _, both in pairs),
            first=first,
            last=last,
            high=bits >> 4,
            low=bits & 15,
            interval=self.interval,
            tables=MappingProxyType(dict(self.tables)),
            start=data_start,
            end=data_end,
        )
        self.file.scans.append(scan)


def spliced_jpeg(file: JpegFile, changes: Mapping[tuple[int, int], bytes]) -> bytes:
    """Return a JPEG's file with replacements for some parts of its first picture, each from start to end.

    An index of several pictures gets the length of the first one, and the new distances of the others.
    """
    if file.index is None:
        return b"".join(spliced(memoryview(file.data), changes))
    end = file.index[1]
    growth = {place: len(piece) - (stop - place) for (place, stop), piece in changes.items()}
    shift = sum(more for place, more in growth.items() if place >= end)
    index = {file.index: _moved_index(file, sum(growth.values()), shift)}
    return b"".join(spliced(memoryview(file.data), {**changes, **index}))


def _moved_index(file: JpegFile, growth: int, shift: int) -> bytes:
    """Return the index of pictures after the first picture grew, and the others moved, by some bytes.

    A length that is not the first picture's, and an offset at which no picture begins, stay.
    """
    assert file.index is not None
    start, end = file.index
    origin = start + len(_INDEX_SIGNATURE)  # of offsets
    order = "<" if file.data[origin : origin + 2] == b"II" else ">"
    index = bytearray(file.data[start:end])
    try:
        entries = _index_entries(file, origin, order)
    except (struct.error, KeyError):  # it is damaged
        return bytes(index)
    for place, length, offset in entries:
        if not offset and _is_first_length(file, length, entries, origin):
            struct.pack_into(f"{order}I", index, place - start, length + growth)
        elif offset and _begins_picture(file, origin + offset):
            struct.pack_into(f"{order}I", index, place - start + 4, offset + shift)
    return bytes(index)


class _IndexEntry(NamedTuple):
    """Picture in an index: the place of its length in the file, its length, and its offset, 0 for the first one."""

    place: int
    length: int
    offset: int


def _index_entries(file: JpegFile, origin: int, order: str) -> list[_IndexEntry]:
    """Return the entries of an index, of which the first is the first picture's; [] if there are none.

    Some encoders count the bytes to the entries from their directory. They count from where a picture begins at a
    place that an entry names, or the first one's length is right.

    Args:
        file: JPEG with an index.
        origin: place in it of the index's TIFF header, from which offsets count.
        order: byte order, "<" or ">".

    Raises:
        struct.error, KeyError: the index is damaged.
    """
    assert file.index is not None
    number_of_pictures = 0xB001  # tags
    list_of_pictures = 0xB002
    entry_bytes = 16
    data = file.data[: file.index[1]]
    (directory,) = struct.unpack_from(f"{order}I", data, origin + 4)
    (count,) = struct.unpack_from(f"{order}H", data, origin + directory)
    tags = {}
    for at in range(origin + directory + 2, origin + directory + 2 + 12 * count, 12):
        tag, kind, number = struct.unpack_from(f"{order}HHI", data, at)
        is_short = kind == 3
        (value,) = struct.unpack_from(f"{order}H" if is_short else f"{order}I", data, at + 8)
        tags[tag] = number, value

    size, begin = tags[list_of_pictures]
    pictures = size // entry_bytes
    if size % entry_bytes and number_of_pictures in tags:  # some encoders write the number of pictures here, too
        pictures = tags[number_of_pictures][1]
    for base in (origin, origin + directory):
        places = range(base + begin + 4, len(data) - 7, entry_bytes)[:pictures]  # of the lengths
        entries = [_IndexEntry(place, *struct.unpack_from(f"{order}II", data, place)) for place in places]
        if entries and not entries[0].offset:
            is_second = any(entry.offset and _begins_picture(file, origin + entry.offset) for entry in entries)
            if is_second or _is_first_length(file, entries[0].length, entries, origin):
                return entries
    return []


def _begins_picture(file: JpegFile, place: int) -> bool:
    """Return whether a picture begins at a place behind the first one."""
    return place >= file.end and file.data[place : place + 3] == b"\xff\xd8\xff"


def _is_first_length(file: JpegFile, length: int, entries: list[_IndexEntry], origin: int) -> bool:
    """Return whether a length is that of the first picture, possibly with the bytes up to the next one."""
    others = [origin + entry.offset for entry in entries if entry.offset]
    return file.end <= length <= min([*others, len(file.data)])
