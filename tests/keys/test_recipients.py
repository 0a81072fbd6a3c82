"""Recipients: by recipient.json, Elligator 2 by RFC 9380, and nothing in a container that gives them away."""

import json
import random
from collections import Counter
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

import stegnet
from stegnet import CapacityError, KeyFileError, RevealError
from stegnet.image import read_picture
from stegnet.keys import (
    Identity,
    Key,
    Passphrase,
    Recipient,
    export_secret,
    import_secret,
)
from stegnet.keys.elligator import coordinate, representative
from stegnet.methods.sealed import hide_bytes, reveal_bytes
from stegnet.pixels.medium import bytes_capacity
from stegnet.sealing import frame_salt, public_order, zones_of
from stegnet.sealing.zones import read_ephemeral
from stegnet.video import FilmWriter, read_frames
from tests.support.sealing import order_of

FORMAT = Path(__file__).parents[1] / "format"
VALUES = json.loads((FORMAT / "recipient.json").read_text(encoding="utf-8"))
FILLER = 12345  # of the vector's ephemeral key
P, ORDER = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
SECRET = bytes.fromhex(VALUES["identity"])
DATA, SALT = b"for Bob", bytes(range(16))
LOW_ORDER = [bytes(32), b"\1" + bytes(31), bytes.fromhex("ec" + "ff" * 30 + "7f")]
IDENTITY = Identity(SECRET)
RECIPIENT = Recipient(IDENTITY.recipient.public, bytes(32))
# u and the x-coordinate of Q, of curve25519_XMD:SHA-512_ELL2_NU_ (RFC 9380, appendix J.4.2)
RFC_9380 = """
608d892b641f0328523802a6603427c26e55e6f27e71a91a478148d45b5093cd 51125222da5e763d97f3c10fcc92ea6860b9ccbbd2eb1285728f566721c1e65b
46f5b22494bfeaa7f232cc8d054be68561af50230234d7d1d63d1d9abeca8da5 7d56d1e08cb0ccb92baf069c18c49bb5a0dcd927eff8dcf75ca921ef7f3e6eeb
235fe40c443766ce7e18111c33862d66c3b33267efa50d50f9e8e5d252a40aaa 3fbe66b9c9883d79e8407150e7c2a1c8680bee496c62fabe4619a72b3cabe90f
001e92a544463bda9bd04ddbe3d6eed248f82de32f522669efc5ddce95f46f5b 227e0bb89de700385d19ec40e857db6e6a3e634b1c32962f370d26f84ff19683
1a68a1af9f663592291af987203393f707305c7bac9c8d63d6a729bdc553dc19 3bcd651ee54d5f7b6013898aab251ee8ecc0688166fce6e9548d38472f6bd196
"""  # noqa: E501


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


def test_the_map_of_rfc_9380():
    for u, x in map(str.split, RFC_9380.strip().splitlines()):
        number = min(int(u, 16), P - int(u, 16))  # u and −u are mapped to the same
        for spare in range(4):
            data = (number | spare << 254).to_bytes(32, "little")
            assert int.from_bytes(coordinate(data), "little") == int(x, 16)


@pytest.fixture(scope="module")
def disguised_keys() -> list[tuple[X25519PrivateKey, bytes]]:
    """Private keys, and what they are disguised as, which half of all can be."""
    draw, tried = random.Random(5), 0
    found: list[tuple[X25519PrivateKey, bytes]] = []
    while len(found) < 300:
        private, randomness = X25519PrivateKey.from_private_bytes(draw.randbytes(32)), draw.getrandbits(8)
        disguised = representative(private.public_key().public_bytes_raw(), randomness)
        found += [(private, disguised)] if disguised else []
        tried += 1
    assert abs(tried - 600) < 5 * 600**0.5
    return found


