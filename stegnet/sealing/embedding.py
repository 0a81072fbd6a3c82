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
from numpy.typing import NDArray

from stegnet import kernels
from stegnet.core.errors import CapacityError
from stegnet.core.keystream import keystream
from stegnet.core.pixels import in_strips, is_grey
from stegnet.keys import ANY_KEY, ContainerKeys, Key, KeyRing
from stegnet.sealing import trellis
from stegnet.sealing.costs import Costs
from stegnet.sealing.decoys import fill_ephemeral_zone, with_decoys
from stegnet.sealing.sample_order import (
    LEAD_BITS,
    MAC_BITS,
    PIXELS,
    TAG_BYTES,
    Order,
    SampleModel,
    Zones,
    frame_salt,
    order_of,
    size_bytes,
    zones_of,
)
from stegnet.sealing.zones import (
    NO_STEPS,
    CostMap,
    PixelSteps,
    RecordPlan,
    StepCosts,
    Ties,
    cheapest_of_groups,
    parities_of,
    plan_of,
    read_ephemeral,
    read_sealed,
    values_of,
    write_ephemeral,
    write_record_zone,
    write_zone,
)

SEED_BYTES = 32
FILM_EFFORT = 1 << 24  # trellis states that are searched in a frame of a film, which takes up to 60 ms
PICTURE_EFFORT = 1 << 29  # trellis states that are searched in a picture


# Numbers of the lead and the MAC (docs/format.md), and limits of the writer.
_VERSION = 1
_NONCE_BYTES = 12
_MAC_BYTES = MAC_BITS // 8
_ORDERS = 100  # orders of the data samples that are tried if some samples must not change
# Average number of lead and MAC bits that may have fixed samples only. Half of them are right by chance, so that an
# order fails with a probability of at most 1 − e⁻².
_STUCK_BITS = 4.0


@dataclass(frozen=True)
class UnsealedRecord:
    """Unsealed record, and whether the frame is unchanged."""

    record: bytes
    whole: bool


@dataclass(frozen=True)
class SealOptions:
    """Options of sealing a record."""

    first: bool  # the frame is frame 0 of its container
    effort: int = PICTURE_EFFORT  # states that the search for the best changes may visit
    # Write a small record to red, green and blue of a pixel together, in colour pictures too: statistics that compare
    # the channels detect changes of a single one far sooner.
    grey: bool = False
    clustered: bool = True  # the steps of an ephemeral key follow those around them, too
    medium: SampleModel = PIXELS
    decoys: bool = True  # False: the picture already has its decoy changes
    fixed: NDArray[np.bool_] | None = None  # samples of one channel that must not change, (H, W, 1) bool; None: all may


def record_capacity(
    height: int, width: int, key: Key = ANY_KEY, channels: int = 3, medium: SampleModel = PIXELS
) -> int:
    """Return the size in bytes of the largest record for this picture size; negative if not even an empty one fits.

    Args:
        height: height of the picture in pixels.
        width: width of the picture in pixels.
        key: film key; if it is for a recipient, space is left for an ephemeral key.
        channels: 1 for a grey picture that stays grey.
        medium: kind of the samples, which sets the size of the groups of lead and MAC.
    """
    zones = zones_of(channels * height * width, key.recipient is not None, medium)
    if not zones.places:
        return -1
    return zones.capacity


def most_fixed(samples: int, medium: SampleModel) -> float:
    """Return the largest share of a frame's samples, 0 to 1, that may be fixed so that most groups have a free one."""
    return float((_STUCK_BITS / (LEAD_BITS + MAC_BITS)) ** (1 / zones_of(samples, medium=medium).group))


@dataclass(frozen=True)
class CoverNeeds:
    """Samples that carry a record in a cover, and the space that it needs besides the record."""

    channels: int = 3
    medium: SampleModel = PIXELS
    share: float = 0.0  # bytes for each pixel
    pixels: int = 8  # extra pixels on each side


def too_small(
    height: int, width: int, needed: int, key: Key = ANY_KEY, needs: CoverNeeds = CoverNeeds()
) -> CapacityError:
    """Return the error for a record of `needed` bytes that doesn't fit; its hint gives a sufficient size."""
    side = 1.0
    tall = height
    wide = width
    while record_capacity(tall, wide, key, needs.channels, needs.medium) < needed + needs.share * tall * wide:
        side *= 1.02
        tall = int(height * side)
        wide = int(width * side)
    hint = f"the cover needs at least {wide + needs.pixels}×{tall + needs.pixels} pixels"
    return CapacityError(f"the cover is too small: {width}×{height} pixels", hint)


