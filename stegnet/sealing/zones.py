"""Zones: writing bits and trits to their samples by steps, and reading them (docs/format.md, "Record zone")."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from stegnet import kernels
from stegnet.core.keystream import keystream, keystream_words
from stegnet.core.parallel import in_parts, parallel_map, thread_count
from stegnet.keys import EPHEMERAL_TRITS
from stegnet.sealing import trellis
from stegnet.sealing.carriers import (
    PIXELS,
    STRIDE,
    CarrierModel,
    Greens,
    Order,
    Zones,
    is_marked,
    public_order,
    samples_of_runs,
    zones_of,
)

ANY = np.zeros(0, np.uint8)  # no mask: every sample is free
NO_TIES = np.zeros(0, np.uint16)  # for samples that are not merged
_GREY_SHARE = 0.5  # largest number of trits of a grey record per green sample
_EPHEMERAL_HEIGHT = 6  # height of the code that carries an ephemeral key
# Sums that may be merged in any order, at most: two megabytes, which stay in the cache; and runs in a part.
_FEW_SUMS, _RUNS = 1 << 17, 1 << 15
_TOGETHER = 9  # divisor of a step's cost if neighbours moved the same way


@dataclass(frozen=True)
class Ties:
    """Random numbers that decide between equal costs, one per sample: words of a keystream."""

    key: bytes
    first: int  # place of the first sample's word in the keystream

    def of(self, numbers: np.ndarray) -> np.ndarray:
        """Return the numbers of given samples, (n,) uint16."""
        return keystream_words(self.key, self.first + numbers)

    def part(self, start: int, count: int) -> np.ndarray:
        """Return the numbers of consecutive samples, (count,) uint16."""
        return np.frombuffer(keystream(self.key, 2 * count, 2 * (self.first + start)), "<u2")


class StepCosts(NamedTuple):
    """Costs of changing each sample by one level."""

    up: np.ndarray  # (S,) uint16, one per sample, or (S / 3,), one per pixel if its samples share a cost
    down: np.ndarray
    ties: Ties
    together: int = 1  # samples that share a cost, 1 or 3
    shift: int = 0  # samples, a whole number of pixels, by which the picture is rolled
    fixed: np.ndarray | None = None  # samples that must not change, (H, W, 1) bool; None: all may

    def at(self, numbers: np.ndarray, free: np.ndarray = ANY, beside: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Return the costs of the numbered samples, (n,) int32, up and down, (n,) uint16 each.

        If `beside` is set, that many samples on either side change together with each sample. A sample whose neighbour
        is not marked in `free`, a mask of `Order.mark`, gets the maximum cost.
        """
        up, down = np.empty((2, numbers.size), np.uint16)

        def price(some: slice) -> None:
            if kernels.compiled:
                own = self.up, self.down, free, beside, trellis.MAX_COST, self.together, self.shift
                kernels.compiled.price(numbers[some], self.up.size * self.together, *own, up[some], down[some])
                return
            for costs, found in ((self.up, up), (self.down, down)):
                found[some] = _gathered(costs, numbers[some], self.together, self.shift)
                if free.size:
                    together = is_marked(free, numbers[some] - beside) & is_marked(free, numbers[some] + beside)
                    found[some][~together] = trellis.MAX_COST

        in_parts(price, numbers.size)
        return up, down

    def merged(
        self,
        samples: np.ndarray,
        numbers: "np.ndarray | Greens",
        plan: trellis.Layout,
        free: np.ndarray = ANY,
        beside: int = 0,
    ) -> trellis.Sums:
        """Merge the numbered samples, (n,) int32, of (S,) uint8, and their costs (see `at`) as the plan says."""
        if not kernels.compiled:
            own = numbers[: numbers.size]
            ties = self.ties.of((own - self.shift) % samples.size)
            return trellis.merge(samples[own], *self.at(own, free, beside), ties, plan)
        size, unit = plan.length * plan.lanes, plan.merged * plan.lanes
        if isinstance(numbers, Greens) and numbers.of_whole_runs and not self.shift and size <= _FEW_SUMS:
            return self._merged_as_they_stand(samples, numbers, plan, free, beside)
        found = trellis.Sums(np.empty(size, np.uint8), *np.empty((2, size), np.uint64))

        def merge(some: slice) -> None:
            sums = slice(some.start // plan.merged, some.stop // plan.merged)
            own = numbers[some]
            ties = self.ties.of((own - self.shift) % samples.size if self.shift else own)
            costs = self.up, self.down, free, beside, trellis.MAX_COST, self.together, self.shift
            kernels.compiled.merge(samples, own, plan.merged, plan.lanes, ties, *costs, *(part[sums] for part in found))

        in_parts(merge, size * plan.merged, unit)
        return found

    def _merged_as_they_stand(
        self, samples: np.ndarray, numbers: Greens, plan: trellis.Layout, free: np.ndarray, beside: int
    ) -> trellis.Sums:
        """Merge samples like `merged`, but in the order of memory, into a few sums that stay in the cache.

        In the order of the carriers, each run would have to be fetched from memory, which takes most of the time. The
        sums are the same in any order.
        """
        ranks, size = numbers.ranks(samples.size), plan.length * plan.lanes
        costs = self.up, self.down, free, beside, trellis.MAX_COST, self.together

        def empty() -> trellis.Sums:
            return trellis.Sums(np.zeros(size, np.uint8), *np.full((2, size), np.iinfo(np.uint64).max))

        def merge(runs: slice) -> trellis.Sums:
            there, found = samples_of_runs(runs), empty()
            ties = self.ties.part(there.start, there.stop - there.start)
            layout = numbers.channels, plan.merged, plan.lanes
            kernels.compiled.merge_runs(samples, ranks[runs], runs.start, *layout, ties, *costs, *found)
            return found

        if ranks.size <= _RUNS:
            return merge(slice(0, ranks.size))
        whole = empty()
        parts = (slice(at, min(at + _RUNS, ranks.size)) for at in range(0, ranks.size, _RUNS))
        for part in parallel_map(merge, parts, thread_count()):
            whole.values[:] = (whole.values + part.values) % 3
            np.minimum(whole.up, part.up, out=whole.up)
            np.minimum(whole.down, part.down, out=whole.down)
        return whole


def _gathered(source: np.ndarray, numbers: np.ndarray, together: int = 1, shift: int = 0) -> np.ndarray:
    """Gather the items of numbered samples, (n,) int32, from an array of uint8 or uint16.

    `together` adjacent samples share an item, and the picture is rolled by `shift` samples.
    """
    found = np.empty(numbers.size, source.dtype)

    def fill(some: slice) -> None:
        if kernels.compiled:
            kernels.compiled.gather(source, numbers[some], together, shift // together, found[some])
        else:
            found[some] = source[(numbers[some] // together - shift // together) % source.size]

    in_parts(fill, numbers.size)
    return found


def values_of(samples: np.ndarray, order: Order, zone: slice, channels: int = 0) -> np.ndarray:
    """Return the samples at the places of a zone, (n,) uint8.

    If `channels` is set, only the green samples of a picture with that many channels are returned.
    """

    def gather(some: slice) -> np.ndarray:
        part = slice(zone.start + some.start, zone.start + some.stop)
        return _gathered(samples, order.greens(part, channels) if channels else order.numbers(part))

    return np.concatenate(in_parts(gather, zone.stop - zone.start))


def changed(values: np.ndarray, changes: np.ndarray) -> np.ndarray:
    """Return values, uint8, after changes of −1, 0 and 1; a change out of range goes the other way by 2 instead."""
    result = values.astype(np.int16) + changes
    return np.where(result < 0, 2, np.where(result > 255, 253, result)).astype(np.uint8)


def _step(samples: np.ndarray, numbers: np.ndarray, changes: np.ndarray, free: np.ndarray, beside: int = 0) -> None:
    """Change the numbered samples, and `beside` on either side, in place; `free` is as in `StepCosts.at`."""

    def change(some: slice) -> None:
        if kernels.compiled:
            kernels.compiled.step(samples, numbers[some], changes[some], free, beside)
            return
        for offset in range(-beside, beside + 1):
            near = numbers[some] + offset
            after = changed(samples[near], changes[some])
            samples[near] = np.where(is_marked(free, near), after, samples[near]) if free.size else after

    in_parts(change, numbers.size)


def parities_of(values: np.ndarray, groups: int) -> np.ndarray:
    """Return the parity of each group's lowest bits, (groups,) uint8; value i belongs to group i mod `groups`."""
    return np.bitwise_xor.reduce(values.reshape(-1, groups), 0) & 1


def write_parities(values: np.ndarray, bits: np.ndarray, up: np.ndarray, down: np.ndarray) -> None:
    """Set the parities of the groups to bits, by a step of the cheapest sample of each group whose parity is wrong."""
    cheapest = np.minimum(up, down).reshape(-1, bits.size).argmin(0) * bits.size + np.arange(bits.size)
    chosen = cheapest[parities_of(values, bits.size) != bits]
    before = values[chosen]
    rises = (before == 0) | (up[chosen] < down[chosen]) & (before != 255)
    values[chosen] = np.where(rises, before + 1, before - 1)


def write_zone(samples: np.ndarray, zone: slice, bits: np.ndarray, costs: StepCosts, order: Order) -> None:
    """Set the parities of a zone's groups to bits, in place."""
    numbers = order.numbers(zone)
    values = samples[numbers]
    write_parities(values, bits, *costs.at(numbers))
    samples[numbers] = values


@dataclass(frozen=True)
class RecordPlan:
    """Plan for writing a record."""

    height: int  # of the code
    trits: int  # of the sealed record
    grey: bool  # it is written to green samples, and red and blue move with them
    places: int  # approximate number of samples that carry it
    channels: int  # channels of the picture: 3, or 1 if it is grey, where all samples count as green

    @property
    def layout(self) -> trellis.Layout:
        """Layout of the record in its zone."""
        return _layout(self.trits, self.places, self.height)

    @property
    def clustered(self) -> bool:
        """Return whether steps follow those of their neighbours."""
        return self.grey and self.layout.merged == 1


def _layout(trits: int, places: int, height: int) -> trellis.Layout:
    """Return the layout of trits that are known to fit."""
    found = trellis.layout(trits, places, height)
    assert found is not None
    return found


def plan_of(size: int, zones: Zones, effort: int, grey: bool, channels: int) -> RecordPlan:
    """Return the plan for a sealed record of `size` bytes, with the largest height that the effort allows."""
    trits, greens = trellis.count_trits(size), zones.places // channels
    grey = grey and trits <= _GREY_SHARE * greens
    # Two green samples in 30 are beside a salt sample: they carry the record, too, but hardly ever change.
    places = greens * (STRIDE - channels) // (STRIDE - 1) if grey else zones.places
    lowest = RecordPlan(1, trits, grey, places, channels)
    searched = min(places, trits * (trellis.MAX_WIDTH + 1)) * (1 + lowest.clustered)  # decoys take as much
    height = max((height for height in trellis.HEIGHTS if searched * 3**height <= effort), default=1)
    return replace(lowest, height=height)


class PixelSteps(NamedTuple):
    """Steps of pixels whose samples all move together."""

    pixels: np.ndarray  # (n,) int, pixel numbers
    steps: np.ndarray  # (n,) int8, −1 or 1


NO_STEPS = PixelSteps(np.zeros(0, np.intp), np.zeros(0, np.int8))


@dataclass(frozen=True, eq=False)
class CostMap:
    """Picture in which zones are written, in place."""

    picture: np.ndarray  # (H, W, C) uint8, contiguous
    costs: StepCosts
    order: Order
    zones: Zones
    moved: PixelSteps  # steps made before

    @property
    def samples(self) -> np.ndarray:
        """Samples of the picture, (S,) uint8, a view."""
        return self.picture.reshape(-1)

    def ephemeral(self) -> "CostMap":
        """Return a copy with the zone of the ephemeral key in place of the record's."""
        return replace(self, zones=replace(self.zones, record=self.zones.ephemeral))


def write_record(cost_map: CostMap, trits: np.ndarray, plan: RecordPlan) -> None:
    """Write trits to the samples of the record's zone."""
    samples, zone = cost_map.samples, cost_map.zones.record
    if not plan.grey:
        own = _layout(trits.size, zone.stop - zone.start, plan.height)
        if own.merged == 1:
            _write_lanes(cost_map, trits, own)
            return
    # In a grey picture, all samples of a zone count as green.
    numbers = Greens(cost_map.order, zone, plan.channels if plan.grey else 1)
    free, beside = ANY, 0
    if plan.grey:
        free, beside = cost_map.order.mark(zone, samples.size), plan.channels // 2
    own = _layout(trits.size, numbers.size, plan.height)
    if own.merged > 1:
        sums = cost_map.costs.merged(samples, numbers, own, free, beside)
        places, changes = trellis.write_sums(sums, trits, own)
        _step(samples, numbers.take(places), changes, free, beside)
        return
    every = numbers[: numbers.size]
    up, down = cost_map.costs.at(every, free, beside)
    following = _clustered(every, up, down, cost_map, plan.channels)
    changes = trellis.write(_gathered(samples, every), trits, own, (up, down, NO_TIES), following)
    _step(samples, every, changes, free, beside)


def _write_lanes(cost_map: CostMap, trits: np.ndarray, plan: trellis.Layout) -> None:
    """Write trits to single samples, a few lanes at a time, which bounds the memory; threads share the lanes."""
    samples, first = cost_map.samples, cost_map.zones.record.start
    wanted = np.zeros(plan.rows * plan.lanes, np.uint8)
    wanted[: trits.size] = trits

    def write(some: slice) -> None:
        lanes = slice(some.start // plan.length, some.stop // plan.length)
        starts = range(first, first + plan.length * plan.lanes, plan.lanes)
        numbers = np.concatenate([cost_map.order.numbers(slice(at + lanes.start, at + lanes.stop)) for at in starts])
        own = wanted.reshape(plan.rows, plan.lanes)[:, lanes].reshape(-1)
        costs, like = (*cost_map.costs.at(numbers), NO_TIES), replace(plan, lanes=lanes.stop - lanes.start)
        _step(samples, numbers, trellis.write(_gathered(samples, numbers), own, like, costs), ANY)

    in_parts(write, plan.length * plan.lanes, plan.length)


def write_ephemeral(cost_map: CostMap, trits: np.ndarray, clustered: bool = True) -> None:
    """Write an ephemeral key's trits to its zone like a grey record, with few and cheap steps.

    If `clustered`, they follow the steps around them; if not, the picture has one channel.
    """
    plan = RecordPlan(_EPHEMERAL_HEIGHT, trits.size, clustered, 0, cost_map.picture.shape[2])
    write_record(cost_map.ephemeral(), trits, plan)


def read_ephemeral(
    picture: np.ndarray, salt: bytes, recipient: bytes, medium: CarrierModel = PIXELS
) -> np.ndarray | None:
    """Return the trits in the zone of an ephemeral key, (192,) uint8; None if there is no space for one.

    The picture is (H, W, C) uint8, with one channel if it is grey; readers locate the zone by the recipient's public
    key.
    """
    order, zones = public_order(picture.size, recipient, salt, medium), zones_of(picture.size, True, medium)
    if not zones.places:
        return None
    values = values_of(picture.reshape(-1), order, zones.public, picture.shape[2])
    return trellis.read(values, _layout(EPHEMERAL_TRITS, values.size, _EPHEMERAL_HEIGHT)).reshape(-1)


def read_record(values: np.ndarray, size: int, height: int) -> bytes | None:
    """Return the `size` bytes that samples of the zone hold; None if they hold no valid bytes."""
    if size > trellis.most_bytes(values.size):
        return None
    trits = trellis.count_trits(size)
    plan = trellis.layout(trits, values.size, height)
    return plan and trellis.from_trits(trellis.read(values, plan).reshape(-1)[:trits], size)


def _clustered(
    numbers: np.ndarray, up: np.ndarray, down: np.ndarray, cost_map: CostMap, channels: int
) -> trellis.Following:
    """Return a function that favours the direction in which neighbouring pixels moved: such steps look like texture.

    Li, Wang, Li, Tan and Huang 2015, "A strategy of clustering modification directions in spatial image steganography"
    (IEEE TIFS 10(9)). Each of the numbers, (n,) int32, is of a sample of a pixel that may move.
    """
    height, width, _ = cost_map.picture.shape
    cheaper = np.empty((2, numbers.size if kernels.compiled else 0), np.uint16)
    at_first = np.zeros((height + 2) * width, np.int8)  # with a row above and one below
    at_first[cost_map.moved.pixels + width] = cost_map.moved.steps

    def following(changes: np.ndarray, lanes: int, chosen: slice) -> tuple[np.ndarray, np.ndarray]:
        moved, changing = at_first.copy(), np.flatnonzero(changes != 0)
        moved[numbers[changing] // channels + width] += changes[changing]
        if kernels.compiled:
            every = width, _TOGETHER, lanes, chosen.start, chosen.step

            def fill(some: slice) -> None:
                own = up[some], down[some], *cheaper[:, some]
                kernels.compiled.follow(numbers[some], channels, moved, *every, *own)

            in_parts(fill, numbers.size, lanes)
            return tuple(cheaper)
        pixels = numbers // channels
        around = sum(moved[pixels + width + offset] for offset in (-width, -1, 1, width))
        cheap_up, cheap_down = (np.maximum(costs // _TOGETHER, 1) for costs in (up, down))
        return np.where(around > 0, cheap_up, up), np.where(around < 0, cheap_down, down)

    return following
