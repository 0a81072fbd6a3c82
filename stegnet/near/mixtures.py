"""Coding of levels by mixtures of logistics, in integers alone: the same bits everywhere.

A mixture has `MIXED` logistics. Their means are in steps of 1/32 level; the logarithms of their scales and of their
weights in steps of 1/8. The logistic function and the exponential are tables of integers. The coder is an asymmetric
numeral system (Duda 2013, arXiv 1311.2540, "rANS") with a state of 48 bits, words of 16, and frequencies out of 2¹⁶.
"""

import math
from bisect import bisect_right
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stegnet import kernels

Levels = NDArray[np.uint8]
Integers = NDArray[np.int32]

MEAN_PARTS = 32  # steps of a mean in a level
MOST_MEAN = 1 << 15  # in these steps
MOST_SCALE = 32  # largest logarithm of a scale, in steps of 1/8; the smallest is its negative
MOST_WEIGHT = 128  # likewise, of a weight
FREQUENCY_BITS = 16
_WHOLE = 1 << FREQUENCY_BITS
_LEAST = 2  # frequency of a level
_WEIGHT_BITS = 15
_ARGUMENT_PARTS = 1024  # steps of the logistic function's argument in 1
_FARTHEST = 12 * _ARGUMENT_PARTS
_NARROW_BITS = 14  # of the inverse of a scale, behind the point
_SHIFT = _NARROW_BITS + 5 - 10  # from a difference of 1/32 level times an inverse to the argument's steps
_WORD_BITS = 16
_STATE = 1 << 32  # least state
_VALUES = 5  # values of a sample that have one level, where they are told apart


def _table(values: NDArray[np.float64], whole: int) -> NDArray[np.int32]:
    return np.floor(values * whole + 0.5).astype(np.int32)


# No entry is nearer to one half of a unit than 10⁻⁶, so that all mathematical libraries give the same.
LOGISTIC = _table(1 / (1 + np.exp(-(np.arange(-_FARTHEST, _FARTHEST) + 0.5) / _ARGUMENT_PARTS)), _WHOLE)
NARROW = _table(np.exp(-np.arange(-MOST_SCALE, MOST_SCALE + 1) / 8), 1 << _NARROW_BITS)
EXPONENTIAL = _table(np.exp(-np.arange(2 * MOST_WEIGHT + 1) / 8), _WHOLE)


