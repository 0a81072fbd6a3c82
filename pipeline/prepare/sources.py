"""Sources of pictures: functions that list jobs, by their names in data.source.

A job reads some pictures, in any process. This module has the functions that a source needs, and cuts squares from its
pictures.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.parameters.data import DataConfig
from pipeline.shards import SPLITS

Pixels = NDArray[np.uint8]  # (H, W, 3), sRGB


@dataclass(frozen=True)
class Picture:
    """A picture to cut squares from."""

    source: str  # its kind, as in the manifest
    name: str  # in the manifest
    pixels: Pixels
    key: str = ""  # pictures with the same key, a SHA-256, stay in the same split; "": the digest of the pixels
    splits: tuple[str, ...] = SPLITS  # those that it may belong to; if there are several, key and shares decide
    crops: int = 0  # number of adjacent squares from its middle, not scaled; 0: as data.tiles says


# Yields pictures, and a line for each file that can't be read. A `partial`: equal arguments give equal pictures.
Job = partial[Iterator[Picture | str]]
Source = Callable[[str, DataConfig, Path, int], Iterator[Job]]
SOURCES: dict[str, Source] = {}


def source(name: str) -> Callable[[Source], Source]:
    """Return a decorator that registers a source: a function that lists jobs.

    It takes the source's name, the data section, the folder data/ and the seed. In data.source, "torchvision:<class>"
    is any name with these words before the colon.
    """

    def register(function: Source) -> Source:
        if name in SOURCES:
            raise ValueError(f"two sources are named {name}")
        SOURCES[name] = function
        return function

    return register


def squares_of(picture: Picture, size: int, tiles: int, digest: str) -> list[Pixels]:
    """Return the squares of a picture, each (size, size, 3) uint8; an empty list if a side is shorter than `size`.

    There are up to `tiles` squares at native resolution if the shorter side is at least twice `size`, at places that
    the digest decides; else one from the middle, shrunk (area filter) to a short side of at most 1.25 · size if it is
    larger, so that at least the middle 80 % of it are kept.
    """
    pixels = picture.pixels
    height, width = pixels.shape[:2]
    short = min(height, width)
    if short < size:
        return []

    if picture.crops:
        rows = height // size
        cols = width // size
        top = (height - rows * size) // 2
        left = (width - cols * size) // 2
        places = [(top + row * size, left + col * size) for row in range(rows) for col in range(cols)][: picture.crops]
    elif tiles > 1 and short >= 2 * size:
        places = _spread(height, width, size, tiles, digest)
    else:
        if short > 1.25 * size:
            scale = round(1.25 * size) / short
            height = max(size, round(height * scale))
            width = max(size, round(width * scale))
            pixels = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
        places = [((height - size) // 2, (width - size) // 2)]
    return [np.ascontiguousarray(pixels[top : top + size, left : left + size]) for top, left in places]


def _spread(height: int, width: int, size: int, limit: int, digest: str) -> list[tuple[int, int]]:
    """Return top and left of a square, anywhere in each cell of a grid of up to `limit` cells.

    Of the grids with most cells, the one with the squarest cells is taken.
    """
    grids = [(rows, min(limit // rows, width // size)) for rows in range(1, min(limit, height // size) + 1)]
    rows, cols = max(grids, key=lambda grid: (grid[0] * grid[1], -abs(np.log(height / grid[0] * grid[1] / width))))
    tops = np.linspace(0, height, rows + 1).astype(int).tolist()
    lefts = np.linspace(0, width, cols + 1).astype(int).tolist()

    random = np.random.default_rng(int(digest[:16], 16))
    places = []
    for row in range(rows):
        for col in range(cols):
            top = int(random.integers(tops[row], tops[row + 1] - size + 1))
            left = int(random.integers(lefts[col], lefts[col + 1] - size + 1))
            places.append((top, left))
    return places
