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
_ARGUMENT_PARTS = 1024  # steps of the logistic function's argument in 1
_FARTHEST = 12 * _ARGUMENT_PARTS
_NARROW_BITS = 14  # of the inverse of a scale, behind the point
_WORD_BITS = 16
_STATE = 1 << 32  # least state


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


def shifts_of(mixtures: Mixtures, levels: Levels) -> NDArray[np.int8]:
    """Return the likeliest place of each sample in its level, (N,): −1, 0 or 1 from the middle of 5 values.

    It is the mean of the values of a level by their probabilities, rounded. The outer levels have three values.
    """
    shifts = np.empty(levels.size, np.int8)
    kernels.mixture_shifts(*_arrays(mixtures), mixtures.top, levels, shifts)
    return shifts


def intervals_of(mixtures: Mixtures, levels: Levels) -> tuple[NDArray[np.uint32], Integers]:
    """Return the interval of each level, (N,) uint32, and the expected levels, (N,) int32 in steps of 1/32.

    An interval is the sum of the frequencies below, times 2¹⁶, plus the level's own frequency.
    """
    intervals = np.empty(levels.size, np.uint32)
    expected = np.empty(levels.size, np.int32)
    kernels.mixture_intervals(*_arrays(mixtures), mixtures.top, levels, intervals, expected)
    return intervals, expected


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
    words = np.empty(intervals.size + 3, "<u2")
    count = kernels.encode_intervals(intervals, words)
    return words[len(words) - count :].tobytes()


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
        levels = np.empty(count, np.uint8)
        expected = np.empty(count, np.int32)
        kernels.mixture_levels(*_arrays(mixtures), mixtures.top, self._words, self._state, levels, expected)
        return levels, expected

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


def _arrays(
    mixtures: Mixtures,
) -> tuple[Integers, NDArray[np.int16], NDArray[np.int16], Integers, Integers, Integers]:
    """Return the first arguments of kernels: means, scales, weights, and the tables."""
    return (
        np.ascontiguousarray(mixtures.means, np.int32),
        np.ascontiguousarray(mixtures.scales, np.int16),
        np.ascontiguousarray(mixtures.weights, np.int16),
        LOGISTIC,
        NARROW,
        EXPONENTIAL,
    )