@dataclass(frozen=True)
class Mixtures:
    """Distributions of N levels, each a mixture; arrays are (MIXED, N).

    Attributes:
        means: int32, in steps of 1/32 level, −MOST_MEAN to MOST_MEAN.
        scales: int16, logarithms, −MOST_SCALE to MOST_SCALE.
        weights: int16, logarithms, −MOST_WEIGHT to MOST_WEIGHT.
        top: largest level; the smallest is 0.
    """

    means: Integers
    scales: NDArray[np.int16]
    weights: NDArray[np.int16]
    top: int

    def shares(self) -> NDArray[np.int64]:
        """Return the logistics' shares, (MIXED, N), of 2¹⁵."""
        behind = self.weights.max(0) - self.weights
        powers = EXPONENTIAL[behind].astype(np.int64)
        shares: NDArray[np.int64] = (powers << _WEIGHT_BITS) // powers.sum(0)
        return shares

    def expected(self) -> Integers:
        """Return the mean of each level, (N,), in steps of 1/32."""
        means: Integers = ((self.shares() * self.means).sum(0) >> _WEIGHT_BITS).astype(np.int32)
        return means

    def below(self, levels: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the sum of the frequencies below levels, (…, N), each from 0 to top + 1."""
        sums = self._sums(MEAN_PARTS * levels - MEAN_PARTS // 2, 1) >> _WEIGHT_BITS
        spread = ((sums * (_WHOLE - _LEAST * (self.top + 1))) >> FREQUENCY_BITS) + _LEAST * levels
        return np.where(levels <= 0, 0, np.where(levels > self.top, _WHOLE, spread))

    def shifts(self, levels: Levels) -> NDArray[np.int8]:
        """Return the likeliest place of each sample in its level, (N,): −1, 0 or 1 from the middle of 5 values.

        It is the mean of the values of a level by their probabilities, rounded. The outer levels have three values.
        """
        wanted = levels.astype(np.int64)
        inner = np.arange(_VALUES + 1)[:, None]
        edges = MEAN_PARTS * (_VALUES * wanted + inner) - MEAN_PARTS // 2 * _VALUES
        sums = self._sums(edges, _VALUES)
        middle = _VALUES // 2
        sums = np.where((wanted == 0) & (inner <= middle), 0, sums)
        sums = np.where((wanted == self.top) & (inner > middle), self.shares().sum(0) << FREQUENCY_BITS, sums)
        masses = np.diff(sums, axis=0)
        whole = masses.sum(0).clip(1)
        moment = (masses * (inner[:-1] - middle)).sum(0)
        shifts: NDArray[np.int8] = ((2 * moment + whole) // (2 * whole)).clip(-1, 1).astype(np.int8)
        return shifts

    def _sums(self, edges: NDArray[np.int64], parts: int) -> NDArray[np.int64]:
        """Return the weighted sums of the logistic functions at edges, (…, N) in steps of 1/32 of 1/parts level."""
        differences = edges[..., None, :] - parts * self.means.astype(np.int64)
        arguments = differences * NARROW[self.scales + MOST_SCALE].astype(np.int64) // (parts << _SHIFT)
        values = LOGISTIC[arguments.clip(-_FARTHEST, _FARTHEST - 1) + _FARTHEST].astype(np.int64)
        sums: NDArray[np.int64] = (values * self.shares()).sum(-2)
        return sums


def shifts_of(mixtures: Mixtures, levels: Levels) -> NDArray[np.int8]:
    """Return `Mixtures.shifts`, by the kernel if there is one."""
    if not kernels.compiled:
        return mixtures.shifts(levels)
    shifts = np.empty(levels.size, np.int8)
    kernels.compiled.mixture_shifts(*_arrays(mixtures), mixtures.top, levels, shifts)
    return shifts


def intervals_of(mixtures: Mixtures, levels: Levels) -> tuple[NDArray[np.uint32], Integers]:
    """Return the interval of each level, (N,) uint32, and the expected levels, (N,) int32 in steps of 1/32.

    An interval is the sum of the frequencies below, times 2¹⁶, plus the level's own frequency.
    """
    if kernels.compiled:
        intervals = np.empty(levels.size, np.uint32)
        expected = np.empty(levels.size, np.int32)
        kernels.compiled.mixture_intervals(*_arrays(mixtures), mixtures.top, levels, intervals, expected)
        return intervals, expected
    wanted = levels.astype(np.int64)
    first, last = mixtures.below(np.stack([wanted, wanted + 1]))
    return (first << FREQUENCY_BITS | (last - first)).astype(np.uint32), mixtures.expected()


def uniform_intervals(levels: Levels, top: int) -> NDArray[np.uint32]:
    """Return the intervals, as `intervals_of`, of levels that are all equally likely."""
    edges = np.arange(top + 2, dtype=np.int64) * _WHOLE // (top + 1)
    intervals: NDArray[np.uint32] = (
        edges[levels] << FREQUENCY_BITS | (edges[levels.astype(int) + 1] - edges[levels])
    ).astype(np.uint32)
    return intervals


def least_bits(count: int) -> float:
    """Return the bits that the likeliest of `count` levels takes at least."""
    return -math.log2(1 - _LEAST * (count - 1) / _WHOLE)


def encode_intervals(intervals: NDArray[np.uint32]) -> bytes:
    """Return the code of intervals in their order."""
    if kernels.compiled:
        words = np.empty(intervals.size + 3, "<u2")
        count = kernels.compiled.encode_intervals(intervals, words)
        return words[len(words) - count :].tobytes()
    written: list[int] = []
    state = _STATE
    for interval in reversed(intervals.tolist()):
        first, frequency = interval >> FREQUENCY_BITS, interval & (_WHOLE - 1)
        if state >= frequency << 32:
            written.append(state & 0xFFFF)
            state >>= _WORD_BITS
        state = (state // frequency << FREQUENCY_BITS) + state % frequency + first
    written += [state >> shift & 0xFFFF for shift in (0, 16, 32)]
    return np.array(written[::-1], "<u2").tobytes()


class IntervalDecoder:
    """Reader of what `encode_intervals` writes. Of other bytes, it reads any levels, and `is_finished` is false."""

    def __init__(self, data: bytes) -> None:
        even = data[: len(data) // 2 * 2]
        self._words = np.frombuffer(even, "<u2")
        self._is_whole = len(self._words) >= 3 and len(even) == len(data)
        first = [int(word) for word in self._words[:3]] if self._is_whole else [0, 1, 0]
        state = first[0] << 32 | first[1] << 16 | first[2]
        self._state = np.array([max(state, _STATE), 3], np.uint64)  # the state, and the number of words read

    @property
    def is_finished(self) -> bool:
        """True if all has been read, and nothing else."""
        return self._is_whole and self._state.tolist() == [_STATE, len(self._words)]

    @property
    def is_exhausted(self) -> bool:
        """True if more has been read than there is."""
        return not self._is_whole or int(self._state[1]) > len(self._words)

    def levels(self, mixtures: Mixtures) -> tuple[Levels, Integers]:
        """Return the next levels, (N,), and the expected ones, (N,) int32 in steps of 1/32."""
        count = mixtures.means.shape[1]
        if kernels.compiled:
            levels = np.empty(count, np.uint8)
            expected = np.empty(count, np.int32)
            kernels.compiled.mixture_levels(
                *_arrays(mixtures), mixtures.top, self._words, self._state, levels, expected
            )
            return levels, expected
        read = np.empty(count, np.uint8)
        at_once = 4096
        for first in range(0, count, at_once):
            part = slice(first, first + at_once)
            some = Mixtures(mixtures.means[:, part], mixtures.scales[:, part], mixtures.weights[:, part], mixtures.top)
            numbers = np.arange(mixtures.top + 2)[:, None].repeat(some.means.shape[1], 1)
            read[part] = [self._next(edges) for edges in some.below(numbers).T.tolist()]
        return read, mixtures.expected()

    def uniform(self, count: int, top: int) -> Levels:
        """Return the next `count` levels, whose `uniform_intervals` were encoded."""
        edges = (np.arange(top + 2) * _WHOLE // (top + 1)).tolist()
        return np.array([self._next(edges) for _ in range(count)], np.uint8)

    def _next(self, edges: list[int]) -> int:
        """Return the next level, by the sums of the frequencies below all levels."""
        state, place = self._state.tolist()
        slot = state & (_WHOLE - 1)
        level = bisect_right(edges, slot) - 1
        state = (edges[level + 1] - edges[level]) * (state >> FREQUENCY_BITS) + slot - edges[level]
        if state < _STATE:
            state = state << _WORD_BITS | (int(self._words[place]) if place < len(self._words) else 0)
            place += 1
        self._state[:] = state, place
        return level


def _arrays(mixtures: Mixtures) -> tuple[np.ndarray, ...]:
    """Return what the kernel takes: means, scales, weights, and the tables."""
    return (
        np.ascontiguousarray(mixtures.means, np.int32),
        np.ascontiguousarray(mixtures.scales, np.int16),
        np.ascontiguousarray(mixtures.weights, np.int16),
        LOGISTIC,
        NARROW,
        EXPONENTIAL,
    )
