"""Huffman coding of sequential JPEG scans, in NumPy: the twin of _scans.c."""

import numpy as np

from stegnet.kernels.arrays import I16, I64, U8, U16
from stegnet.kernels.scan_events import Events, ac_events, dc_events


def count(blocks: I16, owners: U8, dc: U8, ac: U8, interval: int, counts: I64) -> None:
    """Add the uses of each symbol of each table, (32, 256), in a scan.

    Blocks are (n, 64) in zigzag order, with `interval` of them between restart markers; `owners` are the component of
    each block of an MCU, `dc` and `ac` the keys of each component's tables.
    """
    for key, uses in _events(blocks, owners, dc, ac, interval).counts.items():
        counts[key] += uses


def code(blocks: I16, owners: U8, dc: U8, ac: U8, interval: int, codes: U16, sizes: U8, out: U8) -> int:
    """Write the bytes of a scan, of which `out` holds 16 more, and return their number.

    A symbol's code in each table is in `codes`, (32, 256), and its length in bits in `sizes`; ValueError is raised if
    that of a symbol that is used is 0. The other arguments are those of `count`.
    """
    data = _events(blocks, owners, dc, ac, interval).coded(codes, sizes)
    out[: len(data)] = np.frombuffer(data, np.uint8)
    return len(data)


def _events(blocks: I16, owners: U8, dc: U8, ac: U8, interval: int) -> Events:
    parts = [
        *dc_events(blocks[:, 0], owners, dc.tolist(), interval),
        *ac_events(blocks, np.resize(ac[owners], len(blocks)), 1, 63),
    ]
    return Events.of(parts, np.arange(0, len(blocks), interval))
