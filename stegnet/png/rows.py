"""Rows of a PNG's image data, filtered (PNG, third edition, section 9)."""

from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple, Self

import numpy as np

from stegnet import kernels
from stegnet.core.pixels import strips


class Filter(IntEnum):
    """Filters of a row, by their numbers."""

    NONE = 0
    SUB = 1
    UP = 2
    AVERAGE = 3
    PAETH = 4


class Filters(NamedTuple):
    """Filters that are tried on rows.

    The filter with the least sum of absolute values in a row is chosen, the first if there are several (the heuristic
    of section 12.7).

    Attributes:
        tried: their numbers, in order; a single one is used for all rows.
        first: numbers of the filters that are tried on the first row.
    """

    tried: bytes
    first: bytes

    @classmethod
    def of(cls, *tried: int) -> Self:
        """Return filters that are the same for all rows."""
        return cls(bytes(tried), bytes(tried))


def filtered_rows(picture: np.ndarray, filters: Filters) -> Iterator[np.ndarray]:
    """Yield the filtered rows of a picture, (H, W, channels) uint8, in strips of (rows, 1 + W · channels) uint8."""
    height, width, channels = picture.shape
    before = np.zeros(width * channels, np.uint8)
    for rows in strips(height, width):
        strip = np.ascontiguousarray(picture[rows]).reshape(-1, width * channels)
        if rows.start:
            yield filtered(strip, before, channels, filters.tried)
        else:
            yield filtered_first_rows(strip, channels, filters)
        before = strip[-1]


def filtered_first_rows(rows: np.ndarray, pixel_bytes: int, filters: Filters) -> np.ndarray:
    """Filter the first rows of a picture, like `filtered`."""
    blank = np.zeros(rows.shape[1], np.uint8)
    if filters.first == filters.tried:
        return filtered(rows, blank, pixel_bytes, filters.tried)
    first = filtered(rows[:1], blank, pixel_bytes, filters.first)
    return np.concatenate([first, filtered(rows[1:], rows[0], pixel_bytes, filters.tried)]) if len(rows) > 1 else first


def filtered(rows: np.ndarray, before: np.ndarray, pixel_bytes: int, tried: bytes) -> np.ndarray:
    """Filter rows, (n, width) uint8, to (n, 1 + width), with the number of its filter before each row.

    Args:
        rows: unfiltered rows of samples, (n, width) uint8, `width` in bytes.
        before: the row above the first, (width,) uint8.
        pixel_bytes: bytes of a pixel, at least 1.
        tried: as in `Filters`.
    """
    count, width = rows.shape
    out = np.empty((count, 1 + width), np.uint8)
    kernels.rows(rows, before, width, pixel_bytes, tried, out)
    return out


def unfiltered(rows: list[bytes], pixel_bytes: int) -> np.ndarray:
    """Return the unfiltered bytes of the first rows, (n, width) uint8; each row's first byte names its filter."""
    width = len(rows[0]) - 1
    out = np.zeros((len(rows) + 1, pixel_bytes + width), np.uint8)  # with a row above and a pixel to the left
    for row, line in enumerate(rows, 1):
        content = np.frombuffer(line, np.uint8, offset=1)
        above = out[row - 1]
        now = out[row]
        if line[0] in (Filter.NONE, Filter.UP):
            now[pixel_bytes:] = content + (above[pixel_bytes:] if line[0] == Filter.UP else np.uint8(0))
        elif line[0] == Filter.SUB:
            for first in range(pixel_bytes):
                now[pixel_bytes + first :: pixel_bytes] = np.cumsum(content[first::pixel_bytes], dtype=np.uint8)
        else:
            now[:] = _sequentially(line, bytes(above), pixel_bytes)
    return np.ascontiguousarray(out[1:, pixel_bytes:])


def _sequentially(line: bytes, above: bytes, pixel_bytes: int) -> np.ndarray:
    """Return a row that was filtered by Average or Paeth, after a pixel of zeros, as in `above`."""
    is_average = line[0] == Filter.AVERAGE
    now = bytearray(pixel_bytes)
    for at, byte in enumerate(line[1:]):
        left = now[at]
        up = above[at + pixel_bytes]
        corner = above[at]
        if is_average:
            predicted = (left + up) // 2
        else:
            to_left = abs(up - corner)
            to_up = abs(left - corner)
            to_corner = abs(left + up - 2 * corner)
            predicted = left if to_left <= to_up and to_left <= to_corner else up if to_up <= to_corner else corner
        now.append((byte + predicted) & 255)
    return np.frombuffer(now, np.uint8)
