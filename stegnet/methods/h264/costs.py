"""Costs of changing the levels of a group: what a step changes in the picture, beside what moves there anyway."""

import numpy as np

from stegnet.media.h264 import WRITABLE
from stegnet.methods.h264.stream import Group, Slice
from stegnet.sealing import Costs

_USUAL, _WET = 40, 500  # cost of a median step, and of one that should not be taken
_RARE = 4  # a level of 1 that becomes 2 changes the statistics of levels: as dear as its sign, a step of two


def level_costs(group: Group) -> Costs:
    """Costs of the samples of a group, (n, 1, 1) uint16 from 1 to 500."""
    values = np.concatenate([part.levels.value[part.carriers] for part in group.slices])
    once = np.concatenate([_changes(part) for part in group.slices])
    away, towards = np.ones(len(values)), np.ones(len(values))
    ones = np.abs(values) == 1
    away[ones], towards[ones] = _RARE, 4
    away[np.abs(values) >= WRITABLE - 1] = np.inf
    once *= _USUAL / np.median(once * np.minimum(away, towards))
    up, down = np.where(values > 0, away, towards), np.where(values > 0, towards, away)
    found = (np.clip(once * side, 1, _WET).astype(np.uint16).reshape(-1, 1, 1) for side in (up, down))
    return Costs(*found)


def _changes(part: Slice) -> np.ndarray:
    """Energy of a step of each carrier, relative to that of the levels of its macroblock; (n,) float64."""
    levels = part.levels
    energy = 2.0 ** (levels.qp / 3)  # of a step (table 8-15: steps double with six)
    active = np.bincount(levels.macroblock, levels.value.astype(np.float64) ** 2 * energy)
    return (energy / (1 + active[levels.macroblock] / energy.mean()))[part.carriers]
