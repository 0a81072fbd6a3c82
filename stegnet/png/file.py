"""PNG files: a container has the chunks of its cover, and image data as the cover's program would write it.

The program's filters and compression are recognised by applying all known ways to the cover's own pixels and comparing
bytes. zlib's output depends only on its level, memory and strategy, zlib-ng's also on the amount of data in each call:
here one row, as in most programs. Interlaced and uncompressed image data are recognised as no program's. PNG: W3C,
"Portable Network Graphics Specification (Third Edition)"; zlib's stream: RFC 1950.
"""

import math
import struct
import zlib
from array import array
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from itertools import product
from typing import BinaryIO, Literal, NamedTuple, Protocol

import numpy as np
from zlib_ng import zlib_ng

from stegnet.core.errors import MediaError
from stegnet.core.names import shown_size
from stegnet.formats.opened_file import OpenedFile, Source, mapped
from stegnet.png.rows import Filter, Filters, filtered_first_rows, filtered_rows, unfiltered

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER = struct.Struct(">IIBBBBB")
_TEXT_CHUNKS = {"tEXt", "zTXt", "iTXt"}
_AGAIN = "copy it again from its source"
_DAMAGED = "the PNG picture is damaged, or of a kind that can't be read"
_OR_CONVERT = f"{_AGAIN}, or convert it to PNG"


class ColourType(IntEnum):
    """Colour types (section 6.1)."""

    GREY = 0
    COLOUR = 2
    PALETTE = 3
    GREY_ALPHA = 4
    COLOUR_ALPHA = 6


CHANNELS: dict[int, int] = {
    ColourType.GREY: 1,
    ColourType.COLOUR: 3,
    ColourType.PALETTE: 1,
    ColourType.GREY_ALPHA: 2,
    ColourType.COLOUR_ALPHA: 4,
}
# Filters by how a program chooses that of a row. libpng, Pillow's `optimize` and Pillow try several, and differ if two
# give rows of the same size. ffmpeg takes Paeth below the first row; OpenCV, Firefox and UPNG.js take Sub; libvips,
# Java and older versions of ffmpeg None; Chromium's canvas Up. Sub or Paeth is seen in photographs with 72 dots per
# inch.
LIBPNG_FILTERS = Filters.of(*Filter)
_PILLOW_FILTERS = Filters.of(Filter.NONE, Filter.UP, Filter.SUB, Filter.PAETH)
_PILLOW_OPTIMIZED_FILTERS = Filters.of(Filter.NONE, Filter.UP, Filter.SUB, Filter.AVERAGE, Filter.PAETH)
_FILTERS = (
    *(LIBPNG_FILTERS, _PILLOW_FILTERS, _PILLOW_OPTIMIZED_FILTERS),
    Filters(bytes([Filter.PAETH]), bytes([Filter.SUB])),
    Filters.of(Filter.SUB, Filter.PAETH),
    *map(Filters.of, Filter),
)


class Compressor(Protocol):
    """Stream of zlib or zlib-ng that compresses data."""

    def compress(self, data: bytes, /) -> bytes:
        """Return compressed bytes of the data so far."""

    def flush(self) -> bytes:
        """Return the rest of the compressed bytes."""


class Deflate(NamedTuple):
    """Way to compress filtered rows.

    Attributes:
        library: "zlib" or "zlib-ng".
        level, memory, strategy: zlib's parameters.
    """

    library: Literal["zlib", "zlib-ng"]
    level: int
    memory: int
    strategy: int

    def stream(self, window: int) -> Compressor:
        """Return a compressor of raw deflate data without zlib's header, with a window of 9 to 15 bits."""
        library = zlib if self.library == "zlib" else zlib_ng
        stream: Compressor = library.compressobj(self.level, zlib.DEFLATED, -window, self.memory, self.strategy)
        return stream


OPENCV_FILTERS = Filters.of(Filter.SUB)  # of imwrite by default
OPENCV_DEFLATE = Deflate("zlib", 1, 8, zlib.Z_RLE)
LIBPNG_DEFLATE = Deflate("zlib", 6, 8, zlib.Z_FILTERED)  # by default


class PngHeader(NamedTuple):
    """Fields of the chunk IHDR."""

    width: int
    height: int
    bits: int
    colour_type: int
    compression: int
    filters: int
    interlaced: int


class Chunk(NamedTuple):
    """Chunk's type, its start in the file, and the number of data bytes that it declares."""

    kind: str
    start: int
    length: int

    @property
    def end(self) -> int:
        """Offset of the byte after its checksum."""
        return self.start + 12 + self.length


