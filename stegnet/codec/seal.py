"""Sealed bytes: a lead, a record and a MAC in the samples of a frame, by steps of ±1 (docs/format.md, "Samples").

Which samples carry what depends on the key and on the frame's salt, a hash of samples that carry nothing: nothing is at
a place that is public, or the same in two frames.
"""

from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.constant_time import bytes_eq
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from stegnet.codec import trellis
from stegnet.codec.costs import Costs
from stegnet.codec.keys import SALT_BYTES, SECRET_BYTES, ContainerKeys, Key, KeyRing
from stegnet.core.errors import CapacityError

VERSION = 2
SEED_BYTES, NONCE_BYTES, TAG_BYTES, MAC_BYTES = 32, 12, 16, 16
LEAD_BYTES = NONCE_BYTES + 1 + 1 + 4 + SECRET_BYTES + TAG_BYTES
FILM_EFFORT, PICTURE_EFFORT = 1 << 24, 1 << 29  # states that are searched in a frame
_EVERY, _SALT = 31, 15  # of 31 samples, number 15 is a salt sample
_RUN = 32  # carriers that stay side by side
_GROUP, _MOST_GROUP = 12_288, 64  # carriers for each sample of a group, and most samples of a group
_LEAD_BITS, _MAC_BITS = 8 * LEAD_BYTES, 8 * MAC_BYTES
_LEAST_CHANGED = 4  # salt samples


@dataclass(frozen=True)
class UnsealedRecord:
    """A record that was unsealed.

    Attributes:
        record: plaintext.
        whole: the MAC holds: no sample was changed after sealing.
    """

    record: bytes
    whole: bool


@dataclass(frozen=True)
class _Zones:
    """Numbers of places, in this order: of the lead, of the MAC, of the record."""

    lead: slice
    mac: slice
    record: slice

    @property
    def room(self) -> int:
        """Most bytes of a record."""
        return trellis.most_bytes(self.record.stop - self.record.start) - TAG_BYTES


