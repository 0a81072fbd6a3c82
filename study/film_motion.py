"""Frames by way of a film, and their motion."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import numpy as np

from stegnet.video.film_writer import Coding, write_h264
from stegnet.video.films import FilmInfo
from stegnet.video.motion import SEARCH, Motion, motion_of

_TICKS, _RATE = 90_000, Fraction(25)  # a second; frames a second

T = TypeVar("T")


def motion(frames: Sequence[np.ndarray]) -> list[Motion]:
    """That of each frame, (H, W, 3) uint8."""
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
