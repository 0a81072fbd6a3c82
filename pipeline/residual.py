"""Stage residual: what hiding leaves in a picture, to look at, and how much of the secret shines through it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.stage import bar, run_stage, write_json, write_table
from stegnet.codec import Network
from stegnet.core.config import Config
from stegnet.core.reproducible import make_deterministic
from stegnet.evaluation.chart import chart
from stegnet.evaluation.contact_sheet import image_grid
from stegnet.evaluation.quality import PicturePairs
from stegnet.evaluation.statistics import publishable_kind
from stegnet.media import write_png
from study.steganalysis.containers import Maker, Pictures, by_key, photograph_pairs, swapped, unshuffled
from study.steganalysis.residual import (
    EDGES,
    amplified,
    likeness,
    power,
    residual,
    shown_spectrum,
    summarise_leaks,
)

SHOWN = 3
AWAY = 2  # how many pairs on the unrelated picture's pair is: its secret is neither this secret nor this cover
ANCESTORS = ("baluja", "unet")


def main(config: Config, shards: Path, weights: Path, rivals: Path, out: Path) -> None:
    make_deterministic(config.seed, config.train.threads)
    methods = _methods(config.seed, weights, rivals)
    pairs, powers, rows = photograph_pairs(shards, config.evaluate.shift), {name: [] for name in methods}, []
    for name, make in methods.items():
        for number in bar(range(len(pairs)), name):
            left = residual(pairs[number][0], make(*pairs[number], number))
            powers[name].append(power(left))
            rows += list(_rows(name, left, pairs, number))
    table = summarise_leaks(pd.DataFrame(rows))
    write_table(out / "leak.csv", table)
    headline = _headline(table)
    write_json(out / "metrics.json", headline)
    write_png(out / "residual.png", _page(config, shards, methods, powers))
    _draw(table[table["likeness"] == EDGES], out / "leak.png")
    print(f"likeness of residual and secret: {headline['leak']:.3f}, by chance {headline['leak_unrelated']:.3f}")


def _methods(seed: int, weights: Path, rivals: Path) -> dict[str, Maker]:
    network = Network.load(weights, backend="torch")
    ancestors = {name: unshuffled(Network.load(rivals / f"{name}.safetensors", backend="torch")) for name in ANCESTORS}
    own = {"stegnet": by_key(network, seed), "stegnet unshuffled": unshuffled(network)}
    return own | {"4-bit swap": swapped} | ancestors


def _rows(name: str, left: np.ndarray, pairs: list[Pictures], number: int) -> Iterator[dict[str, Any]]:
    """One row for each likeness of one residual."""
    secret, unrelated = pairs[number][1], pairs[(number + AWAY) % len(pairs)][1]
    own, other = likeness(left, secret), likeness(left, unrelated)
    for measure in own:
        yield {"method": name, "likeness": measure, "secret": own[measure], "unrelated": other[measure]}


def _headline(table: pd.DataFrame) -> dict[str, float]:
    """Likeness of the edges, by method; stegnet's own without a name."""
    figures = {}
    for row in table[table["likeness"] == EDGES].itertuples():
        name = row.method.replace("stegnet", "").strip().replace(" ", "_").replace("-", "_")
        suffix = f"_{name}" if name else ""
        figures |= {f"leak{suffix}": row.secret, f"leak{suffix}_unrelated": row.unrelated}
    return {name: round(float(value), 4) for name, value in figures.items()}


def _page(config: Config, shards: Path, methods: dict[str, Maker], powers: dict[str, list[np.ndarray]]) -> np.ndarray:
    """A row for each picture shown, and one for the spectra, which are of the photographs."""
    pairs = PicturePairs(shards, config.evaluate.shift)
    kind, rows = publishable_kind(pairs.kinds), []
    for number in range(min(SHOWN, pairs.count(kind))):
        (_, cover), (_, secret) = pairs.pair(kind, number)
        left = [amplified(residual(cover, make(cover, secret, number))) for make in methods.values()]
        rows.append([cover, secret, *left])
    rows.append([None, None, *(shown_spectrum(powers[name]) for name in methods)])
    titles = ["cover", "secret", *(f"{name}, x10" for name in methods)]
    return image_grid(titles, [[(picture, "") for picture in row] for row in rows])


def _draw(table: pd.DataFrame, path: Path) -> None:
    with chart(path, "correlation of the residual's edges with a picture's", "") as axes:
        for column, label in (("secret", "the secret"), ("unrelated", "an unrelated picture")):
            axes.plot(table[column], table["method"], linestyle="", markersize=9, label=label)
        axes.invert_yaxis()
        axes.set_xlim(left=0)


if __name__ == "__main__":
    run_stage(main, "shards", "weights", "rivals", "out")
