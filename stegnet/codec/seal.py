"""Sealed bits: bytes in the lowest bits of a picture's samples, at keyed positions (docs/format.md, "Sealed bits").

A frame's samples carry, in this order of choosing their positions: a salt at public ones; a lead and a MAC at
keyed ones; a record at ones that the lead's nonce decides. Without the key, none of them can be told from noise.
"""

from dataclasses import dataclass

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.constant_time import bytes_eq
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from stegnet.codec.keys import SALT_BYTES, Key
from stegnet.core.errors import CapacityError

VERSION = 1
NONCE_BYTES, TAG_BYTES, MAC_BYTES = 12, 16, 16
_LEAD_PLAINTEXT = 5  # version, and the sealed record's length in 32 bits
LEAD_BYTES = NONCE_BYTES + _LEAD_PLAINTEXT + TAG_BYTES
LEAST_CELL = 2  # at most half of the samples carry bits


@dataclass(frozen=True)
class UnsealedRecord:
    """A record that was unsealed.

    Attributes:
        record: plaintext.
        whole: the MAC holds: no sample was changed after sealing.
    """

    record: bytes
    whole: bool


def room(height: int, width: int) -> int:
    """Most bytes of a record in a picture of this size; negative if not even an empty one fits."""
    free = height * width * 3 - 8 * (SALT_BYTES + LEAD_BYTES + MAC_BYTES)
    return free // (8 * LEAST_CELL) - TAG_BYTES if height * width * 3 >= _least_samples() else -1


def seal(
    picture: np.ndarray,
    record: bytes,
    key: Key,
    nonce: bytes,
    salt: bytes | None = None,
    rounding_direction: np.ndarray | None = None,
) -> None:
    """Seals a record in a picture, in place.

    Args:
        picture: (H, W, 3) uint8, contiguous; at most half of its samples change, each by one level.
        nonce: 12 random bytes, fresh for each frame.
        salt: 16 bytes that a passphrase needs, or None.
        rounding_direction: (H, W, 3) int8: direction in which a sample is changed if needed: 1 up, -1 down, 0 by
            the key. A sample that was rounded is best moved to its second-nearest level (Fridrich et al. 2005,
            "Perturbed quantization steganography", Multimedia Systems 11).
    Raises:
        CapacityError: the picture is too small.
    """
    if len(record) > room(*picture.shape[:2]):
        raise too_small(picture.shape[0], picture.shape[1], len(record))
    samples = picture.reshape(-1)
    directions = np.zeros(samples.size, np.int8) if rounding_direction is None else rounding_direction.reshape(-1)
    if salt is not None:
        places = _salt_places(samples.size)
        _set_bits(samples, directions, places, salt, 1 - 2 * (np.arange(places.size, dtype=np.int16) % 2))
    lead = nonce + AESGCM(key.lead()).encrypt(nonce, _format_lead(len(record) + TAG_BYTES), None)
    sealed = AESGCM(key.record()).encrypt(nonce, record, lead)
    fixed, signs = _fixed_places(samples.size, key)
    _set_bits(samples, directions, fixed[: 8 * LEAD_BYTES], lead, signs[: 8 * LEAD_BYTES])
    places, signs = _record_places(samples.size, key, nonce, len(sealed))
    _set_bits(samples, directions, places, sealed, signs)
    mac_places = fixed[8 * LEAD_BYTES :]
    bits = np.unpackbits(np.frombuffer(_mac(picture, mac_places, key), np.uint8))
    samples[mac_places] = samples[mac_places] & 0xFE | bits


def unseal(picture: np.ndarray, key: Key) -> UnsealedRecord | None:
    """Unseals the record in a picture, (H, W, 3) uint8; None if nothing opens with this key."""
    if room(*picture.shape[:2]) < 0:
        return None
    samples = picture.reshape(-1)
    fixed, _ = _fixed_places(samples.size, key)
    lead = _read(samples, fixed[: 8 * LEAD_BYTES])
    nonce = lead[:NONCE_BYTES]
    try:
        version, size = _parse_lead(AESGCM(key.lead()).decrypt(nonce, lead[NONCE_BYTES:], None))
        if version != VERSION or not TAG_BYTES <= size <= room(*picture.shape[:2]) + TAG_BYTES:
            return None
        sealed = _read(samples, _record_places(samples.size, key, nonce, size)[0])
        record = AESGCM(key.record()).decrypt(nonce, sealed, lead)
    except InvalidTag:
        return None
    mac_places = fixed[8 * LEAD_BYTES :]
    return UnsealedRecord(record, bytes_eq(_read(samples, mac_places), _mac(picture, mac_places, key)))


