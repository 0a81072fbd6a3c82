"""Coefficients of a JPEG, and the file with others in their place.

Every byte outside of the entropy-coded data stays: metadata, tables, thumbnails, and what phones append. Only an index
of several pictures follows the first one's length, and Huffman tables that an encoder made for a file's own
coefficients are made anew, as it would make them, and those that have no code for the new ones.

A scan becomes events, each a Huffman symbol, bits behind it, or both; and these become bytes (ITU-T T.81, annexes F, G
and K). Where the standard leaves a choice, it is taken as libjpeg takes it: blocks that only fill up an MCU repeat the
DC coefficient before them, runs of blocks that end are as long as they may be, and the last byte is filled up with
ones. Sequential scans are coded by compiled kernels, where there are any.
"""

import ctypes
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache, cached_property, partial
from itertools import pairwise
from pathlib import Path
from tempfile import NamedTemporaryFile
from threading import Lock
from types import ModuleType, SimpleNamespace

import numpy as np

from stegnet import kernels
from stegnet.core.disk import temporary_folder
from stegnet.core.errors import MediaError
from stegnet.core.pixels import BLOCK, DCT_BASIS, LEVELS, ZIGZAG, encode_jpeg, in_block_rows
from stegnet.formats.opened_file import Source, spliced
from stegnet.image.jpeg_markers import HINT, HuffmanTable, JpegFile, Scan, moved_index, open_jpeg, parse_jpeg

_ZRL, _EOB, _LONGEST_RUN = 0xF0, 64, 0x7FFF
_MOST_WAITING = 937  # bits of correction that wait for the end of a run of blocks (libjpeg)
_SIZES = np.repeat(np.arange(17, dtype=np.uint8), [1, *(1 << np.arange(16))])  # of numbers in bits
_AC, _NO_SYMBOL = 16, -1  # added to the keys of AC tables; the key of events without a symbol
_PER_BLOCK = 2 * (_EOB + 1)  # keys by which events are sorted
_Part = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # keys, and columns of Events
_SYMBOL, _INTERVAL = 8, 32  # most bytes of a symbol and its bits, stuffed, and more than the end of an interval takes
_SEQUENTIAL = 0, 63, 0, 0  # coefficients and bit positions
_FULL_BYTE = b"\xff\0"  # a byte of ones, as it is written
_SCRIPT_SEGMENTS = bytes.fromhex("db c0 c4 da")  # of encoders that descend from Adobe's for ActionScript
_SCRIPT_STEP = 24  # their largest step of luma is at least this, up to quality 90
_STDOUT, _STDERR = 1, 2  # descriptors, to which jpeglib and libjpeg write messages
_READING = Lock()  # jpeglib has global variables
_MIDDLE = 128  # of a sample: a coefficient of 0


@dataclass(frozen=True)
class Events:
    """A scan's events."""

    tables: np.ndarray  # (n,) key of each symbol's table; −1 where there is no symbol
    symbols: np.ndarray  # (n,) 0 to 255
    extra: np.ndarray  # extra, lengths: (n,) bits behind the symbol, and their number
    lengths: np.ndarray
    ends: np.ndarray  # (intervals,) number of events up to the end of each restart interval

    @cached_property
    def counts(self) -> dict[int, np.ndarray]:
        """Uses of each symbol of each table, (256,) each."""
        used = (int(table) for table in np.unique(self.tables) if table != _NO_SYMBOL)
        return {table: np.bincount(self.symbols[self.tables == table], minlength=256) for table in used}

    def coded(self, tables: Mapping[int, HuffmanTable]) -> bytes:
        """The bytes of a scan, with its restart markers.

        Args:
            tables: by key; each has a code for every symbol that is used.
        """
        codes, sizes = _code_tables(tables)
        there = self.tables != _NO_SYMBOL
        size = np.where(there, sizes[self.tables, self.symbols], 0)
        assert size[there].all()
        values = np.where(there, codes[self.tables, self.symbols], 0).astype(np.int64) << self.lengths | self.extra
        return b"".join(_packed(values, size + self.lengths, self.ends))