def seal(
    picture: NDArray[np.uint8], record: bytes, keys: ContainerKeys, seed: bytes, costs: Costs, options: SealOptions
) -> NDArray[np.uint8]:
    """Return a copy of a picture with a record sealed in it. A grey picture stays grey if one channel holds the record.

    Args:
        picture: (H, W, 3) or (H, W, 1) uint8; samples change by one level (at 0 and 255 by two, if at all).
        record: bytes of the record.
        keys: keys of the container.
        seed: 32 random bytes, fresh for each frame.
        costs: cost of changing each sample.
        options: place and kind of the frame, and effort of the search for changes.

    Raises:
        CapacityError: the picture is too small, or too many of its samples must not change.
    """
    height, width, channels = picture.shape
    if len(record) > record_capacity(height, width, keys.film, channels, options.medium):
        raise too_small(height, width, len(record), keys.film, CoverNeeds(medium=options.medium))

    # A grey picture stays grey, so that only one of its channels is a frame of samples.
    fits_one_channel = len(record) <= record_capacity(height, width, keys.film, 1, options.medium)
    stays_grey = channels > 1 and fits_one_channel and is_grey(picture)
    frame = np.ascontiguousarray(picture[..., :1] if stays_grey else picture)

    # The plan leaves space for an ephemeral key in every frame, as the salt, which comes later, decides on anchors.
    zones = zones_of(frame.size, keys.film.recipient is not None, options.medium)
    plan = plan_of(len(record) + TAG_BYTES, zones, options.effort, options.grey, frame.shape[2])
    step_costs = _final_costs(frame, costs, seed, plan.grey, options.fixed)
    del costs  # tens of megabytes for large pictures, which some callers no longer need

    writer = _FrameWriter(record, keys, step_costs, plan, options)
    sealed = writer.write(frame, seed) if options.fixed is None else writer.write_around(options.fixed, frame, seed)
    return np.repeat(sealed, channels, 2) if stays_grey else sealed


@dataclass(frozen=True, eq=False)
class _FrameWriter:
    """Record with everything that is needed to seal it in a frame."""

    record: bytes
    keys: ContainerKeys
    costs: StepCosts
    plan: RecordPlan
    options: SealOptions

    def write(self, cover: NDArray[np.uint8], seed: bytes) -> NDArray[np.uint8]:
        """Return a copy of a frame, (H, W, C) uint8, with the record in an order of the data samples by the seed.

        Fixed samples change only if all samples of a group of lead or MAC are fixed.
        """
        medium = self.options.medium
        random = keystream(seed, SEED_BYTES + _NONCE_BYTES)
        decoy_seed = bytes(random[:SEED_BYTES])
        nonce = bytes(random[SEED_BYTES:])

        # Decoys are placed first: they change the salt, and the places of all other changes follow from the salt.
        frame, moved = self._with_decoys(cover, decoy_seed)

        # The frame's key and its salt give the order of the data samples, which the zones divide.
        salt = frame_salt(frame)
        key = self.keys.of_frame(salt, self.options.first)
        zones = zones_of(frame.size, key.ephemeral is not None, medium)
        order = order_of(frame.size, key, salt, medium)
        cost_map = CostMap(frame, self.costs, order, zones, moved)

        # Frame 0 and anchors of a recipient's container carry an ephemeral key, among random changes of its zone.
        if key.ephemeral is not None:
            fill_ephemeral_zone(cost_map, self.plan, sha256(seed).digest())
            write_ephemeral(cost_map, key.ephemeral, self.options.clustered)

        # The lead tells readers how the record is coded: version, code, length of the sealed record, film secret. The
        # record is encrypted, with the lead as additional data, and its trits are the syndrome of a trellis code.
        size = len(self.record) + TAG_BYTES
        fields = bytes([_VERSION, self.plan.code]) + size.to_bytes(4, "big") + self.keys.secret
        lead = nonce + AESGCM(key.lead(salt)).encrypt(nonce, fields, None)
        sealed = AESGCM(key.record(salt)).encrypt(nonce, self.record, lead)
        write_record_zone(cost_map, trellis.to_trits(sealed), self.plan)

        # Each bit of the lead is the parity of a group of samples.
        write_zone(cost_map.samples, zones.lead, _bits_of(lead), self.costs, order)

        # The MAC covers all samples, so that it is written last.
        _write_mac(cost_map, key.mac(salt), medium.context)
        return frame

    def write_around(self, fixed: NDArray[np.bool_], cover: NDArray[np.uint8], seed: bytes) -> NDArray[np.uint8]:
        """Return a copy of a frame with the record, in which the samples marked in `fixed`, (H, W, 1) bool, stay.

        A group of lead or MAC bits may have fixed samples only. The next seed gives an order with other groups.
        """
        must_stay = cover[fixed]
        for _ in range(_ORDERS):
            frame = self.write(cover, seed)
            if np.array_equal(frame[fixed], must_stay):
                return frame
            seed = sha256(seed).digest()
        raise CapacityError("too little of the cover may change", "use a larger cover, or hide less")

    def _with_decoys(self, cover: NDArray[np.uint8], seed: bytes) -> tuple[NDArray[np.uint8], PixelSteps]:
        """Return a copy of a frame whose idle samples step, unless they already have, and the steps of its pixels."""
        if not self.options.decoys:
            return cover.copy(), NO_STEPS
        has_ephemeral = self.options.first and self.keys.film.recipient is not None
        zones = zones_of(cover.size, has_ephemeral, self.options.medium)
        return with_decoys(cover, self.costs, self.plan, zones, seed)


