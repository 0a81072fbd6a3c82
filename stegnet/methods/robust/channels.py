"""Lossy channels that containers promise to survive: their grammar, the table of them, and their simulation.

Users write NAME or NAME:NUMBER, followed by any number of +EDIT or +EDIT:FACTOR. A new channel is one entry of the
table at the end. Real codecs simulate here the pictures that arrive; films are encoded with the channel's `coding`.
"""

import math
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import cycle, groupby, product
from typing import TYPE_CHECKING, ClassVar, TypeVar

import numpy as np
from PIL import Image

from stegnet.core.errors import CapacityError, ConfigError
from stegnet.core.names import FILM, PICTURE
from stegnet.core.pixels import through_jpeg
from stegnet.image.pictures import resize
from stegnet.methods.robust.grid import Grid, canonical_grid, own_grid
from stegnet.methods.robust.operating_points import DENSE, FILM_POINTS, SHARES, OperatingPoint, share_of
from stegnet.methods.robust.registration import REACH
from stegnet.methods.robust.robust_options import CONTAINER_PSNR, MESSENGER
from stegnet.methods.robust.tile_map import LEAST_SIDE
from stegnet.video.coding import Coding

if TYPE_CHECKING:
    from stegnet.video.films import FilmInfo

_Entry = TypeVar("_Entry", "_Jpeg", "_Codec")

MESSENGER_SIDE = 1600  # pixels, of pictures

# Of pictures
_MESSENGER_QUALITIES = tuple(product((70, 72, 74, 77, 80), repeat=2))
_BEST = 100
_ABOVE = (1, 2, 4, 7, 11, 16, 22, 30, 40)  # steps above the promised quality that are simulated
_LEAST_FACTOR = 0.25
# Places of the simulated parts: the share of the cut-off pixels that lies before them.
_WHERE = (0, 0), (0, 1), (1, 0), (1, 1), (0.5, 0.5)
# Pixels that are cut off at the top, left, bottom and right. Negative: the picture is shifted, and its edge repeated.
_CROPS = ((8, 8, 8, 8), (4, 4, 4, 4), (3, 5, 4, 2), (0, 1, 8, 0), (5, -3, -5, 3), (-4, -4, 4, 4))
_CUTS = _CROPS[:4]
_Filter = Image.Resampling
# Reductions: the exponent of the promised factor, a filter, and whether it is widened to the reduction, as in most
# programs. The first one leaves least.
_REDUCTIONS = (
    (1.0, _Filter.BILINEAR, True), (1.0, _Filter.BOX, True), (1.0, _Filter.LANCZOS, True),
    (1.0, _Filter.BICUBIC, False), (0.75, _Filter.BILINEAR, True), (0.75, _Filter.BILINEAR, False),
    (0.5, _Filter.BILINEAR, True), (0.2, _Filter.BICUBIC, True),
)  # fmt: skip


@dataclass(frozen=True)
class Channel:
    """Lossy channel that a container is promised to survive."""

    name: str  # as users write it
    text: str  # the name in words
    side: int | None  # pixels of the longer side when sent, at most; None: unlimited
    multiple: ClassVar[int] = 1  # sides of a reduced picture or film are multiples of it

    def __str__(self) -> str:
        return self.text

    @property
    def limits(self) -> str:
        """The changes that it does not include, in words."""
        return self._limits(reduced=self.side is not None, cropped=False)

    @staticmethod
    def _limits(*, reduced: bool, cropped: bool) -> str:
        further_reduced, further_cropped = (" further" if included else "" for included in (reduced, cropped))
        return f"being reduced{further_reduced} or cropped{further_cropped}"

    def sent_size(self, height: int, width: int) -> tuple[int, int]:
        """Return height and width as sent: messengers reduce pictures and films."""
        longest = max(height, width)
        if self.side is None or longest <= self.side:
            return height, width
        sent_height, sent_width = (
            self.multiple * max(1, round(side * self.side / longest / self.multiple)) for side in (height, width)
        )
        return sent_height, sent_width


