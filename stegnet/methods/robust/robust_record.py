"""Containers that survive lossy codecs: operating points, places of bits, header and record (docs/format.md).

A container carries a codeword of an encrypted record, at places that follow from the key. No place is fixed: mean lumas
of the picture, which hiding and codecs keep, serve as salt. If there is spare capacity, most blocks stay as they are,
and those that carry bits may be chosen by texture.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from stegnet.core.keystream import keystream, random_words
from stegnet.core.pixels import DITHER, LUMA_STEPS
from stegnet.keys import Key, KeySource, Passphrase, Randomness
from stegnet.methods.robust.fec import HIGHEST, LOWEST, Code, Coding
from stegnet.sealing import TAG_BYTES, size_bytes
from stegnet.sealing.carriers import first_sorted, stable_argsort

MIDDLE = np.float32(127.5)  # level that luma is measured from
FINEST = sorted(range(DITHER), key=lambda place: LUMA_STEPS[place])  # coefficients, JPEG's smallest steps first
SHARES = 64  # numbers of the shares of blocks that may carry the record: 1, 7/8, 3/4, 5/8, 1/2, 7/16 …
_RANDOM_BITS = 52  # the last bits of a header
_HEADER_BYTES, _HEADER_BITS = 8, 384  # bytes before coding; bits after it
_HEADER = Code(n=_HEADER_BITS, k=8 * _HEADER_BYTES, rate=10)
_HEADER_ITERATIONS = 40
_HEADER_SHARE, _MOST_HEADER = 32, 64  # one block in _HEADER_SHARE carries the header, but at most _MOST_HEADER
# Bits that the header's blocks carry, at most, where they are chosen by texture.
_BITS_OF_CHOSEN = 3 * _HEADER_BITS // 2
# In films: the least and most blocks that carry the header, and the bits that they carry between these limits.
_LEAST_OF_FILMS, _MOST_OF_FILMS, _BITS_OF_FILMS = 48, 128, 12 * _HEADER_BITS
_COPIES_OF_FILMS = 3  # at least; readers recognise a header by their agreement
_WORDS = 4096  # words, more than the bits of a picture's header
_MOST_CHOICE = 16  # blocks; the most textured of them carries bits
_NONCE = bytes(12)  # each record has a key of its own


@dataclass(frozen=True)
class OperatingPoint:
    """A trade-off between bits and robustness: one that a modem has learnt, or one for groups of frames."""

    name: str  # the channel it is meant for, such as "jpeg-75"
    first: int  # index of its first bit among all bits of a block
    coefficients: int  # coefficients of each block that carry bits
    psnr: float  # dB of a container in which all blocks carry bits
    lowest: int  # lowest, highest: JPEG quality, or constant rate factor of films, that it is meant for
    highest: int
    scale: float = 1.0  # period of a phase, in steps of JPEG at quality 50
    run: int = 1  # frames in a run, of which the first carries bits
    group: int = 1  # frames that share a record, a multiple of `run`

    @property
    def bits(self) -> int:
        """Bits of a block in a picture or group: run after run, coefficient after coefficient."""
        return self.group // self.run * self.coefficients

    @property
    def places(self) -> slice:
        """Its bits among all bits of a block."""
        return slice(self.first, self.first + self.bits)

    @property
    def carriers(self) -> list[int]:
        """The coefficients of a block that carry its bits, row by row: those with the smallest steps."""
        return FINEST[: self.coefficients]

    @cached_property
    def periods(self) -> np.ndarray:
        """Periods of the coefficients' phases in levels, (coefficients,) float32."""
        return np.array([LUMA_STEPS[place] * self.scale for place in self.carriers], np.float32)

    @property
    def channel(self) -> str:
        """The channel that the name refers to, as users write it: "jpeg:75"."""
        return self.name.replace("-", ":")


