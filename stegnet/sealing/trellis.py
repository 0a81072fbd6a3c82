"""Ternary syndrome-trellis codes: trits in samples modulo 3, by changes of −1, 0 or +1 at the least total cost.

After Filler, Judas, Fridrich 2011, "Minimizing additive distortion in steganography using syndrome-trellis codes" (IEEE
TIFS 6(3)), here over GF(3): one code, which reaches log₂ 3 bits per sample, replaces the paper's two binary layers.
Many lanes, each a separate trellis, are searched side by side (docs/format.md, "Record").
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from stegnet import kernels

# Function of changes, (n,) int8, the number of lanes, and the lanes to be searched next. It returns the costs of a
# further +1 and −1 of these lanes' samples, (n,) uint16 each; the costs in other lanes are undefined.
Following = Callable[[np.ndarray, int, slice], tuple[np.ndarray, np.ndarray]]

HEIGHTS = range(1, 7)
MAX_WIDTH = 16  # most sums per trit
MAX_COST, FIXED_COST = 4_007, 9_999  # the latter is for samples that must not change
# The search drops a state whose cost exceeds the best one's by more than _PRUNED_ABOVE. An unreachable state stays
# above that bound, since a row adds at most FIXED_COST to the best.
_UNREACHABLE, _PRUNED_ABOVE = 40_000, 30_000
_TURNS = 4  # turns in which lanes are searched if costs depend on the changes of others
_BITS, _TRITS = 19, 12  # 2¹⁹ < 3¹²
_SIX_TRITS = (np.arange(3**6)[:, None] // 3 ** np.arange(5, -1, -1) % 3).astype(np.uint8)  # of numbers below 3⁶
MAX_LANES, LEAST_ROWS = 1 << 16, 128
_GROUP_STATES, _GROUP_BYTES = 1 << 15, 64 << 20  # of lanes that are searched together: states, bytes of decisions
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

    def sums(self, samples: np.ndarray) -> np.ndarray:
        """Return the samples, (n,), arranged by sum, (length, merged, lanes); a view."""
        return samples[: self.length * self.merged * self.lanes].reshape(self.length, self.merged, self.lanes)

    @property
    def starts(self) -> np.ndarray:
        """Index of each row's first sum in its lane, and the end of the last, (rows + 1,) int."""
        rows = np.arange(self.rows + 1)
        return rows * self.width + rows * self.wide // self.rows

    @property
    def columns(self) -> np.ndarray:
        """Digits of the columns, (width + 1 or 16, height) uint8, lowest first."""
        numbers = np.array(COLUMNS[self.height][: self.width + 1])
        return (numbers[:, None] // 3 ** np.arange(self.height) % 3).astype(np.uint8)


class Sums(NamedTuple):
    """Merged samples, (length · lanes,) each."""

    values: np.ndarray  # sum modulo 3, uint8
    up: np.ndarray  # uint64, the cheapest step: its cost (16 bits), its tie (16), and the number of its sample (32)
    down: np.ndarray


def layout(trits: int, samples: int, height: int) -> Layout | None:
    """Return the layout of trits in samples; None if they don't fit."""
    lanes = max(1, min(trits // LEAST_ROWS, MAX_LANES))
    rows, each = -(-trits // lanes), samples // lanes
    merged = max(1, -(-each // (MAX_WIDTH * rows)))
    width, wide = divmod(each // merged, rows)
    return Layout(height, lanes, rows, merged, width, wide) if width else None


def count_trits(size: int) -> int:
    """Return the number of trits that hold `size` bytes."""
    return -(-8 * size // _BITS) * _TRITS


def most_trits(samples: int) -> int:
    """Return the largest number of trits that is certain to fit into this number of samples."""
    return samples - max(1, min(samples // LEAST_ROWS, MAX_LANES))


def most_bytes(samples: int) -> int:
    """Return the largest number of bytes that is certain to fit into this number of samples."""
    return most_trits(samples) // _TRITS * _BITS // 8


def to_trits(data: bytes) -> np.ndarray:
    """Convert bytes to trits, (n,) uint8: every 19 bits become 12 trits, most significant first."""
    bits = np.unpackbits(np.frombuffer(data, np.uint8))
    words = np.zeros((-(-bits.size // _BITS), 32), np.uint8)
    words[:, -_BITS:] = np.pad(bits, (0, -bits.size % _BITS)).reshape(-1, _BITS)
    numbers = np.packbits(words).view(">u4")
    return _SIX_TRITS[np.stack([numbers // len(_SIX_TRITS), numbers % len(_SIX_TRITS)], 1)].reshape(-1)


def from_trits(trits: np.ndarray, size: int) -> bytes | None:
    """Convert trits to `size` bytes; return None if no bytes give these trits."""
    numbers = np.zeros(trits.size // _TRITS, np.uint32)
    for column in trits.reshape(-1, _TRITS).T:
        numbers = 3 * numbers + column
    if numbers.max(initial=0) >= 1 << _BITS:
        return None
    bits = np.unpackbits(numbers.astype(">u4").view(np.uint8)).reshape(-1, 32)[:, -_BITS:].reshape(-1)
    return None if bits[8 * size :].any() else np.packbits(bits[: 8 * size]).tobytes()


def read(values: np.ndarray, plan: Layout) -> np.ndarray:
    """Read trits, (rows, lanes) uint8, from samples, (n,) uint8, at least as many as the layout uses."""
    if plan.merged > 1:
        values = plan.sums(values % 3).sum(1, dtype=np.min_scalar_type(2 * plan.merged)) % 3
    return _trits(values.astype(np.uint8, copy=False).reshape(-1), plan)


def _trits(sums: np.ndarray, plan: Layout) -> np.ndarray:
    """Return the trits, (rows, lanes) uint8, that sums, (n,) uint8, hold modulo 3."""
    used = sums[: plan.length * plan.lanes]
    if kernels.compiled:
        found = np.empty((plan.rows, plan.lanes), np.uint8)
        kernels.compiled.syndrome(used, plan.starts, np.array(COLUMNS[plan.height], np.uint16), plan.height, found)
        return found
    sums = (used % 3).reshape(plan.length, plan.lanes)
    trits = np.zeros((plan.rows + plan.height - 1, plan.lanes), np.uint16)
    starts, columns = plan.starts[:-1], plan.columns
    widths = np.diff(plan.starts)
    for column in range(plan.width + (plan.wide > 0)):
        rows = np.flatnonzero(widths > column)
        values = sums[starts[rows] + column]
        for digit in np.flatnonzero(columns[column]):
            trits[rows + digit] += values if columns[column, digit] == 1 else values << 1
    return (trits[: plan.rows] % 3).astype(np.uint8)


def write(
    values: np.ndarray,
    trits: np.ndarray,
    plan: Layout,
    costs: tuple[np.ndarray, np.ndarray, np.ndarray],
    following: Following | None = None,
) -> np.ndarray:
    """Return the changes that make samples hold the given trits at nearly the least total cost.

    Args:
        values: (n,) uint8.
        trits: (rows · lanes,) uint8, or fewer; missing trits are 0.
        costs: (n,) uint16 each: the costs of +1 and of −1, at most MAX_COST or FIXED_COST, and random ties: of merged
            samples with equal costs, the one with the lowest tie changes. Without merged samples, ties may be empty.
        following: returns the costs, up and down, given the changes so far, if they depend on them. Every fourth lane
            is then searched first by the given costs, and the others in three turns after it. It has no effect on
            merged samples, few of which change.
    Returns:
        (n,) int8 of −1, 0 and 1.
    """
    up, down, ties = costs
    changes = np.zeros(values.size, np.int8)
    if plan.merged > 1:
        places, steps = write_sums(merge(values, up, down, ties, plan), trits, plan)
        changes[places] = steps
        return changes
    missing = _missing(trits, values, plan)
    turns = _TURNS if following else 1
    for turn in range(turns):
        chosen = slice(turn, None, turns)
        if turn and following:
            up, down = following(changes, plan.lanes, chosen)
        changes += _search_all(missing, up, down, plan, values.size, chosen)
    return changes


def write_sums(sums: Sums, trits: np.ndarray, plan: Layout) -> tuple[np.ndarray, np.ndarray]:
    """Return the places of the merged samples to change, (n,) int, and their changes, (n,) int8 of −1 and 1.

    They are those that `write` finds.
    """
    up, down = ((cheapest >> 48).astype(np.uint16) for cheapest in (sums.up, sums.down))
    steps = _search_all(_missing(trits, sums.values, plan), up, down, plan, up.size)
    where = np.flatnonzero(steps)
    chosen = (np.where(steps[where] > 0, sums.up[where], sums.down[where]) & 0xFFFFFFFF).astype(np.intp)
    return (where // plan.lanes * plan.merged + chosen) * plan.lanes + where % plan.lanes, steps[where]


def merge(values: np.ndarray, up: np.ndarray, down: np.ndarray, ties: np.ndarray, plan: Layout) -> Sums:
    """Merge samples; the arguments are those of `write`."""
    numbers = np.arange(plan.merged, dtype=np.uint64)[:, None]
    sums = plan.sums(values % 3).sum(1, dtype=np.min_scalar_type(2 * plan.merged)) % 3
    low = plan.sums(ties).astype(np.uint64) << 32 | numbers
    cheapest = ((plan.sums(costs).astype(np.uint64) << 48 | low).min(1).reshape(-1) for costs in (up, down))
    return Sums(sums.astype(np.uint8).reshape(-1), *cheapest)


def _missing(trits: np.ndarray, sums: np.ndarray, plan: Layout) -> np.ndarray:
    """Return the numbers that changes must add, (rows, lanes) uint8, so that sums modulo 3 hold the given trits."""
    wanted = np.zeros(plan.rows * plan.lanes, np.uint8)
    wanted[: trits.size] = trits
    missing = wanted.reshape(plan.rows, plan.lanes) - _trits(sums, plan)  # below 0, it wraps around
    return np.where(missing > 2, missing + np.uint8(3), missing)


def _search_all(
    missing: np.ndarray, up: np.ndarray, down: np.ndarray, plan: Layout, size: int, chosen: slice = slice(None)
) -> np.ndarray:
    """Return the changes of sums, (size,) int8, of the chosen lanes; NumPy searches groups of lanes to save memory."""
    changes, used = np.zeros(size, np.int8), plan.length * plan.lanes
    up, down, steps = (part[:used].reshape(plan.length, plan.lanes) for part in (up, down, changes))
    if kernels.compiled:
        columns = np.array(COLUMNS[plan.height], np.uint16)
        lanes = (chosen.start or 0, chosen.step or 1)
        kernels.compiled.search(missing, up, down, steps, plan.starts, columns, plan.height, *lanes)
        return changes
    parts = [part[:, chosen] for part in (missing, up, down, steps)]
    states = 3**plan.height
    together = max(1, min(_GROUP_STATES // states, _GROUP_BYTES // (2 * states * plan.length)))
    for first in range(0, parts[0].shape[1], together):
        _search(*(part[:, first : first + together] for part in parts), plan)
    return changes


def _search(missing: np.ndarray, up: np.ndarray, down: np.ndarray, changes: np.ndarray, plan: Layout) -> None:
    """Run the Viterbi search over a group of lanes, and write the changes.

    Changes must add `missing`, (rows, lanes) uint8, to each trit; costs and changes are (length, lanes).
    """
    states, lanes = 3**plan.height, np.arange(missing.shape[1])
    rows = [slice(start, end) for start, end in pairwise(plan.starts)]
    costs = np.full((states, lanes.size), _UNREACHABLE, np.uint16)
    costs[0] = 0
    raised, lowered = (np.empty((plan.length, states, lanes.size), bool) for _ in range(2))
    for row, wanted in zip(rows, missing, strict=True):
        costs = _through_row(costs, up[row], down[row], raised[row], lowered[row], plan.height)
        # Keep the states whose lowest digit is what the row must add, and shift them by that digit.
        kept = np.where(wanted == 0, costs[::3], np.where(wanted == 1, costs[1::3], costs[2::3]))
        kept -= kept.min(0)
        costs = np.full_like(costs, _UNREACHABLE)
        costs[: len(kept)] = np.where(kept > _PRUNED_ABOVE, _UNREACHABLE, kept)
    state, moves = costs[: states // 3].argmin(0), _moves(plan.height)
    for row, wanted in zip(reversed(rows), reversed(missing), strict=True):
        state = 3 * state + wanted
        for at in range(row.stop - 1, row.start - 1, -1):
            before_up, before_down = moves[at - row.start]
            falls = lowered[at][state, lanes]
            rises = raised[at][state, lanes] & ~falls
            changes[at] = rises.astype(np.int8) - falls
            state = np.where(rises, before_up[state], np.where(falls, before_down[state], state))


@cache
def _moves(height: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return for each column the states from which +1 leads to each state, and those from which −1 does."""
    states = np.arange(3**height)
    powers = 3 ** np.arange(height)
    digits = states[:, None] // powers % 3
    columns = np.array(COLUMNS[height])[:, None] // powers % 3
    return [((digits - column) % 3 @ powers, (digits + column) % 3 @ powers) for column in columns]


def _through_row(
    costs: np.ndarray, up: np.ndarray, down: np.ndarray, raised: np.ndarray, lowered: np.ndarray, height: int
) -> np.ndarray:
    """Return the costs of all states, (states, lanes), after a row; record the decisions that led there."""
    costs, by_up, by_down = costs.copy(), np.empty_like(costs), np.empty_like(costs)
    for column, (before_up, before_down) in enumerate(_moves(height)[: len(up)]):
        np.take(costs, before_up, 0, out=by_up, mode="clip")
        by_up += up[column]
        np.take(costs, before_down, 0, out=by_down, mode="clip")
        by_down += down[column]
        np.less(by_up, costs, out=raised[column])
        np.minimum(by_up, costs, out=by_up)
        np.less(by_down, by_up, out=lowered[column])
        np.minimum(by_down, by_up, out=costs)
    return costs
