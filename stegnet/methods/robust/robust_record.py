"""Records: encrypted content with an error-correcting code, and a header that says how to read it (docs/format.md).

A container carries a codeword of an encrypted record, at places that follow from the key. Mean lumas of the picture,
which hiding and codecs keep, serve as salt. A header of its own, at a very low rate, has the code's rate, the share of
the blocks in use, and a nonce.
"""

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from stegnet.core.keystream import keystream, random_numbers
from stegnet.core.pixels import DITHER
from stegnet.keys import Key, KeySource, Passphrase, Randomness
from stegnet.methods.robust.block_placement import HEADER_BITS, RANDOM_BITS, BlockPlacement
from stegnet.methods.robust.operating_points import SHARES
from stegnet.sealing import size_bytes
from stegnet.sealing.fec import HIGHEST, LOWEST, RepeatAccumulateCode, decode_message, encode_message, message_capacity
from stegnet.sealing.sample_order import stable_argsort

_HEADER_BYTES = 8  # before coding
_HEADER = RepeatAccumulateCode(n=HEADER_BITS, k=8 * _HEADER_BYTES, rate=10)
_HEADER_ITERATIONS = 40
_NONCE = bytes(12)  # each record has a key of its own


# Keys and dither


def robust_key(source: KeySource, salt: bytes) -> Key:
    """Return the key of a container with this salt. The source is a key or a passphrase."""
    if isinstance(source, Passphrase):
        return source.derive(salt)
    assert isinstance(source, Key)  # the method refuses all others
    return source


def dither_of(shape: tuple[int, int], key: Key, salt: bytes) -> np.ndarray:
    """Return the dither of a picture's blocks, (rows, cols, 64) uint16 in units of 2⁻¹⁶."""
    words = np.frombuffer(keystream(key.robust(b"dither", salt), 2 * DITHER * shape[0] * shape[1]), "<u2")
    return words.reshape(*shape, DITHER)


def header_dither(placement: BlockPlacement) -> np.ndarray:
    """Return the dither of the header's blocks in a film's group, in their order: (b, bits) float32 in [0, 1)."""
    stream_key = placement.key.robust(b"dither", placement.salt)
    return _dither_in_periods(stream_key, placement.header_blocks.size, placement.point.bits)


def group_dither(placement: BlockPlacement, header: bytes) -> np.ndarray:
    """Return the dither of a film's group with this header: (blocks, bits) float32 in [0, 1)."""
    stream_key = placement.key.robust(b"dither", placement.salt, header)
    dither = _dither_in_periods(stream_key, placement.count, placement.point.bits)
    dither[placement.header_blocks] = header_dither(placement)
    return dither


def _dither_in_periods(stream_key: bytes, count: int, bits: int) -> np.ndarray:
    words = np.frombuffer(keystream(stream_key, 2 * count * bits), "<u2")
    return words.reshape(count, bits) * np.float32(2**-16)


# Hiding


def new_nonce(randomness: Randomness) -> bytes:
    """Draw the random part of a header."""
    return randomness(_HEADER_BYTES - 1)


def robust_header(rate: int, share: int, nonce: bytes) -> bytes:
    """Return the header of a container; arguments are those of `coded_bits`."""
    random = int.from_bytes(nonce, "big") % (1 << RANDOM_BITS)
    return ((rate * SHARES + share) << RANDOM_BITS | random).to_bytes(_HEADER_BYTES, "big")


def coded_bits(placement: BlockPlacement, rate: int, content: bytes, nonce: bytes, share: int = 0) -> np.ndarray:
    """Return the bits of a point that carry a record, (rows, cols, bits) uint8; 0 where nothing is carried.

    Args:
        placement: the blocks, their operating point and their key.
        rate: rate of the code in 64ths.
        content: at most `content_capacity` bytes.
        nonce: 7 random bytes, fresh for each hiding; 52 of their bits are used.
        share: number of the share of blocks that are used.
    """
    header = robust_header(rate, share, nonce)
    carried = np.zeros(placement.count * placement.point.bits, np.uint8)
    repeated = _coded_header(header, placement.header_places.size)
    carried[placement.header_places] = repeated ^ _header_mask(placement, repeated.size)

    numbers = _interleaved_places(placement, share, header)
    padded = content.ljust(placement.capacity(rate, share) or 0, b"\0")
    sealed = _cipher(placement, header).encrypt(_NONCE, padded, header + size_bytes(*placement.shape))
    message = np.zeros(message_capacity(numbers.size, rate), np.uint8)
    message[: 8 * len(sealed)] = _unpacked(sealed)
    carried[numbers] = encode_message(message, numbers.size, rate) ^ _record_mask(placement, header, numbers.size)
    return carried.reshape(*placement.shape, placement.point.bits)


def record_signs(placement: BlockPlacement, rate: int, content: bytes, nonce: bytes, share: int = 0) -> np.ndarray:
    """Return `coded_bits` as −1 and 1, (rows, cols, bits) float32; 0 in blocks that stay as they are."""
    signs: np.ndarray = coded_bits(placement, rate, content, nonce, share) * np.float32(2) - 1
    signs *= used_blocks(placement, nonce, share)[..., None]
    return signs


def used_blocks(placement: BlockPlacement, nonce: bytes, share: int) -> np.ndarray:
    """Return the blocks that carry anything, (rows, cols) bool; arguments are those of `coded_bits`."""
    used = np.zeros(placement.count, bool)
    used[placement.header_blocks] = True
    used[placement.record_blocks(share, robust_header(LOWEST, share, nonce))] = True
    return used.reshape(placement.shape)


# Reading: first the headers of all placements that are tried, then the record whose header opens


