"""Coefficients of a JPEG, and the file with others in their place.

Every byte outside of the entropy-coded data stays: metadata, tables, thumbnails, and what phones append. Only an index
of several pictures follows the first one's length, and Huffman tables that an encoder made for a file's own
coefficients are made anew, as it would make them, and those that have no code for the new ones.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import jpeglib
import numpy as np

from stegnet.core.errors import MediaError
from stegnet.core.jpeg import encode_jpeg
from stegnet.media.jpeg.entropy import ZIGZAG, optimal_table
from stegnet.media.jpeg.markers import HuffmanTable, JpegFile, parse_jpeg
from stegnet.media.jpeg.multi_picture import moved_index
from stegnet.media.jpeg.scans import Symbols, scan_symbols


@dataclass(frozen=True, eq=False)
class JpegPicture:
    """A JPEG, by its coefficients.

    Attributes:
        file: its parts.
        planes: of each component the quantised coefficients, (rows, columns, 64) int16 in zigzag order.
    """

    file: JpegFile
    planes: tuple[np.ndarray, ...]

    def steps(self, component: int) -> np.ndarray:
        """The quantisation table of a component, (64,) int in zigzag order."""
        return np.array(self.file.quantisation[self.file.components[component].table])

    def with_planes(self, planes: Sequence[np.ndarray]) -> bytes:
        """The file with other coefficients, of the same shapes, up to 1,023 (the first of each block 2,047)."""
        scans = self.file.scans
        symbols = [scan_symbols(self.file, scan, planes) for scan in scans]
        tables = self._tables_for(symbols)
        changed = {
            (scan.start, scan.end): own.coded({key: tables[old.start] for key, old in scan.tables.items()})
            for scan, own in zip(scans, symbols, strict=True)
        }
        for start, end, own in self.file.huffman_segments:
            content = b"".join(tables[old.start].content for old in own)
            changed[start - 2, end] = (len(content) + 2).to_bytes(2, "big") + content
        return _spliced(self.file.data, changed | self._index(changed))

    def _index(self, changed: dict[tuple[int, int], bytes]) -> dict[tuple[int, int], bytes]:
        """The index of several pictures, if the file has one, beside changes of these parts."""
        if self.file.index is None:
            return {}
        start, end = self.file.index
        growth = {place: len(piece) - (stop - place) for (place, stop), piece in changed.items()}
        behind = sum(more for place, more in growth.items() if place >= end)
        return {(start, end): moved_index(self.file.data[start:end], sum(growth.values()), behind)}

    @cached_property
    def _counts(self) -> dict[int, np.ndarray]:
        return self._used([scan_symbols(self.file, scan, self.planes) for scan in self.file.scans])

    def _tables_for(self, symbols: Sequence[Symbols]) -> dict[int, HuffmanTable]:
        """The table to write for each of the file's, by where it is."""
        counts, tables = self._used(symbols), {}
        for old in (table for _, _, own in self.file.huffman_segments for table in own):
            tables[old.start] = old
            used = set(np.flatnonzero(counts.get(old.start, ())))
            if used and (self._is_fitted(old) or not used <= set(old.symbols)):
                tables[old.start] = optimal_table(counts[old.start], old.key)
        return tables

    def _is_fitted(self, table: HuffmanTable) -> bool:
        """True if an encoder made a table for the file's own coefficients."""
        if table in _standard_tables():  # of most files, whose coefficients need not be counted
            return False
        return table.start in self._counts and optimal_table(self._counts[table.start], table.key) == table

    def _used(self, symbols: Sequence[Symbols]) -> dict[int, np.ndarray]:
        """Uses of each symbol of each table, by the start of the table."""
        used: dict[int, np.ndarray] = {}
        for scan, own in zip(self.file.scans, symbols, strict=True):
            for key, counts in own.counts.items():
                start = scan.tables[key].start
                used[start] = used.get(start, 0) + counts
        return used


@cache
def _standard_tables() -> frozenset[HuffmanTable]:
    """Those of T.81, annex K.3, as libjpeg writes them."""
    file = parse_jpeg(encode_jpeg(np.zeros((8, 8, 3), np.uint8), 75), "a JPEG")
    return frozenset(table for _, _, own in file.huffman_segments for table in own)


def read_jpeg(path: Path) -> JpegPicture:
    """Reads the coefficients of a JPEG.

    Raises:
        MediaError: it can't be read, is not a JPEG, is damaged, or of a kind that is not supported.
    """
    try:
        file = parse_jpeg(path.read_bytes(), str(path))
        dct = jpeglib.read_dct(os.fspath(path))
        dct.load()
    except OSError as error:
        raise MediaError(f"{path}: the JPEG can't be read ({error.strerror or error})") from error
    found = (dct.Y, dct.Cb, dct.Cr)[: len(file.components)]
    planes = tuple(np.take(plane.reshape(*plane.shape[:2], 64), ZIGZAG, axis=2) for plane in found)
    if [plane.shape[:2] for plane in planes] != [file.blocks(component) for component in file.components]:
        raise MediaError(f"{path}: the JPEG is damaged: its size is not that of its coefficients")
    return JpegPicture(file, planes)


def _spliced(data: bytes, changed: dict[tuple[int, int], bytes]) -> bytes:
    """Data with other bytes from start to end of each part."""
    pieces, done = [], 0
    for (start, end), piece in sorted(changed.items()):
        pieces += [data[done:start], piece]
        done = end
    return b"".join((*pieces, data[done:]))
