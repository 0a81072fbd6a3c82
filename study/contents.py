"""Stage contents: quality on dark, flat, noisy, drawn and written pictures, as covers and as secrets.

Measured as with `--any-quality`: nothing is refused for what comes back.
"""

from collections.abc import Sequence
from contextlib import closing
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.config import Config
from pipeline.evaluate.quality import (
    HideRevealResult,
    PicturePairs,
    hide_and_reveal,
    map_in_threads,
    measure_quality,
    perceptual_measures,
)
from pipeline.evaluate.statistics import headline_kind
from pipeline.stage import bar, run_stage, write_json, write_table
from stegnet.core.compute import make_deterministic
from stegnet.core.measures import CONTAINER_PSNR, PSNR, SECRET_PSNR, SIDES
from stegnet.networks import Network
from study.patterns import PLAIN, contents

HARDEST = 3  # covers, and secrets, that are combined with each other

Names = tuple[str, str]  # of the contents of cover and secret
Pictures = dict[str, np.ndarray]  # by content


def main(config: Config, shards: Path, weights: Path, out: Path) -> None:
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
    perceptual = perceptual_measures()

    def measured(pair: Names) -> dict[str, str | float]:
        cover, secret = covers[pair[0]], secrets[pair[1]]
        container, revealed = hide_and_reveal(network, cover, secret, seed)
        result = HideRevealResult(pair, cover, container, secret, revealed)
        labels = dict(zip(("cover", "secret"), pair, strict=True))
        return labels | measure_quality(result) | measure_quality(result, perceptual)

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


if __name__ == "__main__":
    run_stage(main, "shards", "weights", "out")
