"""Elligator 2: against RFC 9380's vectors, and as a way back from points to uniformly random bytes."""

import random
from collections import Counter

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from stegnet.keys.elligator import coordinate, representative

P, ORDER = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
# u and the x-coordinate of Q, of curve25519_XMD:SHA-512_ELL2_NU_ (RFC 9380, appendix J.4.2)
RFC_9380 = """
608d892b641f0328523802a6603427c26e55e6f27e71a91a478148d45b5093cd 51125222da5e763d97f3c10fcc92ea6860b9ccbbd2eb1285728f566721c1e65b
46f5b22494bfeaa7f232cc8d054be68561af50230234d7d1d63d1d9abeca8da5 7d56d1e08cb0ccb92baf069c18c49bb5a0dcd927eff8dcf75ca921ef7f3e6eeb
235fe40c443766ce7e18111c33862d66c3b33267efa50d50f9e8e5d252a40aaa 3fbe66b9c9883d79e8407150e7c2a1c8680bee496c62fabe4619a72b3cabe90f
001e92a544463bda9bd04ddbe3d6eed248f82de32f522669efc5ddce95f46f5b 227e0bb89de700385d19ec40e857db6e6a3e634b1c32962f370d26f84ff19683
1a68a1af9f663592291af987203393f707305c7bac9c8d63d6a729bdc553dc19 3bcd651ee54d5f7b6013898aab251ee8ecc0688166fce6e9548d38472f6bd196
"""  # noqa: E501


def test_the_map_of_rfc_9380():
    for u, x in map(str.split, RFC_9380.strip().splitlines()):
        number = min(int(u, 16), P - int(u, 16))  # u and −u are mapped to the same
        for spare in range(4):
            data = (number | spare << 254).to_bytes(32, "little")
            assert int.from_bytes(coordinate(data), "little") == int(x, 16)


@pytest.fixture(scope="module")
def disguised_keys() -> list[tuple[X25519PrivateKey, bytes]]:
    """Private keys, and what they are disguised as, which half of all can be."""
    draw, found, tried = random.Random(5), [], 0
    while len(found) < 600:
        private, randomness = X25519PrivateKey.from_private_bytes(draw.randbytes(32)), draw.getrandbits(8)
        disguised = representative(private.public_key().public_bytes_raw(), randomness)
        found += [(private, disguised)] if disguised else []
        tried += 1
    assert abs(tried - 1200) < 5 * 1200**0.5
    return found


def test_both_sides_agree(disguised_keys):
    identity = X25519PrivateKey.from_private_bytes(bytes(range(32)))
    for private, disguised in disguised_keys[:300]:
        point = X25519PublicKey.from_public_bytes(coordinate(disguised))
        assert identity.exchange(point) == private.exchange(identity.public_key())


def test_every_bit_is_as_often_1_as_0(disguised_keys):
    for bit in range(256):
        ones = sum(disguised[bit // 8] >> bit % 8 & 1 for _, disguised in disguised_keys)
        assert abs(ones - 300) < 5 * 150**0.5, bit


def test_points_are_from_the_whole_curve(disguised_keys):
    """L times a point is of low order: the neutral point for an eighth of them, not for all."""
    orders = Counter(ladder(ORDER, int.from_bytes(coordinate(disguised), "little")) for _, disguised in disguised_keys)
    shares = sorted(orders.values())
    # The neutral point and (0, 0), both of which a ladder shows as 0; two points each of u = 1 and of two other u.
    assert len(shares) == 4
    assert all(abs(share - 150) < 5 * (600 * 3 / 16) ** 0.5 for share in shares)


def test_the_same_point_has_two_representatives():
    """One of them for each sign, so that the sign is as random as the rest."""
    pairs = 0
    for number in range(40):
        public = X25519PrivateKey.from_private_bytes(bytes([number]) * 32).public_key().public_bytes_raw()
        one, other = representative(public, 0), representative(public, 8)
        assert (one is None) == (other is None)
        if one is not None:
            pairs += one != other
            assert coordinate(one) == coordinate(other) == public
    assert pairs > 10


def ladder(scalar: int, u: int) -> int:
    """RFC 7748, section 5, without clamping: the u-coordinate of a multiple; 0 for the neutral point."""
    x2, z2, x3, z3 = 1, 0, u, 1
    for place in reversed(range(scalar.bit_length())):
        bit = scalar >> place & 1
        if bit:
            x2, z2, x3, z3 = x3, z3, x2, z2
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        x3, z3 = (d * a + c * b) ** 2 % P, u * (d * a - c * b) ** 2 % P
        x2, z2 = a * a * b * b % P, (a * a - b * b) * (a * a + 121665 * (a * a - b * b)) % P
        if bit:
            x2, z2, x3, z3 = x3, z3, x2, z2
    return x2 * pow(z2, P - 2, P) % P


def test_the_ladder_is_x25519():
    private = bytes([8]) + bytes(30) + bytes([64])
    expected = X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()
    assert ladder(int.from_bytes(private, "little"), 9) == int.from_bytes(expected, "little")
