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

from stegnet.core.cipher import keystream, random_words
from stegnet.core.errors import KeyFileError
from stegnet.core.jpeg import DITHER
from stegnet.kernels.sorting import stable_argsort
from stegnet.keys import Key, KeySource, Passphrase, Randomness
from stegnet.methods.robust.fec import HIGHEST, LOWEST, Code, Coding
from stegnet.methods.robust.modem import Rung
from stegnet.methods.robust.places import HEADER_BITS, RANDOM_BITS, SHARES, Places, places_of_rungs, record_places
from stegnet.sealing import TAG_BYTES, size_bytes

HEADER_BYTES = 8
_HEADER = Code(n=HEADER_BITS, k=8 * HEADER_BYTES, rate=10)
_HEADER_ITERATIONS = 40
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


def check_key(source: KeySource) -> None:
    """Refuses a key that opens nothing robust.

    Raises:
        KeyFileError: it is one.
    """
    if not opens_robust(source):
        hint = "use a key file or passphrase, or ask for no channel: a JPEG or MP4 can stay one and be sent as a file"
        raise KeyFileError("for a recipient, nothing can be hidden that survives JPEG or H.264", hint)


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


def content_room(blocks: int, rung: Rung, rate: int, share: int = 0, textured: bool = False) -> int:
    """Bytes of a record's content in so many blocks; negative if there are too few. Arguments as `record_places`."""
    places = record_places(blocks, rung, share, textured)
    return Coding(places, rate).room // 8 - TAG_BYTES if places else -1


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

    def room(self, rate: int, share: int = 0) -> int:
        """Bytes of a record's content; as `content_room`."""
        return content_room(self.count, self.rung, rate, share, self.texture is not None)

    @cached_property
    def places(self) -> Places:
        """Places of the bits."""
        (places,) = places_of_rungs(self.shape, (self.rung,), self.key, self.salt, self.texture)
        return places


def coded_bits(blocks: Blocks, rate: int, content: bytes, nonce: bytes, share: int = 0) -> np.ndarray:
    """The bits of a rung that carry a record, (rows, cols, bits) uint8; 0 where nothing is carried.

    Args:
        content: at most `content_room` bytes.
        nonce: 7 random bytes, fresh for each hiding, of which 52 bits are used.
        share: number of the share of blocks that are used.
    """
    key, salt, rung = blocks.key, blocks.salt, blocks.rung
    places, header = blocks.places, make_header(rate, share, nonce)
    carried = np.zeros(blocks.count * rung.bits, np.uint8)
    repeated = _header_bits(header, places.order.size)
    carried[places.header] = repeated ^ _mask(key.robust(b"header", salt), repeated.size)
    record = places.record(share, header)
    coding = Coding(record.size, rate)
    padded = content.ljust(blocks.room(rate, share), b"\0")
    sealed = _seal(padded, blocks.shape, key, salt, header)
    message = np.zeros(coding.room, np.uint8)
    message[: 8 * len(sealed)] = _unpacked(sealed)
    order = _order(key.robust(b"order", salt, header), coding.places)
    mask = _mask(key.robust(b"mask", salt, header), coding.places)
    carried[record[order]] = coding.encode(message) ^ mask
    return carried.reshape(*blocks.shape, rung.bits)


def make_header(rate: int, share: int, nonce: bytes) -> bytes:
    """The header of a container; arguments as `coded_bits`."""
    random = int.from_bytes(nonce, "big") % (1 << RANDOM_BITS)
    return ((rate * SHARES + share) << RANDOM_BITS | random).to_bytes(HEADER_BYTES, "big")


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
    return read_first([(ratios, blocks)], of_record)


def read_first(
    tried: Sequence[tuple[Ratios, Blocks]], of_record: Callable[[bytes, np.ndarray], Ratios] | None = None
) -> Reading | None:
    """Reads the first record that opens, of several ratios and blocks; their headers are decoded all at once.

    Arguments as `read_bits`.
    """
    some = [each for each in tried if record_places(each[1].count, each[1].rung, textured=each[1].texture is not None)]
    signed = [
        ratios(blocks.places.header) * header_signs(blocks.key, blocks.salt, blocks.places.order.size)
        for ratios, blocks in some
    ]
    for (ratios, blocks), read, header in zip(some, signed, _read_headers(signed), strict=True):
        if header is None:
            continue
        right = read * (2.0 * _header_bits(header, read.size) - 1)
        if reading := _read_record(of_record(header, right) if of_record else ratios, blocks, header):
            return reading
    return None


def _read_record(ratios: Ratios, blocks: Blocks, header: bytes) -> Reading | None:
    key, salt, rung, places = blocks.key, blocks.salt, blocks.rung, blocks.places
    rate, share = divmod(int.from_bytes(header, "big") >> RANDOM_BITS, SHARES)
    if not LOWEST <= rate <= HIGHEST or blocks.room(rate, share) < 0:
        return None
    record = places.record(share, header)
    coding = Coding(record.size, rate)
    order = _order(key.robust(b"order", salt, header), coding.places)
    signs = np.float32(1) - 2 * _mask(key.robust(b"mask", salt, header), coding.places)
    message = coding.decode(ratios(record[order]) * signs)
    if message is None:
        return None
    content = _unseal(np.packbits(message[: coding.room // 8 * 8]), blocks.shape, key, salt, header)
    return None if content is None else Reading(content, rung, rate)


def in_order(ratios: np.ndarray) -> Ratios:
    """Ratios by the numbers of their bits, from those of all bits in order."""
    flat = ratios.reshape(-1)
    return lambda numbers: flat[numbers]


def with_losses(ratios: Ratios, lost: int) -> Ratios:
    """Ratios of which one in so many is 0, none if `lost` is 0: a record that opens all the same has a margin."""
    return (lambda numbers: ratios(numbers) * (numbers % lost != 0)) if lost else ratios


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


def _read_headers(signed: Sequence[np.ndarray]) -> list[bytes | None]:
    if not signed:
        return []
    found = _HEADER.decode_each(np.stack([_folded(each) for each in signed], 1), _HEADER_ITERATIONS)
    return [None if bits is None else np.packbits(bits).tobytes() for bits in found]


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
def _order(key: bytes, count: int) -> np.ndarray:
    """A permutation of so many elements, (count,) int; kept, since hiding reads too."""
    return stable_argsort(random_words(key, count))


def _mask(key: bytes, count: int) -> np.ndarray:
    """(count,) uint8, 0 or 1."""
    return np.unpackbits(np.frombuffer(keystream(key, -(-count // 8)), np.uint8))[:count]


def _unpacked(data: bytes) -> np.ndarray:
    return np.unpackbits(np.frombuffer(data, np.uint8))
