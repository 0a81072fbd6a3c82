"""Huffman coding of sequential JPEG scans, in NumPy: the oracle of _scans.c."""

import numpy as np

from stegnet.jpeg.scan_events import Events, ac_events, dc_events
from stegnet.kernels.arrays import I16, I64, U8, U16


def count(blocks: I16, owners: U8, dc: U8, ac: U8, interval: int, counts: I64) -> None:
    for key, uses in _events(blocks, owners, dc, ac, interval).counts.items():
        counts[key] += uses


def code(blocks: I16, owners: U8, dc: U8, ac: U8, interval: int, codes: U16, sizes: U8, out: U8) -> int:
    data = _events(blocks, owners, dc, ac, interval).coded(codes, sizes)
    out[: len(data)] = np.frombuffer(data, np.uint8)
    return len(data)


def _events(blocks: I16, owners: U8, dc: U8, ac: U8, interval: int) -> Events:
    parts = [
        *dc_events(blocks[:, 0], owners, dc.tolist(), interval),
        *ac_events(blocks, np.resize(ac[owners], len(blocks)), 1, 63),
    ]
    return Events.of(parts, np.arange(0, len(blocks), interval))
