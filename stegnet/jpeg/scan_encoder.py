"""Scans of a JPEG from its coefficients: Huffman coding (ITU-T T.81, annexes C, F, G and K).

A scan becomes events, each a Huffman symbol, bits behind it, or both; and these become bytes. Where the standard leaves
a choice, the encoder does as libjpeg: blocks that only fill up an MCU repeat the DC coefficient before them, runs of
ends of blocks are as long as possible, and the last byte is filled up with ones.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from stegnet import kernels
from stegnet.jpeg.markers import AC_KEY, HuffmanTable, JpegFile, Scan
from stegnet.jpeg.scan_events import EOB, NO_SYMBOL, PER_BLOCK, SIZES, ZRL, EventPart, Events, ac_events, dc_events

_LONGEST_RUN = 0x7FFF  # blocks
_MOST_WAITING = 937  # bits of correction that wait for the end of a run of blocks (libjpeg)


@dataclass(frozen=True, eq=False)
class ProgressiveScan:
    """Scan of some bits of some coefficients."""

    events: Events

    @cached_property
    def counts(self) -> dict[int, np.ndarray]:
        """Number of uses of each symbol, (256,), by the key of its table."""
        return self.events.counts

    def coded(self, tables: Mapping[int, HuffmanTable]) -> bytes:
        """Return the bytes of the scan, with its restart markers.

        Args:
            tables: Huffman tables by key, which have a code for every symbol that is used.
        """
        return self.events.coded(*_code_tables(tables))


@dataclass(frozen=True, eq=False)
class SequentialScan:
    """Scan of all bits of all coefficients."""

    planes: tuple[np.ndarray, ...]  # of each component, (rows, columns, 64) int16
    layout: np.ndarray  # of each, rows and columns, and the blocks of an MCU, across and down, (n, 4) int64
    mcus: tuple[int, int]  # rows and columns
    dc: np.ndarray  # dc, ac: keys of the tables of each component, uint8
    ac: np.ndarray
    interval: int  # blocks between restart markers

    @cached_property
    def counts(self) -> dict[int, np.ndarray]:
        """Number of uses of each symbol, (256,), by the key of its table."""
        counts = np.zeros((32, 256), np.int64)
        kernels.count(self.planes, self.layout, self.mcus, self.dc, self.ac, self.interval, counts)
        return {int(key): counts[key] for key in np.flatnonzero(counts.any(1))}

    def coded(self, tables: Mapping[int, HuffmanTable]) -> bytes:
        """Return the bytes of the scan; arguments are those of `ProgressiveScan.coded`."""
        symbols = sum(int(counts.sum()) for counts in self.counts.values())
        intervals = symbols // self.interval + 1  # at most, as each block has a symbol
        # A symbol with its bits, stuffed, takes at most 8 bytes, and the end of an interval less than 32.
        out = np.empty(8 * symbols + 32 * intervals, np.uint8)
        scan = self.planes, self.layout, self.mcus, self.dc, self.ac, self.interval
        return out[: kernels.code(*scan, *_code_tables(tables), out)].tobytes()


Symbols = ProgressiveScan | SequentialScan


def scan_symbols(jpeg: JpegFile, scan: Scan, coefficients: Sequence[np.ndarray]) -> Symbols:
    """Return the symbols of a scan.

    Args:
        jpeg: the JPEG, whose frame header gives sampling and number of blocks.
        scan: the scan's header: components, spectral band and tables.
        coefficients: (rows, columns, 64) int16 in zigzag order, by component.
    """
    if not jpeg.progressive:
        return _sequential(jpeg, scan, coefficients)
    blocks, owners = _in_order(jpeg, scan, coefficients)
    interval = scan.interval * len(owners) or len(blocks)
    if scan.last > 0 and scan.high:
        return ProgressiveScan(_refinement(scan, blocks, interval))

    starts = np.arange(0, len(blocks), interval)
    parts: list[EventPart] = []
    if scan.first == 0 and scan.high:
        parts.append(EventPart.of(np.arange(len(blocks)) * PER_BLOCK, NO_SYMBOL, 0, (blocks[:, 0] >> scan.low) & 1, 1))
    elif scan.first == 0:
        parts += dc_events(blocks[:, 0] >> scan.low, owners, scan.dc, interval)
    if scan.last > 0:
        parts += _first_ac_events(scan, blocks, starts)
    return ProgressiveScan(Events.of(parts, starts))


def _sequential(jpeg: JpegFile, scan: Scan, coefficients: Sequence[np.ndarray]) -> SequentialScan:
    """Return a scan of a JPEG that is not progressive; arguments are those of `scan_symbols`."""
    planes = tuple(np.ascontiguousarray(coefficients[index], np.int16) for index in scan.components)
    factors = [(jpeg.components[index].across, jpeg.components[index].down) for index in scan.components]
    mcus = jpeg.mcus
    if len(planes) == 1:  # an MCU is one block (A.2.2)
        factors = [(1, 1)]
        mcus = planes[0].shape[:2]
    layout = np.array([(*plane.shape[:2], *blocks) for plane, blocks in zip(planes, factors, strict=True)], np.int64)
    of_mcu = sum(across * down for across, down in factors)
    interval = scan.interval * of_mcu or mcus[0] * mcus[1] * of_mcu
    return SequentialScan(
        planes, layout, mcus, np.array(scan.dc, np.uint8), AC_KEY + np.array(scan.ac, np.uint8), interval
    )


def _in_order(jpeg: JpegFile, scan: Scan, coefficients: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return the blocks of a scan in the order in which they are coded, (n, 64), and the component of each in an MCU.

    A component is given by its index in the scan: of 4:2:0, for example, (0, 0, 0, 0, 1, 2).
    """
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


