"""Published ways to change samples by one level, simulated by the package conseal: what stegnet's own is compared with.

A simulator draws changes with the probabilities that an ideal code would give them, and hides nothing: no real code
does better at the same costs. Costs are of each channel by itself; the payload is spread over all three.
"""

from collections.abc import Callable

import numpy as np
from conseal.simulate._ternary import ternary

from pipeline.detect.methods import Method

# Of an (H, W) uint8 channel: the costs of +1 and −1, (H, W) float each.
CostsOf = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def simulated_matching(rate: float) -> Method:
    """Steps of one level up or down anywhere: as many as `rate` bits for each sample take without any coding."""

    def hide(cover: np.ndarray, secret: np.ndarray, seed: int) -> np.ndarray:
        random = np.random.default_rng(seed)
        steps = random.choice(np.array([-1, 1], np.int16), cover.shape)
        steps = np.where(cover == 0, 1, np.where(cover == 255, -1, steps))
        changed = cover + steps * (random.random(cover.shape) < rate / 2)
        return changed.astype(np.uint8)

    return hide


def simulated(costs_of: CostsOf, rate: float) -> Method:
    """The cheapest changes at `rate` bits for each sample.

    Args:
        costs_of: HILL's (Li, Wang, Huang and Li 2014, IEEE ICIP) or S-UNIWARD's (Holub, Fridrich and Denemark 2014,
            EURASIP JIS).
    """

    def hide(cover: np.ndarray, secret: np.ndarray, seed: int) -> np.ndarray:
        channels = [costs_of(np.ascontiguousarray(cover[..., channel])) for channel in range(3)]
        costs = tuple(np.stack(side, -1) for side in zip(*channels, strict=True))
        changes = ternary(rhos=costs, alpha=rate, n=cover.size, seed=seed)
        return (cover + changes.astype(np.int16)).astype(np.uint8)

    return hide
