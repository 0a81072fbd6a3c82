"""The record's zone: how a sealed record is written to its samples, and read (docs/format.md, "Record zone")."""

from dataclasses import dataclass, replace

import numpy as np

from stegnet import kernels
from stegnet.core.parallel import in_parts
from stegnet.keys import EPHEMERAL_TRITS
from stegnet.sealing import trellis
from stegnet.sealing.carriers import PIXELS, STRIDE, CarrierModel, Order, Zones, public_order, zones_of
from stegnet.sealing.steps import ANY, NO_TIES, StepCosts, gathered, step, values_of

_GREY_SHARE = 0.5  # most trits of a grey record for each green sample
_EPHEMERAL_HEIGHT = 6  # of the code that carries an ephemeral key
_TOGETHER = 9  # a step costs so many times less where neighbours moved the same way


@dataclass(frozen=True)
class RecordPlan:
    """Plan for writing a record.

    Attributes:
        height: of the code.
        trits: of the sealed record.
        grey: it is written to green samples, and red and blue move with them.
        places: samples that carry it, about.
        channels: of the picture: 3, or 1 of a grey one, whose samples all count as green.
    """

    height: int
    trits: int
    grey: bool
    places: int
    channels: int = 3

    @property
    def layout(self) -> trellis.Layout:
        """Of a zone of so many places."""
        found = trellis.layout(self.trits, self.places, self.height)
        assert found is not None
        return found

    @property
    def may_merge(self) -> bool:
        """True if samples count as one in this number of places, or slightly more."""
        most = trellis.layout(self.trits, self.places * 21 // 20, self.height)
        return most is None or most.merged > 1

    @property
    def clustered(self) -> bool:
        """True if steps follow those of their neighbours."""
        return self.grey and self.layout.merged == 1


def plan_of(size: int, zones: Zones, effort: int, grey: bool, channels: int = 3) -> RecordPlan:
    """The plan for a sealed record of `size` bytes: of the largest height that the effort allows."""
    trits, greens = trellis.count_trits(size), zones.places // channels
    grey = grey and trits <= _GREY_SHARE * greens
    # Red and blue of two green samples in 30 are salt samples, so that those are left out.
    places = greens * (STRIDE - channels) // (STRIDE - 1) if grey else zones.places
    lowest = RecordPlan(1, trits, grey, places, channels)
    searched = min(places, trits * (trellis.MAX_WIDTH + 1)) * (1 + lowest.clustered)  # decoys take as much
    height = max((height for height in trellis.HEIGHTS if searched * 3**height <= effort), default=1)
    return replace(lowest, height=height)


@dataclass(frozen=True, eq=False)
class CostMap:
    """A picture in which zones are written, in place.

    Attributes:
        samples: (n,) uint8, a view of it.
        order: of its carriers.
        moved: (H, W) int8, steps of pixels whose samples moved together before.
    """

    samples: np.ndarray
    costs: StepCosts
    order: Order
    zones: Zones
    moved: np.ndarray

    def ephemeral(self) -> "CostMap":
        """The same, with the zone of an ephemeral key instead of the record's."""
        return replace(self, zones=replace(self.zones, record=self.zones.ephemeral))


def write_record(cost_map: CostMap, trits: np.ndarray, plan: RecordPlan) -> None:
    """Writes trits to the samples of the record's zone."""
    samples, zone = cost_map.samples, cost_map.zones.record
    if not plan.grey:
        own = trellis.layout(trits.size, zone.stop - zone.start, plan.height)
        assert own is not None
        if own.merged == 1:
            _write_lanes(cost_map, trits, own)
            return
    free, beside = np.zeros(samples.size if plan.grey else 0, bool), plan.channels // 2 * plan.grey
    numbers = cost_map.order.greens(zone, plan.channels, free) if plan.grey else cost_map.order.numbers(zone)
    own = trellis.layout(trits.size, numbers.size, plan.height)
    assert own is not None
    if own.merged > 1:
        sums = cost_map.costs.merged(samples, numbers, own, free, beside)
        changes = trellis.write_sums(sums, trits, own, numbers.size)
    else:
        up, down = cost_map.costs.at(numbers, free, beside)
        following = _clustered(numbers, up, down, cost_map.moved, plan.channels)
        changes = trellis.write(gathered(samples, numbers), trits, own, (up, down, NO_TIES), following)
    step(samples, numbers, changes, free, beside)


def _write_lanes(cost_map: CostMap, trits: np.ndarray, plan: trellis.Layout) -> None:
    """Writes trits to single samples, some lanes after others, which bounds the memory; threads share them."""
    samples, first = cost_map.samples, cost_map.zones.record.start
    wanted = np.zeros(plan.rows * plan.lanes, np.uint8)
    wanted[: trits.size] = trits

    def write(some: slice) -> None:
        lanes = slice(some.start // plan.length, some.stop // plan.length)
        starts = range(first, first + plan.length * plan.lanes, plan.lanes)
        numbers = np.concatenate([cost_map.order.numbers(slice(at + lanes.start, at + lanes.stop)) for at in starts])
        own = wanted.reshape(plan.rows, plan.lanes)[:, lanes].reshape(-1)
        costs, like = (*cost_map.costs.at(numbers), NO_TIES), replace(plan, lanes=lanes.stop - lanes.start)
        step(samples, numbers, trellis.write(gathered(samples, numbers), own, like, costs), ANY)

    in_parts(write, plan.length * plan.lanes, plan.length)


def write_ephemeral(cost_map: CostMap, trits: np.ndarray, clustered: bool = True) -> None:
    """Writes an ephemeral key's trits to its zone, as a grey record: with few and cheap steps.

    Args:
        clustered: they follow the steps around them; where they don't, the picture has one channel.
    """
    plan = RecordPlan(_EPHEMERAL_HEIGHT, trits.size, clustered, 0, cost_map.samples.size // cost_map.moved.size)
    write_record(cost_map.ephemeral(), trits, plan)


def read_ephemeral(
    picture: np.ndarray, salt: bytes, recipient: bytes, medium: CarrierModel = PIXELS
) -> np.ndarray | None:
    """The trits in the zone of an ephemeral key, (192,) uint8; None if there is no room for one.

    Args:
        picture: (H, W, C) uint8; one channel of a grey one.
        recipient: the public key, by which readers find the zone.
    """
    order, zones = public_order(picture.size, recipient, salt, medium), zones_of(picture.size, True, medium)
    if not zones.places:
        return None
    values = values_of(picture.reshape(-1), order, zones.public, picture.shape[2])
    plan = trellis.layout(EPHEMERAL_TRITS, values.size, _EPHEMERAL_HEIGHT)
    assert plan is not None
    return trellis.read(values, plan).reshape(-1)


def read_record(values: np.ndarray, size: int, height: int) -> bytes | None:
    """The `size` bytes that samples of the zone hold; None if they hold none."""
    if size > trellis.most_bytes(values.size):
        return None
    trits = trellis.count_trits(size)
    plan = trellis.layout(trits, values.size, height)
    return plan and trellis.from_trits(trellis.read(values, plan).reshape(-1)[:trits], size)


def _clustered(
    numbers: np.ndarray, up: np.ndarray, down: np.ndarray, before: np.ndarray, channels: int
) -> trellis.Following:
    """Costs that favour the direction in which neighbouring pixels moved: steps together look like texture.

    Li, Wang, Li, Tan and Huang 2015, "A strategy of clustering modification directions in spatial image steganography"
    (IEEE TIFS 10(9)).

    Args:
        numbers: (n,) int32, of a sample of each pixel that may move.
        up, down: (n,) uint16.
        before: (H, W) int8, steps of pixels whose samples moved together before.
    """
    width, cheaper = before.shape[1], np.empty((2, numbers.size * bool(kernels.compiled)), np.uint16)

    def following(changes: np.ndarray, lanes: int, chosen: slice) -> tuple[np.ndarray, np.ndarray]:
        moved, changing = np.pad(before.reshape(-1), width), np.flatnonzero(changes != 0)
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
