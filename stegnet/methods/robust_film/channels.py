"""Channels that films are promised to survive, as users name them: a codec at a constant rate factor, a messenger."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from stegnet.core.errors import ConfigError
from stegnet.media import FilmInfo, FilmWriter, read_frames, resize
from stegnet.media.films.encoders import Coding
from stegnet.media.opened_file import Source
from stegnet.methods.robust import CONTAINER_PSNR, MESSENGER, SHARES, Rung, share_of
from stegnet.methods.robust_film.phases import DENSE, RUNGS

MESSENGER_SIDE, MESSENGER_RATE = 848, 30  # pixels, frames per second
_MESSENGER_CRF = 28
_FINE = 25  # the constant rate factor up to which mean lumas hardly move
_NEARLY = 1.05  # times a share: a fifth of a decibel
_LAST_PSNR = 33.0  # dB, of films that hold nothing at CONTAINER_PSNR
_WORSE = 1  # by how much higher a CRF is tried where a film is encoded twice: other presets add up, too
_HARDER = {"+veryfast": 2, "+twice": 3}  # by how much higher a CRF is about as hard to survive
_JOINED = re.compile(r"(h264|hevc|vp9|av1):(\d{1,2})(\+veryfast)?(\+twice)?")


@dataclass(frozen=True)
class _Codec:
    """A codec that films may be encoded with again.

    Attributes:
        name: as people write it.
        program: the encoder.
        coding: its fastest way that is promised, without the constant rate factor.
        slower: the others.
        least, most: constant rate factors that are promised.
        above: by how much lower x264's constant rate factor is that is about as hard to survive.
        preset: what it calls its speed, if that is a number.
        margin: by how much higher a CRF is tried, since slower presets may keep less.
    """

    name: str
    program: str
    coding: Coding
    slower: str
    least: int
    most: int
    above: int
    preset: str = ""
    margin: int = 0


_CODECS = {
    "h264": _Codec("H.264", "x264", Coding(0, "fast"), "to veryslow", 18, 28, 0),
    "hevc": _Codec("HEVC", "x265", Coding(0, "medium", "libx265"), "to veryslow", 18, 30, -2),
    "vp9": _Codec("VP9", "libvpx", Coding(0, "5", "libvpx-vp9"), "and less", 27, 41, 9, "speed "),
    "av1": _Codec("AV1", "SVT-AV1", Coding(0, "6", "libsvtav1"), "and less", 25, 39, 7, "preset ", margin=3),
}


@dataclass(frozen=True)
class FilmCarrier:
    """A rung that carries the bits, and the number of the largest share of the blocks in which it may."""

    rung: Rung
    most: int

    @classmethod
    def at(cls, rung: Rung, psnr: float) -> "FilmCarrier":
        """That of films of this PSNR in dB, about."""
        limit = 10 ** ((rung.psnr - psnr) / 10) * _NEARLY
        return cls(rung, next(most for most in range(SHARES) if share_of(most) <= max(limit, share_of(SHARES - 1))))


@dataclass(frozen=True)
class SentFilm:
    """A film that is hidden in."""

    file: Source
    info: FilmInfo


@dataclass(frozen=True)
class FilmChannel:
    """A lossy channel that films are promised to survive.

    Attributes:
        name: as users write it.
        text: the same in words.
        coding: that a film is encoded again with,
        generations: so many times.
        hard: the constant rate factor at which x264, at its preset fast, is about as hard to survive.
        side: pixels of the longer side, at most, and
        rate: frames per second, at most, of the film that is sent; None: any.
    """

    name: str
    text: str
    coding: Coding
    generations: int = 1
    hard: int = 0
    side: int | None = None
    rate: int | None = None

    def __str__(self) -> str:
        return self.text

    @property
    def rise(self) -> float:
        """Levels by which frames get brighter, about: encoders that save much take 1.5 at most."""
        return 0.5 if self.hard > _FINE else 0

    def carriers(self, psnr: float | None, *, exact: bool) -> list[list[FilmCarrier]]:
        """Carriers of films of this PSNR in dB, in the order in which they are tried; then those of a lower one.

        The most robust costs least for each bit, and has least room. Of a picture or film, which is made to fit, more
        room is a better copy.

        Args:
            psnr: None: CONTAINER_PSNR, and less where films of that hold nothing.
            exact: a file is hidden as it is.
        """
        able = [rung for rung in RUNGS if rung.highest >= self.hard] or [RUNGS[0]]
        more = [DENSE] if DENSE.highest >= self.hard else []
        made = [FilmCarrier.at(rung, psnr or CONTAINER_PSNR) for rung in (able + more if exact else able[::-1])]
        return [made] if psnr else [made, [FilmCarrier.at(RUNGS[0], _LAST_PSNR)]]

    def reduces(self, info: FilmInfo) -> bool:
        """True if a film is sent with fewer pixels or frames."""
        return self._every(info) > 1 or self.size(info.height, info.width) != (info.height, info.width)

    def sent(self, cover: SentFilm, folder: Path, step: Callable[[int, int], None]) -> SentFilm:
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
            for done, (frame, time) in enumerate(zip(read_frames(cover.file, kept), info.times, strict=True), 1):
                film.write(resize(frame, height, width), time)
                step(done, len(kept))
        return SentFilm(path, info)

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
    """The channel as users name it: CODEC:CRF, for H.264 with +veryfast, for all with +twice; or messenger.

    Raises:
        ConfigError: there is no such channel for films.
    """
    if text == MESSENGER:
        coding = Coding(_MESSENGER_CRF, "veryfast")
        words = f"messengers (H.264 at CRF {coding.crf} and better, x264's preset {coding.preset} and slower)"
        return FilmChannel(text, words, coding, 1, _MESSENGER_CRF, MESSENGER_SIDE, MESSENGER_RATE)
    found = _JOINED.fullmatch(text)
    codec, crf = (_CODECS[found[1]], int(found[2])) if found else (None, 0)
    if codec is None or not codec.least <= crf <= codec.most or (found[3] and found[1] != "h264"):
        known = ", ".join(f"{name}:{codec.least} to {codec.most}" for name, codec in _CODECS.items())
        hint = f"films survive {known}, h264 also with +veryfast, all with +twice; or {MESSENGER}"
        raise ConfigError(f"survive: {text!r} is no channel for films", hint)
    tried = crf + codec.margin + _WORSE * bool(found[4])
    coding = replace(codec.coding, crf=tried, **({"preset": "veryfast"} if found[3] else {}))
    twice = ", twice" * bool(found[4])
    words = (
        f"{codec.name} at CRF {crf} and better{twice} ({codec.program}, {codec.preset}{coding.preset} {codec.slower})"
    )
    hard = crf - codec.above + sum(_HARDER[more] for more in found.groups()[2:] if more)
    return FilmChannel(text, words, coding, 1 + bool(found[4]), hard)
