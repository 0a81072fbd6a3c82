"""What films are promised to survive, as users name it: H.264 of a constant rate factor, or a messenger."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from stegnet.core.errors import ConfigError
from stegnet.media import FilmInfo, FilmWriter, read_frames, resize
from stegnet.methods.film_loop import FilmCover
from stegnet.methods.robust import MESSENGER, Rung

LEAST_CRF, MOST_CRF = 18, 28
MESSENGER_SIDE, MESSENGER_RATE = 848, 30  # pixels, frames per second
_FINE = 25  # the constant rate factor up to which mean lumas hardly move
_MESSENGER_SHARE = 4  # a quarter: its rung changes much


@dataclass(frozen=True)
class FilmChannel:
    """A lossy channel that films are promised to survive.

    Attributes:
        name: as users write it.
        crf, preset: of x264, that a film is encoded again with.
        side: pixels of the longer side, at most, and
        rate: frames per second, at most, of the film that is sent; None: any.
        share: number of the largest share of blocks that is used.
    """

    name: str
    crf: int
    preset: str = "fast"
    side: int | None = None
    rate: int | None = None
    share: int = 0

    def __str__(self) -> str:
        if self.name == MESSENGER:
            return f"messengers (H.264 at CRF {self.crf} and better, x264's preset {self.preset} and slower)"
        return f"H.264 at CRF {self.crf} and better (x264, {self.preset} to veryslow)"

    @property
    def rise(self) -> float:
        """Levels by which frames get brighter, about: encoders that save much take 1.5 at most."""
        return 0.5 if self.crf > _FINE else 0

    def rung(self, rungs: Sequence[Rung], psnr: float) -> Rung:
        """The rung of this name, or the mildest that was trained for the CRF at a PSNR of the container in dB.

        Where none was trained for it at that PSNR, the most robust is taken.
        """
        own = [rung for rung in rungs if rung.name == self.name]
        others = [rung for rung in rungs if rung.name != MESSENGER]
        near = min(abs(rung.psnr - psnr) for rung in others)
        fitting = sorted((rung for rung in others if abs(rung.psnr - psnr) == near), key=lambda rung: rung.highest)
        return next(iter(own + [rung for rung in fitting if rung.highest >= self.crf]), fitting[-1])

    def reduces(self, info: FilmInfo) -> bool:
        """Whether a film is sent with fewer pixels or frames."""
        return self._every(info) > 1 or self.size(info.height, info.width) != (info.height, info.width)

    def sent(self, cover: FilmCover, folder: Path, step: Callable[[int, int], None]) -> FilmCover:
        """The cover as it is sent: in a file without loss, if it has too many pixels or frames.

        Args:
            step: called with the number of frames done, and of all.
        """
        info = cover.info
        if not self.reduces(info):
            return cover
        kept, (height, width) = range(0, len(info.pts), self._every(info)), self.size(info.height, info.width)
        path = folder / "sent.mp4"
        info = replace(info, height=height, width=width, pts=info.pts[:: kept.step], rate=info.rate / kept.step)
        with FilmWriter(path, width, height, info.rate, form="mp4", time_base=info.time_base) as film:
            for done, (frame, time) in enumerate(zip(read_frames(cover.path, kept), info.times, strict=True), 1):
                film.write(resize(frame, height, width), time)
                step(done, len(kept))
        return FilmCover(path, info)

    def notes(self, cover: FilmInfo, sent: FilmInfo) -> tuple[str, ...]:
        """A line on what was reduced."""
        if sent == cover:
            return ()
        frames = (
            f" and {float(cover.rate):g} to {float(sent.rate):g} frames a second" if sent.rate != cover.rate else ""
        )
        sizes = f"{cover.width}×{cover.height} to {sent.width}×{sent.height} pixels"
        return (f"the cover was reduced from {sizes}{frames}, as messengers do",)

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width as they are sent; where they are reduced, even."""
        longest = max(height, width)
        if self.side is None or longest <= self.side:
            return height, width
        height, width = (max(2, 2 * round(side * self.side / longest / 2)) for side in (height, width))
        return height, width

    def _every(self, info: FilmInfo) -> int:
        """One frame in so many is sent."""
        return max(1, math.ceil((info.rate - 1) / self.rate)) if self.rate else 1


def parse_film_channel(text: str) -> FilmChannel:
    """The channel as users name it: h264:CRF, or messenger.

    Raises:
        ConfigError: there is no such channel for films.
    """
    if text == MESSENGER:
        return FilmChannel(MESSENGER, MOST_CRF, "veryfast", MESSENGER_SIDE, MESSENGER_RATE, _MESSENGER_SHARE)
    found = re.fullmatch(r"h264:(\d{1,2})", text)
    crf = int(found[1]) if found else -1
    if not LEAST_CRF <= crf <= MOST_CRF:
        hint = f"films survive h264:{LEAST_CRF} to h264:{MOST_CRF}, the higher the more robust, or {MESSENGER}"
        raise ConfigError(f"survive: {text!r} is no channel for films", hint)
    return FilmChannel(text, crf)
