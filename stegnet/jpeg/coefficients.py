"""Coefficients of a JPEG: read from a file, and replaced in it.

Every byte outside of the entropy-coded data stays: metadata, tables, thumbnails, and data that phones append. Only
three things change with the coefficients: an index of several pictures, by the length of the first one; Huffman tables
that the encoder optimised for the file's coefficients, which are optimised again; and tables without a code for a new
symbol.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from stegnet import kernels
from stegnet.core.errors import MediaError
from stegnet.core.pixels import BLOCK, DCT_BASIS, in_block_rows
from stegnet.formats.opened_file import Source, spliced
from stegnet.jpeg.markers import (
    HINT,
    HuffmanTable,
    JpegFile,
    has_sound_segments,
    open_jpeg,
    refuse_many_scans,
    spliced_jpeg,
)
from stegnet.jpeg.scan_decoder import decode_scans, is_decodable
from stegnet.jpeg.scan_encoder import Symbols, ends_with_a_byte, filled_up, optimal_table, scan_symbols

_FULL_BYTE = b"\xff\0"  # a byte of ones, as it is written
# Huffman tables of T.81, annex K.3: the number of codes of each length, and their symbols.
_STANDARD_TABLES = frozenset(
    HuffmanTable(bytes.fromhex(counts), bytes.fromhex(symbols))
    for counts, symbols in (
        ("00010501010101010100000000000000", "000102030405060708090a0b"),  # DC of luma
        ("00030101010101010101010000000000", "000102030405060708090a0b"),  # DC of chroma
        (  # AC of luma
            "0002010303020403050504040000017d",
            "01020300041105122131410613516107227114328191a1082342b1c11552d1f024336272"
            "82090a161718191a25262728292a3435363738393a434445464748494a53545556575859"
            "5a636465666768696a737475767778797a838485868788898a92939495969798999aa2a3"
            "a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2"
            "e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9fa",
        ),
        (  # AC of chroma
            "00020102040403040705040400010277",
            "000102031104052131061241510761711322328108144291a1b1c109233352f0156272d1"
            "0a162434e125f11718191a262728292a35363738393a434445464748494a535455565758"
            "595a636465666768696a737475767778797a82838485868788898a92939495969798999a"
            "a2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9da"
            "e2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9fa",
        ),
    )
)


@dataclass(frozen=True, eq=False)
class DecodedLuma:
    """Luma of a JPEG's blocks."""

    shown: np.ndarray  # (8 · rows, 8 · columns) uint8
    # (rows, columns) float32: the least distance of a block's pixels from 0 and 255 before they are rounded; negative
    # if a pixel is clipped
    room: np.ndarray


