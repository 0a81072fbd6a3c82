"""Places of bits in robust containers: which blocks carry the header and the record (docs/format.md).

Places follow from the key. Where there is room to spare, most blocks stay as they are; those that carry something may
be chosen by texture.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from stegnet.core.cipher import random_words
from stegnet.kernels.sorting import first_sorted, stable_argsort
from stegnet.keys import Key
from stegnet.methods.robust.modem import Rung

HEADER_BITS = 384  # coded
RANDOM_BITS = 52  # the last ones of a header
SHARES = 64  # numbers of shares, of the blocks that could carry the record: 1, 7/8, 3/4, 5/8, 1/2, 7/16 …
_HEADER_SHARE, _MOST_HEADER = 32, 64  # of all blocks, one in so many carries the header, but no more than so many
_BITS_OF_CHOSEN = 3 * HEADER_BITS // 2  # where blocks are chosen by texture, no more than carry so many bits
# In films, each carries more: as many as carry so many bits, but no fewer and no more than these.
_LEAST_OF_FILMS, _MOST_OF_FILMS, _BITS_OF_FILMS = 48, 128, 12 * HEADER_BITS
_COPIES_OF_FILMS = 3  # at least: what agrees among them tells readers that it is a header
_WORDS = 4096  # more than the bits of a picture's header
_MOST_CHOICE = 16  # blocks, of which the most textured one carries something


@dataclass(frozen=True, eq=False)
class Places:
    """Places of the bits of a picture: numbers block · bits + bit, blocks row by row.

    Attributes:
        first: (b,) int, the blocks of the header in their order.
        order: (h,) int, numbers of the header's bits, as if there were no other blocks, in the order of its code.
        bits: of each block.
    """

    first: np.ndarray
    order: np.ndarray
    bits: int
    _words: np.ndarray
    _texture: np.ndarray | None

    @property
    def header(self) -> np.ndarray:
        """(h,) int: places of the header's coded bits, in their order."""
        return _bits_of(self.first, self.bits)[self.order]

    @cached_property
    def others(self) -> np.ndarray:
        """All blocks but the header's, in their order; of a wrong key, nobody asks."""
        order, free = stable_argsort(self._words), np.ones(self._words.size, bool)
        free[self.first] = False
        return order[free[order]]

    def record(self, share: int, header: bytes) -> np.ndarray:
        """(r,) int: places of the record, in a fixed order, given the number of its share and its header."""
        return _bits_of(self.used(share, header), self.bits)

    def used(self, share: int, header: bytes) -> np.ndarray:
        """The blocks that carry the record, (n,) int: which ones of all others is new in each hiding."""
        start = int.from_bytes(header, "big") % (1 << RANDOM_BITS) if share else 0
        turned = np.roll(self.others, -(start % max(self.others.size, 1)))
        return chosen(turned, _shared(turned.size, share), self._texture)


def places_of_rungs(
    shape: tuple[int, int],
    rungs: Sequence[Rung],
    key: Key,
    salt: bytes,
    texture: np.ndarray | None = None,
    most: int | None = None,
) -> list[Places]:
    """Places of header and record, for several rungs, all of films, or for one; in films, macroblocks come one by one.

    Args:
        shape: rows and columns of blocks.
        texture: of the blocks, (rows, cols), by which they are chosen; None: they are taken as they come.
        most: number of a header's bits, the first ones in their order, that are wanted; None: all.
    """
    blocks = shape[0] * shape[1]
    counts = [min(blocks, header_blocks(blocks, rung, texture is not None)) for rung in rungs]
    bits = [count * rung.bits for count, rung in zip(counts, rungs, strict=True)]
    words, some = _leading_words(key.robust(b"places", salt), blocks + max(bits)), max(counts)
    of_blocks = words[:blocks] if rungs[0].group == 1 else words[_macroblocks(shape)]
    first = chosen(first_sorted(of_blocks, some if texture is None else some * _MOST_CHOICE), some, texture)
    orders = {each: first_sorted(words[blocks : blocks + each], most or each) for each in set(bits)}
    each_rung = zip(counts, bits, rungs, strict=True)
    return [Places(first[:count], orders[each], rung.bits, of_blocks, texture) for count, each, rung in each_rung]


def first_blocks(blocks: int, count: int, key: Key, salt: bytes) -> np.ndarray:
    """The first so many blocks, at most, in the order of `places_of_rungs`; those of the header are first."""
    return first_sorted(random_words(key.robust(b"places", salt), blocks), count)


def record_places(blocks: int, rung: Rung, share: int = 0, textured: bool = False) -> int:
    """Number of bits that carry the record; 0 if there is no room for a header.

    Args:
        share: number of the share of blocks that are used.
        textured: they are chosen by texture.
    """
    return _shared(max(blocks - header_blocks(blocks, rung, textured), 0), share) * rung.bits


def header_blocks(blocks: int, rung: Rung, textured: bool = False) -> int:
    """Number of blocks, of so many, that carry the header; `textured` as in `record_places`."""
    most, copies = _MOST_HEADER, 1
    if textured:
        most = -(-_BITS_OF_CHOSEN // rung.bits)
    elif rung.group > 1:
        copies, most = _COPIES_OF_FILMS, min(_MOST_OF_FILMS, max(_LEAST_OF_FILMS, -(-_BITS_OF_FILMS // rung.bits)))
    return max(-(-copies * HEADER_BITS // rung.bits), min(-(-blocks // _HEADER_SHARE), most))


def chosen(blocks: np.ndarray, count: int, texture: np.ndarray | None) -> np.ndarray:
    """So many of some blocks, (count,) int: the most textured of each of as many parts; if None, the first."""
    if texture is None:
        return blocks[:count]
    some = blocks[: _MOST_CHOICE * count]
    starts = np.arange(count) * some.size // max(count, 1)
    parts = np.searchsorted(starts, np.arange(some.size), "right")
    return some[np.lexsort((-texture.reshape(-1)[some], parts))][starts]


def share_of(number: int) -> float:
    """The share of the blocks that could carry a record with this number: 1, 7/8, 3/4, 5/8, 1/2, 7/16 …"""
    return _shared(1 << SHARES, number) / (1 << SHARES)


def _leading_words(key: bytes, count: int) -> np.ndarray:
    """The same as `random_words`, kept for the last keys: rungs need almost as many."""
    return _kept_words(key, -(-count // _WORDS) * _WORDS)[:count]


_kept_words = lru_cache(maxsize=4)(random_words)


@lru_cache(maxsize=2)
def _macroblocks(shape: tuple[int, int]) -> np.ndarray:
    """The number of each block's macroblock, of two by two blocks, which H.264 codes together: (rows · cols,) int."""
    rows, cols = np.indices(shape).reshape(2, -1) // 2
    return rows * -(-shape[1] // 2) + cols


def _shared(blocks: int, share: int) -> int:
    return blocks * (8 - share % 4) >> share // 4 + 3


def _bits_of(blocks: np.ndarray, bits: int) -> np.ndarray:
    return (blocks[:, None] * bits + np.arange(bits)).reshape(-1)