def unseal(
    picture: NDArray[np.uint8], keys: KeyRing, *, first: bool, medium: SampleModel = PIXELS
) -> UnsealedRecord | None:
    """Unseal the record in a picture, (H, W, 3) or (H, W, 1) uint8; return None if nothing opens with these keys.

    `first` is True for the first frame of its file.
    """
    frame = picture[..., :1].copy() if is_grey(picture) else picture
    height, width, channels = frame.shape
    if record_capacity(height, width, channels=channels, medium=medium) < 0:
        return None
    salt = frame_salt(frame)
    for key in keys.candidates(salt, first, lambda recipient: read_ephemeral(frame, salt, recipient, medium)):
        opened = _open_with(key, frame, salt, medium)
        if opened is not None and keys.accept(opened[0]):
            return opened[1]
    return None


def _open_with(
    key: Key, frame: NDArray[np.uint8], salt: bytes, medium: SampleModel
) -> tuple[bytes, UnsealedRecord] | None:
    """Return the film secret and the record of a frame; None if nothing opens with this key."""
    samples = frame.reshape(-1)
    zones = zones_of(samples.size, key.ephemeral is not None, medium)

    # Most keys that are tried do not open the lead, so that only its part of the order is computed at first.
    order = order_of(samples.size, key, salt, medium, zones.lead.stop)
    lead = np.packbits(parities_of(values_of(samples, order, zones.lead), LEAD_BITS)).tobytes()
    nonce = lead[:_NONCE_BYTES]
    try:
        fields = AESGCM(key.lead(salt)).decrypt(nonce, lead[_NONCE_BYTES:], None)
        version = fields[0]
        size = int.from_bytes(fields[2:6], "big")
        film_secret = fields[6:]
        if version != _VERSION or size < TAG_BYTES:
            return None

        order = order_of(samples.size, key, salt, medium)
        sealed = read_sealed(frame, order, zones, fields[1], size)
        if sealed is None:
            return None
        record = AESGCM(key.record(salt)).decrypt(nonce, sealed, lead)
    except InvalidTag:
        return None

    # A record that opens is returned even if the frame was altered; a MAC that does not match tells so.
    pair_bits = parities_of(values_of(samples, order, zones.mac) + order.sides, MAC_BITS)
    mac = _mac(frame, order, zones, key.mac(salt), medium.context)
    is_whole = bytes_eq(np.packbits(pair_bits).tobytes(), mac)
    return film_secret, UnsealedRecord(record, is_whole)


