"""Salt and texture of a picture, which codecs keep, and the grid of blocks in which bits are hidden (docs/format.md).

A grid is made of the picture's own pixels, or has a canonical size that the picture is resampled to. Canonical sizes
follow from the aspect ratio alone, so that a reader finds them in any resized copy.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from PIL import Image, ImageFilter

from stegnet.core.pixels import BLOCK, LUMA as WEIGHTS, strips
from stegnet.image.pictures import resize
from stegnet.sealing import size_bytes
from stegnet.sealing.content_salts import PREFIX_OF_COPIES, QUANTUM_OF_COPIES, THUMBNAIL, region_edges, salts_of

SALT = b"stegnet/1/robust/salt"  # hashed before a picture's means
LUMA = tuple(round(1000 * weight) for weight in WEIGHTS)  # thousandths, for exact sums
LUMA_SHARES = np.array(WEIGHTS, np.float32)


# Sizes at which resized copies are read.
_SHORTEST = 128  # long side of the smallest canonical size in pixels
_PER_DOUBLING = 2  # canonical sizes per doubling of the long side
_LARGEST_SHARE = 0.84  # largest share of a promised copy's sides that a canonical size may have
# Least share of a copy's sides: the smallest promised copy is a quarter, and sizes are half an octave apart.
_LEAST_SHARE = 0.14
_BLUR_FACTOR = 2.0  # factor of a canonical size: larger copies have lost no detail of it


_SIDE = 0.12
# Approximates the inverse of reducing by a triangle filter (1 / sinc²), down and across.
_ALONG = np.array([-_SIDE, 1 + 2 * _SIDE, -_SIDE])
_SHARPEN = ImageFilter.Kernel((3, 3), np.outer(_ALONG, _ALONG).reshape(-1).tolist(), 1)
# Factor of log-likelihood ratios after resampling or JPEG on another grid, which no modem was trained for.
SURENESS = 0.5


def region_means(area: np.ndarray) -> np.ndarray:
    """Return the mean luma of each region of a hidden area, (H, W, 3) uint8, row by row: (n,) float64 in levels."""
    down, across = (region_edges(side // BLOCK) for side in area.shape[:2])
    rows = [area[top:bottom].sum(0, dtype=np.uint32) for top, bottom in pairwise(down)]
    sums = [[row[left:right].sum(0, dtype=np.int64) for left, right in pairwise(across)] for row in rows]
    means: np.ndarray = (np.array(sums) @ LUMA / np.outer(np.diff(down), np.diff(across))).reshape(-1) / sum(LUMA)
    return means


def hidden_area(picture: np.ndarray) -> np.ndarray:
    """Return the part of a picture that is made of whole blocks; a view."""
    height, width = (side // BLOCK * BLOCK for side in picture.shape[:2])
    return picture[:height, :width]


def textures(area: np.ndarray) -> np.ndarray:
    """Return the summed standard deviations of luma in each block's eight neighbours, (rows, cols) int.

    The block's own deviation isn't counted, since hiding changes it. At an edge of the hidden area, the nearest block
    stands in for a missing neighbour.
    """
    cols = area.shape[1] // BLOCK
    strips_of_blocks = []
    for rows in strips(len(area) // BLOCK, BLOCK * area.shape[1]):
        part = area[BLOCK * rows.start : BLOCK * rows.stop]
        red, green, blue = (part[..., colour] * np.int32(share) for colour, share in enumerate(LUMA))
        blocks = ((red + green + blue) // sum(LUMA)).reshape(-1, BLOCK, BLOCK * cols)
        sums, squares = (values.sum(1).reshape(-1, cols, BLOCK).sum(2) for values in (blocks, blocks**2))
        strips_of_blocks.append(np.sqrt(BLOCK**2 * squares - sums**2).astype(np.int64))
    deviations = np.concatenate(strips_of_blocks)  # 64 times the standard deviation of luma, rounded down
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(deviations, 1, "edge"), (3, 3))
    texture: np.ndarray = windows.sum((2, 3)) - deviations
    return texture


# Grids


@dataclass(frozen=True)
class Grid:
    """A grid of blocks."""

    height: int  # height, width: in pixels, multiples of a block
    width: int
    own: bool  # made of the picture's own pixels; else the picture is resampled to this size

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of blocks."""
        return self.height // BLOCK, self.width // BLOCK

    @property
    def trust(self) -> float:
        """Factor of log-likelihood ratios."""
        return 1 if self.own else SURENESS

    def area(self, picture: np.ndarray) -> np.ndarray:
        """Return the hidden area of a picture or a resized copy of it, (H, W, 3) uint8."""
        return hidden_area(picture) if self.own else resize(picture, self.height, self.width)

    def areas(self, picture: np.ndarray) -> Iterator["np.ndarray | ResizedArea"]:
        """Yield the `area`; then, for a copy that is not much larger, the area after sharpening.

        Sharpening undoes a linear filter.
        """
        if self.own:
            yield self.area(picture)
            return
        yield ResizedArea(self, picture)
        if max(picture.shape[:2]) < _BLUR_FACTOR * max(self.height, self.width):
            yield ResizedArea(self, picture, _SHARPEN)

    def salts(self, picture: np.ndarray) -> Iterator[bytes]:
        """Return the salts that a picture may have had, the likeliest first."""
        return salts_of(SALT, region_means(hidden_area(picture))) if self.own else salts_of_copies(picture)

    def full(self, salt: bytes) -> bytes:
        """Return the salt with the canonical size, from which subkeys are derived."""
        return salt if self.own else salt + size_bytes(self.height, self.width)

    def scaled(self, before: tuple[int, ...], after: tuple[int, ...]) -> "Grid":
        """Return the grid of another cover at the same scale, given the sizes of both: height, width."""
        if self.own:
            return own_grid(*after[:2])
        sides = zip((self.height, self.width), before[:2], after[:2], strict=True)
        height, width = (BLOCK * max(1, round(side * new / old / BLOCK)) for side, old, new in sides)
        return Grid(height, width, own=False)

    def replaced(self, cover: np.ndarray, hidden: np.ndarray) -> np.ndarray:
        """Return a copy of the cover, (H, W, 3) uint8, with another hidden area, (height, width, 3) uint8."""
        if not self.own:
            return _projected(cover, hidden)
        container = cover.copy(order="C")
        hidden_area(container)[:] = hidden
        return container


