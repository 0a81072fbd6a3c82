"""Recipients: public keys to hide for, and the identities that reveal (docs/format.md, "Recipients").

Frame 0 and anchors carry an ephemeral key, disguised as random bytes, at places that follow from the recipient and the
frame's salt.

The disguise is Elligator 2 for X25519: public keys as 32 bytes that nobody can tell from random ones. Bernstein,
Hamburg, Krasnova, Lange 2013, "Elligator: elliptic-curve points indistinguishable from uniform random strings" (ACM
CCS), section 5. Python's integers take a time that depends on their values; what is computed with them is public keys
only, which whoever holds the representative can compute too. X25519 itself is OpenSSL's.
"""

from collections.abc import Iterator

import numpy as np
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from stegnet.core.errors import KeyFileError
from stegnet.core.keystream import keystream
from stegnet.keys.keys import (
    EPHEMERAL_TRITS,
    SYSTEM,
    AnchorSource,
    ContainerKeys,
    Key,
    KeySource,
    Passphrase,
    Randomness,
    ReadEphemeral,
    anchored_keys,
)
from stegnet.keys.keytext import KEY_BYTES, RECIPIENT, to_text

_ATTEMPTS = 128  # of which half give an ephemeral key
_BITS, _FILLER_BYTES = 8 * KEY_BYTES, 16
_P, _A = (1 << 255) - 19, 486662
_ROOT_OF_MINUS_ONE = pow(2, (_P - 1) // 4, _P)
_REPRESENTATIVE_BITS = 254
# u-coordinates of the eight points of low order (the neutral one has none); but for the first two, each has two points.
_ORDER_8 = (
    39382357235489614581723060781553021112529911719440698176882885853963445705823,
    325606250916557431795983626356110631294008115727848805560023387167927233504,
)
_LOW_ORDER = (None, 0, 1, 1, *(_ORDER_8[:1] * 2), *(_ORDER_8[1:] * 2))
_KEY, _PASSPHRASE, _RECIPIENT, _IDENTITY = b"k", b"p", b"r", b"i"


class Recipient(AnchorSource):
    """A public key to hide for; whoever has it can't reveal.

    What one object hid, it can read again until it is gone: hiding verifies what it wrote.

    Args:
        public: 32 bytes.
        secret: 32 bytes, from which the ephemeral keys follow; random ones by default.
    Raises:
        KeyFileError: the key is of low order, so that anybody could reveal.
    """

    __slots__ = ("_secret", "public")

    def __init__(self, public: bytes, secret: bytes | None = None) -> None:
        self.public, self._secret = public, SYSTEM(KEY_BYTES) if secret is None else secret
        del secret
        if _shared(X25519PrivateKey.generate(), public) is None:
            raise KeyFileError("the recipient is not a public key that anything can be hidden for")

    def __str__(self) -> str:
        """The public key as text, which is no secret."""
        return to_text(RECIPIENT, self.public)

    def new_keys(self, randomness: Randomness) -> ContainerKeys:
        return anchored_keys(self, randomness, self.public)

    def derive(self, salt: bytes, ephemeral: ReadEphemeral | None = None) -> Key:
        private, disguised, filler = next(_ephemeral_keys(self._secret, salt))
        return _agreed(_shared(private, self.public), disguised, self.public, _to_trits(disguised, filler))


class Identity(AnchorSource):
    """A private key, which reveals what was hidden for its recipient.

    Args:
        secret: 32 random bytes.
    """

    __slots__ = ("_private",)

    def __init__(self, secret: bytes) -> None:
        self._private = X25519PrivateKey.from_private_bytes(secret)

    @property
    def recipient(self) -> Recipient:
        """The public key that belongs to it."""
        return Recipient(self._private.public_key().public_bytes_raw())

    def new_keys(self, randomness: Randomness) -> ContainerKeys:
        return self.recipient.new_keys(randomness)

    def derive(self, salt: bytes, ephemeral: ReadEphemeral | None = None) -> Key | None:
        public = self._private.public_key().public_bytes_raw()
        trits = None if ephemeral is None else ephemeral(public)
        if trits is None:
            return None
        number = sum(int(trit) * 3**place for place, trit in enumerate(trits))
        disguised = (number % (1 << _BITS)).to_bytes(KEY_BYTES, "little")
        shared = _shared(self._private, coordinate(disguised))
        return shared and _agreed(shared, disguised, public, trits)


def export_secret(source: KeySource) -> bytes:
    """Any source of keys as bytes, to be encrypted by the caller; `import_secret` is the inverse."""
    if isinstance(source, Recipient):
        return _RECIPIENT + source.public + source._secret
    if isinstance(source, Identity):
        return _IDENTITY + source._private.private_bytes_raw()
    return _KEY + source._secret if isinstance(source, Key) else _PASSPHRASE + source._text


def import_secret(data: bytes) -> KeySource:
    """The source of keys that `export_secret` turned into bytes."""
    kind, secret = data[:1], data[1:]
    if kind == _RECIPIENT:
        return Recipient(secret[:KEY_BYTES], secret[KEY_BYTES:])
    if kind == _IDENTITY:
        return Identity(secret)
    return Key(secret) if kind == _KEY else Passphrase(secret.decode())


def _ephemeral_keys(secret: bytes, salt: bytes) -> Iterator[tuple[X25519PrivateKey, bytes, int]]:
    """Ephemeral keys of a frame, each with the 32 bytes that it is disguised as, and more randomness."""
    derived = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=salt, info=b"stegnet/2/ephemeral").derive(secret)
    size = KEY_BYTES + 1 + _FILLER_BYTES
    stream = keystream(derived, _ATTEMPTS * size)
    for start in range(0, len(stream), size):
        private = X25519PrivateKey.from_private_bytes(stream[start : start + KEY_BYTES])
        disguised = representative(private.public_key().public_bytes_raw(), stream[start + KEY_BYTES])
        if disguised is not None:
            yield private, disguised, int.from_bytes(stream[start + KEY_BYTES + 1 : start + size], "little")


