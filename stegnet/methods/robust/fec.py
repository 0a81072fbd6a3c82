"""Error correction with soft decisions: irregular repeat–accumulate codes (docs/format.md, "Error correction").

A repeat–accumulate code (Jin, Khandekar, McEliece 2000) is an LDPC code whose parity bits form a chain: encoding is a
running sum, and any length and rate are possible. The degrees are similar to those of DVB-S2 (ETSI EN 302 307-1,
annexes B and C). Decoding is belief propagation by the sum-product rule (Kschischang, Frey, Loeliger 2001).

Bits are arrays of uint8, 0 or 1. Log-likelihood ratios are ln P(1) − ln P(0), float32: positive for 1.
"""

from contextlib import closing
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import sha256
from math import log

import numpy as np

from stegnet import kernels
from stegnet.core.keystream import keystream
from stegnet.core.parallel import parallel_map, thread_count

RATES = 64  # code rates are numbers of 64ths
LOWEST, HIGHEST = 1, 58  # rates
LONGEST = 65_536  # bits of a codeword
ITERATIONS = 100
_REPEATED = 16  # a code of a lower rate is one of this rate, repeated
_COMMON = 3  # checks of an ordinary message bit
# From each rate in 64ths on: the checks of a favoured message bit, and the share of favoured bits.
_DEGREES = ((0, 12, (3, 8)), (29, 8, (2, 5)), (36, 12, (1, 4)), (45, 12, (1, 6)))
_LARGEST = np.float32(30)  # magnitude of a log-likelihood ratio
_LEAST = np.float32(1e-7)  # magnitude of a message between bits and checks
# φ is tabulated by the leading bits of a float32, 128 cells to an octave, at the middle of each cell, so that compiled
# code agrees.
_CELL_BITS = 16
_FIRST_CELL, _LAST_CELL = (int(each.view(np.int32)) >> _CELL_BITS for each in (_LEAST, _LARGEST))
_MIDDLES = ((2 * np.arange(_FIRST_CELL, _LAST_CELL + 1, dtype=np.int32) + 1) << (_CELL_BITS - 1)).view(np.float32)
PHI = (-np.log(np.tanh(_MIDDLES.astype(np.float64) / 2))).astype(np.float32)
_Group = tuple[slice, int]  # edges of some checks, and the number of edges of each


