"""Stage known: which of some known pictures is hidden in a container, as an observer without the key tells it.

Each test picture is hidden, under a key of its own; the known pictures are all the secrets. The shuffle turns and
negates blocks and puts them elsewhere, so the observer compares what that leaves as it is: all statistics of the
blocks, or the blocks themselves, each with the one that fits best. He may also ask whether one known picture is hidden
or another, which the area under the ROC curve answers: 0.5 is chance. The same attacks on containers without a mask
show what the shuffle alone would protect.
"""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.fft import dctn
from scipy.optimize import linear_sum_assignment
from sklearn.covariance import LedoitWolf

from pipeline.detect.methods import container_seed, network_by_key
from pipeline.evaluate.quality import PicturePairs, map_in_threads
from pipeline.evaluate.statistics import headline_kind
from pipeline.parameters.evaluate import EvaluateParameters
from pipeline.stage import bar, run_stage, write_json, write_table
from stegnet.core.compute import make_deterministic
from stegnet.core.keystream import ORIENTATIONS
from stegnet.networks import Network
from study.keyless import base_of, read_blocks, to_hide
from study.photograph_pairs import Pair, pairs_of
from study.stats import auc

MOST_PAIRS = 24
READ, UNMASKED = "read", "read, without the mask"
STATISTICS, MATCHING = "all statistics", "block by block"
HEADLINE = {STATISTICS: "told_statistics", MATCHING: "told_matching"}
_IMITATIONS = 500_000  # number of the first imitation, so that no container has its seed
_BANDS = (1, 2, 3, 5, 7, 10)  # first diagonal of each band of a block's DCT, then the end
_MATCHED = 256  # blocks of a container that are matched
_QUANTILES = np.linspace(0.02, 0.98, 17)
_LEAST = 1e-4  # of a band's energy, where logarithms are taken
# Luma and two colour differences.
_OPPONENT = np.array([[1, 1, 1], [1, -1, 0], [0.5, 0.5, -1]]).T / np.sqrt([3, 2, 1.5])


def main(config: EvaluateParameters, shards: Path, weights: Path, out: Path) -> None:
    make_deterministic(config.seed, config.train.threads)
    network, pairs = Network.load(weights, backend="torch"), PicturePairs(shards, config.evaluate.shift)
    own, rows = pairs_of(pairs, headline_kind(pairs.kinds))[:MOST_PAIRS], []
    for blocks, each in ((READ, network), (UNMASKED, replace(network, period=0.0))):
        for attack, scores in attacks(each, own, config.seed, blocks):
            labels = {"pairs": len(own), "chance": 1 / len(own), "blocks": blocks, "attack": attack}
            rows.append(labels | success(scores))
    table = pd.DataFrame(rows)
    write_table(out / "known.csv", table)
    figures = headline(table)
    write_json(out / "metrics.json", figures)
    print(", ".join(f"{name} {value:.3f}" for name, value in figures.items()))


def attacks(network: Network, pairs: list[Pair], seed: int, label: str) -> Iterator[tuple[str, np.ndarray]]:
    """Each attack's name and scores, (N, N): higher if secret j is likelier in container i, which hides secret i."""
    hide, block = network_by_key(network), network.block
    containers = [hide(*pair, container_seed(seed, number)) for number, pair in enumerate(pairs)]
    seen = [read_blocks(network, container) for container in containers]
    known = [to_hide(secret, base_of(network, secret)) for _, secret in pairs]
    combinations = list(product(range(len(pairs)), repeat=2))

    def compared(numbers: tuple[int, int]) -> tuple[float, np.ndarray]:
        container, secret = numbers
        own_seed = container_seed(seed, _IMITATIONS + container * len(pairs) + secret)
        imitation = hide(containers[container], pairs[secret][1], own_seed)
        matched = matching_score(seen[container], known[secret], block)
        return matched, statistics(read_blocks(network, imitation), block)

    with closing(map_in_threads(compared, bar(combinations, label))) as results:
        matched, imitations = (np.reshape(side, (len(pairs), len(pairs), -1)) for side in zip(*results, strict=True))
    yield STATISTICS, statistics_scores(np.stack([statistics(picture, block) for picture in seen]), imitations)
    yield MATCHING, matched[..., 0]


def success(scores: np.ndarray) -> dict[str, float]:
    """Success of an attack by its scores, (N, N).

    Returns:
        told: share of the containers whose own secret is the likeliest of the known pictures.
        auc: probability that a container's own secret is likelier than another picture.
    """
    own = np.eye(len(scores), dtype=bool)
    told = np.mean(scores.argmax(1) == np.arange(len(scores)))
    return {"told": float(told), "auc": auc(scores[~own], scores[own])}