def _to_trits(disguised: bytes, filler: int) -> np.ndarray:
    """32 random bytes as uniformly random trits, (192,) uint8: the lowest bits of a number to the base 3."""
    number = int.from_bytes(disguised, "little")
    count = (3**EPHEMERAL_TRITS - 1 - number >> _BITS) + 1
    number += filler % count << _BITS
    return np.array([number // 3**place % 3 for place in range(EPHEMERAL_TRITS)], np.uint8)


def _shared(private: X25519PrivateKey, public: bytes) -> bytes | None:
    """The shared secret; None if it is zero, as it is for points of low order."""
    try:
        return private.exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError:
        return None


def _agreed(shared: bytes, disguised: bytes, recipient: bytes, trits: np.ndarray) -> Key:
    hkdf = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=disguised + recipient, info=b"stegnet/2/recipient")
    return Key(hkdf.derive(shared), recipient, trits)


def coordinate(representative: bytes) -> bytes:
    """The public key, 32 bytes, that any 32 bytes stand for."""
    r = int.from_bytes(representative, "little") % (1 << _REPRESENTATIVE_BITS)
    u = -_A * pow(1 + 2 * r * r, -1, _P) % _P  # the divisor is never 0, since −½ is no square
    is_square = pow(_curve(u), (_P - 1) // 2, _P) != _P - 1
    return (u if is_square else (-_A - u) % _P).to_bytes(KEY_BYTES, "little")


def representative(public: bytes, randomness: int) -> bytes | None:
    """32 uniformly random bytes that stand for a public key; None for half of all keys, which have none.

    The key, X25519 of a random private key, changes: a point of low order is added, which X25519 ignores, so that the
    result may be any point of the curve. The randomness has at least 6 bits, used for this key only.
    """
    u, other = int.from_bytes(public, "little"), _LOW_ORDER[randomness % 8]
    if other is not None:  # which of the two points of u is not known
        v, other_v = _root(_curve(u)), _root(_curve(other))
        slope = (v - (other_v if randomness % 2 else -other_v)) * pow(u - other, -1, _P)
        u = (slope * slope - _A - u - other) % _P
    parts = (u, -(u + _A)) if randomness >> 3 & 1 else (-(u + _A), u)
    r = _root(parts[0] * pow(2 * parts[1], -1, _P) % _P)
    if r is None:
        return None
    return (min(r, _P - r) | (randomness >> 4 & 3) << _REPRESENTATIVE_BITS).to_bytes(KEY_BYTES, "little")


def _curve(u: int) -> int:
    """v² of the points (u, v)."""
    return (u * u + _A * u + 1) * u % _P


def _root(value: int) -> int | None:
    """A square root modulo p; None if there is none."""
    root = pow(value, (_P + 3) // 8, _P)
    if (root * root - value) % _P:
        root = root * _ROOT_OF_MINUS_ONE % _P
    return None if (root * root - value) % _P else root
