"""Elligator 2 for X25519: public keys as 32 bytes that can't be told from random ones.

Bernstein, Hamburg, Krasnova, Lange 2013, "Elligator: elliptic-curve points indistinguishable from uniform random
strings" (ACM CCS), section 5. The running time of Python's integers depends on their values, but they compute with
public keys only, which anybody who holds the representative can compute too. X25519 itself is OpenSSL's.
"""

_P = (1 << 255) - 19  # order of the field
_A = 486662  # v² = u³ + A u² + u
_ROOT_OF_MINUS_ONE = pow(2, (_P - 1) // 4, _P)


def coordinate(representative: bytes) -> bytes:
    """Return the public key, 32 bytes, that any 32 bytes represent."""
    r = int.from_bytes(representative, "little") % (1 << 254)  # the two highest bits are random
    u = -_A * pow(1 + 2 * r * r, -1, _P) % _P  # the divisor is never 0, since −½ is no square
    is_square = pow(_curve(u), (_P - 1) // 2, _P) != _P - 1
    return (u if is_square else (-_A - u) % _P).to_bytes(32, "little")


def representative(public: bytes, randomness: int) -> bytes | None:
    """Return 32 uniformly random bytes that represent a public key; None for half of all keys.

    The key, X25519 of a random private key, changes: a point of low order is added, which X25519 ignores, so that the
    result may be any point of the curve. `randomness` has at least 6 bits, used for this key only.
    """
    u = int.from_bytes(public, "little")

    # u-coordinates of the eight points of low order (the neutral one has none); except for the first two, each has two
    # points.
    order_8 = (
        39382357235489614581723060781553021112529911719440698176882885853963445705823,
        325606250916557431795983626356110631294008115727848805560023387167927233504,
    )
    added = (None, 0, 1, 1, order_8[0], order_8[0], order_8[1], order_8[1])[randomness % 8]
    if added is not None:  # which of the two points with this u is unknown
        v = _root(_curve(u))
        added_v = _root(_curve(added))
        slope = (v - (added_v if randomness % 2 else -added_v)) * pow(u - added, -1, _P)
        u = (slope * slope - _A - u - added) % _P

    parts = (u, -(u + _A)) if randomness >> 3 & 1 else (-(u + _A), u)
    square = parts[0] * pow(2 * parts[1], -1, _P) % _P
    r = _root(square)
    if r * r % _P != square:
        return None
    return (min(r, _P - r) | (randomness >> 4 & 3) << 254).to_bytes(32, "little")


def _curve(u: int) -> int:
    """Return v² of the points (u, v)."""
    return (u * u + _A * u + 1) * u % _P


def _root(value: int) -> int:
    """Return a square root of a square modulo p; of other values, a number whose square differs."""
    root = pow(value, (_P + 3) // 8, _P)
    return root if (root * root - value) % _P == 0 else root * _ROOT_OF_MINUS_ONE % _P