def headline(table: pd.DataFrame) -> dict[str, float]:
    """told_…: share of the secrets told among the known pictures; and chance."""
    rows = table[table["blocks"] == READ]
    figures = {HEADLINE[row.attack]: row.told for row in rows.itertuples()} | {"chance": rows["chance"].iloc[0]}
    return {name: round(float(value), 4) for name, value in figures.items()}


def statistics(picture: np.ndarray, block: int) -> np.ndarray:
    """(F,) float: statistics of a residual that no shuffle changes.

    The energies of bands of each block's DCT, in luma and colour differences, and their ratios to the largest sample;
    of these, quantiles over the blocks, and covariances.

    Args:
        picture: (H, W, 3) float, signed.
        block: side of the blocks, at least 8.
    """
    blocks = _cut(picture, block) @ _OPPONENT
    energy = dctn(blocks, axes=(1, 2), norm="ortho") ** 2
    diagonal = np.add.outer(np.arange(block), np.arange(block))
    bands = [(low <= diagonal) & (diagonal < high) for low, high in zip(_BANDS, (*_BANDS[1:], 2 * block), strict=True)]
    energies = np.stack([energy[:, band].mean(1) for band in (diagonal == 0, *bands)], 1)  # (N, bands, 3)
    peaks = np.abs(blocks).max((1, 2))[:, None]
    features = np.log(_LEAST + np.concatenate([energies, peaks**2], 1)).reshape(len(blocks), -1)
    spread = np.cov(features, rowvar=False)[np.triu_indices(features.shape[1])]
    return np.concatenate([np.quantile(features, _QUANTILES, axis=0).ravel(), spread])


def statistics_scores(seen: np.ndarray, imitations: np.ndarray) -> np.ndarray:
    """(N, K): likeness of statistics, as the linear discriminant weighs them (Fisher 1936).

    Args:
        seen: (N, F), `statistics` of the containers.
        imitations: (N, K, F), of known picture k, hidden by the observer in container n as if that were a cover.
            So both have the errors of the same networks on the same cover. How far containers differ in this is taken
            for the noise.
    """
    count, candidates, features = imitations.shape
    means = imitations.mean(1, keepdims=True), imitations.mean(0, keepdims=True)
    noise = (imitations - means[0] - means[1] + imitations.mean((0, 1))).reshape(-1, features)
    scale = noise.std(0) + 1e-9
    precision = LedoitWolf(assume_centered=True).fit(noise / scale).precision_
    # Hiding twice adds the same to all imitations in a container.
    offsets = ((seen[:, None] - imitations) / scale).reshape(-1, features)
    distances = np.einsum("nf,fg,ng->n", offsets, precision, offsets)
    return -distances.reshape(count, candidates)


def matching_score(seen: np.ndarray, known: np.ndarray, block: int) -> float:
    """Mean correlation of a shuffled residual's strongest blocks with those of a known picture that fit best.

    Blocks are assigned one to one, over all orientations and signs.
    """
    pieces, places = _cut(seen, block), _cut(known, block)
    strongest = np.argsort(-np.sum(pieces.astype(np.float64) ** 2, (1, 2, 3)), kind="stable")[:_MATCHED]
    pieces, places = _unit(pieces[strongest]), _unit(places)
    best = np.zeros((len(pieces), len(places)), np.float32)
    for orientation in range(ORIENTATIONS):
        products = pieces @ _turned(places, block, orientation).T
        np.maximum(best, np.abs(products, out=products), out=best)
    return float(best[linear_sum_assignment(best, maximize=True)].mean())


def _cut(picture: np.ndarray, block: int) -> np.ndarray:
    """The blocks of (H, W, C), (N, block, block, C) in raster order."""
    height, width, channels = picture.shape
    rows, cols = height // block, width // block
    return picture.reshape(rows, block, cols, block, channels).swapaxes(1, 2).reshape(-1, block, block, channels)


def _unit(blocks: np.ndarray) -> np.ndarray:
    """(N, b·b·3) float32: blocks of length 1; one of zeros stays."""
    flat = blocks.reshape(len(blocks), -1).astype(np.float32)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)


def _turned(flat: np.ndarray, block: int, orientation: int) -> np.ndarray:
    blocks = flat.reshape(len(flat), block, block, -1)
    upright = blocks.swapaxes(1, 2) if orientation & 4 else blocks
    return np.rot90(upright, orientation & 3, (1, 2)).reshape(len(flat), -1)


if __name__ == "__main__":
    run_stage(main, "shards", "weights", "out", reads=EvaluateParameters)
