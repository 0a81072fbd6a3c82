"""The parts of a JPEG file, and where they stand (ITU-T T.81, annex B).

Only frames of one, or three, components, coded by Huffman's method in 8 bits, are read: baseline, extended and
progressive. Whatever follows the picture in its file, such as the films and pictures that phones append, is left alone,
but for their index (CIPA DC-007-2009, "Multi-Picture Format"): gain maps, depth, second views. It says how many bytes
the first picture takes, and how far from the index the others begin.
"""

import re
import struct
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Self

from stegnet.core.errors import MediaError, reading
from stegnet.core.names import shown_size
from stegnet.core.pixels import MOST_JPEG_SIDE
from stegnet.formats.opened_file import Source, exceeds_scans, mapped

_EOI, _SOS, _DHT, _DQT, _DRI, _DNL, _APP2, _APP14 = 0xD9, 0xDA, 0xC4, 0xDB, 0xDD, 0xDC, 0xE2, 0xEE
_DAC = 0xCC  # tables for arithmetic coding, which files of other kinds may have, too
_TABLE_NUMBERS = frozenset(range(4))
_HUFFMAN_FRAMES = {0xC0, 0xC1, 0xC2}
_OTHER_FRAMES = {0xC3: "lossless", **dict.fromkeys((0xC5, 0xC6, 0xC7), "hierarchical")}
_OTHER_FRAMES |= dict.fromkeys((0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF), "arithmetically coded")
_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD9)}
_METADATA = {*range(0xE0, 0xF0), 0xFE}
_ENTROPY_END = re.compile(rb"\xff[^\x00\xd0-\xd7]")  # the next marker but restart markers
_NEXT = re.compile(rb"\xff+([^\x00\xff])")  # of what stands between segments, decoders read no more than this
HINT = "convert it to an ordinary JPEG or to PNG first"
_AGAIN = "copy it again from its source"
_SIGNATURE = b"MPF\0"
_MOST_FACTOR = 4  # of sampling (T.81, B.2.2)
_MOST_BYTES = 6  # of a pixel: three samples of 16 bits
_MOST_BESIDE = 256 << 20  # bytes of metadata, and of what follows the picture: phones append films of some MB
_MOST_BEFORE = 64 << 20  # bytes before the frame of so large a file
_MOST_SCANS = 32  # of a progressive JPEG; libjpeg writes 10
_NUMBER = 0xB001  # tag of the number of pictures
_ENTRIES, _ENTRY = 0xB002, 16  # tag of the list of pictures, and bytes of each in it
_SIZE, _OFFSET = 4, 8  # where they are in an entry


class UnsupportedJpegError(MediaError):
    """A JPEG of a kind that few programs read; `reason` says what "it" is or has."""

    reason = ""

    @classmethod
    def because(cls, reason: str, subject: object) -> Self:
        """Return the error for a JPEG that is, or has, `reason`."""
        error = cls(f"the JPEG {reason}, which is not supported", HINT, subject)
        error.reason = reason
        return error


@dataclass(frozen=True)
class HuffmanTable:
    """A Huffman table as a DHT segment has it."""

    counts: bytes  # number of codes of each length, 1 to 16
    symbols: bytes  # in order of their codes
    key: int = field(default=0, compare=False)  # its number, and 16 more of a table for AC coefficients
    start: int = field(default=0, compare=False)  # where it is in the file; it does not count when tables are compared

    @property
    def content(self) -> bytes:
        """Bytes of the table in a segment."""
        return bytes([self.key]) + self.counts + self.symbols


@dataclass(frozen=True)
class Component:
    """A component of a frame: luma, or one of two of chroma."""

    number: int  # its identifier in the file
    across: int  # across, down: sampling factors
    down: int
    table: int  # number of its quantisation table


