"""Scans of a JPEG from its coefficients: Huffman coding (ITU-T T.81, annexes C, F, G and K).

A scan becomes events, each a Huffman symbol, bits behind it, or both; and these become bytes. Where the standard leaves
a choice, the encoder does as libjpeg: blocks that only fill up an MCU repeat the DC coefficient before them, runs of
ends of blocks are as long as possible, and the last byte is filled up with ones. Sequential scans are coded by compiled
kernels if available.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from types import ModuleType
from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from stegnet import kernels
from stegnet.image.jpeg_markers import AC_KEY, HuffmanTable, JpegFile, Scan

_ZRL = 0xF0  # symbol of 16 zeros
_EOB = 64  # place of the end of a block, behind all coefficients
_LONGEST_RUN = 0x7FFF  # blocks
_MOST_WAITING = 937  # bits of correction that wait for the end of a run of blocks (libjpeg)
_SIZES = np.repeat(np.arange(17, dtype=np.uint8), [1, *(1 << np.arange(16))])  # of numbers in bits
_NO_SYMBOL = -1  # key of the table of an event that has bits only
_PER_BLOCK = 2 * (_EOB + 1)  # keys of a block, by which its events are sorted


@dataclass(frozen=True)
class Events:
    """Events of a scan, in order."""

    tables: np.ndarray  # (n,) key of each symbol's table; −1 if there is no symbol
    symbols: np.ndarray  # (n,) 0 to 255
    extra: np.ndarray  # extra, lengths: (n,) bits behind the symbol, and their number
    lengths: np.ndarray
    ends: np.ndarray  # (intervals,) number of events up to the end of each restart interval

    @cached_property
    def counts(self) -> dict[int, np.ndarray]:
        """Number of uses of each symbol, (256,), by the key of its table."""
        used = (int(table) for table in np.unique(self.tables) if table != _NO_SYMBOL)
        return {table: np.bincount(self.symbols[self.tables == table], minlength=256) for table in used}

    def coded(self, tables: Mapping[int, HuffmanTable]) -> bytes:
        """Return the bytes of the scan, with its restart markers.

        Args:
            tables: Huffman tables by key, which have a code for every symbol that is used.
        """
        codes, sizes = _code_tables(tables)
        has_symbol = self.tables != _NO_SYMBOL
        size = np.where(has_symbol, sizes[self.tables, self.symbols], 0)
        assert size[has_symbol].all()
        values = np.where(has_symbol, codes[self.tables, self.symbols], 0).astype(np.int64) << self.lengths | self.extra
        return b"".join(_packed(values, size + self.lengths, self.ends))


@dataclass(frozen=True, eq=False)
class SequentialScan:
    """Scan of all bits of all coefficients, for the compiled kernels."""

    compiled: ModuleType  # the kernels
    blocks: np.ndarray  # (n, 64) int16, in order
    owners: np.ndarray  # index in the scan of the component of each block of an MCU, uint8
    dc: np.ndarray  # dc, ac: keys of the tables of each component, uint8
    ac: np.ndarray
    interval: int  # blocks between restart markers

    @cached_property
    def counts(self) -> dict[int, np.ndarray]:
        """Number of uses of each symbol, (256,), by the key of its table."""
        counts = np.zeros((32, 256), np.int64)
        self.compiled.count(self.blocks, self.owners, self.dc, self.ac, self.interval, counts)
        return {int(key): counts[key] for key in np.flatnonzero(counts.any(1))}

    def coded(self, tables: Mapping[int, HuffmanTable]) -> bytes:
        """Return the bytes of the scan; arguments are those of `Events.coded`."""
        symbols = sum(int(counts.sum()) for counts in self.counts.values())
        intervals = len(self.blocks) // self.interval + 1
        # A symbol with its bits, stuffed, takes at most 8 bytes, and the end of an interval less than 32.
        out = np.empty(8 * symbols + 32 * intervals, np.uint8)
        layout = self.blocks, self.owners, self.dc, self.ac, self.interval
        return out[: self.compiled.code(*layout, *_code_tables(tables), out)].tobytes()


Symbols = Events | SequentialScan


def scan_symbols(jpeg: JpegFile, scan: Scan, coefficients: Sequence[np.ndarray]) -> Symbols:
    """Return the symbols of a scan.

    Args:
        jpeg: the JPEG, whose frame header gives sampling and number of blocks.
        scan: the scan's header: components, spectral band and tables.
        coefficients: (rows, columns, 64) int16 in zigzag order, by component.
    """
    blocks, owners = _in_order(jpeg, scan, coefficients)
    interval = scan.interval * len(owners) or len(blocks)
    is_whole = (scan.first, scan.last, scan.high, scan.low) == (0, 63, 0, 0)
    if kernels.compiled and not jpeg.progressive and is_whole:
        dc = np.array(scan.dc, np.uint8)
        ac = AC_KEY + np.array(scan.ac, np.uint8)
        rows = np.ascontiguousarray(blocks, np.int16)
        return SequentialScan(kernels.compiled, rows, owners.astype(np.uint8), dc, ac, interval)
    if jpeg.progressive and scan.last > 0 and scan.high:
        return _refinement(scan, blocks, interval)

    starts = np.arange(0, len(blocks), interval)
    parts: list[_Part] = []
    if scan.first == 0:
        parts += _dc_events(scan, blocks, owners, interval)
    if scan.last > 0 and jpeg.progressive:
        parts += _first_ac_events(scan, blocks, starts)
    elif scan.last > 0:
        parts += _ac_events(blocks, np.resize(AC_KEY + np.array(scan.ac)[owners], len(blocks)), 1, 63)

    keys = np.concatenate([part.keys for part in parts])
    order = np.argsort(keys, kind="stable")
    return Events(
        tables=np.concatenate([part.tables for part in parts])[order],
        symbols=np.concatenate([part.symbols for part in parts])[order],
        extra=np.concatenate([part.extra for part in parts])[order],
        lengths=np.concatenate([part.lengths for part in parts])[order],
        ends=np.append(np.searchsorted(keys[order], starts[1:] * _PER_BLOCK), len(keys)),
    )


def _in_order(jpeg: JpegFile, scan: Scan, coefficients: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return a scan's blocks in order, (n, 64), and the index in the scan of the component of each block of an MCU."""
    if len(scan.components) == 1:
        return coefficients[scan.components[0]].reshape(-1, 64), np.zeros(1, np.intp)
    rows, cols = jpeg.mcus
    components = [jpeg.components[index] for index in scan.components]
    owners = np.repeat(np.arange(len(components)), [component.down * component.across for component in components])
    blocks = np.empty((rows, cols, len(owners), 64), np.int16)
    for place, (index, component) in enumerate(zip(scan.components, components, strict=True)):
        down = component.down
        across = component.across
        first, last = np.searchsorted(owners, (place, place + 1))
        part = blocks[:, :, first:last].reshape(rows, cols, down, across, 64)  # a view
        part[:] = filled_up(coefficients[index], (rows, down, cols, across)).transpose(0, 2, 1, 3, 4)
    return blocks.reshape(-1, 64), owners


