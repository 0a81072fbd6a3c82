"""Dummy changes of samples that carry nothing, whose places are public: as frequent as elsewhere, and of the same kind.

They are made first, since the salt depends on them, and all other places depend on the salt.
"""

from dataclasses import replace
from hashlib import sha256
from typing import NamedTuple, Self

import numpy as np

from stegnet.core.keystream import keystream
from stegnet.keys import EPHEMERAL_TRITS, Key
from stegnet.sealing import trellis
from stegnet.sealing.carriers import (
    LEAD_BITS,
    MAC_BITS,
    STRIDE,
    Zones,
    idle_samples,
    is_salt,
    order_of,
    stable_argsort,
)
from stegnet.sealing.zones import (
    NO_TIES,
    CostMap,
    PixelSteps,
    RecordPlan,
    StepCosts,
    changed,
    write_ephemeral,
    write_parities,
    write_record,
    write_zone,
)

_LEAST_CHANGED = 4  # least number of salt samples that must change
_LAST_SALTS = 4  # only the last four salt samples can share a pixel with a sample after the last run
_ROWS = 64  # least number of rows in a lane: the first rows of each cost more than the others
_SHIFTS = range(32, 62)  # pixels by which a rehearsal rolls the picture
_CLUSTERED = 1.2  # clustered steps are about 1.2 times as many


def fill_ephemeral_zone(cost_map: CostMap, plan: RecordPlan, seed: bytes) -> None:
    """Make random steps in the zone of an ephemeral key, before the key is written there.

    Anybody who knows the recipient can locate this zone, so as many samples must change in it as elsewhere. `plan` is
    the record's.
    """
    stream, zones = _Stream(seed), cost_map.zones
    numbers = cost_map.order.numbers(zones.ephemeral)
    groups = stream.share(LEAD_BITS + MAC_BITS, numbers.size, zones.ephemeral.stop)
    head = numbers[stream.order(numbers.size)[: groups * zones.group]]
    values = cost_map.samples[head]
    if groups:
        write_parities(values, stream.take(groups) & 1, *cost_map.costs.at(head))
    cost_map.samples[head] = values
    trits = plan.trits * numbers.size // zones.places - EPHEMERAL_TRITS
    if trits > 0 and not trellis.layout(trits, numbers.size, plan.height):
        trits = trellis.most_trits(numbers.size)  # a record with the most lanes has longer ones, which waste less
    if trits > 0:
        write_record(cost_map.ephemeral(), stream.trits(trits), plan)


