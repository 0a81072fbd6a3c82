"""Zones: writing bits and trits to their samples by changes, and reading them (docs/format.md, "Record zone")."""

from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from stegnet import kernels
from stegnet.core.keystream import keystream, keystream_words
from stegnet.core.parallel import in_parts, parallel_map, thread_count
from stegnet.keys import EPHEMERAL_TRITS
from stegnet.sealing import trellis
from stegnet.sealing.sample_order import (
    FORMAT,
    LEAD_BYTES,
    LEAD_TRITS,
    MAC_TRITS,
    PIXELS,
    Greens,
    Order,
    SampleRules,
    Zones,
    public_order,
    samples_of_runs,
    zones_of,
)
from stegnet.sealing.siv import TAG_BYTES

Number = TypeVar("Number", bound=np.generic)

# Number of docs/format.md, "Lead": what is added to the height of a grey record's code.
_GREY = 16

# Settings of writing a record's zone.
_GREY_SHARE = 0.5  # largest number of trits of a grey record per green sample
_TOGETHER = 9  # divisor of a change's cost if neighbours moved the same way
_PART_RUNS = 1 << 15  # runs that a thread merges at a time


@dataclass(frozen=True)
class Ties:
    """Random numbers that decide between equal costs, one per sample: words of a keystream."""

    key: bytes
    first: int  # place of the first sample's word in the keystream

    def part(self, start: int, count: int) -> NDArray[np.uint16]:
        """Return the numbers of consecutive samples, (count,) uint16."""
        return np.frombuffer(keystream(self.key, 2 * count, 2 * (self.first + start)), "<u2")


