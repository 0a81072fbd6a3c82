"""A file on its way into the frames of a film or the pictures of an album: its header, and the record of each.

A picture's part of an album's file is proportional to what is hard to find in it, as far as it fits: about the
square root of its samples (Ker, Pevný, Kodovský, Fridrich 2008, "The square root law of steganographic capacity";
docs/format.md, "Albums").
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import BinaryIO

import numpy as np

from stegnet.core.errors import CapacityError, MediaError, reading
from stegnet.core.names import FILE
from stegnet.keys import FILM_ID_BYTES, Key, Randomness
from stegnet.record.record import File, Header, Record, format_record
from stegnet.record.spread import SHARES, choose_needed

_HALVINGS = 60  # of the interval in which the load is sought


def file_header(name: str, source: BinaryIO, frames: int, capacity: int, randomness: Randomness) -> Header:
    """The header of a file, which is read once for its digest; the capacity is that of each of several frames."""
    code = file_digest(source)
    size = source.tell()
    needed = choose_needed(size, frames, capacity) if frames > 1 else 0
    return Header(randomness(FILM_ID_BYTES), FILE, frames, File(name, size, code, needed))


def file_records(header: Header, source: BinaryIO) -> Iterator[Record]:
    """The record of each frame; a MediaError, if the file has changed since its digest was taken."""
    for index in range(header.frames):
        if header.spread:
            data = header.spread.share(source, index)
        else:
            source.seek(0)
            data = source.read(header.secret.size)
        if index == header.frames - 1 and file_digest(source) != header.secret.digest:
            raise MediaError("was changed while it was being hidden", "hide it again", subject=source.name)
        yield Record(header, index, data=data)


def hidden_bytes(header: Header) -> int:
    """Bytes of a file that are hidden in all frames together."""
    return header.spread.share_bytes * header.frames if header.spread else header.secret.size


def empty_record_bytes(name: str, key: Key, spread: bool = False) -> int:
    """Bytes of the record of an empty file of this name, or of a share of it."""
    empty = Record(Header(bytes(FILM_ID_BYTES), FILE, 1, File(name, 0, bytes(32), int(spread))), 0)
    return len(format_record(empty, key))


def frames_with_data(header: Header) -> int:
    """Number of frames that hold bytes of the file, or shares of it."""
    size = header.secret.size
    return header.frames if header.spread and size else min(header.frames, size)


def may_be_lost(header: Header) -> int | None:
    """Frames of a film that may be lost or altered, and the file is revealed all the same; None if it is not spread."""
    return header.spread.most_lost() if header.spread else None


def file_digest(source: BinaryIO) -> bytes:
    """SHA-256 of a file, which is left at its end; a MediaError, if it can't be read."""
    source.seek(0)
    with reading(getattr(source, "name", "")):
        code = hashlib.file_digest(source, "sha256").digest()
        source.seek(0, os.SEEK_END)  # which it is not by bytes in memory
        return code


@dataclass(frozen=True)
class Division:
    """Parts of a file, one for each picture of an album."""

    counts: tuple[int, ...]  # shares of each
    needed: int = 0  # shares that give the file; 0: it takes all, and each is a byte of it

    def of(self, header: Header, enough: int) -> Header:
        """The header of an album that is divided so, any `enough` pictures of which give the file."""
        spare = {"needed": self.needed, "enough": enough} if self.needed else {}
        return replace(header, secret=replace(header.secret, **spare))

    def records(self, header: Header, source: BinaryIO) -> Iterator[Record]:
        """The record of each picture; they are read from the file one by one."""
        for index, (count, end) in enumerate(zip(self.counts, accumulate(self.counts), strict=True)):
            first = end - count
            if header.spread:
                data = b"".join(header.spread.share(source, number) for number in range(first, end))
            else:
                source.seek(first)
                data = source.read(count)
            yield Record(header, index, first, data=data)


def divide(size: int, capacities: Sequence[int], hard: Sequence[int], enough: int) -> Division:
    """Divides a file of so many bytes over pictures; a CapacityError, if it does not fit.

    Args:
        capacities: bytes of it that fit into each picture, at most 256 pictures if fewer are enough.
        hard: those that are hard to find in each.
        enough: pictures that are to give the file, whichever.
    """
    capacity, weights = np.array(capacities), np.maximum(hard, 1)
    if enough == len(capacities) or not size:
        if capacity.sum() < size:
            raise _too_large(size, int(capacity.sum()), f"these {len(capacities)} covers hold")
        loads = _loads(size, capacity, weights, len(capacities))
        counts = loads.astype(int)
        counts[np.argsort(counts - loads)[: size - counts.sum()]] += 1
        return Division(tuple(counts.tolist()))
    full = {_most(counts, capacity, enough): counts for counts in _apportioned(capacity.astype(float), enough)}
    most = max(full, default=0)
    if most < size:
        raise _too_large(size, most, f"any {enough} of these {len(capacities)} covers hold")
    loads = _apportioned(_loads(size, capacity, weights, enough), enough)
    counts = next((counts for counts in loads if _most(counts, capacity, enough) >= size), full[most])
    return Division(tuple(counts.tolist()), _fewest(counts, enough))


def _too_large(size: int, most: int, who: str) -> CapacityError:
    return CapacityError(f"the secret has {size} bytes, and {who} {most}", "add covers, or use larger ones")


def _loads(size: int, capacities: np.ndarray, weights: np.ndarray, enough: int) -> np.ndarray:
    """Bytes of each picture such that the `enough` that hold fewest hold the file, which fits."""
    low, high = 0.0, float((capacities / weights).max())
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        fits = np.sort(np.minimum(middle * weights, capacities))[:enough].sum() >= size
        low, high = (low, middle) if fits else (middle, high)
    return np.minimum(high * weights, capacities)


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


def _most(counts: np.ndarray, capacities: np.ndarray, enough: int) -> int:
    """Bytes of the largest file that fits if pictures hold so many shares."""
    some = counts > 0
    return _fewest(counts, enough) * int((capacities[some] // counts[some]).min())
