"""A scan's Huffman symbols, counted and coded: of sequential scans by compiled kernels, else by events."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from stegnet import kernels
from stegnet.media.jpeg.entropy import Events, code_tables, in_order, scan_events
from stegnet.media.jpeg.markers import HuffmanTable, JpegFile, Scan

_AC = 16  # number of the first table for AC coefficients
_SYMBOL, _INTERVAL = 8, 32  # most bytes of a symbol and its bits, stuffed, and more than the end of an interval takes
_SEQUENTIAL = 0, 63, 0, 0  # coefficients and bit positions


@dataclass(frozen=True, eq=False)
class SequentialScan:
    """A scan of all bits of all coefficients.

    Attributes:
        blocks: (n, 64) int16, in order.
        owners: of each block of an MCU the place in the scan of its component, uint8.
        dc, ac: of each component the keys of its tables, uint8.
        interval: blocks between restart markers.
    """

    blocks: np.ndarray
    owners: np.ndarray
    dc: np.ndarray
    ac: np.ndarray
    interval: int

    @cached_property
    def counts(self) -> dict[int, np.ndarray]:
        """Uses of each symbol of each table, (256,) each."""
        counts = np.zeros((32, 256), np.int64)
        kernels.compiled.count(self.blocks, self.owners, self.dc, self.ac, self.interval, counts)
        return {int(key): counts[key] for key in np.flatnonzero(counts.any(1))}

    def coded(self, tables: Mapping[int, HuffmanTable]) -> bytes:
        """As `Events.coded`."""
        symbols = sum(int(counts.sum()) for counts in self.counts.values())
        out = np.empty(_SYMBOL * symbols + _INTERVAL * (len(self.blocks) // self.interval + 1), np.uint8)
        layout = self.blocks, self.owners, self.dc, self.ac, self.interval
        return out[: kernels.compiled.code(*layout, *code_tables(tables), out)].tobytes()


Symbols = Events | SequentialScan


def scan_symbols(jpeg: JpegFile, scan: Scan, coefficients: Sequence[np.ndarray]) -> Symbols:
    """The symbols of a scan.

    Args:
        coefficients: of each component of the frame, (rows, columns, 64) int16 in zigzag order.
    """
    coded = scan.first, scan.last, scan.high, scan.low
    if not kernels.compiled or jpeg.progressive or coded != _SEQUENTIAL:
        return scan_events(jpeg, scan, coefficients)
    blocks, owners = in_order(jpeg, scan, coefficients)
    interval = scan.interval * len(owners) or len(blocks)
    dc, ac = np.array(scan.dc, np.uint8), _AC + np.array(scan.ac, np.uint8)
    return SequentialScan(np.ascontiguousarray(blocks, np.int16), owners.astype(np.uint8), dc, ac, interval)
