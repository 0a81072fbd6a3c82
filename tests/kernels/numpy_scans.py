"""Huffman coding of sequential JPEG scans, in NumPy: the oracle of _scans.c."""

import numpy as np

from stegnet.jpeg.scan_encoder import filled_up
from stegnet.jpeg.scan_events import Events, ac_events, dc_events
from stegnet.kernels.arrays import I16, I64, U8, U16


def count(
    planes: tuple[I16, ...], layout: I64, mcus: tuple[int, int], dc: U8, ac: U8, interval: int, counts: I64
) -> None:
    for key, uses in _events(planes, layout, mcus, dc, ac, interval).counts.items():
        counts[key] += uses


def code(
    planes: tuple[I16, ...],
    layout: I64,
    mcus: tuple[int, int],
    dc: U8,
    ac: U8,
    interval: int,
    codes: U16,
    sizes: U8,
    out: U8,
) -> int:
    data = _events(planes, layout, mcus, dc, ac, interval).coded(codes, sizes)
    out[: len(data)] = np.frombuffer(data, np.uint8)
    return len(data)


def _events(planes: tuple[I16, ...], layout: I64, mcus: tuple[int, int], dc: U8, ac: U8, interval: int) -> Events:
    rows, cols = mcus
    parts = []
    for plane, (height, width, across, down) in zip(planes, layout.tolist(), strict=True):
        blocks = filled_up(plane.reshape(height, width, 64), (rows, down, cols, across))
        parts.append(blocks.transpose(0, 2, 1, 3, 4).reshape(rows * cols, across * down, 64))
    owners = np.repeat(np.arange(len(parts)), [part.shape[1] for part in parts])
    blocks = np.concatenate(parts, 1).reshape(-1, 64)
    events = [
        *dc_events(blocks[:, 0], owners, dc.tolist(), interval),
        *ac_events(blocks, np.resize(ac[owners], len(blocks)), 1, 63),
    ]
    return Events.of(events, np.arange(0, len(blocks), interval))
