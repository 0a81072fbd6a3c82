"""Stage residual: container − cover, and the secret's traces in it.

Baluja 2017 shows amplified residuals in which the secret can be recognised. Here the similarity of residual and secret
is a number, beside the same number for an unrelated picture, which is what chance gives.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import ndimage

from pipeline.stage import bar, run_stage, write_json, write_table
from stegnet.config.config import Config
from stegnet.core.compute import make_deterministic
from stegnet.evaluation.chart import chart
from stegnet.evaluation.contact_sheet import GAIN, image_grid
from stegnet.evaluation.quality import PicturePairs
from stegnet.evaluation.statistics import publishable_kind
from stegnet.media import write_png
from stegnet.methods.network import Network
from study.methods import Method, bare_network, container_seed, network_by_key, swap
from study.pairs import Pair, photograph_pairs
from study.stats import correlation, mean_interval

SHOWN = 3
AWAY = 2  # pairs to the unrelated picture's: its secret is neither this secret nor this cover
ANCESTORS = ("baluja", "unet")
GREY = 128
EDGES = "edges"  # the headline measure


def main(config: Config, shards: Path, weights: Path, rivals: Path, out: Path) -> None:
    make_deterministic(config.seed, config.train.threads)
    methods = _methods(weights, rivals)
    pairs, powers, rows = photograph_pairs(shards, config.evaluate.shift), {name: [] for name in methods}, []
    for name, hide in methods.items():
        for number in bar(range(len(pairs)), name):
            container = hide(*pairs[number], container_seed(config.seed, number)).container
            difference = residual(pairs[number][0], container)
            powers[name].append(power(difference))
            rows += list(_rows(name, difference, pairs, number))
    table = summarise_leaks(pd.DataFrame(rows))
    write_table(out / "leak.csv", table)
    headline = _headline(table)
    write_json(out / "metrics.json", headline)
    write_png(out / "residual.png", _page(config, shards, methods, powers))
    _draw(table[table["likeness"] == EDGES], out / "leak.png")
    print(f"correlation of residual and secret: {headline['leak']:.3f}, by chance {headline['leak_unrelated']:.3f}")


def residual(cover: np.ndarray, container: np.ndarray) -> np.ndarray:
    """container − cover in grey levels: two (H, W, 3) uint8 give (H, W, 3) float64."""
    return container.astype(np.float64) - cover


def amplified(difference: np.ndarray) -> np.ndarray:
    """The residual GAIN times on mid-grey, for display, (H, W, 3) uint8."""
    return np.clip(np.rint(GREY + GAIN * difference), 0, 255).astype(np.uint8)


def edges(picture: np.ndarray) -> np.ndarray:
    """Gradient magnitude, per channel, by Sobel filters: (H, W, 3) to the same, float64."""
    channels = np.moveaxis(picture.astype(np.float64), -1, 0)  # scipy's filter would smooth across channels
    return np.stack([np.hypot(ndimage.sobel(channel, 0), ndimage.sobel(channel, 1)) for channel in channels], -1)


def similarity(difference: np.ndarray, picture: np.ndarray) -> dict[str, float]:
    """Similarity of a residual and a picture: magnitudes of correlation, 0 to 1, means over the channels.

    Args:
        difference: (H, W, 3) float, as `residual` gives it.
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


def power(difference: np.ndarray) -> np.ndarray:
    """Power spectrum of a residual, mean over the channels: (H, W, 3) to (H, W) float64, frequency 0 at the centre."""
    spectrum = np.abs(np.fft.fft2(difference, axes=(0, 1), norm="ortho")) ** 2
    return np.fft.fftshift(spectrum.mean(-1))


def shown_spectrum(powers: Iterable[np.ndarray]) -> np.ndarray:
    """Mean of `power`s on a logarithmic scale: (H, W, 3) uint8, black at 0.1 and white at 1000 squared grey levels.

    White noise with a standard deviation of one grey level is uniformly grey, a quarter of the way to white.
    """
    decibels = np.log10(np.maximum(np.mean(list(powers), axis=0), 0.1))
    grey = np.clip(np.rint((decibels + 1) / 4 * 255), 0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, -1)


