"""Stage residual: container − cover, and the secret's traces in it.

Baluja 2017 shows amplified residuals in which the secret can be recognised. Here the similarity of residual and secret
is a number, beside the same number for an unrelated picture, which is what chance gives.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import ndimage

from pipeline.config import Config
from pipeline.detect.methods import Method, container_seed, four_bit_swap, network_by_key
from pipeline.stage import bar, run_stage, write_json, write_table
from stegnet.core.compute import make_deterministic
from stegnet.networks import Network
from study.keyless import base_of
from study.photograph_pairs import Pair, photograph_pairs
from study.stats import correlation, mean_interval

AWAY = 2  # pairs to the unrelated picture's: its secret is neither this secret nor this cover
EDGES = "edges"  # the headline measure
METHODS = {"stegnet": "leak", "stegnet unshuffled": "leak_unshuffled", "4-bit swap": "leak_4_bit_swap"}


def main(config: Config, shards: Path, weights: Path, out: Path) -> None:
    make_deterministic(config.seed, config.train.threads)
    network, pairs = Network.load(weights, backend="torch"), photograph_pairs(shards, config.evaluate.shift)
    methods = zip(METHODS, (network_by_key(network), unshuffled(network), four_bit_swap), strict=True)
    rows = [row for name, hide in methods for row in compare(name, hide, pairs, config.seed)]
    table = summarise(pd.DataFrame(rows))
    write_table(out / "leak.csv", table)
    figures = headline(table)
    write_json(out / "metrics.json", figures)
    print(f"correlation of residual and secret: {figures['leak']:.3f}, by chance {figures['leak_unrelated']:.3f}")


def unshuffled(network: Network) -> Method:
    """The network alone: its blocks in order, without mask and sealed bits."""

    def hide(cover: np.ndarray, secret: np.ndarray, seed: int) -> np.ndarray:
        return network.hide(cover, secret, None, base_of(network, secret)).container

    return hide


def compare(name: str, hide: Method, pairs: list[Pair], seed: int) -> Iterator[dict[str, Any]]:
    """A row for each pair and kind of likeness: of the residual to the secret, and to an unrelated one."""
    for number in bar(range(len(pairs)), name):
        cover, secret = pairs[number]
        difference = hide(cover, secret, container_seed(seed, number)).astype(np.float64) - cover
        own, other = similarity(difference, secret), similarity(difference, pairs[(number + AWAY) % len(pairs)][1])
        for likeness in own:
            yield {"method": name, "likeness": likeness, "secret": own[likeness], "unrelated": other[likeness]}


def similarity(difference: np.ndarray, picture: np.ndarray) -> dict[str, float]:
    """Similarity of a residual and a picture: magnitudes of correlation, 0 to 1, means over the channels.

    Args:
        difference: container − cover, (H, W, 3) float.
        picture: (H, W, 3) uint8.

    Returns:
        "signed": of the residual and the picture; "strength": of the residual's magnitude and the picture;
        "busy": of its magnitude and the picture's edges; "edges": of its edges and the picture's. 0 where either is
        constant, as a residual is where nothing changed.
    """
    contours = edges(picture)
    compared = {
        "signed": (difference, picture),
        "strength": (np.abs(difference), picture),
        "busy": (np.abs(difference), contours),
        EDGES: (edges(difference), contours),
    }
    return {name: _mean_correlation(*both) for name, both in compared.items()}


def edges(picture: np.ndarray) -> np.ndarray:
    """Gradient magnitude, per channel, by Sobel filters: (H, W, 3) to the same, float64."""
    channels = np.moveaxis(picture.astype(np.float64), -1, 0)  # scipy's filter would smooth across channels
    return np.stack([np.hypot(ndimage.sobel(channel, 0), ndimage.sobel(channel, 1)) for channel in channels], -1)


def summarise(table: pd.DataFrame) -> pd.DataFrame:
    """One row per method and likeness: means over the pictures, and their difference.

    Args:
        table: as `compare` gives it, of several methods.

    Returns:
        method, likeness, pictures, secret, unrelated, excess, low, high: `excess` is secret − unrelated, and low to
        high its 95 % interval (Student's, over the pictures). An interval above 0 is a leak in the mean, not
        one that a viewer would notice.
    """
    rows = []
    for (method, likeness), group in table.groupby(["method", "likeness"], sort=False):
        excess = (group["secret"] - group["unrelated"]).to_numpy()
        low, high = mean_interval(excess)
        means = {column: group[column].mean() for column in ("secret", "unrelated")}
        figures = {"pictures": len(group), **means, "excess": excess.mean(), "low": low, "high": high}
        rows.append({"method": method, "likeness": likeness} | figures)
    return pd.DataFrame(rows)


def headline(table: pd.DataFrame) -> dict[str, float]:
    """leak…: correlation of the edges, by method, with the secret and with an unrelated picture."""
    figures = {}
    for row in table[table["likeness"] == EDGES].itertuples():
        figures |= {METHODS[row.method]: row.secret, f"{METHODS[row.method]}_unrelated": row.unrelated}
    return {name: round(float(value), 4) for name, value in figures.items()}


def _mean_correlation(a: np.ndarray, b: np.ndarray) -> float:
    channels = zip(np.moveaxis(a, -1, 0), np.moveaxis(b, -1, 0), strict=True)
    return float(np.mean(np.abs([correlation(x, y) for x, y in channels])))


if __name__ == "__main__":
    run_stage(main, "shards", "weights", "out")
