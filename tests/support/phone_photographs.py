"""Pictures as phones save them, made without any photograph: textures, smooth areas, edges, noise, and EXIF.

Textures have the 1/f spectrum of natural scenes (Field 1987, "Relations between the statistics of natural images and
the response properties of cortical cells", J. Opt. Soc. Am. A 4).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps
from scipy.fft import fftfreq, irfft2, rfft2, rfftfreq

from tests.support.apps import App

Floats = NDArray[np.float32]
APP_SIDE = 384  # pixels
through_app = App(side=APP_SIDE)  # what arrives of a picture


@dataclass(frozen=True)
class Shot:
    """One picture of a phone.

    Attributes:
        width: of the picture as it is stored, in pixels.
        height: as width.
        orientation: EXIF's, 1, 3, 6 or 8; at 6 and 8, the picture is shown with its sides exchanged.
        subsampling: of chroma, as Pillow names it.
        grey: the JPEG has luma alone.
        clipped: a part of the picture is overexposed.
        seed: of all that is random.
    """

    width: int
    height: int
    orientation: int = 1
    subsampling: str = "4:2:0"
    grey: bool = False
    clipped: bool = False
    seed: int = 0

    def pixels(self) -> NDArray[np.uint8]:
        """Return what the sensor saw, (height, width, 3) uint8."""
        random = np.random.default_rng(self.seed)
        height, width = self.height, self.width
        texture = _spectral_noise(random, height, width, 1)
        roughness = (_smooth_noise(random, height, width) + 0.7).clip(0.04, 1.5)  # smooth areas, such as sky
        light = 110 + 25 * _smooth_noise(random, height, width) + 28 * roughness * texture
        light += _objects(random, height, width)
        colours = [15 * _smooth_noise(random, height, width) for _ in range(2)]
        if self.clipped:
            light += 235 - np.quantile(light, 0.85)

        picture = np.stack([light + colours[0], light - 0.4 * colours[0] - 0.3 * colours[1], light + colours[1]], -1)
        noise = random.standard_normal(picture.shape, np.float32)
        picture += noise * np.sqrt(0.6 + 0.012 * picture.clip(0))  # of the sensor, and of light
        return picture.round().clip(0, 255).astype(np.uint8)

    def save(self, path: Path) -> Path:
        """Save the picture as a phone does; returns the path."""
        exif = Image.Exif()
        exif[ExifTags.Base.Make] = "Phone"
        exif[ExifTags.Base.Model] = "Phone 1"
        exif[ExifTags.Base.Orientation] = self.orientation
        exif[ExifTags.Base.DateTime] = "2024:05:01 12:00:00"
        picture = Image.fromarray(self.pixels())
        if self.grey:
            picture.convert("L").save(path, "JPEG", quality=95, exif=exif)
        else:
            picture.save(path, "JPEG", quality=95, subsampling=self.subsampling, exif=exif)
        return path


def shots(side: int = 4000) -> Iterator[Shot]:
    """Yield different shots, endlessly, their longer sides near a given one, in pixels."""
    shapes = (4000, 3000), (4000, 2250), (3024, 4032), (3001, 1777), (4032, 3024)
    orientations = 1, 6, 3, 8
    for index in count():
        width, height = shapes[index % len(shapes)]
        yield Shot(
            round(width * side / 4000),
            round(height * side / 4000),
            orientations[index % len(orientations)],
            "4:4:4" if index % 3 == 2 else "4:2:0",
            grey=index % 7 == 6,
            clipped=index % 3 == 1,
            seed=index,
        )


def covers(folder: Path, number: int, side: int = 4000) -> list[Path]:
    """Save the first shots into a folder; returns their paths."""
    return [shot.save(folder / f"cover{index}.jpg") for index, shot in zip(range(number), shots(side), strict=False)]


def upright(path: Path) -> Image.Image:
    """Return a picture in RGB as it is shown."""
    with Image.open(path) as opened:
        return ImageOps.exif_transpose(opened).convert("RGB")


def _spectral_noise(random: Generator, height: int, width: int, slope: float) -> Floats:
    """Return noise whose amplitude falls with the frequency by a power, (height, width), mean 0 and deviation 1."""
    spectrum = rfft2(random.standard_normal((height, width), np.float32))
    frequency = np.hypot(fftfreq(height)[:, None], rfftfreq(width)[None]).astype(np.float32)
    frequency[0, 0] = np.inf
    noise = irfft2(spectrum * frequency**-slope, (height, width))
    return noise / noise.std()


def _smooth_noise(random: Generator, height: int, width: int) -> Floats:
    """Return noise without fine detail, made at an eighth of the size."""
    coarse = _spectral_noise(random, -(-height // 8), -(-width // 8), 1.8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.float32)


def _objects(random: Generator, height: int, width: int) -> Floats:
    """Return how much lighter or darker opaque objects with sharp edges are than what is behind them."""
    shift = np.zeros((height, width), np.float32)
    edge = 1.2  # pixels over which a lens blurs an edge
    y, x = np.ogrid[:height, :width]
    for _ in range(14):
        centre = random.uniform(0, height), random.uniform(0, width)
        radius = min(height, width) * random.uniform(0.04, 0.25)
        rows = slice(max(0, int(centre[0] - 2 * radius)), int(centre[0] + 2 * radius))
        columns = slice(max(0, int(centre[1] - 2 * radius)), int(centre[1] + 2 * radius))
        angle = random.uniform(0, np.pi)
        down = y[rows] - centre[0]
        across = x[:, columns] - centre[1]
        along = down * np.sin(angle) + across * np.cos(angle)
        aside = down * np.cos(angle) - across * np.sin(angle)
        distance = radius - np.hypot(along / random.uniform(1, 2), aside)
        cover = (distance / edge + 0.5).clip(0, 1)
        place = shift[rows, columns]
        place += cover * (random.uniform(-45, 45) - place)
    return shift
