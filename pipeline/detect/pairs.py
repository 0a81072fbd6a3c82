"""Covers and secrets from shards, and covers with their containers for a detector."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from pipeline.shards import Shards, read_manifest

T = TypeVar("T")


class PicturePair(NamedTuple):
    """A cover and a secret, (H, W, 3) uint8 of one size, and the source of the cover."""

    kind: str
    cover: np.ndarray
    secret: np.ndarray


def picture_pairs(shards: Path, split: str, shift: int, most: int) -> Iterator[PicturePair]:
    """At most `most` pictures of a split as covers, evenly spaced; each one's secret is `shift` pictures further on.

    Raises:
        DataError: the split has no pictures.
    """
    pictures, kinds = Shards(shards, split), [entry.source for entry in read_manifest(shards, split)]
    for number in evenly(list(range(len(kinds))), most):
        yield PicturePair(kinds[number], pictures[number], pictures[(number + shift) % len(kinds)])


def evenly(items: list[T], most: int) -> list[T]:
    """At most `most` of the items, evenly spaced."""
    number = min(len(items), most)
    return [items[index * len(items) // number] for index in range(number)]
