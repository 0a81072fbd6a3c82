"""The record's zone: how a sealed record is written to its samples, and read (docs/format.md, "Record zone")."""

from dataclasses import dataclass, replace

import numpy as np

from stegnet import kernels
from stegnet.core.parallel import in_parts
from stegnet.keys import EPHEMERAL_TRITS
from stegnet.sealing import trellis
from stegnet.sealing.carriers import PIXELS, STRIDE, Medium, Order, Zones, public_order, zones_of
from stegnet.sealing.steps import StepCosts, gathered, step, values_of

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
    searched = min(places, trits * (trellis.MAX_WIDTH + 1)) * (1 + lowest.clustered)  # dummies take as much
    height = max((height for height in trellis.HEIGHTS if searched * 3**height <= effort), default=1)
    return replace(lowest, height=height)


@dataclass(frozen=True, eq=False)
class Canvas:
    """A picture in which zones are written, in place.

    Attributes:
        samples: (n,) uint8, a view of it.
        order: of its carriers.
        dummies: (H, W, C) int8, steps of the samples that carry nothing.
    """

    samples: np.ndarray
    costs: StepCosts
    order: Order
    zones: Zones
    dummies: np.ndarray

    def ephemeral(self) -> "Canvas":
        """The same, with the zone of an ephemeral key instead of the record's."""
        return replace(self, zones=replace(self.zones, record=self.zones.ephemeral))


def write_record(canvas: Canvas, trits: np.ndarray, plan: RecordPlan) -> None:
    """Writes trits to the samples of the record's zone."""
    samples, zone = canvas.samples, canvas.zones.record
    free, beside = np.zeros(samples.size if plan.grey else 0, bool), plan.channels // 2
    numbers = _greens(canvas.order, zone, free, plan.channels) if plan.grey else canvas.order.numbers(zone)
    own = trellis.layout(trits.size, numbers.size, plan.height)
    assert own is not None
    values, ties = gathered(samples, numbers), canvas.costs.ties_at(numbers, own.merged > 1)
    if plan.grey and own.merged == 1:
        up, down = _costs_at(numbers, canvas.costs, free, beside)
        following = _clustered(numbers, up, down, canvas.dummies)
        changes = trellis.write(values, trits, own, (up, down, ties), following)
    else:  # nothing here keeps the costs, which `write` drops when it has merged them
        changes = trellis.write(values, trits, own, (*_costs_at(numbers, canvas.costs, free, beside), ties))
    step(samples, numbers, changes, free, beside * plan.grey)


def write_ephemeral(canvas: Canvas, trits: np.ndarray, clustered: bool = True) -> None:
    """Writes an ephemeral key's trits to its zone, as a grey record: with few and cheap steps.

    Args:
        clustered: they follow the steps around them; where they don't, the picture has one channel.
    """
    plan = RecordPlan(_EPHEMERAL_HEIGHT, trits.size, clustered, 0, canvas.dummies.shape[2])
    write_record(canvas.ephemeral(), trits, plan)


def read_ephemeral(picture: np.ndarray, salt: bytes, recipient: bytes, medium: Medium = PIXELS) -> np.ndarray | None:
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


def _greens(order: Order, zone: slice, free: np.ndarray, channels: int) -> np.ndarray:
    """Numbers of the green samples of a zone, (n,) int32; marks all of the zone's samples as free, (S,) bool."""

    def take(some: slice) -> np.ndarray:
        return order.greens(slice(zone.start + some.start, zone.start + some.stop), channels, free)

    return np.concatenate(in_parts(take, zone.stop - zone.start))


def _costs_at(numbers: np.ndarray, costs: StepCosts, free: np.ndarray, beside: int) -> tuple[np.ndarray, np.ndarray]:
    """Costs of samples, up and down: high where one that moves with them is not free (none if `free` is empty)."""
    up, down = costs.at(numbers)

    def bind(some: slice) -> None:
        if kernels.compiled:
            kernels.compiled.bind(numbers[some], free, beside, trellis.MAX_COST, up[some], down[some])
            return
        stuck = ~(free[numbers[some] - beside] & free[numbers[some] + beside])
        up[some][stuck] = down[some][stuck] = trellis.MAX_COST

    if free.size:
        in_parts(bind, numbers.size)
    return up, down


def _clustered(numbers: np.ndarray, up: np.ndarray, down: np.ndarray, dummies: np.ndarray) -> trellis.Following:
    """Costs that favour the direction in which neighbouring pixels moved: steps together look like texture.

    Li, Wang, Li, Tan and Huang 2015, "A strategy of clustering modification directions in spatial image steganography"
    (IEEE TIFS 10(9)).

    Args:
        numbers: (n,) int32, of a sample of each pixel that may move.
        up, down: (n,) uint16.
        dummies: as in `write_record`.
    """
    (_, width, channels), (first, *others) = dummies.shape, dummies.reshape(-1, dummies.shape[2]).T
    together = np.logical_and.reduce([first == other for other in others])
    moved_before = np.where(together, np.sign(first), 0).astype(np.int8)
    cheaper = np.empty((2, numbers.size * bool(kernels.compiled)), np.uint16)

    def following(changes: np.ndarray, lanes: int, chosen: slice) -> tuple[np.ndarray, np.ndarray]:
        moved, changing = np.pad(moved_before, width), np.flatnonzero(changes != 0)
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
