"""Dummy changes of samples that carry nothing, whose places are public: as frequent as elsewhere, and of the same kind.

They are made first, since the salt depends on them, and all other places depend on the salt.
"""

from dataclasses import replace
from hashlib import sha256
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stegnet.core.keystream import keystream
from stegnet.keys import EPHEMERAL_TRITS, Key
from stegnet.sealing import trellis
from stegnet.sealing.sample_order import (
    FORMAT,
    LEAD_TRITS,
    MAC_TRITS,
    SampleRules,
    Zones,
    idle_samples,
    is_salt,
    order_of,
    stable_argsort,
)
from stegnet.sealing.zones import (
    ChangeCosts,
    CostMap,
    PixelChanges,
    RecordPlan,
    changed_levels,
    write_ephemeral,
    write_lead,
    write_mac,
    write_record_zone,
)

# Settings of decoy changes.
_LEAST_CHANGED = 4  # salt samples that must change, so that no salt repeats
_ROWS = 64  # of a lane, at least: the first rows of each lane cost more than the others
_SHIFTS = range(32, 62)  # pixels by which a rehearsal rolls the picture
_CLUSTERED = 1.2  # clustered changes are about 1.2 times as many


def fill_ephemeral_zone(cost_map: CostMap, plan: RecordPlan, seed: bytes) -> None:
    """Make random changes in the zone of an ephemeral key, before the key is written there.

    Anybody who knows the recipient can locate this zone, so as many samples must change in it as elsewhere. `plan` is
    the record's.
    """
    stream = _Stream(seed)
    zones = cost_map.zones
    size = zones.public.stop
    # Random trits change as many samples as lead, MAC and record elsewhere, apart from those that the key will change.
    trits = stream.share(plan.trits + LEAD_TRITS + MAC_TRITS, size, zones.record.stop) - EPHEMERAL_TRITS
    if trits > 0 and not trellis.layout(trits, size, plan.height):
        trits = trellis.most_trits(size)  # a record with the most lanes has longer ones, which waste less
    if trits > 0:
        write_record_zone(cost_map.ephemeral(), stream.trits(trits), plan)