def _chunks_of(source: Source) -> Iterator[Chunk]:
    """Yield a PNG's chunks (section 5.3), as declared, up to IEND."""
    with source.open("rb") as file:
        chunk = Chunk("", file.seek(len(SIGNATURE)) - 12, 0)
        while chunk.kind != "IEND" and len(head := file.read(8)) == 8:
            chunk = Chunk(head[4:].decode("latin1"), chunk.end, int.from_bytes(head[:4], "big"))
            yield chunk
            file.seek(chunk.end)


@dataclass(frozen=True)
class PngForm:
    """Way to write a PNG; by default, as OpenCV's imwrite does.

    By OpenCV's defaults, photographs get as small as by libpng's, in a tenth of the time.

    Attributes:
        filters, deflate: ways to filter and compress the image data.
        chunk_bytes: size of each chunk of image data; the last number holds for all further chunks but the last.
        header: zlib's, two bytes; None: as libpng writes it.
        source: the file from which everything but IHDR and the image data is copied.
        before, behind: parts of it that stand before and after the image data, each from start to end.
        profile: chunk of an ICC profile, written before them; b"" if there is no profile.
    """

    filters: Filters = OPENCV_FILTERS
    deflate: Deflate = OPENCV_DEFLATE
    chunk_bytes: tuple[int, ...] = (8192,)
    header: bytes | None = None
    source: Source | None = None
    before: tuple[tuple[int, int], ...] = ()
    behind: tuple[tuple[int, int], ...] = ()
    profile: bytes = b""

    def write(self, file: BinaryIO, samples: np.ndarray) -> None:
        """Write a picture, (H, W) or (H, W, channels) uint8: grey, grey and opacity, colour, or colour and opacity."""
        planes = np.atleast_3d(samples)
        height, width, channels = planes.shape
        colour_types = {count: kind for kind, count in CHANNELS.items() if kind != ColourType.PALETTE}
        header = PngHeader(width, height, 8, colour_types[channels], 0, 0, 0)
        file.write(SIGNATURE)
        file.write(chunk_bytes(b"IHDR", _HEADER.pack(*header)))
        file.write(self.profile)
        self._copy(self.before, file)

        sizes = iter(self.chunk_bytes)
        data = bytearray()
        size = next(sizes)
        for piece in self._image_data(planes):
            data += piece
            while len(data) > size:
                file.write(chunk_bytes(b"IDAT", data[:size]))
                del data[:size]
                size = next(sizes, size)
        file.write(chunk_bytes(b"IDAT", data))

        if self.source is None:
            file.write(chunk_bytes(b"IEND", b""))
        self._copy(self.behind, file)

    def _image_data(self, planes: np.ndarray) -> Iterator[bytes]:
        """Yield the bytes of zlib's stream of samples, (H, W, 1 to 4) uint8."""
        size = planes.size + len(planes)
        header = self.header or _libpng_header(zlib.compress(b"", self.deflate.level)[:2], size)
        yield header
        stream = self.deflate.stream(_window(header, size))
        checksum = 1
        for rows in filtered_rows(planes, self.filters):
            checksum = zlib.adler32(rows.data, checksum)
            yield from map(stream.compress, rows)
        yield stream.flush()
        yield checksum.to_bytes(4, "big")

    def _copy(self, spans: tuple[tuple[int, int], ...], file: BinaryIO) -> None:
        if not spans or self.source is None:
            return
        at_once = 1 << 20  # bytes
        with self.source.open("rb") as source:
            for start, end in spans:
                source.seek(start)
                for at in range(start, end, at_once):
                    file.write(source.read(min(end - at, at_once)))


def profile_chunk(profile: bytes) -> bytes:
    """Return the chunk iCCP of an ICC profile, as OpenCV's imwriteWithMetadata writes it."""
    compressed = zlib.compress(profile)
    header = _libpng_header(compressed[:2], len(profile))
    return chunk_bytes(b"iCCP", b"ICC Profile\0\0" + header + compressed[2:])


def open_png(source: Source) -> "PngFile":
    """Return the chunks of a PNG, for which an opened file is scanned once; errors are those of `PngFile`."""
    return source.once("PNG", PngFile) if isinstance(source, OpenedFile) else PngFile(source)


