"""Stage detect: a detector is trained on covers and containers, and tested on unseen pictures, by training set size.

Two attackers: one has the program and the weights in use, the other trained weights of his own in the same way.
Neither has a key: each container, in training and test, has a key of its own. Without weights, which the sealed method
and the 4-bit swap do not use, there is one attacker. The sealed method's rates are in bits for each sample; at each but
the highest, training goes on from the detector of the rate above. "Nothing hidden" is the negative control: a detector
trained to distinguish pictures from other pictures must fail.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.stage import bar, run_stage, write_json, write_table
from stegnet.config.config import Config
from stegnet.core.compute import make_deterministic
from stegnet.evaluation.chart import chart
from stegnet.methods.network import Network
from study.detector import Detector, LabelledPairs, detect, train_detector
from study.methods import Method, container_seed, network_by_key, nothing_hidden, sealed_at, swap
from study.pairs import Pair, photograph_pairs, training_pairs
from study.scores import summarise

SEALED_RATES = (1.0, 0.4, 0.2, 0.1, 0.05)  # descending
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
        follows: name of the case whose last detector this one's start from; "" if they start from nothing.
    """

    name: str
    method: str
    attacker: str
    train: Method
    test: Method
    ladder: tuple[int, ...]
    follows: str = ""


def main(config: Config, shards: Path, weights: Path, rivals: Path, out: Path) -> None:
    make_deterministic(config.seed, config.train.threads)
    cases = _cases(weights, rivals)
    known = training_pairs(shards, max(LADDER), config.seed)
    unseen = photograph_pairs(shards, config.evaluate.shift)
    trained: dict[str, Detector] = {}
    rows = [row for case in cases for row in _rows(case, known, unseen, config.seed, trained)]
    table = pd.DataFrame(rows)
    write_table(out / "detect.csv", table.drop(columns="name"))
    headline = {f"detect_{row.name}_{row.pairs}": round(row.accuracy, 4) for row in table.itertuples(index=False)}
    write_json(out / "metrics.json", headline)
    _draw(table, out / "detect.png")
    last = table[table["name"] == "network"].iloc[-1]
    print(f"a detector trained on {last['pairs']} pairs classifies {last['accuracy']:.1%} of unseen pictures correctly")


def _cases(weights: Path, rivals: Path) -> list[Case]:
    network = network_by_key(Network.load(weights, backend="torch"))
    other = network_by_key(Network.load(rivals / f"{OTHER}.safetensors", backend="torch"))
    at_rates, above = [], ""
    for rate in SEALED_RATES:
        hide, name = sealed_at(rate), f"sealed_{rate:g}"
        at_rates.append(Case(name, f"sealed, {rate:g} bits", PROGRAM, hide, hide, LADDER[-1:], above))
        above = name
    return [
        Case("network", "network", WEIGHTS, network, network, LADDER),
        Case("network_own", "network", OWN, other, network, LADDER),
        *at_rates,
        Case("swap", "4-bit swap", PROGRAM, swap(), swap(), LADDER[:2]),
        Case("nothing", "nothing hidden", PROGRAM, nothing_hidden, nothing_hidden, LADDER[2:3]),
    ]


def _rows(
    case: Case, known: list[Pair], unseen: list[Pair], seed: int, trained: dict[str, Detector]
) -> Iterator[dict[str, Any]]:
    """A row for each number of training pairs.

    Args:
        trained: the last detector of each case so far; this one's is added.
    """
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
            detector = train_detector(training[chosen], STEPS, seed + draw, progress, trained.get(case.follows))
            scores.append(detect(detector, test))
            trained[case.name] = detector
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
