"""TIFF files: one page, uncompressed, 8 bits per sample, grey or RGB (Adobe, "TIFF Revision 6.0"; BigTIFF, libtiff).

Strips and tiles stay where they are, and so does every byte between their samples.
"""

import math
import mmap
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np

from stegnet.formats.opened_file import Source, mapped
from stegnet.formats.raster import Block, Raster, not_kept, truncated

_FORM = "TIFF"
_BIG = 43  # the version of BigTIFF
# Tags (section 8 and after).
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _FILL_ORDER = 256, 257, 258, 259, 262, 266
_STRIPS, _SAMPLES, _ROWS_PER_STRIP, _PLANAR = 273, 277, 278, 284
_TILE_WIDTH, _TILE_HEIGHT, _TILES, _EXTRA, _SAMPLE_FORMAT = 322, 323, 324, 338, 339
_GREY, _RGB = 1, 2  # of PhotometricInterpretation
_COLOURS = {_GREY: 1, _RGB: 3}  # samples
_UNUSED, _OPACITY = 0, 2  # of ExtraSamples: unassociated alpha
_NUMBERS = {1: "u1", 3: "u2", 4: "u4", 16: "u8"}  # types of whole numbers: BYTE, SHORT, LONG, LONG8
_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_MOST_BLOCKS, _MOST_TAGS = 1 << 16, 4096
_LONGEST = (1 << 32) - 1  # RowsPerStrip of a picture in one strip


def read_tiff(source: Source) -> Raster:
    """Return the layout of a TIFF's pixels.

    Raises:
        MediaError: the TIFF is truncated, or of another kind.
    """
    with mapped(source) as data:
        tags = _Tags(source, data)
        if tags.next_page:
            raise not_kept(source, _FORM, "it has several pages")
        if tags.number(_COMPRESSION, 1) != 1:
            raise not_kept(source, _FORM, "it is compressed")
        photometric, samples = tags.number(_PHOTOMETRIC), tags.number(_SAMPLES, 1)
        colours, extra = _COLOURS.get(photometric), tuple(tags.numbers(_EXTRA))
        if photometric == _RGB and samples == 4 and not extra:
            extra = (_OPACITY,)  # OpenCV doesn't write it, and readers don't need it
        if colours is None or samples != colours + len(extra) or extra not in {(), (_UNUSED,), (_OPACITY,)}:
            raise not_kept(source, _FORM, "its colours are neither grey nor RGB")
        if set(tags.numbers(_BITS, 1)) != {8} or set(tags.numbers(_SAMPLE_FORMAT, 1)) != {1}:
            raise not_kept(source, _FORM, "its samples are not whole numbers of 8 bits")
        if tags.number(_PLANAR, 1) != 1 or tags.number(_FILL_ORDER, 1) != 1:
            raise not_kept(source, _FORM, "its samples are in an unusual order")
        height, width = tags.number(_HEIGHT), tags.number(_WIDTH)
        blocks = list(_blocks(tags, height, width, samples))
        opacity = colours if extra == (_OPACITY,) else None
        sides = (tags.number(_TILE_HEIGHT), tags.number(_TILE_WIDTH)) if _TILES in tags else (1, 1)
        padded = bool(height % sides[0] or width % sides[1])
        raster = Raster(source, height, width, samples, tuple(range(colours)), opacity, blocks, padded=padded)
        tags.refuse_overlap(raster.spans())
        return raster


def _blocks(tags: "_Tags", height: int, width: int, samples: int) -> Iterator[Block]:
    """Yield the strips or tiles, row by row, without the parts of tiles outside the picture."""
    if _TILES in tags:
        rows, columns, starts = tags.number(_TILE_HEIGHT), tags.number(_TILE_WIDTH), tags.numbers(_TILES)
    else:
        rows, columns, starts = tags.number(_ROWS_PER_STRIP, _LONGEST), width, tags.numbers(_STRIPS)
    if not min(rows, columns, height, width):
        raise tags.damaged()
    across, down = math.ceil(width / columns), math.ceil(height / rows)
    if len(starts) != across * down:
        raise tags.damaged()
    for index, start in enumerate(starts.tolist()):
        top, left = index // across * rows, index % across * columns
        bottom, right = min(top + rows, height), min(left + columns, width)
        yield Block(start, columns * samples, slice(top, bottom), slice(left, right))


class _Tags:
    """Tags of a TIFF's first page.

    Attributes:
        next_page: place of the next page; 0: there is no other.
    """

    def __init__(self, source: Source, data: mmap.mmap) -> None:
        self._source, self._data = source, data
        self._order = "<" if data[:2] == b"II" else ">"
        self._big = self._unpacked("H", 2)[0] == _BIG
        (page,) = self._unpacked("Q", 8) if self._big else self._unpacked("L", 4)
        (count,) = self._unpacked("Q" if self._big else "H", page)
        if count > _MOST_TAGS:
            raise self.damaged()
        entry, self._inline = ("HHQ8s", 8) if self._big else ("HHL4s", 4)
        start, size = page + (8 if self._big else 2), struct.calcsize("=" + entry)
        self._entries, end = {}, start + count * size
        (self.next_page,) = self._unpacked("Q" if self._big else "L", end)
        self._spans = [(0, 16 if self._big else 8), (page, end + self._inline)]  # of the header and the tags
        for at in range(start, end, size):
            tag, kind, number, _ = self._unpacked(entry, at)
            place, length = at + size - self._inline, number * _BYTES.get(kind, 1)
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
        found = self.numbers(tag, default)
        if not len(found):
            raise self.damaged()
        return int(found[0])

    def numbers(self, tag: int, default: int | None = None) -> np.ndarray:
        """Return the values of a tag, or the default, or an empty array."""
        if tag not in self:
            return np.array([] if default is None else [default], np.int64)
        kind, count, place = self._entries[tag]
        if kind not in _NUMBERS or count > _MOST_BLOCKS:
            raise not_kept(self._source, _FORM, f"its tag {tag} is unusual")
        dtype = np.dtype(self._order + _NUMBERS[kind])
        if place + count * dtype.itemsize > len(self._data):
            raise truncated(self._source, _FORM)
        return np.frombuffer(self._data[place : place + count * dtype.itemsize], dtype)

    def refuse_overlap(self, blocks: list[tuple[int, int]]) -> None:
        """Raise MediaError if blocks are outside the file, or share bytes with each other or the tags."""
        if max(end for _, end in blocks) > len(self._data):
            raise truncated(self._source, _FORM)
        starts, ends = np.array(sorted(blocks)).T
        shared = ((starts < end) & (ends > start) for start, end in self._spans)
        if (ends[:-1] > starts[1:]).any() or any(each.any() for each in shared):
            raise self.damaged()

    def _unpacked(self, form: str, at: int) -> tuple[Any, ...]:
        if at + struct.calcsize(self._order + form) > len(self._data):
            raise truncated(self._source, _FORM)
        return struct.unpack_from(self._order + form, self._data, at)
