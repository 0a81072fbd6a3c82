"""Events of JPEG scans, each a Huffman symbol, bits behind it, or both, and their bytes (ITU-T T.81, annex F)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import DTypeLike

ZRL = 0xF0  # symbol of 16 zeros
EOB = 64  # place of the end of a block, behind all coefficients
NO_SYMBOL = -1  # key of the table of an event that has bits only
PER_BLOCK = 2 * (EOB + 1)  # keys of a block, by which its events are sorted
SIZES = np.repeat(np.arange(17, dtype=np.uint8), [1, *(1 << np.arange(16))])  # of numbers in bits


class EventPart(NamedTuple):
    """Events of one kind, (n,) each."""

    keys: np.ndarray  # int, by which the events of a scan are sorted
    tables: np.ndarray  # tables, symbols, extra, lengths: as those of Events
    symbols: np.ndarray
    extra: np.ndarray
    lengths: np.ndarray

    @classmethod
    def of(
        cls,
        keys: np.ndarray,
        tables: np.ndarray | int,
        symbols: np.ndarray | int,
        extra: np.ndarray | int = 0,
        lengths: np.ndarray | int = 0,
    ) -> Self:
        """Return events with columns of their types, (n,); a number stands for a column that is constant."""

        def column(values: np.ndarray | int, kind: DTypeLike) -> np.ndarray:
            return np.broadcast_to(values, keys.shape).astype(kind)

        return cls(
            keys, column(tables, np.int8), column(symbols, np.uint8), column(extra, np.int32), column(lengths, np.int8)
        )


@dataclass(frozen=True)
class Events:
    """Events of a scan, in order."""

    tables: np.ndarray  # (n,) key of each symbol's table; −1 if there is no symbol
    symbols: np.ndarray  # (n,) 0 to 255
    extra: np.ndarray  # extra, lengths: (n,) bits behind the symbol, and their number
    lengths: np.ndarray
    ends: np.ndarray  # (intervals,) number of events up to the end of each restart interval

    @classmethod
    def of(cls, parts: Sequence[EventPart], starts: np.ndarray) -> Self:
        """Sort events; `starts` are the numbers of the blocks with which restart intervals begin."""
        keys = np.concatenate([part.keys for part in parts])
        order = np.argsort(keys, kind="stable")
        return cls(
            tables=np.concatenate([part.tables for part in parts])[order],
            symbols=np.concatenate([part.symbols for part in parts])[order],
            extra=np.concatenate([part.extra for part in parts])[order],
            lengths=np.concatenate([part.lengths for part in parts])[order],
            ends=np.append(np.searchsorted(keys[order], starts[1:] * PER_BLOCK), len(keys)),
        )

    @property
    def counts(self) -> dict[int, np.ndarray]:
        """Number of uses of each symbol, (256,), by the key of its table."""
        used = (int(table) for table in np.unique(self.tables) if table != NO_SYMBOL)
        return {table: np.bincount(self.symbols[self.tables == table], minlength=256) for table in used}

    def coded(self, codes: np.ndarray, sizes: np.ndarray) -> bytes:
        """Return the bytes of the scan, with its restart markers.

        Args:
            codes: code of each symbol of each table, (32, 256).
            sizes: their lengths in bits, likewise. Raises ValueError if that of a symbol that is used is 0.
        """
        has_symbol = self.tables != NO_SYMBOL
        size = np.where(has_symbol, sizes[self.tables, self.symbols], 0)
        if not size[has_symbol].all():
            raise ValueError("a symbol has no code")
        values = np.where(has_symbol, codes[self.tables, self.symbols], 0).astype(np.int64) << self.lengths | self.extra
        return b"".join(_packed(values, size + self.lengths, self.ends))


def dc_events(values: np.ndarray, owners: np.ndarray, tables: Sequence[int], interval: int) -> Iterator[EventPart]:
    """Yield the events of blocks' DC coefficients: the differences from the blocks before them.

    Args:
        values: (n,) coefficients.
        owners: the component of each block of an MCU.
        tables: key of each component's table.
        interval: blocks between restart markers.
    """
    values = values.astype(np.int64)
    for component, table in enumerate(tables):
        numbers = np.flatnonzero(np.resize(owners == component, len(values)))  # of its blocks
        before = np.append(0, values[numbers][:-1])
        before[np.diff(numbers // interval, prepend=-1) > 0] = 0
        yield _magnitudes(numbers * PER_BLOCK, table, 0, values[numbers] - before)


def ac_events(blocks: np.ndarray, tables: np.ndarray, first: int, last: int, ends: bool = True) -> Iterator[EventPart]:
    """Yield the events of coefficients that are not 0, of runs of zeros, and (if `ends`) of ends of blocks.

    Args:
        blocks: (n, 64) coefficients in zigzag order.
        tables: key of each block's table, (n,).
        first: place of the first coefficient that is coded.
        last: place of the last one.
        ends: blocks are ended by symbols.
    """
    number, place = np.nonzero(blocks[:, first : last + 1])
    before = np.append(-1, place[:-1])
    before[np.diff(number, prepend=-1) > 0] = -1
    runs = place - before - 1
    keys = number * PER_BLOCK + 2 * (place + first)
    yield _magnitudes(keys + 1, tables[number], runs % 16, blocks[number, place + first].astype(np.int32))
    yield EventPart.of(np.repeat(keys, runs // 16), np.repeat(tables[number], runs // 16), ZRL)
    if ends:
        ending = np.flatnonzero(blocks[:, last] == 0)
        yield EventPart.of(ending * PER_BLOCK + 2 * EOB, tables[ending], 0)


def _magnitudes(keys: np.ndarray, tables: np.ndarray | int, runs: np.ndarray | int, values: np.ndarray) -> EventPart:
    """Return the events of values behind runs of zeros, (n,) each: symbols of run and size, with the low bits."""
    sizes = SIZES[np.abs(values)].astype(np.int32)
    extra = np.where(values > 0, values, values + (1 << sizes) - 1)
    return EventPart.of(keys, tables, runs * 16 + sizes, extra, sizes)


def _packed(values: np.ndarray, sizes: np.ndarray, ends: np.ndarray) -> Iterator[bytes]:
    """Yield the bytes of each restart interval, with a zero behind each byte 255, and the markers between.

    Values, (n,), have so many bits each, (n,); an interval ends behind so many values, (intervals,).
    """
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
