"""Containers altered with the key's knowledge: so that their record still opens, or so that nothing does."""

import numpy as np

from tests.support.sealing import salt_samples, zones


def altered(container: np.ndarray) -> np.ndarray:
    """A copy of which one sample, of the record's, is three levels off: the record opens, but the MAC does not hold."""
    changed, record = container.copy(), zones(container)["record"]
    changed.flat[next(place for place in record if container.flat[place] < 128)] += 3
    return changed


def unreadable(container: np.ndarray) -> np.ndarray:
    """A copy of which one salt sample is one level off: nothing opens any more."""
    changed = container.copy()
    changed.flat[salt_samples(container.size)[0]] ^= 1
    return changed
