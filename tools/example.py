"""Draws README's picture, docs/example.png: a cover, a container, and what differs: python -m tools.example.

The cover is a frame of the film in assets/, saved as a JPEG; the container hides `SECRET` random bytes in it.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

import stegnet
from pipeline.evaluate.quality import image_grid
from stegnet.core.measures import DIFFERENCE_GAIN, difference
from stegnet.image.pictures import write_png
from stegnet.video.films import read_frames

FILM, PICTURE = Path("assets/cover.mp4"), Path("docs/example.png")
SECRET, QUALITY = 5_000, 92  # bytes; of the JPEG
WIDTH = 400  # pixels of a panel: the left part of the frame, pixel by pixel


def main() -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        cover, container = folder / "cover.jpg", folder / "sent.jpg"
        Image.fromarray(next(iter(read_frames(FILM)))).save(cover, quality=QUALITY)
        secret = np.random.default_rng(0).bytes(SECRET)
        stegnet.hide(cover, secret, container, key=stegnet.Key(bytes(32)), overwrite=True)
        pictures = []
        for path in (cover, container):
            with Image.open(path) as opened:
                pictures.append(np.array(opened.convert("RGB"))[:, :WIDTH])
    before, after = pictures
    pictures.append(difference(before, after))
    titles = ("cover", f"container: hides {SECRET // 1000} kB", f"difference x{DIFFERENCE_GAIN}")
    write_png(PICTURE, image_grid(titles, [[(each, "") for each in pictures]]))


if __name__ == "__main__":
    main()
