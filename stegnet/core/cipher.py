"""The keystream from which orders, masks and shares are derived."""

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

_PIECE = 1 << 20  # bytes that are made at once, which bounds the memory


def keystream(key: bytes, size: int) -> bytearray:
    """The AES-256-CTR keystream, its counter from zero."""
    stream, encryptor = bytearray(size), Cipher(algorithms.AES256(key), modes.CTR(bytes(16))).encryptor()
    for start in range(0, size, _PIECE):
        stream[start : start + _PIECE] = encryptor.update(bytes(min(_PIECE, size - start)))
    return stream
