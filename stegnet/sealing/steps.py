"""Steps of samples: changes of values, and parities of groups."""

from typing import NamedTuple

import numpy as np

from stegnet import kernels
from stegnet.core.parallel import in_parts
from stegnet.sealing import trellis
from stegnet.sealing.carriers import Order

ANY = np.zeros(0, bool)  # nothing is marked
NO_TIES = np.zeros(0, np.uint16)  # of samples that are not merged


class StepCosts(NamedTuple):
    """Costs of steps.

    Attributes:
        up, down: of a step of each sample, (S,) uint16, or of each pixel whose samples cost the same, (S / 3,).
        ties: random numbers that decide between equal costs, (S,) uint16.
        together: samples that have one cost, 1 or 3.
        shift: samples, of whole pixels, by which the picture is rolled.
    """

    up: np.ndarray
    down: np.ndarray
    ties: np.ndarray
    together: int = 1
    shift: int = 0

    def at(self, numbers: np.ndarray, free: np.ndarray = ANY, beside: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Those of some samples, (n,) int32, up and down: (n,) uint16 each.

        Args:
            free: which samples may change, (S,) bool; empty: all. High costs have those beside which one may not.
            beside: how many to each side change with one.
        """
        up, down = np.empty((2, numbers.size), np.uint16)

        def price(some: slice) -> None:
            if kernels.compiled:
                own = self.up, self.down, free, beside, trellis.MAX_COST, self.together, self.shift
                kernels.compiled.price(numbers[some], self.up.size * self.together, *own, up[some], down[some])
                return
            for costs, found in ((self.up, up), (self.down, down)):
                found[some] = gathered(costs, numbers[some], self.together, self.shift)
                if free.size:
                    found[some][~(free[numbers[some] - beside] & free[numbers[some] + beside])] = trellis.MAX_COST

        in_parts(price, numbers.size)
        return up, down

    def merged(
        self, samples: np.ndarray, numbers: np.ndarray, plan: trellis.Layout, free: np.ndarray = ANY, beside: int = 0
    ) -> trellis.Sums:
        """Samples, (S,) uint8, by their numbers, (n,) int32, and costs as `at`, merged as the plan says."""
        if not kernels.compiled:
            ties = gathered(self.ties, numbers, shift=self.shift)
            return trellis.merge(samples[numbers], *self.at(numbers, free, beside), ties, plan)
        size, unit = plan.length * plan.lanes, plan.merged * plan.lanes
        found = trellis.Sums(np.empty(size, np.uint8), *np.empty((2, size), np.uint64))

        def merge(some: slice) -> None:
            sums = slice(some.start // plan.merged, some.stop // plan.merged)
            own = self.up, self.down, free, beside, trellis.MAX_COST, self.together, self.shift
            read = samples, numbers[some], plan.merged, plan.lanes, self.ties
            kernels.compiled.merge(*read, *own, *(part[sums] for part in found))

        in_parts(merge, size * plan.merged, unit)
        return found


def gathered(source: np.ndarray, numbers: np.ndarray, together: int = 1, shift: int = 0) -> np.ndarray:
    """Items of uint8 or uint16 by numbers, (n,) int32, of samples, `together` of which have one.

    Args:
        shift: samples by which the source is rolled.
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
    """Samples at the places of a zone, (n,) uint8.

    Args:
        samples: (S,) uint8.
        channels: of the picture, if its green samples alone are asked for; 0: all.
    """

    def take(some: slice) -> np.ndarray:
        part = slice(zone.start + some.start, zone.start + some.stop)
        return gathered(samples, order.greens(part, channels, ANY) if channels else order.numbers(part))

    return np.concatenate(in_parts(take, zone.stop - zone.start))


def changed(values: np.ndarray, changes: np.ndarray) -> np.ndarray:
    """Values, uint8, after changes of −1, 0 and 1; where these would leave the range, the other way by 2."""
    result = values.astype(np.int16) + changes
    return np.where(result < 0, 2, np.where(result > 255, 253, result)).astype(np.uint8)


def step(samples: np.ndarray, numbers: np.ndarray, changes: np.ndarray, free: np.ndarray, beside: int = 0) -> None:
    """Changes samples, and those beside them, in place, as `changed`.

    Args:
        samples: (S,) uint8.
        numbers: (n,) int32, of those that change.
        changes: (n,) int8.
        free: which samples may change, (S,) bool; empty: all.
        beside: how many to each side change with one.
    """

    def take(some: slice) -> None:
        if kernels.compiled:
            kernels.compiled.step(samples, numbers[some], changes[some], free, beside)
            return
        for offset in range(-beside, beside + 1):
            near = numbers[some] + offset
            after = changed(samples[near], changes[some])
            samples[near] = np.where(free[near], after, samples[near]) if free.size else after

    in_parts(take, numbers.size)


def parities_of(values: np.ndarray, groups: int) -> np.ndarray:
    """Parity of the lowest bits of each group, (groups,) uint8; every groups-th value belongs to one."""
    return np.bitwise_xor.reduce(values.reshape(-1, groups), 0) & 1


def write_parities(values: np.ndarray, bits: np.ndarray, up: np.ndarray, down: np.ndarray) -> None:
    """Sets the parities of the groups to bits, by a step of the cheapest sample where one is wrong."""
    cheapest = np.minimum(up, down).reshape(-1, bits.size).argmin(0) * bits.size + np.arange(bits.size)
    chosen = cheapest[parities_of(values, bits.size) != bits]
    before = values[chosen]
    rises = (before == 0) | (up[chosen] < down[chosen]) & (before != 255)
    values[chosen] = np.where(rises, before + 1, before - 1)


def write_zone(samples: np.ndarray, zone: slice, bits: np.ndarray, costs: StepCosts, order: Order) -> None:
    """Sets the parities of a zone's groups to bits, in place."""
    numbers = order.numbers(zone)
    values, (up, down) = samples[numbers], costs.at(numbers)
    write_parities(values, bits, up, down)
    samples[numbers] = values
