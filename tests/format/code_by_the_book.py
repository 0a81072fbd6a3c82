"""The error correction of docs/format.md a second time, slowly and without a line of stegnet.

Bits are lists of 0 and 1; ratios are ln P(1) − ln P(0).
"""

import hashlib
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tests.format.seal_by_the_book import stream

LARGEST = 30.0  # of a ratio in the decoder


def argsort(words: Sequence[int]) -> list[int]:
    return sorted(range(len(words)), key=lambda place: words[place])


def u64(key: bytes, count: int) -> tuple[int, ...]:
    return struct.unpack(f"<{count}Q", stream(key, 8 * count))


@dataclass(frozen=True)
class Code:
    """A code of n bits with k message bits at the rate R."""

    n: int
    k: int
    rate: int

    @cached_property
    def checks(self) -> list[list[int]]:
        """The bits that each check sums."""
        sums = [[self.k + check, *([self.k + check - 1] if check else [])] for check in range(self.n - self.k)]
        for bit, check in self._edges():
            sums[check].append(bit)
        return sums

    def _edges(self) -> Iterator[tuple[int, int]]:
        """Message bits and checks."""
        table = [(28, 12, 3 * self.k // 8), (35, 8, 2 * self.k // 5), (44, 12, self.k // 4), (58, 12, self.k // 6)]
        _, degree, favoured = next(row for row in table if self.rate <= row[0])
        groups = ((0, favoured, min(degree, self.n - self.k)), (favoured, self.k - favoured, 3))
        for first, count, edges in groups:
            seed = hashlib.sha256(b"stegnet/2/code" + struct.pack(">III", self.n, self.k, first)).digest()
            words = u64(seed, edges * count)
            for band in range(edges):
                start, end = ((self.n - self.k) * edge // edges for edge in (band, band + 1))
                order = argsort(words[band * count : (band + 1) * count])
                yield from ((first + order[i], start + i * (end - start) // count) for i in range(count))

    def encode(self, message: list[int]) -> list[int]:
        word = message + [0] * (self.n - self.k)
        for check, summed in enumerate(self.checks):
            word[self.k + check] = sum(word[bit] for bit in summed if bit != self.k + check) % 2
        return word

    def holds(self, word: Sequence[int]) -> bool:
        """True if it is a codeword."""
        return not any(sum(word[bit] for bit in summed) % 2 for summed in self.checks)

    def decode(self, ratios: np.ndarray, rounds: int = 60) -> list[int] | None:
        """The message, by belief propagation: tanh(out / 2) is the product of tanh(in / 2) of a check's other bits."""
        summed = self.checks
        wide = max(map(len, summed))
        bits = np.array([[*some, *[self.n] * (wide - len(some))] for some in summed])  # bit n is a certain 0
        channel = np.append(np.clip(-ratios, -LARGEST, LARGEST), np.inf)  # positive for 0, as usual
        back = np.zeros(bits.shape)
        for _ in range(rounds):
            totals = channel.copy()
            np.add.at(totals, bits, back)
            word = (totals[: self.n] < 0).astype(int).tolist()
            if self.holds(word):
                return word[: self.k]
            products = np.tanh(np.clip(totals[bits] - back, -LARGEST, LARGEST) / 2)
            products[bits == self.n] = 1
            before = np.cumprod(np.pad(products, ((0, 0), (1, 0)), constant_values=1)[:, :-1], 1)
            after = np.cumprod(np.pad(products[:, ::-1], ((0, 0), (1, 0)), constant_values=1)[:, :-1], 1)[:, ::-1]
            back = 2 * np.arctanh(np.clip(before * after, -1 + 1e-12, 1 - 1e-12))
            back[bits == self.n] = 0
        return None


HEADER = Code(384, 64, 10)


@dataclass(frozen=True)
class Coding:
    """Some places at the rate R."""

    places: int
    rate: int

    @property
    def words(self) -> int:
        return -(-self.places // 65536)

    @property
    def code(self) -> Code:
        n = self.places // self.words * min(self.rate, 16) // 16
        return Code(n, n * max(self.rate, 16) // 64, self.rate)

    @property
    def room(self) -> int:
        """Bits of the message."""
        return self.words * self.code.k

    def encode(self, message: list[int]) -> list[int]:
        code, length = self.code, self.places // self.words
        coded = [code.encode(message[code.k * word : code.k * (word + 1)]) for word in range(self.words)]
        bits = [coded[word][j % code.n] for j in range(length) for word in range(self.words)]
        return bits + [0] * (self.places - len(bits))

    def decode(self, ratios: np.ndarray) -> list[int] | None:
        code, length, message = self.code, self.places // self.words, []
        for word in range(self.words):
            sums = np.zeros(code.n)
            np.add.at(sums, np.arange(length) % code.n, ratios[word : length * self.words : self.words])
            found = code.decode(sums)
            if found is None:
                return None
            message += found
        return message
