"""Costs of changing the levels of a group: only signs of ones change, of places where both are about as frequent.

Magnitudes stay, so that no statistic of them tells anything; a sign is a bit by itself in the stream, and the film's
size hardly moves.
"""

import numpy as np

from stegnet.methods.h264.stream import Group, Slice
from stegnet.sealing import Costs

_USUAL, _WET = 20, 500  # cost of a median sign, and of a step that should not be taken
_UNEVEN = 0.02  # share of positive ones above or below a half at places whose signs stay
_PLACES = 64  # of a block, at most


def level_costs(group: Group) -> Costs:
    """Costs of the samples of a group, (n, 1, 1) uint16 from 1 to 500."""
    values, places, once = (np.concatenate(each) for each in zip(*map(_of_slice, group.slices), strict=True))
    ones = np.abs(values) == 1
    positive = np.bincount(places[ones], values[ones] > 0) / np.maximum(np.bincount(places[ones]), 1)
    dry = ones & (np.abs(positive[np.minimum(places, len(positive) - 1)] - 0.5) <= _UNEVEN)
    if dry.any():
        once *= _USUAL / np.median(once[dry])
    found = np.clip(once, 1, _WET)
    up, down = (np.where(dry & (values == side), found, _WET).astype(np.uint16) for side in (-1, 1))
    return Costs(up.reshape(-1, 1, 1), down.reshape(-1, 1, 1))


def _of_slice(part: Slice) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values, places in blocks of either kind, and costs of a step, of each carrier.

    A step costs its energy, relative to that of the levels of its macroblock.
    """
    levels, own = part.levels, part.carriers
    energy = 2.0 ** (levels.qp / 3)  # of a step (table 8-15: steps double with six)
    active = np.bincount(levels.macroblock, levels.value.astype(np.float64) ** 2 * energy)
    changes = energy / (1 + active[levels.macroblock] / energy.mean())
    places = levels.kind[own].astype(np.int64) * _PLACES + levels.position[own]
    return levels.value[own], places, changes[own]
