"""Render the pictures that the browser demo offers to try it with, from fixed seeds and nothing else.

python -m tools.demo_pictures demo/public/examples
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from stegnet.data.scenes import render_scene
from tools import film_city, film_landscape

QUALITY = 86  # of WebP
SCENE = 640, 360  # cut out of a square one


def pictures() -> dict[str, np.ndarray]:
    """Each (360, 640, 3) uint8, by name."""
    return {
        "day": next(film_landscape.frames([84])),
        "night": next(film_city.frames([52])),
        "dawn": next(film_landscape.frames([4])),
        "shapes": scene([8, 6]),
    }


def scene(seed: list[int]) -> np.ndarray:
    """The middle of a rendered scene."""
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
