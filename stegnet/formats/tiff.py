"""TIFF files: one page, uncompressed, 8 bits per sample, grey or RGB (Adobe, "TIFF Revision 6.0"; BigTIFF, libtiff).

Strips and tiles stay where they are, and so does every byte between their samples.
"""

import math
import mmap
import struct
from collections.abc import Iterator
from enum import IntEnum

import numpy as np

from stegnet.formats.opened_file import Source, mapped
from stegnet.formats.raster import Block, Raster, not_kept, truncated

_FORM = "TIFF"


class _Tag(IntEnum):
    """Tags (section 8 and after)."""

    WIDTH = 256
    HEIGHT = 257
    BITS = 258
    COMPRESSION = 259
    PHOTOMETRIC = 262
    FILL_ORDER = 266
    STRIPS = 273
    SAMPLES = 277
    ROWS_PER_STRIP = 278
    PLANAR = 284
    TILE_WIDTH = 322
    TILE_HEIGHT = 323
    TILES = 324
    EXTRA = 338
    SAMPLE_FORMAT = 339


def read_tiff(source: Source) -> Raster:
    """Return the layout of a TIFF's pixels.

    Raises:
        MediaError: the TIFF is truncated, or of another kind.
    """
    grey = 1  # values of PhotometricInterpretation
    rgb = 2
    unused = 0  # values of ExtraSamples
    unassociated_alpha = 2
    with mapped(source) as data:
        tags = _Tags(source, data)
        if tags.next_page:
            raise not_kept(source, _FORM, "it has several pages")
        if tags.number(_Tag.COMPRESSION, 1) != 1:
            raise not_kept(source, _FORM, "it is compressed")
        photometric = tags.number(_Tag.PHOTOMETRIC)
        samples = tags.number(_Tag.SAMPLES, 1)
        colours = {grey: 1, rgb: 3}.get(photometric)
        extra = tuple(tags.numbers(_Tag.EXTRA))
        if photometric == rgb and samples == 4 and not extra:
            extra = (unassociated_alpha,)  # OpenCV doesn't write it, and readers don't need it
        if colours is None or samples != colours + len(extra) or extra not in {(), (unused,), (unassociated_alpha,)}:
            raise not_kept(source, _FORM, "its colours are neither grey nor RGB")
        if set(tags.numbers(_Tag.BITS, 1)) != {8} or set(tags.numbers(_Tag.SAMPLE_FORMAT, 1)) != {1}:
            raise not_kept(source, _FORM, "its samples are not whole numbers of 8 bits")
        if tags.number(_Tag.PLANAR, 1) != 1 or tags.number(_Tag.FILL_ORDER, 1) != 1:
            raise not_kept(source, _FORM, "its samples are in an unusual order")

        height = tags.number(_Tag.HEIGHT)
        width = tags.number(_Tag.WIDTH)
        blocks = list(_blocks(tags, height, width, samples))
        opacity = colours if extra == (unassociated_alpha,) else None
        sides = (tags.number(_Tag.TILE_HEIGHT), tags.number(_Tag.TILE_WIDTH)) if _Tag.TILES in tags else (1, 1)
        padded = bool(height % sides[0] or width % sides[1])
        raster = Raster(source, height, width, samples, tuple(range(colours)), opacity, blocks, padded=padded)
        tags.refuse_overlap(raster.spans())
        return raster


def _blocks(tags: "_Tags", height: int, width: int, samples: int) -> Iterator[Block]:
    """Yield the strips or tiles, row by row, without the parts of tiles outside the picture."""
    whole_picture = (1 << 32) - 1  # RowsPerStrip of a picture in one strip
    if _Tag.TILES in tags:
        rows = tags.number(_Tag.TILE_HEIGHT)
        columns = tags.number(_Tag.TILE_WIDTH)
        starts = tags.numbers(_Tag.TILES)
    else:
        rows = tags.number(_Tag.ROWS_PER_STRIP, whole_picture)
        columns = width
        starts = tags.numbers(_Tag.STRIPS)
    if not min(rows, columns, height, width):
        raise tags.damaged()
    across = math.ceil(width / columns)
    down = math.ceil(height / rows)
    if len(starts) != across * down:
        raise tags.damaged()
    for index, start in enumerate(starts.tolist()):
        top = index // across * rows
        left = index % across * columns
        bottom = min(top + rows, height)
        right = min(left + columns, width)
        yield Block(start, columns * samples, slice(top, bottom), slice(left, right))