class _Steps(NamedTuple):
    """Steps of some samples of a picture."""

    numbers: np.ndarray  # (n,) int, sample numbers in ascending order
    steps: np.ndarray  # (n,) int8, never 0

    @classmethod
    def of(cls, numbers: np.ndarray, steps: np.ndarray) -> Self:
        """Return steps sorted by sample number; if a sample occurs more than once, its last step counts."""
        order = np.argsort(numbers, kind="stable")
        numbers, steps = numbers[order], steps[order]
        holds = np.append(numbers[1:] != numbers[:-1], True)[: numbers.size] & (steps != 0)
        return cls(numbers[holds], steps[holds])

    def take(self, samples: np.ndarray) -> None:
        """Apply the steps to samples, (S,) uint8, in place; sums wrap to the right value."""
        samples[self.numbers] += self.steps.view(np.uint8)

    def of_pixels(self, channels: int) -> PixelSteps:
        """Return the pixels all of whose samples make the same step, with the sign of that step."""
        first = np.flatnonzero(self.numbers % channels == 0)
        first = first[first + channels <= self.numbers.size]
        ahead = np.arange(channels)
        numbers, steps = (part[first[:, None] + ahead] for part in self)
        together = (numbers == numbers[:, :1] + ahead).all(1) & (steps == steps[:, :1]).all(1)
        return PixelSteps(numbers[together, 0] // channels, np.sign(steps[together, 0]))


def place_decoys(picture: np.ndarray, costs: StepCosts, plan: RecordPlan, zones: Zones, seed: bytes) -> PixelSteps:
    """Step samples that carry nothing, in place, as often as carriers of the same cost.

    The steps are drawn again until some salt samples have changed, so that no salt repeats. Fixed samples stay.

    Returns:
        The steps of the pixels whose samples move together, as in a grey record.
    """
    draw, free = _rehearsed if plan.clustered else _drawn, picture.size // STRIDE
    if costs.fixed is not None:
        free = np.count_nonzero(~costs.fixed.reshape(-1)[idle_samples(picture.size)[:free]])
    while True:
        found = draw(picture, costs, plan, zones, seed)
        if costs.fixed is not None:
            may_change = ~costs.fixed.reshape(-1)[found.numbers]
            found = _Steps(found.numbers[may_change], found.steps[may_change])
        if np.count_nonzero(is_salt(found.numbers, picture.size)) >= min(_LEAST_CHANGED, free):
            found.take(picture.reshape(-1))
            return found.of_pixels(picture.shape[2])
        seed = sha256(seed).digest()


class _Stream:
    """Stream of random numbers derived from a seed."""

    def __init__(self, seed: bytes) -> None:
        self._seed = seed

    def take(self, count: int) -> np.ndarray:
        """Return random bytes, (count,) uint8."""
        self._seed = sha256(self._seed + b"next").digest()
        return np.frombuffer(keystream(self._seed, count), np.uint8)

    def trits(self, count: int) -> np.ndarray:
        """Return random trits, (count,) uint8 from 0 to 2."""
        return (self.take(2 * count).view("<u2") % 3).astype(np.uint8)

    def below(self, limit: int, count: int) -> np.ndarray:
        """Return random numbers from 0 to limit − 1, (count,) int64; the limit must be far below 2⁶³."""
        return (self.take(8 * count).view("<u8") >> 1).astype(np.int64) % limit

    def order(self, count: int) -> np.ndarray:
        """Return a random permutation, (count,) int32."""
        return stable_argsort(self.take(8 * count).view("<u8")).astype(np.int32)

    def share(self, count: int, part: int, whole: int) -> int:
        """Return the share of `count` that falls to a part of a whole, rounded up or down at random without bias."""
        return (count * part + int(self.below(whole, 1)[0])) // whole


def _rehearsed(picture: np.ndarray, costs: StepCosts, plan: RecordPlan, zones: Zones, seed: bytes) -> _Steps:
    """Return the steps that hiding would make at idle samples if the picture were rolled so that they are carriers.

    They follow the steps around them as all others do. The other samples of a salt sample's pixel take the steps of the
    rehearsed record.
    """
    stream, size, channels = _Stream(seed), picture.size, picture.shape[2]
    shift = channels * _shift(size, channels, stream)
    rolled, own = np.roll(picture, shift), costs._replace(shift=shift)
    denser = replace(plan, trits=round(plan.trits * _CLUSTERED))
    decoys = _drawn(rolled, own, denser, zones, stream.take(32).tobytes())
    decoys.take(rolled.reshape(-1))
    order = order_of(size, Key(stream.take(32).tobytes()), b"")  # only pixels have clustered steps
    cost_map = CostMap(rolled, own, order, zones, decoys.of_pixels(channels))
    if zones.public.stop:
        fill_ephemeral_zone(cost_map, plan, stream.take(32).tobytes())
        write_ephemeral(cost_map, stream.trits(EPHEMERAL_TRITS))
    write_record(cost_map, stream.trits(plan.trits), plan)
    before = np.roll(picture, shift)
    of_record = (rolled - before).view(np.int8).reshape(-1)
    for zone, bits in ((zones.lead, LEAD_BITS), (zones.mac, MAC_BITS)):
        write_zone(cost_map.samples, zone, stream.take(bits) & 1, own, order)
    steps = (rolled - before).view(np.int8).reshape(-1)
    idle, found = idle_samples(size), np.zeros(size, np.int8)
    salts = idle[: size // STRIDE]
    for offset in range(1, channels):
        other = salts // channels * channels + (salts + offset) % channels
        found[other] = of_record[(other + shift) % size]
    found[idle] = steps[(idle + shift) % size]
    moving = np.flatnonzero(found)
    return _Steps(moving, found[moving])


def _shift(samples: int, channels: int, stream: _Stream) -> int:
    """Choose a number of pixels to roll by such that no salt sample lands in the pixel of another."""
    apart = range(channels, STRIDE - channels + 1)
    ways = (shift for shift in _SHIFTS if channels * shift % STRIDE in apart)
    fitting = [shift for shift in ways if (channels * shift - samples) % STRIDE in apart]
    return fitting[int(stream.below(len(fitting), 1)[0])]


def _drawn(picture: np.ndarray, costs: StepCosts, plan: RecordPlan, zones: Zones, seed: bytes) -> _Steps:
    """Draw steps that write random bits and trits to the idle samples, in proportion to their share of the frame."""
    samples, stream, channels = picture.reshape(-1), _Stream(seed), plan.channels
    idle, salts = idle_samples(samples.size), samples.size // STRIDE
    order = stream.order(idle.size)
    groups = max(1, stream.share(LEAD_BITS + MAC_BITS, idle.size, zones.ephemeral.stop))
    head, tail = order[: groups * zones.group], order[groups * zones.group :]
    changes, values = np.zeros(idle.size, np.int8), samples[idle[head]]
    changes[tail] = _random_changes(samples, costs, plan, idle[tail], stream)
    moving = changes != 0
    moving[max(salts - _LAST_SALTS, 0) :] = True  # where samples share a pixel, one that does not move may stop another
    moving[head] = False
    moved = idle[moving]
    found: list[tuple[np.ndarray, np.ndarray]] = []  # if a sample occurs twice, its last step counts
    for offset in range(channels) if plan.grey else (0,):
        near = moved // channels * channels + (moved + offset) % channels
        found.append((near, changed(samples[near], changes[moving]) - samples[near]))
    # Carriers that share a pixel with an idle sample other than a salt sample must stay.
    last = idle[max(salts - _LAST_SALTS, 0) :]
    beside = (idle[salts:] // channels * channels)[:, None] + np.arange(channels, dtype=np.int32)
    with_salts = np.isin(beside // channels, last[: min(salts, _LAST_SALTS)] // channels)
    stay = beside[~(np.isin(beside, last) | with_salts)]
    found.append((stay, np.zeros(stay.size, np.uint8)))
    write_parities(values, stream.take(groups) & 1, *costs.at(idle[head]))
    found.append((idle[head], values - samples[idle[head]]))
    numbers, steps = map(np.concatenate, zip(*found, strict=True))
    return _Steps.of(numbers, steps.view(np.int8))


def _random_changes(
    samples: np.ndarray, costs: StepCosts, plan: RecordPlan, numbers: np.ndarray, stream: _Stream
) -> np.ndarray:
    """Return changes of the numbered samples, (n,) int8, that write random trits in lanes like those of the record.

    The last lane is filled up with samples from anywhere, which do not change; if there is only one lane, it may be
    shorter.
    """
    own = plan.layout
    lanes = -(-numbers.size * own.lanes // plan.places)
    rows = own.rows if lanes > 1 else max(min(_ROWS, own.rows), -(-numbers.size * own.lanes * own.rows // plan.places))
    like = replace(own, lanes=lanes, rows=rows, wide=own.wide * rows // own.rows)
    count = lanes * rows * plan.places // (own.lanes * own.rows)
    others = stream.below(samples.size, count - numbers.size).astype(np.int32)
    order = stream.order(numbers.size + others.size)
    pool = np.concatenate([numbers, others])[order]
    trits, changes = stream.trits(rows * lanes), np.zeros(pool.size, np.int8)
    if like.merged > 1:
        places, steps = trellis.write_sums(costs.merged(samples, pool, like), trits, like)
        changes[order[places]] = steps
    else:
        changes[order] = trellis.write(samples[pool], trits, like, (*costs.at(pool), NO_TIES))
    return changes[: numbers.size]