@dataclass(frozen=True, eq=False)
class JpegPicture:
    """JPEG by its coefficients.

    Attributes:
        file: the parsed file.
        planes: quantised coefficients of each component, (rows, columns, 64) int16 in zigzag order.
        whole: planes with the blocks that only fill up MCUs; None if these are as libjpeg writes them.
        surplus: surplus bytes may be behind a scan's data.
    """

    file: JpegFile
    planes: tuple[np.ndarray, ...]
    whole: tuple[np.ndarray, ...] | None = None
    surplus: bool = True

    def quanta(self, component: int) -> np.ndarray:
        """Return the quantisation table of a component, (64,) int in zigzag order."""
        return np.array(self.file.quantisation[self.file.components[component].table])

    @property
    def has_optimised_tables(self) -> bool:
        """True if its Huffman tables are others than those of T.81, annex K.3."""
        tables = {table for _, _, tables in self.file.huffman_segments for table in tables}
        return not tables <= _STANDARD_TABLES

    @cached_property
    def decoded_luma(self) -> DecodedLuma:
        """Luma as it is decoded in floating point."""
        luma = self.planes[0]
        basis = (DCT_BASIS * self.quanta(0)[:, None]).astype(np.float32)
        rows, cols, _ = luma.shape
        shown = np.empty((rows, BLOCK, cols * BLOCK), np.uint8)
        room = np.empty((rows, cols), np.float32)

        def fill(part: slice) -> None:
            blocks = luma[part].astype(np.float32).reshape(-1, 64) @ basis
            kernels.jpeg_show(blocks, cols, shown[part], room[part])

        in_block_rows(fill, rows)
        return DecodedLuma(shown.reshape(BLOCK * rows, -1), room)

    def forget_luma(self) -> None:
        """Free the memory of the decoded luma, which is decoded again if asked for."""
        self.__dict__.pop("decoded_luma", None)

    def with_planes(self, planes: Sequence[np.ndarray]) -> bytes:
        """Return the file with other coefficients.

        Args:
            planes: coefficients of the same shapes, −1,023 to 1,023, the first of each block −2,047 to 2,047.
        """
        rests, fills_whole_bytes = self._endings
        symbols = self._symbols(planes)
        tables = self._tables_for(symbols)
        tables_of_scans = [{key: tables[old.start] for key, old in scan.tables.items()} for scan in self.file.scans]
        coded = [scan.coded(by_key) for scan, by_key in zip(symbols, tables_of_scans, strict=True)]
        if fills_whole_bytes:
            rests = [_FULL_BYTE if ends_with_a_byte(symbols[0], tables_of_scans[0]) else b""]

        changed = {}
        for scan, data, rest in zip(self.file.scans, coded, rests, strict=True):
            changed[scan.start, scan.end] = data + rest
        for start, end, old_tables in self.file.huffman_segments:
            content = b"".join(tables[old.start].content for old in old_tables)
            changed[start - 2, end] = (len(content) + 2).to_bytes(2, "big") + content

        return spliced_jpeg(self.file, changed)

    def without_picture(self) -> bytes:
        """Return the file's headers, up to the end of the picture: no entropy-coded data, and no thumbnail behind it.

        Huffman tables that the encoder optimised have no codes: the `with_planes` of such headers optimises them.
        """
        changed = {(scan.start, scan.end): b"" for scan in self.file.scans}
        for start, end, tables in self.file.huffman_segments:
            emptied = [HuffmanTable(bytes(16), b"", each.key) if self._is_fitted(each) else each for each in tables]
            content = b"".join(table.content for table in emptied)
            changed[start - 2, end] = (len(content) + 2).to_bytes(2, "big") + content
        changed[self.file.end, len(self.file.data)] = b""
        return b"".join(spliced(memoryview(self.file.data), changed))

    @cached_property
    def _counts(self) -> dict[int, np.ndarray]:
        return self._used(self._symbols(self.planes))

    @cached_property
    def _endings(self) -> tuple[list[bytes], bool]:
        """Surplus bytes behind each scan's data, such as zeros or a restart marker, and `_fills_whole_bytes`.

        The bytes are b"" if they are unknown.
        """
        if not self.surplus and not self._may_fill_whole_bytes:  # nor are the scans coded again for it
            return [b""] * len(self.file.scans), False
        rests = []
        symbols_of_scans = self._symbols(self.planes)
        for scan, symbols in zip(self.file.scans, symbols_of_scans, strict=True):
            data = self.file.data[scan.start : scan.end]
            # The tables of a damaged file may lack codes.
            has_codes = all(
                key in scan.tables and set(np.flatnonzero(counts)) <= set(scan.tables[key].symbols)
                for key, counts in symbols.counts.items()
            )
            again = symbols.coded(scan.tables) if has_codes else b""
            rests.append(data[len(again) :] if again and data.startswith(again[:-1]) else b"")
        return rests, self._fills_whole_bytes(rests, symbols_of_scans)

    def _fills_whole_bytes(self, rests: list[bytes], symbols_of_scans: list[Symbols]) -> bool:
        """Return whether the encoder appends eight ones if the last byte is already whole.

        Encoders that descend from Adobe's for ActionScript do, such as npm's jpeg-js. One file in eight shows it by its
        end; others are recognised by their segments. stb_image_write, which fills up as usual, writes the same
        segments, but its chroma is of full size above quality 90 only.
        """
        if not self._has_one_scan:
            return False
        is_whole = ends_with_a_byte(symbols_of_scans[0], self.file.scans[0].tables)
        if rests == [_FULL_BYTE] or is_whole:
            return rests == [_FULL_BYTE] and is_whole
        return self._may_fill_whole_bytes

    @property
    def _has_one_scan(self) -> bool:
        """True if there is one sequential scan without restart markers."""
        return len(self.file.scans) == 1 and not self.file.progressive and not self.file.scans[0].interval

    @property
    def _may_fill_whole_bytes(self) -> bool:
        """True if segments are those of an encoder as of `_fills_whole_bytes`."""
        file = self.file
        script_segments = bytes.fromhex("db c0 c4 da")  # of encoders that descend from Adobe's for ActionScript
        known = bytes(file.data[start + 1] for start, _ in file.parts) == script_segments
        script_quantum = 24  # their largest quantum of luma is at least this, up to quality 90
        is_usual = known and file.mcu == (1, 1) and len(file.components) == 3
        return self._has_one_scan and is_usual and bool(self.quanta(0).max() >= script_quantum)

    def _symbols(self, planes: Sequence[np.ndarray]) -> list[Symbols]:
        """Return the symbols of each scan for these coefficients, (rows, columns, 64) of each component."""
        if self.whole:
            filled = [plane.copy() for plane in self.whole]
            for whole, plane in zip(filled, planes, strict=True):
                whole[: len(plane), : plane.shape[1]] = plane
            planes = filled
        return [scan_symbols(self.file, scan, planes) for scan in self.file.scans]

    def _tables_for(self, symbols: Sequence[Symbols]) -> dict[int, HuffmanTable]:
        """Return the new Huffman table for each of the file's, by the position of the latter."""
        counts = self._used(symbols)
        tables = {}
        for _, _, old_tables in self.file.huffman_segments:
            for old in old_tables:
                tables[old.start] = old
                used = set(np.flatnonzero(counts.get(old.start, ())))
                if used and (self._is_fitted(old) or not used <= set(old.symbols)):
                    tables[old.start] = optimal_table(counts[old.start], old.key)
        return tables

    def _is_fitted(self, table: HuffmanTable) -> bool:
        """Return whether the encoder optimised a table for the file's coefficients."""
        if table in _STANDARD_TABLES:  # of most files, whose coefficients need not be counted
            return False
        return table.start in self._counts and optimal_table(self._counts[table.start], table.key) == table

    def _used(self, symbols: Sequence[Symbols]) -> dict[int, np.ndarray]:
        """Return the number of uses of each symbol, (256,), by the position of the Huffman table."""
        used: dict[int, np.ndarray] = {}
        for scan, symbols_of_scan in zip(self.file.scans, symbols, strict=True):
            for key, counts in symbols_of_scan.counts.items():
                start = scan.tables[key].start
                used[start] = used[start] + counts if start in used else counts
        return used