@dataclass(frozen=True)
class PictureChannel(Channel):
    """A channel of pictures."""

    quality: int  # the lowest JPEG quality in it
    # sequences of JPEG qualities at which a container is saved in turn; each sequence is simulated
    saves: tuple[tuple[int, ...], ...]
    # Before that, it may be reduced by this factor or a larger one, up to 1; None: it is not reduced.
    factor: float | None = None
    # before that, it may be cropped by up to REACH pixels at each edge, or shifted if it is not reduced
    cropped: bool = False
    # after that, it may be cropped to any part with at least this share of its sides; None: no further cropping
    part: float | None = None

    @property
    def limits(self) -> str:
        """Changes that it does not include, in words: only further ones where it reduces or crops itself."""
        return self._limits(reduced=self.side is not None or self.factor is not None, cropped=self.cropped)

    @property
    def plain(self) -> bool:
        """True if the channel is JPEG alone, which modems are trained for."""
        return self.factor is None and not self.cropped

    @property
    def shares(self) -> int:
        """Number of shares of the blocks that a record may use: cropped copies are found by all blocks."""
        return 1 if self.cropped and self.factor is not None else SHARES

    def grid(self, height: int, width: int) -> Grid:
        """Return the grid in which a cover hides for this channel.

        Raises CapacityError if the cover is too small for it.
        """
        grid = own_grid(height, width) if self.factor is None else canonical_grid(height, width, self.factor)
        small_part = self.part is not None and self.part * min(height, width) < LEAST_SIDE
        if grid is None or small_part:
            hint = "use a larger cover"
            if small_part:
                hint += f", or a larger share: sides of parts have {LEAST_SIDE} pixels or more"
            raise CapacityError(f"a cover of {width}×{height} is too small to survive {self}", hint)
        return grid

    def received(
        self, sent: np.ndarray, grid: Grid, worst_only: bool = False, only: Collection[int] | None = None
    ) -> Iterator[tuple[np.ndarray, Grid]]:
        """Yield the pictures that may arrive, (H, W, 3) uint8 each, with the container's grid in them.

        Args:
            sent: the container as viewers show it.
            grid: the container's grid of blocks.
            worst_only: yield only the worst case; else the file itself, too.
            only: for JPEG alone, the numbers, from 0 on, of the pictures that are wanted.
        """
        if worst_only:
            yield next(self._arriving(sent, grid))
            return
        if only is None or 0 in only:
            yield sent, grid
        yield from self._saves(sent, grid, only) if self.plain else self._arriving(sent, grid)

    def parts(self, sent: np.ndarray) -> Iterator[np.ndarray]:
        """Yield the pictures that may arrive: the file itself, and parts of it, each of the smallest promised size."""
        height, width = sent.shape[:2]
        rows, cols = (math.ceil((self.part or 1) * side) for side in (height, width))
        yield sent
        for down, across in _WHERE:
            top, left = round(down * (height - rows)), round(across * (width - cols))
            yield _saved(np.ascontiguousarray(sent[top : top + rows, left : left + cols]), self.saves[0])

    def arrivals(self, worst_only: bool) -> int:
        """Return the number of pictures that `received` yields, or `parts` for a channel with parts."""
        if self.part:
            return 1 + len(_WHERE)
        if worst_only:
            return 1
        if self.plain:
            return len(self.saves) + 2
        return 2 + (len(_CROPS) if self.factor is None else len(_REDUCTIONS) + 1)

    def _arriving(self, sent: np.ndarray, grid: Grid) -> Iterator[tuple[np.ndarray, Grid]]:
        """Yield the versions of a file that may arrive, the worst first."""
        if self.factor is not None:
            exactness = 0.5  # pixels of a grid, with which readers place a cropped copy
            crops = _CUTS if self.cropped else [(0, 0, 0, 0)]
            for crop, reduction in zip(cycle(crops), _REDUCTIONS, strict=False):
                share, by, widened = reduction
                small = _saved(_reduced(_cropped(sent, *crop), self.factor**share, by, widened), self.saves[0])
                # Pixels of the grid that the copy lacks at its edges, rounded to the accuracy of readers.
                sizes = zip(crop, 2 * (grid.height, grid.width), 2 * sent.shape[:2], strict=True)
                lacking = (round(cut * side / whole / exactness) * exactness for cut, side, whole in sizes)
                placed = grid.placed(*lacking)
                yield small, placed
            yield resize(small, *sent.shape[:2]), placed
        elif self.cropped:
            for crop in _CROPS:
                yield _saved(_cropped(sent, *crop), self.saves[0]), grid.placed(*crop[:2])
        if self.plain:
            yield from self._saves(sent, grid, None)
        else:
            yield _saved(sent, self.saves[0]), grid

    def _saves(self, sent: np.ndarray, grid: Grid, only: Collection[int] | None) -> Iterator[tuple[np.ndarray, Grid]]:
        """Yield the pictures that arrive after JPEG alone; `only` as in `received`."""
        numbered = [(number, save) for number, save in enumerate(self.saves, 1) if only is None or number in only]
        for first, several in groupby(numbered, lambda each: each[1][0]):
            once = through_jpeg(sent, first)
            yield from ((_saved(once, qualities[1:]), grid) for _, qualities in several)
        if only is None or len(self.saves) + 1 in only:
            yield through_jpeg(sent, self.quality, full_chroma=True), grid


