"""Containers that survive lossy codecs, on arrays: their bits, header and record (docs/format.md, "Robust containers").

What a modem carries is a codeword of an encrypted record, at places that follow from the key. Nothing is at a fixed
place: mean lumas of the picture, which hiding and codecs keep, serve as salt.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from stegnet.core.blocks import DITHER
from stegnet.core.cipher import keystream, random_words
from stegnet.kernels.sorting import stable_argsort
from stegnet.keys import Key, KeySource, Passphrase, Randomness
from stegnet.methods.robust.fec import HIGHEST, LOWEST, Code, Coding
from stegnet.methods.robust.places import HEADER_BITS, RANDOM_BITS, SHARES, Blocks
from stegnet.methods.robust.qim import OperatingPoint
from stegnet.sealing import size_bytes

HEADER_BYTES = 8
_HEADER = Code(n=HEADER_BITS, k=8 * HEADER_BYTES, rate=10)
_HEADER_ITERATIONS = 40
_NONCE = bytes(12)  # each record has a key of its own


@dataclass(frozen=True)
class Reading:
    """Content read from a robust container.

    Attributes:
        content: plaintext of the record, zeros at its end included.
        point, rate: of the container.
    """

    content: bytes
    point: OperatingPoint
    rate: int


def opens_robust(source: KeySource) -> bool:
    """False for a recipient and an identity: an ephemeral key would be at places that whoever knows the recipient sees.

    Salts repeat in pictures that look alike, and a dither must be known before anything can be read.
    """
    return isinstance(source, Key | Passphrase)


def robust_key(source: KeySource, salt: bytes) -> Key:
    """The key of a container with this salt."""
    return source.derive(salt) if isinstance(source, Passphrase) else source


def dither_of(shape: tuple[int, int], key: Key, salt: bytes) -> np.ndarray:
    """The dither of a picture's blocks, (rows, cols, 64) uint16 in units of 2⁻¹⁶."""
    words = np.frombuffer(keystream(key.robust(b"dither", salt), 2 * DITHER * shape[0] * shape[1]), "<u2")
    return words.reshape(*shape, DITHER)


def header_dither(key: Key, salt: bytes, count: int, bits: int) -> np.ndarray:
    """The dither of the header's blocks in a film's group, in their order: (count, bits) float32 in [0, 1)."""
    return _dither_in_periods(key.robust(b"dither", salt), count, bits)


def group_dither(blocks: Blocks, header: bytes) -> np.ndarray:
    """The dither of a film's group with this header: (blocks, bits) float32 in [0, 1)."""
    first, bits = blocks.first, blocks.point.bits
    made = _dither_in_periods(blocks.key.robust(b"dither", blocks.salt, header), blocks.count, bits)
    made[first] = header_dither(blocks.key, blocks.salt, first.size, bits)
    return made


def _dither_in_periods(stream_key: bytes, count: int, bits: int) -> np.ndarray:
    return np.frombuffer(keystream(stream_key, 2 * count * bits), "<u2").reshape(count, bits) * np.float32(2**-16)


def coded_bits(blocks: Blocks, rate: int, content: bytes, nonce: bytes, share: int = 0) -> np.ndarray:
    """The bits of a point that carry a record, (rows, cols, bits) uint8; 0 where nothing is carried.

    Args:
        content: at most `content_room` bytes.
        nonce: 7 random bytes, fresh for each hiding, of which 52 bits are used.
        share: number of the share of blocks that are used.
    """
    header = make_header(rate, share, nonce)
    carried = np.zeros(blocks.count * blocks.point.bits, np.uint8)
    repeated = _header_bits(header, blocks.header.size)
    carried[blocks.header] = repeated ^ _mask(blocks.key.robust(b"header", blocks.salt), repeated.size)
    coding, numbers, mask = _keyed(blocks, rate, share, header)
    padded = content.ljust(blocks.room(rate, share), b"\0")
    sealed = _cipher(blocks, header).encrypt(_NONCE, padded, header + size_bytes(*blocks.shape))
    message = np.zeros(coding.room, np.uint8)
    message[: 8 * len(sealed)] = _unpacked(sealed)
    carried[numbers] = coding.encode(message) ^ mask
    return carried.reshape(*blocks.shape, blocks.point.bits)


def record_signs(blocks: Blocks, rate: int, content: bytes, nonce: bytes, share: int = 0) -> np.ndarray:
    """`coded_bits` as −1 and 1, (rows, cols, bits) float32; 0 in blocks that stay as they are."""
    signs = coded_bits(blocks, rate, content, nonce, share) * np.float32(2) - 1
    return signs * used_blocks(blocks, nonce, share)[..., None]


def make_header(rate: int, share: int, nonce: bytes) -> bytes:
    """The header of a container; arguments as `coded_bits`."""
    random = int.from_bytes(nonce, "big") % (1 << RANDOM_BITS)
    return ((rate * SHARES + share) << RANDOM_BITS | random).to_bytes(HEADER_BYTES, "big")


