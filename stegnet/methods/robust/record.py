"""Containers that survive lossy codecs, on arrays: their bits, header and record (docs/format.md, "Robust containers").

What a modem carries is a codeword of an encrypted record, at places that follow from the key. Nothing is at a fixed
place: mean lumas of the picture, which hiding and codecs keep, serve as salt.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from stegnet.core.cipher import keystream
from stegnet.core.errors import KeyFileError
from stegnet.core.jpeg import DITHER
from stegnet.keys import Key, KeySource, Passphrase, Randomness
from stegnet.methods.robust.fec import HIGHEST, LOWEST, Code, Coding
from stegnet.methods.robust.modem import Rung
from stegnet.sealing import TAG_BYTES, size_bytes

HEADER_BYTES = 8
_SHARE_BITS, _RANDOM_BITS = 5, 53  # of a header, behind the rate
SHARES = 1 << _SHARE_BITS  # numbers of shares, of the blocks that could carry the record: 1, 3/4, 1/2, 3/8, 1/4 …
_HEADER = Code(n=384, k=8 * HEADER_BYTES, rate=10)
_HEADER_SHARE, _MOST_HEADER = 32, 64  # of all blocks, one in so many carries the header, but no more than so many
# In films, each carries more: as many as carry so many bits, but no fewer and no more than these.
_LEAST_OF_FILMS, _MOST_OF_FILMS, _BITS_OF_FILMS = 48, 128, 12 * _HEADER.n
_COPIES_OF_FILMS = 3  # at least: what agrees among them tells readers that it is a header
_HEADER_ITERATIONS = 40
_MOST_CHOICE = 16  # blocks, of which the most textured one carries something
_NONCE = bytes(12)  # each record has a key of its own


# Log-likelihood ratios, (n,), of the bits with these numbers, (n,) int.
Ratios = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Reading:
    """Content read from a robust container.

    Attributes:
        content: plaintext of the record, zeros at its end included.
        rung, rate: of the container.
    """

    content: bytes
    rung: Rung
    rate: int


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
        order, free = _sorting(self._words), np.ones(self._words.size, bool)
        free[self.first] = False
        return order[free[order]]

    def record(self, share: int, header: bytes) -> np.ndarray:
        """(r,) int: places of the record, in a fixed order, given the number of its share and its header."""
        return _bits_of(self.used(share, header), self.bits)

    def used(self, share: int, header: bytes) -> np.ndarray:
        """The blocks that carry the record, (n,) int: which ones of all others is new in each hiding."""
        start = int.from_bytes(header, "big") % (1 << _RANDOM_BITS) if share else 0
        turned = np.roll(self.others, -(start % max(self.others.size, 1)))
        return chosen(turned, _shared(turned.size, share), self._texture)


def check_key(source: KeySource) -> None:
    """Refuses a key that opens nothing robust.

    Raises:
        KeyFileError: it is one.
    """
    if not opens_robust(source):
        hint = "use a key file or passphrase, or hide without loss: in a .png, .mkv or lossless .mp4"
        raise KeyFileError("for a recipient, nothing can be hidden that survives JPEG or H.264", hint)


def opens_robust(source: KeySource) -> bool:
    """False for a recipient and an identity: an ephemeral key would be at places that whoever knows the recipient sees.

    Salts repeat in pictures that look alike, and a dither must be known before anything can be read.
    """
    return isinstance(source, Key | Passphrase)


def robust_key(source: KeySource, salt: bytes) -> Key:
    """The key of a container with this salt."""
    return source.derive(salt) if isinstance(source, Passphrase) else source


def places_of(shape: tuple[int, int], rung: Rung, key: Key, salt: bytes, texture: np.ndarray | None = None) -> Places:
    """Places of header and record in rows and columns of blocks; in films, whole macroblocks come one by one.

    Args:
        texture: of the blocks, (rows, cols), by which they are chosen; None: they are taken as they come.
    """
    (places,) = places_of_rungs(shape, (rung,), key, salt, texture)
    return places


def places_of_rungs(
    shape: tuple[int, int], rungs: Sequence[Rung], key: Key, salt: bytes, texture: np.ndarray | None = None
) -> list[Places]:
    """Those of several rungs, all of films, or of one; arguments as `places_of`."""
    blocks = shape[0] * shape[1]
    counts = [min(blocks, header_blocks(blocks, rung)) for rung in rungs]
    bits = [count * rung.bits for count, rung in zip(counts, rungs, strict=True)]
    words, some = _words(key.robust(b"places", salt), blocks + max(bits)), max(counts)
    of_blocks = words[:blocks] if rungs[0].group == 1 else words[_macroblocks(shape)]
    first = chosen(_first_sorted(of_blocks, some if texture is None else some * _MOST_CHOICE), some, texture)
    orders = (_sorting(words[blocks : blocks + each]) for each in bits)
    each_rung = zip(counts, orders, rungs, strict=True)
    return [Places(first[:count], order, rung.bits, of_blocks, texture) for count, order, rung in each_rung]


def first_blocks(blocks: int, count: int, key: Key, salt: bytes) -> np.ndarray:
    """The first so many blocks, at most, in the order of `places_of`; those of the header are first."""
    return _first_sorted(_words(key.robust(b"places", salt), blocks), count)


def dither_of(shape: tuple[int, int], key: Key, salt: bytes) -> np.ndarray:
    """The dither of a picture's blocks, (rows, cols, 64) uint16 in units of 2⁻¹⁶."""
    words = np.frombuffer(keystream(key.robust(b"dither", salt), 2 * DITHER * shape[0] * shape[1]), "<u2")
    return words.reshape(*shape, DITHER)


