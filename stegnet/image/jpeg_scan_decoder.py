"""Coefficients of a JPEG from its scans: Huffman decoding (ITU-T T.81, annexes C, F and G).

Files that libjpeg refuses are refused: with tables that are missing or invalid, or scans that the standard forbids.
Damaged data of a scan are read as libjpeg, and so viewers, read them: invalid codes as symbol 0, and coefficients
behind the last one as the last one. Data of a restart interval that end too early are followed by zeros, which complete
the MCU that needs them; the interval's remaining MCUs stay as they are.

A compiled kernel decodes if available, else Python, which takes about a hundred times as long.
"""

import re
from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise

import numpy as np

from stegnet import kernels
from stegnet.image.jpeg_markers import AC_KEY, HuffmanTable, JpegFile, Scan

_BLOCK = 64  # coefficients
_MOST_BLOCKS = 10  # of an MCU (B.2.3)
_LONGEST_CODE = 16  # bits
_WINDOW = 32  # bits that a symbol and a value take at most
_ZRL_RUN = 15  # run of the symbol for 16 zeros

_Band = tuple[int, int, int, int, int]  # of a scan: 1 if progressive, first and last coefficient, high and low bit
_McuLayout = tuple[int, int, int]  # of a scan: rows and columns of its MCUs, and their number between restart markers


def is_decodable(file: JpegFile) -> bool:
    """Return whether libjpeg decodes a file's scans: their tables exist, and their order makes sense."""
    across, down = file.mcu
    if any(across % component.across or down % component.down for component in file.components):
        return False  # a sample would have to be repeated by a fraction
    if not file.progressive and len(file.scans) > 1 and len(file.scans[0].components) == len(file.components):
        return False  # the first scan has all components
    return all(_is_valid(file, scan) for scan in file.scans)


def _is_valid(file: JpegFile, scan: Scan) -> bool:
    """Return whether a scan's components, tables, coefficients and bits are valid (B.2.3)."""
    if len(set(scan.components)) < len(scan.components):
        return False
    blocks = sum(file.components[index].across * file.components[index].down for index in scan.components)
    if len(scan.components) > 1 and blocks > _MOST_BLOCKS:
        return False
    if file.progressive and not _is_progression(scan):
        return False
    return all(key in scan.tables and _is_code(scan.tables[key]) for key in _keys(scan))


def _is_progression(scan: Scan) -> bool:
    """Return whether a scan has DC only, or AC of one component, and is a first scan or adds one bit (G.1.1.1)."""
    is_dc = scan.first == scan.last == 0
    is_ac = 0 < scan.first <= scan.last < _BLOCK and len(scan.components) == 1
    highest_bit = 13  # lowest bit of a first scan, at most, as in libjpeg
    return (is_dc or is_ac) and scan.low <= highest_bit and scan.high in (0, scan.low + 1)


def _keys(scan: Scan) -> set[int]:
    """Return the keys of the tables that a scan uses: a refinement of DC uses no table."""
    dc = set(scan.dc) if scan.first == 0 and not scan.high else set()
    ac = {AC_KEY + number for number in scan.ac} if scan.last > 0 else set()
    return dc | ac


def _is_code(table: HuffmanTable) -> bool:
    """Return whether a table has a code for each symbol, no code of ones only, and valid sizes of DC coefficients."""
    code = 0
    for length, count in enumerate(table.counts, 1):
        code += count
        if count and code >= 1 << length:
            return False
        code <<= 1
    return table.key >= AC_KEY or max(table.symbols, default=0) < _LONGEST_CODE


def decode_scans(file: JpegFile) -> tuple[np.ndarray, ...]:
    """Decode all scans of a file that `is_decodable`.

    Returns:
        the coefficients of each component, (rows, columns, 64) int16 in zigzag order, with all blocks of its MCUs.
    """
    rows, cols = file.mcus
    shapes = [(rows * component.down, cols * component.across) for component in file.components]
    starts = [0, *accumulate(height * width for height, width in shapes)]
    coefficients = np.zeros((starts[-1], _BLOCK), np.int16)
    decode = kernels.compiled.decode_scan if kernels.compiled else _decode_scan
    for scan in file.scans:
        data = memoryview(file.data)[scan.start : scan.end]
        band = int(file.progressive), scan.first, scan.last, scan.high, scan.low
        decode(data, band, _mcu_layout(file, scan), _layout(file, scan, starts), _tables(scan), coefficients)
    parts = zip(pairwise(starts), shapes, strict=True)
    return tuple(coefficients[start:end].reshape(*shape, _BLOCK) for (start, end), shape in parts)


def _mcu_layout(file: JpegFile, scan: Scan) -> _McuLayout:
    """Return the rows and columns of a scan's MCUs, and its restart interval in MCUs, 0: none.

    With one component, an MCU is one block (A.2.2).
    """
    is_alone = len(scan.components) == 1
    rows, cols = file.blocks(file.components[scan.components[0]]) if is_alone else file.mcus
    return rows, cols, scan.interval


