"""Block means as bytes, without loss (docs/format.md, "Thumbnail")."""

import zlib

import numpy as np

from stegnet.codec.parsing import inflate, require

_LEVEL = 9
_STORED = 16_000  # zlib stores at least so many bytes together, with 5 of its own
SHARE = 3 * (1 + 5 / _STORED)  # bytes that each cell adds to `most`


def pack(means: np.ndarray) -> bytes:
    """(h, w, 3) uint8 to bytes: red and blue less green, differences down and across, all modulo 256; zlib."""
    values = means.copy()
    values[..., 0] -= means[..., 1]
    values[..., 2] -= means[..., 1]
    values[1:] -= values[:-1].copy()
    values[:, 1:] -= values[:, :-1].copy()
    return zlib.compress(np.moveaxis(values, -1, 0).tobytes(), _LEVEL)


def unpack(data: bytes, height: int, width: int) -> np.ndarray:
    """The (height, width, 3) uint8 that `pack` took.

    Raises:
        ValueError: the bytes are not of such means.
    """
    flat = inflate(data, 3 * height * width)
    require(len(flat) == 3 * height * width)
    values = np.moveaxis(np.frombuffer(flat, np.uint8).reshape(3, height, width), 0, -1)
    values = values.cumsum(axis=1, dtype=np.uint8).cumsum(axis=0, dtype=np.uint8)
    values[..., 0] += values[..., 1]
    values[..., 2] += values[..., 1]
    return values


def most(height: int, width: int) -> int:
    """Bytes that `pack` never exceeds for means of this size (zlib stores what it can't compress)."""
    raw = 3 * height * width
    return raw + 5 * (raw // _STORED + 1) + 16
