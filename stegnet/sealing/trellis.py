"""Ternary syndrome-trellis codes: trits in samples modulo 3, by changes of −1, 0 or +1 at the least total cost.

After Filler, Judas, Fridrich 2011, "Minimizing additive distortion in steganography using syndrome-trellis codes" (IEEE
TIFS 6(3)), here over GF(3): one code, which reaches log₂ 3 bits per sample, replaces the paper's two binary layers.
Many lanes, each a separate trellis, are searched side by side (docs/format.md, "Record zone").
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from stegnet import kernels

Number = TypeVar("Number", bound=np.generic)
Samples = NDArray[np.uint8]
Trits = NDArray[np.uint8]
Changes = NDArray[np.int8]
ChangeCost = NDArray[np.uint16]
# Function of changes, (n,) int8, the number of lanes, and the lanes to be searched next, which is called between turns.
# It makes the costs of these lanes' samples, in place, those of a further +1 and −1.
Following = Callable[[Changes, int, slice], None]


# Numbers of docs/format.md, "Record zone".
_BITS = 19  # of a word, which becomes 12 trits: 2¹⁹ < 3¹²
_TRITS = 12  # of a word
_WORDS = 1 << 14  # converted at a time, which bounds the memory; a whole number of bytes
# The six digits of each number below 3⁶, (729, 6), most significant first.
_SIX_TRITS: Trits = (np.arange(3**6)[:, None] // 3 ** np.arange(5, -1, -1) % 3).astype(np.uint8)
_MAX_LANES = 1 << 16
_LEAST_ROWS = 128  # of a lane, if there are several
_TURNS = 4  # turns in which lanes are searched if costs depend on the changes of others


HEIGHTS = range(1, 7)
MAX_WIDTH = 16  # most sums per trit
MAX_COST = 8_000  # of a change that should not be made
FIXED_COST = 9_999  # cost of a sample that must not change
ALL_FREE = np.zeros(0, np.uint8)  # no mask: every sample may change
NO_TIES = np.zeros(0, np.uint16)  # for samples that are not merged
# Columns of the parity-check matrix for each height, as numbers to the base 3; the best of 12 to 40 random draws.
COLUMNS = {
    1: (1,) * MAX_WIDTH,
    2: (8, 5, 4, 7, 4, 5, 7, 5, 4, 5, 8, 8, 7, 8, 5, 4),
    3: (25, 13, 23, 19, 20, 22, 26, 14, 16, 11, 17, 10, 26, 25, 26, 13),
    4: (70, 32, 79, 35, 74, 47, 71, 80, 44, 68, 55, 59, 77, 62, 28, 40),
    5: (202, 131, 119, 100, 178, 127, 86, 175, 130, 184, 212, 137, 205, 94, 133, 83),
    6: (514, 647, 512, 650, 293, 593, 403, 665, 287, 383, 353, 725, 694, 728, 641, 400),
}


@dataclass(frozen=True)
class Layout:
    """Arrangement of trits and samples in lanes."""

    height: int  # of the code, 1 to 6
    lanes: int  # number of trellises side by side
    rows: int  # trits in each lane
    merged: int  # samples that count as one by their sum, if there are many per trit
    width: int  # sums per trit
    wide: int  # rows with one more sum, spread evenly

    @property
    def length(self) -> int:
        """Number of sums in each lane."""
        return self.rows * self.width + self.wide

    def sums(self, samples: NDArray[Number]) -> NDArray[Number]:
        """Return the samples, (n,), arranged by sum, (length, merged, lanes); a view."""
        return samples[: self.length * self.merged * self.lanes].reshape(self.length, self.merged, self.lanes)

    @property
    def starts(self) -> NDArray[np.int64]:
        """Index of each row's first sum in its lane, and the end of the last, (rows + 1,) int."""
        rows = np.arange(self.rows + 1)
        return rows * self.width + rows * self.wide // self.rows

    @property
    def columns(self) -> NDArray[np.uint16]:
        """Columns of the parity-check matrix, (16,) uint16."""
        return np.array(COLUMNS[self.height], np.uint16)


class Sums(NamedTuple):
    """Merged samples, (length · lanes,) each, with the cheapest change up and down of each sum.

    A change is a number that sorts by its cost, then by its tie: the cost in the highest 16 bits, the tie in the
    next 16, and the number of the sample among those of the sum in the lowest 32.
    """

    values: Samples  # sum modulo 3
    up: NDArray[np.uint64]
    down: NDArray[np.uint64]

    @classmethod
    def empty(cls, plan: Layout) -> Self:
        """Return the sums of a plan, to be written."""
        size = plan.length * plan.lanes
        return cls(np.empty(size, np.uint8), *np.empty((2, size), np.uint64))


