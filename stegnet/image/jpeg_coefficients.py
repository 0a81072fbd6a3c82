"""Coefficients of a JPEG, and the file with others in their place.

Every byte outside of the entropy-coded data stays: metadata, tables, thumbnails, and what phones append. Only an index
of several pictures follows the first one's length, and Huffman tables that an encoder made for a file's own
coefficients are made anew, as it would make them, and those that have no code for the new ones.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

from stegnet.core.errors import MediaError
from stegnet.core.pixels import BLOCK, DCT_BASIS, LEVELS, encode_jpeg, in_block_rows
from stegnet.formats.opened_file import Source, spliced
from stegnet.image.jpeg_markers import (
    HINT,
    HuffmanTable,
    JpegFile,
    has_sound_segments,
    moved_index,
    open_jpeg,
    parse_jpeg,
    refuse_many_scans,
)
from stegnet.image.jpeg_scan_decoder import decode_scans, is_decodable
from stegnet.image.jpeg_scan_encoder import Symbols, ends_with_a_byte, filled_up, optimal_table, scan_symbols

_FULL_BYTE = b"\xff\0"  # a byte of ones, as it is written
_SCRIPT_SEGMENTS = bytes.fromhex("db c0 c4 da")  # of encoders that descend from Adobe's for ActionScript
_SCRIPT_STEP = 24  # their largest step of luma is at least this, up to quality 90
_MIDDLE = 128  # of a sample: a coefficient of 0


@dataclass(frozen=True, eq=False)
class DecodedLuma:
    """Luma of a JPEG's blocks."""

    shown: np.ndarray  # (8 · rows, 8 · columns) uint8
    # of each block, the least distance of a pixel from the ends of its range, before it is rounded: (rows, columns)
    # float32, negative where one is clipped
    room: np.ndarray