def _header_bits(header: bytes, count: int) -> np.ndarray:
    """Copies of the coded bits of a header, (count,) uint8."""
    return np.resize(_HEADER.encode(_unpacked(header)), count)


def used_blocks(blocks: Blocks, nonce: bytes, share: int) -> np.ndarray:
    """The blocks that carry something, (rows, cols) bool; arguments as `coded_bits`."""
    used = np.zeros(blocks.count, bool)
    used[blocks.first] = True
    used[blocks.used(share, make_header(LOWEST, share, nonce))] = True
    return used.reshape(blocks.shape)


def new_nonce(randomness: Randomness) -> bytes:
    """The random part of a header."""
    return randomness(HEADER_BYTES - 1)


class Received(ABC):
    """Bits of blocks as they arrived: log-likelihood ratios, computed where they are asked for.

    Args:
        lost: one bit in so many is read as if it were lost, to see if all are needed; 0: none.
    """

    def __init__(self, blocks: Blocks, lost: int = 0) -> None:
        self.blocks, self._lost = blocks, lost

    @abstractmethod
    def of_header(self) -> np.ndarray:
        """Ratios of the header's bits, (h,), in their order."""

    @abstractmethod
    def of_record(self, numbers: np.ndarray, header: bytes, right: np.ndarray) -> np.ndarray:
        """Ratios of the record's bits with these numbers, (n,).

        Args:
            right: ratios that the header was read from, (h,), positive where they are right.
        """

    def _with_losses(self, ratios: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        return ratios * (numbers % self._lost != 0) if self._lost else ratios


def read_first(tried: Sequence[Received]) -> Reading | None:
    """Reads the first record that opens; the headers of all are decoded at once."""
    some = [each for each in tried if each.blocks.places()]
    if not some:
        return None
    signed = [
        each.of_header() * header_signs(each.blocks.key, each.blocks.salt, each.blocks.header.size) for each in some
    ]
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
    rate, share = divmod(int.from_bytes(header, "big") >> RANDOM_BITS, SHARES)
    if not LOWEST <= rate <= HIGHEST or blocks.room(rate, share) < 0:
        return None
    coding, numbers, mask = _keyed(blocks, rate, share, header)
    message = coding.decode(received.of_record(numbers, header, right) * (np.float32(1) - 2 * mask))
    if message is None:
        return None
    try:
        sealed = np.packbits(message[: coding.room // 8 * 8]).tobytes()
        content = _cipher(blocks, header).decrypt(_NONCE, sealed, header + size_bytes(*blocks.shape))
    except InvalidTag:
        return None
    return Reading(content, blocks.point, rate)


def _keyed(blocks: Blocks, rate: int, share: int, header: bytes) -> tuple[Coding, np.ndarray, np.ndarray]:
    """The code of a record, and numbers and mask of its coded bits."""
    record = blocks.record(share, header)
    order = _order(blocks.key.robust(b"order", blocks.salt, header), record.size)
    mask = _mask(blocks.key.robust(b"mask", blocks.salt, header), record.size)
    return Coding(record.size, rate), record[order], mask


def _cipher(blocks: Blocks, header: bytes) -> AESGCM:
    return AESGCM(blocks.key.robust(b"record", blocks.salt, header))


def header_signs(key: Key, salt: bytes, count: int) -> np.ndarray:
    """Factors of the ratios of so many bits of a header, (count,) int8, −1 or 1."""
    return np.int8(1) - 2 * _mask(key.robust(b"header", salt), count).astype(np.int8)


def header_evidence(signed: np.ndarray) -> np.ndarray:
    """Standard deviations by which the copies of a header's bits agree better than by chance: (...,) float.

    Args:
        signed: ratios times `header_signs`, (..., h), in the order of the code.
    """
    chance = np.square(signed).sum(-1)
    found = np.square(_folded(signed)).sum(-1) / np.maximum(chance, np.finfo(np.float32).tiny)
    return (found - 1) * math.sqrt(HEADER_BITS / 2)


def _folded(signed: np.ndarray) -> np.ndarray:
    """The sums over all copies of each bit, (..., n)."""
    copies = -(-signed.shape[-1] // HEADER_BITS)
    padded = np.zeros((*signed.shape[:-1], copies * HEADER_BITS), signed.dtype)
    padded[..., : signed.shape[-1]] = signed
    return padded.reshape(*signed.shape[:-1], copies, HEADER_BITS).sum(-2)


@lru_cache(maxsize=2)
def _order(key: bytes, count: int) -> np.ndarray:
    """A permutation of so many elements, (count,) int; kept, since hiding reads too."""
    return stable_argsort(random_words(key, count))


def _mask(key: bytes, count: int) -> np.ndarray:
    """(count,) uint8, 0 or 1."""
    return np.unpackbits(np.frombuffer(keystream(key, -(-count // 8)), np.uint8))[:count]


def _unpacked(data: bytes) -> np.ndarray:
    return np.unpackbits(np.frombuffer(data, np.uint8))
