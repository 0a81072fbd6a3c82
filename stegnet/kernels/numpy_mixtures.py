"""Levels by mixtures of logistics, in NumPy: the twin of _mixtures.c.

The first arguments are those of `stegnet.near.mixtures.Mixtures`: means, scales and weights of N levels, (MIXED, N),
the tables of the logistic function, of the inverses of scales and of the exponential, and the largest level.
"""

from bisect import bisect_right
from typing import NamedTuple

import numpy as np

from stegnet.kernels.arrays import I8, I16, I32, I64, U8, U16, U32, U64

# As in _mixtures.c.
_MEAN_PARTS = 32  # steps of a mean in a level
_VALUES = 5  # values of a sample that have one level
_WHOLE_BITS = 16
_WHOLE = 1 << _WHOLE_BITS  # sum of all frequencies
_LEAST = 2  # frequency of a level
_WEIGHT_BITS = 15
_SHIFT = 9  # from a difference of 1/32 level times an inverse to the steps of the logistic function's argument
_STATE = 1 << 32  # least state
_WORD_BITS = 16


class _Mixtures(NamedTuple):
    means: I32
    scales: I16
    weights: I16
    logistic: I32
    narrow: I32
    exponential: I32
    top: int

    def shares(self) -> I64:
        """Return the logistics' shares, (MIXED, N), of 2¹⁵."""
        powers = self.exponential[self.weights.max(0) - self.weights].astype(np.int64)
        shares: I64 = (powers << _WEIGHT_BITS) // powers.sum(0)
        return shares

    def expected(self) -> I32:
        """Return the mean of each level, (N,), in steps of 1/32."""
        means: I32 = ((self.shares() * self.means).sum(0) >> _WEIGHT_BITS).astype(np.int32)
        return means

    def below(self, levels: I64) -> I64:
        """Return the sum of the frequencies below levels, (…, N), each from 0 to top + 1."""
        sums = self.sums(_MEAN_PARTS * levels - _MEAN_PARTS // 2, 1) >> _WEIGHT_BITS
        spread = ((sums * (_WHOLE - _LEAST * (self.top + 1))) >> _WHOLE_BITS) + _LEAST * levels
        return np.where(levels <= 0, 0, np.where(levels > self.top, _WHOLE, spread))

    def sums(self, edges: I64, parts: int) -> I64:
        """Return the weighted sums of the logistic functions at edges, (…, N) in steps of 1/32 of 1/parts level."""
        inverses = self.narrow[self.scales + self.narrow.size // 2].astype(np.int64)
        arguments = (edges[..., None, :] - parts * self.means.astype(np.int64)) * inverses // (parts << _SHIFT)
        farthest = self.logistic.size // 2
        values = self.logistic[arguments.clip(-farthest, farthest - 1) + farthest].astype(np.int64)
        sums: I64 = (values * self.shares()).sum(-2)
        return sums


def mixture_shifts(
    means: I32,
    scales: I16,
    weights: I16,
    logistic: I32,
    narrow: I32,
    exponential: I32,
    top: int,
    levels: U8,
    shifts: I8,
) -> None:
    """Write the likeliest place of each sample in its level, (N,): −1, 0 or 1 from the middle of 5 values.

    It is the mean of the values of a level by their probabilities, rounded. The outer levels have three values.
    """
    mixtures = _Mixtures(means, scales, weights, logistic, narrow, exponential, top)
    wanted = levels.astype(np.int64)
    inner = np.arange(_VALUES + 1)[:, None]
    middle = _VALUES // 2
    sums = mixtures.sums(_MEAN_PARTS * (_VALUES * wanted + inner) - _MEAN_PARTS // 2 * _VALUES, _VALUES)
    sums = np.where((wanted == 0) & (inner <= middle), 0, sums)
    sums = np.where((wanted == top) & (inner > middle), mixtures.shares().sum(0) << _WHOLE_BITS, sums)
    masses = np.diff(sums, axis=0)
    whole = masses.sum(0).clip(1)
    moment = (masses * (inner[:-1] - middle)).sum(0)
    shifts[:] = ((2 * moment + whole) // (2 * whole)).clip(-1, 1)


def mixture_intervals(
    means: I32,
    scales: I16,
    weights: I16,
    logistic: I32,
    narrow: I32,
    exponential: I32,
    top: int,
    levels: U8,
    intervals: U32,
    expected: I32,
) -> None:
    """Write each level's interval, (N,): the sum of the frequencies below, times 2¹⁶, plus its own; and the means."""
    mixtures = _Mixtures(means, scales, weights, logistic, narrow, exponential, top)
    wanted = levels.astype(np.int64)
    first, last = mixtures.below(np.stack([wanted, wanted + 1]))
    intervals[:] = first << _WHOLE_BITS | (last - first)
    expected[:] = mixtures.expected()


def mixture_levels(
    means: I32,
    scales: I16,
    weights: I16,
    logistic: I32,
    narrow: I32,
    exponential: I32,
    top: int,
    words: U16,
    state: U64,
    levels: U8,
    expected: I32,
) -> None:
    """Read levels, (N,), from the coder's words, and write the means; change its state: the number, and words read."""
    number, place = state.tolist()
    at_once = 4096
    for start in range(0, levels.size, at_once):
        part = slice(start, start + at_once)
        some = _Mixtures(means[:, part], scales[:, part], weights[:, part], logistic, narrow, exponential, top)
        expected[part] = some.expected()
        edges_of_each = some.below(np.arange(top + 2)[:, None].repeat(expected[part].size, 1)).T.tolist()
        for at, edges in enumerate(edges_of_each, start):
            slot = number & (_WHOLE - 1)
            level = bisect_right(edges, slot) - 1
            number = (edges[level + 1] - edges[level]) * (number >> _WHOLE_BITS) + slot - edges[level]
            if number < _STATE:
                number = number << _WORD_BITS | (int(words[place]) if place < words.size else 0)
                place += 1
            levels[at] = level
    state[:] = number, place


def encode_intervals(intervals: U32, words: U16) -> int:
    """Write the code of intervals in their order at the end of the words, and return the number of its words."""
    place = words.size
    state = _STATE
    for interval in reversed(intervals.tolist()):
        first = interval >> _WHOLE_BITS
        frequency = interval & (_WHOLE - 1)
        if state >= frequency << 32:
            place -= 1
            words[place] = state & 0xFFFF
            state >>= _WORD_BITS
        state = (state // frequency << _WHOLE_BITS) + state % frequency + first
    words[place - 3 : place] = [state >> shift & 0xFFFF for shift in (32, 16, 0)]
    return words.size - place + 3
