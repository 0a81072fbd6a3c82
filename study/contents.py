"""Stage contents: quality on dark, flat, noisy, drawn and written pictures, as covers and as secrets.

Measured as with `--any-quality`: nothing is refused for what comes back.
"""

from collections.abc import Sequence
from contextlib import closing
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw, ImageFont
from skimage.color import hsv2rgb

from pipeline.evaluate.quality import HideRevealResult, PicturePairs, hide_and_reveal, map_in_threads, measure_quality
from pipeline.evaluate.statistics import headline_kind
from pipeline.parameters.evaluate import EvaluateParameters
from pipeline.stage import bar, run_stage, write_json, write_table
from stegnet.core.compute import make_deterministic
from stegnet.core.measures import CONTAINER_PSNR, PSNR, SECRET_PSNR, SIDES
from stegnet.networks import Network

PLAIN = "picture"  # unchanged
_TEXT = (
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness, "
    "it was the epoch of belief, it was the epoch of incredulity, it was the season of Light, it was the season of "
    "Darkness, it was the spring of hope, it was the winter of despair. "
)  # Dickens, A Tale of Two Cities, 1859
HARDEST = 3  # covers, and secrets, that are combined with each other

Names = tuple[str, str]  # of the contents of cover and secret
Pictures = dict[str, np.ndarray]  # by content


def main(config: EvaluateParameters, shards: Path, weights: Path, out: Path) -> None:
    make_deterministic(config.seed, config.train.threads)
    network, pairs = Network.load(weights, backend="torch"), PicturePairs(shards, config.evaluate.shift)
    (_, cover), (_, secret) = pairs.pair(headline_kind(pairs.kinds), 0)
    covers, secrets = contents(cover, 2 * config.seed), contents(secret, 2 * config.seed + 1)
    alone = [(name, PLAIN) for name in covers] + [(PLAIN, name) for name in secrets if name != PLAIN]
    table = measure(network, covers, secrets, alone, config.seed)
    both = [names for names in hardest(table) if names not in alone]
    table = pd.concat([table, measure(network, covers, secrets, both, config.seed)])
    write_table(out / "contents.csv", table)
    figures = summarise(table)
    write_json(out / "metrics.json", figures)
    print(", ".join(f"{name} {value:.2f}" for name, value in figures.items()))


def measure(network: Network, covers: Pictures, secrets: Pictures, names: Sequence[Names], seed: int) -> pd.DataFrame:
    """One row for each pair of contents: cover, secret, and the measures of both sides."""

    def measured(pair: Names) -> dict[str, str | float]:
        cover, secret = covers[pair[0]], secrets[pair[1]]
        container, revealed = hide_and_reveal(network, cover, secret, seed)
        result = HideRevealResult(pair, cover, container, secret, revealed)
        labels = dict(zip(("cover", "secret"), pair, strict=True))
        return labels | measure_quality(result)

    with closing(map_in_threads(measured, bar(names, "contents"))) as rows:
        return pd.DataFrame(list(rows))


def hardest(table: pd.DataFrame) -> list[Names]:
    """The covers in which a photograph is most visible, each with the secrets that are recovered worst from one."""
    covers = table[table["secret"] == PLAIN].nsmallest(HARDEST, CONTAINER_PSNR)["cover"]
    secrets = table[table["cover"] == PLAIN].nsmallest(HARDEST, SECRET_PSNR)["secret"]
    return list(product(covers, secrets))


def summarise(table: pd.DataFrame) -> dict[str, float]:
    """contents_…: the number of trials, and each side's worst and median PSNR in dB."""
    figures: dict[str, float] = {"contents_trials": len(table)}
    for side in SIDES:
        values = table[PSNR.of(side)]
        for name, value in (("worst", values.min()), ("median", values.median())):
            figures[f"contents_{PSNR.of(side, name)}"] = round(float(value), 4)
    return figures


def contents(photograph: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """A picture of each kind of content, (H, W, 3) uint8 as the photograph, by name; the photograph comes first."""
    height, width = photograph.shape[:2]
    flat = partial(np.full_like, photograph)
    random = partial(np.random.default_rng, seed)  # each draws for itself
    return {
        PLAIN: photograph,
        "dark": photograph // 10,
        "bright": 230 + photograph // 10,
        "overexposed": np.minimum(photograph * 2.8, 255).astype(np.uint8),  # by 1.5 stops
        "grey": flat(128),
        "black": flat(0),
        "white": flat(255),
        "gradient": _gradient(height, width),
        "text": _text(height, width),
        "line art": _line_art(height, width, random()),
        "noise": random().integers(0, 256, photograph.shape, np.uint8),
        "salt and pepper": _salt(photograph, random()),
        "fine checkerboard": _checkerboard(height, width, 1),
        "checkerboard": _checkerboard(height, width, 16),
        "saturated": _saturated(height, width, random()),
    }


def _gradient(height: int, width: int) -> np.ndarray:
    """Black to white from left to right, and a little colour from top to bottom."""
    across, down = np.linspace(0, 255, width), np.linspace(-20, 20, height)[:, None, None]
    return (across[None, :, None] + down * np.array([1, 0, -1])).round().clip(0, 255).astype(np.uint8)


def _text(height: int, width: int) -> np.ndarray:
    """A page of black text on white, in Pillow's own font."""
    page = Image.new("RGB", (width, height), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(12)
    for line, top in enumerate(range(6, height - 6, 15)):
        start = 29 * line % len(_TEXT)
        draw.text((6, top), (_TEXT[start:] + _TEXT * (1 + width // len(_TEXT)))[: width // 4], "black", font)
    return np.array(page)


def _line_art(height: int, width: int, random: np.random.Generator) -> np.ndarray:
    """Black outlines of circles and polygons on white."""
    page = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(page)
    for _ in range(24):
        x, y = (random.uniform(0, limit) for limit in (width, height))
        radius = random.uniform(0.04, 0.3) * min(height, width)
        wide = int(random.integers(1, 4))
        if random.random() < 0.5:
            draw.circle((x, y), radius, outline="black", width=wide)
        else:
            draw.regular_polygon((x, y, radius), int(random.integers(3, 8)), outline="black", width=wide)
    return np.array(page)


def _salt(photograph: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The photograph, with a tenth of its pixels white and a tenth black."""
    drawn = random.random((*photograph.shape[:2], 1))
    return np.where(drawn < 0.1, 255, np.where(drawn < 0.2, 0, photograph)).astype(np.uint8)


def _checkerboard(height: int, width: int, side: int) -> np.ndarray:
    """Black and white squares of `side` pixels."""
    y, x = np.indices((height, width)) // side
    return np.repeat(((y + x) % 2 * 255).astype(np.uint8)[..., None], 3, -1)


def _saturated(height: int, width: int, random: np.random.Generator) -> np.ndarray:
    """Patches of 32² of full saturation, with hues drawn at random."""
    hues = random.random((height // 32 + 1, width // 32 + 1)).repeat(32, 0).repeat(32, 1)[:height, :width]
    return (hsv2rgb(np.stack([hues, np.ones_like(hues), np.ones_like(hues)], -1)) * 255).round().astype(np.uint8)


if __name__ == "__main__":
    run_stage(main, "shards", "weights", "out", reads=EvaluateParameters)
