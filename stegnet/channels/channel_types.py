"""What channels with a name have in common: what becomes of a picture's or film's size, and what is promised in words.

Those of pictures (`picture_channels`) also say what arrives; what arrives of a film is encoded where it is tried.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

REACH = 8  # pixels that may be missing at each edge, or by which a picture may have been shifted


class Crop(NamedTuple):
    """Pixels that are cut off at each edge. Negative: the picture is shifted, and its edge repeated."""

    top: int = 0
    left: int = 0
    bottom: int = 0
    right: int = 0

    def applied(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return a picture, (H, W, 3) uint8, without these pixels."""
        height, width = picture.shape[:2]
        inside = picture[max(self.top, 0) : height - self.bottom, max(self.left, 0) : width - self.right]
        if min(self) >= 0:
            return inside
        top, left, bottom, right = (max(-pixels, 0) for pixels in self)
        return np.pad(inside, ((top, bottom), (left, right), (0, 0)), "edge")


class Arrival(NamedTuple):
    """A picture that may arrive."""

    pixels: NDArray[np.uint8]  # (h, w, 3)
    crop: Crop = Crop()  # what was cut off the picture that was sent, before the rest may have been reduced


@dataclass(frozen=True)
class PromisedChannel:
    """A lossy channel with a name, which a container is promised to survive."""

    name: str  # as users write it
    text: str  # the name in words
    side: int | None  # pixels of the longer side when sent, at most; None: unlimited
    multiple: ClassVar[int] = 1  # sides of a reduced picture or film are multiples of it

    def __str__(self) -> str:
        return self.text

    @property
    def limits(self) -> str:
        """The changes that it does not include, in words."""
        return limits_of(reduced=self.side is not None, cropped=False)

    def kept_size(self, height: int, width: int) -> tuple[int, int]:
        """Return the height and width as sent: messengers reduce pictures and films."""
        longest = max(height, width)
        if self.side is None or longest <= self.side:
            return height, width
        kept_height, kept_width = (
            self.multiple * max(1, round(side * self.side / longest / self.multiple)) for side in (height, width)
        )
        return kept_height, kept_width


def limits_of(*, reduced: bool, cropped: bool) -> str:
    """Return the changes that a channel does not include: only further ones where it reduces or crops itself."""
    further_reduced, further_cropped = (" further" if included else "" for included in (reduced, cropped))
    return f"being reduced{further_reduced} or cropped{further_cropped}"
