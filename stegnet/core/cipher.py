"""Random bytes of the system, and the keystream from which orders, masks and shares are derived."""

from os import urandom

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

_PIECE, _MORE = 1 << 18, 15  # bytes that are made at once, which bounds the memory, and more that the cipher asks for


def system_bytes(count: int) -> bytes:
    """Random bytes of the operating system, by one door, which tests seed."""
    return urandom(count)


def keystream(key: bytes, size: int) -> memoryview:
    """The AES-256-CTR keystream, its counter from zero."""
    encryptor, zeros = Cipher(algorithms.AES256(key), modes.CTR(bytes(16))).encryptor(), bytes(min(_PIECE, size))
    stream = memoryview(np.empty(size + _MORE, np.uint8))  # large arrays get large pages
    for start in range(0, size, _PIECE):
        encryptor.update_into(zeros[: size - start], stream[start:])
    return stream[:size]


def random_words(key: bytes, count: int) -> np.ndarray:
    """(count,) uint64, random."""
    return np.frombuffer(keystream(key, 8 * count), "<u8")
