"""Salt and texture of a picture, which codecs keep, and the grid of blocks in which bits are hidden (docs/format.md).

A grid is made of the picture's own pixels, or has a canonical size that the picture is resampled to. Canonical sizes
follow from the aspect ratio alone, so that a reader finds them in any resized copy. A cropped or shifted picture lies
somewhere in the grid it was hidden in, and so does a resized copy of it.
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, pairwise, product

import numpy as np
from PIL import Image, ImageFilter

from stegnet.core.pixels import BLOCK, strips
from stegnet.core.pixels import LUMA as WEIGHTS
from stegnet.image.pictures import reduced, resize
from stegnet.sealing import size_bytes
from stegnet.sealing.content_salts import PREFIX_OF_COPIES, STEP_OF_COPIES, THUMBNAIL, region_edges, salts_of

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


def region_sums(picture: np.ndarray, down: np.ndarray, across: np.ndarray) -> np.ndarray:
    """Return the sums of luma over the rectangles from the top left to each pair of edges, (D, A) int64.

    Args:
        picture: (H, W, 3) uint8.
        down: rising edges from the top, in pixels, (D,).
        across: rising edges from the left, in pixels, (A,).
    """
    rows = [picture[top:bottom].sum(0, dtype=np.uint32) for top, bottom in pairwise(down)]
    parts = [[row[left:right].sum(0, dtype=np.int64) for left, right in pairwise(across)] for row in rows]
    sums = np.zeros((down.size, across.size), np.int64)
    sums[1:, 1:] = (np.array(parts) @ LUMA).cumsum(0).cumsum(1)
    return sums


def means_between(sums: np.ndarray, down: np.ndarray, across: np.ndarray) -> np.ndarray:
    """Return the mean luma, (n,) float64 in levels, of regions row by row, given the sums at their edges."""
    sizes = np.outer(np.diff(down), np.diff(across))
    means: np.ndarray = (np.diff(np.diff(sums, axis=0), axis=1) / sizes).reshape(-1) / sum(LUMA)
    return means


def region_means(area: np.ndarray) -> np.ndarray:
    """Return the mean luma of each region of a hidden area, (n,) float64 in levels."""
    down, across = (region_edges(side // BLOCK) for side in area.shape[:2])
    return means_between(region_sums(area, down, across), down, across)


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
    # top, left, bottom, right: pixels of the grid that a cropped picture lacks at each edge; negative if it was
    # shifted. In a grid of the picture's own pixels, bottom and right follow from its size and are not given
    top: float = 0
    left: float = 0
    bottom: float = 0
    right: float = 0

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of blocks."""
        return self.height // BLOCK, self.width // BLOCK

    def trust(self, picture: np.ndarray) -> np.ndarray:
        """Return factors of log-likelihood ratios, (rows, cols) float32; 0 for blocks outside the picture."""
        height, width = picture.shape[:2]
        if not self.own:
            height, width = self._visible
        down, across = (_covered(*span) for span in ((self.height, self.top, height), (self.width, self.left, width)))
        aligned = self.own and self.top % BLOCK == self.left % BLOCK == 0
        return np.outer(down, across) * np.float32(1 if aligned else SURENESS)

    def area(self, picture: np.ndarray) -> np.ndarray:
        """Return the hidden area of a picture or a copy of it, (H, W, 3) uint8, or of its luma, (H, W) float32.

        Beyond the picture, the pixels at its edges are repeated.
        """
        height, width = picture.shape[:2]
        if self.own:
            top, left = (-int(pixels) for pixels in (self.top, self.left))
            bottom = top + self.height
            right = left + self.width
            inside = picture[max(top, 0) : bottom, max(left, 0) : right]
            spans = (top, bottom, height), (left, right, width)
            return _with_edges(inside, [(max(-first, 0), max(last - side, 0)) for first, last, side in spans])

        down, across = (side / visible for side, visible in zip((height, width), self._visible, strict=True))
        above, below = (pixels * down for pixels in (self.top, self.bottom))  # in pixels of the picture
        before, after = (pixels * across for pixels in (self.left, self.right))
        beyond = [tuple(max(math.ceil(pixels), 0) for pixels in pair) for pair in ((above, below), (before, after))]
        (rows, _), (cols, _) = beyond
        box = cols - before, rows - above, cols + width + after, rows + height + below
        whole = Image.fromarray(_with_edges(picture, beyond))
        return np.array(whole.resize((self.width, self.height), Image.Resampling.LANCZOS, box))

    @property
    def lacking(self) -> tuple[float, float, float, float]:
        """Pixels of the grid that the picture lacks at the top, left, bottom and right."""
        return self.top, self.left, self.bottom, self.right

    @property
    def _visible(self) -> tuple[float, float]:
        """Height and width of the picture in pixels of the grid."""
        return self.height - self.top - self.bottom, self.width - self.left - self.right

    def areas(self, picture: np.ndarray) -> Iterator["np.ndarray | ResizedArea"]:
        """Yield the `area`; then, for a copy that is not much larger, the area after sharpening.

        Sharpening undoes a linear filter.
        """
        resized = not self.own and not any(self.lacking)
        yield ResizedArea(self, picture) if resized else self.area(picture)
        if not self.own and max(picture.shape[:2]) < _BLUR_FACTOR * max(self.height, self.width):
            yield ResizedArea(self, picture, _SHARPEN) if resized else self.area(_filtered(picture, _SHARPEN))

    def salts(self, picture: np.ndarray) -> Iterator[bytes]:
        """Return the salts that a picture may have had, the likeliest first."""
        cropped = any(self.lacking)
        if self.own:
            means = region_means(self.area(picture))
            return placed_salts(means) if cropped else salts_of(SALT, means)
        if not cropped:
            return salts_of_copies(picture)
        # The commonest salts of a cropped copy, over its possible placements.
        small = reduced(picture, 2 * THUMBNAIL)
        counts = Counter[bytes]()
        down = THUMBNAIL / self.height
        across = THUMBNAIL / self.width
        for top, left, bottom, right in product((2, 6), repeat=4):  # pixels of the grid missing at each edge
            lacking = top * down, left * across, bottom * down, right * across
            means = region_means(Grid(THUMBNAIL, THUMBNAIL, False, *lacking).area(small))
            counts.update(placed_salts(means, own=False))
        return (salt for salt, _ in counts.most_common(16))

    def placed(self, top: float, left: float, bottom: float = 0, right: float = 0) -> "Grid":
        """Return the grid as it lies in a cropped or shifted picture."""
        return replace(self, top=top, left=left, bottom=bottom, right=right)

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


