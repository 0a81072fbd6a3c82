"""Coefficients of a JPEG from its scans: Huffman decoding (ITU-T T.81, annexes C, F and G).

What libjpeg refuses is refused: tables that are missing or make no code, and scans that no encoder may write. Damaged
data of a scan are read as libjpeg reads them, since viewers show them so: what is no code stands for symbol 0, and
coefficients behind the last one for the last one; behind the end of a restart interval's data are zeros, with which the
MCU that needs them is completed, and the interval's other MCUs stay as they are.

A compiled kernel decodes, where there is one, and else Python, in some hundred times as long.
"""

import re
from collections.abc import Sequence
from itertools import accumulate, pairwise

import numpy as np

from stegnet import kernels
from stegnet.image.jpeg_markers import HuffmanTable, JpegFile, Scan

_BLOCK = 64  # coefficients
_MOST_BLOCKS = 10  # of an MCU (B.2.3)
_HIGHEST_BIT = 13  # that the first scan of a coefficient may end with, as libjpeg takes them
_LONGEST_CODE = 16  # bits
_SYMBOLS = 256
_AC_KEY = 16  # added to the number of a table for AC coefficients
_WINDOW = 32  # bits: as many as a code, or what is none, and a value take
_WINDOW_BITS = (1 << _WINDOW) - 1
_ZRL_RUN = 15  # zeros before another one
_MARKER = re.compile(rb"\xff([^\0]|\Z)", re.DOTALL)
_RESTART_MARKERS = range(0xD0, 0xD8)
_ZEROS_BEHIND = bytes(8 * _MOST_BLOCKS * _BLOCK)  # more than what an MCU's symbols and values take

# What a compiled kernel is told of a scan: whether it is progressive, its first and last coefficient, and its high and
# low bit; and the rows and columns of its MCUs, and how many are between restart markers.
_Band = tuple[int, int, int, int, int]
_Size = tuple[int, int, int]


def is_decodable(file: JpegFile) -> bool:
    """Return True if libjpeg decodes a file's scans: what they name is there, and their order makes sense."""
    across, down = file.mcu
    if any(across % each.across or down % each.down for each in file.components):
        return False  # no whole number of samples is shown for each one
    if not file.progressive and len(file.scans) > 1 and len(file.scans[0].components) == len(file.components):
        return False  # the first scan has all
    return all(_is_valid(file, scan) for scan in file.scans)


def _is_valid(file: JpegFile, scan: Scan) -> bool:
    """Return True if a scan's components and tables, and its bands and bits, are such as there may be (B.2.3)."""
    if len(set(scan.components)) < len(scan.components):
        return False
    blocks = sum(file.components[index].across * file.components[index].down for index in scan.components)
    if len(scan.components) > 1 and blocks > _MOST_BLOCKS:
        return False
    if file.progressive and not _is_progression(scan):
        return False
    return all(key in scan.tables and _is_code(scan.tables[key]) for key in _keys(scan))


def _is_progression(scan: Scan) -> bool:
    """Return True if a scan has DC alone, or AC of one component, and if it begins, or adds one bit (G.1.1.1)."""
    is_dc = scan.first == scan.last == 0
    is_ac = 0 < scan.first <= scan.last < _BLOCK and len(scan.components) == 1
    return (is_dc or is_ac) and scan.low <= _HIGHEST_BIT and scan.high in (0, scan.low + 1)


def _keys(scan: Scan) -> set[int]:
    """Return the keys of the tables that a scan uses: a refinement of DC has none."""
    dc = set(scan.dc) if scan.first == 0 and not scan.high else set()
    ac = {_AC_KEY + number for number in scan.ac} if scan.last > 0 else set()
    return dc | ac


def _is_code(table: HuffmanTable) -> bool:
    """Return True if a table has a code for each symbol, none of ones alone, and of DC only sizes that there are."""
    code = 0
    for length, count in enumerate(table.counts, 1):
        code += count
        if count and code >= 1 << length:
            return False
        code <<= 1
    return table.key >= _AC_KEY or max(table.symbols, default=0) < _LONGEST_CODE


def decode_scans(file: JpegFile) -> tuple[np.ndarray, ...]:
    """Decode all scans of a file that `is_decodable`.

    Returns:
        of each component the coefficients, (rows, columns, 64) int16 in zigzag order, with all blocks of its MCUs.
    """
    rows, cols = file.mcus
    shapes = [(rows * each.down, cols * each.across) for each in file.components]
    starts = [0, *accumulate(height * width for height, width in shapes)]
    coefficients = np.zeros((starts[-1], _BLOCK), np.int16)
    decode = kernels.compiled.decode_scan if kernels.compiled else _decode_scan
    for scan in file.scans:
        data = memoryview(file.data)[scan.start : scan.end]
        band = int(file.progressive), scan.first, scan.last, scan.high, scan.low
        decode(data, band, _size(file, scan), _layout(file, scan, starts), _tables(scan), coefficients)
    parts = zip(pairwise(starts), shapes, strict=True)
    return tuple(coefficients[start:end].reshape(*shape, _BLOCK) for (start, end), shape in parts)


def _size(file: JpegFile, scan: Scan) -> _Size:
    """Return the rows and columns of a scan's MCUs: of one component, these are its blocks (A.2.2)."""
    is_alone = len(scan.components) == 1
    rows, cols = file.blocks(file.components[scan.components[0]]) if is_alone else file.mcus
    return rows, cols, scan.interval


def _layout(file: JpegFile, scan: Scan, starts: Sequence[int]) -> np.ndarray:
    """Return of each of a scan's components the first block, those of a row, and an MCU's across and down.

    Returns:
        (n, 4) int64
    """
    layout = []
    for index in scan.components:
        each = file.components[index]
        mcu = (each.across, each.down) if len(scan.components) > 1 else (1, 1)
        layout.append((starts[index], file.mcus[1] * each.across, *mcu))
    return np.array(layout, np.int64)