@dataclass(frozen=True)
class FilmChannel(Channel):
    """A channel of films."""

    coding: Coding  # with which a film is encoded again
    generations: int  # number of times
    hard: int  # the constant rate factor at which x264, with its preset fast, is about as hard to survive
    rate: int | None  # frames per second when sent, at most; None: unlimited
    multiple = 2

    @property
    def rise(self) -> float:
        """Levels by which frames get brighter, about; encoders that save much add up to 1.5."""
        hardly_changed = 25  # the constant rate factor up to which mean lumas hardly change
        return 0.5 if self.hard > hardly_changed else 0

    def operating_points(self, psnr: float | None, *, exact: bool) -> list[list[tuple[OperatingPoint, int]]]:
        """Return operating points with their `largest_share` in the order to try them; then those of a lower PSNR.

        The most robust point costs least per bit, and has least capacity. Where a secret is made to fit, not hidden
        exactly, more capacity means a better copy. A PSNR of None is CONTAINER_PSNR, or less where this leaves no
        capacity.
        """
        able = [point for point in FILM_POINTS if point.highest >= self.hard] or [FILM_POINTS[0]]
        more = [DENSE] if DENSE.highest >= self.hard else []
        ordered = able + more if exact else able[::-1]
        points = [(point, largest_share(point, psnr or CONTAINER_PSNR)) for point in ordered]
        lower_psnr = 33.0  # dB, for films that hold nothing at CONTAINER_PSNR
        return [points] if psnr else [points, [(FILM_POINTS[0], largest_share(FILM_POINTS[0], lower_psnr))]]

    def every(self, info: "FilmInfo") -> int:
        """Return n such that one frame in n is sent."""
        return max(1, math.ceil((info.rate - 1) / self.rate)) if self.rate else 1

    def reduces(self, info: "FilmInfo") -> bool:
        """Return whether a film is sent with fewer pixels or frames."""
        return self.every(info) > 1 or self.sent_size(info.height, info.width) != (info.height, info.width)


def largest_share(point: OperatingPoint, psnr: float) -> int:
    """Return the number of the largest share of the blocks that may carry bits in films of about this PSNR in dB."""
    tolerance = 1.05  # factor of a share: a fifth of a decibel
    limit = 10 ** ((point.psnr - psnr) / 10) * tolerance
    return next(number for number in range(SHARES) if share_of(number) <= max(limit, share_of(SHARES - 1)))


def parse_channel(text: str, kind: str = PICTURE) -> Channel:
    """Return the channel of pictures or films with this name. Raises ConfigError if it is unknown."""
    return parse_film_channel(text) if kind == FILM else parse_picture_channel(text)


