"""How large a container gets, and how long that takes, before it is made.

Of one without loss, a part of the cover is coded as the container will be.
"""

from dataclasses import dataclass
from typing import TypeVar

from stegnet import video
from stegnet.core.errors import StegnetError
from stegnet.core.names import shown_size
from stegnet.core.text import Aside, Text
from stegnet.image.pictures import png_size
from stegnet.media.cover import Cover, reduced_to

Refusal = TypeVar("Refusal", bound=StegnetError)


@dataclass(frozen=True)
class Growth:
    """About how large a container gets, in bytes, and how many times as large as its cover."""

    size: int
    times: float

    @property
    def is_much(self) -> bool:
        """True if the user is told before the work."""
        most = 4  # times
        return self.times > most

    @property
    def is_asked_about(self) -> bool:
        """True if its user has to ask for it; nobody minds a small file."""
        small = 10_000_000  # bytes
        return self.is_much and self.size > small

    @property
    def in_words(self) -> str:
        """The size, and its ratio to the cover's if that is much."""
        most_digit = 9.5  # times
        times = f"{self.times:.0f}" if self.times >= most_digit else f"{self.times:.1f}"
        return f"about {shown_size(self.size)}" + (f", {times} times the cover" if self.is_much else "")


def growth_of(cover: Cover, side: int | None = None) -> Growth:
    """Return how a picture or film grows that is written without loss; errors are those of `Cover`.

    Args:
        cover: opened picture or film.
        side: longer side in pixels that a picture is reduced to first; None: it stays as large.
    """
    size = video.lossless_bytes(cover) if cover.is_film else png_size(reduced_to(cover.pixels, side))
    return Growth(size, size / max(cover.length, 1))


def or_without_loss(error: Refusal, cover: Cover) -> Refusal:
    """Return the error for a film that can't stay what it is, with the size of one without loss."""
    larger = f"write it without loss, {growth_of(cover).in_words}"
    otherwise = f"{error.hint}; or {larger}" if error.hint else larger
    refused = error.with_hint(Text(otherwise, Aside("to", "NAME.mkv", quoted=False)))
    refused.larger = ".mkv"
    return refused


def time_in_words(pixels: float, pixels_a_second: float) -> str:
    """Return how long work on the pixels of a picture, or of all frames, takes a usual machine; "" if not long."""
    long = 10  # seconds
    seconds = pixels / pixels_a_second
    if seconds < long:
        return ""
    return "takes about " + (f"{seconds:.0f} seconds" if seconds < 100 else f"{seconds / 60:.0f} minutes")
