"""Coefficients of a JPEG, and the file with others in their place.

Every byte outside of the entropy-coded data stays: metadata, tables, thumbnails, and what phones append. Only an index
of several pictures follows the first one's length, and Huffman tables that an encoder made for a file's own
coefficients are made anew, as it would make them, and those that have no code for the new ones.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache, cached_property, partial
from pathlib import Path
from tempfile import NamedTemporaryFile
from threading import Lock
from types import SimpleNamespace

import jpeglib
import numpy as np

from stegnet.core.blocks import ZIGZAG
from stegnet.core.errors import MediaError, reading
from stegnet.core.jpeg import encode_jpeg
from stegnet.core.temporary import temporary_folder
from stegnet.formats.opened_file import Source, spliced
from stegnet.image.jpeg_entropy import Symbols, filled_up, optimal_table, scan_symbols
from stegnet.image.jpeg_markers import HINT, HuffmanTable, JpegFile, moved_index, parse_jpeg

_STDERR, _READING = 2, Lock()  # libjpeg's messages go there; jpeglib has global variables


@dataclass(frozen=True, eq=False)
class JpegPicture:
    """A JPEG, by its coefficients.

    Attributes:
        file: its parts.
        planes: of each component the quantised coefficients, (rows, columns, 64) int16 in zigzag order.
        whole: the same with the blocks that only fill up MCUs; None: these are as libjpeg writes them.
    """

    file: JpegFile
    planes: tuple[np.ndarray, ...]
    whole: tuple[np.ndarray, ...] | None = None

    def steps(self, component: int) -> np.ndarray:
        """The quantisation table of a component, (64,) int in zigzag order."""
        return np.array(self.file.quantisation[self.file.components[component].table])

    def with_planes(self, planes: Sequence[np.ndarray]) -> bytes:
        """The file with other coefficients, of the same shapes, up to 1,023 (the first of each block 2,047)."""
        with ThreadPoolExecutor(1) as pool:
            rests, symbols = pool.submit(lambda: self._rests), self._symbols(planes)
            tables = self._tables_for(symbols)
            own = [{key: tables[old.start] for key, old in scan.tables.items()} for scan in self.file.scans]
            data = [each.coded(some) for each, some in zip(symbols, own, strict=True)]
        parts = zip(self.file.scans, data, rests.result(), strict=True)
        changed = {(scan.start, scan.end): coded + rest for scan, coded, rest in parts}
        for start, end, own in self.file.huffman_segments:
            content = b"".join(tables[old.start].content for old in own)
            changed[start - 2, end] = (len(content) + 2).to_bytes(2, "big") + content
        return b"".join(spliced(self.file.data, changed | self._index(changed)))

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
        return self._used(self._symbols(self.planes))

    @cached_property
    def _rests(self) -> list[bytes]:
        """Bytes too many behind each scan's data, such as zeros or a restart marker; b"" where they are not known."""
        rests = []
        for scan, own in zip(self.file.scans, self._symbols(self.planes), strict=True):
            data = self.file.data[scan.start : scan.end]
            coded = own.coded(scan.tables) if _have_codes(scan.tables, own) else b""
            rests.append(data[len(coded) :] if coded and data.startswith(coded[:-1]) else b"")
        return rests

    def _symbols(self, planes: Sequence[np.ndarray]) -> list[Symbols]:
        if self.whole:
            filled = [each.copy() for each in self.whole]
            for each, plane in zip(filled, planes, strict=True):
                each[: len(plane), : plane.shape[1]] = plane
            planes = filled
        return [scan_symbols(self.file, scan, planes) for scan in self.file.scans]

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


def read_jpeg(path: Source) -> JpegPicture:
    """Reads the coefficients of a JPEG.

    Raises:
        MediaError: it can't be read, is not a JPEG, is damaged, or of a kind that is not supported.
    """
    with reading(path):
        file = parse_jpeg(path.read_bytes(), str(path))
    with temporary_folder() as folder:
        head = folder / "head.jpg"
        head.write_bytes(file.plain(file.scans[0].start))
        try:
            with _alone_and_silent(), _copies_in(folder):
                dct = jpeglib.read_dct(os.fspath(head))  # which decodes all that it is given, and keeps its sizes alone
                dct.content = file.plain(len(file.data))
                dct.load()
        except OSError as error:
            if error.errno:  # of the folder for temporary files
                raise
            raise MediaError(f"{path}: the JPEG is damaged, or of a kind that can't be read", HINT) from error
    found = (dct.Y, dct.Cb, dct.Cr)[: len(file.components)]
    whole = tuple(np.take(plane.reshape(*plane.shape[:2], 64), ZIGZAG, axis=2) for plane in found)
    sizes = [file.blocks(component) for component in file.components]
    if any(plane.shape[0] < rows or plane.shape[1] < cols for plane, (rows, cols) in zip(whole, sizes, strict=True)):
        raise MediaError(f"{path}: the JPEG is damaged: its size is not that of its coefficients")
    planes = tuple(plane[:rows, :cols] for plane, (rows, cols) in zip(whole, sizes, strict=True))
    return JpegPicture(file, planes, None if _is_filled_usually(file, planes, whole) else whole)


@contextmanager
def _copies_in(folder: Path) -> Iterator[None]:
    """jpeglib copies each file, and leaves the copy behind where it can't be written or read: here, in this folder."""
    own, made = jpeglib.dct_jpeg.tempfile, partial(NamedTemporaryFile, dir=folder)
    jpeglib.dct_jpeg.tempfile = SimpleNamespace(NamedTemporaryFile=made)
    try:
        yield
    finally:
        jpeglib.dct_jpeg.tempfile = own


def _is_filled_usually(file: JpegFile, planes: Sequence[np.ndarray], whole: Sequence[np.ndarray]) -> bool:
    """True if blocks that only fill up MCUs are as libjpeg writes them, or the file has none."""
    if not file.has_whole_mcus:
        return True
    rows, cols = file.mcus
    shapes = [(rows, each.down, cols, each.across) for each in file.components]
    usual = (filled_up(plane, shape) for plane, shape in zip(planes, shapes, strict=True))
    return all(np.array_equal(own.reshape(each.shape), each) for own, each in zip(usual, whole, strict=True))


def _have_codes(tables: Mapping[int, HuffmanTable], symbols: Symbols) -> bool:
    """True if tables have a code for each symbol, which those of a damaged file may lack."""
    used = ((key, set(np.flatnonzero(counts))) for key, counts in symbols.counts.items())
    return all(key in tables and some <= set(tables[key].symbols) for key, some in used)


@contextmanager
def _alone_and_silent() -> Iterator[None]:
    """For one thread, without what libjpeg says of damage and of bytes too many, which no option switches off."""
    with _READING, ExitStack() as stack:
        try:
            kept = os.dup(_STDERR)
        except OSError:  # it is closed
            yield
            return
        stack.callback(os.close, kept)
        stack.callback(os.dup2, kept, _STDERR)
        with open(os.devnull, "wb") as nothing:
            os.dup2(nothing.fileno(), _STDERR)
        yield
