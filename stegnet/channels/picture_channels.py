"""Channels of pictures with a name, simulated: JPEG, after the picture was reduced, cropped or both.

The codecs are real ones. Each promise is simulated by a few of its worst cases.
"""

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import cycle, groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stegnet.channels.channel_types import Arrival, Crop, PromisedChannel, limits_of
from stegnet.core.pixels import through_jpeg
from stegnet.image.pictures import resize

_Filter = Image.Resampling


class Reduction(NamedTuple):
    """A way to reduce a picture."""

    exponent: float  # of the promised factor
    by: Image.Resampling
    widened: bool  # whether the filter grows with the reduction, as in most programs (Pillow), or does not (OpenCV)

    def applied(self, picture: NDArray[np.uint8], factor: float) -> NDArray[np.uint8]:
        """Return a picture, (H, W, 3) uint8, that is reduced in this way, where `factor` is promised."""
        by_factor = factor**self.exponent
        height, width = (max(1, math.floor(side * by_factor + 0.5)) for side in picture.shape[:2])
        image = Image.fromarray(picture)
        if self.widened:
            return np.array(image.resize((width, height), self.by))
        scaling = (picture.shape[1] / width, 0, 0, 0, picture.shape[0] / height, 0)
        return np.array(image.transform((width, height), Image.Transform.AFFINE, scaling, self.by))


# Cases that are simulated.
_CROPS = (
    Crop(8, 8, 8, 8), Crop(4, 4, 4, 4), Crop(3, 5, 4, 2), Crop(0, 1, 8, 0), Crop(5, -3, -5, 3), Crop(-4, -4, 4, 4),
)  # fmt: skip
# The first one leaves least.
_REDUCTIONS = (
    Reduction(1.0, _Filter.BILINEAR, True), Reduction(1.0, _Filter.BOX, True),
    Reduction(1.0, _Filter.LANCZOS, True), Reduction(1.0, _Filter.BICUBIC, False),
    Reduction(0.75, _Filter.BILINEAR, True), Reduction(0.75, _Filter.BILINEAR, False),
    Reduction(0.5, _Filter.BILINEAR, True), Reduction(0.2, _Filter.BICUBIC, True),
)  # fmt: skip
# Places of parts: the share of the cut-off pixels that lies above and before them.
_PLACES = ((0, 0), (0, 1), (1, 0), (1, 1), (0.5, 0.5))


@dataclass(frozen=True)
class PictureChannel(PromisedChannel):
    """A channel of pictures with a name."""

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
        return limits_of(reduced=self.side is not None or self.factor is not None, cropped=self.cropped)

    @property
    def plain(self) -> bool:
        """True if the channel is JPEG alone, which modems are trained for."""
        return self.factor is None and not self.cropped

    def arrivals(
        self, sent: NDArray[np.uint8], worst_only: bool = False, only: Collection[int] | None = None
    ) -> Iterator[Arrival]:
        """Yield the pictures that may arrive of one of a size that is kept.

        Args:
            sent: the container as viewers show it, (H, W, 3) uint8.
            worst_only: yield only the worst case; else the file itself, too.
            only: for JPEG alone, the numbers, from 0 on, of the pictures that are wanted.
        """
        if worst_only:
            yield next(self._worst_first(sent))
            return
        if only is None or 0 in only:
            yield Arrival(sent)
        yield from self._saved_again(sent, only) if self.plain else self._worst_first(sent)

    def parts(self, sent: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
        """Yield the pictures that may arrive: the file itself, and parts of it, each of the smallest promised size."""
        height, width = sent.shape[:2]
        rows, cols = (math.ceil((self.part or 1) * side) for side in (height, width))
        yield sent
        for down, across in _PLACES:
            top = round(down * (height - rows))
            left = round(across * (width - cols))
            yield _saved(np.ascontiguousarray(sent[top : top + rows, left : left + cols]), self.saves[0])

    def count(self, worst_only: bool) -> int:
        """Return the number of pictures that `arrivals` yields, or `parts` for a channel with parts."""
        if self.part:
            return 1 + len(_PLACES)
        if worst_only:
            return 1
        if self.plain:
            return len(self.saves) + 2
        return 2 + (len(_CROPS) if self.factor is None else len(_REDUCTIONS) + 1)

    def _worst_first(self, sent: NDArray[np.uint8]) -> Iterator[Arrival]:
        """Yield the versions of a file that may arrive, the worst first."""
        if self.plain:
            yield from self._saved_again(sent, None)
            return
        if self.factor is not None:
            crops = _CROPS[:4] if self.cropped else (Crop(),)  # without shifts
            for crop, reduction in zip(cycle(crops), _REDUCTIONS, strict=False):
                small = _saved(reduction.applied(crop.applied(sent), self.factor), self.saves[0])
                yield Arrival(small, crop)
            yield Arrival(resize(small, *sent.shape[:2]), crop)
        else:
            for crop in _CROPS:
                yield Arrival(_saved(crop.applied(sent), self.saves[0]), crop)
        yield Arrival(_saved(sent, self.saves[0]))

    def _saved_again(self, sent: NDArray[np.uint8], only: Collection[int] | None) -> Iterator[Arrival]:
        """Yield the pictures that arrive after JPEG alone; `only` as in `arrivals`."""
        numbered = [(number, save) for number, save in enumerate(self.saves, 1) if only is None or number in only]
        for first, several in groupby(numbered, lambda pair: pair[1][0]):
            once = through_jpeg(sent, first)
            yield from (Arrival(_saved(once, qualities[1:])) for _, qualities in several)
        if only is None or len(self.saves) + 1 in only:
            yield Arrival(through_jpeg(sent, self.quality, full_chroma=True))


def _saved(picture: NDArray[np.uint8], qualities: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return a picture after saving it as JPEG at each of these qualities in turn."""
    for quality in qualities:
        picture = through_jpeg(picture, quality)
    return picture