def _first_ac_events(scan: Scan, blocks: np.ndarray, starts: np.ndarray) -> Iterator[EventPart]:
    """Yield the events of the first scan of some AC coefficients (T.81, G.1.2.2).

    Behind their last coefficient that is not 0, blocks in a row share a symbol EOBn, whose extra bits are the rest of
    EOBRUN, their number; of more than `_LONGEST_RUN`, several such symbols follow one another.
    """
    shifted = np.sign(blocks) * (np.abs(blocks) >> scan.low)
    tables = np.full(len(blocks), AC_KEY + scan.ac[0])
    yield from ac_events(shifted, tables, scan.first, scan.last, ends=False)

    ending = np.flatnonzero(shifted[:, scan.last] == 0)
    begins = shifted[ending, scan.first : scan.last + 1].any(1)  # a run continues over blocks of zeros
    begins |= np.isin(ending, starts) | (np.diff(ending, prepend=-2) > 1)
    heads = np.flatnonzero(begins)
    runs = np.diff(np.append(heads, len(ending)))
    for _ in range(int(runs.max(initial=0)) // _LONGEST_RUN + 1):
        now = np.minimum(runs, _LONGEST_RUN)
        keys = ending[heads] * PER_BLOCK + 2 * EOB
        sizes = SIZES[now].astype(np.int64) - 1
        goes_on = now > 0
        extra = now - (1 << np.maximum(sizes, 0))
        yield EventPart.of(keys[goes_on], AC_KEY + scan.ac[0], 16 * sizes[goes_on], extra[goes_on], sizes[goes_on])
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
        events.extend((NO_SYMBOL, 0, bit, 1) for bit in waiting)
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
                events.append((table, ZRL, 0, 0))
                events += [(NO_SYMBOL, 0, bit, 1) for bit in bits]
                bits = []
                zeros = zeros - 16
            if block[place] > 1:
                bits.append(int(block[place]) & 1)
                continue
            end_run()
            events.append((table, 16 * zeros + 1, int(blocks[number, scan.first + place] > 0), 1))
            events += [(NO_SYMBOL, 0, bit, 1) for bit in bits]
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


def ends_with_a_byte(symbols: Symbols, tables: Mapping[int, HuffmanTable]) -> bool:
    """Return whether no bits are left to fill up at the end of a sequential scan."""
    _, sizes = _code_tables(tables)
    bits = 0
    for key, counts in symbols.counts.items():
        bits_behind = np.arange(256) % 16  # a symbol's low half is the number of bits behind it
        bits += int(counts @ (sizes[key].astype(np.int64) + bits_behind))
    return bits % 8 == 0
