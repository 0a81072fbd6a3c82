"""Containers altered with the key's knowledge: so that their record still opens, or so that nothing does."""

import numpy as np

from tests.format import by_the_book, seal_by_the_book
from tests.format.by_the_book import SECRET


def altered(container: np.ndarray, frame_key: bytes = SECRET) -> np.ndarray:
    """A copy of which one sample, of the record's, is three levels off: the record opens, but the MAC does not hold."""
    place = next(place for place in by_the_book.zones(container, frame_key).record if container.flat[place] < 128)
    changed = container.copy()
    changed.flat[place] += 3
    return changed


def unreadable(container: np.ndarray) -> np.ndarray:
    """A copy of which one salt sample is one level off: nothing opens any more."""
    changed = container.copy()
    changed.flat[seal_by_the_book.salt_samples(container.size)[0]] ^= 1
    return changed


def harmless_places(container: np.ndarray, frame_key: bytes = SECRET) -> list[int]:
    """Samples that can be altered in any way, and the record opens all the same: the MAC's, and those behind all."""
    salts = set(seal_by_the_book.salt_samples(container.size))
    behind = [place for place in seal_by_the_book.free_samples(container.size) if place not in salts]
    return by_the_book.zones(container, frame_key).mac + behind