@dataclass(frozen=True)
class _Order:
    """Keyed order of a frame's carriers.

    Attributes:
        runs: (T,) int, the runs of carriers in their order.
        sides: (n,) uint8, 0 or 1, of the samples of the MAC's zone.
    """

    runs: np.ndarray
    sides: np.ndarray

    def placed(self, samples: np.ndarray) -> np.ndarray:
        """The carriers among samples, (S,), in keyed order; a copy."""
        blocks = samples[: samples.size // _EVERY * _EVERY].reshape(-1, _EVERY)
        carriers = np.concatenate([blocks[:, :_SALT], blocks[:, _SALT + 1 :]], 1).reshape(-1)
        return carriers[: self.runs.size * _RUN].reshape(-1, _RUN)[self.runs].reshape(-1)

    def put(self, placed: np.ndarray, samples: np.ndarray) -> None:
        """Puts carriers in keyed order back among the samples."""
        blocks = samples[: samples.size // _EVERY * _EVERY].reshape(-1, _EVERY)
        carriers = np.concatenate([blocks[:, :_SALT], blocks[:, _SALT + 1 :]], 1).reshape(-1)
        carriers[: placed.size].reshape(-1, _RUN)[self.runs] = placed.reshape(-1, _RUN)
        carriers = carriers.reshape(-1, _EVERY - 1)
        blocks[:, :_SALT], blocks[:, _SALT + 1 :] = carriers[:, :_SALT], carriers[:, _SALT:]


def room(height: int, width: int) -> int:
    """Most bytes of a record in a picture of this size; negative if not even an empty one fits."""
    zones = _zones(3 * height * width)
    return zones.room if zones.record.stop > zones.record.start else -1


def seal(
    picture: np.ndarray,
    record: bytes,
    keys: ContainerKeys,
    seed: bytes,
    costs: Costs,
    *,
    first: bool,
    effort: int = PICTURE_EFFORT,
) -> None:
    """Seals a record in a picture, in place.

    Args:
        picture: (H, W, 3) uint8, contiguous; samples change by one level (by two at 0 and 255, if at all).
        seed: 32 random bytes, fresh for each frame.
        costs: of changing each sample.
        first: it is frame 0 of its container.
        effort: states that the search for the best changes may visit: FILM_EFFORT takes up to 60 ms of a core.
    Raises:
        CapacityError: the picture is too small.
    """
    height, width = picture.shape[:2]
    if len(record) > room(height, width):
        raise too_small(height, width, len(record))
    samples = picture.reshape(-1)
    random = _stream(seed, SEED_BYTES + NONCE_BYTES + 2 * samples.size)
    nonce = random[SEED_BYTES : SEED_BYTES + NONCE_BYTES]
    ties = np.frombuffer(random, "<u2", offset=SEED_BYTES + NONCE_BYTES)
    up, down = _without_ties(costs, ties)
    up[samples == 255] = down[samples == 0] = trellis.MAX_COST  # such a step goes the other way, by two
    zones = _zones(samples.size)
    plan = _plan(len(record) + TAG_BYTES, zones, effort)
    _refresh(samples, up, down, plan, random[:SEED_BYTES])
    salt = frame_salt(picture)
    key = keys.of_frame(salt, first)
    order = _order(samples.size, key, salt)
    values, up, down = (order.placed(part) for part in (samples, up, down))
    lead = _seal_lead(key.lead(salt), nonce, plan.height, len(record) + TAG_BYTES, keys.secret)
    sealed = AESGCM(key.record(salt)).encrypt(nonce, record, lead)
    _write_parities(values[zones.lead], _bits(lead), up[zones.lead], down[zones.lead])
    inside = zones.record
    changes = trellis.write(values[inside], trellis.to_trits(sealed), plan, up[inside], down[inside], ties[inside])
    values[inside] = _changed(values[inside], changes)
    mac_values, side = values[zones.mac], order.sides
    _make_changeable(mac_values, side)
    order.put(values, samples)
    tag = _mac(picture, mac_values, order, zones, key.mac(salt))
    _write_mac(mac_values, tag, side, up[zones.mac], down[zones.mac])
    order.put(values, samples)


def unseal(picture: np.ndarray, keys: KeyRing, *, first: bool) -> UnsealedRecord | None:
    """Unseals the record in a picture, (H, W, 3) uint8; None if nothing opens with these keys.

    Args:
        first: it is the first frame of its file.
    """
    if room(*picture.shape[:2]) < 0:
        return None
    salt = frame_salt(picture)
    for key in keys.candidates(salt, first):
        found = _unseal(picture, key, salt)
        if found is not None and keys.accept(found[0]):
            return found[1]
    return None


def frame_salt(picture: np.ndarray) -> bytes:
    """The 16-byte hash of a picture's salt samples."""
    height, width = picture.shape[:2]
    samples = picture.reshape(-1)
    kept = samples[: samples.size // _EVERY * _EVERY].reshape(-1, _EVERY)[:, _SALT]
    return sha256(b"stegnet/2/salt" + _size(height, width) + kept.tobytes()).digest()[:SALT_BYTES]


def too_small(height: int, width: int, needed: int, share: float = 0.0, step: int = 8) -> CapacityError:
    """The error for a record of `needed` bytes that does not fit; its hint gives a size that would do.

    Args:
        share: bytes needed for each pixel of a cover, in addition.
        step: safety margin in pixels.
    """
    side = 1.0
    while room(int(height * side), int(width * side)) < needed + share * int(height * side) * int(width * side):
        side *= 1.02
    return CapacityError(
        f"the cover is too small: {width}×{height} pixels",
        f"what must travel with each picture needs about {int(width * side) + step}×{int(height * side) + step}",
    )


def _zones(samples: int) -> _Zones:
    carriers = samples // _EVERY * (_EVERY - 1)
    group = min(max(carriers // _GROUP, 1), _MOST_GROUP)
    lead, mac = _LEAD_BITS * group, (_LEAD_BITS + _MAC_BITS) * group
    return _Zones(slice(0, lead), slice(lead, mac), slice(mac, max(mac, carriers // _RUN * _RUN)))


def _order(samples: int, key: Key, salt: bytes) -> _Order:
    runs, zone = samples // _EVERY * (_EVERY - 1) // _RUN, _zones(samples).mac
    sides = zone.stop - zone.start
    stream = _stream(key.positions(salt), 8 * runs + -(-sides // 8))
    words = np.frombuffer(stream, "<u8", runs)
    return _Order(words.argsort(kind="stable"), np.unpackbits(np.frombuffer(stream, np.uint8, offset=8 * runs))[:sides])


def _plan(size: int, zones: _Zones, effort: int) -> trellis.Layout:
    """The layout of a record of `size` bytes, of the largest height that the effort allows."""
    trits, samples = trellis.count_trits(size), zones.record.stop - zones.record.start
    searched = min(samples, trits * (trellis.MAX_WIDTH + 1))
    height = max((height for height in trellis.HEIGHTS if searched * 3**height <= effort), default=1)
    plan = trellis.layout(trits, samples, height)
    assert plan is not None
    return plan


def _seal_lead(key: bytes, nonce: bytes, height: int, size: int, secret: bytes) -> bytes:
    plain = bytes([VERSION, height]) + size.to_bytes(4, "big") + secret
    return nonce + AESGCM(key).encrypt(nonce, plain, None)


def _unseal(picture: np.ndarray, key: Key, salt: bytes) -> tuple[bytes, UnsealedRecord] | None:
    """Film secret and record; None if nothing opens with this key."""
    samples = picture.reshape(-1)
    zones, order = _zones(samples.size), _order(samples.size, key, salt)
    values = order.placed(samples)
    lead = np.packbits(_parities(values[zones.lead], _LEAD_BITS)).tobytes()
    nonce = lead[:NONCE_BYTES]
    try:
        plain = AESGCM(key.lead(salt)).decrypt(nonce, lead[NONCE_BYTES:], None)
        version, height, size, secret = plain[0], plain[1], int.from_bytes(plain[2:6], "big"), plain[6:]
        if version != VERSION or height not in trellis.HEIGHTS or not TAG_BYTES <= size <= zones.room + TAG_BYTES:
            return None
        sealed = _read_record(values[zones.record], size, height)
        if sealed is None:
            return None
        record = AESGCM(key.record(salt)).decrypt(nonce, sealed, lead)
    except InvalidTag:
        return None
    mac_values = values[zones.mac]
    tag = np.packbits(_parities(mac_values + order.sides, _MAC_BITS)).tobytes()
    whole = bytes_eq(tag, _mac(picture, mac_values, order, zones, key.mac(salt)))
    return secret, UnsealedRecord(record, whole)


def _read_record(values: np.ndarray, size: int, height: int) -> bytes | None:
    trits = trellis.count_trits(size)
    plan = trellis.layout(trits, values.size, height)
    return plan and trellis.from_trits(trellis.read(values, plan).reshape(-1)[:trits], size)


def _without_ties(costs: Costs, random: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Costs of steps up and down, (S,) uint16, with random last bits; of equal ones, a search would prefer some."""
    last = (random >> 13).astype(np.uint16)
    return costs.up.reshape(-1) * 8 + last, costs.down.reshape(-1) * 8 + (last ^ 7)


def _refresh(samples: np.ndarray, up: np.ndarray, down: np.ndarray, plan: trellis.Layout, seed: bytes) -> None:
    """Hides random bits in the samples that carry nothing, as densely as elsewhere, so that they don't stand out.

    They are drawn again until some salt samples have changed, so that no salt repeats.
    """
    idle, salts = _idle(samples.size), samples.size // _EVERY
    values = samples[idle]
    while np.count_nonzero(samples[idle[:salts]] != values[:salts]) < min(_LEAST_CHANGED, salts):
        order, random = _random_order(idle.size, seed)
        values[order] = _with_random_bits(samples[idle][order], up[idle][order], down[idle][order], plan, random)
        seed = sha256(seed).digest()
    samples[idle] = values


def _random_order(size: int, seed: bytes) -> tuple[np.ndarray, np.ndarray]:
    """A random permutation of `size` numbers, and as many random bytes."""
    stream = _stream(seed, 9 * size)
    return np.frombuffer(stream, "<u8", size).argsort(), np.frombuffer(stream, np.uint8, offset=8 * size)


def _with_random_bits(
    values: np.ndarray, up: np.ndarray, down: np.ndarray, plan: trellis.Layout, random: np.ndarray
) -> np.ndarray:
    """Values, (n,) uint8, after random bits were written to them: parities and trits in the shares of a whole frame."""
    zones, parities = _zones(values.size * _EVERY), _LEAD_BITS + _MAC_BITS
    groups = max(1, _in_part(parities, 1, _EVERY - 1, random[0]))
    split = groups * (zones.mac.stop // parities)
    head, tail = values[:split].copy(), values[split:]
    _write_parities(head, random[2 : 2 + groups] & 1, up[:split], down[:split])
    most = tail.size - max(1, tail.size // trellis.LEAST_ROWS)
    share = _in_part(plan.rows * plan.lanes, tail.size, zones.record.stop - zones.record.start, random[1])
    trits = min(share, most)
    own = trellis.layout(trits, tail.size, plan.height)
    assert own is not None
    ties = np.zeros(tail.size, np.uint16)  # the order is random
    changes = trellis.write(tail, random[-trits:] % 3, own, up[split:], down[split:], ties)
    return np.concatenate([head, _changed(tail, changes)])


def _in_part(count: int, part: int, whole: int, random: int) -> int:
    """The share of `count` in a part, rounded up or down by a random byte, so that it is right on average."""
    return (256 * count * part + int(random) * whole) // (256 * whole)


def _idle(samples: int) -> np.ndarray:
    """Numbers of the samples that carry nothing: the salt samples, then those behind the last run."""
    blocks, places = samples // _EVERY, samples // _EVERY * (_EVERY - 1) // _RUN * _RUN
    rest = np.arange(places, blocks * (_EVERY - 1))
    behind = np.arange(blocks * _EVERY, samples)
    return np.concatenate([np.arange(blocks) * _EVERY + _SALT, rest + (rest + _SALT) // (_EVERY - 1), behind])


def _changed(values: np.ndarray, changes: np.ndarray) -> np.ndarray:
    """Values, uint8, after changes of −1, 0 and 1; where these would leave the range, the other way by 2."""
    result = values.astype(np.int16) + changes
    return np.where(result < 0, 2, np.where(result > 255, 253, result)).astype(np.uint8)


def _parities(values: np.ndarray, groups: int) -> np.ndarray:
    """Parity of the lowest bits of each group, (groups,) uint8; every groups-th value belongs to one."""
    return np.bitwise_xor.reduce(values.reshape(-1, groups), 0) & 1


def _write_parities(values: np.ndarray, bits: np.ndarray, up: np.ndarray, down: np.ndarray) -> None:
    """Sets the parities of the groups to bits, by a step of the cheapest sample where one is wrong."""
    cheapest = np.minimum(up, down).reshape(-1, bits.size).argmin(0) * bits.size + np.arange(bits.size)
    chosen = cheapest[_parities(values, bits.size) != bits]
    before = values[chosen]
    rises = (before == 0) | (up[chosen] < down[chosen]) & (before != 255)
    values[chosen] = np.where(rises, before + 1, before - 1)


def _partners(values: np.ndarray, sides: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The other value of each value's pair, int16, and whether it is one from 0 to 255."""
    partners = ((values.astype(np.int16) + sides) ^ 1) - sides
    return partners, (partners >= 0) & (partners <= 255)


def _make_changeable(values: np.ndarray, sides: np.ndarray) -> None:
    """Moves the first sample of each group that has none with a pair by one level, after which it has one."""
    stuck = np.flatnonzero(~_partners(values, sides)[1].reshape(-1, _MAC_BITS).any(0))
    values[stuck] = np.where(values[stuck] == 0, 1, 254)


def _write_mac(values: np.ndarray, tag: bytes, sides: np.ndarray, up: np.ndarray, down: np.ndarray) -> None:
    """Sets the parities of the groups to the tag's bits, by exchanging the cheapest sample for its partner."""
    bits = _bits(tag)
    partners, valid = _partners(values, sides)
    cost = np.where(valid, np.where(partners > values, up, down), np.iinfo(np.uint16).max)
    cheapest = cost.reshape(-1, bits.size).argmin(0) * bits.size + np.arange(bits.size)
    chosen = cheapest[_parities(values + sides, bits.size) != bits]
    values[chosen] = partners[chosen]


def _mac(picture: np.ndarray, mac_values: np.ndarray, order: _Order, zones: _Zones, key: bytes) -> bytes:
    """HMAC-SHA256, its first 16 bytes, of size and samples, with pair numbers for the samples that hold it."""
    cleared = picture.copy()
    samples = cleared.reshape(-1)
    values = order.placed(samples)
    values[zones.mac] = (mac_values.astype(np.uint16) + order.sides) >> 1
    order.put(values, samples)
    mac = HMAC(key, SHA256())
    mac.update(_size(*picture.shape[:2]))
    mac.update(cleared.data)
    return mac.finalize()[:MAC_BYTES]


def _bits(data: bytes) -> np.ndarray:
    return np.unpackbits(np.frombuffer(data, np.uint8))


def _size(height: int, width: int) -> bytes:
    return height.to_bytes(4, "big") + width.to_bytes(4, "big")


def _stream(key: bytes, size: int) -> bytes:
    """The AES-256-CTR keystream, its counter from zero."""
    return Cipher(algorithms.AES256(key), modes.CTR(bytes(16))).encryptor().update(bytes(size))
