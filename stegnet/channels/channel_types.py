"""What channels with a name have in common: what becomes of a picture's or film's size, and what is promised in words.

Those of pictures (`picture_channels`) also say what arrives; what arrives of a film is encoded where it is tried.
"""

from dataclasses import dataclass
from typing import ClassVar


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
        """The changes that it does not include, in words: only further ones where it reduces itself."""
        return f"being reduced{' further' if self.may_reduce else ''} or cropped"

    @property
    def may_reduce(self) -> bool:
        """True if it may reduce pictures or films itself."""
        return self.side is not None

    def kept_size(self, height: int, width: int) -> tuple[int, int]:
        """Return the height and width as sent: messengers reduce pictures and films."""
        longest = max(height, width)
        if self.side is None or longest <= self.side:
            return height, width
        kept_height, kept_width = (
            self.multiple * max(1, round(side * self.side / longest / self.multiple)) for side in (height, width)
        )
        return kept_height, kept_width
