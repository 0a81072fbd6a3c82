"""Sealed bytes: a lead, a record and a MAC in the samples of a frame, by steps of ±1 (docs/format.md, "Lead" to "MAC").

The place of each bit depends on the key and on the frame's salt, a hash of samples that carry nothing. No bit is at a
public place, or at the same place in two frames.
"""

from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.constant_time import bytes_eq
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from stegnet import kernels
from stegnet.core.errors import CapacityError
from stegnet.core.keystream import keystream
from stegnet.core.pixels import in_strips, is_grey
from stegnet.keys import ANY_KEY, ContainerKeys, Key, KeyRing
from stegnet.sealing import trellis
from stegnet.sealing.carriers import (
    LEAD_BITS,
    MAC_BITS,
    PIXELS,
    TAG_BYTES,
    CarrierModel,
    Order,
    Zones,
    frame_salt,
    order_of,
    size_bytes,
    zones_of,
)
from stegnet.sealing.costs import Costs
from stegnet.sealing.decoys import fill_ephemeral_zone, place_decoys
from stegnet.sealing.zones import (
    NO_STEPS,
    CostMap,
    RecordPlan,
    StepCosts,
    Ties,
    parities_of,
    plan_of,
    read_ephemeral,
    read_record,
    values_of,
    write_ephemeral,
    write_record,
    write_zone,
)

VERSION = 2
SEED_BYTES, NONCE_BYTES, MAC_BYTES = 32, 12, MAC_BITS // 8
FILM_EFFORT, PICTURE_EFFORT = 1 << 24, 1 << 29  # trellis states that are searched in a frame
_GREY = 16  # added to the height of a grey record
# Orders of the carriers that are tried if some samples must not change, and the average number of lead and MAC bits
# that may have fixed samples only: an order then fails with a probability of at most 1 − e⁻².
_ORDERS, _STUCK = 100, 4.0
_AUTHENTICATED = 1 << 20  # samples that are hashed at a time
_CHEAPER_BITS = 2  # low bits that other samples' costs lose: a fixed sample costs ten times as much as any of them


@dataclass(frozen=True)
class UnsealedRecord:
    """Unsealed record, and whether the frame is unchanged."""

    record: bytes
    whole: bool


@dataclass(frozen=True)
class SealOptions:
    """Options of sealing a record."""

    first: bool  # the frame is frame 0 of its container
    effort: int = PICTURE_EFFORT  # states that the search for the best changes may visit; FILM_EFFORT takes up to 60 ms
    # Write a small record to red, green and blue of a pixel together, in colour pictures too: statistics that compare
    # the channels detect changes of a single one far sooner.
    grey: bool = False
    clustered: bool = True  # the steps of an ephemeral key follow those around them, too
    medium: CarrierModel = PIXELS
    decoys: bool = True  # False: the picture already has its decoy changes
    fixed: np.ndarray | None = None  # samples of one channel that must not change, (H, W, 1) bool; None: all may


def record_capacity(
    height: int, width: int, key: Key = ANY_KEY, channels: int = 3, medium: CarrierModel = PIXELS
) -> int:
    """Return the size in bytes of the largest record for this picture size; negative if not even an empty one fits.

    Args:
        key: film key; if it is for a recipient, space is left for an ephemeral key.
        channels: 1 for a grey picture that stays grey.
    """
    zones = zones_of(channels * height * width, key.recipient is not None, medium)
    return zones.capacity if zones.places else -1


def most_fixed(samples: int, medium: CarrierModel) -> float:
    """Return the largest share of a frame's samples, 0 to 1, that may be fixed, leaving most groups a free one."""
    return (_STUCK / (LEAD_BITS + MAC_BITS)) ** (1 / zones_of(samples, medium=medium).group)


@dataclass(frozen=True)
class Margin:
    """Space that a cover needs besides its record: bytes per pixel, and extra pixels on each side."""

    share: float = 0.0
    pixels: int = 8


def too_small(
    height: int, width: int, needed: int, key: Key = ANY_KEY, channels: int = 3, margin: Margin = Margin()
) -> CapacityError:
    """Return the error for a record of `needed` bytes that doesn't fit; its hint gives a sufficient size."""
    side, tall, wide = 1.0, height, width
    while record_capacity(tall, wide, key, channels) < needed + margin.share * tall * wide:
        side *= 1.02
        tall, wide = int(height * side), int(width * side)
    hint = f"the cover needs at least {wide + margin.pixels}×{tall + margin.pixels} pixels"
    return CapacityError(f"the cover is too small: {width}×{height} pixels", hint)