def _layout(file: JpegFile, scan: Scan, starts: Sequence[int]) -> np.ndarray:
    """Return the layout of a scan's components, (n, 4) int64.

    Columns are the number of the first block, the blocks of a row, and those of an MCU, across and down.
    """
    layout = []
    for index in scan.components:
        component = file.components[index]
        mcu = (component.across, component.down) if len(scan.components) > 1 else (1, 1)
        layout.append((starts[index], file.mcus[1] * component.across, *mcu))
    return np.array(layout, np.int64)


def _tables(scan: Scan) -> np.ndarray:
    """Return the Huffman tables of a scan's components, for DC and AC, (n, 2, 272) uint8; zeros for unused tables."""
    tables = np.zeros((len(scan.components), 2, _LONGEST_CODE + 256), np.uint8)
    used = _keys(scan)
    for place, numbers in enumerate(zip(scan.dc, scan.ac, strict=True)):
        for kind, key in enumerate((numbers[0], AC_KEY + numbers[1])):
            if key in used:
                content = scan.tables[key].counts + scan.tables[key].symbols
                tables[place, kind, : len(content)] = np.frombuffer(content, np.uint8)
    return tables


def _decode_scan(
    data: memoryview, band: _Band, size: _McuLayout, layout: np.ndarray, tables: np.ndarray, coefficients: np.ndarray
) -> None:
    """Decode a scan into `coefficients`, as the compiled `decode_scan`, whose docstring describes the arguments."""
    rows, cols, interval = size
    intervals = _Intervals(bytes(data))
    decoder = _BlockDecoder(band, coefficients.reshape(-1).data, intervals.bits())
    lookups = [(_lookup(dc), _lookup(ac)) for dc, ac in tables]
    parts = layout.tolist()
    lacks_data = False
    for mcu in range(rows * cols):
        if interval and mcu and mcu % interval == 0:
            decoder.restart(intervals.next())
            lacks_data = lacks_data and intervals.is_empty
        if lacks_data and (not interval or intervals.is_over):
            return
        if lacks_data:
            continue
        row, col = divmod(mcu, cols)
        for place, (start, stride, across, down) in enumerate(parts):
            for y in range(row * down, (row + 1) * down):
                for x in range(col * across, (col + 1) * across):
                    decoder.decode(_BLOCK * (start + y * stride + x), place, *lookups[place])
        lacks_data = decoder.bits.are_over


def _lookup(entry: np.ndarray) -> list[int]:
    """Return a lookup of the code that any 16 bits begin with: 256 · its length + its symbol."""
    counts = entry[:_LONGEST_CODE].tolist()
    symbols = entry[_LONGEST_CODE:].tolist()
    codes: list[int] = []
    place = 0
    for length, count in enumerate(counts, 1):
        for symbol in symbols[place : place + count]:
            codes += [length << 8 | symbol] * (1 << (_LONGEST_CODE - length))
        place += count
    no_code = (_LONGEST_CODE + 1) << 8
    return codes + [no_code] * ((1 << _LONGEST_CODE) - len(codes))


class _Bits:
    """Bits of a restart interval, highest first; behind its end are zeros."""

    def __init__(self, data: bytes) -> None:
        plain = data.replace(b"\xff\0", b"\xff")
        self._bytes = plain + bytes(8 * _MOST_BLOCKS * _BLOCK)  # more zeros than an MCU's symbols and values take
        self._count = 8 * len(plain)
        self._at = 0

    @property
    def are_over(self) -> bool:
        """True if more bits were taken than exist."""
        return self._at > self._count

    def take(self, count: int) -> int:
        """Take up to 16 bits."""
        value = self._ahead() >> (_WINDOW - count)
        self._at += count
        return value

    def symbol(self, table: list[int]) -> int:
        """Take a symbol by a table of `_lookup`."""
        entry = table[self._ahead() >> (_WINDOW - _LONGEST_CODE)]
        self._at += entry >> 8
        return entry & 0xFF

    def coefficient(self, table: list[int]) -> tuple[int, int]:
        """Take a symbol, which is a run of zeros and a size in bits, and a value of this size (EXTEND of F.2.2.1).

        Returns:
            the run, and the value, which is 0 if its size is 0.
        """
        ahead = self._ahead()
        entry = table[ahead >> (_WINDOW - _LONGEST_CODE)]
        run = (entry >> 4) & 15
        size = entry & 15
        end = (entry >> 8) + size
        self._at += end
        if not size:
            return run, 0
        value = (ahead >> (_WINDOW - end)) & ((1 << size) - 1)
        return run, value if value >> (size - 1) else value - (1 << size) + 1

    def _ahead(self) -> int:
        """Return the next 32 bits."""
        first = self._at >> 3
        word = int.from_bytes(self._bytes[first : first + 5], "big")
        return (word >> (8 - (self._at & 7))) & 0xFFFF_FFFF


