"""The table of channels with a name, which `channel_names` reads: a new channel is one entry at the end."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product

from stegnet.channels.destinations import MESSENGER
from stegnet.channels.film_channels import FilmChannel
from stegnet.channels.picture_channels import PictureChannel
from stegnet.video.coding import Coding

# Pixels of a picture's longer side, at most: the least that a large messenger is known to keep. Those that keep more
# leave such a picture at its size.
MESSENGER_SIDE = 1280
MESSENGER_QUALITIES = tuple(product((70, 72, 74, 77, 80), repeat=2))  # of JPEG: when sent, and when passed on


# JPEG qualities that are simulated besides a promised one.
_BEST = 100
_ABOVE = (1, 2, 4, 7, 11, 16, 22, 30, 40)  # steps above the promised quality


@dataclass(frozen=True)
class PictureEntry:
    """An entry of the table: pictures that are saved as JPEG."""

    numbers: range | None = None  # promised qualities; None: those of `saves`
    saves: tuple[tuple[int, ...], ...] = ()
    text: str = "JPEG {} and better"  # text of the channel, given its lowest quality
    side: int | None = None  # that arrives, unless a user says another
    edits: tuple[str, ...] = ("", "resize:")  # that may follow it; one with a factor ends in ":"

    def channel(
        self, name: str, quality: int | None, edits: Mapping[str, float | None], side: int | None
    ) -> PictureChannel:
        """Return the channel of a name, with its number, the factor of each edit, and this side if it has one."""
        side = self.side and (side or self.side)
        factor = edits.get("resize")
        saves = self.saves
        if quality is not None:
            better = [quality + step for step in _ABOVE if quality + step <= _BEST]
            saves = ((quality,), *((higher,) for higher in better))
        lowest = min(map(min, saves))
        before = f"reduction to no less than {factor:.0%}, then " if factor else ""
        text = before + self.text.format(lowest, side=side)
        return PictureChannel(name, text, side, lowest, saves, factor)


@dataclass(frozen=True)
class FilmEntry:
    """An entry of the table: films that are encoded again."""

    text: str  # text of the channel, given the constant rate factor and the preset
    coding: Coding  # the fastest coding that is promised; its constant rate factor is the default
    numbers: range | None = None  # promised constant rate factors; None: that of `coding`
    side: int | None = None
    rate: int | None = None
    edits: tuple[str, ...] = ("",)

    def channel(self, name: str, crf: int | None) -> FilmChannel:
        """Return the channel of a name, with its constant rate factor."""
        coding = replace(self.coding, crf=crf or self.coding.crf)
        text = self.text.format(f"{coding.crf} and better", coding.preset)
        return FilmChannel(name, text, self.side, coding, self.rate)


PICTURE_CHANNELS = {
    "jpeg": PictureEntry(range(30, 96)),
    MESSENGER: PictureEntry(
        saves=MESSENGER_QUALITIES,
        text="a messenger that keeps {side} pixels (JPEG {} and better, twice)",
        side=MESSENGER_SIDE,
    ),
}
FILM_CHANNELS = {
    "h264": FilmEntry(
        "H.264 at CRF {} (x264, {} to veryslow)",
        Coding(0, "fast"),
        range(18, 29),
    ),
    MESSENGER: FilmEntry(
        "a messenger that keeps 848 pixels (H.264 at CRF {}, x264's preset {} and slower)",
        Coding(28, "veryfast"),
        side=848,
        rate=30,
    ),
}
