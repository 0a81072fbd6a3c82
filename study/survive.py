"""Stage survive: quality of the secret after its container was compressed, resized, blurred and more in transit.

The reader is given the shuffle and the secret's base, which would be lost with the first changed sample: only what is
above the base alone came through the container.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from PIL import Image
from scipy.ndimage import gaussian_filter

from pipeline.config import Config
from pipeline.detect.methods import container_seed, evenly
from pipeline.evaluate.quality import PicturePairs, map_in_threads
from pipeline.stage import bar, run_stage, write_json, write_table
from pipeline.tensors import seeded_shuffle
from stegnet.core.compute import make_deterministic
from stegnet.core.keystream import grid
from stegnet.core.measures import CONTAINER_PSNR, SECRET, SECRET_PSNR, SSIM, psnr, ssim
from stegnet.core.pixels import GREY, through_jpeg, through_webp, to_8_bits
from stegnet.networks import Network
from study.keyless import base_of
from study.photograph_pairs import Pair, pairs_of

PAIRS = 24  # of all kinds together, as many of each
DEFAULT, BASE, ENHANCED = "default", "base alone", "base alone, enhanced"
NONE = "none"
# By name in metrics.json: kind and strength of the distortion.
HEADLINE = {"none": (NONE, 0), "jpeg_95": ("jpeg", 95), "jpeg_90": ("jpeg", 90), "noise_2": ("noise", 2)}
_QUALITIES = (100, 95, 90, 80, 70, 60, 50)
_FILTER = Image.Resampling


class Distortion(NamedTuple):
    """A kind of distortion, its strengths, and what it does to (H, W, 3) uint8, a strength and a seed."""

    kind: str
    strengths: tuple[float, ...]
    apply: Callable[[np.ndarray, Any, int], np.ndarray]


def main(config: Config, shards: Path, weights: Path, out: Path) -> None:
    make_deterministic(config.seed, config.train.threads)
    network, pairs = Network.load(weights, backend="torch"), mixed_pairs(PicturePairs(shards, config.evaluate.shift))
    measured = partial(measure, network, pairs, config.seed)
    with closing(map_in_threads(lambda number: list(measured(number)), bar(range(len(pairs)), "survive"))) as rows:
        table = pd.DataFrame([row for each in rows for row in each])
    means = table.groupby(["kind", "strength", "method"], sort=False).mean().assign(pairs=len(pairs))
    write_table(out / "survive.csv", means.reset_index())
    secrets = means[SECRET_PSNR]
    figures = {f"survive_{name}_{SECRET_PSNR}": secrets[(*case, DEFAULT)] for name, case in HEADLINE.items()}
    figures |= {f"survive_base_alone_{SECRET_PSNR}": secrets[NONE, 0, BASE]}
    write_json(out / "metrics.json", {name: round(float(value), 4) for name, value in figures.items()})
    print(", ".join(f"{name} {value:.1f} dB" for name, value in figures.items()))


def mixed_pairs(pairs: PicturePairs) -> list[Pair]:
    """At most PAIRS test pairs, as many of each kind, evenly spaced."""
    share = PAIRS // len(pairs.kinds)
    return [pair for kind in pairs.kinds for pair in evenly(pairs_of(pairs, kind), share)]


def measure(network: Network, pairs: list[Pair], seed: int, number: int) -> Iterator[dict[str, Any]]:
    """Rows of one pair: a distorted container against its cover, and the secret that is revealed from it.

    The container has no sealed bits. The base alone has a row where nothing is distorted, and so has what the pair's
    network makes of it.
    """
    (cover, secret), own = pairs[number], container_seed(seed, number)
    shuffle, base = seeded_shuffle(own, *grid(*secret.shape[:2], network.block)), base_of(network, secret)
    container = network.hide(cover, secret, shuffle, base).container

    def row(kind: str, strength: float, method: str, received: np.ndarray, revealed: np.ndarray) -> dict[str, Any]:
        figures = {CONTAINER_PSNR: psnr(cover, received), SECRET_PSNR: psnr(secret, revealed)}
        return (
            {"kind": kind, "strength": strength, "method": method} | figures | {SSIM.of(SECRET): ssim(secret, revealed)}
        )

    for distortion in DISTORTIONS:
        for strength in distortion.strengths:
            received = distortion.apply(container, strength, own)
            yield row(distortion.kind, strength, DEFAULT, received, network.reveal(received, shuffle, base))
    for method, revealed in ((BASE, base.picture), (ENHANCED, to_8_bits(network.enhance(base.picture)))):
        yield row(NONE, 0, method, container, revealed)


def noise(picture: np.ndarray, sigma: float, seed: int) -> np.ndarray:
    """Gaussian noise, standard deviation `sigma` in levels, independent for each sample."""
    return _rounded(picture + np.random.default_rng(seed).normal(0, sigma, picture.shape))


def blur(picture: np.ndarray, sigma: float, seed: int) -> np.ndarray:
    """Gaussian blur, `sigma` in pixels; border samples are repeated."""
    return _rounded(gaussian_filter(picture.astype(np.float64), (sigma, sigma, 0), mode="nearest"))


def resize(picture: np.ndarray, scale: float, seed: int) -> np.ndarray:
    """To another size and back: downscaled by area, upscaled by bicubic interpolation, 8 bits in between."""
    there, back = (_FILTER.BOX, _FILTER.BICUBIC) if scale < 1 else (_FILTER.BICUBIC, _FILTER.BOX)
    return _resize_and_back(picture, scale, there, back)


def screenshot(picture: np.ndarray, scale: float, seed: int) -> np.ndarray:
    """Displayed at another scale by bilinear interpolation, captured, and resized back by Lanczos interpolation."""
    return _resize_and_back(picture, scale, _FILTER.BILINEAR, _FILTER.LANCZOS)


def crop(picture: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Cropped on all four sides by `share` of the height and of the width, padded with grey."""
    rows, cols = (round(share * side) for side in picture.shape[:2])
    inside = slice(rows, picture.shape[0] - rows), slice(cols, picture.shape[1] - cols)
    left = np.full_like(picture, GREY)
    left[inside] = picture[inside]
    return left


