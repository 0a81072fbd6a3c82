"""Huffman decoding of JPEG scans, in Python: the oracle of _scan_decoding.c.

Damaged data are read as libjpeg reads them (see `stegnet.jpeg.scan_decoder`).
"""

import re
from collections.abc import Callable

import numpy as np

_BLOCK = 64  # coefficients
_MOST_BLOCKS = 10  # of an MCU (B.2.3)
_LONGEST_CODE = 16  # bits
_WINDOW = 32  # bits that a symbol and a value take at most
_ZRL_RUN = 15  # run of the symbol for 16 zeros

_Band = tuple[int, int, int, int, int]
_McuLayout = tuple[int, int, int]


def decode_scan(
    data: memoryview, band: _Band, size: _McuLayout, layout: np.ndarray, tables: np.ndarray, coefficients: np.ndarray
) -> bool:
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
            return False
        if lacks_data:
            continue
        row, col = divmod(mcu, cols)
        for place, (start, stride, across, down) in enumerate(parts):
            for y in range(row * down, (row + 1) * down):
                for x in range(col * across, (col + 1) * across):
                    decoder.decode(_BLOCK * (start + y * stride + x), place, *lookups[place])
        lacks_data = decoder.bits.are_over
    return intervals.is_over and decoder.bits.are_used_up


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

    @property
    def are_used_up(self) -> bool:
        """True if no whole byte is left."""
        return 0 <= self._count - self._at < 8

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