def seal(
    picture: np.ndarray, record: bytes, keys: ContainerKeys, seed: bytes, costs: Costs, options: SealOptions
) -> None:
    """Seal a record in a picture, in place. A grey picture stays grey if the record fits into one channel.

    Args:
        picture: (H, W, 3) or (H, W, 1) uint8, contiguous; samples change by one level (at 0 and 255 by two, if at all).
        seed: 32 random bytes, fresh for each frame.
        costs: cost of changing each sample.
    Raises:
        CapacityError: the picture is too small, or too many of its samples must not change.
    """
    (height, width, channels), medium, size = picture.shape, options.medium, len(record) + TAG_BYTES
    if len(record) > record_capacity(height, width, keys.film, channels, medium):
        raise too_small(height, width, len(record), keys.film)
    grey = is_grey(picture) and len(record) <= record_capacity(height, width, keys.film, 1, medium)
    own = picture[..., :1].copy() if grey and channels > 1 else picture
    addressed = keys.film.recipient is not None  # only the salt decides which frames after the first are anchors
    plan = plan_of(size, zones_of(own.size, addressed, medium), options.effort, options.grey, own.shape[2])
    final = _final_costs(own, costs, seed, plan.grey, options.fixed)
    del costs  # tens of megabytes for large pictures, which some callers no longer need
    before, must_stay = (None, None) if final.fixed is None else (own.copy(), own[final.fixed])
    sealing = _Sealing(record, keys, final, plan, options)
    for _ in range(_ORDERS):
        sealing.write(own, seed)
        if before is None or np.array_equal(own[final.fixed], must_stay):
            break
        own[:], seed = before, sha256(seed).digest()
    else:
        raise CapacityError("too little of the cover may change", "use a larger cover, or hide less")
    if own is not picture:
        picture[:] = own


@dataclass(frozen=True, eq=False)
class _Sealing:
    """Record with everything that is needed to seal it in a frame."""

    record: bytes
    keys: ContainerKeys
    costs: StepCosts
    plan: RecordPlan
    options: SealOptions

    def write(self, own: np.ndarray, seed: bytes) -> None:
        """Seal the record in samples, (H, W, C) uint8, in place, in an order of the carriers that depends on the seed.

        Fixed samples change only if all samples of a group of lead or MAC are fixed.
        """
        costs, plan, options, samples = self.costs, self.plan, self.options, own.reshape(-1)
        random, addressed = keystream(seed, SEED_BYTES + NONCE_BYTES), self.keys.film.recipient is not None
        nonce, medium, moved = bytes(random[SEED_BYTES:]), options.medium, NO_STEPS
        if options.decoys:
            zones = zones_of(own.size, addressed and options.first, medium)
            moved = place_decoys(own, costs, plan, zones, bytes(random[:SEED_BYTES]))
        salt = frame_salt(own)
        key = self.keys.of_frame(salt, options.first)
        zones, order = zones_of(own.size, key.ephemeral is not None, medium), order_of(own.size, key, salt, medium)
        cost_map = CostMap(own, costs, order, zones, moved)
        if key.ephemeral is not None:
            fill_ephemeral_zone(cost_map, plan, sha256(seed).digest())
            write_ephemeral(cost_map, key.ephemeral, options.clustered)
        size = (len(self.record) + TAG_BYTES).to_bytes(4, "big")
        head = bytes([VERSION, plan.height + _GREY * plan.grey]) + size + self.keys.secret
        lead = nonce + AESGCM(key.lead(salt)).encrypt(nonce, head, None)
        write_zone(samples, zones.lead, np.unpackbits(np.frombuffer(lead, np.uint8)), costs, order)
        write_record(cost_map, trellis.to_trits(AESGCM(key.record(salt)).encrypt(nonce, self.record, lead)), plan)
        _seal_mac(own, key.mac(salt), order, zones, costs, medium.context)


def unseal(picture: np.ndarray, keys: KeyRing, *, first: bool, medium: CarrierModel = PIXELS) -> UnsealedRecord | None:
    """Unseal the record in a picture, (H, W, 3) or (H, W, 1) uint8; return None if nothing opens with these keys.

    `first` is True for the first frame of its file.
    """
    picture = picture[..., :1].copy() if is_grey(picture) else picture
    if record_capacity(*picture.shape[:2], channels=picture.shape[2], medium=medium) < 0:
        return None
    salt = frame_salt(picture)
    for key in keys.candidates(salt, first, lambda recipient: read_ephemeral(picture, salt, recipient, medium)):
        found = _unseal(picture, key, salt, medium)
        if found is not None and keys.accept(found[0]):
            return found[1]
    return None


