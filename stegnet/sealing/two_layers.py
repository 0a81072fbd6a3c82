"""Records in two layers: trits in samples modulo 3, and more in what is left of them, ⌊sample / 3⌋ modulo 3.

After Filler, Judas, Fridrich 2011, "Minimizing additive distortion in steganography using syndrome-trellis codes" (IEEE
TIFS 6(3)), section VI: layers are written one after the other, each at the costs that the ones before leave. Here
both are ternary. The first makes changes of −1, 0 and +1, the second adds −3, 0 or +3: together, ±1 and ±2 are
frequent, ±3 and ±4 rare. Costs are squared errors (docs/format.md, "Two layers").
"""

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Self

import numpy as np
from numpy.typing import NDArray

from stegnet.core.keystream import keystream
from stegnet.core.parallel import in_parts
from stegnet.sealing import trellis

Samples = NDArray[np.uint8]
Changes = NDArray[np.int8]
StepCost = NDArray[np.uint16]


# Settings of the writer, and numbers of docs/format.md, "Two layers".
# Trits of the second layer for each sample, at most: 6.8 bits per pixel at a mean squared error of 1.6 levels².
_MOST_SECOND = 31 / 64
_LEAST_ROWS = 512  # of a lane, if there are several: the last rows of each cost more
_PART = 1 << 20  # samples that a thread works on at a time
_WEIGHT = 60  # cost of a squared error of one level²; the largest, 60 levels², stays below trellis.MAX_COST
# A record of n bytes, where one layer has space for m, puts ⌊(22m+15n)/40⌋ bytes into the first layer, at most m.
_OF_ONE_LAYER = 22
_OF_RECORD = 15
_DIVISOR = 40


@dataclass(frozen=True)
class LayerDivision:
    """Division of a record between the layers."""

    first: int  # bytes in the first layer
    second: int  # bytes in the second
    plain: bool  # the first layer is full: each of its trits is a sample modulo 3

    @classmethod
    def of(cls, size: int, samples: int) -> Self | None:
        """Return the division of `size` bytes; None if they are too many, or too few for two layers."""
        one_layer = trellis.most_bytes(samples)
        coded = (_OF_ONE_LAYER * one_layer + _OF_RECORD * size) // _DIVISOR
        plain = coded >= one_layer
        first = trellis.bytes_in(samples) if plain else coded
        return cls(first, size - first, plain) if first < size <= most_bytes(samples) else None


def most_bytes(samples: int) -> int:
    """Return the largest number of bytes in two layers of this number of samples."""
    return trellis.bytes_in(samples) + trellis.most_bytes(int(samples * _MOST_SECOND))


def write(values: Samples, data: bytes, height: int, seed: bytes) -> Samples:
    """Return values, (n,) uint8, that hold the data in two layers, at a small squared error.

    Args:
        values: (n,) uint8, not changed.
        data: at most `most_bytes(n)` bytes, and more than 22/25 of what fits into one layer.
        height: height of the code, 1 to 6; each step takes three times as long, and lowers the error.
        seed: 32 random bytes, which decide between equal costs.
    """
    division = LayerDivision.of(len(data), values.size)
    assert division is not None, "the record needs two layers, and fits"
    trits = trellis.to_trits(data[: division.first])
    first = _moved(values, _first_changes(values, trits, height, division.plain, sha256(seed).digest()), 1)
    trits = trellis.to_trits(data[division.first :])
    return _moved(first, _second_changes(values, first, trits, height, seed), 3)


def read(values: Samples, size: int, height: int) -> bytes | None:
    """Return the `size` bytes that values, (n,) uint8, hold in two layers; None if they hold no valid bytes."""
    division = LayerDivision.of(size, values.size)
    if division is None:
        return None
    if division.plain:
        first = trellis.from_trits(values[: trellis.count_trits(division.first)] % 3, division.first)
    else:
        first = trellis.read_bytes(values, division.first, height, _LEAST_ROWS)
    second = trellis.read_bytes(values // 3, division.second, height, _LEAST_ROWS)
    return None if first is None or second is None else first + second


def _first_changes(values: Samples, trits: Samples, height: int, plain: bool, seed: bytes) -> Changes:
    """Return the changes, −1, 0 and 1, that write the first layer."""
    if not plain:
        up = np.where(values < 255, np.uint16(_WEIGHT), np.uint16(4 * _WEIGHT))
        down = np.where(values > 0, np.uint16(_WEIGHT), np.uint16(4 * _WEIGHT))
        return _cheapest(values, trits, height, up, down, seed)
    missing = (trits + np.uint8(3) - values[: trits.size] % 3) % 3
    changes = np.zeros(values.size, np.int8)
    changes[: trits.size] = np.where(missing == 2, np.int8(-1), missing.view(np.int8))
    return changes


def _second_changes(values: Samples, first: Samples, trits: Samples, height: int, seed: bytes) -> Changes:
    """Return the changes of ⌊sample / 3⌋, −1, 0 and 1, that write the second layer in the samples `first`.

    Their costs are what they add to the squared error against `values`, the samples before the first layer.
    """
    up, down = np.empty((2, values.size), np.uint16)

    def price(part: slice) -> None:
        error = (first[part] - values[part]).view(np.int8).astype(np.int16)  # −2 … 2
        for costs, step in ((up, 1), (down, -1)):
            costs[part] = _WEIGHT * ((error + _levels(step, first[part])) ** 2 - error**2)

    in_parts(price, values.size)
    return _cheapest(first // 3, trits, height, up, down, seed)


def _levels(step: int, first: Samples) -> NDArray[np.int16]:
    """Return the levels by which a step of the second layer changes samples: 3, or 6 the other way out of range."""
    outside = first > 255 - 3 if step > 0 else first < 3
    return np.where(outside, np.int16(-6 * step), np.int16(3 * step))


def _cheapest(values: Samples, trits: Samples, height: int, up: StepCost, down: StepCost, seed: bytes) -> Changes:
    """Return the changes, −1, 0 and 1, that make values hold trits in the code of a record; threads share the lanes."""
    layout = trellis.layout(trits.size, values.size, height, _LEAST_ROWS)
    assert layout is not None, "the record is divided such that both parts fit"
    ties = np.frombuffer(keystream(seed, 2 * values.size), "<u2")
    wanted = np.zeros((layout.rows, layout.lanes), np.uint8)
    wanted.reshape(-1)[: trits.size] = trits
    changes = np.zeros(values.size, np.int8)

    def search(part: slice) -> None:
        lanes = replace(layout, lanes=part.stop - part.start)
        part_ties = layout.sums(ties)[..., part].reshape(-1)
        part_up = layout.sums(up)[..., part].reshape(-1) + (part_ties >> 13)  # less than a seventh of a squared error
        part_down = layout.sums(down)[..., part].reshape(-1) + (part_ties >> 10 & 7)
        part_values = layout.sums(values)[..., part].reshape(-1)
        costs = part_up, part_down, part_ties
        found = trellis.write(part_values, wanted[:, part].reshape(-1), lanes, costs)
        layout.sums(changes)[..., part] = lanes.sums(found)

    in_parts(search, layout.lanes, most=max(1, _PART // (layout.length * layout.merged)))
    return changes


def _moved(values: Samples, changes: Changes, levels: int) -> Samples:
    """Return values after changes by a number of levels; a change out of range goes the other way, by twice as many."""
    result = np.empty_like(values)

    def move(part: slice) -> None:
        moved = values[part] + changes[part].astype(np.int16) * levels
        moved[moved < 0] += 3 * levels
        moved[moved > 255] -= 3 * levels
        result[part] = moved

    in_parts(move, values.size)
    return result
