"""Pictures that were cropped, a little or to a part, resized, or both, then saved as JPEG: as promised, by chance.

python -m study.picture_promises OUT CHANNEL PICTURE...
"""

import argparse
import math
import time
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from pipeline.stage import bar
from stegnet.core.errors import CapacityError
from stegnet.core.jpeg import through_jpeg
from stegnet.core.measures import psnr
from stegnet.evaluation.demonstration import seeded
from stegnet.keys import KEY_BYTES, Key
from stegnet.media import read_picture
from stegnet.methods import Run
from stegnet.methods.robust import (
    CONTAINER_PSNR,
    SAVED,
    Channel,
    Modem,
    Promise,
    best_rung,
    hide_robust,
    hide_tiled,
    parse_channel,
    picture_reader,
)

TEXT = 43  # bytes
CROP = 8  # pixels at each edge, at most
_WAYS, _BEST_QUALITY = 4, 92
_FILTERS = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS, Image.Resampling.BOX)
Row = dict[str, object]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("channel", type=parse_channel)
    parser.add_argument("pictures", type=Path, nargs="+")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    modem, rows = Modem.load(), []
    for number, path in enumerate(bar(options.pictures, "pictures")):
        draw = np.random.default_rng(number)
        for size in (TEXT, None):
            rows += trial(modem, options.channel, path, size, draw)
            pd.DataFrame(rows).to_csv(options.out / "pictures.csv", index=False)
    found = pd.DataFrame(rows)
    whole = found[~found.refused]
    print(f"{found.refused.sum()} refused; {len(whole)} messages, {(~whole.found.astype(bool)).sum()} lost")
    print(whole.groupby("filled")[["bytes", "bits", "psnr", "hide_s", "reveal_s"]].median())


def trial(modem: Modem, channel: Channel, path: Path, size: int | None, draw: np.random.Generator) -> list[Row]:
    """Rows of results for a picture in which a text, or as much as there is room for, is hidden."""
    cover, row = read_picture(path), {"picture": path.name, "filled": size is None}
    key, rooms, start = Key(draw.bytes(KEY_BYTES)), [], time.perf_counter()

    def fit(room: int) -> bytes:
        if size is not None and room < size:
            raise CapacityError("too little room")
        rooms.append(room)
        return draw.bytes(room if size is None else size)

    try:
        rung = best_rung(modem, cover, channel, CONTAINER_PSNR, SAVED)
        run = Run(randomness=seeded(int(draw.integers(1 << 32))))
        hide = hide_tiled if channel.part else hide_robust
        container = hide(modem, cover, fit, key, Promise(channel, rung), run).picture
        grid, read = channel.grid(*cover.shape[:2]), picture_reader(modem, key)
    except CapacityError:
        return [row | {"refused": True}]
    row |= {"refused": False, "width": cover.shape[1], "height": cover.shape[0], "rung": rung.name}
    row |= {"bytes": rooms[-1] if size is None else size, "bits": 8 * rooms[-1] / (grid.height * grid.width / 64)}
    row |= {"psnr": psnr(cover, container), "hide_s": time.perf_counter() - start}
    rows, sent = [], SAVED(container)
    for _ in range(_WAYS):
        picture, how = received(channel, sent, draw)
        start = time.perf_counter()
        found = read(picture) is not None
        rows.append(row | how | {"found": found, "reveal_s": time.perf_counter() - start})
    return rows


def received(channel: Channel, sent: np.ndarray, draw: np.random.Generator) -> tuple[np.ndarray, Row]:
    """A picture that may arrive, drawn at random, and what happened to it."""
    height, width = sent.shape[:2]
    top, left, bottom, right = draw.integers(0, CROP + 1, 4) if channel.cropped else (0, 0, 0, 0)
    if channel.part:
        (top, bottom), (left, right) = (_around(side, channel.part, draw) for side in (height, width))
    image = Image.fromarray(sent[top : height - bottom, left : width - right])
    factor = 1.0 if channel.factor is None else draw.uniform(channel.factor, 1)
    how = {"crop": f"{top} {left} {bottom} {right}", "factor": factor}
    if channel.factor is not None:
        image = image.resize(
            (round(image.width * factor), round(image.height * factor)), _FILTERS[draw.integers(len(_FILTERS))]
        )
    quality = int(draw.integers(channel.quality, _BEST_QUALITY))
    return through_jpeg(np.array(image), quality), how | {"quality": quality}


def _around(side: int, least: float, draw: np.random.Generator) -> tuple[int, int]:
    """Pixels of a side before and behind a part of any length, at least this share of it, that lies anywhere."""
    cut = side - math.ceil(side * draw.uniform(least, 1))
    before = int(draw.integers(cut + 1))
    return before, cut - before


if __name__ == "__main__":
    main()