def layout(trits: int, samples: int, height: int) -> Layout | None:
    """Return the layout of trits in samples; None if they don't fit."""
    lanes = max(1, min(trits // _LEAST_ROWS, _MAX_LANES))
    rows = -(-trits // lanes)
    lane_samples = samples // lanes
    merged = max(1, -(-lane_samples // (MAX_WIDTH * rows)))
    width, wide = divmod(lane_samples // merged, rows)
    return Layout(height, lanes, rows, merged, width, wide) if width else None


def count_trits(size: int) -> int:
    """Return the number of trits that hold `size` bytes."""
    return -(-8 * size // _BITS) * _TRITS


def most_trits(samples: int) -> int:
    """Return the largest number of trits that is certain to fit into this number of samples."""
    return samples - max(1, min(samples // _LEAST_ROWS, _MAX_LANES))


def most_bytes(samples: int) -> int:
    """Return the largest number of bytes that is certain to fit into this number of samples."""
    return most_trits(samples) // _TRITS * _BITS // 8


def to_trits(data: bytes) -> Trits:
    """Convert bytes to trits, (n,) uint8: every 19 bits become 12 trits, most significant first."""
    trits = np.empty(count_trits(len(data)), np.uint8).reshape(-1, _TRITS)
    for part in range(0, len(trits), _WORDS):
        bits = np.unpackbits(np.frombuffer(data, np.uint8)[part * _BITS // 8 :][: _WORDS * _BITS // 8])
        words = np.zeros((-(-bits.size // _BITS), 32), np.uint8)
        words[:, -_BITS:] = np.pad(bits, (0, -bits.size % _BITS)).reshape(-1, _BITS)
        numbers = np.packbits(words).view(">u4")
        halves = np.stack([numbers // len(_SIX_TRITS), numbers % len(_SIX_TRITS)], 1)
        trits[part : part + _WORDS] = _SIX_TRITS[halves].reshape(-1, _TRITS)
    return trits.reshape(-1)


def from_trits(trits: Trits, size: int) -> bytes | None:
    """Convert trits to `size` bytes; return None if no bytes give these trits."""
    data = bytearray()
    for part in range(0, trits.size, _WORDS * _TRITS):
        digits = trits[part : part + _WORDS * _TRITS].reshape(-1, _TRITS)
        numbers = np.zeros(len(digits), np.uint32)
        for digit in digits.T:
            numbers = 3 * numbers + digit
        if numbers.max() >= 1 << _BITS:
            return None
        words = np.unpackbits(numbers.astype(">u4").view(np.uint8)).reshape(-1, 32)
        data += np.packbits(words[:, -_BITS:]).tobytes()
    return None if any(data[size:]) else bytes(data[:size])


def read(values: Samples, plan: Layout) -> Trits:
    """Read trits, (rows, lanes) uint8, from samples, (n,) uint8, at least as many as the layout uses."""
    trits = np.empty((plan.rows, plan.lanes), np.uint8)
    kernels.syndrome(plan.sums(values), plan.merged, plan.starts, plan.columns, plan.height, trits)
    return trits


def write(
    values: Samples,
    trits: Trits,
    plan: Layout,
    costs: tuple[ChangeCost, ChangeCost, NDArray[np.uint16]],
    following: Following | None = None,
) -> Changes:
    """Return the changes that make samples hold the given trits at nearly the least total cost.

    Args:
        values: (n,) uint8.
        trits: (rows · lanes,) uint8, or fewer; missing trits are 0.
        plan: arrangement of trits and samples, a result of `layout`.
        costs: (n,) uint16 each: the costs of +1 and of −1, at most MAX_COST or FIXED_COST, and random ties: of merged
            samples with equal costs, the one with the lowest tie changes. Without merged samples, ties may be empty.
        following: adapts the costs to the changes so far, if they depend on them. Every fourth lane is then searched
            first by the given costs, and the others in three turns after it. It has no effect on merged samples, as
            only a small share of them changes.

    Returns:
        (n,) int8 of −1, 0 and 1.
    """
    up, down, ties = costs
    changes = np.zeros(values.size, np.int8)
    if plan.merged > 1:
        sums = Sums.empty(plan)
        in_order = np.arange(sums.values.size * plan.merged, dtype=np.int32)
        merged_costs = up, down, ALL_FREE, 0, MAX_COST, 1, 0
        kernels.merge(values, in_order, plan.merged, plan.lanes, ties[: in_order.size], *merged_costs, *sums)
        places, summed = write_sums(sums, trits, plan)
        changes[places] = summed
        return changes

    # Changes must add these numbers, so that the samples modulo 3 have the given trits as their syndrome.
    wanted = np.zeros(plan.rows * plan.lanes, np.uint8)
    wanted[: trits.size] = trits
    missing = wanted.reshape(plan.rows, plan.lanes) - read(values, plan)  # below 0, it wraps around
    missing = np.where(missing > 2, missing + np.uint8(3), missing)
    del values, wanted  # tens of megabytes for large pictures

    lanes = plan.length, plan.lanes
    used = slice(plan.length * plan.lanes)
    by_lane = up[used].reshape(lanes), down[used].reshape(lanes), changes[used].reshape(lanes)
    turns = _TURNS if following else 1
    for turn in range(turns):
        if turn and following:
            following(changes, plan.lanes, slice(turn, None, turns))
        kernels.search(missing, *by_lane, plan.starts, plan.columns, plan.height, turn, turns)
    return changes


def write_sums(sums: Sums, trits: Trits, plan: Layout) -> tuple[NDArray[np.intp], Changes]:
    """Return the places of the merged samples to change, (n,) int, and their changes, (n,) int8 of −1 and 1.

    They are those that `write` returns.
    """
    up, down = np.empty((2, sums.values.size), np.uint16)
    for cheapest, costs in ((sums.up, up), (sums.down, down)):
        np.right_shift(cheapest, 48, out=costs, casting="unsafe")  # without a copy four times as large
    changes = write(sums.values, trits, replace(plan, merged=1), (up, down, NO_TIES))  # of the sums, as single samples
    changed = np.flatnonzero(changes != 0)
    changes = changes[changed]
    cheapest = np.where(changes > 0, sums.up[changed], sums.down[changed])
    members = (cheapest & 0xFFFFFFFF).astype(np.intp)

    # Sums are numbered as in an array of (length, lanes), samples as in one of (length, merged, lanes).
    place_in_lane, lane = np.divmod(changed, plan.lanes)
    return (place_in_lane * plan.merged + members) * plan.lanes + lane, changes