def filled_up(blocks: np.ndarray, shape: tuple[int, int, int, int]) -> np.ndarray:
    """Return a component's blocks, (rows, columns, 64), with blocks that fill up its MCUs, (*shape, 64)."""
    rows, down, cols, across = shape
    height, width, _ = blocks.shape
    if (height, width) == (rows * down, cols * across):
        return blocks.reshape(*shape, 64)
    whole = np.zeros((rows * down, cols * across, 64), blocks.dtype)
    whole[:height, :width] = blocks
    whole[:height, width:, 0] = blocks[:, -1:, 0]
    for row in range(height, rows * down):
        whole[row, :, 0] = whole[row - 1, across - 1 :: across, 0].repeat(across)
    return whole.reshape(*shape, 64)


def _code_tables(tables: Mapping[int, HuffmanTable]) -> tuple[np.ndarray, np.ndarray]:
    """Return the code and the length of each symbol (T.81, annex C), (32, 256) uint16 and uint8 by key; 0: no code."""
    codes = np.zeros((32, 256), np.uint16)
    sizes = np.zeros((32, 256), np.uint8)
    for key, table in tables.items():
        codes_of_table: list[int] = []
        lengths: list[int] = []
        code = 0
        for length, count in enumerate(table.counts, 1):
            codes_of_table += range(code, code + count)
            lengths += [length] * count
            code = (code + count) << 1
        codes[key, list(table.symbols)] = codes_of_table
        sizes[key, list(table.symbols)] = lengths
    return codes, sizes