def canonical_grids(height: int, width: int, enlarged: bool = True) -> Iterator[Grid]:
    """Yield all canonical grids that a picture may have had, if this is a resized copy of it; the largest first.

    The sides of a copy are rounded. Where the short side of a grid is near an edge, both roundings are possible.
    """
    for longest in sorted(_ladder(max(height, width)), reverse=True):
        if not enlarged and longest < _LEAST_SHARE * max(height, width):
            return
        exact = _short_blocks(height, width, longest)
        error = longest / max(height, width) / BLOCK
        for blocks in {math.floor(exact - error + 0.5), math.floor(exact + error + 0.5)}:
            yield _sized(height, width, longest, blocks)


def cropped_grids(height: int, width: int, most: int) -> Iterator[Grid]:
    """Yield the canonical grids, the largest first, if a copy may lack up to `most` pixels of them at each edge."""
    longer = max(height, width)
    smallest = 64  # pixels: short side of the smallest grid in which cropped copies are found
    for longest in sorted(_ladder(int(_LARGEST_SHARE * (longer + 2 * most))), reverse=True):
        if longest < _LEAST_SHARE * longer:
            return
        sides = range(longest, smallest - 1, -BLOCK)
        for rows, cols in dict.fromkeys((*product([longest], sides), *product(sides, [longest]))):
            if height * (cols - 2 * most) <= width * rows and width * (rows - 2 * most) <= height * cols:
                yield Grid(rows, cols, own=False).placed(most / 2, most / 2, most / 2, most / 2)


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


def placed_salts(means: np.ndarray, own: bool = True) -> Iterator[bytes]:
    """Return the salts that are tried for each placement of a grid, given the means of its regions."""
    near = 0.4  # levels by which JPEG may move a mean across an edge
    tried = salts_of(SALT, means, near=near) if own else salts_of(PREFIX_OF_COPIES, means, STEP_OF_COPIES)
    return islice(tried, 2)


def salts_of_copies(picture: np.ndarray) -> Iterator[bytes]:
    """Return the salts of a picture of any size, from its mean lumas at one size."""
    return salts_of(PREFIX_OF_COPIES, region_means(resize(picture, THUMBNAIL, THUMBNAIL)), STEP_OF_COPIES)


def _filtered(picture: np.ndarray, sharpen: ImageFilter.Kernel | None) -> np.ndarray:
    return picture if sharpen is None else np.array(Image.fromarray(picture).filter(sharpen))


def _with_edges(picture: np.ndarray, beyond: Sequence[tuple[int, ...]]) -> np.ndarray:
    """Return a picture extended by repeating its edge pixels: above and below, left and right."""
    if not any(map(any, beyond)):
        return picture
    return np.pad(picture, (*beyond, *[(0, 0)] * (picture.ndim - 2)), "edge")


def _covered(side: int, before: float, pixels: float) -> np.ndarray:
    """Return a mask, (blocks,) bool, of the blocks of a side that lie in the `pixels` pixels from `before` on."""
    starts = np.arange(0, side, BLOCK)
    covered: np.ndarray = (starts >= before) & (starts + BLOCK <= before + pixels)
    return covered


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
