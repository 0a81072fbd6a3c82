"""Lossy channels that a picture is promised to survive, simulated by real codecs."""

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle, product

import numpy as np
from PIL import Image

from stegnet.core.errors import CapacityError, ConfigError
from stegnet.core.jpeg import through_jpeg
from stegnet.media import resize
from stegnet.methods.robust.grid import Grid, canonical_grid, own_grid
from stegnet.methods.robust.places import SHARES
from stegnet.methods.robust.registration import REACH
from stegnet.methods.robust.tiles import LEAST_SIDE

DEFAULT = "jpeg:75"
MESSENGER = "messenger"
MESSENGER_SIDE = 1600  # pixels
_MESSENGER_QUALITIES = tuple(product((70, 72, 74, 77, 80), repeat=2))
Writing = Callable[[np.ndarray], np.ndarray]  # of (H, W, 3) uint8
_LEAST_QUALITY, _MOST_QUALITY, _BEST = 30, 95, 100
_ABOVE = (1, 2, 4, 7, 11, 16, 22, 30, 40)  # qualities above the promised one that are simulated
_LEAST_FACTOR = 0.25
_JOINED = re.compile(r"(.+?)(\+crop)?(?:\+resize:(0\.\d{1,4}|1(?:\.0*)?))?(\+crop)?(?:(?<=crop):(0\.\d{1,4}))?")
_WHERE = (0, 0), (0, 1), (1, 0), (1, 1), (0.5, 0.5)  # of the parts that are simulated: of what is cut off, before them
# Pixels that are cut off: at the top, left, bottom and right. Negative: the picture is shifted, and its edge repeated.
_CROPS = ((8, 8, 8, 8), (4, 4, 4, 4), (3, 5, 4, 2), (0, 1, 8, 0), (5, -3, -5, 3), (-4, -4, 4, 4))
_CUTS, _WHOLE = _CROPS[:4], (0, 0, 0, 0)
_Filter = Image.Resampling
_EXACTLY = 0.5  # pixels of a grid: how exactly readers place a copy that was cropped
# What reduces pictures: a share of the promised factor, as an exponent of it, a filter, and whether it is widened to
# what it reduces, as most programs do. The first one leaves least.
_REDUCTIONS = (
    (1.0, _Filter.BILINEAR, True), (1.0, _Filter.BOX, True), (1.0, _Filter.LANCZOS, True),
    (1.0, _Filter.BICUBIC, False), (0.75, _Filter.BILINEAR, True), (0.75, _Filter.BILINEAR, False),
    (0.5, _Filter.BILINEAR, True), (0.2, _Filter.BICUBIC, True),
)  # fmt: skip


