"""The keystream from which orders, masks and shares are derived, and orders by random words."""

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

_PIECE = 1 << 20  # bytes that are made at once, which bounds the memory


def keystream(key: bytes, size: int) -> bytearray:
    """The AES-256-CTR keystream, its counter from zero."""
    stream, encryptor = bytearray(size), Cipher(algorithms.AES256(key), modes.CTR(bytes(16))).encryptor()
    for start in range(0, size, _PIECE):
        stream[start : start + _PIECE] = encryptor.update(bytes(min(_PIECE, size - start)))
    return stream


def random_words(key: bytes, count: int) -> np.ndarray:
    """(count,) uint64, random."""
    return np.frombuffer(keystream(key, 8 * count), "<u8")


def stable_argsort(words: np.ndarray) -> np.ndarray:
    """The stable argsort; the quick one is the same where all words differ, as 64 random bits do."""
    order = words.argsort()
    found = words[order]
    return words.argsort(kind="stable") if (found[1:] == found[:-1]).any() else order


def first_sorted(words: np.ndarray, count: int) -> np.ndarray:
    """The first so many elements of `stable_argsort`, (count,) int; few are found without sorting the others."""
    if count + 1 >= words.size:
        return stable_argsort(words)[:count]
    lowest = np.argpartition(words, count)[: count + 1]
    order = lowest[words[lowest].argsort()]
    found = words[order]
    return stable_argsort(words)[:count] if (found[1:] == found[:-1]).any() else order[:count]
