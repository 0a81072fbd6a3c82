"""Parts of a picture that are spread evenly, and asked one by one: a caption, a border or a fade hides nothing."""

from collections.abc import Iterator
from itertools import product

import numpy as np

SIDE = 256  # pixels of a tile
_FEWER, _MORE = 3, 4  # tiles along the sides of a picture


Tile = tuple[int, int, np.ndarray]  # row and column of its upper left pixel, and its pixels, (≤ 256, ≤ 256, 3)


def tiles(picture: np.ndarray) -> Iterator[Tile]:
    """Yield a dozen parts of a picture, (H, W, …), that are spread evenly; fewer of a small one."""
    for y, x in starts(picture.shape, SIDE):
        yield y, x, picture[y : y + SIDE, x : x + SIDE]


def starts(shape: tuple[int, ...], side: int) -> Iterator[tuple[int, int]]:
    """Yield the upper left corners of squares that are spread evenly over a picture of this shape."""
    height, width = shape[:2]
    most = (_FEWER, _MORE) if height <= width else (_MORE, _FEWER)
    counts = [min(limit, -(-length // side)) for limit, length in zip(most, (height, width), strict=True)]
    rows, columns = (
        np.linspace(0, max(length - side, 0), count).astype(int).tolist()
        for length, count in zip((height, width), counts, strict=True)
    )
    yield from product(rows, columns)
