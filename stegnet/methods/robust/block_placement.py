"""Placement: which blocks of a picture, or of a group of frames, carry the bits of a header and of a record.

No place is fixed: a keyed order of the blocks follows from the key and a salt. If there is spare capacity, most blocks
stay as they are, and those that carry bits may be chosen by texture.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from stegnet.core.keystream import random_numbers
from stegnet.keys import Key
from stegnet.methods.robust.operating_points import OperatingPoint, shared_blocks
from stegnet.sealing import TAG_BYTES
from stegnet.sealing.fec import HIGHEST, message_capacity
from stegnet.sealing.sample_order import first_sorted, stable_argsort

RANDOM_BITS = 52  # the last bits of a header
HEADER_BITS = 384  # of a header after coding
_HEADER_SHARE = 32  # one block in this many carries the header
_MOST_HEADER = 64  # blocks of the header, at most
# Bits that the header's blocks carry, at most, where they are chosen by texture.
_BITS_OF_CHOSEN = 3 * HEADER_BITS // 2
_MOST_CHOICE = 16  # blocks; the most textured of them carries bits


@dataclass(frozen=True, eq=False)
class BlockPlacement:
    """The blocks of a picture, or of a group of frames, that can carry a record, and the places of bits in them.

    Bits are numbered block · bits + bit, blocks row by row. In films, blocks come macroblock by macroblock.
    """

    shape: tuple[int, int]  # rows and columns
    point: OperatingPoint
    key: Key  # key, salt: determine the places and the masks
    salt: bytes
    # texture of the blocks, (rows, cols), by which they are chosen; None: they are used in keyed order
    texture: np.ndarray | None = None

    @property
    def count(self) -> int:
        """Number of blocks."""
        return self.shape[0] * self.shape[1]

    @property
    def holds_record(self) -> bool:
        """True if there are enough blocks for a header and an empty record."""
        return self.capacity(HIGHEST) is not None

    def capacity(self, rate: int, share: int = 0) -> int | None:
        """Return the bytes of a record's content, as `content_capacity`."""
        return content_capacity(self.count, self.point, rate, share, self.texture is not None)

    @cached_property
    def header_blocks(self) -> np.ndarray:
        """The blocks of the header in their order, (b,) int."""
        count = min(self.count, _header_size(self.count, self.point, self.texture is not None))
        candidates = count if self.texture is None else count * _MOST_CHOICE
        return _chosen(first_sorted(self._ranks, candidates), count, self.texture)

    @cached_property
    def header_places(self) -> np.ndarray:
        """Places of the header's coded bits in their order, (h,) int."""
        places: np.ndarray = _bits_of(self.header_blocks, self.point.bits)[self.header_order()]
        return places

    def header_order(self, most: int | None = None) -> np.ndarray:
        """Return the numbers of the header's first bits in the order of its code, (h,) int.

        Numbers count only the header's blocks.
        """
        bits = self.header_blocks.size * self.point.bits
        return first_sorted(self._words(self.count + bits)[self.count :], most or bits)

    def record_places(self, share: int, header: bytes) -> np.ndarray:
        """Return the places of the record in a fixed order, (r,) int, given the number of its share and its header."""
        return _bits_of(self.record_blocks(share, header), self.point.bits)

    def record_blocks(self, share: int, header: bytes) -> np.ndarray:
        """Return the blocks that carry the record, (n,) int.

        The choice among all other blocks changes with each hiding.
        """
        start = int.from_bytes(header, "big") % (1 << RANDOM_BITS) if share else 0
        turned = np.roll(self._other_blocks, -(start % max(self._other_blocks.size, 1)))
        return _chosen(turned, shared_blocks(turned.size, share), self.texture)

    @cached_property
    def _ranks(self) -> np.ndarray:
        """Words, (blocks,), whose order is the order of the blocks."""
        words = self._words(self.count)
        return words if self.point.group == 1 else words[_macroblocks(self.shape)]

    def _words(self, count: int) -> np.ndarray:
        """Return `count` keyed random words. More are computed and kept, since all points need about as many."""
        at_once = 4096  # words, more than the bits of a picture's header
        return _cached_words(self.key.robust(b"places", self.salt), -(-count // at_once) * at_once)[:count]

    @cached_property
    def _other_blocks(self) -> np.ndarray:
        """All blocks but the header's, in the order of `_ranks`. Sorting takes long: a wrong key never asks for it."""
        order = stable_argsort(self._ranks)
        free = np.ones(self.count, bool)
        free[self.header_blocks] = False
        others: np.ndarray = order[free[order]]
        return others


def content_capacity(
    blocks: int, point: OperatingPoint, rate: int, share: int = 0, textured: bool = False
) -> int | None:
    """Return the bytes of a record's content in a share of `blocks` blocks; None if there are too few for a record."""
    places = record_bits(blocks, point, share, textured)
    size = message_capacity(places, rate) // 8 if places else 0
    return size - TAG_BYTES if size >= TAG_BYTES else None


def record_bits(blocks: int, point: OperatingPoint, share: int = 0, textured: bool = False) -> int:
    """Return the number of bits that carry the record in a share of the blocks; 0 if there is no space for a header."""
    return shared_blocks(max(blocks - _header_size(blocks, point, textured), 0), share) * point.bits


def _header_size(blocks: int, point: OperatingPoint, textured: bool) -> int:
    """Return the number of blocks, among `blocks`, that carry the header: a share of them, within two bounds."""
    least_copies = 1  # of the header's bits
    most = _MOST_HEADER  # blocks
    if textured:
        most = -(-_BITS_OF_CHOSEN // point.bits)
    elif point.group > 1:  # readers of films recognise a header by the agreement of its copies
        least_copies = 3
        most_copies = 12
        most = min(128, max(48, -(-most_copies * HEADER_BITS // point.bits)))
    least = -(-least_copies * HEADER_BITS // point.bits)
    share = -(-blocks // _HEADER_SHARE)
    return max(least, min(share, most))


def _chosen(blocks: np.ndarray, count: int, texture: np.ndarray | None) -> np.ndarray:
    """Return `count` of the blocks, (count,) int: the most textured one of each of `count` parts.

    Without texture, return the first ones.
    """
    if texture is None:
        return blocks[:count]
    candidates = blocks[: _MOST_CHOICE * count]
    starts = np.arange(count) * candidates.size // max(count, 1)
    parts = np.searchsorted(starts, np.arange(candidates.size), "right")
    return candidates[np.lexsort((-texture.reshape(-1)[candidates], parts))][starts]


def _bits_of(blocks: np.ndarray, bits: int) -> np.ndarray:
    return (blocks[:, None] * bits + np.arange(bits)).reshape(-1)


@lru_cache(maxsize=4)
def _cached_words(key: bytes, count: int) -> np.ndarray:
    return random_numbers(key, count)


@lru_cache(maxsize=2)
def _macroblocks(shape: tuple[int, int]) -> np.ndarray:
    """Return the number of each block's macroblock, (rows · cols,) int.

    H.264 codes a macroblock, of two by two blocks, as a whole.
    """
    rows, cols = np.indices(shape).reshape(2, -1) // 2
    numbers: np.ndarray = rows * -(-shape[1] // 2) + cols
    return numbers
