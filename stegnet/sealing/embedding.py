"""Sealed bytes: lead, record and MAC in the samples of a frame, by changes of ±1 (docs/format.md, "Lead" to "MAC").

The place of each bit depends on the key and on the frame's salt, a hash of samples that carry nothing. No bit is at a
public place, or at the same place in two frames.
"""

from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from cryptography.hazmat.primitives.constant_time import bytes_eq
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from numpy.typing import NDArray

from stegnet import kernels
from stegnet.core.errors import CapacityError
from stegnet.core.keystream import keystream
from stegnet.core.pixels import in_strips, is_grey
from stegnet.keys import ANY_KEY, ContainerKeys, Key, KeyRing
from stegnet.sealing import siv, trellis
from stegnet.sealing.costs import WET, Costs
from stegnet.sealing.decoys import fill_ephemeral_zone, with_decoys
from stegnet.sealing.sample_order import (
    LEAD_TRITS,
    MAC_BYTES,
    PIXELS,
    Order,
    SampleRules,
    Zones,
    frame_salt,
    order_of,
    size_bytes,
    zones_of,
)
from stegnet.sealing.siv import TAG_BYTES
from stegnet.sealing.zones import (
    NO_CHANGES,
    ChangeCosts,
    CostMap,
    RecordPlan,
    Ties,
    layout_of,
    plan_of,
    read_ephemeral,
    read_lead,
    read_mac,
    read_sealed,
    triples_of,
    write_ephemeral,
    write_lead,
    write_mac,
    write_record_zone,
)

SEED_BYTES = 32
FILM_EFFORT = 1 << 24  # trellis states that are searched in a frame of a film, which takes up to 60 ms
PICTURE_EFFORT = 1 << 29  # trellis states that are searched in a picture


_ORDERS = 100  # orders of the data samples that are tried if some samples must not change
_FREE_SUMS = 2.0  # for each trit of the lead and the MAC, with which an order fails once in four times


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
    clustered: bool = True  # the changes for an ephemeral key follow those around them, too
    rules: SampleRules = PIXELS
    decoys: bool = True  # False: the picture already has its decoy changes
    fixed: NDArray[np.bool_] | None = None  # samples of one channel that must not change, (H, W, 1) bool; None: all may


def record_capacity(
    height: int, width: int, key: Key = ANY_KEY, channels: int = 3, rules: SampleRules = PIXELS
) -> int | None:
    """Return the size in bytes of the largest record for this picture size; None: not even an empty one fits.

    Args:
        height: height of the picture in pixels.
        width: width of the picture in pixels.
        key: film key; if it is for a recipient, space is left for an ephemeral key.
        channels: 1 for a grey picture that stays grey.
        rules: rules of the samples, which set the size of the groups of lead and MAC.
    """
    zones = zones_of(channels * height * width, key.recipient is not None, rules)
    most = trellis.most_bytes(zones.places) - TAG_BYTES if zones.places else -1
    return most if most >= 0 else None


def _fits(needed: float, height: int, width: int, key: Key, needs: "CoverNeeds") -> bool:
    """Return whether a record of `needed` bytes fits into a picture of this size."""
    most = record_capacity(height, width, key, needs.channels, needs.rules)
    return most is not None and needed <= most


def most_fixed(samples: int, rules: SampleRules, free: float = _FREE_SUMS) -> float:
    """Return the largest share of a frame's samples, 0 to 1, that may be fixed.

    Then `free` sums for each trit of the lead and the MAC have a sample that is not, on average.
    """
    of_lead = layout_of(LEAD_TRITS, zones_of(samples, rules=rules).lead.stop)
    return float(max(1 - free / of_lead.width, 0) ** (1 / of_lead.merged))


@dataclass(frozen=True)
class CoverNeeds:
    """Samples that carry a record in a cover, and the space that it needs besides the record."""

    channels: int = 3
    rules: SampleRules = PIXELS
    share: float = 0.0  # bytes for each pixel
    pixels: int = 8  # extra pixels on each side