def _final_costs(
    picture: NDArray[np.uint8], costs: Costs, seed: bytes, grey: bool, fixed: NDArray[np.bool_] | None = None
) -> StepCosts:
    """Return the costs of steps with random low bits, without which a search would favour some of equal costs.

    A sample at 0 or 255 can only step by two the other way and gets the maximum cost. Samples of a pixel that move
    together cost as much as the most expensive one.
    """
    height, width, channels = picture.shape
    together = channels if grey else 1
    up, down = np.empty((2, *((height, width) if together > 1 else picture.shape)), np.uint16)
    ties = Ties(seed, (SEED_BYTES + _NONCE_BYTES) // 2)
    row_samples = width * channels

    def finish(rows: slice) -> None:
        samples = picture[rows]
        strip_ties = ties.part(row_samples * rows.start, samples.size).reshape(samples.shape)
        for final, given, mirror, edge in ((up, costs.up, False, 255), (down, costs.down, True, 0)):
            strip_costs = given[rows, :, :channels]
            if together > 1 and not strip_costs.strides[2]:  # one channel, repeated for all
                strip_costs = strip_costs[..., :1]
            strip_costs = np.ascontiguousarray(strip_costs, np.uint16)
            # The three highest bits of a tie are the low bits of a cost; those of −1 mirror those of +1.
            kernels.final(samples, strip_costs, strip_ties, mirror, edge, trellis.MAX_COST, together, final[rows])

    in_strips(finish, height, width)
    if fixed is not None:
        dropped_bits = 2  # a fixed sample then costs ten times as much as any that may change
        for side in (up, down):
            np.right_shift(side, dropped_bits, out=side)
            side[fixed] = trellis.FIXED_COST
    return StepCosts(up.reshape(-1), down.reshape(-1), ties, together, fixed=fixed)


def _write_mac(cost_map: CostMap, key: bytes, context: bytes) -> None:
    """Write the MAC of a frame, in place.

    If the parity of a group is wrong, its cheapest sample takes the other value of its pair.
    """
    samples = cost_map.samples
    order = cost_map.order
    numbers = order.numbers(cost_map.zones.mac)
    values = samples[numbers]

    # If no sample of a group has a valid partner, its first sample moves by one level, after which it has one.
    has_partner = _partners(values, order.sides)[1].reshape(-1, MAC_BITS).any(0)
    stuck = np.flatnonzero(~has_partner)
    values[stuck] = np.where(values[stuck] == 0, 1, 254)
    samples[numbers] = values

    # The MAC covers pair numbers in place of these samples, so that an exchange within a pair leaves it valid.
    bits = _bits_of(_mac(cost_map.picture, order, cost_map.zones, key, context))
    partners, valid = _partners(values, order.sides)
    up, down = cost_map.costs.at(numbers)
    cost = np.where(valid, np.where(partners > values, up, down), np.iinfo(np.uint16).max)
    cheapest = cheapest_of_groups(cost, bits.size)
    chosen = cheapest[parities_of(values + order.sides, bits.size) != bits]
    values[chosen] = partners[chosen]
    samples[numbers] = values


def _partners(values: NDArray[np.uint8], sides: NDArray[np.uint8]) -> tuple[NDArray[np.int16], NDArray[np.bool_]]:
    """Return the other value of each value's pair, int16, and whether it is within 0 to 255."""
    partners = ((values.astype(np.int16) + sides) ^ 1) - sides
    return partners, (partners >= 0) & (partners <= 255)


def _mac(frame: NDArray[np.uint8], order: Order, zones: Zones, key: bytes, context: bytes) -> bytes:
    """Return the first 16 bytes of an HMAC-SHA256 of size, samples (pair numbers for those of the MAC), and context."""
    height, width, _ = frame.shape
    samples = frame.reshape(-1)
    numbers = order.numbers(zones.mac)
    pairs = ((samples[numbers].astype(np.uint16) + order.sides) >> 1).astype(np.uint8)
    part_size = 1 << 20  # samples that are copied at a time, which bounds the memory

    mac = HMAC(key, SHA256())
    mac.update(size_bytes(height, width))
    for start in range(0, samples.size, part_size):
        part = samples[start : start + part_size].copy()
        inside = (numbers >= start) & (numbers < start + part.size)
        part[numbers[inside] - start] = pairs[inside]
        mac.update(part.data)
    mac.update(context)
    return mac.finalize()[:_MAC_BYTES]


def _bits_of(data: bytes) -> NDArray[np.uint8]:
    """Return the bits of bytes, from highest to lowest, (8n,) uint8."""
    return np.unpackbits(np.frombuffer(data, np.uint8))
