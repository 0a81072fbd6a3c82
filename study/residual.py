"""Stage residual: container − cover, and the secret's traces in it.

Baluja 2017 shows amplified residuals in which the secret can be recognised. Here the similarity of residual and secret
is a number, beside the same number for an unrelated picture, which is what chance gives.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from scipy import ndimage

from pipeline.detect.methods import Method, container_seed, four_bit_swap, network_by_key
from pipeline.parameters.evaluate import EvaluateParameters
from pipeline.stage import bar, run_stage, write_json, write_table
from stegnet.core.compute import make_deterministic
from stegnet.networks import Network
from study.photograph_pairs import Pair, photograph_pairs
from study.stats import correlation, mean_interval

AWAY = 2  # pairs to the unrelated picture's: its secret is neither this secret nor this cover
METHODS = {"stegnet": "leak", "4-bit swap": "leak_4_bit_swap"}


def main(config: EvaluateParameters, shards: Path, weights: Path, out: Path) -> None:
    make_deterministic(config.seed, config.train.threads)
    pairs = photograph_pairs(shards, config.evaluate.shift)
    methods = zip(METHODS, (network_by_key(Network.load(weights, backend="torch")), four_bit_swap), strict=True)
    table = pd.DataFrame([compare(name, hide, pairs, config.seed) for name, hide in methods])
    write_table(out / "leak.csv", table)
    figures: dict[str, float] = {}
    for row in table.itertuples():
        figures |= {METHODS[row.method]: row.secret, f"{METHODS[row.method]}_unrelated": row.unrelated}
    write_json(out / "metrics.json", {name: round(float(value), 4) for name, value in figures.items()})
    print(f"correlation of residual and secret: {figures['leak']:.3f}, by chance {figures['leak_unrelated']:.3f}")


def compare(name: str, hide: Method, pairs: list[Pair], seed: int) -> dict[str, object]:
    """Mean likeness of a method's residuals to their secrets, and to unrelated pictures.

    Returns:
        method, pictures, secret, unrelated, excess, low, high: `excess` is secret − unrelated, and low to high its 95 %
        interval (Student's, over the pictures). An interval above 0 is a leak in the mean, not one that a viewer would
        notice.
    """
    found = []
    for number in bar(range(len(pairs)), name):
        cover, secret = pairs[number]
        difference = hide(cover, secret, container_seed(seed, number)).astype(np.float64) - cover
        unrelated = pairs[(number + AWAY) % len(pairs)][1]
        found.append((similarity(difference, secret), similarity(difference, unrelated)))
    own, other = np.array(found).T
    low, high = mean_interval(own - other)
    means = {"secret": own.mean(), "unrelated": other.mean(), "excess": (own - other).mean()}
    return {"method": name, "pictures": len(pairs)} | means | {"low": low, "high": high}


def similarity(difference: np.ndarray, picture: np.ndarray) -> float:
    """Correlation of a residual's edges and a picture's, both (H, W, 3): its magnitude, mean over the channels.

    0 where either is constant, as a residual is where nothing changed.
    """
    channels = zip(np.moveaxis(edges(difference), -1, 0), np.moveaxis(edges(picture), -1, 0), strict=True)
    return float(np.mean(np.abs([correlation(one, other) for one, other in channels])))


def edges(picture: np.ndarray) -> np.ndarray:
    """Gradient magnitude, per channel, by Sobel filters: (H, W, 3) to the same, float64."""
    channels = np.moveaxis(picture.astype(np.float64), -1, 0)  # scipy's filter would smooth across channels
    return np.stack([np.hypot(ndimage.sobel(channel, 0), ndimage.sobel(channel, 1)) for channel in channels], -1)


if __name__ == "__main__":
    run_stage(main, "shards", "weights", "out", reads=EvaluateParameters)
