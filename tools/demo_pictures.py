"""Renders the browser demo's example pictures from fixed seeds.

python -m tools.demo_pictures stegnet/gui/page/examples
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from stegnet.data.scenes import render_scene
from tools.films import city, landscape

QUALITY = 86  # of WebP
SCENE = 640, 360  # cropped from a square


def pictures() -> dict[str, np.ndarray]:
    """The pictures by name, (360, 640, 3) uint8 each."""
    return {
        "day": next(landscape.frames([84])),
        "night": next(city.frames([52])),
        "dawn": next(landscape.frames([4])),
        "shapes": scene([8, 6]),
    }


def scene(seed: list[int]) -> np.ndarray:
    """The centre crop of a rendered scene."""
    width, height = SCENE
    top = (width - height) // 2
    return render_scene(width, seed)[top : top + height]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in pictures().items():
        Image.fromarray(np.ascontiguousarray(picture)).save(folder / f"{name}.webp", quality=QUALITY, method=6)


if __name__ == "__main__":
    main()