class ResizedArea:
    """The hidden area of a resized copy, resampled only where it is read, since all of a large picture takes long.

    Indexing by slices of rows and columns gives the same pixels, (h, w, 3) uint8, as the whole array, apart from
    rounding.
    """

    def __init__(self, grid: Grid, picture: np.ndarray, sharpen: ImageFilter.Kernel | None = None) -> None:
        self.shape = (grid.height, grid.width, 3)
        self._picture = picture
        self._sharpen = sharpen

    def __getitem__(self, spans: tuple[slice, slice]) -> np.ndarray:
        top, bottom, left, right = (edge for span in spans for edge in (span.start, span.stop))
        down, across = (side / size for side, size in zip(self._picture.shape, self.shape[:2], strict=False))
        rows, first = self._around(top * down, bottom * down, down)
        cols, begin = self._around(left * across, right * across, across)
        box = (left * across - begin, top * down - first, right * across - begin, bottom * down - first)
        part = Image.fromarray(_filtered(self._picture[rows, cols], self._sharpen))
        return np.array(part.resize((right - left, bottom - top), Image.Resampling.LANCZOS, box))

    def __array__(self, dtype: np.dtype | None = None, copy: bool | None = None) -> np.ndarray:
        return resize(_filtered(self._picture, self._sharpen), *self.shape[:2])

    @staticmethod
    def _around(start: float, stop: float, scale: float) -> tuple[slice, int]:
        """Return the pixels of a side that the filters need from start to stop, and the first of them."""
        reach = 3  # pixels of the smaller picture, of the filter
        margin = reach * max(scale, 1) + 2
        first = max(math.floor(start - margin), 0)
        return slice(first, math.ceil(stop + margin)), first


def own_grid(height: int, width: int) -> Grid:
    """Return the grid of a picture's own pixels."""
    return Grid(height // BLOCK * BLOCK, width // BLOCK * BLOCK, own=True)


def surviving_canonical_grids(height: int, width: int, factor: float) -> list[Grid]:
    """Return the two largest canonical grids that survive reduction by a factor, 0 to 1, or fewer; the larger first."""
    longer = max(height, width)
    sides = [side for side in _ladder(int(_LARGEST_SHARE * factor * longer)) if side >= _LEAST_SHARE * longer]
    return [_sized(height, width, side, _short_blocks(height, width, side)) for side in sides[:-3:-1]]


def canonical_grids(height: int, width: int) -> Iterator[Grid]:
    """Yield the canonical grids that a picture may have had, if this is a resized copy of it; the largest first.

    The sides of a copy are rounded. Where the short side of a grid is near an edge, both roundings are possible.
    """
    for longest in sorted(_ladder(max(height, width)), reverse=True):
        if longest < _LEAST_SHARE * max(height, width):
            return
        exact = _short_blocks(height, width, longest)
        error = longest / max(height, width) / BLOCK
        for blocks in {math.floor(exact - error + 0.5), math.floor(exact + error + 0.5)}:
            yield _sized(height, width, longest, blocks)


def _ladder(most: int) -> Iterator[int]:
    """Yield the long sides of canonical sizes, up to `most` pixels."""
    step = 0
    while (side := BLOCK * round(_SHORTEST / BLOCK * 2 ** (step / _PER_DOUBLING))) <= most:
        yield side
        step += 1


def _short_blocks(height: int, width: int, longest: int) -> float:
    """Return the blocks of the short side, not rounded."""
    return longest * min(height, width) / max(height, width) / BLOCK


def _sized(height: int, width: int, longest: int, blocks: float) -> Grid:
    short = BLOCK * max(1, math.floor(blocks + 0.5))
    return Grid(short, longest, own=False) if height <= width else Grid(longest, short, own=False)


def salts_of_copies(picture: np.ndarray) -> Iterator[bytes]:
    """Return the salts of a picture of any size, from its mean lumas at one size."""
    return salts_of(PREFIX_OF_COPIES, region_means(resize(picture, THUMBNAIL, THUMBNAIL)), QUANTUM_OF_COPIES)


def _filtered(picture: np.ndarray, sharpen: ImageFilter.Kernel | None) -> np.ndarray:
    return picture if sharpen is None else np.array(Image.fromarray(picture).filter(sharpen))


def _projected(cover: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return the cover, changed so that it becomes `wanted` when resampled to its size.

    Iterative back-projection (Irani and Peleg 1991): the remaining difference is enlarged and added.
    """
    planes = []
    for before, target in zip(np.moveaxis(cover, 2, 0), np.moveaxis(wanted, 2, 0), strict=True):
        plane = before.astype(np.float32)
        for _ in range(3):
            missing = target - _resampled(plane, *target.shape)
            plane += _resampled(missing, *plane.shape)
            np.clip(plane, 0, 255, plane)
        planes.append(np.rint(plane).astype(np.uint8))
    return np.stack(planes, 2)


def _resampled(plane: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resample a plane, (H, W) float32, to another size by the filter of `resize`."""
    return np.array(Image.fromarray(plane).resize((width, height), Image.Resampling.LANCZOS))
