"""Places of bits in robust containers: which blocks carry the header and the record (docs/format.md).

Places follow from the key. Where there is room to spare, most blocks stay as they are; those that carry something may
be chosen by texture.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from stegnet.core.cipher import random_words
from stegnet.kernels.sorting import first_sorted, stable_argsort
from stegnet.keys import Key
from stegnet.methods.robust.fec import Coding
from stegnet.methods.robust.qim import OperatingPoint
from stegnet.sealing import TAG_BYTES

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
class Blocks:
    """The blocks of a picture, or of a group of frames, that can carry a record, and the places of bits in them.

    Numbers of bits are block · bits + bit, blocks row by row. In films, blocks come macroblock by macroblock.

    Attributes:
        shape: rows and columns.
        key, salt: by which the places and the masks follow.
        texture: of the blocks, (rows, cols), by which they are chosen; None: they are used as they come.
    """

    shape: tuple[int, int]
    point: OperatingPoint
    key: Key
    salt: bytes
    texture: np.ndarray | None = None

    @property
    def count(self) -> int:
        """Number of blocks."""
        return self.shape[0] * self.shape[1]

    def places(self, share: int = 0) -> int:
        """Number of bits that can carry the record; as `record_places`."""
        return record_places(self.count, self.point, share, self.texture is not None)

    def room(self, rate: int, share: int = 0) -> int:
        """Bytes of a record's content; as `content_room`."""
        return content_room(self.count, self.point, rate, share, self.texture is not None)

    def _words(self, more: int = 0) -> np.ndarray:
        """Keyed random words, one for each block, and more."""
        count = self.count + more  # points need almost as many
        return _kept_words(self.key.robust(b"places", self.salt), -(-count // _WORDS) * _WORDS)[:count]

    @cached_property
    def _ranks(self) -> np.ndarray:
        """(blocks,) words, by whose order the blocks come."""
        return self._words() if self.point.group == 1 else self._words()[_macroblocks(self.shape)]

    @cached_property
    def first(self) -> np.ndarray:
        """(b,) int: the blocks of the header in their order."""
        count = min(self.count, header_blocks(self.count, self.point, self.texture is not None))
        some = count if self.texture is None else count * _MOST_CHOICE
        return chosen(first_sorted(self._ranks, some), count, self.texture)

    def header_order(self, most: int | None = None) -> np.ndarray:
        """(h,) int: numbers of the header's bits, as if there were no other blocks, in the order of its code.

        Args:
            most: so many alone; None: all.
        """
        bits = self.first.size * self.point.bits
        return first_sorted(self._words(bits)[self.count :], most or bits)

    @cached_property
    def header(self) -> np.ndarray:
        """(h,) int: places of the header's coded bits, in their order."""
        return _bits_of(self.first, self.point.bits)[self.header_order()]

    @cached_property
    def _others(self) -> np.ndarray:
        """All blocks but the header's, in their order; of a wrong key, nobody asks."""
        order, free = stable_argsort(self._ranks), np.ones(self.count, bool)
        free[self.first] = False
        return order[free[order]]

    def record(self, share: int, header: bytes) -> np.ndarray:
        """(r,) int: places of the record, in a fixed order, given the number of its share and its header."""
        return _bits_of(self.used(share, header), self.point.bits)

    def used(self, share: int, header: bytes) -> np.ndarray:
        """The blocks that carry the record, (n,) int: which ones of all others is new in each hiding."""
        start = int.from_bytes(header, "big") % (1 << RANDOM_BITS) if share else 0
        turned = np.roll(self._others, -(start % max(self._others.size, 1)))
        return chosen(turned, _shared(turned.size, share), self.texture)


def content_room(blocks: int, point: OperatingPoint, rate: int, share: int = 0, textured: bool = False) -> int:
    """Bytes of a record's content in so many blocks; negative if there are too few. Arguments as `record_places`."""
    places = record_places(blocks, point, share, textured)
    return Coding(places, rate).room // 8 - TAG_BYTES if places else -1


def record_places(blocks: int, point: OperatingPoint, share: int = 0, textured: bool = False) -> int:
    """Number of bits that carry the record; 0 if there is no room for a header.

    Args:
        share: number of the share of blocks that are used.
        textured: they are chosen by texture.
    """
    return _shared(max(blocks - header_blocks(blocks, point, textured), 0), share) * point.bits


def header_blocks(blocks: int, point: OperatingPoint, textured: bool = False) -> int:
    """Number of blocks, of so many, that carry the header; `textured` as in `record_places`."""
    most, copies = _MOST_HEADER, 1
    if textured:
        most = -(-_BITS_OF_CHOSEN // point.bits)
    elif point.group > 1:
        copies, most = _COPIES_OF_FILMS, min(_MOST_OF_FILMS, max(_LEAST_OF_FILMS, -(-_BITS_OF_FILMS // point.bits)))
    return max(-(-copies * HEADER_BITS // point.bits), min(-(-blocks // _HEADER_SHARE), most))


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
