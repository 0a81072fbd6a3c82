"""A file on its way into the frames of a film or the pictures of an album: its header, and the record of each frame.

Each picture of an album holds a part of the file in proportion to the payload that is hard to detect in it, as far as
it fits: about the square root of its samples (Ker, Pevný, Kodovský, Fridrich 2008, "The square root law of
steganographic capacity"; docs/format.md, "Albums").
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from stegnet.core.errors import CapacityError, MediaError, reading
from stegnet.core.names import FILE
from stegnet.keys import FILM_ID_BYTES, Randomness
from stegnet.record.coding import File, Header, Record, record_bytes
from stegnet.record.spread import SHARES, choose_needed, least_shares


def file_header(
    name: str, source: BinaryIO, frames: int, capacity: int, randomness: Randomness, spare: bool = True
) -> Header:
    """Return the header of a file, read once for its digest.

    Args:
        name: name of the file.
        source: the file.
        frames: number of the container's frames.
        capacity: bytes for each of several frames.
        randomness: source of the film id.
        spare: choose shares to spare, so that some frames may be lost.
    """
    code = file_digest(source)
    size = source.tell()
    needed = 0
    if frames > 1:
        needed = choose_needed(size, frames, capacity) if spare else least_shares(frames)
    film_id = randomness(FILM_ID_BYTES) if frames > 1 else code[:FILM_ID_BYTES]  # which a whole file's record lacks
    return Header(film_id, FILE, frames, File(name, size, code, needed))


def file_records(header: Header, source: BinaryIO) -> Iterator[Record]:
    """Yield the record of each frame. Raises MediaError if the file has changed since its digest was taken."""
    for index in range(header.frames):
        if header.spread:
            data = header.spread.share(source, index)
        else:
            source.seek(0)
            data = source.read(header.file.size)
        if index == header.frames - 1 and file_digest(source) != header.file.digest:
            raise MediaError("was changed while it was being hidden", "hide it again", subject=source.name)
        yield Record(header, index, data=data)


def hidden_bytes(header: Header) -> int:
    """Return the number of a file's bytes that all frames hold together."""
    return header.spread.share_bytes * header.frames if header.spread else header.file.size


def empty_record_bytes(name: str, spread: bool = False) -> int:
    """Return the size of the record of an empty file with this name, or of a share of it."""
    return record_bytes(Record(Header(bytes(FILM_ID_BYTES), FILE, 1, File(name, 0, bytes(32), int(spread))), 0))


def frames_with_data(header: Header) -> int:
    """Return the number of frames that hold bytes or shares of the file."""
    size = header.file.size
    return header.frames if header.spread and size else min(header.frames, size)


def may_be_lost(header: Header) -> int | None:
    """Return the number of frames that may be lost or altered without losing the file; None if it is not spread."""
    return header.spread.most_lost() if header.spread else None


def file_digest(source: BinaryIO) -> bytes:
    """Return the SHA-256 of a file, and seek to its end. Raises MediaError if it can't be read."""
    source.seek(0)
    with reading(getattr(source, "name", "")):
        digest = hashlib.sha256()
        while chunk := source.read(1 << 20):
            digest.update(chunk)
        return digest.digest()


@dataclass(frozen=True)
class Division:
    """Division of a file among the pictures of an album."""

    counts: tuple[int, ...]  # number of shares in each picture
    needed: int = 0  # shares that give the file; 0: it takes all, and each share is a byte of it

    def of(self, header: Header, enough: int) -> Header:
        """Return the header of an album with this division, in which any `enough` pictures give the file."""
        if not self.needed:
            return header
        return replace(header, secret=replace(header.file, needed=self.needed, enough=enough))

    def records(self, header: Header, source: BinaryIO) -> Iterator[Record]:
        """Yield the record of each picture, reading from the file one record at a time."""
        for index, (count, end) in enumerate(zip(self.counts, accumulate(self.counts), strict=True)):
            first = end - count
            if header.spread:
                shares = b"".join(header.spread.share(source, number) for number in range(first, end))
                yield Record(header, index, data=shares, first_share=first)
            else:
                source.seek(first)
                yield Record(header, index, data=source.read(count), offset=first)


