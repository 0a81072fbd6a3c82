"""Pictures of a source, as its jobs give them, cut to squares."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np

from pipeline.shards import SPLITS

ZOOM = 1.25  # largest width of a shrunk picture, relative to its crop: at least the middle 80 % are kept


@dataclass(frozen=True)
class Sample:
    """A picture to store: pixels and base are (size, size, 3) uint8; width and height are those of the original."""

    name: str
    pixels: np.ndarray
    width: int
    height: int
    base: np.ndarray | None = None


@dataclass(frozen=True)
class Group:
    """Pictures of a job that stay in one split, and what was skipped.

    Attributes:
        source: kind of the source, as in the manifest.
        key: groups with the same key stay in the same split; "" if there is only one split to choose from.
        samples: usable pictures.
        damaged: a line for each file that can't be read.
        small: name and size of each picture that is smaller than data.size.
        splits: splits it may belong to; among several, key and shares decide.
    """

    source: str
    key: str
    samples: list[Sample] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    small: list[str] = field(default_factory=list)
    splits: tuple[str, ...] = SPLITS

    def added(self, name: str, picture: np.ndarray, size: int) -> "Group":
        """Adds the middle square of a picture, or its name if it is too small; returns the group."""
        height, width = picture.shape[:2]
        pixels = fit_square(picture, size)
        if pixels is None:
            self.small.append(f"{name} ({width}×{height})")
        else:
            self.samples.append(Sample(name, pixels, width, height))
        return self


ReadJob = Callable[[], Iterator[Group]]  # a `partial` that any process can run; equal arguments give equal groups


def fit_square(picture: np.ndarray, size: int) -> np.ndarray | None:
    """The middle square of a picture, shrunk (area filter) to a short side of at most ZOOM · size if it is larger.

    Args:
        picture: (H, W, 3) uint8.
    Returns:
        (size, size, 3) uint8, or None if a side of the picture is shorter than `size`.
    """
    short = min(picture.shape[:2])
    if short < size:
        return None
    if short > ZOOM * size:
        scale = round(ZOOM * size) / short
        height, width = (max(size, round(side * scale)) for side in picture.shape[:2])
        picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    top, left = ((side - size) // 2 for side in picture.shape[:2])
    return np.ascontiguousarray(picture[top : top + size, left : left + size])


def cut_squares(picture: np.ndarray, size: int, limit: int) -> list[np.ndarray]:
    """Up to `limit` adjacent squares from the middle of a picture, each (size, size, 3), not scaled."""
    rows, cols = (side // size for side in picture.shape[:2])
    top, left = ((side - count * size) // 2 for side, count in zip(picture.shape[:2], (rows, cols), strict=True))
    corners = [(top + row * size, left + col * size) for row in range(rows) for col in range(cols)]
    return [np.ascontiguousarray(picture[y : y + size, x : x + size]) for y, x in corners[:limit]]