def optimal_table(counts: np.ndarray, key: int = 0) -> HuffmanTable:
    """Return libjpeg's optimal table for uses of symbols, (256,) int (T.81, K.2).

    No code is of ones only, or longer than 16 bits.
    """
    frequencies = {int(symbol): int(counts[symbol]) for symbol in np.flatnonzero(counts)} | {256: 1}
    lengths = dict.fromkeys(frequencies, 0)
    members = {symbol: [symbol] for symbol in frequencies}
    while len(frequencies) > 1:
        least, next_least = sorted(frequencies, key=lambda symbol: (frequencies[symbol], -symbol))[:2]
        frequencies[least] += frequencies.pop(next_least)
        members[least] += members.pop(next_least)
        for symbol in members[least]:
            lengths[symbol] += 1

    number = np.bincount(list(lengths.values()), minlength=64)
    for length in range(len(number) - 1, 16, -1):  # Figure K.3
        while number[length]:
            shorter = next(bits for bits in range(length - 2, 0, -1) if number[bits])
            number[length] -= 2
            number[length - 1] += 1
            number[shorter + 1] += 2
            number[shorter] -= 1
    number[max(np.flatnonzero(number))] -= 1  # symbol 256, which keeps the code of ones free

    symbols = sorted((symbol for symbol in lengths if symbol < 256), key=lambda symbol: (lengths[symbol], symbol))
    return HuffmanTable(bytes(number[1:17].tolist()), bytes(symbols), key)


class _Part(NamedTuple):
    """Events of one kind, (n,) each."""

    keys: np.ndarray  # int, by which the events of a scan are sorted
    tables: np.ndarray  # tables, symbols, extra, lengths: as those of Events
    symbols: np.ndarray
    extra: np.ndarray
    lengths: np.ndarray


def _part(
    keys: np.ndarray,
    tables: np.ndarray | int,
    symbols: np.ndarray | int,
    extra: np.ndarray | int = 0,
    lengths: np.ndarray | int = 0,
) -> _Part:
    """Return events with columns of their types; a number stands for a column that is constant."""

    def column(values: np.ndarray | int, kind: DTypeLike) -> np.ndarray:
        return np.broadcast_to(values, keys.shape).astype(kind)

    return _Part(
        keys, column(tables, np.int8), column(symbols, np.uint8), column(extra, np.int32), column(lengths, np.int8)
    )


