"""Sources of pictures: functions that list jobs, by the names that data.source gives them.

A job reads some pictures, in any process. Here is what a source needs, and how squares are cut from its pictures.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from pipeline.config import DataConfig
from pipeline.shards import SPLITS

ZOOM = 1.25  # largest width of a shrunk picture, relative to its crop: at least the middle 80 % are kept


@dataclass(frozen=True)
class Picture:
    """A picture to cut squares from."""

    source: str  # its kind, as in the manifest
    name: str  # in the manifest
    pixels: np.ndarray  # (H, W, 3) uint8
    key: str = ""  # pictures with the same key, a SHA-256, stay in the same split; "": the digest of the pixels
    splits: tuple[str, ...] = SPLITS  # those that it may belong to; among several, key and shares decide
    crops: int = 0  # so many adjacent squares from its middle, not scaled, instead of those that data.tiles asks for


# Gives pictures, and a line for each file that can't be read. A `partial`: equal arguments give equal pictures.
Job = Callable[[], Iterator[Picture | str]]
Source = Callable[[str, DataConfig, Path, int], Iterator[Job]]
SOURCES: dict[str, Source] = {}


def source(name: str) -> Callable[[Source], Source]:
    """Registers a function of a source's name, the data section, the folder data/ and the seed, which lists its jobs.

    Args:
        name: in data.source; that of "torchvision:<class>" is any name with these words before the colon.
    """

    def register(function: Source) -> Source:
        if name in SOURCES:
            raise ValueError(f"two sources are named {name}")
        SOURCES[name] = function
        return function

    return register


def squares_of(picture: Picture, size: int, tiles: int, digest: str) -> list[np.ndarray]:
    """The squares of a picture, each (size, size, 3) uint8; none if a side is shorter than `size`.

    Args:
        tiles: largest number of squares of native resolution, if its shorter side is at least twice `size`.
        digest: decides their places.
    """
    short = min(picture.pixels.shape[:2])
    if short < size:
        return []
    if picture.crops:
        return cut_squares(picture.pixels, size, picture.crops)
    if tiles > 1 and short >= 2 * size:
        return spread_squares(picture.pixels, size, tiles, digest)
    return [fit_square(picture.pixels, size)]


def fit_square(pixels: np.ndarray, size: int) -> np.ndarray:
    """The middle square of a picture, shrunk (area filter) to a short side of at most ZOOM · size if it is larger."""
    short = min(pixels.shape[:2])
    if short > ZOOM * size:
        scale = round(ZOOM * size) / short
        height, width = (max(size, round(side * scale)) for side in pixels.shape[:2])
        pixels = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    top, left = ((side - size) // 2 for side in pixels.shape[:2])
    return _square(pixels, top, left, size)


def cut_squares(pixels: np.ndarray, size: int, limit: int) -> list[np.ndarray]:
    """Up to `limit` adjacent squares from the middle of a picture, each (size, size, 3), not scaled."""
    rows, cols = (side // size for side in pixels.shape[:2])
    top, left = ((side - count * size) // 2 for side, count in zip(pixels.shape[:2], (rows, cols), strict=True))
    corners = [(top + row * size, left + col * size) for row in range(rows) for col in range(cols)]
    return [_square(pixels, *corner, size) for corner in corners[:limit]]


def spread_squares(pixels: np.ndarray, size: int, limit: int, digest: str) -> list[np.ndarray]:
    """A square anywhere in each cell of a grid of up to `limit` cells, not scaled.

    Of the grids with most cells, that with the squarest ones is taken.
    """
    height, width = pixels.shape[:2]
    grids = [(rows, min(limit // rows, width // size)) for rows in range(1, min(limit, height // size) + 1)]
    rows, cols = max(grids, key=lambda grid: (grid[0] * grid[1], -abs(np.log(height / grid[0] * grid[1] / width))))
    random = np.random.default_rng(int(digest[:16], 16))
    tops, lefts = (np.linspace(0, side, count + 1).astype(int) for side, count in ((height, rows), (width, cols)))
    cells = [(tops[row : row + 2], lefts[col : col + 2]) for row in range(rows) for col in range(cols)]
    return [_square(pixels, *(random.integers(low, high - size + 1) for low, high in cell), size) for cell in cells]


def _square(pixels: np.ndarray, top: int, left: int, size: int) -> np.ndarray:
    return np.ascontiguousarray(pixels[top : top + size, left : left + size])
