"""Channels of films with a name: the coding with which a film is encoded again, after it may have been reduced."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stegnet.channels.channel_types import PromisedChannel
from stegnet.video.coding import Coding

if TYPE_CHECKING:
    from stegnet.video.films import FilmInfo


@dataclass(frozen=True)
class FilmChannel(PromisedChannel):
    """A channel of films."""

    coding: Coding  # with which a film is encoded again
    rate: int | None  # frames per second when sent, at most; None: unlimited
    multiple = 2

    @property
    def rise(self) -> float:
        """Levels by which frames get brighter, about; encoders that save much add up to 1.5."""
        hardly_changed = 25  # the constant rate factor up to which mean lumas hardly change
        return 0.5 if self.coding.crf > hardly_changed else 0

    def every(self, info: "FilmInfo") -> int:
        """Return n such that one frame in n is sent."""
        return max(1, math.ceil((info.rate - 1) / self.rate)) if self.rate else 1

    def reduces(self, info: "FilmInfo") -> bool:
        """Return whether a film is sent with fewer pixels or frames."""
        return self.every(info) > 1 or self.kept_size(info.height, info.width) != (info.height, info.width)