@dataclass(frozen=True)
class Code:
    """A systematic code of n bits, of which k are the message, 0 < k < n. The rate in 64ths determines its degrees."""

    n: int
    k: int
    rate: int

    def encode(self, message: np.ndarray) -> np.ndarray:
        """Return the codeword, (n,) uint8, of a message, (k,) uint8."""
        bits, checks = self._edges
        sums = np.bincount(checks, message[bits], self.n - self.k).astype(np.int64)
        return np.concatenate([message, (sums.cumsum() % 2).astype(np.uint8)])

    def decode(self, ratios: np.ndarray, iterations: int = ITERATIONS) -> np.ndarray | None:
        """Return the message, (k,) uint8, or None if no codeword is found.

        Args:
            ratios: (n,) log-likelihood ratios.
        """
        return self.decode_each(ratios[:, None], iterations)[0]

    def decode_each(self, ratios: np.ndarray, iterations: int) -> list[np.ndarray | None]:
        """Decode several codewords, (n, count) ratios."""
        channel = ratios.astype(np.float32).clip(-_LARGEST, _LARGEST)
        if kernels.compiled is None:
            return self._decoded(channel, iterations)
        (ends, groups), messages = self._graph, []
        sizes = np.array([(degree, (span.stop - span.start) // degree) for span, degree in groups], np.int64)
        for word in channel.T:
            message = np.empty(self.k, np.uint8)
            own = np.ascontiguousarray(word)
            found = kernels.compiled.decode(own, ends, sizes, PHI, iterations, message)
            messages.append(message if found else None)
        return messages

    def _decoded(self, channel: np.ndarray, iterations: int) -> list[np.ndarray | None]:
        """Decode several codewords at once: if they are short, this takes hardly longer than one."""
        (bits, groups), count = self._graph, channel.shape[1]
        found: list[np.ndarray | None] = [None] * count
        places = (bits[:, None].astype(np.intp) * count + np.arange(count)).reshape(-1)
        totals, to_bits = channel, np.float32(0)
        for _ in range(iterations):
            on_edges = totals.take(bits, 0)
            sums = [np.logical_xor.reduce(part).reshape(-1, count) for part in _by_check(on_edges > 0, groups)]
            for each in np.flatnonzero(~np.any([odd.any(0) for odd in sums], 0)):  # all checks are satisfied
                if found[each] is None:
                    found[each] = (totals[: self.k, each] > 0).astype(np.uint8)
            if all(message is not None for message in found):
                break
            to_bits = _from_checks(on_edges - to_bits, groups)
            sums = np.bincount(places, to_bits.reshape(-1), channel.size).astype(np.float32)
            totals = channel + sums.reshape(channel.shape)
        return found

    @cached_property
    def _edges(self) -> tuple[np.ndarray, np.ndarray]:
        """Message bit and check of each edge between them."""
        degree, share = next((degree, share) for least, degree, share in reversed(_DEGREES) if self.rate >= least)
        favoured, degree = self.k * share[0] // share[1], min(degree, self.n - self.k)
        edges = [*self._bands(range(favoured), degree), *self._bands(range(favoured, self.k), _COMMON)]
        bits, checks = (np.concatenate(each) for each in zip(*edges, strict=True))
        return bits, checks

    def _bands(self, bits: range, degree: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return the edges of message bits, one to a check in each of `degree` bands, spread evenly over the band."""
        checks, count = self.n - self.k, len(bits)
        public = sha256(b"stegnet/2/code" + b"".join(each.to_bytes(4, "big") for each in (self.n, self.k, bits.start)))
        words = np.frombuffer(keystream(public.digest(), 8 * degree * count), "<u8").reshape(degree, count)
        edges = [checks * band // degree for band in range(degree + 1)]
        return [
            (np.arange(bits.start, bits.stop)[places], start + np.arange(count) * (end - start) // count)
            for places, start, end in zip(words.argsort(1, kind="stable"), edges, edges[1:], strict=False)
        ]

    @cached_property
    def _graph(self) -> tuple[np.ndarray, list[_Group]]:
        """The bit of each edge, (E,), and groups of checks of equal degree: first edges, second edges, and so on."""
        bits, checks = self._edges
        chain = np.arange(self.n - self.k)
        # Check i sums parity bits i and i − 1.
        ends = np.concatenate([bits, self.k + chain, self.k + chain[:-1]])
        rows = np.concatenate([checks, chain, chain[1:]])
        degrees = np.bincount(rows)
        numbers = np.argsort(degrees, kind="stable").argsort(kind="stable")  # numbers of the checks, by rising degree
        groups, start, ends = [], 0, ends[numbers[rows].argsort(kind="stable")]
        for degree, count in zip(*np.unique(degrees, return_counts=True), strict=True):
            span = slice(start, start + degree * count)
            ends[span] = ends[span].reshape(count, degree).T.reshape(-1)
            groups.append((span, int(degree)))
            start = span.stop
        return ends.astype(np.int32), groups


def _by_check(of_edges: np.ndarray, groups: list[_Group]) -> list[np.ndarray]:
    """Return each group's edges, (degree, checks · count); views."""
    return [of_edges[span].reshape(degree, -1) for span, degree in groups]


def _from_checks(to_checks: np.ndarray, groups: list[_Group]) -> np.ndarray:
    """Return the messages from checks to bits, given those from all other bits of a check; ratios, (E, count)."""
    positive, small = to_checks > 0, _flip(np.abs(to_checks))
    for part, ones in zip(_by_check(small, groups), _by_check(positive, groups), strict=True):
        total = np.zeros_like(part[0])
        for edge in part:  # summed in this order, whatever the shape
            total += edge
        np.subtract(total, part, part)
        np.logical_xor(np.logical_xor.reduce(ones), ones, ones)
    # An odd number of other bits that are 1 makes this bit 1.
    messages = _flip(small)
    messages *= positive * np.float32(2) - 1
    return messages


def _flip(magnitudes: np.ndarray) -> np.ndarray:
    """Return φ(x) = −ln tanh(x / 2), its own inverse (Gallager 1963), from the table."""
    cells = np.fmin(np.fmax(magnitudes, _LEAST), _LARGEST).view(np.int32) >> _CELL_BITS
    return PHI.take(cells - _FIRST_CELL)


def information(right: np.ndarray) -> float:
    """Return the mutual information, in bits, of a bit and its log-likelihood ratio.

    Args:
        right: log-likelihood ratios, positive where right.
    """
    return float(1 - np.logaddexp(0, -right.astype(np.float64)).mean() / log(2))


@dataclass(frozen=True)
class Coding:
    """Coded bits in places, at a rate: as few codewords of equal length as LONGEST allows, interleaved.

    The rate is the share of message bits among the places in 64ths, LOWEST to HIGHEST.
    """

    places: int
    rate: int

    @property
    def capacity(self) -> int:
        """Bits of a message."""
        return self._count * self._sizes[1]

    def encode(self, message: np.ndarray) -> np.ndarray:
        """Return the coded bits, (places,) uint8, of a message, (capacity,) uint8; unused places are 0."""
        words = np.stack([self._code.encode(part) for part in message.reshape(self._count, -1)], 1)
        coded = np.zeros(self.places, np.uint8)
        used = self._length * self._count
        coded[:used] = words[np.arange(self._length) % self._code.n].reshape(-1)
        return coded

    def decode(self, ratios: np.ndarray) -> np.ndarray | None:
        """Return the message, (capacity,) uint8, or None if any codeword is not found.

        Args:
            ratios: (places,) log-likelihood ratios.
        """
        repeated = np.zeros((-(-self._length // self._code.n) * self._code.n, self._count), np.float32)
        repeated[: self._length] = ratios[: self._length * self._count].reshape(self._length, self._count)
        summed = repeated.reshape(-1, self._code.n, self._count).sum(0)
        first, *others = summed.T
        parts = [self._code.decode(first)]  # alone, since most failures show up here
        if parts[0] is None:
            return None
        with closing(parallel_map(self._code.decode, others, thread_count())) as decoded:
            for part in decoded:
                if part is None:
                    return None
                parts.append(part)
        return np.concatenate(parts)

    @property
    def _count(self) -> int:
        return -(-self.places // LONGEST)

    @property
    def _length(self) -> int:
        return self.places // self._count

    @property
    def _sizes(self) -> tuple[int, int]:
        """Bits of a codeword before repetition, and of its message."""
        n = self._length * min(self.rate, _REPEATED) // _REPEATED
        return n, n * max(self.rate, _REPEATED) // RATES

    @cached_property
    def _code(self) -> Code:
        return _code(*self._sizes, self.rate)


@lru_cache(maxsize=4)
def _code(n: int, k: int, rate: int) -> Code:
    """Return a code, and keep its graph for the next message of this length."""
    return Code(n, k, rate)