def too_small(
    height: int, width: int, needed: int, key: Key = ANY_KEY, needs: CoverNeeds = CoverNeeds()
) -> CapacityError:
    """Return the error for a record of `needed` bytes that doesn't fit; its hint gives a sufficient size."""
    side = 1.0
    tall = height
    wide = width
    while not _fits(needed + needs.share * tall * wide, tall, wide, key, needs):
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
        picture: (H, W, 3) or (H, W, 1) uint8; samples change by one level, or by two, if at all, at 0 and 255, and
            where they carry the MAC.
        record: bytes of the record.
        keys: keys of the container.
        seed: 32 random bytes, fresh for each frame.
        costs: cost of changing each sample.
        options: place and kind of the frame, and effort of the search for changes.

    Raises:
        CapacityError: the picture is too small, or too many of its samples must not change.
    """
    height, width, channels = picture.shape
    if not _fits(len(record), height, width, keys.film, CoverNeeds(channels, options.rules)):
        raise too_small(height, width, len(record), keys.film, CoverNeeds(rules=options.rules))

    # A grey picture stays grey, so that only one of its channels is a frame of samples.
    fits_one_channel = _fits(len(record), height, width, keys.film, CoverNeeds(1, options.rules))
    stays_grey = channels > 1 and fits_one_channel and is_grey(picture)
    frame = np.ascontiguousarray(picture[..., :1] if stays_grey else picture)

    # The plan leaves space for an ephemeral key in every frame, as the salt, which comes later, decides on anchors.
    zones = zones_of(frame.size, keys.film.recipient is not None, options.rules)
    plan = plan_of(len(record) + TAG_BYTES, zones, options.effort, options.grey, frame.shape[2])
    change_costs = _final_costs(frame, costs, seed, plan, zones, options.fixed)
    del costs  # tens of megabytes for large pictures, which some callers no longer need

    writer = _FrameWriter(record, keys, change_costs, plan, options)
    for _ in range(_ORDERS):
        sealed = writer.write(frame, seed)
        if sealed is not None:
            return np.repeat(sealed, channels, 2) if stays_grey else sealed
        seed = sha256(seed).digest()
    raise CapacityError("too little of the cover may change", "use a larger cover, or hide less")


@dataclass(frozen=True, eq=False)
class _FrameWriter:
    """Record with everything that is needed to seal it in a frame."""

    record: bytes
    keys: ContainerKeys
    costs: ChangeCosts
    plan: RecordPlan
    options: SealOptions

    def write(self, cover: NDArray[np.uint8], seed: bytes) -> NDArray[np.uint8] | None:
        """Return a copy of a frame, (H, W, C) uint8, with the record in an order of the data samples by the seed.

        None: in this order, a fixed sample would have to change, or the MAC can't be written.
        """
        rules = self.options.rules
        decoy_seed = bytes(keystream(seed, SEED_BYTES))

        # Decoys are placed first: they change the salt, and the places of all other changes follow from the salt.
        if self.options.decoys:
            has_ephemeral = self.options.first and self.keys.film.recipient is not None
            zones = zones_of(cover.size, has_ephemeral, rules)
            frame, moved = with_decoys(cover, self.costs, self.plan, zones, rules, decoy_seed)
        else:
            frame, moved = cover.copy(), NO_CHANGES

        # The frame's key and its salt give the order of the data samples, which the zones divide.
        salt = frame_salt(frame)
        key = self.keys.of_frame(salt, self.options.first)
        zones = zones_of(frame.size, key.ephemeral is not None, rules)
        order = order_of(frame.size, key, salt, rules)
        cost_map = CostMap(frame, self.costs, order, zones, moved)

        # Frame 0 and anchors of a recipient's container carry an ephemeral key, among random changes of its zone.
        if key.ephemeral is not None:
            fill_ephemeral_zone(cost_map, self.plan, sha256(seed).digest())
            write_ephemeral(cost_map, key.ephemeral, self.options.clustered)

        # The lead tells readers how the record is coded: code, and length of the sealed record. Both are sealed, and
        # their trits are syndromes of trellis codes.
        size = len(self.record) + TAG_BYTES
        lead = siv.encrypt(key.lead(salt), bytes([self.plan.code]) + size.to_bytes(4, "big"))
        sealed = siv.encrypt(key.record(salt), self.record, lead)
        write_record_zone(cost_map, trellis.to_trits(sealed), self.plan)
        write_lead(cost_map, trellis.to_trits(lead))

        # The MAC covers all samples, so that it is written last.
        wanted = trellis.to_trits(_mac(frame, order, zones, key.mac(salt), rules.context))
        write_mac(cost_map, wanted)
        fixed = self.options.fixed
        if fixed is not None and not np.array_equal(frame[fixed], cover[fixed]):
            return None
        return frame if np.array_equal(read_mac(cost_map.samples, order, zones), wanted) else None


def unseal(
    picture: NDArray[np.uint8], keys: KeyRing, *, first: bool, rules: SampleRules = PIXELS
) -> UnsealedRecord | None:
    """Unseal the record in a picture, (H, W, 3) or (H, W, 1) uint8; return None if nothing opens with these keys.

    `first` is True for the first frame of its file.
    """
    frame = picture[..., :1].copy() if is_grey(picture) else picture
    height, width, channels = frame.shape
    if record_capacity(height, width, channels=channels, rules=rules) is None:
        return None
    samples = frame.reshape(-1)
    salt = frame_salt(frame)
    for key in keys.candidates(salt, first, lambda recipient: read_ephemeral(frame, salt, recipient, rules)):
        # Most keys that are tried do not open the lead, so that only its part of the order is computed at first.
        zones = zones_of(samples.size, key.ephemeral is not None, rules)
        lead = read_lead(samples, order_of(samples.size, key, salt, rules, zones.lead.stop), zones)
        fields = siv.decrypt(key.lead(salt), lead) if lead else None
        if lead is None or fields is None:
            continue

        order = order_of(samples.size, key, salt, rules)
        sealed = read_sealed(frame, order, zones, fields[0], int.from_bytes(fields[1:], "big"))
        record = siv.decrypt(key.record(salt), sealed, lead) if sealed else None
        if record is None:
            continue

        # A record that opens is returned even if the frame was altered; a MAC that does not match tells so.
        mac = trellis.to_trits(_mac(frame, order, zones, key.mac(salt), rules.context))
        return UnsealedRecord(record, bytes_eq(read_mac(samples, order, zones).tobytes(), mac.tobytes()))
    return None


def _final_costs(
    picture: NDArray[np.uint8],
    costs: Costs,
    seed: bytes,
    plan: RecordPlan,
    zones: Zones,
    fixed: NDArray[np.bool_] | None = None,
) -> ChangeCosts:
    """Return the costs of changing a picture, (H, W, C) uint8, with random low bits: none of equal costs is favoured.

    Where many samples share a trit, the cheapest of them change, so that small costs are kept exactly, and those above
    the median are one. A sample at 0 or 255 can only change by two the other way and gets the maximum cost. Samples
    of a pixel that move together cost as much as the most expensive one.
    """
    height, width, channels = picture.shape
    together = channels if plan.grey else 1
    up, down = np.empty((2, *((height, width) if together > 1 else picture.shape)), np.uint16)
    ties = Ties(seed, SEED_BYTES // 2)
    row_samples = width * channels
    samples_per_trit = min(plan.places // plan.trits, zones.lead.stop // LEAD_TRITS)
    shift = next(shift for shift, least in enumerate((64, 32, 16, 8, 0)) if samples_per_trit >= least)
    high, most = 4_000, trellis.MAX_COST  # of what may change, and of what should not
    if fixed is not None:  # samples that must not change then cost ten times as much as any that may
        shift, high, most = shift + 2, high >> 2, most >> 2

    def finish(rows: slice) -> None:
        samples = picture[rows]
        strip_ties = ties.part(row_samples * rows.start, samples.size).reshape(samples.shape)
        for final, given, mirror, edge in ((up, costs.up, False, 255), (down, costs.down, True, 0)):
            strip_costs = given[rows, :, :channels]
            if together > 1 and not strip_costs.strides[2]:  # one channel, repeated for all
                strip_costs = strip_costs[..., :1]
            strip_costs = np.ascontiguousarray(strip_costs, np.uint16)
            if given.dtype == np.uint8:
                strip_costs = strip_costs * np.uint16(100)
            kernels.final(samples, strip_costs, strip_ties, mirror, edge, shift, high, WET, most, together, final[rows])

    in_strips(finish, height, width)
    if fixed is not None:
        for side in (up, down):
            side[fixed] = trellis.FIXED_COST
    return ChangeCosts(up.reshape(-1), down.reshape(-1), ties, together, fixed=fixed)


def _mac(frame: NDArray[np.uint8], order: Order, zones: Zones, key: bytes, context: bytes) -> bytes:
    """Return the first 16 bytes of an HMAC-SHA256 of size, samples (triples for those of the MAC), and context."""
    height, width, _ = frame.shape
    samples = frame.reshape(-1)
    numbers = order.numbers(zones.mac)
    triples, _ = triples_of(samples, numbers, order)
    part_size = 1 << 20  # samples that are copied at a time, which bounds the memory

    mac = HMAC(key, SHA256())
    mac.update(size_bytes(height, width))
    for start in range(0, samples.size, part_size):
        part = samples[start : start + part_size].copy()
        inside = (numbers >= start) & (numbers < start + part.size)
        part[numbers[inside] - start] = triples[inside]
        mac.update(part.data)
    mac.update(context)
    return mac.finalize()[:MAC_BYTES]