class _Changes(NamedTuple):
    """Changes of samples of a picture."""

    numbers: NDArray[np.int32]  # (n,), sample numbers in ascending order
    changes: NDArray[np.int8]  # (n,), never 0

    def apply(self, samples: NDArray[np.uint8]) -> None:
        """Apply the changes to samples, (S,) uint8, in place; sums wrap to the right value."""
        samples[self.numbers] += self.changes.view(np.uint8)

    def of_pixels(self, channels: int) -> PixelChanges:
        """Return the pixels whose samples all make the same change, with its sign."""
        first = np.flatnonzero(self.numbers % channels == 0)
        first = first[first + channels <= self.numbers.size]
        offsets = np.arange(channels)
        numbers = self.numbers[first[:, None] + offsets]  # (n, channels)
        changes = self.changes[first[:, None] + offsets]
        together = (numbers == numbers[:, :1] + offsets).all(1) & (changes == changes[:, :1]).all(1)
        return PixelChanges(numbers[together, 0] // channels, np.sign(changes[together, 0]))


def with_decoys(
    picture: NDArray[np.uint8], costs: ChangeCosts, plan: RecordPlan, zones: Zones, rules: SampleRules, seed: bytes
) -> tuple[NDArray[np.uint8], PixelChanges]:
    """Change samples that carry nothing as often as data samples of the same cost.

    The changes are drawn again until some salt samples have changed, so that no salt repeats. Fixed samples stay.

    Returns:
        A copy of the picture, and the changes of the pixels whose samples move together, as in a grey record.
    """
    fixed = None if costs.fixed is None else costs.fixed.reshape(-1)
    free = picture.size // FORMAT.stride  # salt samples that may change
    if fixed is not None:
        free -= int(np.count_nonzero(fixed[idle_samples(picture.size)[:free]]))
    while True:
        if plan.clustered:
            decoys = _rehearsed(picture, costs, plan, zones, rules, seed)
        else:
            decoys = _drawn(picture, costs, plan, zones, seed)
        if fixed is not None:
            kept = ~fixed[decoys.numbers]
            decoys = _Changes(decoys.numbers[kept], decoys.changes[kept])
        if np.count_nonzero(is_salt(decoys.numbers, picture.size)) >= min(_LEAST_CHANGED, free):
            changed = picture.copy()  # made now, since the search takes much memory
            decoys.apply(changed.reshape(-1))
            return changed, decoys.of_pixels(picture.shape[2])
        seed = sha256(seed).digest()


class _Stream:
    """Stream of random numbers derived from a seed."""

    def __init__(self, seed: bytes) -> None:
        self._seed = seed

    def take(self, count: int) -> NDArray[np.uint8]:
        """Return random bytes, (count,) uint8."""
        self._seed = sha256(self._seed + b"next").digest()
        return np.frombuffer(keystream(self._seed, count), np.uint8)

    def trits(self, count: int) -> NDArray[np.uint8]:
        """Return random trits, (count,) uint8 from 0 to 2."""
        return (self.take(2 * count).view("<u2") % 3).astype(np.uint8)

    def below(self, limit: int, count: int) -> NDArray[np.int64]:
        """Return random numbers from 0 to limit − 1, (count,) int64; the limit must be far below 2⁶³."""
        return (self.take(8 * count).view("<u8") >> 1).astype(np.int64) % limit

    def order(self, count: int) -> NDArray[np.int32]:
        """Return a random permutation, (count,) int32."""
        return stable_argsort(self.take(8 * count).view("<u8")).astype(np.int32)

    def share(self, count: int, part: int, whole: int) -> int:
        """Return the share of `count` that falls to a part of a whole, rounded up or down at random without bias."""
        return (count * part + int(self.below(whole, 1)[0])) // whole


def _rehearsed(
    picture: NDArray[np.uint8], costs: ChangeCosts, plan: RecordPlan, zones: Zones, rules: SampleRules, seed: bytes
) -> _Changes:
    """Return the changes that hiding would make at idle samples if they were data samples, as in a rolled picture.

    They follow the changes around them as all others do. The other samples of a salt sample's pixel take the changes of
    the rehearsed record.
    """
    stream = _Stream(seed)
    size = picture.size
    channels = picture.shape[2]

    # 1. Roll the picture and its costs by some pixels: what was idle is among the data samples now.
    # No salt sample may land in the pixel of another.
    apart = range(channels, FORMAT.stride - channels + 1)
    shifts = [channels * pixels for pixels in _SHIFTS]
    shifts = [shift for shift in shifts if shift % FORMAT.stride in apart and (shift - size) % FORMAT.stride in apart]
    shift = shifts[int(stream.below(len(shifts), 1)[0])]
    rolled = np.roll(picture, shift)
    rolled_costs = costs._replace(shift=shift)

    # 2. Place decoys in the samples that are idle now; these are drawn, not rehearsed.
    denser = replace(plan, trits=round(plan.trits * _CLUSTERED))
    decoys = _drawn(rolled, rolled_costs, denser, zones, stream.take(32).tobytes())
    decoys.apply(rolled.reshape(-1))

    # 3. Seal random bits and trits with a random key: an ephemeral key, a record, and then lead and MAC.
    order = order_of(size, Key(stream.take(32).tobytes()), b"", rules)
    cost_map = CostMap(rolled, rolled_costs, order, zones, decoys.of_pixels(channels))
    if zones.public.stop:
        fill_ephemeral_zone(cost_map, plan, stream.take(32).tobytes())
        write_ephemeral(cost_map, stream.trits(EPHEMERAL_TRITS))
    write_record_zone(cost_map, stream.trits(plan.trits), plan)

    def rolled_back(numbers: NDArray[np.int32]) -> NDArray[np.int8]:
        """Return the changes until now, each from −2 to 2, at the places of samples, (n,), before they were rolled."""
        found: NDArray[np.uint8] = cost_map.samples[(numbers + shift) % size] - picture.reshape(-1)[numbers]
        return found.view(np.int8)

    # 4. Samples beside a salt sample in its pixel take the changes of the record, idle ones all that sealing made.
    idle = idle_samples(size)
    salts = idle[: size // FORMAT.stride]
    changes = np.zeros(size, np.int8)
    for offset in range(1, channels):
        beside = salts // channels * channels + (salts + offset) % channels
        changes[beside] = rolled_back(beside)
    write_lead(cost_map, stream.trits(LEAD_TRITS))
    write_mac(cost_map, stream.trits(MAC_TRITS))
    changes[idle] = rolled_back(idle)
    moving = np.flatnonzero(changes != 0)
    return _Changes(moving.astype(np.int32), changes[moving])


def _drawn(picture: NDArray[np.uint8], costs: ChangeCosts, plan: RecordPlan, zones: Zones, seed: bytes) -> _Changes:
    """Draw changes that write random trits to a picture's idle samples, in proportion to their share of the frame.

    The picture is (H, W, C) uint8.
    """
    samples = picture.reshape(-1)
    stream = _Stream(seed)
    channels = plan.channels
    idle = idle_samples(samples.size)
    salts = samples.size // FORMAT.stride
    # Only the last four salt samples can share a pixel with a sample after the last run.
    last_salts = min(salts, 4)

    # 1. Divide the idle samples at random: some change like those of lead and MAC, the others like those of the record.
    order = stream.order(idle.size)
    single = order[: stream.share(zones.mac.stop, idle.size, zones.ephemeral.stop)]
    of_record = order[single.size :]

    # 2. Choose changes that write random trits, like a record's.
    changes = np.zeros(idle.size, np.int8)
    changes[of_record] = _random_changes(samples, costs, plan, idle[of_record], stream)
    moving = changes != 0
    moving[salts - last_salts :] = True  # where samples share a pixel, one that does not move may stop another
    moving[single] = False

    # 3. Change these samples, in a grey record with the others of their pixels.
    numbers: list[NDArray[np.int32]] = []
    differences: list[NDArray[np.uint8]] = []
    moved = idle[moving]
    for offset in range(channels if plan.grey else 1):
        in_pixel = moved - moved % channels + (moved + offset) % channels
        numbers.append(in_pixel.astype(np.int32, copy=False))
        differences.append(changed_levels(samples[in_pixel], changes[moving]) - samples[in_pixel])

    # 4. Data samples that share a pixel with an idle sample stay, unless that is a salt sample.
    last = idle[salts - last_salts :]
    beside = (idle[salts:] // channels * channels)[:, None] + np.arange(channels, dtype=np.int32)
    with_salts = np.isin(beside // channels, last[:last_salts] // channels)
    staying = beside[~(np.isin(beside, last) | with_salts)]
    numbers.append(staying.astype(np.int32, copy=False))
    differences.append(np.zeros(staying.size, np.uint8))

    # 5. Choose changes of the others, like those of lead and MAC.
    alone = idle[single]
    lead_and_mac = RecordPlan(trellis.HEIGHTS[-1], LEAD_TRITS + MAC_TRITS, False, zones.mac.stop, channels)
    numbers.append(alone)
    differences.append(
        changed_levels(samples[alone], _random_changes(samples, costs, lead_and_mac, alone, stream)) - samples[alone]
    )

    # 6. Sort the changes by sample; if a sample occurs more than once, its last change counts.
    all_numbers = np.concatenate(numbers)
    by_number = np.argsort(all_numbers, kind="stable")
    all_numbers = all_numbers[by_number]
    all_changes = np.concatenate(differences).view(np.int8)[by_number]
    is_last = np.append(all_numbers[1:] != all_numbers[:-1], True)[: all_numbers.size]
    counts = is_last & (all_changes != 0)
    return _Changes(all_numbers[counts], all_changes[counts])


def _random_changes(
    samples: NDArray[np.uint8],
    costs: ChangeCosts,
    plan: RecordPlan,
    numbers: NDArray[np.int32],
    stream: _Stream,
) -> NDArray[np.int8]:
    """Return changes of the numbered samples, (n,) int8, that write random trits in lanes like those of the record.

    The last lane is filled up with samples from anywhere, which do not change; if there is only one lane, it may be
    shorter.
    """
    # 1. Take as many lanes as suffice, with as many samples for a row as the record's; a single lane with fewer rows.
    record = plan.layout
    lanes = -(-numbers.size * record.lanes // plan.places)
    rows = record.rows
    if lanes == 1:
        in_proportion = -(-numbers.size * record.lanes * record.rows // plan.places)
        rows = max(min(_ROWS, record.rows), in_proportion)
    layout = replace(record, lanes=lanes, rows=rows, wide=record.wide * rows // record.rows)

    # 2. Fill up the lanes, in random order.
    count = lanes * rows * plan.places // (record.lanes * record.rows)
    filling = stream.below(samples.size, count - numbers.size).astype(np.int32)
    order = stream.order(numbers.size + filling.size)
    pool = np.concatenate([numbers, filling])[order]

    # 3. Write random trits, and take the changes of the given samples back to their own order.
    trits = stream.trits(rows * lanes)
    changes = np.zeros(pool.size, np.int8)
    if layout.merged > 1:
        places, summed = trellis.write_sums(costs.merged(samples, pool, layout), trits, layout)
        changes[order[places]] = summed
    else:
        changes[order] = trellis.write(samples[pool], trits, layout, (*costs.at(pool), trellis.NO_TIES))
    return changes[: numbers.size]