def read_jpeg(path: Source) -> JpegPicture:
    """Read the coefficients of a JPEG.

    Raises:
        MediaError: the file is not a JPEG, is damaged, or of a kind that can't be read.
    """
    file = open_jpeg(path)
    refuse_many_scans(path)
    if not (has_sound_segments(file) and is_decodable(file)):
        raise MediaError("the JPEG is damaged, or of a kind that can't be read", HINT, subject=path)
    whole, surplus = decode_scans(file)
    sizes = [file.blocks(component) for component in file.components]
    planes = tuple(plane[:rows, :cols] for plane, (rows, cols) in zip(whole, sizes, strict=True))
    return JpegPicture(file, planes, None if _is_filled_usually(file, planes, whole) else whole, surplus)


def _is_filled_usually(file: JpegFile, planes: Sequence[np.ndarray], whole: Sequence[np.ndarray]) -> bool:
    """Return whether blocks that only fill up MCUs are as libjpeg writes them; True if there are no such blocks.

    The coefficients of each component are (rows, columns, 64): `planes` without such blocks, `whole` with them.
    """
    has_all_components = (1 < len(scan.components) == len(file.components) for scan in file.scans)
    if file.progressive or not all(has_all_components):  # other scans leave these blocks out
        return True
    rows, cols = file.mcus
    for component, plane, whole_plane in zip(file.components, planes, whole, strict=True):
        down = component.down
        across = component.across
        top = (rows - 1) * down  # of the last MCUs, as only these can exceed the plane
        left = (cols - 1) * across
        bottom = filled_up(plane[top:], (1, down, cols, across))
        right = filled_up(plane[:, left:], (rows, down, 1, across))
        for usual, stored in ((bottom, whole_plane[top:]), (right, whole_plane[:, left:])):
            if not np.array_equal(usual.reshape(stored.shape), stored):
                return False
    return True