def parse_picture_channel(text: str) -> PictureChannel:
    """Return the channel of pictures with this name; errors are those of `parse_channel`."""
    if (parsed := _parsed(text, PICTURE_CHANNELS)) is None:
        raise _unknown(text, PICTURE)
    entry, quality, edits = parsed
    return entry.channel(text, quality, edits)


def parse_film_channel(text: str) -> FilmChannel:
    """Return the channel of films with this name; errors are those of `parse_channel`."""
    if (parsed := _parsed(text, FILM_CHANNELS)) is None:
        raise _unknown(text, FILM)
    entry, crf, edits = parsed
    return entry.channel(text, crf, edits)


def _parsed(text: str, entries: Mapping[str, "_Entry"]) -> tuple["_Entry", int | None, dict[str, float | None]] | None:
    """Return a channel's entry, its number, and the factor of each edit; None if there is no such channel."""
    first, *words = text.split("+")
    name = _NAME.fullmatch(first)
    edits = [edit for word in words if (edit := _EDIT.fullmatch(word))]
    if name is None or len(edits) < len(words) or name[1] not in entries:
        return None
    entry = entries[name[1]]
    joined = " ".join(f"{edit[1]}:" if edit[2] else edit[1] for edit in edits)
    number = int(name[2]) if name[2] else None
    factors = {edit[1]: float(edit[2]) if edit[2] else None for edit in edits}
    small = min(filter(None, factors.values()), default=1) < _LEAST_FACTOR or factors.get("crop") == 1
    if number in (entry.numbers or [None]) and joined in entry.edits and not small:
        return entry, number, factors
    return None


def _unknown(text: str, kind: str) -> ConfigError:
    problem = "no such channel is known"
    entries: Mapping[str, _Jpeg | _Codec] = FILM_CHANNELS if kind == FILM else PICTURE_CHANNELS
    wrong = PICTURE if kind == FILM else FILM
    wrong_entries: Mapping[str, _Jpeg | _Codec] = PICTURE_CHANNELS if kind == FILM else FILM_CHANNELS
    if re.split("[:+]", text)[0] in wrong_entries.keys() - {MESSENGER}:
        problem = f"is for {wrong}s, and the cover is a {kind}"
    known = ", ".join(
        f"{name}:{entry.numbers[0]} to {entry.numbers[-1]}" for name, entry in entries.items() if entry.numbers
    )
    if kind == FILM:
        hint = f"films survive {known}, h264 also with +veryfast, all with +twice; or {MESSENGER}"
        return ConfigError(problem, hint, parameter="survive", value=text)
    hint = (
        f"known: {known}, or {MESSENGER}; each may be followed by +resize:F ({_LEAST_FACTOR} to 1), by +crop ({REACH} "
        "pixels), by both, or by +crop:F alone (cropped to this part of the sides)"
    )
    return ConfigError(problem, hint, parameter="survive", value=text)


_NAME = re.compile(r"(\w+)(?::(\d{1,3}))?")
_EDIT = re.compile(r"(\w+)(?::(0\.\d{1,4}|1(?:\.0*)?))?")
_PICTURE_EDITS = ("", "crop", "crop:", "resize:", "crop resize:", "resize: crop")


@dataclass(frozen=True)
class _Jpeg:
    """An entry of the table: pictures that are saved as JPEG."""

    numbers: range | None = None  # promised qualities; None: those of `saves`
    saves: tuple[tuple[int, ...], ...] = ()
    text: str = "JPEG {} and better"  # text of the channel, given its lowest quality
    side: int | None = None
    edits: tuple[str, ...] = _PICTURE_EDITS  # edits that may follow it; one with a factor ends in ":"

    def channel(self, name: str, quality: int | None, edits: Mapping[str, float | None]) -> PictureChannel:
        factor = edits.get("resize")
        part = edits.get("crop")
        cropped = "crop" in edits
        saves = self.saves
        if quality is not None:
            saves = ((quality,), *((quality + more,) for more in _ABOVE if quality + more <= _BEST))
        lowest = min(map(min, saves))
        before = f"reduction to no less than {factor:.0%}, then " if factor else ""
        if part:
            before = f"cropping to any part of no less than {part:.0%} of its sides, then "
        elif cropped:
            before = f"cropping {'' if factor else 'or shifting '}by up to {REACH} pixels, then {before}"
        return PictureChannel(name, before + self.text.format(lowest), self.side, lowest, saves, factor, cropped, part)


