"""Stage detect: a detector is trained on covers and containers, and tested on unseen pictures, by training set size.

Two attackers: one has the program and the weights in use, the other trained weights of his own in the same way.
Neither has a key: each container, in training and test, has a key of its own. Without weights, which the sealed method
and the 4-bit swap do not use, there is one attacker. "Nothing hidden" is the negative control: a detector trained to
distinguish pictures from other pictures must fail.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.stage import bar, run_stage, write_json, write_table
from stegnet.codec import Network
from stegnet.core.compute import make_deterministic
from stegnet.core.config import Config
from stegnet.evaluation.chart import chart
from study.detector import LabelledPairs, Scores, detect, train_detector
from study.methods import Method, container_seed, network_by_key, nothing_hidden, sealed, swap
from study.pairs import Pair, photograph_pairs, training_pairs
from study.stats import auc, auc_interval, share_interval

LADDER = (30, 100, 300, 600)  # training pairs; the last is as many as there are, if fewer
STEPS = 400  # of training, whatever the number of pairs
DRAWS = {30: 3}  # detectors, each trained on other pairs; one if there is no entry
TEST_NUMBERS = 100_000  # of the first test container, so that no key is used in both training and test
OTHER = "other_seed"
PROGRAM, WEIGHTS, OWN = "has the program", "has the weights", "trained own weights"


@dataclass(frozen=True)
class Case:
    """A method and an attacker.

    Attributes:
        name: in metrics.json.
        method, attacker: in the table.
        train, test: the methods that make the containers to train on and to test on.
        ladder: numbers of training pairs.
    """

    name: str
    method: str
    attacker: str
    train: Method
    test: Method
    ladder: tuple[int, ...]


def main(config: Config, shards: Path, weights: Path, rivals: Path, out: Path) -> None:
    make_deterministic(config.seed, config.train.threads)
    cases = _cases(weights, rivals)
    known = training_pairs(shards, max(LADDER), config.seed)
    unseen = photograph_pairs(shards, config.evaluate.shift)
    rows = [row for case in cases for row in _rows(case, known, unseen, config.seed)]
    table = pd.DataFrame(rows)
    write_table(out / "detect.csv", table.drop(columns="name"))
    headline = {f"detect_{row.name}_{row.pairs}": round(row.accuracy, 4) for row in table.itertuples(index=False)}
    write_json(out / "metrics.json", headline)
    _draw(table, out / "detect.png")
    last = table[table["name"] == "network"].iloc[-1]
    print(f"a detector trained on {last['pairs']} pairs classifies {last['accuracy']:.1%} of unseen pictures correctly")


def summarise(scores: list[Scores], seed: int) -> dict[str, float]:
    """accuracy, low, high, auc, auc_low, auc_high: means over detectors that scored the same test pairs.

    The interval of the accuracy is Wilson's for as many trials as there are pairs, since the two decisions on a pair
    are correlated: rather too wide than too narrow. Neither interval includes the variation between detectors.
    """
    accuracy = float(np.mean([each.accuracy for each in scores]))
    low, high = share_interval(accuracy, len(scores[0].covers))
    areas = [auc(each.covers, each.containers) for each in scores]
    bounds = [auc_interval(each.covers, each.containers, seed) for each in scores]
    auc_low, auc_high = np.mean(bounds, axis=0)
    figures = {"accuracy": accuracy, "low": low, "high": high, "auc": float(np.mean(areas))}
    return figures | {"auc_low": float(auc_low), "auc_high": float(auc_high)}


def _cases(weights: Path, rivals: Path) -> list[Case]:
    network = network_by_key(Network.load(weights, backend="torch"))
    other = network_by_key(Network.load(rivals / f"{OTHER}.safetensors", backend="torch"))
    full, tenth = sealed(1.0), sealed(0.1)
    return [
        Case("network", "network", WEIGHTS, network, network, LADDER),
        Case("network_own", "network", OWN, other, network, LADDER),
        Case("sealed_full", "sealed, full", PROGRAM, full, full, LADDER),
        Case("sealed_tenth", "sealed, a tenth", PROGRAM, tenth, tenth, LADDER),
        Case("swap", "4-bit swap", PROGRAM, swap(), swap(), LADDER[:2]),
        Case("nothing", "nothing hidden", PROGRAM, nothing_hidden, nothing_hidden, LADDER[2:3]),
    ]


def _rows(case: Case, known: list[Pair], unseen: list[Pair], seed: int) -> Iterator[dict[str, Any]]:
    """A row for each number of training pairs."""
    label = f"{case.method}, {case.attacker}"
    if case.test is nothing_hidden:  # the secret of one pair is the cover of another, which would have both labels
        unseen = [(cover, other) for (cover, _), (other, _) in zip(unseen[::2], unseen[1::2], strict=False)]
    training = _embedded(case.train, known, container_seed(seed, 0), f"{label}: training")
    test = _embedded(case.test, unseen, container_seed(seed, TEST_NUMBERS), f"{label}: test")
    for count in sorted({min(wanted, len(training)) for wanted in case.ladder}):
        scores = []
        for draw in range(DRAWS.get(count, 1)):
            chosen = np.random.default_rng((seed, count, draw)).permutation(len(training))[:count]
            progress = partial(bar, desc=f"{label}: {count} pairs")
            detector = train_detector(training[chosen], STEPS, seed + draw, progress)
            scores.append(detect(detector, test))
        labels = {"name": case.name, "method": case.method, "attacker": case.attacker}
        counts = {"pairs": count, "detectors": len(scores), "tested": len(test)}
        yield labels | counts | summarise(scores, seed)


def _embedded(method: Method, pairs: list[Pair], first_seed: int, label: str) -> LabelledPairs:
    """Covers and their containers."""
    containers = [method(*pairs[number], first_seed + number).container for number in bar(range(len(pairs)), label)]
    return LabelledPairs(np.stack([cover for cover, _ in pairs]), np.stack(containers))


def _draw(table: pd.DataFrame, path: Path) -> None:
    with chart(path, "training pairs", "accuracy on unseen pictures") as axes:
        for _, rows in table.groupby("name", sort=False):
            error = np.abs(rows[["low", "high"]].to_numpy().T - rows["accuracy"].to_numpy())
            label = f"{rows['method'].iloc[0]}; {rows['attacker'].iloc[0]}"
            axes.errorbar(rows["pairs"], rows["accuracy"], yerr=error, capsize=3, label=label)
        axes.axhline(0.5, color="0.5", linestyle=":", marker="")
        axes.set_xscale("log")
        axes.set_xticks(ticks := sorted(set(table["pairs"])), [str(tick) for tick in ticks])
        axes.minorticks_off()


if __name__ == "__main__":
    run_stage(main, "shards", "weights", "rivals", "out")
