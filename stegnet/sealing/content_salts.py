"""Salts made of what a picture shows, which codecs hardly move: mean lumas of its regions (docs/format.md, "Salt")."""

from collections.abc import Iterator
from hashlib import sha256

import numpy as np

from stegnet.core.pixels import BLOCK
from stegnet.keys import SALT_BYTES

# Salts of pictures, made of the mean lumas of their regions (docs/format.md).
_QUANTUM = 16  # levels
_EDGE_MARGIN = 0.75  # levels by which codecs may move a mean across an edge of its interval
_MOST_MOVED_MEANS = 6  # means that may have moved
_MOST_SALTS = 8
_REGIONS = 4  # in a row and in a column
THUMBNAIL = 128  # side of the picture that the salt of resized copies is taken from
PREFIX_OF_COPIES = b"stegnet/1/robust/resized/salt"  # hashed before the means of a resized copy
QUANTUM_OF_COPIES = 32  # levels, of the salt of resized copies


def region_edges(blocks: int) -> np.ndarray:
    """Return the edges, in pixels, of the regions of a row or column of blocks, without its first and last block.

    So no region has pixels within a block of the picture's edges, and cutting these off changes no salt.
    """
    border = 1 if blocks >= _REGIONS + 2 else 0
    inner = blocks - 2 * border
    parts = min(inner, _REGIONS)
    edges: np.ndarray = BLOCK * (border + inner * np.arange(parts + 1) // parts)
    return edges


def salts_of(prefix: bytes, means: np.ndarray, quantum: int = _QUANTUM, near: float = _EDGE_MARGIN) -> Iterator[bytes]:
    """Yield the salts that a picture with these region means, (n,) in levels, may have had; the likeliest first.

    A salt is a hash of a prefix and the means, quantised by a quantum in levels. A codec may have moved a mean that
    is nearer than `near` to an edge of its interval across that edge.
    """
    numbers = (means // quantum).astype(int)
    above = means - quantum * numbers >= quantum / 2
    neighbours = numbers + np.where(above, 1, -1)  # the interval across the nearer edge
    distances = np.where(above, quantum * (numbers + 1) - means, means - quantum * numbers)
    distances[(neighbours < 0) | (neighbours > 255 // quantum)] = np.inf

    close = np.flatnonzero(distances < near)
    close = close[distances[close].argsort(kind="stable")][:_MOST_MOVED_MEANS]
    flips = [close[[bool(number >> place & 1) for place in range(close.size)]] for number in range(1 << close.size)]
    flips.sort(key=lambda flipped: distances[flipped].sum())
    for flipped in flips[:_MOST_SALTS]:
        values = numbers.copy()
        values[flipped] = neighbours[flipped]
        yield sha256(prefix + values.astype(np.uint8).tobytes()).digest()[:SALT_BYTES]