def _dc_events(scan: Scan, blocks: np.ndarray, owners: np.ndarray, interval: int) -> Iterator[_Part]:
    """Yield the events of DC coefficients: a bit of each, or the differences from the blocks before them."""
    keys = np.arange(len(blocks)) * _PER_BLOCK
    if scan.high:
        yield _part(keys, _NO_SYMBOL, 0, (blocks[:, 0] >> scan.low) & 1, 1)
        return
    shifted = (blocks[:, 0] >> scan.low).astype(np.int64)
    for component in np.unique(owners):
        numbers = np.flatnonzero(np.resize(owners == component, len(blocks)))  # of its blocks
        before = np.append(0, shifted[numbers][:-1])
        before[np.diff(numbers // interval, prepend=-1) > 0] = 0
        yield _magnitudes(keys[numbers], scan.dc[component], 0, shifted[numbers] - before)


def _magnitudes(keys: np.ndarray, tables: np.ndarray | int, runs: np.ndarray | int, values: np.ndarray) -> _Part:
    sizes = _SIZES[np.abs(values)].astype(np.int32)
    extra = np.where(values > 0, values, values + (1 << sizes) - 1)
    return _part(keys, tables, runs * 16 + sizes, extra, sizes)


def _ac_events(blocks: np.ndarray, tables: np.ndarray, first: int, last: int, ends: bool = True) -> Iterator[_Part]:
    """Yield the events of coefficients that are not 0, of runs of zeros, and (if `ends`) of ends of blocks."""
    number, place = np.nonzero(blocks[:, first : last + 1])
    before = np.append(-1, place[:-1])
    before[np.diff(number, prepend=-1) > 0] = -1
    runs = place - before - 1
    keys = number * _PER_BLOCK + 2 * (place + first)
    yield _magnitudes(keys + 1, tables[number], runs % 16, blocks[number, place + first].astype(np.int32))
    yield _part(np.repeat(keys, runs // 16), np.repeat(tables[number], runs // 16), _ZRL)
    if ends:
        ending = np.flatnonzero(blocks[:, last] == 0)
        yield _part(ending * _PER_BLOCK + 2 * _EOB, tables[ending], 0)


def _first_ac_events(scan: Scan, blocks: np.ndarray, starts: np.ndarray) -> Iterator[_Part]:
    """Yield the events of the first scan of some AC coefficients, where ends of blocks are counted in runs."""
    shifted = np.sign(blocks) * (np.abs(blocks) >> scan.low)
    tables = np.full(len(blocks), AC_KEY + scan.ac[0])
    yield from _ac_events(shifted, tables, scan.first, scan.last, ends=False)

    ending = np.flatnonzero(shifted[:, scan.last] == 0)
    begins = shifted[ending, scan.first : scan.last + 1].any(1)  # a run continues over blocks of zeros
    begins |= np.isin(ending, starts) | (np.diff(ending, prepend=-2) > 1)
    heads = np.flatnonzero(begins)
    runs = np.diff(np.append(heads, len(ending)))
    for _ in range(int(runs.max(initial=0)) // _LONGEST_RUN + 1):
        now = np.minimum(runs, _LONGEST_RUN)
        keys = ending[heads] * _PER_BLOCK + 2 * _EOB
        sizes = _SIZES[now].astype(np.int64) - 1
        goes_on = now > 0
        extra = now - (1 << np.maximum(sizes, 0))
        yield _part(keys[goes_on], AC_KEY + scan.ac[0], 16 * sizes[goes_on], extra[goes_on], sizes[goes_on])
        runs = runs - now


def _refinement(scan: Scan, blocks: np.ndarray, interval: int) -> Events:
    """Return the events of a scan that adds a bit to some AC coefficients (T.81, G.1.2.3)."""
    events: list[tuple[int, int, int, int]] = []  # table, symbol, bits behind it, and their number
    ends = []
    run = 0
    waiting: list[int] = []  # bits of correction, behind the end of the run
    table = AC_KEY + scan.ac[0]

    def end_run() -> None:
        nonlocal run
        if run:
            size = run.bit_length() - 1
            events.append((table, 16 * size, run - (1 << size), size))
            run = 0
        events.extend((_NO_SYMBOL, 0, bit, 1) for bit in waiting)
        waiting.clear()

    levels = np.abs(blocks[:, scan.first : scan.last + 1]) >> scan.low
    for number, block in enumerate(levels):
        new = np.flatnonzero(block == 1)
        end = new[-1] if len(new) else -1
        zeros = 0
        bits: list[int] = []  # bits of correction, behind the next symbol
        before = -1
        for place in np.flatnonzero(block).tolist():
            zeros += place - before - 1
            before = place
            while zeros > 15 and place <= end:
                end_run()
                events.append((table, _ZRL, 0, 0))
                events += [(_NO_SYMBOL, 0, bit, 1) for bit in bits]
                bits = []
                zeros = zeros - 16
            if block[place] > 1:
                bits.append(int(block[place]) & 1)
                continue
            end_run()
            events.append((table, 16 * zeros + 1, int(blocks[number, scan.first + place] > 0), 1))
            events += [(_NO_SYMBOL, 0, bit, 1) for bit in bits]
            bits = []
            zeros = 0
        if bits or before < scan.last - scan.first or zeros:
            run += 1
            waiting += bits
            if run == _LONGEST_RUN or len(waiting) > _MOST_WAITING:
                end_run()
        if (number + 1) % interval == 0 or number + 1 == len(levels):
            end_run()
            ends.append(len(events))

    columns = np.array(events, np.int32).reshape(-1, 4)
    return Events(
        tables=columns[:, 0].astype(np.int8),
        symbols=columns[:, 1].astype(np.uint8),
        extra=columns[:, 2].copy(),
        lengths=columns[:, 3].astype(np.int8),
        ends=np.array(ends),
    )


def _packed(values: np.ndarray, sizes: np.ndarray, ends: np.ndarray) -> Iterator[bytes]:
    """Yield the bytes of each restart interval, with a zero behind each byte 255, and the markers between."""
    limits = np.append(0, ends)
    last = ends - 1
    fill = -np.diff(np.append(0, np.cumsum(sizes))[limits]) % 8
    values[last] = (values[last] << fill) | ((1 << fill) - 1)
    sizes[last] += fill

    offsets = np.append(0, np.cumsum(sizes))
    size = int(offsets[-1]) // 8
    words = values << (48 - (offsets[:-1] & 7) - sizes)
    packed = np.zeros(size + 6)
    for place in range(6):
        part = (words >> (40 - 8 * place)) & 255
        packed += np.bincount((offsets[:-1] >> 3) + place, part, size + 6)[: size + 6]

    data = packed[:size].astype(np.uint8).tobytes()
    bounds = (offsets[limits] // 8).tolist()
    for index, (start, end) in enumerate(pairwise(bounds)):
        if index:
            yield bytes([0xFF, 0xD0 + (index - 1) % 8])
        yield data[start:end].replace(b"\xff", b"\xff\x00")


def ends_with_a_byte(symbols: Symbols, tables: Mapping[int, HuffmanTable]) -> bool:
    """Return whether no bits are left to fill up at the end of a sequential scan."""
    _, sizes = _code_tables(tables)
    bits = 0
    for key, counts in symbols.counts.items():
        bits_behind = np.arange(256) % 16  # a symbol's low half is the number of bits behind it
        bits += int(counts @ (sizes[key].astype(np.int64) + bits_behind))
    return bits % 8 == 0
