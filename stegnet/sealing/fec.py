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
# φ is tabulated by the leading bits of a float32, 128 cells to an octave, at the middle of each cell, so that all
# kernels agree.
_CELL_BITS = 16
_FIRST_CELL, _LAST_CELL = (int(each.view(np.int32)) >> _CELL_BITS for each in (_LEAST, _LARGEST))
_MIDDLES = ((2 * np.arange(_FIRST_CELL, _LAST_CELL + 1, dtype=np.int32) + 1) << (_CELL_BITS - 1)).view(np.float32)
PHI = (-np.log(np.tanh(_MIDDLES.astype(np.float64) / 2))).astype(np.float32)


@dataclass(frozen=True)
class RepeatAccumulateCode:
    """A systematic code of n bits, k of them the message, 0 < k < n. The rate in 64ths determines its degrees."""

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
            iterations: number of rounds of belief propagation after which decoding gives up.
        """
        return self.decode_each(ratios[:, None], iterations)[0]

    def decode_each(self, ratios: np.ndarray, iterations: int) -> list[np.ndarray | None]:
        """Decode several codewords, (n, count) ratios."""
        channel = ratios.astype(np.float32).clip(-_LARGEST, _LARGEST)
        ends, groups = self._graph
        messages: list[np.ndarray | None] = []
        for word in channel.T:
            message = np.empty(self.k, np.uint8)
            decoded = kernels.decode(np.ascontiguousarray(word), ends, groups, PHI, iterations, message)
            messages.append(message if decoded else None)
        return messages

    @cached_property
    def _edges(self) -> tuple[np.ndarray, np.ndarray]:
        """Message bit and check of each edge between them."""
        degree, share = next((degree, share) for least, degree, share in reversed(_DEGREES) if self.rate >= least)
        favoured = self.k * share[0] // share[1]
        degree = min(degree, self.n - self.k)
        edges = [*self._bands(range(favoured), degree), *self._bands(range(favoured, self.k), _COMMON)]
        bits, checks = (np.concatenate(each) for each in zip(*edges, strict=True))
        return bits, checks

    def _bands(self, bits: range, degree: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return the edges of message bits, one to a check in each of `degree` bands, spread evenly over the band."""
        checks = self.n - self.k
        count = len(bits)
        public = sha256(b"stegnet/1/code" + b"".join(each.to_bytes(4, "big") for each in (self.n, self.k, bits.start)))
        words = np.frombuffer(keystream(public.digest(), 8 * degree * count), "<u8").reshape(degree, count)
        edges = [checks * band // degree for band in range(degree + 1)]
        return [
            (np.arange(bits.start, bits.stop)[places], start + np.arange(count) * (end - start) // count)
            for places, start, end in zip(words.argsort(1, kind="stable"), edges, edges[1:], strict=False)
        ]

    @cached_property
    def _graph(self) -> tuple[np.ndarray, np.ndarray]:
        """The bit of each edge, (E,) int32, and degree and number of groups of checks of equal degree, (n, 2) int64.

        In a group come the first edges of all its checks, then their second edges, and so on.
        """
        bits, checks = self._edges
        chain = np.arange(self.n - self.k)
        # Check i sums parity bits i and i − 1.
        ends = np.concatenate([bits, self.k + chain, self.k + chain[:-1]])
        rows = np.concatenate([checks, chain, chain[1:]])
        degrees = np.bincount(rows)
        numbers = np.argsort(degrees, kind="stable").argsort(kind="stable")  # numbers of the checks, by rising degree
        ends = ends[numbers[rows].argsort(kind="stable")]
        groups = np.stack(np.unique(degrees, return_counts=True), 1)
        start = 0
        for degree, count in groups:
            span = slice(start, start + degree * count)
            ends[span] = ends[span].reshape(count, degree).T.reshape(-1)
            start = span.stop
        return ends.astype(np.int32), groups


def information(right: np.ndarray) -> float:
    """Return the mutual information, in bits, of a bit and its log-likelihood ratio.

    Args:
        right: log-likelihood ratios, positive where right.
    """
    return float(1 - np.logaddexp(0, -right.astype(np.float64)).mean() / log(2))


# Messages of any length


def message_capacity(places: int, rate: int) -> int:
    """Return the number of message bits that `places` coded bits carry.

    Args:
        places: number of coded bits.
        rate: code rate in 64ths, LOWEST to HIGHEST.
    """
    count = _codewords(places)
    return count * _sizes(places // count, rate)[1] if count else 0


def encode_message(message: np.ndarray, places: int, rate: int) -> np.ndarray:
    """Return the coded bits, (places,) uint8, of a message, (`message_capacity`,) uint8; unused places are 0.

    The codewords are as few, of equal length, as LONGEST allows, interleaved bit by bit.
    """
    count = _codewords(places)
    length = places // count
    code = _code(*_sizes(length, rate), rate)
    words = np.stack([code.encode(part) for part in message.reshape(count, -1)], 1)
    coded = np.zeros(places, np.uint8)
    coded[: length * count] = words[np.arange(length) % code.n].reshape(-1)
    return coded


def decode_message(ratios: np.ndarray, rate: int) -> np.ndarray | None:
    """Return the message, (`message_capacity`,) uint8, or None if any codeword is not found.

    Args:
        ratios: (places,) log-likelihood ratios of the coded bits.
        rate: rate of the code in 64ths, LOWEST to HIGHEST.
    """
    count = _codewords(ratios.size)
    length = ratios.size // count
    code = _code(*_sizes(length, rate), rate)
    repeated = np.zeros((-(-length // code.n) * code.n, count), np.float32)
    repeated[:length] = ratios[: length * count].reshape(length, count)
    first, *rest = repeated.reshape(-1, code.n, count).sum(0).T
    message = code.decode(first)  # alone, since most failures show up here
    if message is None:
        return None
    parts = [message]
    with closing(parallel_map(code.decode, rest, thread_count())) as decoded:
        for part in decoded:
            if part is None:
                return None
            parts.append(part)
    return np.concatenate(parts)


def _codewords(places: int) -> int:
    return -(-places // LONGEST)


def _sizes(length: int, rate: int) -> tuple[int, int]:
    """Return the bits of a codeword that takes `length` places, before it is repeated, and of its message."""
    n = length * min(rate, _REPEATED) // _REPEATED
    return n, n * max(rate, _REPEATED) // RATES


@lru_cache(maxsize=4)
def _code(n: int, k: int, rate: int) -> RepeatAccumulateCode:
    """Return a code, and keep its graph for the next message of this length."""
    return RepeatAccumulateCode(n, k, rate)