def summarise_leaks(table: pd.DataFrame) -> pd.DataFrame:
    """One row per method and measure: mean over the pictures, the same for an unrelated picture, and the difference.

    Args:
        table: one row per method, pair and likeness: method, likeness, secret, unrelated.
    Returns:
        method, likeness, pictures, secret, unrelated, excess, low, high: `excess` is secret − unrelated, and low to
        high its 95 % interval (Student's, over the pictures). An interval above 0 is a leak in the mean, not
        one that a viewer would notice.
    """
    rows = []
    for (method, measure), group in table.groupby(["method", "likeness"], sort=False):
        excess = (group["secret"] - group["unrelated"]).to_numpy()
        low, high = mean_interval(excess)
        means = {column: group[column].mean() for column in ("secret", "unrelated")}
        figures = {"pictures": len(group), **means, "excess": excess.mean(), "low": low, "high": high}
        rows.append({"method": method, "likeness": measure} | figures)
    return pd.DataFrame(rows)


def _methods(weights: Path, rivals: Path) -> dict[str, Method]:
    network = Network.load(weights, backend="torch")
    ancestors = {name: Network.load(rivals / f"{name}.safetensors", backend="torch") for name in ANCESTORS}
    own = {"stegnet": network_by_key(network), "stegnet unshuffled": bare_network(network, shuffled=False)}
    bare = {name: bare_network(ancestor, shuffled=False) for name, ancestor in ancestors.items()}
    return own | {"4-bit swap": swap()} | bare


def _rows(name: str, difference: np.ndarray, pairs: list[Pair], number: int) -> Iterator[dict[str, Any]]:
    """One row for each measure of similarity of one residual."""
    secret, unrelated = pairs[number][1], pairs[(number + AWAY) % len(pairs)][1]
    own, other = similarity(difference, secret), similarity(difference, unrelated)
    for measure in own:
        yield {"method": name, "likeness": measure, "secret": own[measure], "unrelated": other[measure]}


def _headline(table: pd.DataFrame) -> dict[str, float]:
    """Correlation of the edges, by method; stegnet's own without a name."""
    figures = {}
    for row in table[table["likeness"] == EDGES].itertuples():
        name = row.method.replace("stegnet", "").strip().replace(" ", "_").replace("-", "_")
        suffix = f"_{name}" if name else ""
        figures |= {f"leak{suffix}": row.secret, f"leak{suffix}_unrelated": row.unrelated}
    return {name: round(float(value), 4) for name, value in figures.items()}


def _page(config: Config, shards: Path, methods: dict[str, Method], powers: dict[str, list[np.ndarray]]) -> np.ndarray:
    """A row for each picture shown, and one for the spectra, which are of the photographs."""
    pairs = PicturePairs(shards, config.evaluate.shift)
    kind, rows = publishable_kind(pairs.kinds), []
    for number in range(min(SHOWN, pairs.count(kind))):
        (_, cover), (_, secret) = pairs.pair(kind, number)
        seed = container_seed(config.seed, number)
        containers = [hide(cover, secret, seed).container for hide in methods.values()]
        rows.append([cover, secret, *(amplified(residual(cover, container)) for container in containers)])
    rows.append([None, None, *(shown_spectrum(powers[name]) for name in methods)])
    titles = ["cover", "secret", *(f"{name}, x10" for name in methods)]
    return image_grid(titles, [[(picture, "") for picture in row] for row in rows])


def _draw(table: pd.DataFrame, path: Path) -> None:
    with chart(path, "correlation of the residual's edges with a picture's", "") as axes:
        for column, label in (("secret", "the secret"), ("unrelated", "an unrelated picture")):
            axes.plot(table[column], table["method"], linestyle="", markersize=9, label=label)
        axes.invert_yaxis()
        axes.set_xlim(left=0)


def _mean_correlation(a: np.ndarray, b: np.ndarray) -> float:
    channels = zip(np.moveaxis(a, -1, 0), np.moveaxis(b, -1, 0), strict=True)
    return float(np.mean(np.abs([correlation(x, y) for x, y in channels])))


if __name__ == "__main__":
    run_stage(main, "shards", "weights", "rivals", "out")
