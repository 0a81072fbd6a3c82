"""Channels of pictures with a name, simulated: JPEG, after the picture may have been reduced.

The codecs are real ones. Each promise is simulated by a few of its worst cases.
"""

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stegnet.channels.channel_types import PromisedChannel
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
# The first one leaves least.
_REDUCTIONS = (
    Reduction(1.0, _Filter.BILINEAR, True), Reduction(1.0, _Filter.BOX, True),
    Reduction(1.0, _Filter.LANCZOS, True), Reduction(1.0, _Filter.BICUBIC, False),
    Reduction(0.75, _Filter.BILINEAR, True), Reduction(0.75, _Filter.BILINEAR, False),
    Reduction(0.5, _Filter.BILINEAR, True), Reduction(0.2, _Filter.BICUBIC, True),
)  # fmt: skip


@dataclass(frozen=True)
class PictureChannel(PromisedChannel):
    """A channel of pictures with a name."""

    quality: int  # the lowest JPEG quality in it
    # sequences of JPEG qualities at which a container is saved in turn; each sequence is simulated
    saves: tuple[tuple[int, ...], ...]
    # Before that, it may be reduced by this factor or a larger one, up to 1; None: it is not reduced.
    factor: float | None = None

    @property
    def may_reduce(self) -> bool:
        """True if it reduces by a factor, or to the pixels of a messenger."""
        return super().may_reduce or self.factor is not None

    @property
    def plain(self) -> bool:
        """True if the channel is JPEG alone, which modems are trained for."""
        return self.factor is None

    def arrivals(
        self, sent: NDArray[np.uint8], worst_only: bool = False, only: Collection[int] | None = None
    ) -> Iterator[NDArray[np.uint8]]:
        """Yield the pictures that may arrive, (h, w, 3) uint8 each, of one of a size that is kept.

        Args:
            sent: the container as viewers show it, (H, W, 3) uint8.
            worst_only: yield only the worst case; else the file itself, too.
            only: for JPEG alone, the numbers, from 0 on, of the pictures that are wanted.
        """
        if worst_only:
            yield next(self._worst_first(sent))
            return
        if only is None or 0 in only:
            yield sent
        yield from self._saved_again(sent, only) if self.plain else self._worst_first(sent)

    def count(self, worst_only: bool) -> int:
        """Return the number of pictures that `arrivals` yields."""
        if worst_only:
            return 1
        if self.plain:
            return len(self.saves) + 2
        return len(_REDUCTIONS) + 3

    def _worst_first(self, sent: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
        """Yield the versions of a file that may arrive, the worst first."""
        if self.factor is None:
            yield from self._saved_again(sent, None)
            return
        for reduction in _REDUCTIONS:
            small = _saved(reduction.applied(sent, self.factor), self.saves[0])
            yield small
        yield resize(small, *sent.shape[:2])
        yield _saved(sent, self.saves[0])

    def _saved_again(self, sent: NDArray[np.uint8], only: Collection[int] | None) -> Iterator[NDArray[np.uint8]]:
        """Yield the pictures that arrive after JPEG alone; `only` as in `arrivals`."""
        numbered = [(number, save) for number, save in enumerate(self.saves, 1) if only is None or number in only]
        for first, several in groupby(numbered, lambda pair: pair[1][0]):
            once = through_jpeg(sent, first)
            yield from (_saved(once, qualities[1:]) for _, qualities in several)
        if only is None or len(self.saves) + 1 in only:
            yield through_jpeg(sent, self.quality, full_chroma=True)


def _saved(picture: NDArray[np.uint8], qualities: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return a picture after saving it as JPEG at each of these qualities in turn."""
    for quality in qualities:
        picture = through_jpeg(picture, quality)
    return picture