def read_salt(picture: np.ndarray) -> bytes:
    """Reads the 16 bytes at the public positions of a picture: the salt, if a passphrase sealed it."""
    samples = picture.reshape(-1)
    return _read(samples, _salt_places(samples.size)) if samples.size >= 8 * SALT_BYTES else bytes(SALT_BYTES)


def too_small(height: int, width: int, needed: int, share: float = 0.0, step: int = 8) -> CapacityError:
    """The error for a record of `needed` bytes that does not fit; its hint gives a size that would do.

    Args:
        share: bytes needed for each pixel of a cover, in addition.
        step: safety margin in pixels.
    """
    samples = 8 * (LEAST_CELL * (needed + TAG_BYTES) + SALT_BYTES + LEAD_BYTES + MAC_BYTES)
    pixels = max(samples, _least_samples()) / (3 - 8 * LEAST_CELL * share)
    side = max(pixels / (height * width), 1) ** 0.5
    return CapacityError(
        f"the cover is too small: {width}×{height} pixels",
        f"what must travel with each picture needs about {int(width * side) + step}×{int(height * side) + step}",
    )


def _least_samples() -> int:
    return LEAST_CELL * 8 * (SALT_BYTES + LEAD_BYTES + MAC_BYTES + TAG_BYTES)


def _format_lead(size: int) -> bytes:
    return bytes([VERSION]) + size.to_bytes(4, "big")


def _parse_lead(plaintext: bytes) -> tuple[int, int]:
    return plaintext[0], int.from_bytes(plaintext[1:], "big")


def _salt_places(samples: int) -> np.ndarray:
    """Public: the middle of each of 128 equal cells."""
    cell = samples // (8 * SALT_BYTES)
    return np.arange(8 * SALT_BYTES) * cell + cell // 2


def _fixed_places(samples: int, key: Key) -> tuple[np.ndarray, np.ndarray]:
    """Positions of lead and MAC in every frame of this size and key, and the step of each sample."""
    return _draw(samples, key.positions(), 8 * (LEAD_BYTES + MAC_BYTES), _salt_places(samples))


def _record_places(samples: int, key: Key, nonce: bytes, size: int) -> tuple[np.ndarray, np.ndarray]:
    taken = np.sort(np.concatenate([_salt_places(samples), _fixed_places(samples, key)[0]]))
    return _draw(samples, key.positions(nonce), 8 * size, taken)


def _draw(samples: int, stream_key: bytes, count: int, taken: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One place in each of `count` equal cells of the samples that are not taken (ascending), and a step of ±1.

    An AES-256-CTR keystream (counter from zero) gives a little-endian 32-bit word per cell: its lowest bit is
    the step's sign, the rest modulo the cell is the place in it. The bias is below cell / 2³¹.
    """
    cell = (samples - taken.size) // count
    stream = Cipher(algorithms.AES256(stream_key), modes.CTR(bytes(16))).encryptor().update(bytes(4 * count))
    words = np.frombuffer(stream, "<u4")
    free = np.arange(count) * cell + (words >> 1) % cell
    # The k-th taken place has taken[k] − k free ones before it.
    places = free + np.searchsorted(taken - np.arange(taken.size), free, side="right")
    return places, (words & 1).astype(np.int16) * 2 - 1


def _set_bits(samples: np.ndarray, directions: np.ndarray, places: np.ndarray, data: bytes, signs: np.ndarray) -> None:
    """Sets the lowest bits at `places` to those of `data` by steps of one level, inwards at 0 and 255."""
    values, wanted = samples[places].astype(np.int16), directions[places]
    wrong = (values & 1) != np.unpackbits(np.frombuffer(data, np.uint8))
    step = np.where(wanted == 0, signs, wanted)
    step = np.where(values == 0, 1, np.where(values == 255, -1, step))
    samples[places] = values + wrong * step


def _read(samples: np.ndarray, places: np.ndarray) -> bytes:
    """Reads the lowest bits at `places`."""
    return np.packbits(samples[places] & 1).tobytes()


def _mac(picture: np.ndarray, places: np.ndarray, key: Key) -> bytes:
    """HMAC-SHA256, its first 16 bytes, of the size and of all samples, the lowest bits at `places` cleared."""
    cleared = picture.copy()
    cleared.reshape(-1)[places] &= 0xFE
    mac = HMAC(key.mac(), SHA256())
    mac.update(picture.shape[0].to_bytes(4, "big") + picture.shape[1].to_bytes(4, "big"))
    mac.update(cleared.data)
    return mac.finalize()[:MAC_BYTES]
