"""Stage survive: quality of the secret after its container was saved as JPEG or WebP in transit.

The reader is given the shuffle and the secret's base, which would be lost with the first changed sample: only what is
above the base alone came through the container.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.detect.methods import container_seed, evenly
from pipeline.evaluate.quality import PicturePairs, map_in_threads
from pipeline.parameters.evaluate import EvaluateParameters
from pipeline.stage import bar, run_stage, write_json, write_table
from pipeline.tensors import seeded_shuffle
from stegnet.core.compute import make_deterministic
from stegnet.core.keystream import grid
from stegnet.core.measures import CONTAINER_PSNR, SECRET_PSNR, psnr
from stegnet.core.pixels import through_jpeg, through_webp
from stegnet.networks import Network
from study.keyless import base_of
from study.photograph_pairs import Pair, pairs_of

PAIRS = 24  # of all kinds together, as many of each
DEFAULT, BASE = "default", "base alone"
NONE = "none"
# By name in metrics.json: codec and quality.
HEADLINE = {"none": (NONE, 0), "jpeg_95": ("jpeg", 95), "jpeg_90": ("jpeg", 90)}
_QUALITIES = (100, 95, 90, 80, 70, 60, 50)
CODECS: dict[str, tuple[tuple[int, ...], Callable[[np.ndarray, int], np.ndarray]]] = {  # qualities, and what they do
    NONE: ((0,), lambda picture, quality: picture),
    "jpeg": (_QUALITIES, through_jpeg),
    "jpeg_444": (_QUALITIES, partial(through_jpeg, full_chroma=True)),
    "webp": ((100, 90, 75, 50), through_webp),
}


def main(config: EvaluateParameters, shards: Path, weights: Path, out: Path) -> None:
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
    """Rows of one pair: a container after each codec against its cover, and the secret that is revealed from it.

    The container has no sealed bits. The base alone has a row where nothing is saved.
    """
    (cover, secret), own = pairs[number], container_seed(seed, number)
    shuffle, base = seeded_shuffle(own, *grid(*secret.shape[:2], network.block)), base_of(network, secret)
    container = network.hide(cover, secret, shuffle, base).container

    def row(codec: str, quality: int, method: str, received: np.ndarray, revealed: np.ndarray) -> dict[str, Any]:
        figures = {CONTAINER_PSNR: psnr(cover, received), SECRET_PSNR: psnr(secret, revealed)}
        return {"kind": codec, "strength": quality, "method": method} | figures

    for codec, (qualities, save) in CODECS.items():
        for quality in qualities:
            received = save(container, quality)
            yield row(codec, quality, DEFAULT, received, network.reveal(received, shuffle, base))
    yield row(NONE, 0, BASE, container, base.picture)


if __name__ == "__main__":
    run_stage(main, "shards", "weights", "out", reads=EvaluateParameters)