@dataclass(frozen=True, eq=False)
class SequentialScan:
    """A scan of all bits of all coefficients."""

    blocks: np.ndarray  # (n, 64) int16, in order
    owners: np.ndarray  # of each block of an MCU the place in the scan of its component, uint8
    dc: np.ndarray  # dc, ac: of each component the keys of its tables, uint8
    ac: np.ndarray
    interval: int  # blocks between restart markers

    @cached_property
    def counts(self) -> dict[int, np.ndarray]:
        """Uses of each symbol of each table, (256,) each."""
        counts = np.zeros((32, 256), np.int64)
        kernels.compiled.count(self.blocks, self.owners, self.dc, self.ac, self.interval, counts)
        return {int(key): counts[key] for key in np.flatnonzero(counts.any(1))}

    def coded(self, tables: Mapping[int, HuffmanTable]) -> bytes:
        """Codes the scan; arguments as `Events.coded`."""
        symbols = sum(int(counts.sum()) for counts in self.counts.values())
        out = np.empty(_SYMBOL * symbols + _INTERVAL * (len(self.blocks) // self.interval + 1), np.uint8)
        layout = self.blocks, self.owners, self.dc, self.ac, self.interval
        return out[: kernels.compiled.code(*layout, *_code_tables(tables), out)].tobytes()


Symbols = Events | SequentialScan


def scan_symbols(jpeg: JpegFile, scan: Scan, coefficients: Sequence[np.ndarray]) -> Symbols:
    """The symbols of a scan; coefficients are by component, (rows, columns, 64) int16 in zigzag order."""
    blocks, owners = _in_order(jpeg, scan, coefficients)
    interval = scan.interval * len(owners) or len(blocks)
    if kernels.compiled and not jpeg.progressive and (scan.first, scan.last, scan.high, scan.low) == _SEQUENTIAL:
        dc, ac = np.array(scan.dc, np.uint8), _AC + np.array(scan.ac, np.uint8)
        return SequentialScan(np.ascontiguousarray(blocks, np.int16), owners.astype(np.uint8), dc, ac, interval)
    if jpeg.progressive and scan.last > 0 and scan.high:
        return _refinement(scan, blocks, interval)
    starts = np.arange(0, len(blocks), interval)
    parts: list[_Part] = []
    if scan.first == 0:
        parts += _dc_events(scan, blocks, owners, interval)
    if scan.last > 0 and jpeg.progressive:
        parts += _first_ac_events(scan, blocks, starts)
    elif scan.last > 0:
        parts += _ac_events(blocks, np.resize(_AC + np.array(scan.ac)[owners], len(blocks)), 1, 63)
    keys, *columns = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(keys, kind="stable")
    ends = np.append(np.searchsorted(keys[order], starts[1:] * _PER_BLOCK), len(keys))
    return Events(*(column[order] for column in columns), ends)


def _in_order(jpeg: JpegFile, scan: Scan, coefficients: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """A scan's blocks in order, (n, 64), and the place in the scan of the component of each block of an MCU."""
    if len(scan.components) == 1:
        return coefficients[scan.components[0]].reshape(-1, 64), np.zeros(1, np.intp)
    rows, cols = jpeg.mcus
    components = [jpeg.components[index] for index in scan.components]
    owners = np.repeat(np.arange(len(components)), [each.down * each.across for each in components])
    blocks = np.empty((rows, cols, len(owners), 64), np.int16)
    for place, (index, own) in enumerate(zip(scan.components, components, strict=True)):
        first, last = np.searchsorted(owners, (place, place + 1))
        part = blocks[:, :, first:last].reshape(rows, cols, own.down, own.across, 64)  # a view
        part[:] = _filled_up(coefficients[index], (rows, own.down, cols, own.across)).transpose(0, 2, 1, 3, 4)
    return blocks.reshape(-1, 64), owners


def _filled_up(blocks: np.ndarray, shape: tuple[int, int, int, int]) -> np.ndarray:
    """A component's blocks, (rows, columns, 64), with those that fill up its MCUs, (*shape, 64)."""
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
    """Code and length of each symbol (T.81, annex C), (32, 256) uint16 and uint8 by table; of symbols without, 0."""
    codes, sizes = np.zeros((32, 256), np.uint16), np.zeros((32, 256), np.uint8)
    for number, table in tables.items():
        own, lengths, code = [], [], 0
        for length, count in enumerate(table.counts, 1):
            own += range(code, code + count)
            lengths += [length] * count
            code = (code + count) << 1
        codes[number, list(table.symbols)], sizes[number, list(table.symbols)] = own, lengths
    return codes, sizes


def _optimal_table(counts: np.ndarray, key: int = 0) -> HuffmanTable:
    """The table that libjpeg makes for symbols used so often (T.81, K.2): no code of 16 ones, none of over 16 bits."""
    frequencies = {int(symbol): int(counts[symbol]) for symbol in np.flatnonzero(counts)} | {256: 1}
    lengths, members = dict.fromkeys(frequencies, 0), {symbol: [symbol] for symbol in frequencies}
    while len(frequencies) > 1:
        least, next_least = sorted(frequencies, key=lambda symbol: (frequencies[symbol], -symbol))[:2]
        frequencies[least] += frequencies.pop(next_least)
        members[least] += members.pop(next_least)
        for symbol in members[least]:
            lengths[symbol] += 1
    number = np.bincount(list(lengths.values()), minlength=64)
    for length in range(len(number) - 1, 16, -1):  # Figure K.3
        while number[length]:
            shorter = next(each for each in range(length - 2, 0, -1) if number[each])
            number[length] -= 2
            number[length - 1] += 1
            number[shorter + 1] += 2
            number[shorter] -= 1
    number[max(np.flatnonzero(number))] -= 1  # that of 256, which keeps the code of ones free
    symbols = sorted((symbol for symbol in lengths if symbol < 256), key=lambda symbol: (lengths[symbol], symbol))
    return HuffmanTable(bytes(number[1:17].tolist()), bytes(symbols), key)


def _part(keys: np.ndarray, tables: np.ndarray | int, symbols: np.ndarray | int, *bits: np.ndarray | int) -> _Part:
    extra, lengths = bits or (0, 0)
    columns = ((tables, np.int8), (symbols, np.uint8), (extra, np.int32), (lengths, np.int8))
    return keys, *(np.broadcast_to(column, keys.shape).astype(kind) for column, kind in columns)


def _dc_events(scan: Scan, blocks: np.ndarray, owners: np.ndarray, interval: int) -> Iterator[_Part]:
    keys = np.arange(len(blocks)) * _PER_BLOCK
    if scan.high:
        yield _part(keys, _NO_SYMBOL, 0, (blocks[:, 0] >> scan.low) & 1, 1)
        return
    shifted = (blocks[:, 0] >> scan.low).astype(np.int64)
    for place in np.unique(owners):
        own = np.flatnonzero(np.resize(owners == place, len(blocks)))
        before = np.append(0, shifted[own][:-1])
        before[np.diff(own // interval, prepend=-1) > 0] = 0
        yield _magnitudes(keys[own], scan.dc[place], 0, shifted[own] - before)


def _magnitudes(keys: np.ndarray, tables: np.ndarray | int, runs: np.ndarray | int, values: np.ndarray) -> _Part:
    sizes = _SIZES[np.abs(values)].astype(np.int32)
    extra = np.where(values > 0, values, values + (1 << sizes) - 1)
    return _part(keys, tables, runs * 16 + sizes, extra, sizes)


def _ac_events(blocks: np.ndarray, tables: np.ndarray, first: int, last: int, ends: bool = True) -> Iterator[_Part]:
    """Coefficients that are not 0, runs of zeros, and (if `ends`) ends of blocks."""
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
    """Of the first scan of some AC coefficients: ends of blocks are counted, in runs of blocks."""
    shifted = np.sign(blocks) * (np.abs(blocks) >> scan.low)
    tables = np.full(len(blocks), _AC + scan.ac[0])
    yield from _ac_events(shifted, tables, scan.first, scan.last, ends=False)
    ending = np.flatnonzero(shifted[:, scan.last] == 0)
    begins = shifted[ending, scan.first : scan.last + 1].any(1)  # a run goes on over blocks without anything
    begins |= np.isin(ending, starts) | (np.diff(ending, prepend=-2) > 1)
    heads = np.flatnonzero(begins)
    runs = np.diff(np.append(heads, len(ending)))
    for _ in range(int(runs.max(initial=0)) // _LONGEST_RUN + 1):
        now, keys = np.minimum(runs, _LONGEST_RUN), ending[heads] * _PER_BLOCK + 2 * _EOB
        sizes = _SIZES[now].astype(np.int64) - 1
        some = now > 0
        extra = now - (1 << np.maximum(sizes, 0))
        yield _part(keys[some], _AC + scan.ac[0], 16 * sizes[some], extra[some], sizes[some])
        runs = runs - now


def _refinement(scan: Scan, blocks: np.ndarray, interval: int) -> Events:
    """Of a scan that adds a bit to some AC coefficients (T.81, G.1.2.3)."""
    events: list[tuple[int, int, int, int]] = []
    ends, run, waiting = [], 0, []
    table = _AC + scan.ac[0]

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
        end, zeros, bits = new[-1] if len(new) else -1, 0, []
        before = -1
        for place in np.flatnonzero(block).tolist():
            zeros += place - before - 1
            before = place
            while zeros > 15 and place <= end:
                end_run()
                events.append((table, _ZRL, 0, 0))
                events += [(_NO_SYMBOL, 0, bit, 1) for bit in bits]
                bits, zeros = [], zeros - 16
            if block[place] > 1:
                bits.append(int(block[place]) & 1)
                continue
            end_run()
            events.append((table, 16 * zeros + 1, int(blocks[number, scan.first + place] > 0), 1))
            events += [(_NO_SYMBOL, 0, bit, 1) for bit in bits]
            bits, zeros = [], 0
        if bits or before < scan.last - scan.first or zeros:
            run += 1
            waiting += bits
            if run == _LONGEST_RUN or len(waiting) > _MOST_WAITING:
                end_run()
        if (number + 1) % interval == 0 or number + 1 == len(levels):
            end_run()
            ends.append(len(events))
    columns = zip(*events, strict=True) if events else [()] * 4
    kinds = np.int8, np.uint8, np.int32, np.int8
    return Events(*(np.array(column, kind) for column, kind in zip(columns, kinds, strict=True)), np.array(ends))


def _packed(values: np.ndarray, sizes: np.ndarray, ends: np.ndarray) -> Iterator[bytes]:
    """The bytes of each restart interval, with zeros behind each byte 255, and the markers between."""
    limits, last = np.append(0, ends), ends - 1
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
            behind = [_FULL_BYTE if _ends_with_a_byte(symbols[0], own[0]) else b""]
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
        ends_with_a_byte = _ends_with_a_byte(symbols, scan.tables)
        if rests == [_FULL_BYTE] or ends_with_a_byte:
            return rests == [_FULL_BYTE] and ends_with_a_byte
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
                tables[old.start] = _optimal_table(counts[old.start], old.key)
        return tables

    def _is_fitted(self, table: HuffmanTable) -> bool:
        """True if an encoder made a table for the file's own coefficients."""
        if table in _standard_tables():  # of most files, whose coefficients need not be counted
            return False
        return table.start in self._counts and _optimal_table(self._counts[table.start], table.key) == table

    def _used(self, symbols: Sequence[Symbols]) -> dict[int, np.ndarray]:
        """Uses of each symbol of each table, by the start of the table."""
        used: dict[int, np.ndarray] = {}
        for scan, own in zip(self.file.scans, symbols, strict=True):
            for key, counts in own.counts.items():
                start = scan.tables[key].start
                used[start] = used.get(start, 0) + counts
        return used


def _ends_with_a_byte(symbols: Symbols, tables: Mapping[int, HuffmanTable]) -> bool:
    """True if no bits are left to fill up at the end of a sequential scan; a symbol's low half is its bits' number."""
    _, sizes = _code_tables(tables)
    bits = (int(counts @ (sizes[key].astype(np.int64) + np.arange(256) % 16)) for key, counts in symbols.counts.items())
    return sum(bits) % 8 == 0


@cache
def _standard_tables() -> frozenset[HuffmanTable]:
    """The tables of T.81, annex K.3, as libjpeg writes them."""
    file = parse_jpeg(encode_jpeg(np.zeros((8, 8, 3), np.uint8), 75), "a JPEG")
    return frozenset(table for _, _, own in file.huffman_segments for table in own)


def read_jpeg(path: Source) -> JpegPicture:
    """Reads the coefficients of a JPEG; MediaError if it is none, is damaged, or of a kind that is not supported."""
    file = open_jpeg(path)
    with temporary_folder() as folder:
        head = folder / "head.jpg"
        head.write_bytes(file.plain(file.scans[0].start))
        try:
            with _alone_and_silent(folder) as jpeglib:
                dct = jpeglib.read_dct(os.fspath(head))  # which decodes all that it is given, and keeps its sizes alone
                dct.content = file.plain(len(file.data))
                dct.load()
        except OSError as error:
            if error.errno:  # of the folder for temporary files
                raise
            raise MediaError("the JPEG is damaged, or of a kind that can't be read", HINT, subject=path) from error
    found = (dct.Y, dct.Cb, dct.Cr)[: len(file.components)]
    whole = tuple(np.take(plane.reshape(*plane.shape[:2], 64), ZIGZAG, axis=2) for plane in found)
    sizes = [file.blocks(component) for component in file.components]
    if any(plane.shape[0] < rows or plane.shape[1] < cols for plane, (rows, cols) in zip(whole, sizes, strict=True)):
        raise MediaError("the JPEG is damaged: its size is not that of its coefficients", subject=path)
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
            _filled_up(plane[top:], (1, down, cols, across)),
            _filled_up(plane[:, left:], (rows, down, 1, across)),
        )
        for own, found in ((bottom, each[top:]), (right, each[:, left:])):
            if not np.array_equal(own.reshape(found.shape), found):
                return False
    return True


@contextmanager
def _alone_and_silent(folder: Path) -> Iterator[ModuleType]:
    """Give jpeglib to one thread, without what libjpeg says of damage and of bytes too many; no option switches it off.

    jpeglib copies each file, and leaves the copy behind where it can't be written or read: here, in this folder.
    """
    import jpeglib  # here, since only JPEGs need it, and it takes 20 ms

    with _READING, ExitStack() as stack:
        stack.callback(setattr, jpeglib.dct_jpeg, "tempfile", jpeglib.dct_jpeg.tempfile)
        jpeglib.dct_jpeg.tempfile = SimpleNamespace(NamedTemporaryFile=partial(NamedTemporaryFile, dir=folder))
        stack.enter_context(_redirected(_STDERR, Path(os.devnull)))
        if os.name == "posix":  # where the C library's buffer can be reached
            stack.enter_context(_without_names(folder))
        yield jpeglib


@contextmanager
def _without_names(folder: Path) -> Iterator[None]:
    """Takes off standard output what jpeglib prints of a file that it can't read: its name in a temporary folder.

    What others print meanwhile follows.
    """
    flush, printed = ctypes.CDLL(None).fflush, folder / "printed"
    flush(None)
    try:
        with _redirected(_STDOUT, printed):
            try:
                yield
            finally:
                flush(None)
    finally:
        for line in printed.read_bytes().splitlines(keepends=True) if printed.exists() else ():
            if not line.startswith(os.fsencode(folder)):
                os.write(_STDOUT, line)


@contextmanager
def _redirected(descriptor: int, path: Path) -> Iterator[None]:
    """Sends what is written to a descriptor to a file, if it is not closed."""
    try:
        kept = os.dup(descriptor)
    except OSError:
        yield
        return
    try:
        with path.open("wb") as file:
            os.dup2(file.fileno(), descriptor)
        yield
    finally:
        os.dup2(kept, descriptor)
        os.close(kept)