def brightness(picture: np.ndarray, levels: float, seed: int) -> np.ndarray:
    """Adds `levels` to every sample, clipped to 0 and 255."""
    return _rounded(picture.astype(np.float64) + levels)


def gamma(picture: np.ndarray, exponent: float, seed: int) -> np.ndarray:
    """Every sample v, of 255, becomes 255 · (v / 255) ^ exponent."""
    return _rounded(255 * (np.arange(256) / 255) ** exponent)[picture]


def _rounded(values: np.ndarray) -> np.ndarray:
    return values.round().clip(0, 255).astype(np.uint8)


def _resize_and_back(picture: np.ndarray, scale: float, there: Image.Resampling, back: Image.Resampling) -> np.ndarray:
    height, width = picture.shape[:2]
    shown = Image.fromarray(picture).resize((round(width * scale), round(height * scale)), there)
    return np.array(shown.resize((width, height), back))


DISTORTIONS = (
    Distortion(NONE, (0,), lambda picture, strength, seed: picture),
    Distortion("jpeg", _QUALITIES, lambda picture, quality, seed: through_jpeg(picture, quality)),
    Distortion("jpeg_444", _QUALITIES, lambda picture, quality, seed: through_jpeg(picture, quality, full_chroma=True)),
    Distortion("webp", (100, 90, 75, 50), lambda picture, quality, seed: through_webp(picture, quality)),
    Distortion("noise", (0.5, 1, 2, 4, 8), noise),
    Distortion("blur", (0.3, 0.4, 0.5, 0.7, 1, 2), blur),
    Distortion("resize", (0.5, 0.75, 0.9, 1.25, 1.5, 2), resize),
    Distortion("screenshot", (1.1, 1.25, 1.5, 2), screenshot),
    Distortion("crop", (0.05, 0.1, 0.25), crop),
    Distortion("brightness", (-16, -8, -2, -1, 1, 2, 5, 8, 16), brightness),
    Distortion("gamma", (0.9, 1.1), gamma),
)


if __name__ == "__main__":
    run_stage(main, "shards", "weights", "out")