def record_places(blocks: int, rung: Rung, share: int = 0) -> int:
    """Number of bits that carry the record; 0 if there is no room for a header.

    Args:
        share: number of the share of blocks that are used.
    """
    return _shared(max(blocks - header_blocks(blocks, rung), 0), share) * rung.bits


def content_room(blocks: int, rung: Rung, rate: int, share: int = 0) -> int:
    """Bytes of a record's content in so many blocks; negative if there are too few. Arguments as `record_places`."""
    places = record_places(blocks, rung, share)
    return Coding(places, rate).room // 8 - TAG_BYTES if places else -1


def header_blocks(blocks: int, rung: Rung) -> int:
    """Number of blocks, of so many, that carry the header."""
    most, copies = _MOST_HEADER, 1
    if rung.group > 1:
        copies, most = _COPIES_OF_FILMS, min(_MOST_OF_FILMS, max(_LEAST_OF_FILMS, -(-_BITS_OF_FILMS // rung.bits)))
    return max(-(-copies * _HEADER.n // rung.bits), min(-(-blocks // _HEADER_SHARE), most))


@dataclass(frozen=True, eq=False)
class Blocks:
    """The blocks of a picture, or of a group of frames, that can carry a record.

    Attributes:
        shape: rows and columns.
        key, salt: by which the places and the masks follow.
        texture: as `places_of`.
    """

    shape: tuple[int, int]
    rung: Rung
    key: Key
    salt: bytes
    texture: np.ndarray | None = None

    @property
    def count(self) -> int:
        """Number of blocks."""
        return self.shape[0] * self.shape[1]

    @cached_property
    def places(self) -> Places:
        """Places of the bits."""
        return places_of(self.shape, self.rung, self.key, self.salt, self.texture)


def coded_bits(blocks: Blocks, rate: int, content: bytes, nonce: bytes, share: int = 0) -> np.ndarray:
    """The bits of a rung that carry a record, (rows, cols, bits) uint8; 0 where nothing is carried.

    Args:
        content: at most `content_room` bytes.
        nonce: 7 random bytes, fresh for each hiding, of which 53 bits are used.
        share: number of the share of blocks that are used.
    """
    key, salt, rung = blocks.key, blocks.salt, blocks.rung
    places, header = blocks.places, make_header(rate, share, nonce)
    carried = np.zeros(blocks.count * rung.bits, np.uint8)
    repeated = _header_bits(header, places.order.size)
    carried[places.header] = repeated ^ _mask(key.robust(b"header", salt), repeated.size)
    record = places.record(share, header)
    coding = Coding(record.size, rate)
    padded = content.ljust(content_room(blocks.count, rung, rate, share), b"\0")
    sealed = _seal(padded, blocks.shape, key, salt, header)
    message = np.zeros(coding.room, np.uint8)
    message[: 8 * len(sealed)] = _unpacked(sealed)
    order = _order(key.robust(b"order", salt, header), coding.places)
    mask = _mask(key.robust(b"mask", salt, header), coding.places)
    carried[record[order]] = coding.encode(message) ^ mask
    return carried.reshape(*blocks.shape, rung.bits)


def make_header(rate: int, share: int, nonce: bytes) -> bytes:
    """The header of a container; arguments as `coded_bits`."""
    random = int.from_bytes(nonce, "big") % (1 << _RANDOM_BITS)
    return ((rate * SHARES + share) << _RANDOM_BITS | random).to_bytes(HEADER_BYTES, "big")


def _header_bits(header: bytes, count: int) -> np.ndarray:
    """Copies of the coded bits of a header, (count,) uint8."""
    return np.resize(_HEADER.encode(_unpacked(header)), count)


def used_blocks(blocks: Blocks, nonce: bytes, share: int) -> np.ndarray:
    """The blocks that carry something, (rows, cols) bool; arguments as `coded_bits`."""
    used, places = np.zeros(blocks.count, bool), blocks.places
    used[places.first] = True
    used[places.used(share, make_header(LOWEST, share, nonce))] = True
    return used.reshape(blocks.shape)


def new_nonce(randomness: Randomness) -> bytes:
    """The random part of a header."""
    return randomness(HEADER_BYTES - 1)


def read_bits(
    ratios: Ratios, blocks: Blocks, of_record: Callable[[bytes, np.ndarray], Ratios] | None = None
) -> Reading | None:
    """Reads the record of a rung, if it opens.

    Args:
        ratios: log-likelihood ratios of the bits with the given numbers.
        of_record: those of the record, given the header and the ratios it was read from, (h,), positive where they
            are right; None: the same ones.
    """
    key, salt, rung = blocks.key, blocks.salt, blocks.rung
    if not record_places(blocks.count, rung):
        return None
    places = blocks.places
    signed = ratios(places.header) * header_signs(key, salt, places.order.size)
    header = _read_header(signed)
    if header is None:
        return None
    rate, share = divmod(int.from_bytes(header, "big") >> _RANDOM_BITS, SHARES)
    if not LOWEST <= rate <= HIGHEST or content_room(blocks.count, rung, rate, share) < 0:
        return None
    record = places.record(share, header)
    coding = Coding(record.size, rate)
    order = _order(key.robust(b"order", salt, header), coding.places)
    signs = np.float32(1) - 2 * _mask(key.robust(b"mask", salt, header), coding.places)
    if of_record is not None:
        ratios = of_record(header, signed * (2.0 * _header_bits(header, signed.size) - 1))
    message = coding.decode(ratios(record[order]) * signs)
    if message is None:
        return None
    content = _unseal(np.packbits(message[: coding.room // 8 * 8]), blocks.shape, key, salt, header)
    return None if content is None else Reading(content, rung, rate)


def in_order(ratios: np.ndarray) -> Ratios:
    """Ratios by the numbers of their bits, from those of all bits in order."""
    flat = ratios.reshape(-1)
    return lambda numbers: flat[numbers]


def header_signs(key: Key, salt: bytes, count: int) -> np.ndarray:
    """Factors of the ratios of so many bits of a header, (count,) int8, −1 or 1."""
    return np.int8(1) - 2 * _mask(key.robust(b"header", salt), count).astype(np.int8)


def header_evidence(signed: np.ndarray) -> np.ndarray:
    """How much better than by chance the copies of a header's bits agree, in standard deviations: (...,) float.

    Args:
        signed: ratios times `header_signs`, (..., h), in the order of the code.
    """
    chance = np.square(signed).sum(-1)
    found = np.square(_folded(signed)).sum(-1) / np.maximum(chance, np.finfo(np.float32).tiny)
    return (found - 1) * math.sqrt(_HEADER.n / 2)


def _folded(signed: np.ndarray) -> np.ndarray:
    """The sums over all copies of each bit, (..., n)."""
    copies = -(-signed.shape[-1] // _HEADER.n)
    padded = np.zeros((*signed.shape[:-1], copies * _HEADER.n), signed.dtype)
    padded[..., : signed.shape[-1]] = signed
    return padded.reshape(*signed.shape[:-1], copies, _HEADER.n).sum(-2)


def _read_header(signed: np.ndarray) -> bytes | None:
    bits = _HEADER.decode(_folded(signed), _HEADER_ITERATIONS)
    return None if bits is None else np.packbits(bits).tobytes()


def _seal(content: bytes, shape: tuple[int, int], key: Key, salt: bytes, header: bytes) -> bytes:
    return AESGCM(key.robust(b"record", salt, header)).encrypt(_NONCE, content, header + size_bytes(*shape))


def _unseal(sealed: np.ndarray, shape: tuple[int, int], key: Key, salt: bytes, header: bytes) -> bytes | None:
    try:
        return AESGCM(key.robust(b"record", salt, header)).decrypt(
            _NONCE, sealed.tobytes(), header + size_bytes(*shape)
        )
    except InvalidTag:
        return None


@lru_cache(maxsize=2)
def _macroblocks(shape: tuple[int, int]) -> np.ndarray:
    """The number of each block's macroblock, of two by two blocks, which H.264 codes together: (rows · cols,) int."""
    rows, cols = np.indices(shape).reshape(2, -1) // 2
    return rows * -(-shape[1] // 2) + cols


def chosen(blocks: np.ndarray, count: int, texture: np.ndarray | None) -> np.ndarray:
    """So many of some blocks, (count,) int: the most textured of each of as many parts; if None, the first."""
    if texture is None:
        return blocks[:count]
    some = blocks[: _MOST_CHOICE * count]
    starts = np.arange(count) * some.size // max(count, 1)
    parts = np.searchsorted(starts, np.arange(some.size), "right")
    return some[np.lexsort((-texture.reshape(-1)[some], parts))][starts]


def share_of(number: int) -> float:
    """The share of the blocks that could carry a record with this number: 1, 3/4, 1/2, 3/8, 1/4 …"""
    return _shared(1 << SHARES, number) / (1 << SHARES)


def _shared(blocks: int, share: int) -> int:
    return blocks * (4 - share % 2) >> share // 2 + 2


def _bits_of(blocks: np.ndarray, bits: int) -> np.ndarray:
    return (blocks[:, None] * bits + np.arange(bits)).reshape(-1)


@lru_cache(maxsize=2)
def _order(key: bytes, count: int) -> np.ndarray:
    """A permutation of so many elements, (count,) int; kept, since hiding reads too."""
    return _sorting(_words(key, count))


def _words(key: bytes, count: int) -> np.ndarray:
    """(count,) uint64, random."""
    return np.frombuffer(keystream(key, 8 * count), "<u8")


def _first_sorted(words: np.ndarray, count: int) -> np.ndarray:
    """The first so many elements of `_sorting`, (count,) int, without sorting the others."""
    if count + 1 >= words.size:
        return _sorting(words)[:count]
    lowest = np.argpartition(words, count)[: count + 1]
    order = lowest[words[lowest].argsort()]
    found = words[order]
    return _sorting(words)[:count] if (found[1:] == found[:-1]).any() else order[:count]


def _sorting(words: np.ndarray) -> np.ndarray:
    """The stable ascending argsort; the quick one is the same where all words differ, as 64 random bits do."""
    order = words.argsort()
    found = words[order]
    return words.argsort(kind="stable") if (found[1:] == found[:-1]).any() else order


def _mask(key: bytes, count: int) -> np.ndarray:
    """(count,) uint8, 0 or 1."""
    return np.unpackbits(np.frombuffer(keystream(key, -(-count // 8)), np.uint8))[:count]


def _unpacked(data: bytes) -> np.ndarray:
    return np.unpackbits(np.frombuffer(data, np.uint8))
