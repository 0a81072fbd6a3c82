"""Authenticated encryption without a nonce: SIV, of HMAC-SHA256 and AES-256-CTR (docs/format.md, "Sealed bytes").

Rogaway and Shrimpton 2006, "A provable-security treatment of the key-wrap problem" (EUROCRYPT), section 4. The tag is a
pseudorandom function of what is sealed, and the first block of the counter. So no random bytes have to be hidden, and
if a key is used twice, an attacker learns no more than whether the same was sealed.
"""

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.constant_time import bytes_eq
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

TAG_BYTES = 16


def encrypt(key: bytes, data: bytes, context: bytes = b"") -> bytes:
    """Return sealed bytes, `TAG_BYTES` more than the data.

    Args:
        key: 64 bytes, those of AES first.
        data: bytes to be encrypted and authenticated.
        context: bytes to be authenticated only; all that are used with a key have one length.
    """
    tag = _tag(key, data, context)
    return tag + _ciphered(key, tag, data)


def decrypt(key: bytes, sealed: bytes, context: bytes = b"") -> bytes | None:
    """Return the data of sealed bytes; None if they are not what `encrypt` gives with this key and context."""
    tag = sealed[:TAG_BYTES]
    data = _ciphered(key, tag, sealed[TAG_BYTES:])
    return data if bytes_eq(_tag(key, data, context), tag) else None


def _ciphered(key: bytes, tag: bytes, data: bytes) -> bytes:
    return Cipher(algorithms.AES256(key[:32]), modes.CTR(tag)).encryptor().update(data)


def _tag(key: bytes, data: bytes, context: bytes) -> bytes:
    mac = HMAC(key[32:], SHA256())
    mac.update(context)
    mac.update(data)
    return mac.finalize()[:TAG_BYTES]