class ChangeCosts(NamedTuple):
    """Costs of changing each sample by one level."""

    up: NDArray[np.uint16]  # (S,), one per sample, or (S / 3,), one per pixel if its samples share a cost
    down: NDArray[np.uint16]
    ties: Ties
    together: int = 1  # samples that share a cost, 1 or 3
    shift: int = 0  # samples, a whole number of pixels, by which the picture is rolled
    fixed: NDArray[np.bool_] | None = None  # samples that must not change, (H, W, 1) bool; None: all may

    def at(
        self, numbers: NDArray[np.int32], free: NDArray[np.uint8] = trellis.ALL_FREE, neighbours: int = 0
    ) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
        """Return the costs of the numbered samples, (n,) int32, up and down, (n,) uint16 each.

        With each sample, so many neighbours on either side change, too. A sample whose neighbour is not marked in
        `free`, a mask of `Order.mark`, gets the maximum cost.
        """
        up, down = np.empty((2, numbers.size), np.uint16)

        def price(part: slice) -> None:
            costs = self.up, self.down, free, neighbours, trellis.MAX_COST, self.together, self.shift
            size = self.up.size * self.together
            kernels.price(numbers[part], size, *costs, up[part], down[part])

        in_parts(price, numbers.size)
        return up, down

    def ties_of(self, numbers: NDArray[np.int32], size: int) -> NDArray[np.uint16]:
        """Return the ties of the numbered samples, (n,) int32, of `size` in all."""
        places = (numbers - self.shift) % size if self.shift else numbers
        return keystream_words(self.ties.key, self.ties.first + places)

    def merged(
        self,
        samples: NDArray[np.uint8],
        numbers: NDArray[np.int32] | Greens,
        plan: trellis.Layout,
        free: NDArray[np.uint8] = trellis.ALL_FREE,
        neighbours: int = 0,
    ) -> trellis.Sums:
        """Merge the numbered samples, (n,) int32, of (S,) uint8, and their costs (see `at`) as the plan says."""
        # Number of sums, at most, that are merged in the order of memory: two megabytes, which stay in the cache.
        cached_sums = 1 << 17
        size = plan.length * plan.lanes
        can_follow_memory = isinstance(numbers, Greens) and numbers.has_whole_runs and not self.shift
        if isinstance(numbers, Greens) and can_follow_memory and size <= cached_sums:
            return self._merged_in_memory_order(samples, numbers, plan, free, neighbours)
        sums = trellis.Sums.empty(plan)

        def merge(part: slice) -> None:
            part_numbers = numbers[part]
            ties = self.ties_of(part_numbers, samples.size)
            costs = self.up, self.down, free, neighbours, trellis.MAX_COST, self.together, self.shift
            of_part = slice(part.start // plan.merged, part.stop // plan.merged)
            into = sums.values[of_part], sums.up[of_part], sums.down[of_part]
            kernels.merge(samples, part_numbers, plan.merged, plan.lanes, ties, *costs, *into)

        in_parts(merge, size * plan.merged, plan.merged * plan.lanes)
        return sums

    def _merged_in_memory_order(
        self,
        samples: NDArray[np.uint8],
        numbers: Greens,
        plan: trellis.Layout,
        free: NDArray[np.uint8],
        neighbours: int,
    ) -> trellis.Sums:
        """Merge samples like `merged`, but in the order of memory, into a few sums that stay in the cache.

        In the order of the data samples, each run would have to be fetched from memory, which takes most of the time.
        The sums are the same in any order.
        """
        ranks = numbers.ranks(samples.size)
        size = plan.length * plan.lanes

        def merge(runs: slice) -> trellis.Sums:
            covered = samples_of_runs(runs)
            ties = self.ties.part(covered.start, covered.stop - covered.start)
            sums = trellis.Sums(np.zeros(size, np.uint8), *np.full((2, size), np.iinfo(np.uint64).max))
            costs = self.up, self.down, free, neighbours, trellis.MAX_COST, self.together
            kernels.merge_runs(
                samples, ranks[runs], runs.start, numbers.channels, plan.merged, plan.lanes, ties, *costs, *sums
            )
            return sums

        if ranks.size <= _PART_RUNS:
            return merge(slice(0, ranks.size))
        starts = range(0, ranks.size, _PART_RUNS)
        parts = parallel_map(
            merge, (slice(start, min(start + _PART_RUNS, ranks.size)) for start in starts), thread_count()
        )
        whole = next(parts)
        for part in parts:
            whole.values[:] = (whole.values + part.values) % 3
            np.minimum(whole.up, part.up, out=whole.up)
            np.minimum(whole.down, part.down, out=whole.down)
        return whole


def _gathered(samples: NDArray[np.uint8], numbers: NDArray[np.int32]) -> NDArray[np.uint8]:
    """Gather the numbered samples, (n,) int32."""
    gathered = np.empty(numbers.size, np.uint8)

    def fill(part: slice) -> None:
        kernels.gather(samples, numbers[part], gathered[part])

    in_parts(fill, numbers.size)
    return gathered


def values_of(samples: NDArray[np.uint8], order: Order, zone: slice, channels: int = 0) -> NDArray[np.uint8]:
    """Return the samples at the places of a zone, (n,) uint8.

    If `channels` is set, only the green samples of a picture with that many channels are returned.
    """

    def gather(part: slice) -> NDArray[np.uint8]:
        places = slice(zone.start + part.start, zone.start + part.stop)
        numbers = order.greens(places, channels) if channels else order.numbers(places)
        values = np.empty(numbers.size, np.uint8)
        kernels.gather(samples, numbers, values)
        return values

    return np.concatenate(in_parts(gather, zone.stop - zone.start))


def changed_levels(values: NDArray[np.uint8], changes: NDArray[np.int8]) -> NDArray[np.uint8]:
    """Return values, uint8, after changes of −1, 0 and 1; a change out of range goes the other way by 2 instead."""
    result = values.astype(np.int16) + changes
    return np.where(result < 0, 2, np.where(result > 255, 253, result)).astype(np.uint8)


def _change(
    samples: NDArray[np.uint8],
    numbers: NDArray[np.int32],
    changes: NDArray[np.int8],
    free: NDArray[np.uint8],
    neighbours: int = 0,
) -> None:
    """Change the numbered of the samples, (S,) uint8, and `neighbours` on either side, in place.

    Numbers, (n,) int32, and changes of −1, 0 and 1, (n,) int8, go together; `free` is as in `ChangeCosts.at`.
    """

    def fill(part: slice) -> None:
        kernels.step(samples, numbers[part], changes[part], free, neighbours)

    in_parts(fill, numbers.size)


@dataclass(frozen=True)
class RecordPlan:
    """Plan for writing a record."""

    height: int  # of the code
    trits: int  # of the sealed record
    grey: bool  # it is written to green samples, and red and blue move with them
    places: int  # approximate number of samples that carry it
    channels: int  # channels of the picture: 3, or 1 if it is grey, where all samples count as green

    @property
    def code(self) -> int:
        """Number in the lead that tells readers how the record is coded."""
        return self.height + (_GREY if self.grey else 0)

    @property
    def layout(self) -> trellis.Layout:
        """Layout of the record in its zone."""
        return layout_of(self.trits, self.places, self.height)

    @property
    def clustered(self) -> bool:
        """True if changes follow those of their neighbours."""
        return self.grey and self.layout.merged == 1


def layout_of(trits: int, places: int, height: int = trellis.HEIGHTS[-1]) -> trellis.Layout:
    """Return the layout of trits that are known to fit: those of a lead, a MAC and an ephemeral key always do."""
    layout = trellis.layout(trits, places, height)
    assert layout is not None
    return layout


def plan_of(size: int, zones: Zones, effort: int, grey: bool, channels: int) -> RecordPlan:
    """Return the plan for a sealed record of `size` bytes, with the largest height that the effort allows.

    The search visits at most `effort` states, 3 to the power of the height for each sample.
    """
    trits = trellis.count_trits(size)
    greens = zones.places // channels
    grey = grey and trits <= _GREY_SHARE * greens

    # Two green samples in 30 are beside a salt sample: they carry the record, too, but hardly ever change.
    places = greens * (FORMAT.stride - channels) // (FORMAT.stride - 1) if grey else zones.places
    lowest = RecordPlan(1, trits, grey, places, channels)

    # Clustered changes are searched twice, as decoys are rehearsed.
    searched = min(places, trits * (trellis.MAX_WIDTH + 1)) * (2 if lowest.clustered else 1)
    return replace(lowest, height=max((each for each in trellis.HEIGHTS if searched * 3**each <= effort), default=1))


class PixelChanges(NamedTuple):
    """Changes of pixels whose samples all move together."""

    pixels: NDArray[np.intp]  # (n,) int, pixel numbers
    changes: NDArray[np.int8]  # (n,), −1 or 1


NO_CHANGES = PixelChanges(np.zeros(0, np.intp), np.zeros(0, np.int8))


@dataclass(frozen=True, eq=False)
class CostMap:
    """Picture in which zones are written, in place."""

    picture: NDArray[np.uint8]  # (H, W, C), contiguous
    costs: ChangeCosts
    order: Order
    zones: Zones
    moved: PixelChanges  # changes made before

    @property
    def samples(self) -> NDArray[np.uint8]:
        """Samples of the picture, (S,) uint8, a view."""
        return self.picture.reshape(-1)

    def ephemeral(self) -> "CostMap":
        """Return a copy with the zone of the ephemeral key in place of the record's."""
        return replace(self, zones=replace(self.zones, record=self.zones.ephemeral))


def write_lead(cost_map: CostMap, trits: NDArray[np.uint8]) -> None:
    """Write the trits of a lead to its zone."""
    samples = cost_map.samples
    numbers = _apart(cost_map.order.numbers(cost_map.zones.lead), LEAD_TRITS)
    values = samples[numbers]
    costs = (*cost_map.costs.at(numbers), cost_map.costs.ties_of(numbers, samples.size))
    samples[numbers] = changed_levels(values, trellis.write(values, trits, layout_of(LEAD_TRITS, values.size), costs))


def read_lead(samples: NDArray[np.uint8], order: Order, zones: Zones) -> bytes | None:
    """Return the lead in samples, (S,) uint8; None if there are no valid bytes."""
    values = _apart(samples[order.numbers(zones.lead)], LEAD_TRITS)
    return trellis.from_trits(trellis.read(values, layout_of(LEAD_TRITS, values.size)).reshape(-1), LEAD_BYTES)


def triples_of(samples: NDArray[np.uint8], numbers: NDArray[np.int32], order: Order) -> tuple[NDArray[np.uint8], ...]:
    """Return the number of the triple of each sample in the MAC's zone, and its place there, 0 to 2; (n,) uint8 each.

    `numbers` are those of the zone.
    """
    values = samples[numbers].astype(np.uint16) + order.sides
    return tuple(part.astype(np.uint8) for part in np.divmod(values, 3))


def write_mac(cost_map: CostMap, trits: NDArray[np.uint8]) -> None:
    """Write the trits of a MAC to its zone, by changes that leave each sample in its triple.

    At the end of a triple, a change goes the other way by 2, which costs more than any by 1. If all changes of a sum
    would leave 0 to 255, or are fixed, its trit may stay another: `read_mac` tells.
    """
    samples = cost_map.samples
    numbers = cost_map.order.numbers(cost_map.zones.mac)
    places = _apart(triples_of(samples, numbers, cost_map.order)[1], MAC_TRITS)
    numbers = _apart(numbers, MAC_TRITS)
    values = samples[numbers].astype(np.int16)
    up, down = cost_map.costs.at(numbers)
    is_fixed = up == trellis.FIXED_COST
    costs = []
    after = [values]  # without a change, after one up, and one down
    for change, cost, other in ((1, up, down), (-1, down, up)):
        changed = values + (places + np.uint8(change % 3)) % 3 - places
        by_two = np.maximum(other, trellis.MAX_COST // 2)
        allowed = np.where(np.abs(changed - values) > 1, by_two, cost) // 4
        never = is_fixed | (changed < 0) | (changed > 255)
        costs.append(np.where(never, np.uint16(trellis.FIXED_COST), allowed).astype(np.uint16))
        after.append(np.where(never, values, changed))
    ties = cost_map.costs.ties_of(numbers, samples.size)
    changes = trellis.write(places, trits, layout_of(MAC_TRITS, places.size), (costs[0], costs[1], ties))
    samples[numbers] = np.choose(changes % 3, after).astype(np.uint8)


def read_mac(samples: NDArray[np.uint8], order: Order, zones: Zones) -> NDArray[np.uint8]:
    """Return the trits in the MAC's zone of samples, (S,) uint8; (MAC_TRITS,) uint8."""
    places = _apart(triples_of(samples, order.numbers(zones.mac), order)[1], MAC_TRITS)
    return trellis.read(places, layout_of(MAC_TRITS, places.size)).reshape(-1)


def _apart(values: NDArray[Number], trits: int) -> NDArray[Number]:
    """Return values of the zone of lead or MAC, (n,), in another order: those of a run, side by side, come far apart.

    So a trit does not depend on one place of the picture.
    """
    return np.ascontiguousarray(values.reshape(trits // 4, -1).T).reshape(-1)


def write_record_zone(cost_map: CostMap, trits: NDArray[np.uint8], plan: RecordPlan) -> None:
    """Write trits to the samples of the record's zone."""
    samples = cost_map.samples
    zone = cost_map.zones.record
    if not plan.grey:
        single = layout_of(trits.size, zone.stop - zone.start, plan.height)
        if single.merged == 1:
            _write_lanes(cost_map, trits, single)
            return

    # A grey record is in green samples, with which red and blue change. In a grey picture, all samples count as green.
    numbers = Greens(cost_map.order, zone, plan.channels if plan.grey else 1)
    free = cost_map.order.mark(zone, samples.size) if plan.grey else trellis.ALL_FREE
    neighbours = plan.channels // 2 if plan.grey else 0
    layout = layout_of(trits.size, numbers.size, plan.height)

    # Many samples per trit: the cheapest of each sum changes.
    if layout.merged > 1:
        sums = cost_map.costs.merged(samples, numbers, layout, free, neighbours)
        places, changes = trellis.write_sums(sums, trits, layout)
        _change(samples, numbers.take(places), changes, free, neighbours)
        return

    # Few samples per trit: the search prefers changes in the direction of those around them.
    whole = numbers[: numbers.size]
    up, down = cost_map.costs.at(whole, free, neighbours)
    following = _clustered(whole, up, down, cost_map, plan.channels)
    changes = trellis.write(_gathered(samples, whole), trits, layout, (up, down, trellis.NO_TIES), following)
    _change(samples, whole, changes, free, neighbours)


def _write_lanes(cost_map: CostMap, trits: NDArray[np.uint8], layout: trellis.Layout) -> None:
    """Write trits to single samples, a few lanes at a time, which bounds the memory; threads share the lanes."""
    samples = cost_map.samples
    first = cost_map.zones.record.start
    full_rows, rest = divmod(trits.size, layout.lanes)

    def trits_of(lanes: slice) -> NDArray[np.uint8]:
        wanted = np.zeros((layout.rows, lanes.stop - lanes.start), np.uint8)
        wanted[:full_rows] = trits[: trits.size - rest].reshape(full_rows, layout.lanes)[:, lanes]
        of_last_row = trits[trits.size - rest :][lanes]
        wanted[full_rows : full_rows + 1, : of_last_row.size] = of_last_row
        return wanted.reshape(-1)

    def write(part: slice) -> None:
        lanes = slice(part.start // layout.length, part.stop // layout.length)
        starts = range(first, first + layout.length * layout.lanes, layout.lanes)
        zones = [slice(start + lanes.start, start + lanes.stop) for start in starts]
        if lanes == slice(0, layout.lanes):  # they follow one another
            zones = [slice(first, first + layout.length * layout.lanes)]
        numbers = np.concatenate([cost_map.order.numbers(zone) for zone in zones])
        part_layout = replace(layout, lanes=lanes.stop - lanes.start)
        costs = (*cost_map.costs.at(numbers), trellis.NO_TIES)
        changes = trellis.write(_gathered(samples, numbers), trits_of(lanes), part_layout, costs)
        _change(samples, numbers, changes, trellis.ALL_FREE)

    in_parts(write, layout.length * layout.lanes, layout.length)


def write_ephemeral(cost_map: CostMap, trits: NDArray[np.uint8], clustered: bool = True) -> None:
    """Write an ephemeral key's trits to its zone like a grey record, with few and cheap changes.

    If `clustered`, they follow the changes around them; if not, the picture has one channel.
    """
    plan = RecordPlan(trellis.HEIGHTS[-1], trits.size, clustered, 0, cost_map.picture.shape[2])
    write_record_zone(cost_map.ephemeral(), trits, plan)


def read_ephemeral(
    picture: NDArray[np.uint8], salt: bytes, recipient: bytes, rules: SampleRules = PIXELS
) -> NDArray[np.uint8] | None:
    """Return the trits in the zone of an ephemeral key, (192,) uint8; None if there is no space for one.

    The picture is (H, W, C) uint8, with one channel if it is grey; readers locate the zone by the recipient's public
    key.
    """
    zones = zones_of(picture.size, True, rules)
    if not zones.places:
        return None
    order = public_order(picture.size, recipient, salt, rules)
    values = values_of(picture.reshape(-1), order, zones.public, picture.shape[2])
    return trellis.read(values, layout_of(EPHEMERAL_TRITS, values.size)).reshape(-1)


def read_sealed(frame: NDArray[np.uint8], order: Order, zones: Zones, code: int, size: int) -> bytes | None:
    """Return the sealed record, `size` bytes, in a frame, (H, W, C) uint8; None if there are no valid bytes.

    `code` is the number in the lead that tells how the record is coded.
    """
    height = code & 15
    if height not in trellis.HEIGHTS or code & ~15 not in (0, _GREY):
        return None
    values = values_of(frame.reshape(-1), order, zones.record, frame.shape[2] if code & _GREY else 0)
    if not TAG_BYTES <= size <= trellis.most_bytes(values.size):
        return None
    count = trellis.count_trits(size)
    return trellis.from_trits(trellis.read(values, layout_of(count, values.size, height)).reshape(-1)[:count], size)


def _clustered(
    numbers: NDArray[np.int32],
    up: NDArray[np.uint16],
    down: NDArray[np.uint16],
    cost_map: CostMap,
    channels: int,
) -> trellis.Following:
    """Return a function that makes changes cheaper, in place, in the direction in which neighbouring pixels moved.

    Such changes look like texture.

    Li, Wang, Li, Tan and Huang 2015, "A strategy of clustering modification directions in spatial image steganography"
    (IEEE TIFS 10(9)). Each of the numbers, (n,) int32, is of a sample of a pixel that may move.
    """
    height, width, _ = cost_map.picture.shape
    moved = np.zeros((height + 2) * width, np.int8)  # with a row above and one below
    moved[cost_map.moved.pixels + width] = cost_map.moved.changes

    def following(changes: NDArray[np.int8], lanes: int, chosen: slice) -> None:
        latest = slice(chosen.start - 1, None, chosen.step)  # lanes that were searched last
        rows, columns = np.nonzero(changes[: changes.size // lanes * lanes].reshape(-1, lanes)[:, latest] != 0)
        changing = rows * lanes + columns * chosen.step + latest.start
        moved[numbers[changing] // channels + width] += changes[changing]
        settings = width, _TOGETHER, lanes, chosen.start, chosen.step

        def fill(part: slice) -> None:
            costs = up[part], down[part]
            kernels.follow(numbers[part], channels, moved, *settings, *costs, *costs)

        in_parts(fill, numbers.size, lanes)

    return following
