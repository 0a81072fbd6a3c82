"""Division of a file over the pictures of an album (docs/format.md, "Albums").

A picture's part is proportional to what is hard to find in it, as far as there is room: about the square root of its
samples (Ker, Pevný, Kodovský, Fridrich 2008, "The square root law of steganographic capacity").
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import BinaryIO

import numpy as np

from stegnet.core.errors import CapacityError
from stegnet.record.erasure import SHARES
from stegnet.record.record import Header, Record

_HALVINGS = 60  # of the interval in which the load is sought


@dataclass(frozen=True)
class Division:
    """Parts of a file, one for each picture.

    Attributes:
        counts: shares of each.
        needed: shares that give the file; 0: it takes all, and each is a byte of it.
    """

    counts: tuple[int, ...]
    needed: int = 0

    def of(self, header: Header, enough: int) -> Header:
        """The header of an album that is divided so, any `enough` pictures of which give the file."""
        spare = {"needed": self.needed, "enough": enough} if self.needed else {}
        return replace(header, secret=replace(header.secret, **spare))

    def records(self, header: Header, source: BinaryIO) -> Iterator[Record]:
        """The record of each picture; they are read from the file one by one."""
        for index, (count, end) in enumerate(zip(self.counts, accumulate(self.counts), strict=True)):
            yield Record(header, index, end - count, data=_part(header, source, end - count, count))


def divide(size: int, rooms: Sequence[int], hard: Sequence[int], enough: int) -> Division:
    """Divides a file over pictures.

    Args:
        size: of the file in bytes.
        rooms: bytes of it that fit into each picture, at most 256 pictures if fewer are enough.
        hard: those that are hard to find in each.
        enough: pictures that are to give the file, whichever.
    Raises:
        CapacityError: it does not fit.
    """
    room, weights = np.array(rooms), np.maximum(hard, 1)
    if enough == len(rooms) or not size:
        return _into_bytes(size, room, weights)
    full = {_most(counts, room, enough): counts for counts in _apportioned(room.astype(float), enough)}
    most = max(full, default=0)
    if most < size:
        raise _too_large(size, most, f"any {enough} of these {len(rooms)} covers have room")
    loads = _apportioned(_loads(size, room, weights, enough), enough)
    counts = next((counts for counts in loads if _most(counts, room, enough) >= size), full[most])
    return Division(tuple(counts.tolist()), _fewest(counts, enough))


def _into_bytes(size: int, rooms: np.ndarray, weights: np.ndarray) -> Division:
    if rooms.sum() < size:
        raise _too_large(size, int(rooms.sum()), f"these {len(rooms)} covers have room")
    loads = _loads(size, rooms, weights, len(rooms))
    counts = loads.astype(int)
    counts[np.argsort(counts - loads)[: size - counts.sum()]] += 1
    return Division(tuple(counts.tolist()))


def _too_large(size: int, most: int, who: str) -> CapacityError:
    return CapacityError(f"the secret has {size} bytes, and {who} for {most}", "add covers, or use larger ones")


def _loads(size: int, rooms: np.ndarray, weights: np.ndarray, enough: int) -> np.ndarray:
    """Bytes of each picture such that the `enough` that hold fewest hold the file, which fits."""
    low, high = 0.0, float((rooms / weights).max())
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        fits = np.sort(np.minimum(middle * weights, rooms))[:enough].sum() >= size
        low, high = (low, middle) if fits else (middle, high)
    return np.minimum(high * weights, rooms)


def _fewest(counts: np.ndarray, enough: int) -> int:
    """Sum of those that are least."""
    return int(np.sort(counts)[:enough].sum())


def _apportioned(loads: np.ndarray, enough: int) -> Iterator[np.ndarray]:
    """Numbers of shares in proportion to loads, 256 at most, from fine ones to coarse ones.

    Pictures that may be missing need no more of them than the largest that may not.
    """
    even = np.minimum(loads, np.sort(loads)[enough - 1])
    for total in range(SHARES, 0, -1):
        counts = np.rint(even * (total / max(even.sum(), 1))).astype(int)
        if counts.sum() <= SHARES and _fewest(counts, enough):
            yield counts


def _most(counts: np.ndarray, rooms: np.ndarray, enough: int) -> int:
    """Bytes of the largest file that fits if pictures hold so many shares."""
    some = counts > 0
    return _fewest(counts, enough) * int((rooms[some] // counts[some]).min())


def _part(header: Header, source: BinaryIO, first: int, count: int) -> bytes:
    if header.spread:
        return b"".join(header.spread.share(source, number) for number in range(first, first + count))
    source.seek(first)
    return source.read(count)