class _Tags:
    """Tags of a TIFF's first page.

    Attributes:
        next_page: place of the next page; 0: there is no other.
    """

    def __init__(self, source: Source, data: mmap.mmap) -> None:
        self._source = source
        self._data = data
        self._order = "<" if data[:2] == b"II" else ">"
        self._big = self._unpacked("H", 2)[0] == 43  # the version of BigTIFF
        (page,) = self._unpacked("Q", 8) if self._big else self._unpacked("L", 4)
        (count,) = self._unpacked("Q" if self._big else "H", page)
        most_tags = 4096
        if count > most_tags:
            raise self.damaged()
        entry, self._inline = ("HHQ8x", 8) if self._big else ("HHL4x", 4)
        start = page + (8 if self._big else 2)
        size = struct.calcsize("=" + entry)
        self._entries: dict[int, tuple[int, int, int]] = {}  # type, number and place of the values of a tag
        end = start + count * size
        (self.next_page,) = self._unpacked("Q" if self._big else "L", end)
        self._spans = [(0, 16 if self._big else 8), (page, end + self._inline)]  # of the header and the tags
        bytes_of_type = {
            **dict.fromkeys((1, 2, 6, 7), 1),
            **dict.fromkeys((3, 8), 2),
            **dict.fromkeys((4, 9, 11, 13), 4),
            **dict.fromkeys((5, 10, 12, 16, 17, 18), 8),
        }
        for at in range(start, end, size):
            tag, kind, number = self._unpacked(entry, at)
            place = at + size - self._inline
            length = number * bytes_of_type.get(kind, 1)
            if length > self._inline:
                (place,) = self._unpacked("Q" if self._big else "L", place)
                self._spans.append((place, place + length))
            self._entries[tag] = kind, number, place

    def __contains__(self, tag: int) -> bool:
        return tag in self._entries

    def damaged(self) -> Exception:
        return not_kept(self._source, _FORM, "it is damaged")

    def number(self, tag: int, default: int | None = None) -> int:
        """Return the first value of a tag. Raises MediaError if it has no value and no default."""
        values = self.numbers(tag, default)
        if not len(values):
            raise self.damaged()
        return int(values[0])

    def numbers(self, tag: int, default: int | None = None) -> np.ndarray:
        """Return the values of a tag, or the default, or an empty array."""
        if tag not in self:
            return np.array([] if default is None else [default], np.int64)
        kind, count, place = self._entries[tag]
        whole_numbers = {1: "u1", 3: "u2", 4: "u4", 16: "u8"}  # types of whole numbers: BYTE, SHORT, LONG, LONG8
        most_values = 1 << 16
        if kind not in whole_numbers or count > most_values:
            raise not_kept(self._source, _FORM, f"its tag {tag} is unusual")
        dtype = np.dtype(self._order + whole_numbers[kind])
        if place + count * dtype.itemsize > len(self._data):
            raise truncated(self._source, _FORM)
        return np.frombuffer(self._data[place : place + count * dtype.itemsize], dtype)

    def refuse_overlap(self, blocks: list[tuple[int, int]]) -> None:
        """Raise MediaError if blocks are outside the file, or share bytes with each other or the tags."""
        if max(end for _, end in blocks) > len(self._data):
            raise truncated(self._source, _FORM)
        starts, ends = np.array(sorted(blocks)).T
        shared = ((starts < end) & (ends > start) for start, end in self._spans)
        if (ends[:-1] > starts[1:]).any() or any(mask.any() for mask in shared):
            raise self.damaged()

    def _unpacked(self, form: str, at: int) -> tuple[int, ...]:
        """Return whole numbers at a place, of types that `struct` names. Raises MediaError if the file ends there."""
        if at + struct.calcsize(self._order + form) > len(self._data):
            raise truncated(self._source, _FORM)
        return struct.unpack_from(self._order + form, self._data, at)
