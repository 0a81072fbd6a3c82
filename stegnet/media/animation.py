"""Animations that FFmpeg can't read whole: WebP not at all, AVIF not its transparency."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from stegnet.core.errors import MediaError
from stegnet.media.pictures import UNREADABLE, open_picture, to_rgb


@dataclass(frozen=True)
class Animation:
    """An animation's size in pixels, and the time stamp of each frame in milliseconds; `end` is the last one's end."""

    width: int
    height: int
    stamps: tuple[int, ...]
    end: int
    transparent: bool


def scan_animation(path: Path) -> Animation:
    """Decodes the whole animation once.

    Raises:
        MediaError: not a picture, or damaged.
    """
    stamps, end = [], 0
    with open_picture(path) as image:
        width, height = image.size
        transparent = image.has_transparency_data
        for frame in _loaded(image, path):
            stamps.append(frame.info["timestamp"])
            end = stamps[-1] + frame.info["duration"]
    return Animation(width, height, tuple(stamps), end, transparent)


def animation_frames(path: Path) -> Iterator[np.ndarray]:
    """Every frame, (H, W, 3) uint8 sRGB, over white.

    Raises:
        MediaError: as `scan_animation`.
    """
    with open_picture(path) as image:
        for frame in _loaded(image, path):
            yield np.array(to_rgb(frame))


def _loaded(image: Image.Image, path: Path) -> Iterator[Image.Image]:
    for index in range(getattr(image, "n_frames", 1)):
        try:
            image.seek(index)
            image.load()
        except UNREADABLE as error:
            raise MediaError(f"{path}: the animation is damaged after {index} frames") from error
        yield image