@dataclass(frozen=True, eq=False)
class JpegPicture:
    """A JPEG, by its coefficients."""

    file: JpegFile  # its parts
    # of each component the quantised coefficients, (rows, columns, 64) int16 in zigzag order
    planes: tuple[np.ndarray, ...]
    # the same with the blocks that only fill up MCUs; None: these are as libjpeg writes them
    whole: tuple[np.ndarray, ...] | None = None

    def steps(self, component: int) -> np.ndarray:
        """The quantisation table of a component, (64,) int in zigzag order."""
        return np.array(self.file.quantisation[self.file.components[component].table])

    @cached_property
    def decoded_luma(self) -> DecodedLuma:
        """Luma as it is decoded in floating point."""
        luma, basis = self.planes[0], (DCT_BASIS * self.steps(0)[:, None]).astype(np.float32)
        rows, cols, _ = luma.shape
        shown, room = np.empty((rows, BLOCK, cols, BLOCK), np.uint8), np.empty((rows, cols), np.float32)

        def fill(part: slice) -> None:
            blocks = luma[part].astype(np.float32).reshape(-1, 64) @ basis
            blocks += _MIDDLE
            room[part] = np.minimum(blocks.min(1), LEVELS - blocks.max(1)).reshape(-1, cols)
            pixels = np.rint(blocks, out=blocks).clip(0, LEVELS, out=blocks).astype(np.uint8)
            shown[part] = pixels.reshape(-1, cols, BLOCK, BLOCK).transpose(0, 2, 1, 3)

        in_block_rows(fill, rows)
        return DecodedLuma(shown.reshape(BLOCK * rows, BLOCK * cols), room)

    def with_planes(self, planes: Sequence[np.ndarray]) -> bytes:
        """The file with other coefficients, of the same shapes, up to 1,023 (the first of each block 2,047)."""
        with ThreadPoolExecutor(1) as pool:
            endings, symbols = pool.submit(lambda: self._endings), self._symbols(planes)
            tables = self._tables_for(symbols)
            own = [{key: tables[old.start] for key, old in scan.tables.items()} for scan in self.file.scans]
            data = [each.coded(some) for each, some in zip(symbols, own, strict=True)]
        behind, fills_whole_bytes = endings.result()
        if fills_whole_bytes:
            behind = [_FULL_BYTE if ends_with_a_byte(symbols[0], own[0]) else b""]
        parts = zip(self.file.scans, data, behind, strict=True)
        changed = {(scan.start, scan.end): coded + rest for scan, coded, rest in parts}
        for start, end, own in self.file.huffman_segments:
            content = b"".join(tables[old.start].content for old in own)
            changed[start - 2, end] = (len(content) + 2).to_bytes(2, "big") + content
        if self.file.index is not None:
            start, end = self.file.index
            growth = {place: len(piece) - (stop - place) for (place, stop), piece in changed.items()}
            behind = sum(more for place, more in growth.items() if place >= end)
            changed[start, end] = moved_index(self.file.data[start:end], sum(growth.values()), behind)
        return b"".join(spliced(memoryview(self.file.data), changed))

    @cached_property
    def _counts(self) -> dict[int, np.ndarray]:
        return self._used(self._symbols(self.planes))

    @cached_property
    def _endings(self) -> tuple[list[bytes], bool]:
        """Bytes too many behind each scan's data, such as zeros or a restart marker, and `_fills_whole_bytes`.

        The bytes are b"" where they are not known.
        """
        rests, coded = [], self._symbols(self.planes)
        for scan, own in zip(self.file.scans, coded, strict=True):
            data = self.file.data[scan.start : scan.end]
            used = ((key, set(np.flatnonzero(counts))) for key, counts in own.counts.items())
            # The tables of a damaged file may lack codes.
            whole = all(key in scan.tables and some <= set(scan.tables[key].symbols) for key, some in used)
            again = own.coded(scan.tables) if whole else b""
            rests.append(data[len(again) :] if again and data.startswith(again[:-1]) else b"")
        return rests, self._fills_whole_bytes(rests, coded)

    def _fills_whole_bytes(self, rests: list[bytes], coded: list[Symbols]) -> bool:
        """True if its encoder fills up the last byte even if that is whole, with eight ones more.

        So do encoders that descend from Adobe's for ActionScript, jpeg-js of npm among them. One file of eight shows
        it by its end; of others, their segments do. Those of stb_image_write, which fills up as usual, are the same,
        but above quality 90 alone is its chroma of full size.
        """
        file = self.file
        if len(file.scans) != 1 or file.progressive or file.scans[0].interval:
            return False
        (scan,), (symbols,) = file.scans, coded
        is_whole = ends_with_a_byte(symbols, scan.tables)
        if rests == [_FULL_BYTE] or is_whole:
            return rests == [_FULL_BYTE] and is_whole
        known = bytes(file.data[start + 1] for start, _ in file.parts) == _SCRIPT_SEGMENTS
        return known and file.mcu == (1, 1) and len(file.components) == 3 and self.steps(0).max() >= _SCRIPT_STEP

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
    """The tables of T.81, annex K.3, as libjpeg writes them."""
    file = parse_jpeg(encode_jpeg(np.zeros((8, 8, 3), np.uint8), 75), "a JPEG")
    return frozenset(table for _, _, own in file.huffman_segments for table in own)


def read_jpeg(path: Source) -> JpegPicture:
    """Read the coefficients of a JPEG; raises MediaError if it is none, is damaged, or of a kind that can't be read."""
    file = open_jpeg(path)
    refuse_many_scans(path)
    if not (has_sound_segments(file) and is_decodable(file)):
        raise MediaError("the JPEG is damaged, or of a kind that can't be read", HINT, subject=path)
    whole = decode_scans(file)
    sizes = [file.blocks(component) for component in file.components]
    planes = tuple(plane[:rows, :cols] for plane, (rows, cols) in zip(whole, sizes, strict=True))
    return JpegPicture(file, planes, None if _is_filled_usually(file, planes, whole) else whole)


def _is_filled_usually(file: JpegFile, planes: Sequence[np.ndarray], whole: Sequence[np.ndarray]) -> bool:
    """True if blocks that only fill up MCUs are as libjpeg writes them, or the file has none."""
    if not file.has_whole_mcus:
        return True
    rows, cols = file.mcus
    for component, plane, each in zip(file.components, planes, whole, strict=True):
        down, across = component.down, component.across
        top, left = (rows - 1) * down, (cols - 1) * across  # of the last MCUs, which alone can have more than the plane
        bottom, right = (
            filled_up(plane[top:], (1, down, cols, across)),
            filled_up(plane[:, left:], (rows, down, 1, across)),
        )
        for own, found in ((bottom, each[top:]), (right, each[:, left:])):
            if not np.array_equal(own.reshape(found.shape), found):
                return False
    return True
