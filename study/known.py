"""Stage known: which of some known pictures is hidden in a container, as an observer without the key tells it.

Each test picture is hidden, under a key of its own; the known pictures are all the secrets. The observer has them as
they are, or as JPEG copies. He may also ask whether one known picture is hidden or another, which the area under the
ROC curve answers: 0.5 is chance.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import asdict
from itertools import chain, product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.stage import bar, run_stage, write_json, write_table
from stegnet.config.config import Config
from stegnet.core.compute import make_deterministic
from stegnet.core.samples import CODED, MEANS
from stegnet.core.shuffle import apply, grid
from stegnet.evaluation.quality import PicturePairs, map_in_threads
from stegnet.evaluation.statistics import headline_kind
from stegnet.methods.network import Network
from stegnet.models.tensors import seeded_shuffle
from stegnet.sealing import FILM_EFFORT
from study.distortions import jpeg
from study.keyless import base_of, hide_shuffled, read_blocks, to_hide, unmasked
from study.methods import container_seed, network_by_key
from study.pairs import Pair
from study.recognition import Recognition, busy_scores, matching_score, statistics, statistics_scores

MOST_PAIRS = 24  # of each kind
BUSY, STATISTICS, MATCHING = "how busy the blocks are", "all statistics", "block by block"
SAME, COPIED = "the same", "JPEG 90"
COPIES = {SAME: lambda picture: picture, COPIED: lambda picture: jpeg(picture, 90, "4:2:0")}
READ, UNMASKED, EXACT = "read", "read, without the mask", "exact"
_IMITATIONS = 500_000  # number of the first imitation, so that no container has its seed

Progress = Callable[[Iterable, str], Iterable]
Rows = Iterator[dict[str, Any]]


def main(config: Config, shards: Path, weights: Path, out: Path) -> None:
    make_deterministic(config.seed, config.train.threads)
    network, pairs = Network.load(weights, backend="torch"), PicturePairs(shards, config.evaluate.shift)
    first = headline_kind(pairs.kinds)
    rows = []
    for kind in sorted(pairs.kinds, key=lambda kind: kind != first):
        named = [pairs.pair(kind, index) for index in range(min(MOST_PAIRS, pairs.count(kind)))]
        own = [(cover, secret) for (_, cover), (_, secret) in named]
        labels = {"kind": kind, "pairs": len(own), "chance": 1 / len(own)}
        found = chain(without_errors([secret for _, secret in own], config), read(network, own, config.seed, bar))
        rows += [labels | row for row in found]
    table = pd.DataFrame(rows)
    write_table(out / "known.csv", table)
    figures = headline(table)
    write_json(out / "metrics.json", figures)
    print(", ".join(f"{name} {value:.3f}" for name, value in figures.items()))


def without_errors(secrets: list[np.ndarray], config: Config) -> Rows:
    """Leaks of a network without errors: by block means as base, and by coded bases.

    Args:
        secrets: (H, W, 3) uint8 of one size.
    """
    block = config.scramble.block
    for base in (MEANS, CODED):
        known = [to_hide(secret, base_of(secret, base, config.scramble.quality)) for secret in secrets]
        seen = [
            apply(hidden, seeded_shuffle(seed, *grid(*hidden.shape[:2], block))) for seed, hidden in enumerate(known)
        ]
        yield _row(base, EXACT, BUSY, SAME, busy_scores(seen, known, block))


def read(network: Network, pairs: list[Pair], seed: int, progress: Progress) -> Rows:
    """Leaks of containers, by each attack, on known pictures and on copies of them; also without a mask."""
    yield from _read(network, READ, pairs, seed, progress)
    if network.period:
        yield from _read(unmasked(network), UNMASKED, pairs, seed, progress)


def _read(network: Network, blocks: str, pairs: list[Pair], seed: int, progress: Progress) -> Rows:
    hide = network_by_key(network)

    def hidden(index: int) -> np.ndarray:
        return hide(*pairs[index], container_seed(seed, index)).container

    containers = _map(hidden, range(len(pairs)), "hidden", progress)
    seen = [read_blocks(network, container) for container in containers]
    for copies, copy in COPIES.items():
        pictures = [copy(secret) for _, secret in pairs]
        for attack, scores in _attacks(network, containers, seen, pictures, seed, progress):
            yield _row(network.base, blocks, attack, copies, scores)


def _attacks(
    network: Network,
    containers: list[np.ndarray],
    seen: list[np.ndarray],
    pictures: list[np.ndarray],
    seed: int,
    progress: Progress,
) -> Iterator[tuple[str, np.ndarray]]:
    """The name and the scores of each attack; `seen` is read from the containers."""
    known = [to_hide(picture, base_of(picture, network.base, network.quality)) for picture in pictures]
    combinations = list(product(range(len(seen)), range(len(known))))

    def imitated(numbers: tuple[int, int]) -> np.ndarray:
        container, picture = containers[numbers[0]], pictures[numbers[1]]
        own = container_seed(seed, _IMITATIONS + numbers[0] * len(known) + numbers[1])
        shuffle = seeded_shuffle(own, *grid(*picture.shape[:2], network.block))
        imitation = hide_shuffled(network, container, picture, shuffle, own, FILM_EFFORT)
        return statistics(read_blocks(network, imitation), network.block)

    def matched(numbers: tuple[int, int]) -> float:
        return matching_score(seen[numbers[0]], known[numbers[1]], network.block)

    yield BUSY, busy_scores(seen, known, network.block)
    imitations = np.reshape(_map(imitated, combinations, STATISTICS, progress), (len(seen), len(known), -1))
    shown = np.stack([statistics(picture, network.block) for picture in seen])
    yield STATISTICS, statistics_scores(shown, imitations)
    yield MATCHING, np.reshape(_map(matched, combinations, MATCHING, progress), (len(seen), len(known)))


def headline(table: pd.DataFrame) -> dict[str, float]:
    """told_…: share of the secrets told among the known pictures, of the first kind of pictures, and chance."""
    rows = table[(table["kind"] == table["kind"].iloc[0]) & (table["blocks"] == READ)]
    names = {BUSY: "busy", STATISTICS: "statistics", MATCHING: "matching"}
    ends = {SAME: "", COPIED: "_copies"}
    figures = {f"told_{names[row.attack]}{ends[row.copies]}": row.told for row in rows.itertuples()}
    return {name: round(float(value), 4) for name, value in (figures | {"chance": rows["chance"].iloc[0]}).items()}


def _row(base: str, blocks: str, attack: str, copies: str, scores: np.ndarray) -> dict[str, Any]:
    return {"base": base, "blocks": blocks, "attack": attack, "copies": copies} | asdict(Recognition.of(scores))


def _map(work: Callable, items: Iterable, label: str, progress: Progress) -> list:
    with closing(map_in_threads(work, progress(items, label))) as results:
        return list(results)


if __name__ == "__main__":
    run_stage(main, "shards", "weights", "out")