@dataclass(frozen=True)
class _Codec:
    """An entry of the table: films that are encoded again."""

    text: str  # text of the channel, given the constant rate factor and the preset
    coding: Coding  # the fastest coding that is promised; its constant rate factor is the default
    numbers: range | None = None  # promised constant rate factors; None: that of `coding`
    above: int = 0  # its constant rate factor minus the one of x264 that is about as hard to survive
    margin: int = 0  # steps of CRF added when it is tried, since slower presets may keep less
    side: int | None = None
    rate: int | None = None
    edits: tuple[str, ...] = ("", "twice")

    def channel(self, name: str, crf: int | None, edits: Mapping[str, float | None]) -> FilmChannel:
        crf = crf or self.coding.crf
        coding = replace(self.coding, crf=crf + self.margin)
        hard = crf - self.above
        generations = 1
        quality = f"{crf} and better"
        if "veryfast" in edits:
            coding = replace(coding, preset="veryfast")
            hard += 2
        if "twice" in edits:
            coding = replace(coding, crf=coding.crf + 1)  # other presets add up, too
            hard += 3
            generations = 2
            quality += ", twice"
        text = self.text.format(quality, coding.preset)
        return FilmChannel(name, text, self.side, coding, generations, hard, self.rate)


PICTURE_CHANNELS = {
    "jpeg": _Jpeg(range(30, 96)),
    MESSENGER: _Jpeg(
        saves=_MESSENGER_QUALITIES,
        text=f"a messenger that keeps {MESSENGER_SIDE} pixels (JPEG {{}} and better, twice)",
        side=MESSENGER_SIDE,
    ),
}
FILM_CHANNELS = {
    "h264": _Codec(
        "H.264 at CRF {} (x264, {} to veryslow)",
        Coding(0, "fast"),
        range(18, 29),
        edits=("", "veryfast", "twice", "veryfast twice"),
    ),
    "hevc": _Codec("HEVC at CRF {} (x265, {} to veryslow)", Coding(0, "medium", "libx265"), range(18, 31), above=-2),
    "vp9": _Codec("VP9 at CRF {} (libvpx, speed {} and less)", Coding(0, "5", "libvpx-vp9"), range(27, 42), above=9),
    "av1": _Codec(
        "AV1 at CRF {} (SVT-AV1, preset {} and less)", Coding(0, "6", "libsvtav1"), range(25, 40), above=7, margin=3
    ),
    MESSENGER: _Codec(
        "a messenger that keeps 848 pixels (H.264 at CRF {}, x264's preset {} and slower)",
        Coding(28, "veryfast"),
        side=848,
        rate=30,
        edits=("",),
    ),
}


def _saved(picture: np.ndarray, qualities: tuple[int, ...]) -> np.ndarray:
    """Return a picture after saving it as JPEG at each of these qualities in turn."""
    for quality in qualities:
        picture = through_jpeg(picture, quality)
    return picture


def _cropped(picture: np.ndarray, top: int, left: int, bottom: int, right: int) -> np.ndarray:
    height, width = picture.shape[:2]
    return Grid(height - top - bottom, width - left - right, own=True, top=-top, left=-left).area(picture)


def _reduced(picture: np.ndarray, factor: float, by: Image.Resampling, antialias: bool) -> np.ndarray:
    """Reduce a picture; with `antialias` the filter grows with the reduction (Pillow), else it does not (OpenCV)."""
    height, width = (max(1, math.floor(side * factor + 0.5)) for side in picture.shape[:2])
    image = Image.fromarray(picture)
    if antialias:
        return np.array(image.resize((width, height), by))
    across, down = picture.shape[1] / width, picture.shape[0] / height
    return np.array(image.transform((width, height), Image.Transform.AFFINE, (across, 0, 0, 0, down, 0), by))
