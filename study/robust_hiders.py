"""Robust containers as attacks see them, full of random bytes of a key: pictures saved as JPEG, films as H.264."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import numpy as np

from stegnet.core.pixels import BLOCK, through_jpeg
from stegnet.keys import KeySource, seeded
from stegnet.methods.robust import (
    GROUP,
    HEAD_BYTES,
    WRITTEN,
    WRITTEN_QUALITY,
    BlockPlacement,
    GroupContent,
    OperatingPoint,
    PictureModem,
    coded_bits,
    content_capacity,
    dither_of,
    hide_in_group,
    new_nonce,
    new_variant,
    own_grid,
    pieces_of,
    robust_key,
)
from stegnet.video.coding import Coding
from stegnet.video.film_writer import write_h264
from stegnet.video.films import FilmInfo, read_frames
from stegnet.video.motion import SEARCH, Motion, motion_of

_USED_RATE = 12  # of the error correction, in 64ths; attacks do not depend on it
_STEPS = 2, 1  # pixels down and across that a window moves from frame to frame
_NOISE = 1.5  # levels, of the sensor
_TICKS, _RATE = 90_000, Fraction(25)  # a second; frames a second

T = TypeVar("T")


@dataclass(frozen=True)
class RobustHider:
    """Pictures of a point, saved as JPEG of the quality that hiding writes."""

    modem: PictureModem
    point: OperatingPoint

    @property
    def name(self) -> str:
        return f"robust, {self.point.name}"

    def unhidden(self, cover: np.ndarray) -> np.ndarray:
        """The cover in the form of the containers."""
        return through_jpeg(cover, WRITTEN_QUALITY)

    def picture(self, cover: np.ndarray, key: KeySource, seed: int) -> np.ndarray:
        """The container of a picture."""
        shape, random = (cover.shape[0] // BLOCK, cover.shape[1] // BLOCK), seeded(seed)
        salt = next(own_grid(*cover.shape[:2]).salts(cover))
        derived = robust_key(key, salt)
        content = random(content_capacity(shape[0] * shape[1], self.point, _USED_RATE))
        placement = BlockPlacement(shape, self.point, derived, salt)
        bits = coded_bits(placement, _USED_RATE, content, new_nonce(random)) * np.float32(2) - 1
        dither = dither_of(shape, derived, salt)
        return through_jpeg(self.modem.hide(cover, bits, dither, places=self.point.places), WRITTEN_QUALITY)


@dataclass(frozen=True)
class RobustFilmHider:
    """Films of one group of a point, H.264 of the CRF that hiding writes."""

    point: OperatingPoint
    share: int = 0  # number of the share of blocks that are used

    @property
    def name(self) -> str:
        return f"robust, {self.point.name}"

    def group(self, frames: Sequence[np.ndarray], key: KeySource, seed: int) -> list[np.ndarray]:
        """A group of frames that hides random bytes, before it is encoded."""
        shape, random = (frames[0].shape[0] // BLOCK, frames[0].shape[1] // BLOCK), seeded(seed)
        capacity = content_capacity(shape[0] * shape[1], self.point, _USED_RATE, self.share) - HEAD_BYTES
        (piece,) = pieces_of(random(capacity), [capacity])
        content = GroupContent(piece, _USED_RATE, new_nonce(random), new_variant(random), self.share)
        return hide_in_group(frames, self.point, content, key, motion(frames))


def moving_window(picture: np.ndarray, side: int, seed: int) -> list[np.ndarray]:
    """A group of frames: a window of this side that moves over a photograph, with a sensor's noise."""
    draw, frames = np.random.default_rng(seed), []
    capacity = [length - side for length in picture.shape[:2]]
    for number in range(GROUP):
        top, left = (_reflected(number * step, most) for step, most in zip(_STEPS, capacity, strict=True))
        window = picture[top : top + side, left : left + side]
        frames.append((window + draw.normal(0, _NOISE, window.shape)).round().clip(0, 255).astype(np.uint8))
    return frames


def encoded(frames: Sequence[np.ndarray]) -> np.ndarray:
    """Frames after H.264 as hiding writes it, (T, H, W, 3) uint8."""
    return through_film(frames, WRITTEN, lambda path: np.stack(list(read_frames(path))))


def _reflected(place: int, most: int) -> int:
    """A place that turns back at both ends of 0 to `most`."""
    inside = place % max(2 * most, 1)
    return min(inside, 2 * most - inside) if most else 0


def motion(frames: Sequence[np.ndarray]) -> list[Motion]:
    """The motion of each frame, (H, W, 3) uint8."""
    return through_film(frames, SEARCH, lambda path: list(motion_of(path)))


def through_film(frames: Sequence[np.ndarray], coding: Coding, read: Callable[[Path], T]) -> T:
    """Writes frames, (H, W, 3) uint8, as a film, and returns the result of reading it."""
    height, width = frames[0].shape[:2]
    step = int(_TICKS / _RATE)
    stamps = tuple(range(0, len(frames) * step, step))
    info = FilmInfo(width, height, stamps, Fraction(1, _TICKS), _RATE, Fraction(1), ())
    with TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        write_h264(path, iter(frames), info, coding)
        return read(path)
