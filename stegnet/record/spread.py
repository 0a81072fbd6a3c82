"""Spreading a file over the frames of a film, so that it survives the loss of frames (docs/format.md).

Frames form groups, and any K shares of a group give its part of the file. Hiding and revealing need memory for only a
few shares at a time.

The erasure code is over GF(2⁸) (Reed, Solomon 1960; docs/format.md, "Spread files"): share number x is P(x), byte by
byte, where P is a polynomial of degree below K; bytes and numbers are elements of the field. Sums are XOR; products are
looked up.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache
from hashlib import sha256
from math import comb
from typing import BinaryIO

import numpy as np

from stegnet.core.keystream import keystream

SHARES = 256  # at most: elements of the field


# Numbers of the field GF(2⁸), and the writer's choices.
_POLYNOMIAL = 0x11D  # of the field
_ORDER = 255  # of the field's multiplicative group
_SMALL = 64  # bytes of a share that adds little to the rest of a record
_RISK = 1e-6  # acceptable probability that a group loses too many shares


@dataclass(frozen=True)
class ErasureCode:
    """Erasure code that maps a file's bytes to the frames of a film."""

    film_id: bytes  # of the container
    frames: int  # number of the container's frames; of an album, SHARES
    size: int  # size of the file in bytes
    needed: int  # shares of a group that give all others, K; 1 to `least_shares(frames)`

    @property
    def groups(self) -> int:
        """Number of groups of frames."""
        return group_count(self.frames)

    @property
    def share_bytes(self) -> int:
        """Size of a share in bytes."""
        return -(-self.size // (self.groups * self.needed))

    def place(self, frame: int) -> tuple[int, int]:
        """Return the group of a frame, and the number of its share there."""
        number, column = divmod(frame, self.groups)
        return (column + self._shifts[number]) % self.groups, number

    def start(self, group: int, block: int) -> int:
        """Return the offset in the file of a group's block."""
        return (group * self.needed + block) * self.share_bytes

    def share(self, source: BinaryIO, frame: int) -> bytes:
        """Return the share of a frame; a file that ends early is padded with zeros."""
        group, number = self.place(frame)

        def read(block: int) -> bytes:
            source.seek(self.start(group, block))
            return source.read(self.share_bytes).ljust(self.share_bytes, b"\0")

        if number < self.needed:
            return read(number)
        return value_at(number, range(self.needed), map(read, range(self.needed)))

    def most_lost(self) -> int:
        """Return the number of frames, of any choice, that may be lost.

        With one group, the file is then certain to survive; with several, the risk of losing it is at most one in a
        million.
        """
        if self.groups == 1:
            return self.frames - self.needed
        return bisect_right(range(self.frames), _RISK, key=lambda lost: _risk(self.frames, self.needed, lost)) - 1

    @cached_property
    def _shifts(self) -> list[int]:
        words = keystream(sha256(b"stegnet/1/spread" + self.film_id).digest(), 4 * SHARES)
        shifts: list[int] = (np.frombuffer(words, "<u4") % self.groups).tolist()
        return shifts


def group_count(frames: int) -> int:
    """Return the number of groups that a film's frames form."""
    return -(-frames // SHARES)


def least_shares(frames: int) -> int:
    """Return the number of shares in the smallest group."""
    return frames // group_count(frames)


def full_capacity(frames: int, capacity: int) -> int:
    """Return the size in bytes of the largest file for frames with a capacity of `capacity` bytes each."""
    return group_count(frames) * least_shares(frames) * capacity


def frames_for(size: int, capacity: int) -> int:
    """Return the number of frames that a file needs, with a capacity of `capacity` bytes each."""
    groups = group_count(max(-(-size // capacity), 1))
    return groups * -(-size // (groups * capacity))


def choose_needed(size: int, frames: int, capacity: int) -> int:
    """Choose the number of shares needed: few for a small file, else two thirds, or more if needed to fit."""
    groups = group_count(frames)
    shares = least_shares(frames)
    third = -(-frames // 3)
    two_thirds = frames - third
    if groups > 1:
        two_thirds = bisect_right(range(shares), _RISK, key=lambda needed: _risk(frames, needed + 1, third))
    return max(min(two_thirds, -(-size // (groups * _SMALL))), -(-size // (groups * max(capacity, 1))), 1)


def _risk(frames: int, needed: int, lost: int) -> float:
    """Return a bound on the probability that a group has too few shares left if any `lost` frames are lost."""
    groups = group_count(frames)
    shares = least_shares(frames)
    share = min(lost / (groups * shares), 1)
    chances = (comb(shares, n) * share**n * (1 - share) ** (shares - n) for n in range(shares - needed + 1, shares + 1))
    return groups * sum(chances)


@dataclass
class Gathering:
    """Collected shares, in the file that they will become.

    Each group has a slot for each share that it needs. A block of the file goes to its own slot if that is free, any
    other share to another slot; at the end, the missing blocks replace the shares in their slots.
    """

    spread: ErasureCode  # code that spread the file
    file: BinaryIO  # empty, open for reading and writing
    _slots: dict[int, dict[int, int]] = field(default_factory=dict)  # slots by group and number of a share

    def add(self, frame: int, share: bytes) -> None:
        """Store the share of a frame, if it is needed."""
        group, number = self.spread.place(frame)
        slots = self._slots.setdefault(group, {})
        if number in slots or len(slots) == self.spread.needed:
            return
        taken = set(slots.values())
        free = (slot for slot in reversed(range(self.spread.needed)) if slot not in taken)
        slots[number] = slot = number if number < self.spread.needed and number not in taken else next(free)
        self._write(group, slot, 0, share)

    @property
    def least(self) -> int:
        """Number of shares collected in the group that has the fewest."""
        return min((len(self._slots.get(group, ())) for group in range(self.spread.groups)), default=0)

    def restore(self) -> None:
        """Compute the missing blocks of the file; `least` must be the number of shares needed."""
        chunk = 1 << 16  # bytes of each share that are in memory at once
        for group, slots in self._slots.items():
            numbers = sorted(slots, key=slots.__getitem__)
            missing = [slot for slot, number in enumerate(numbers) if number != slot]
            for start in range(0, self.spread.share_bytes if missing else 0, chunk):
                shares = [self._read(group, slot, start, chunk) for slot in range(len(numbers))]
                for slot in missing:
                    self._write(group, slot, start, value_at(slot, numbers, shares))
        self.file.truncate(self.spread.size)

    def _read(self, group: int, slot: int, start: int, size: int) -> bytes:
        self.file.seek(self.spread.start(group, slot) + start)
        return self.file.read(min(size, self.spread.share_bytes - start))

    def _write(self, group: int, slot: int, start: int, data: bytes) -> None:
        self.file.seek(self.spread.start(group, slot) + start)
        self.file.write(data)


def value_at(number: int, numbers: Sequence[int], shares: Iterable[bytes]) -> bytes:
    """Return share `number`, 0 to 255, given K shares of equal length with different numbers: Lagrange's formula."""
    times = _products()
    total: np.ndarray | int = 0
    for weight, share in zip(_weights(number, tuple(numbers)), shares, strict=True):
        total = total ^ np.frombuffer(share.translate(times[weight]), np.uint8)
    return np.asarray(total, np.uint8).tobytes()


@lru_cache(maxsize=SHARES)
def _weights(number: int, numbers: tuple[int, ...]) -> tuple[int, ...]:
    """Return the factor of each given share in the sum: Π (x − xₘ) / (xᵢ − xₘ), over all m but i."""
    if number in numbers:
        return tuple(int(number == given) for given in numbers)
    powers, logs = _powers_and_logarithms()
    points = np.array(numbers)
    above = logs[points ^ number]
    below = logs[points[:, None] ^ points].sum(1)  # the logarithm of 0, on the diagonal, counts as 0
    return tuple(powers[(above.sum() - above - below) % _ORDER].tolist())


@cache
def _powers_and_logarithms() -> tuple[np.ndarray, np.ndarray]:
    """Return the powers of 2, (255,), and their logarithms, (256,); the entry of 0 is 0."""
    powers = np.zeros(_ORDER, np.uint8)
    logs = np.zeros(SHARES, np.int64)
    power = 1
    for exponent in range(_ORDER):
        powers[exponent] = power
        logs[power] = exponent
        power <<= 1
        power ^= _POLYNOMIAL if power >= SHARES else 0
    return powers, logs


@cache
def _products() -> tuple[bytes, ...]:
    """Return for each element of the field its products with 0 to 255."""
    powers, logs = _powers_and_logarithms()
    products = powers[(logs[:, None] + logs) % _ORDER]
    products[0] = 0
    products[:, 0] = 0
    return tuple(row.tobytes() for row in products)