def _unseal(picture: np.ndarray, key: Key, salt: bytes, medium: CarrierModel) -> tuple[bytes, UnsealedRecord] | None:
    """Return the film secret and the record; None if nothing opens with this key."""
    samples = picture.reshape(-1)
    zones = zones_of(samples.size, key.ephemeral is not None, medium)
    order = order_of(samples.size, key, salt, medium, zones.lead.stop)
    lead = np.packbits(parities_of(values_of(samples, order, zones.lead), LEAD_BITS)).tobytes()
    nonce = lead[:NONCE_BYTES]
    try:
        plain = AESGCM(key.lead(salt)).decrypt(nonce, lead[NONCE_BYTES:], None)
        (grey, height), size, secret = divmod(plain[1], _GREY), int.from_bytes(plain[2:6], "big"), plain[6:]
        if plain[0] != VERSION or grey > 1 or height not in trellis.HEIGHTS or size < TAG_BYTES:
            return None
        order = order_of(samples.size, key, salt, medium)
        sealed = read_record(values_of(samples, order, zones.record, grey * picture.shape[2]), size, height)
        if sealed is None:
            return None
        record = AESGCM(key.record(salt)).decrypt(nonce, sealed, lead)
    except InvalidTag:
        return None
    tag = np.packbits(parities_of(values_of(samples, order, zones.mac) + order.sides, MAC_BITS)).tobytes()
    return secret, UnsealedRecord(record, bytes_eq(tag, _mac(picture, order, zones, key.mac(salt), medium.context)))


def _final_costs(
    picture: np.ndarray, costs: Costs, seed: bytes, grey: bool, fixed: np.ndarray | None = None
) -> StepCosts:
    """Return the costs of steps with random low bits, without which a search would favour some of equal costs.

    A sample at 0 or 255 can only step by two the other way and gets the maximum cost. Samples of a pixel that move
    together cost as much as the most expensive one.
    """
    together = picture.shape[2] if grey else 1
    shape = picture.shape[:2] if together > 1 else picture.shape
    up, down = np.empty((2, *shape), np.uint16)
    ties, row = Ties(seed, (SEED_BYTES + NONCE_BYTES) // 2), picture[0].size

    def finish(rows: slice) -> None:
        samples = picture[rows]
        last = ties.part(row * rows.start, samples.size).reshape(samples.shape)
        for final, every, mirror, edge in ((up, costs.up, False, 255), (down, costs.down, True, 0)):
            own = every[rows, :, : picture.shape[2]]
            if kernels.compiled:
                if together > 1 and not own.strides[2]:  # one channel, repeated for all
                    own = own[..., :1]
                own = np.ascontiguousarray(own, np.uint16)
                kernels.compiled.final(samples, own, last, mirror, edge, trellis.MAX_COST, together, final[rows])
                continue
            some = own.astype(np.uint16) * 8 + ((last >> 13) ^ 7 * mirror)
            some[samples == edge] = trellis.MAX_COST
            final[rows] = some.max(2) if together > 1 else some

    in_strips(finish, *picture.shape[:2])
    if fixed is not None:
        for side in (up, down):
            np.right_shift(side, _CHEAPER_BITS, out=side)
            side[fixed] = trellis.FIXED_COST
    return StepCosts(up.reshape(-1), down.reshape(-1), ties, together, fixed=fixed)


def _seal_mac(picture: np.ndarray, key: bytes, order: Order, zones: Zones, costs: StepCosts, context: bytes) -> None:
    """Write the MAC of a picture, in place.

    Where a parity is wrong, the cheapest sample takes the other value of its pair.
    """
    samples, sides, numbers = picture.reshape(-1), order.sides, order.numbers(zones.mac)
    own = samples[numbers]
    # If no sample of a group has a valid partner, its first sample moves by one level, after which it has one.
    stuck = np.flatnonzero(~_partners(own, sides)[1].reshape(-1, MAC_BITS).any(0))
    own[stuck] = np.where(own[stuck] == 0, 1, 254)
    samples[numbers] = own
    bits = np.unpackbits(np.frombuffer(_mac(picture, order, zones, key, context), np.uint8))
    partners, valid = _partners(own, sides)
    up, down = costs.at(numbers)
    cost = np.where(valid, np.where(partners > own, up, down), np.iinfo(np.uint16).max)
    cheapest = cost.reshape(-1, bits.size).argmin(0) * bits.size + np.arange(bits.size)
    chosen = cheapest[parities_of(own + sides, bits.size) != bits]
    own[chosen] = partners[chosen]
    samples[numbers] = own


def _partners(values: np.ndarray, sides: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the other value of each value's pair, int16, and whether it is within 0 to 255."""
    partners = ((values.astype(np.int16) + sides) ^ 1) - sides
    return partners, (partners >= 0) & (partners <= 255)


def _mac(picture: np.ndarray, order: Order, zones: Zones, key: bytes, context: bytes) -> bytes:
    """Return the first 16 bytes of an HMAC-SHA256 of size, samples (pair numbers for those of the MAC), and context."""
    samples, numbers = picture.reshape(-1), order.numbers(zones.mac)
    pairs = ((samples[numbers].astype(np.uint16) + order.sides) >> 1).astype(np.uint8)
    mac = HMAC(key, SHA256())
    mac.update(size_bytes(*picture.shape[:2]))
    for start in range(0, samples.size, _AUTHENTICATED):
        part = samples[start : start + _AUTHENTICATED].copy()
        inside = (numbers >= start) & (numbers < start + part.size)
        part[numbers[inside] - start] = pairs[inside]
        mac.update(part.data)
    mac.update(context)
    return mac.finalize()[:MAC_BYTES]