def test_keys_are_disguised_as_random_bytes(disguised_keys):
    """Both sides agree on a key; every bit is as often 1 as 0; and points are from the whole curve.

    L times a point is of low order: the neutral point for an eighth of them, not for all.
    """
    identity = X25519PrivateKey.from_private_bytes(bytes(range(32)))
    for private, disguised in disguised_keys[:100]:
        point = X25519PublicKey.from_public_bytes(coordinate(disguised))
        assert identity.exchange(point) == private.exchange(identity.public_key())
    for bit in range(256):
        ones = sum(disguised[bit // 8] >> bit % 8 & 1 for _, disguised in disguised_keys)
        assert abs(ones - 150) < 5 * 75**0.5, bit
    orders = Counter(ladder(ORDER, int.from_bytes(coordinate(disguised), "little")) for _, disguised in disguised_keys)
    shares = sorted(orders.values())
    # The neutral point and (0, 0), both of which a ladder shows as 0; two points each of u = 1 and of two other u.
    assert len(shares) == 4
    assert all(abs(share - 75) < 5 * (300 * 3 / 16) ** 0.5 for share in shares)


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


@pytest.fixture(scope="module")
def cover(picture) -> np.ndarray:
    return picture(60, 80)


def derived(container: np.ndarray) -> Key:
    """The key of a container."""
    salt = frame_salt(container)
    key = IDENTITY.derive(salt, partial(read_ephemeral, container, salt))
    assert key
    return key


def test_the_vector():
    container = read_picture(FORMAT / "recipient.png")
    salt = bytes.fromhex(VALUES["salt"])
    assert frame_salt(container) == salt
    assert IDENTITY.recipient.public.hex() == VALUES["recipient"]
    key = derived(container)
    number = sum(int(trit) * 3**place for place, trit in enumerate(key.ephemeral))
    assert (number % 2**256).to_bytes(32, "little").hex() == VALUES["ephemeral"]
    assert number >> 256 == FILLER
    assert coordinate(bytes.fromhex(VALUES["ephemeral"])).hex() == VALUES["point"]
    assert key.record(SALT) == Key(bytes.fromhex(VALUES["frame_key"])).record(SALT)
    zones = zones_of(container.size, ephemeral=True)
    numbers = public_order(container.size, key.recipient, salt).numbers(zones.public)
    assert list(numbers[numbers % 3 == 1][:8]) == VALUES["first_samples"]
    assert list(order_of(container.size, key, salt).numbers(zones.ephemeral)) == list(numbers)
    assert reveal_bytes(container, IDENTITY) == VALUES["data"].encode()


def test_a_container_for_a_recipient(cover, quick_scrypt):
    """Another of the same has nothing in common with it."""
    container, other = (hide_bytes(cover, DATA, RECIPIENT, name="x") for _ in range(2))
    assert list(derived(container).ephemeral) != list(derived(other).ephemeral)
    orders = [public_order(cover.size, RECIPIENT.public, frame_salt(each)) for each in (cover, container, other)]
    assert len({tuple(order.runs) for order in orders}) == 3
    assert np.abs(container.astype(int) - cover).max() <= 2
    assert reveal_bytes(container, IDENTITY) == DATA
    assert reveal_bytes(container, RECIPIENT) == DATA, "what this object hid"
    public = RECIPIENT.public
    for other in (Identity(bytes(32)), Recipient(public), Key(public), Key(SECRET), Passphrase(str(RECIPIENT)[-40:])):
        with pytest.raises(RevealError, match="nothing here opens with this key"):
            reveal_bytes(container, other)


def trits_of(recipient: Recipient, salt: bytes) -> tuple[int, ...]:
    key = recipient.derive(salt)
    assert key is not None and key.ephemeral is not None
    return tuple(key.ephemeral)


def test_the_ephemeral_key_is_another_for_each_salt():
    """Each trit is as often 0 as 1 and 2; the same object derives the same again, another one does not."""
    trits = np.array([trits_of(RECIPIENT, number.to_bytes(16, "big")) for number in range(300)])
    assert len(np.unique(trits, axis=0)) == 300
    for value in range(3):
        assert np.abs((trits == value).sum(0) - 100).max() < 5 * (300 * 2 / 9) ** 0.5
    assert trits_of(RECIPIENT, bytes(16)) == tuple(trits[0]) != trits_of(Recipient(RECIPIENT.public), bytes(16))


def test_capacity_is_left_for_the_ephemeral_key(cover, picture):
    film_key, size = RECIPIENT.new_keys(bytes).film, cover.shape[:2]
    most = bytes_capacity(*size, "x", film_key)
    assert bytes_capacity(*size, "x") - 210 < most < bytes_capacity(*size, "x") - 190
    full = hide_bytes(cover, b"\1" * most, RECIPIENT, name="x")
    assert reveal_bytes(full, IDENTITY) == b"\1" * most
    with pytest.raises(CapacityError, match=f"more than the capacity of {most}"):
        hide_bytes(cover, b"\1" * (most + 1), RECIPIENT, name="x")
    for small in ((1, 1), (16, 15), (20, 17), (23, 24)):
        with pytest.raises(RevealError):
            reveal_bytes(picture(*small), IDENTITY)
        with pytest.raises(CapacityError):
            hide_bytes(picture(*small), b"", RECIPIENT)


def test_a_film_opens_without_its_first_frame(tmp_path, make_film, monkeypatch):
    """By an anchor, which half of all frames are here, so that a short film has some."""
    monkeypatch.setattr("stegnet.keys.sources._ANCHORS", 128)
    make_film(tmp_path / "cover.mkv", 12)
    stegnet.hide(tmp_path / "cover.mkv", DATA, tmp_path / "c.mkv", key=RECIPIENT, method="sealed")
    first, *rest = read_frames(tmp_path / "c.mkv")
    assert len({frame_salt(frame) for frame in (first, *rest)}) == 12
    with FilmWriter(tmp_path / "d.mkv", 96, 64, Fraction(25)) as film:
        for index, frame in enumerate(rest):
            film.write(frame, Fraction(index, 25))
    found = stegnet.reveal(tmp_path / "d.mkv", key=IDENTITY)
    assert found.data == DATA
    assert found.trouble[-1].endswith("lost")


def test_recipients_that_everybody_could_read():
    for public in LOW_ORDER:
        with pytest.raises(KeyFileError, match="is not a public key"):
            Recipient(public)


def test_sources_as_bytes(cover):
    again = [import_secret(export_secret(source)) for source in (IDENTITY, RECIPIENT)]
    assert again[0].recipient.public == again[1].public == RECIPIENT.public
    assert trits_of(again[1], SALT) == trits_of(RECIPIENT, SALT)
    assert reveal_bytes(hide_bytes(cover, DATA, again[1]), again[0]) == DATA
    for source in (Key(bytes(range(32))), Passphrase("Käse")):
        copied = import_secret(export_secret(source))
        assert type(copied) is type(source)
        assert export_secret(copied) == export_secret(source)