def _tables(scan: Scan) -> np.ndarray:
    """Return the tables of each of a scan's components, for DC and AC: (n, 2, 272) uint8, zeros where it uses none."""
    found = np.zeros((len(scan.components), 2, _LONGEST_CODE + _SYMBOLS), np.uint8)
    used = _keys(scan)
    for place, numbers in enumerate(zip(scan.dc, scan.ac, strict=True)):
        for kind, key in enumerate((numbers[0], _AC_KEY + numbers[1])):
            if key in used:
                content = scan.tables[key].counts + scan.tables[key].symbols
                found[place, kind, : len(content)] = np.frombuffer(content, np.uint8)
    return found


def _decode_scan(
    data: memoryview, band: _Band, size: _Size, layout: np.ndarray, tables: np.ndarray, coefficients: np.ndarray
) -> None:
    """Decode a scan as the compiled `decode_scan` does, whose docstring has the arguments."""
    rows, cols, interval = size
    intervals = _Intervals(bytes(data))
    decoder = _BlockDecoder(band, memoryview(coefficients.reshape(-1)), intervals.bits())
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
    """Return what each 16 bits begin with: 256 times the length of a code, plus its symbol."""
    counts = entry[:_LONGEST_CODE].tolist()
    symbols = entry[_LONGEST_CODE:].tolist()
    found: list[int] = []
    place = 0
    for length, count in enumerate(counts, 1):
        for symbol in symbols[place : place + count]:
            found += [length << 8 | symbol] * (1 << (_LONGEST_CODE - length))
        place += count
    no_code = (_LONGEST_CODE + 1) << 8
    return found + [no_code] * ((1 << _LONGEST_CODE) - len(found))


class _Bits:
    """Bits of a restart interval, highest first; behind its end are zeros."""

    def __init__(self, data: bytes) -> None:
        plain = data.replace(b"\xff\0", b"\xff")
        self._bytes = plain + _ZEROS_BEHIND
        self._count = 8 * len(plain)
        self._at = 0

    @property
    def are_over(self) -> bool:
        """True if more bits were taken than there are."""
        return self._at > self._count

    def take(self, count: int) -> int:
        """Take up to 16 bits."""
        value = self._ahead() >> (_WINDOW - count)
        self._at += count
        return value

    def symbol(self, table: list[int]) -> int:
        """Take a symbol by what `_lookup` returns."""
        found = table[self._ahead() >> (_WINDOW - _LONGEST_CODE)]
        self._at += found >> 8
        return found & 0xFF

    def coefficient(self, table: list[int]) -> tuple[int, int]:
        """Take a symbol, a run of zeros and a size, and the value of so many bits (EXTEND of F.2.2.1).

        Returns:
            the run, and the value: 0 if its size is.
        """
        ahead = self._ahead()
        found = table[ahead >> (_WINDOW - _LONGEST_CODE)]
        run = (found >> 4) & 15
        size = found & 15
        end = (found >> 8) + size
        self._at += end
        if not size:
            return run, 0
        value = (ahead >> (_WINDOW - end)) & ((1 << size) - 1)
        return run, value if value >> (size - 1) else value - (1 << size) + 1

    def _ahead(self) -> int:
        """Return the next bits, as many as a symbol and a value may take."""
        first = self._at >> 3
        word = int.from_bytes(self._bytes[first : first + 5], "big")
        return (word >> (8 - (self._at & 7))) & _WINDOW_BITS


class _Intervals:
    """The restart intervals of a scan's data."""

    def __init__(self, data: bytes) -> None:
        self._parts: list[bytes] = []
        self._markers: list[int] = []  # number of the restart marker behind each part but the last
        self._at = 0  # of the present part
        self._expected = 0
        self.is_empty = False  # True if the present interval's marker is missing, and so its data
        start = 0
        for found in _MARKER.finditer(data):
            self._parts.append(data[start : found.start()])
            start = found.end()
            if not found[1] or found[1][0] not in _RESTART_MARKERS:
                break
            self._markers.append(found[1][0] - _RESTART_MARKERS[0])
        else:
            self._parts.append(data[start:])

    @property
    def is_over(self) -> bool:
        """True if no interval follows."""
        return self._at == len(self._markers)

    def bits(self) -> _Bits:
        """Return the present interval's bits."""
        return _Bits(b"" if self.is_empty else self._parts[self._at])

    def next(self) -> _Bits:
        """Go to the next interval, and return its bits.

        Where its marker is missing, and one of the next two is there, it is empty; data behind one of the last two are
        passed over; any other marker is taken for it (`jpeg_resync_to_restart` of libjpeg).
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
    """Decoder of a scan's blocks, one after another; their place is where their first coefficient is."""

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
        self.run = 0  # EOBRUN of G.1.2.2: blocks, the present one as well, in which nothing new is

    def _set(self, block: int, place: int, value: int) -> None:
        self.coefficients[block + min(place, _BLOCK - 1)] = (value + 0x8000) % 0x10000 - 0x8000

    def _first_dc(self, block: int, component: int, dc: list[int], _: list[int]) -> None:
        self.before[component] += self.bits.coefficient(dc)[1]
        self._set(block, 0, self.before[component] << self.low)

    def _refine_dc(self, block: int, *_: object) -> None:
        self.coefficients[block] |= self.bits.take(1) << self.low

    def _sequential(self, block: int, component: int, dc: list[int], ac: list[int]) -> None:
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
        """Add a bit to coefficients that are not 0, and new ones (G.1.2.3, figure G.7)."""
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
        """Add a bit to coefficients up to the one behind so many zeros that is 0, too, and return its place."""
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