class PngFile:
    """PNG whose chunks have been scanned.

    Attributes:
        header: IHDR.
        may_have_exif: whether it has EXIF in a chunk, in XMP, or in a text, where ImageMagick writes it.
        before: the chunks before the image data, but IHDR: type, start and end.
        is_cut_off: the file ends within a chunk.

    Raises:
        MediaError: it has no IHDR before its image data, is of Apple's kind, a chunk is longer than the file, or there
            are more than a million; or those without samples, all of which Pillow reads, are large.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.is_cut_off = False
        self.before: list[tuple[str, int, int]] = []
        self._behind: list[tuple[str, int, int]] = []
        self.may_have_exif = False
        self._sizes = array("I")  # bytes of the chunks of image data
        self._start = bytearray()  # first bytes of the image data
        self._first = 0  # place of the first chunk of image data
        compared = 1 << 17  # compressed bytes by which a program is recognised
        most_chunks = 1 << 20
        exif_texts = (b"Raw profile type", b"XML:com.adobe.xm")
        most_beside = 64 << 20  # bytes
        header: PngHeader | None = None

        with mapped(source) as data:
            end = len(SIGNATURE)
            for chunk in _chunks_of(source):
                kind, at, length = chunk
                if kind == "CgBI":
                    problem = "is a PNG of Apple's own kind (CgBI), which other programs can't read"
                    raise MediaError(problem, "open it on a Mac or iPhone, and export it as PNG", subject=source)
                if length > len(data):
                    reason = "a chunk says that it is longer than the file"
                    raise MediaError(f"the PNG is damaged or truncated ({reason})", _OR_CONVERT, subject=source)
                end = min(chunk.end, len(data)) if kind == "IEND" else chunk.end  # Pillow reads only its name
                if end > len(data):
                    self.is_cut_off = True
                    break
                if kind == "IDAT":
                    self._first = at if not self._sizes else self._first
                    self._sizes.append(length)
                    self._start += data[at + 8 : min(end - 4, at + 8 + compared - len(self._start))]
                elif kind != "IHDR":
                    named = kind in _TEXT_CHUNKS and data[at + 8 : at + 24].startswith(exif_texts)
                    self.may_have_exif = self.may_have_exif or kind == "eXIf" or named
                    (self._behind if self._sizes else self.before).append((kind, at, end))
                elif not self._sizes:  # behind image data, Pillow ignores another
                    try:
                        header = self.header = PngHeader(*_HEADER.unpack_from(data, at + 8))
                        compared = max(compared, 2 * self._row_bytes)
                    except (struct.error, KeyError) as error:
                        raise MediaError(_DAMAGED, _OR_CONVERT, subject=source) from error
                if len(self._sizes) + len(self.before) + len(self._behind) > most_chunks:
                    problem = f"the PNG has more than {most_chunks:,} chunks"
                    raise MediaError(problem, "save it anew in an image editor", subject=source)
            self._behind.append(("", end, len(data)))  # not part of the PNG: viewers ignore it
        if header is None:
            raise MediaError(_DAMAGED, _OR_CONVERT, subject=source)
        beside = sum(end - at for kind, at, end in self.others if kind not in {"fdAT", ""})
        if beside > most_beside:
            problem = f"the PNG has {shown_size(beside)} beside its picture: too many to keep"
            raise MediaError(problem, "save the picture alone in an image editor", subject=source)

    def refuse_cut_off(self) -> None:
        """Raise MediaError if the file ends within a chunk."""
        if self.is_cut_off:
            raise MediaError("the PNG is truncated", _AGAIN, subject=self.source)

    @property
    def others(self) -> list[tuple[str, int, int]]:
        """Chunks besides IHDR and the image data, in order: type, start and end; "" is what follows the PNG."""
        return [*self.before, *self._behind]

    @property
    def keeps_samples(self) -> bool:
        """True if the image data has 8 bits per sample, and no palette."""
        return self.header.bits == 8 and self.header.colour_type != ColourType.PALETTE

    @property
    def transparent_colour(self) -> tuple[int, ...]:
        """Colour that is transparent, by the chunk tRNS of a PNG without palette and opacity."""
        start = next(start for kind, start, _ in self.before if kind == "tRNS")
        with self.source.open("rb") as file:
            file.seek(start + 8)
            return struct.unpack_from(">HHH" if self.header.colour_type == ColourType.COLOUR else ">H", file.read(6))

    def has(self, kind: str) -> bool:
        """Return whether the PNG has a chunk of a type."""
        return any(kind == stored for stored, _, _ in self.others)

    def form(self, channels: int, *, same_colours: bool = True, dropped: Set[str] = frozenset()) -> tuple[PngForm, str]:
        """Return the way to write a container of this cover, and a line if its program is not recognised, else "".

        Args:
            channels: number of channels of the container's samples.
            same_colours: the file's colour information holds for them.
            dropped: types of chunks that the container does not have.
        """
        if not same_colours:  # chunks that are no longer valid in sRGB
            dropped = dropped | {"iCCP", "sRGB", "gAMA", "cHRM", "cICP", "mDCV", "cLLI"}
        if not self.keeps_samples or channels != CHANNELS[self.header.colour_type]:
            # Chunks whose form depends on the colour type and its bits.
            dropped = dropped | {"PLTE", "tRNS", "hIST", "bKGD", "sBIT"}

        filters, deflate, recognised = self._program
        form = PngForm(
            filters,
            deflate,
            chunk_bytes=self._chunk_bytes(filters, deflate),
            header=bytes(self._start[:2]),
            source=self.source,
            before=tuple((start, end) for kind, start, end in self.before if kind not in dropped),
            behind=tuple((start, end) for kind, start, end in self._behind if kind not in dropped),
        )
        unknown = "the program that wrote this PNG is not recognised: the container is written as by the nearest one"
        return form, "" if recognised else unknown

    @property
    def is_of_unknown_program(self) -> bool:
        """True if its image data are as no known program writes them: saving a container's pixels again tells it."""
        return not self._program[2]

    @cached_property
    def _program(self) -> tuple[Filters, Deflate, bool]:
        """The filters and the compression of its program, or of the nearest one; and whether that is its program."""
        data = b"" if self.header.interlaced else b"".join(self._inflated([bytes(self._start)]))
        width = self._row_bytes
        rows = [data[at : at + width] for at in range(0, len(data) - width + 1, width)]  # each after its filter
        if not rows:
            return OPENCV_FILTERS, OPENCV_DEFLATE, False
        is_filtered = any(row[0] != Filter.NONE for row in rows)
        deflate, same_stream = self._deflate(rows, len(data), self._ways(is_filtered=is_filtered))
        filters, same_filters = self._filters(rows, deflate.memory)
        return filters, deflate, same_filters and same_stream

    def _chunk_bytes(self, filters: Filters, deflate: Deflate) -> tuple[int, ...]:
        """Return the sizes of the chunks of image data, as in `PngForm`; for a single chunk, its program's."""
        *sizes, last = self._sizes
        if not sizes:
            libpng_size = 8192 if deflate.memory == 8 else 32768
            size = 65536 if filters == _PILLOW_FILTERS else libpng_size
            longest = (1 << 31) - 1
            return (size if last <= size else longest,)
        if len(set(sizes)) == 1 and last <= sizes[0]:
            return tuple(sizes[:1])
        return (*sizes, max(*sizes, last))

    @property
    def _row_bytes(self) -> int:
        """Number of bytes of a row with its filter number."""
        return 1 + math.ceil(self.header.width * CHANNELS[self.header.colour_type] * self.header.bits / 8)

    def _filters(self, rows: list[bytes], memory: int) -> tuple[Filters, bool]:
        """Return the filters that were tried on rows, and True; or those that match the most rows, and False."""
        pixel_bytes = max(1, CHANNELS[self.header.colour_type] * self.header.bits // 8)
        compared_rows = rows[:64]
        read = unfiltered(compared_rows, pixel_bytes)
        used = bytes(row[0] for row in compared_rows)
        alike = {}  # number of rows with the same filter
        for filters in _FILTERS:
            made = bytes(filtered_first_rows(read, pixel_bytes, filters)[:, 0])
            alike[filters] = sum(stored == chosen for stored, chosen in zip(used, made, strict=True))
        matching = max(alike.values())
        best, *equal = (filters for filters in _FILTERS if alike[filters] == matching)
        if matching < len(used):
            return best, False

        if equal:  # distinguish them by the filters of all rows, and Pillow's by its memory and its chunks
            everywhere = self._filters_used()
            by_pillow = {_PILLOW_FILTERS, _PILLOW_OPTIMIZED_FILTERS}
            unlikely = set(_FILTERS) - by_pillow if self._has_chunks_of_pillow else by_pillow if memory == 8 else set()
            possible = [way for way in (best, *equal) if everywhere <= set(way.tried)] or [best]
            best = min(possible, key=lambda filters: (filters in unlikely, len(set(filters.tried) - everywhere)))
        return best, {row[0] for row in rows} <= {*best.tried, *best.first}

    @property
    def _has_chunks_of_pillow(self) -> bool:
        """True if the chunks of image data are as long as Pillow's, and longer than those of other programs."""
        usual = 32768  # ImageMagick's; libpng's are shorter
        most = max(65536, 4 * self.header.width)
        first = self._sizes[0]
        return first == most if len(self._sizes) > 1 else usual < first <= most

    def _filters_used(self) -> set[int]:
        """Return the set of filters that any row has, but the first."""
        used: set[int] = set()
        at = self._row_bytes  # of the next row's first byte, from the start of the data at hand
        for data in self._inflated(self._image_data()):
            used.update(data[at :: self._row_bytes])
            at += -(-max(len(data) - at, 0) // self._row_bytes) * self._row_bytes - len(data)
        return used

    def _inflated(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the rows of image data, as far as it can be decompressed.

        Pillow, which has read the picture by now, does not look at what follows the last row: it may be damaged, as the
        checksum may, or missing.
        """
        stream = zlib.decompressobj(-zlib.MAX_WBITS)  # without zlib's header and checksum
        at_once = 1024  # compressed bytes; an error takes away what those before it give
        left = self._size
        skipped = 2  # bytes of zlib's header
        for piece in pieces:
            for at in range(skipped, len(piece), at_once):
                try:
                    data = stream.decompress(piece[at : at + at_once], left)
                except zlib.error:
                    return
                yield data
                left -= len(data)
                if not left:
                    return
            skipped = max(0, skipped - len(piece))

    @property
    def _size(self) -> int:
        """Number of bytes of the filtered rows."""
        return self.header.height * self._row_bytes

    def _image_data(self) -> Iterator[bytes]:
        with mapped(self.source) as data:
            at = self._first
            for size in self._sizes:
                yield data[at + 8 : at + 8 + size]
                at += size + 12

    def _ways(self, *, is_filtered: bool) -> list[tuple[int, int]]:
        """Return the strategies and levels that zlib's header allows."""
        number = self._start[1] >> 6
        # Levels by the two highest bits of the second byte; those that programs prefer come first.
        levels: tuple[int, ...] = {0: (1,), 1: (3, 4, 5, 2), 2: (6,), 3: (9, 8, 7)}[number]
        if number == 3 and self._sizes[0] == 32768:  # ImageMagick's chunks
            levels = (7, 9, 8)
        strategies = [zlib.Z_FILTERED, zlib.Z_DEFAULT_STRATEGY]
        if not is_filtered:  # libpng and others choose the other strategy then
            strategies.reverse()
        ways = [*product(strategies, levels)]
        if number == 0:  # strategies without levels count as the lowest
            ways += [(zlib.Z_RLE, 1), (zlib.Z_HUFFMAN_ONLY, 1), (zlib.Z_FIXED, 6), (zlib.Z_FIXED, 1)]
        return ways

    def _deflate(self, rows: list[bytes], compared: int, ways: list[tuple[int, int]]) -> tuple[Deflate, bool]:
        """Return how the rows were compressed, and True; or the zlib settings with the nearest length, and False.

        `compared` is the number of bytes that the compressed ones at hand give: the rows, and a part of one more.
        """
        header = bytes(self._start[:2])
        original = bytes(self._start[2:])
        window = _window(header, self._size)

        libraries: tuple[Literal["zlib", "zlib-ng"], ...] = ("zlib", "zlib-ng")
        least_compared = 4096  # compressed bytes that suffice if rows are not the whole picture
        for library, memory, (strategy, level) in product(libraries, (8, 9), ways):
            deflate = Deflate(library, level, memory, strategy)
            made = b""
            stream = deflate.stream(window)
            same = all(original.startswith((made := made + stream.compress(row))[: len(original)]) for row in rows)
            if same and (len(made) >= least_compared or original.startswith(made + stream.flush())):
                return deflate, True

        joined = b"".join(rows)
        wanted = len(original) * len(joined) / max(1, compared)
        differences = {}  # in bytes
        for strategy, level in ways:
            deflate = Deflate("zlib", level, 8, strategy)
            stream = deflate.stream(window)
            differences[deflate] = abs(len(stream.compress(joined) + stream.flush()) - wanted)
        return min(differences, key=lambda deflate: differences[deflate]), False


def chunk_bytes(kind: bytes, data: bytes | bytearray) -> bytes:
    """Return a chunk as it stands in a file."""
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(data, zlib.crc32(kind)).to_bytes(4, "big")


def _window(header: bytes, size: int) -> int:
    """Return the bits of deflate's window: all of them if libpng names a smaller one only because of little data."""
    bits = (header[0] >> 4) + 8
    return max(9, bits) if size > 1 << bits else zlib.MAX_WBITS


def _libpng_header(header: bytes, size: int) -> bytes:
    """Return zlib's header with the smallest window that holds `size` bytes (RFC 1950, section 2.2)."""
    bits = zlib.MAX_WBITS
    while size <= 16384 and bits > 8 and size <= 1 << (bits - 1):  # libpng does so for little data only
        bits -= 1
    first = ((bits - 8) << 4) | zlib.DEFLATED
    flags = header[1] & 0xC0
    return bytes([first, flags + 31 - ((first << 8) + flags) % 31])