@dataclass(frozen=True, eq=False)
class Blocks:
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

    def capacity(self, rate: int, share: int = 0) -> int:
        """Return the bytes of a record's content, as `content_capacity`."""
        return content_capacity(self.count, self.point, rate, share, self.texture is not None)

    @cached_property
    def _ranks(self) -> np.ndarray:
        """Words, (blocks,), whose order is the order of the blocks."""
        words = self._words(self.count)
        return words if self.point.group == 1 else words[_macroblocks(self.shape)]

    def _words(self, count: int) -> np.ndarray:
        """Return `count` keyed random words. More are computed and kept, since all points need about as many."""
        return _kept_words(self.key.robust(b"places", self.salt), -(-count // _WORDS) * _WORDS)[:count]

    @cached_property
    def first(self) -> np.ndarray:
        """The blocks of the header in their order, (b,) int."""
        count = min(self.count, _header_blocks(self.count, self.point, self.texture is not None))
        some = count if self.texture is None else count * _MOST_CHOICE
        return _chosen(first_sorted(self._ranks, some), count, self.texture)

    def header_order(self, most: int | None = None) -> np.ndarray:
        """Return the numbers of the header's first bits in the order of its code, (h,) int.

        Numbers count only the header's blocks.
        """
        bits = self.first.size * self.point.bits
        return first_sorted(self._words(self.count + bits)[self.count :], most or bits)

    @cached_property
    def header(self) -> np.ndarray:
        """Places of the header's coded bits in their order, (h,) int."""
        return _bits_of(self.first, self.point.bits)[self.header_order()]

    @cached_property
    def _others(self) -> np.ndarray:
        """All blocks but the header's, in their order; not computed for a wrong key."""
        order, free = stable_argsort(self._ranks), np.ones(self.count, bool)
        free[self.first] = False
        return order[free[order]]

    def record(self, share: int, header: bytes) -> np.ndarray:
        """Return the places of the record in a fixed order, (r,) int, given the number of its share and its header."""
        return _bits_of(self.used(share, header), self.point.bits)

    def used(self, share: int, header: bytes) -> np.ndarray:
        """Return the blocks that carry the record, (n,) int.

        The choice among all other blocks changes with each hiding.
        """
        start = int.from_bytes(header, "big") % (1 << _RANDOM_BITS) if share else 0
        turned = np.roll(self._others, -(start % max(self._others.size, 1)))
        return _chosen(turned, _shared(turned.size, share), self.texture)


def content_capacity(blocks: int, point: OperatingPoint, rate: int, share: int = 0, textured: bool = False) -> int:
    """Return the bytes of a record's content in a share of `blocks` blocks; negative if there are too few."""
    places = record_places(blocks, point, share, textured)
    return Coding(places, rate).capacity // 8 - TAG_BYTES if places else -1


def record_places(blocks: int, point: OperatingPoint, share: int = 0, textured: bool = False) -> int:
    """Return the number of bits that carry the record in a share of the blocks; 0 if there is no space for a header."""
    return _shared(max(blocks - _header_blocks(blocks, point, textured), 0), share) * point.bits


def _header_blocks(blocks: int, point: OperatingPoint, textured: bool) -> int:
    """Return how many of `blocks` blocks carry the header."""
    most, copies = _MOST_HEADER, 1
    if textured:
        most = -(-_BITS_OF_CHOSEN // point.bits)
    elif point.group > 1:
        copies, most = _COPIES_OF_FILMS, min(_MOST_OF_FILMS, max(_LEAST_OF_FILMS, -(-_BITS_OF_FILMS // point.bits)))
    return max(-(-copies * _HEADER_BITS // point.bits), min(-(-blocks // _HEADER_SHARE), most))


def share_of(number: int) -> float:
    """Return the share of the blocks with this number that may carry a record, one of SHARES: 1, 7/8, 3/4, 5/8, 1/2.

    Further shares are 7/16, 3/8, and so on.
    """
    return _shared(1 << SHARES, number) / (1 << SHARES)


def _shared(blocks: int, share: int) -> int:
    return blocks * (8 - share % 4) >> share // 4 + 3


def _chosen(blocks: np.ndarray, count: int, texture: np.ndarray | None) -> np.ndarray:
    """Return `count` of the blocks, (count,) int: the most textured one of each of `count` parts.

    Without texture, return the first ones.
    """
    if texture is None:
        return blocks[:count]
    some = blocks[: _MOST_CHOICE * count]
    starts = np.arange(count) * some.size // max(count, 1)
    parts = np.searchsorted(starts, np.arange(some.size), "right")
    return some[np.lexsort((-texture.reshape(-1)[some], parts))][starts]


_kept_words = lru_cache(maxsize=4)(random_words)


@lru_cache(maxsize=2)
def _macroblocks(shape: tuple[int, int]) -> np.ndarray:
    """Return the number of each block's macroblock, (rows · cols,) int.

    H.264 codes a macroblock, of two by two blocks, as a whole.
    """
    rows, cols = np.indices(shape).reshape(2, -1) // 2
    return rows * -(-shape[1] // 2) + cols


def _bits_of(blocks: np.ndarray, bits: int) -> np.ndarray:
    return (blocks[:, None] * bits + np.arange(bits)).reshape(-1)


# Keys and dither


def robust_key(source: KeySource, salt: bytes) -> Key:
    """Return the key of a container with this salt."""
    return source.derive(salt) if isinstance(source, Passphrase) else source


def dither_of(shape: tuple[int, int], key: Key, salt: bytes) -> np.ndarray:
    """Return the dither of a picture's blocks, (rows, cols, 64) uint16 in units of 2⁻¹⁶."""
    words = np.frombuffer(keystream(key.robust(b"dither", salt), 2 * DITHER * shape[0] * shape[1]), "<u2")
    return words.reshape(*shape, DITHER)


def header_dither(blocks: Blocks) -> np.ndarray:
    """Return the dither of the header's blocks in a film's group, in their order: (b, bits) float32 in [0, 1)."""
    return _dither_in_periods(blocks.key.robust(b"dither", blocks.salt), blocks.first.size, blocks.point.bits)


def group_dither(blocks: Blocks, header: bytes) -> np.ndarray:
    """Return the dither of a film's group with this header: (blocks, bits) float32 in [0, 1)."""
    made = _dither_in_periods(blocks.key.robust(b"dither", blocks.salt, header), blocks.count, blocks.point.bits)
    made[blocks.first] = header_dither(blocks)
    return made


def _dither_in_periods(stream_key: bytes, count: int, bits: int) -> np.ndarray:
    return np.frombuffer(keystream(stream_key, 2 * count * bits), "<u2").reshape(count, bits) * np.float32(2**-16)


# Hiding


def coded_bits(blocks: Blocks, rate: int, content: bytes, nonce: bytes, share: int = 0) -> np.ndarray:
    """Return the bits of a point that carry a record, (rows, cols, bits) uint8; 0 where nothing is carried.

    Args:
        content: at most `content_capacity` bytes.
        nonce: 7 random bytes, fresh for each hiding, of which 52 bits are used.
        share: number of the share of blocks that are used.
    """
    header = make_header(rate, share, nonce)
    carried = np.zeros(blocks.count * blocks.point.bits, np.uint8)
    repeated = _header_bits(header, blocks.header.size)
    carried[blocks.header] = repeated ^ _mask(blocks.key.robust(b"header", blocks.salt), repeated.size)
    coding, numbers, mask = _keyed(blocks, rate, share, header)
    padded = content.ljust(blocks.capacity(rate, share), b"\0")
    sealed = _cipher(blocks, header).encrypt(_NONCE, padded, header + size_bytes(*blocks.shape))
    message = np.zeros(coding.capacity, np.uint8)
    message[: 8 * len(sealed)] = _unpacked(sealed)
    carried[numbers] = coding.encode(message) ^ mask
    return carried.reshape(*blocks.shape, blocks.point.bits)


def record_signs(blocks: Blocks, rate: int, content: bytes, nonce: bytes, share: int = 0) -> np.ndarray:
    """Return `coded_bits` as −1 and 1, (rows, cols, bits) float32; 0 in blocks that stay as they are."""
    signs = coded_bits(blocks, rate, content, nonce, share) * np.float32(2) - 1
    return signs * used_blocks(blocks, nonce, share)[..., None]


def used_blocks(blocks: Blocks, nonce: bytes, share: int) -> np.ndarray:
    """Return the blocks that carry anything, (rows, cols) bool; arguments as in `coded_bits`."""
    used = np.zeros(blocks.count, bool)
    used[blocks.first] = True
    used[blocks.used(share, make_header(LOWEST, share, nonce))] = True
    return used.reshape(blocks.shape)


def make_header(rate: int, share: int, nonce: bytes) -> bytes:
    """Return the header of a container; arguments as in `coded_bits`."""
    random = int.from_bytes(nonce, "big") % (1 << _RANDOM_BITS)
    return ((rate * SHARES + share) << _RANDOM_BITS | random).to_bytes(_HEADER_BYTES, "big")


def new_nonce(randomness: Randomness) -> bytes:
    """Draw the random part of a header."""
    return randomness(_HEADER_BYTES - 1)


def _header_bits(header: bytes, count: int) -> np.ndarray:
    """Return the coded bits of a header, repeated: (count,) uint8."""
    return np.resize(_HEADER.encode(_unpacked(header)), count)


# Reading


@dataclass(frozen=True)
class Reading:
    """Content read from a robust container, including the zeros at its end, and its point."""

    content: bytes
    point: OperatingPoint


class Reader:
    """Base of the readers of pictures and films, which derives the key of each salt once.

    Args:
        lost: one bit in this many of a record is erased, to test that not every bit is needed; 0: no bit is.
    """

    def __init__(self, source: KeySource, lost: int = 0) -> None:
        self._source, self.lost = source, lost
        self._keys: dict[bytes, Key] = {}

    def key_of(self, salt: bytes) -> Key:
        """Return the key of a container with this salt."""
        if salt not in self._keys:
            self._keys[salt] = robust_key(self._source, salt)
        return self._keys[salt]


class Received(ABC):
    """The bits of blocks as they arrived: log-likelihood ratios, computed on demand; `lost` as in `Reader`."""

    def __init__(self, blocks: Blocks, lost: int = 0) -> None:
        self.blocks, self._lost = blocks, lost

    @abstractmethod
    def of_header(self) -> np.ndarray:
        """Return the ratios of the header's bits in their order, (h,)."""

    @abstractmethod
    def of_record(self, numbers: np.ndarray, header: bytes, right: np.ndarray) -> np.ndarray:
        """Return the ratios of the record's bits with these numbers, (n,).

        Args:
            right: the ratios that the header was read from, (h,), positive where they are right.
        """

    def _with_losses(self, ratios: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        return ratios * (numbers % self._lost != 0) if self._lost else ratios


def read_first(tried: Sequence[Received]) -> Reading | None:
    """Read the first record that opens. The headers of all are decoded at once."""
    some = [each for each in tried if each.blocks.capacity(HIGHEST) >= 0]
    if not some:
        return None
    signed = [each.of_header() * header_signs(each.blocks, each.blocks.header.size) for each in some]
    found = _HEADER.decode_each(np.stack([_folded(each) for each in signed], 1), _HEADER_ITERATIONS)
    for received, read, bits in zip(some, signed, found, strict=True):
        if bits is None:
            continue
        header = np.packbits(bits).tobytes()
        right = read * (2.0 * _header_bits(header, read.size) - 1)
        if reading := _read_record(received, header, right):
            return reading
    return None


def _read_record(received: Received, header: bytes, right: np.ndarray) -> Reading | None:
    blocks = received.blocks
    rate, share = divmod(int.from_bytes(header, "big") >> _RANDOM_BITS, SHARES)
    if not LOWEST <= rate <= HIGHEST or blocks.capacity(rate, share) < 0:
        return None
    coding, numbers, mask = _keyed(blocks, rate, share, header)
    message = coding.decode(received.of_record(numbers, header, right) * (np.float32(1) - 2 * mask))
    if message is None:
        return None
    try:
        sealed = np.packbits(message[: coding.capacity // 8 * 8]).tobytes()
        content = _cipher(blocks, header).decrypt(_NONCE, sealed, header + size_bytes(*blocks.shape))
    except InvalidTag:
        return None
    return Reading(content, blocks.point)


def header_signs(blocks: Blocks, count: int) -> np.ndarray:
    """Return the factors of the ratios of a header's first `count` bits, (count,) int8, −1 or 1."""
    return np.int8(1) - 2 * _mask(blocks.key.robust(b"header", blocks.salt), count).astype(np.int8)


def header_evidence(signed: np.ndarray) -> np.ndarray:
    """Return the standard deviations by which the copies of a header's bits agree better than by chance: (...,) float.

    Args:
        signed: ratios times `header_signs`, (..., h), in the order of the code.
    """
    chance = np.square(signed).sum(-1)
    found = np.square(_folded(signed)).sum(-1) / np.maximum(chance, np.finfo(np.float32).tiny)
    return (found - 1) * math.sqrt(_HEADER_BITS / 2)


def _folded(signed: np.ndarray) -> np.ndarray:
    """Return the sums over all copies of each bit, (..., n)."""
    copies = -(-signed.shape[-1] // _HEADER_BITS)
    padded = np.zeros((*signed.shape[:-1], copies * _HEADER_BITS), signed.dtype)
    padded[..., : signed.shape[-1]] = signed
    return padded.reshape(*signed.shape[:-1], copies, _HEADER_BITS).sum(-2)


def _keyed(blocks: Blocks, rate: int, share: int, header: bytes) -> tuple[Coding, np.ndarray, np.ndarray]:
    """Return the code of a record, and the numbers and mask of its coded bits."""
    record = blocks.record(share, header)
    order = _order(blocks.key.robust(b"order", blocks.salt, header), record.size)
    mask = _mask(blocks.key.robust(b"mask", blocks.salt, header), record.size)
    return Coding(record.size, rate), record[order], mask


def _cipher(blocks: Blocks, header: bytes) -> AESGCM:
    return AESGCM(blocks.key.robust(b"record", blocks.salt, header))


@lru_cache(maxsize=2)
def _order(key: bytes, count: int) -> np.ndarray:
    """Return a permutation of `count` elements, (count,) int; cached, since hiding also reads."""
    return stable_argsort(random_words(key, count))


def _mask(key: bytes, count: int) -> np.ndarray:
    """Return a keystream as bits, (count,) uint8, 0 or 1."""
    return _unpacked(keystream(key, -(-count // 8)))[:count]


def _unpacked(data: bytes) -> np.ndarray:
    return np.unpackbits(np.frombuffer(data, np.uint8))