class _Intervals:
    """Restart intervals of a scan's data."""

    def __init__(self, data: bytes) -> None:
        self._parts: list[bytes] = []
        self._markers: list[int] = []  # number of the restart marker behind each part but the last
        self._at = 0  # of the present part
        self._expected = 0
        self.is_empty = False  # whether the present interval's marker is missing, and so its data
        start = 0
        marker = re.compile(rb"\xff([^\0]|\Z)", re.DOTALL)
        restart_markers = range(0xD0, 0xD8)
        for match in marker.finditer(data):
            self._parts.append(data[start : match.start()])
            start = match.end()
            if not match[1] or match[1][0] not in restart_markers:
                break
            self._markers.append(match[1][0] - restart_markers[0])
        else:
            self._parts.append(data[start:])

    @property
    def is_over(self) -> bool:
        """True if the present interval is the last."""
        return self._at == len(self._markers)

    def bits(self) -> _Bits:
        """Return the present interval's bits."""
        return _Bits(b"" if self.is_empty else self._parts[self._at])

    def next(self) -> _Bits:
        """Go to the next interval, and return its bits.

        If the marker is one of the next two after the expected one, the interval is empty; data behind one of the last
        two are skipped; any other marker is taken for the expected one (`jpeg_resync_to_restart` of libjpeg).
        """
        is_past = True
        while is_past:
            ahead = 1 if self.is_over else (self._markers[self._at] - self._expected) % 8
            self.is_empty = ahead in (1, 2)
            is_past = ahead in (6, 7)
            self._at += not self.is_empty
        self._expected = (self._expected + 1) % 8
        return self.bits()


class _BlockDecoder:
    """Decoder of a scan's blocks, one after another; a block's place is its first coefficient's."""

    decode: Callable[[int, int, list[int], list[int]], None]  # block, component, and its tables for DC and AC

    def __init__(self, band: _Band, coefficients: memoryview, bits: _Bits) -> None:
        progressive, self.first, self.last, self.high, self.low = band
        self.coefficients = coefficients
        self.restart(bits)
        if not progressive:
            self.decode = self._sequential
        elif self.first == 0:
            self.decode = self._refine_dc if self.high else self._first_dc
        else:
            self.decode = self._refine_ac if self.high else self._first_ac

    def restart(self, bits: _Bits) -> None:
        """Begin a restart interval."""
        self.bits = bits
        self.before = [0] * 4  # DC coefficient of the last block of each component
        self.run = 0  # EOBRUN of G.1.2.2: blocks without new coefficients, from the present one on

    def _set(self, block: int, place: int, value: int) -> None:
        self.coefficients[block + min(place, _BLOCK - 1)] = (value + 0x8000) % 0x10000 - 0x8000

    def _first_dc(self, block: int, component: int, dc: list[int], _: list[int]) -> None:
        self.before[component] += self.bits.coefficient(dc)[1]
        self._set(block, 0, self.before[component] << self.low)

    def _refine_dc(self, block: int, *_: object) -> None:
        self.coefficients[block] |= self.bits.take(1) << self.low

    def _sequential(self, block: int, component: int, dc: list[int], ac: list[int]) -> None:
        """Decode all coefficients of a block (F.2.2)."""
        self._first_dc(block, component, dc, ac)
        take = self.bits.coefficient
        place = 0
        while place < _BLOCK - 1:
            run, value = take(ac)
            place += run + 1
            if value:
                self.coefficients[block + min(place, _BLOCK - 1)] = value
            elif run < _ZRL_RUN:
                return

    def _first_ac(self, block: int, _: int, __: list[int], ac: list[int]) -> None:
        """Decode the higher bits of AC coefficients (G.1.2.2)."""
        place = self.first
        while place <= self.last and not self.run:
            run, value = self.bits.coefficient(ac)
            place += run
            if value:
                self._set(block, place, value << self.low)
            elif run < _ZRL_RUN:
                self.run = (1 << run) + self.bits.take(run)
            place += 1
        self.run -= self.run > 0

    def _refine_ac(self, block: int, _: int, __: list[int], ac: list[int]) -> None:
        """Add a bit to coefficients that are not 0, and decode new ones (G.1.2.3, figure G.7)."""
        place = self.first
        while place <= self.last and not self.run:
            run, size = divmod(self.bits.symbol(ac), 16)
            if not size and run < _ZRL_RUN:
                self.run = (1 << run) + self.bits.take(run)
                break
            value = (2 * self.bits.take(1) - 1) << self.low if size else 0
            place = self._correct(block, place, run)
            if size:
                self._set(block, place, value)
            place += 1
        if self.run:
            self._correct(block, place, _BLOCK)
            self.run -= 1

    def _correct(self, block: int, place: int, zeros: int) -> int:
        """Add a bit to nonzero coefficients up to the zero behind `zeros` other ones, and return its place."""
        unit = 1 << self.low
        while place <= self.last:
            value = self.coefficients[block + place]
            if value and self.bits.take(1) and not value & unit:
                self._set(block, place, value + (unit if value > 0 else -unit))
            if not value:
                zeros -= 1
                if zeros < 0:
                    break
            place += 1
        return place