def decoded_headers(
    placements: Sequence[BlockPlacement], ratios: Sequence[np.ndarray]
) -> Iterator[tuple[BlockPlacement, bytes, np.ndarray]]:
    """Yield each placement whose header is decoded, with that header and its ratios; all are decoded at once.

    Args:
        placements: the placements to try; each `holds_record`.
        ratios: log-likelihood ratios of the bits in each one's `header_places`.

    Yields:
        A placement, its header, and the header's ratios, (h,), positive where they are right.
    """
    if not placements:
        return
    pairs = zip(placements, ratios, strict=True)
    unmasked = [values * header_signs(placement, values.size) for placement, values in pairs]
    decoded = _HEADER.decode_each(np.stack([_folded(values) for values in unmasked], 1), _HEADER_ITERATIONS)
    for placement, values, bits in zip(placements, unmasked, decoded, strict=True):
        if bits is not None:
            header = np.packbits(bits).tobytes()
            yield placement, header, values * (2.0 * _coded_header(header, values.size) - 1)


def places_to_read(placement: BlockPlacement, header: bytes) -> np.ndarray | None:
    """Return the places of the coded bits of the record that a header describes, in the order of its code, (r,) int.

    None: no record has such a header, or it would not fit.
    """
    rate, share = _rate_and_share(header)
    if not LOWEST <= rate <= HIGHEST or placement.capacity(rate, share) is None:
        return None
    return _interleaved_places(placement, share, header)


def open_record(placement: BlockPlacement, header: bytes, ratios: np.ndarray) -> bytes | None:
    """Return the content of a record, with the zeros at its end, or None if it does not open.

    Args:
        placement: the blocks, their operating point and their key.
        header: the header that was read before the record.
        ratios: log-likelihood ratios of the bits in `places_to_read`.
    """
    rate, _ = _rate_and_share(header)
    message = decode_message(ratios * (np.float32(1) - 2 * _record_mask(placement, header, ratios.size)), rate)
    if message is None:
        return None
    sealed = np.packbits(message[: message.size // 8 * 8]).tobytes()
    try:
        return _cipher(placement, header).decrypt(_NONCE, sealed, header + size_bytes(*placement.shape))
    except InvalidTag:
        return None


def not_erased(numbers: np.ndarray, lost: int) -> np.ndarray:
    """Return a mask, (n,) bool, of the bits with these numbers, to test that not every bit is needed.

    Args:
        numbers: numbers of bits, (n,) integers.
        lost: one bit in this many is erased; 0: no bit is.
    """
    return numbers % lost != 0 if lost else np.ones(numbers.size, bool)


def header_signs(placement: BlockPlacement, count: int) -> np.ndarray:
    """Return the factors of the ratios of a header's first `count` bits, (count,) int8, −1 or 1."""
    return np.int8(1) - 2 * _header_mask(placement, count).astype(np.int8)


def header_evidence(signed: np.ndarray) -> np.ndarray:
    """Return the standard deviations by which the copies of a header's bits agree better than by chance: (...,) float.

    Args:
        signed: ratios times `header_signs`, (..., h), in the order of the code.
    """
    chance = np.square(signed).sum(-1)
    agreement = np.square(_folded(signed)).sum(-1) / np.maximum(chance, np.finfo(np.float32).tiny)
    evidence: np.ndarray = (agreement - 1) * math.sqrt(HEADER_BITS / 2)
    return evidence


def _rate_and_share(header: bytes) -> tuple[int, int]:
    return divmod(int.from_bytes(header, "big") >> RANDOM_BITS, SHARES)


def _coded_header(header: bytes, count: int) -> np.ndarray:
    """Return the coded bits of a header, repeated: (count,) uint8."""
    return np.resize(_HEADER.encode(_unpacked(header)), count)


def _folded(signed: np.ndarray) -> np.ndarray:
    """Return the sums over all copies of each bit, (..., n)."""
    copies = -(-signed.shape[-1] // HEADER_BITS)
    padded = np.zeros((*signed.shape[:-1], copies * HEADER_BITS), signed.dtype)
    padded[..., : signed.shape[-1]] = signed
    sums: np.ndarray = padded.reshape(*signed.shape[:-1], copies, HEADER_BITS).sum(-2)
    return sums


def _interleaved_places(placement: BlockPlacement, share: int, header: bytes) -> np.ndarray:
    """Return the places of a record's coded bits, in the order of its code."""
    places = placement.record_places(share, header)
    order = _permutation(placement.key.robust(b"order", placement.salt, header), places.size)
    interleaved: np.ndarray = places[order]
    return interleaved


def _header_mask(placement: BlockPlacement, count: int) -> np.ndarray:
    return _mask(placement.key.robust(b"header", placement.salt), count)


def _record_mask(placement: BlockPlacement, header: bytes, count: int) -> np.ndarray:
    return _mask(placement.key.robust(b"mask", placement.salt, header), count)


def _cipher(placement: BlockPlacement, header: bytes) -> AESGCM:
    return AESGCM(placement.key.robust(b"record", placement.salt, header))


@lru_cache(maxsize=2)
def _permutation(key: bytes, count: int) -> np.ndarray:
    """Return a permutation of `count` elements, (count,) int; cached, since hiding also reads."""
    return stable_argsort(random_numbers(key, count))


def _mask(key: bytes, count: int) -> np.ndarray:
    """Return a keystream as bits, (count,) uint8, 0 or 1."""
    return _unpacked(keystream(key, -(-count // 8)))[:count]


def _unpacked(data: bytes | memoryview) -> np.ndarray:
    return np.unpackbits(np.frombuffer(data, np.uint8))