def divide(
    size: int, capacities: Sequence[int], hard: Sequence[int], enough: int, at_most_safe: bool = False
) -> Division:
    """Divide a file of `size` bytes among pictures. Raises CapacityError if it doesn't fit.

    Args:
        size: size of the file in bytes.
        capacities: bytes that fit into each picture; at most 256 pictures if `enough` is below their number.
        hard: bytes that are hard to detect in each picture; negative: not even an empty part is.
        enough: number of pictures, of any choice, that must give the file.
        at_most_safe: give no picture more than is hard to detect.
    """
    in_all = np.array(capacities)
    capacity = np.minimum(in_all, np.maximum(hard, 0)) if at_most_safe else in_all
    weights = np.maximum(hard, 1)
    largest, fullest = _fullest(capacity, enough)
    if largest < size:
        who = f"these {len(capacities)} covers hold"
        held = f"{largest:,}"
        if enough < len(capacities):
            who = f"any {enough} of {who}"
        if at_most_safe:
            held = f"{_fullest(in_all, enough)[0]:,}, of which {largest:,} are hard to find"
        raise CapacityError(f"the secret has {size:,} bytes, and {who} {held}", "add covers, or use larger ones")
    if enough == len(capacities) or not size:
        loads = _loads(size, capacity, weights, len(capacities))
        counts = loads.astype(int)
        counts[np.argsort(counts - loads)[: size - counts.sum()]] += 1
        return Division(tuple(counts.tolist()))
    by_hard_bytes = _apportioned(_loads(size, capacity, weights, enough), enough)
    counts = next((counts for counts in by_hard_bytes if _most(counts, capacity, enough) >= size), fullest)
    return Division(tuple(counts.tolist()), _fewest(counts, enough))


def _fullest(capacity: NDArray[np.int64], enough: int) -> tuple[int, NDArray[np.int64]]:
    """Return the size in bytes of the largest file that any `enough` pictures give, and the numbers of its shares.

    `capacity` has the bytes that each picture holds, (n,).
    """
    if enough == len(capacity):
        return int(capacity.sum()), np.ones_like(capacity)
    full = {_most(counts, capacity, enough): counts for counts in _apportioned(capacity.astype(float), enough)}
    largest = max(full, default=0)
    return largest, full.get(largest, np.zeros_like(capacity))


def _loads(size: int, capacities: NDArray[np.int64], weights: NDArray[np.int64], enough: int) -> NDArray[np.float64]:
    """Return loads in bytes, (n,), such that the `enough` pictures with the smallest loads hold the file.

    The file must fit. Loads are in proportion to the weights, (n,), up to the capacities in bytes, (n,).
    """
    halvings = 60  # bisection steps in the search for the load
    low = 0.0  # load that does not hold the file, in bytes for each unit of weight
    high = float((capacities / weights).max())
    for _ in range(halvings):
        middle = (low + high) / 2
        fits = np.sort(np.minimum(middle * weights, capacities))[:enough].sum() >= size
        low, high = (low, middle) if fits else (middle, high)
    loads: NDArray[np.float64] = np.minimum(high * weights, capacities)
    return loads


def _fewest(counts: NDArray[np.int64], enough: int) -> int:
    """Return the sum of the `enough` smallest counts."""
    return int(np.sort(counts)[:enough].sum())


def _apportioned(loads: NDArray[np.float64], enough: int) -> Iterator[NDArray[np.int64]]:
    """Yield numbers of shares in proportion to the loads, 256 in all at most, from fine to coarse.

    No picture gets more shares than the largest of the `enough` smallest pictures.
    """
    even = np.minimum(loads, np.sort(loads)[enough - 1])
    for total in range(SHARES, 0, -1):
        counts = np.rint(even * (total / max(even.sum(), 1))).astype(int)
        if counts.sum() <= SHARES and _fewest(counts, enough):
            yield counts


def _most(counts: NDArray[np.int64], capacities: NDArray[np.int64], enough: int) -> int:
    """Return the size in bytes of the largest file that fits if pictures hold these numbers of shares, (n,).

    `capacities` has the bytes that each picture holds, (n,).
    """
    carrying = counts > 0
    return _fewest(counts, enough) * int((capacities[carrying] // counts[carrying]).min())