@dataclass(frozen=True)
class Channel:
    """Lossy channel that a container is promised to survive.

    Attributes:
        name: as users write it, without what it is joined with.
        quality: the lowest JPEG quality in it.
        saves: sequences of JPEG qualities with which a container is saved one after the other; each is simulated.
        factor: before that, it may be reduced by this factor or any above, up to 1; None: it is not.
        cropped: before that, it may be cropped by up to REACH pixels at each edge, or shifted if it is not reduced.
        part: then it may be cropped to any part with at least this share of its sides; None: no further.
    """

    name: str
    quality: int
    saves: tuple[tuple[int, ...], ...]
    factor: float | None = None
    cropped: bool = False
    part: float | None = None

    def __str__(self) -> str:
        before = f"{self.factor:.0%} of its size and more, " if self.factor else ""
        if self.part:
            before = f"cropped to any part of {self.part:.0%} of its sides and more, "
        elif self.cropped:
            before = f"cropped {'' if self.factor else 'or shifted '}by up to {REACH} pixels, {before}"
        if self.name == MESSENGER:
            return f"{before}messengers (JPEG {self.quality} and better, twice)"
        return f"{before}JPEG {self.quality} and better"

    @property
    def plain(self) -> bool:
        """True if it is nothing but JPEG, which modems are trained for."""
        return self.factor is None and not self.cropped

    @property
    def shares(self) -> int:
        """Number of shares of the blocks that a record may take: copies that were cropped are found by all blocks."""
        return 1 if self.cropped and self.factor is not None else SHARES

    def prepare(self, cover: np.ndarray) -> np.ndarray:
        """The cover as it is sent."""
        return resize(cover, *self.sent_size(*cover.shape[:2]))

    def sent_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width as it is sent: messengers reduce pictures to a long side of 1,600 pixels."""
        longest = max(height, width)
        if self.name != MESSENGER or longest <= MESSENGER_SIDE:
            return height, width
        return max(1, round(height * MESSENGER_SIDE / longest)), max(1, round(width * MESSENGER_SIDE / longest))

    def grid(self, height: int, width: int) -> Grid:
        """The grid in which a cover hides, so that what it hides survives this channel.

        Raises:
            CapacityError: the cover is too small to be reduced so.
        """
        grid = own_grid(height, width) if self.factor is None else canonical_grid(height, width, self.factor)
        small, hint = grid is None, "take a larger cover"
        if self.part and self.part * min(height, width) < LEAST_SIDE:
            small, hint = True, f"{hint}, or a larger share: sides of parts have {LEAST_SIDE} pixels or more"
        if small:
            raise CapacityError(f"a cover of {width}×{height} is too small to survive {self}", hint)
        return grid

    def received(
        self, container: np.ndarray, grid: Grid, written: Writing | None, few: bool = False
    ) -> Iterator[tuple[np.ndarray, Grid]]:
        """The pictures that may arrive, (H, W, 3) uint8 each, and the container's grid in them.

        Args:
            grid: of the container.
            written: gives what viewers show of the file that is sent; None: it is one without loss.
            few: the worst of what may arrive alone; else the file itself too.
        """
        sent = container if written is None else written(container)
        arriving = self._arriving(sent, grid)
        if few:
            yield next(arriving)
            return
        yield sent, grid
        yield from arriving

    def parts(self, container: np.ndarray, written: Writing | None) -> list[np.ndarray]:
        """As `received`: the file itself, and parts of it, all as small as is promised."""
        sent = container if written is None else written(container)
        height, width = sent.shape[:2]
        rows, cols = (math.ceil(self.part * side) for side in (height, width))
        firsts = [(round(down * (height - rows)), round(across * (width - cols))) for down, across in _WHERE]
        parts = (sent[top : top + rows, left : left + cols] for top, left in firsts)
        return [sent, *(_saved(np.ascontiguousarray(part), self.saves[0]) for part in parts)]

    def arrivals(self, few: bool = False) -> int:
        """Number of pictures that `received` gives."""
        if few:
            return 1
        if self.plain:
            return len(self.saves) + 2
        return 2 + (len(_CROPS) if self.factor is None else len(_REDUCTIONS) + 1)

    def _arriving(self, sent: np.ndarray, grid: Grid) -> Iterator[tuple[np.ndarray, Grid]]:
        """The versions of a file that may arrive, the worst first."""
        if self.factor is not None:
            for crop, (share, *how) in zip(cycle(_CUTS if self.cropped else [_WHOLE]), _REDUCTIONS, strict=False):
                small = _saved(_reduced(_cropped(sent, *crop), self.factor**share, *how), self.saves[0])
                placed = grid.placed(*_lacking(crop, sent, grid))
                yield small, placed
            yield resize(small, *sent.shape[:2]), placed
        elif self.cropped:
            for crop in _CROPS:
                yield _saved(_cropped(sent, *crop), self.saves[0]), grid.placed(*crop[:2])
        if not self.plain:
            yield _saved(sent, self.saves[0]), grid
            return
        for qualities in self.saves:
            yield _saved(sent, qualities), grid
        yield through_jpeg(sent, self.quality, full_chroma=True), grid


def parse_channel(text: str) -> Channel:
    """A channel as users name it: jpeg:QUALITY or messenger; with +resize:FACTOR, +crop or both, or with +crop:SHARE.

    Raises:
        ConfigError: there is no such channel.
    """
    joined = _JOINED.fullmatch(text)
    wrong = not joined or (joined[2] and joined[4]) or (joined[3] and joined[5])
    name, *crops = ("",) if wrong else joined.group(1, 2, 4)
    factor, part = (float(joined[group]) if joined and joined[group] else None for group in (3, 5))
    if name == MESSENGER:
        quality, saves = min(map(min, _MESSENGER_QUALITIES)), _MESSENGER_QUALITIES
    else:
        found = re.fullmatch(r"jpeg:(\d{1,3})", name)
        quality = int(found[1]) if found else 0
        above = [quality + more for more in _ABOVE if quality + more <= _BEST]
        saves = ((quality,), *((each,) for each in above))
    if not _LEAST_QUALITY <= quality <= _MOST_QUALITY or min(factor or 1, part or 1) < _LEAST_FACTOR:
        known = f"known: jpeg:{_LEAST_QUALITY} to jpeg:{_MOST_QUALITY}, or {MESSENGER}"
        hint = (
            f"{known}; with +resize:{_LEAST_FACTOR} to +resize:1, resized copies survive too, with +crop cropped ones, "
            "with both those that were cropped and resized, with +crop:0.5 any part of half the sides"
        )
        raise ConfigError(f"survive: unknown channel {text!r}", hint)
    return Channel(name, quality, saves, factor, any(crops), part)


def _saved(picture: np.ndarray, qualities: tuple[int, ...]) -> np.ndarray:
    """A picture that was saved as JPEG of these qualities, one after the other."""
    for quality in qualities:
        picture = through_jpeg(picture, quality)
    return picture


def _cropped(picture: np.ndarray, top: int, left: int, bottom: int, right: int) -> np.ndarray:
    height, width = picture.shape[:2]
    return Grid(height - top - bottom, width - left - right, own=True, top=-top, left=-left).area(picture)


def _lacking(crop: tuple[int, ...], sent: np.ndarray, grid: Grid) -> list[float]:
    """Pixels of a grid that copies of a cropped picture lack at its edges, as exactly as readers find them."""
    sizes = zip(2 * (grid.height, grid.width), 2 * sent.shape[:2], strict=True)
    return [round(cut * side / whole / _EXACTLY) * _EXACTLY for cut, (side, whole) in zip(crop, sizes, strict=True)]


def _reduced(picture: np.ndarray, factor: float, by: Image.Resampling, widened: bool) -> np.ndarray:
    height, width = (max(1, math.floor(side * factor + 0.5)) for side in picture.shape[:2])
    image = Image.fromarray(picture)
    if widened:
        return np.array(image.resize((width, height), by))
    across, down = picture.shape[1] / width, picture.shape[0] / height
    return np.array(image.transform((width, height), Image.Transform.AFFINE, (across, 0, 0, 0, down, 0), by))
