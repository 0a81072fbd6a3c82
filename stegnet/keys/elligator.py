"""Elligator 2 for X25519: public keys as 32 bytes that nobody can tell from random ones (docs/format.md, "Recipients").

Bernstein, Hamburg, Krasnova, Lange 2013, "Elligator: elliptic-curve points indistinguishable from uniform random
strings" (ACM CCS), section 5. Python's integers take a time that depends on their values; what is computed here is
public keys only, which whoever holds the representative can compute too. X25519 itself is OpenSSL's.
"""

_P, _A = (1 << 255) - 19, 486662
_ROOT_OF_MINUS_ONE = pow(2, (_P - 1) // 4, _P)
_BYTES, _BITS = 32, 254  # of a representative
# u-coordinates of the eight points of low order (the neutral one has none); but for the first two, each has two points.
_ORDER_8 = (
    39382357235489614581723060781553021112529911719440698176882885853963445705823,
    325606250916557431795983626356110631294008115727848805560023387167927233504,
)
_LOW_ORDER = (None, 0, 1, 1, *(_ORDER_8[:1] * 2), *(_ORDER_8[1:] * 2))


def coordinate(representative: bytes) -> bytes:
    """The public key, 32 bytes, that any 32 bytes stand for."""
    r = int.from_bytes(representative, "little") % (1 << _BITS)
    u = -_A * pow(1 + 2 * r * r, -1, _P) % _P  # the divisor is never 0, since −½ is no square
    return (u if _is_square(_curve(u)) else (-_A - u) % _P).to_bytes(_BYTES, "little")


def representative(public: bytes, randomness: int) -> bytes | None:
    """32 uniformly random bytes that stand for a public key; None for half of all keys, which have none.

    The key changes: a point of low order is added, which X25519 ignores, so that the result may be any point of the
    curve.

    Args:
        public: X25519 of a random private key.
        randomness: at least 6 bits, used for this key only.
    """
    u = _with_low_order(int.from_bytes(public, "little"), randomness % 8)
    parts = (u, -(u + _A)) if randomness >> 3 & 1 else (-(u + _A), u)
    r = _root(parts[0] * pow(2 * parts[1], -1, _P) % _P)
    if r is None:
        return None
    return (min(r, _P - r) | (randomness >> 4 & 3) << _BITS).to_bytes(_BYTES, "little")


def _with_low_order(u: int, which: int) -> int:
    """The u-coordinate of a point plus one of the eight of low order; which of the two points of u is not known."""
    other = _LOW_ORDER[which]
    if other is None:
        return u
    v, other_v = _root(_curve(u)), _root(_curve(other))
    slope = (v - (other_v if which % 2 else -other_v)) * pow(u - other, -1, _P)
    return (slope * slope - _A - u - other) % _P


def _curve(u: int) -> int:
    """v² of the points (u, v)."""
    return (u * u + _A * u + 1) * u % _P


def _is_square(value: int) -> bool:
    return pow(value, (_P - 1) // 2, _P) != _P - 1


def _root(value: int) -> int | None:
    """A square root modulo p; None if there is none."""
    root = pow(value, (_P + 3) // 8, _P)
    if (root * root - value) % _P:
        root = root * _ROOT_OF_MINUS_ONE % _P
    return None if (root * root - value) % _P else root