@dataclass(frozen=True)
class Scan:
    """A scan, and the bytes that its entropy-coded data take."""

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
    """A JPEG file, taken apart."""

    data: bytes
    width: int = 0  # width, height: in pixels
    height: int = 0
    progressive: bool = False  # its coefficients come in several scans
    components: tuple[Component, ...] = ()  # of its frame, in order
    # 64 steps of each table in zigzag order, by number
    quantisation: dict[int, tuple[int, ...]] = field(default_factory=dict)
    scans: list[Scan] = field(default_factory=list)  # in order
    # where each DHT segment's tables begin and end, and those tables
    huffman_segments: list[tuple[int, int, list[HuffmanTable]]] = field(default_factory=list)
    # where the content of the index of several pictures begins and ends; None: the file has none
    index: tuple[int, int] | None = None
    frame: int = 0  # where the frame's content begins
    # where each segment begins and ends, and each scan's data; without metadata
    parts: list[tuple[int, int]] = field(default_factory=list)
    end: int = 0  # of the picture; what follows is not its own

    @property
    def mcu(self) -> tuple[int, int]:
        """Largest sampling factors, across and down."""
        return max(each.across for each in self.components), max(each.down for each in self.components)

    @property
    def mcus(self) -> tuple[int, int]:
        """Rows and columns of MCUs."""
        across, down = self.mcu
        return -(-self.height // (8 * down)), -(-self.width // (8 * across))

    @property
    def has_whole_mcus(self) -> bool:
        """True if all scans code blocks, too, that only fill up MCUs."""
        return not self.progressive and all(1 < len(scan.components) == len(self.components) for scan in self.scans)

    def blocks(self, component: Component) -> tuple[int, int]:
        """Rows and columns of a component's blocks, without those that only fill up an MCU."""
        across, down = self.mcu
        rows = -(-self.height * component.down // (8 * down))
        return rows, -(-self.width * component.across // (8 * across))


def open_jpeg(path: Source) -> JpegFile:
    """Takes a JPEG file apart, which is read into memory as a whole; errors as `read_jpeg` and `refuse_excess`."""
    refuse_excess(path)
    with reading(path), path.open("rb") as file:
        return parse_jpeg(file.read(), str(path))


def refuse_excess(path: Source) -> None:
    """Refuses, by a MediaError, a JPEG with far more bytes than its picture can have: all readers would take long."""
    length = path.stat().st_size
    if length <= _MOST_BESIDE:
        return
    with reading(path), mapped(path) as data, memoryview(data)[:_MOST_BEFORE] as first:
        width, height = _Parser(first, str(path)).size()
    more = length - _MOST_BYTES * width * height
    if more > _MOST_BESIDE:
        hint = "save the picture alone in an image editor"
        raise MediaError(f"the JPEG has {shown_size(more)} beside its picture: too many to keep", hint, subject=path)


def refuse_many_scans(path: Source) -> None:
    """Refuse, by a MediaError, a JPEG with far more scans than encoders write: each goes over all of the picture."""
    if exceeds_scans(path, _MOST_SCANS):
        hint = "save it anew in an image editor, as PNG or as JPEG that is not progressive"
        raise MediaError(f"the JPEG has more than {_MOST_SCANS} scans: too slow to read", hint, subject=path)


def parse_jpeg(data: bytes, name: str) -> JpegFile:
    """Takes a JPEG file apart, whose name is for messages; errors as `read_jpeg`."""
    try:
        return _Parser(data, name).parse()
    except (IndexError, ValueError, struct.error) as error:  # a segment that ends too early
        raise MediaError("the JPEG is truncated", _AGAIN, subject=name) from error


def has_sound_segments(file: JpegFile) -> bool:
    """Return True if libjpeg takes a file's segments, but for metadata: their kinds, lengths and order (T.81, B.2)."""
    steps: set[int] = set()  # numbers of the quantisation tables so far
    scans = iter(file.scans)
    has_frame = False
    for place, _ in file.parts:
        marker, length = struct.unpack_from(">xBH", file.data, place)
        content = file.data[place + 4 : place + 2 + length]
        if marker in _HUFFMAN_FRAMES:
            is_sound = not has_frame and len(content) == 6 + 3 * len(file.components)
            has_frame = True
        elif marker == _SOS:
            components = next(scans).components
            used = {file.components[index].table for index in components}
            is_sound = bool(components) and len(content) == 4 + 2 * len(components) and used <= steps
        elif marker == _DQT:
            numbers = _numbers_of_steps(content)
            is_sound = numbers is not None
            steps.update(numbers or ())
        else:
            is_sound = marker == _DHT or (marker == _DAC and length >= 2) or (marker == _DRI and len(content) == 2)
        if not is_sound:
            return False
    return all(_are_sound(tables, end - start) for start, end, tables in file.huffman_segments)


def _numbers_of_steps(content: bytes) -> set[int] | None:
    """Return the numbers of a DQT segment's tables; None if it is damaged."""
    place = 0
    numbers = set()
    while place < len(content):
        wide, number = divmod(content[place], 16)
        place += 1 + (128 if wide else 64)
        numbers.add(number)
    return numbers if place == len(content) and numbers <= _TABLE_NUMBERS else None


def _are_sound(tables: list[HuffmanTable], length: int) -> bool:
    """Return True if tables of a DHT segment fill so many bytes, and are such as there may be."""
    is_whole = sum(len(table.content) for table in tables) == length
    return is_whole and all(
        {table.key, table.key - 16} & _TABLE_NUMBERS and len(table.symbols) <= 256 for table in tables
    )


class _Parser:
    def __init__(self, data: bytes | memoryview, name: str) -> None:
        self.data, self.name = data, name
        self.file = JpegFile(data)
        self.tables: dict[int, HuffmanTable] = {}
        self.interval, self.in_rgb = 0, False

    def parse(self) -> JpegFile:
        if self.data[:3] != b"\xff\xd8\xff":
            raise MediaError("not a JPEG", subject=self.name)
        for marker, start, end in self._segments():
            if marker in _HUFFMAN_FRAMES:
                self._frame(marker, start)
            elif marker in _OTHER_FRAMES:
                raise UnsupportedJpegError.because(f"is {_OTHER_FRAMES[marker]}", self.name)
            elif marker == _DHT:
                tables = list(_huffman_tables(self.data, start, end))
                self.file.huffman_segments.append((start, end, tables))
                self.tables |= {table.key: table for table in tables}
            elif marker == _DQT:
                self._quantisation(start, end)
            elif marker == _DRI:
                (self.interval,) = struct.unpack_from(">H", self.data, start)
            elif marker == _APP2 and self.data[start:end].startswith(_SIGNATURE):
                self.file.index = start, end
            elif marker == _APP14 and self.data[start : start + 5] == b"Adobe":
                self.in_rgb = self.data[start + 11] == 0
            elif marker == _DNL:
                raise self._height_at_end()
        self._check()
        return self.file

    def size(self) -> tuple[int, int]:
        """Width and height in pixels by the first frame; 0 if there is none. Only what is before it is read."""
        with suppress(IndexError, struct.error, MediaError):  # it ends too early
            for marker, start, _ in self._segments():
                if marker in _HUFFMAN_FRAMES or marker in _OTHER_FRAMES:
                    height, width = struct.unpack_from(">HH", self.data, start + 1)
                    return width, height
        return 0, 0

    def _check(self) -> None:
        """Refuses a file whose segments do not make a picture that is supported."""
        if not self.file.scans:
            raise MediaError("the JPEG has no picture", subject=self.name)
        if any(each.table not in self.file.quantisation for each in self.file.components):
            raise MediaError("the JPEG is damaged: it has no table for its coefficients", subject=self.name)
        missing = [1] * 64  # of each coefficient of luma the lowest bits that no scan has
        for scan in self.file.scans:
            if 0 in scan.components:
                missing[scan.first : scan.last + 1] = [scan.low] * (scan.last + 1 - scan.first)
        if any(missing):
            raise MediaError("the JPEG is truncated: its last scans are missing", _AGAIN, subject=self.name)
        numbers = bytes(each.number for each in self.file.components)
        if len(numbers) == 3 and (self.in_rgb or numbers == b"RGB"):
            raise UnsupportedJpegError.because("is in RGB", self.name)

    def _segments(self) -> Iterator[tuple[int, int, int]]:
        """Marker, start and end of the content of each segment, to the end of the picture."""
        place = 2
        while True:
            found = _NEXT.search(self.data, place)
            if found is None:
                raise IndexError
            marker, place = found[1][0], found.end()
            if marker == _EOI:
                self.file.end = place
                return
            if marker in _WITHOUT_LENGTH:
                continue
            (length,) = struct.unpack_from(">H", self.data, place)
            start, place = place + 2, place + length
            if place > len(self.data):
                raise MediaError("the JPEG is truncated", _AGAIN, subject=self.name)
            yield marker, start, place
            if marker == _SOS:
                end = _ENTROPY_END.search(self.data, place)
                if end is None:
                    raise IndexError
                self._scan(start, place, end.start())
                place = end.start()
            if marker not in _METADATA:
                self.file.parts.append((start - 4, place))

    def _frame(self, marker: int, start: int) -> None:
        file = self.file
        precision, file.height, file.width, count = struct.unpack_from(">BHHB", self.data, start)
        parts = [self.data[start + 6 + 3 * index : start + 9 + 3 * index] for index in range(count)]
        file.components = tuple(Component(number, both >> 4, both & 15, table) for number, both, table in parts)
        file.progressive, file.frame = marker == 0xC2, start
        if precision != 8:
            raise UnsupportedJpegError.because(f"has {precision} bits a sample", self.name)
        if count not in (1, 3):
            kind = "is CMYK" if count == 4 else f"has {count} components"
            raise UnsupportedJpegError.because(kind, self.name)
        if not file.height:
            raise self._height_at_end()
        factors = [factor for each in file.components for factor in (each.across, each.down)]
        if not file.width or min(factors) < 1 or max(factors) > _MOST_FACTOR:
            raise MediaError("the JPEG is damaged: it has no size", subject=self.name)
        if max(file.height, file.width) > MOST_JPEG_SIDE:
            size = f"has {file.width}×{file.height} pixels, and at most {MOST_JPEG_SIDE} a side can be read"
            raise MediaError(f"the JPEG {size}", "cut it into parts", subject=self.name)

    def _height_at_end(self) -> MediaError:
        """The error for a frame whose height, 0 in its header, is in a segment behind its scan (T.81, B.2.2, B.2.5)."""
        return UnsupportedJpegError.because("has its height at its end", self.name)

    def _quantisation(self, start: int, end: int) -> None:
        while start < end:
            wide, number = divmod(self.data[start], 16)
            form = ">64H" if wide else ">64B"
            self.file.quantisation[number] = struct.unpack_from(form, self.data, start + 1)
            start += 1 + struct.calcsize(form)

    def _scan(self, start: int, data: int, end: int) -> None:
        numbers = [each.number for each in self.file.components]
        count = self.data[start]
        pairs = [self.data[start + 1 + 2 * index : start + 3 + 2 * index] for index in range(count)]
        first, last, bits = self.data[start + 1 + 2 * count : start + 4 + 2 * count]
        if not self.file.progressive:
            first, last, bits = 0, 63, 0  # whatever the file says, as decoders take it
        try:
            components = tuple(numbers.index(number) for number, _ in pairs)
        except ValueError as error:
            raise MediaError("the JPEG is damaged: a scan of no component", subject=self.name) from error
        tables = MappingProxyType(dict(self.tables))
        chosen = tuple(both >> 4 for _, both in pairs), tuple(both & 15 for _, both in pairs)
        approximation = bits >> 4, bits & 15
        self.file.scans.append(Scan(components, *chosen, first, last, *approximation, self.interval, tables, data, end))


def _huffman_tables(data: bytes, place: int, end: int) -> Iterator[HuffmanTable]:
    while place < end:
        counts = data[place + 1 : place + 17]
        last = place + 17 + sum(counts)
        yield HuffmanTable(counts, data[place + 17 : last], data[place], place)
        place = last


def moved_index(content: bytes, grown: int, moved: int) -> bytes:
    """An index whose first picture grew, and the others moved, by some bytes; as it was if it is damaged."""
    index, order, start = bytearray(content), "<" if content[4:6] == b"II" else ">", len(_SIGNATURE)
    try:
        (place,) = struct.unpack_from(f"{order}I", content, start + 4)
        (count,) = struct.unpack_from(f"{order}H", content, start + place)
        fields = (struct.unpack_from(f"{order}HHII", content, start + place + 2 + 12 * each) for each in range(count))
        tags = {tag: rest for tag, _, *rest in fields}
        size, value = tags[_ENTRIES]
        if size % _ENTRY and _NUMBER in tags:  # some encoders write the number of pictures here, too
            size = _ENTRY * tags[_NUMBER][1]
        for entry in range(start + value, min(start + value + size, len(content)), _ENTRY):
            (size, offset) = struct.unpack_from(f"{order}II", content, entry + _SIZE)
            if offset:
                struct.pack_into(f"{order}I", index, entry + _OFFSET, offset + moved)
            else:
                struct.pack_into(f"{order}I", index, entry + _SIZE, size + grown)
    except (struct.error, KeyError):
        return content
    return bytes(index)
