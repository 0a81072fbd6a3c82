"""Steps of samples: changes of values, and parities of groups."""

from typing import NamedTuple

import numpy as np

from stegnet import kernels
from stegnet.core.parallel import in_parts
from stegnet.sealing.carriers import Order

_ANY = np.zeros(0, bool)  # nothing is marked


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

    def at(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Those of some samples, (n,) int32, up and down: (n,) uint16 each."""
        up, down = (gathered(part, numbers, self.together, self.shift) for part in (self.up, self.down))
        return up, down

    def ties_at(self, numbers: np.ndarray, merged: bool) -> np.ndarray:
        """Random numbers of some samples, (n,) uint16; none if they are not merged, so that nothing is tied."""
        return gathered(self.ties, numbers, shift=self.shift) if merged else np.zeros(0, np.uint16)


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
        return gathered(samples, order.greens(part, channels, _ANY) if channels else order.numbers(part))

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
