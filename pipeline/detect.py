"""Stage detect: a detector is trained on covers and containers, and tried on pictures that it never saw.

Two attackers: one has the program and the weights in use, the other trained weights of his own in the same way. Neither
ever has a key. Without weights, which the sealed method and the 4-bit swap do not use, there is one. "Nothing hidden"
is the control: the detector is trained to tell pictures from other pictures, and must fail.
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
from stegnet.core.config import Config
from stegnet.core.reproducible import make_deterministic
from stegnet.evaluation.chart import chart
from study.steganalysis.containers import (
    Maker,
    Pictures,
    by_key,
    photograph_pairs,
    sealed,
    swapped,
    training_pairs,
    untouched,
)
from study.steganalysis.detection import Pairs, judge, summarise_detection, train_detector

LADDER = (30, 100, 300, 600)  # training pairs; the last is as many as there are, if fewer
STEPS = 400  # of training, whatever the number of pairs
DRAWS = {30: 3}  # detectors, each trained on other pairs; one where there is no entry
TEST_NUMBERS = 100_000  # of the first test container, so that no key is used in both training and test
OTHER = "other_seed"
PROGRAM, WEIGHTS, OWN = "has the program", "has the weights", "trained own weights"


@dataclass(frozen=True)
class Case:
    """What is detected, by whom.

    Attributes:
        name: in metrics.json.
        method, attacker: in the table.
        train, test: how the containers to train on and to test on are made.
        ladder: numbers of training pairs.
    """

    name: str
    method: str
    attacker: str
    train: Maker
    test: Maker
    ladder: tuple[int, ...]


def main(config: Config, shards: Path, weights: Path, rivals: Path, out: Path) -> None:
    make_deterministic(config.seed, config.train.threads)
    cases = _cases(config.seed, weights, rivals)
    known = training_pairs(shards, max(LADDER), config.seed)
    unseen = photograph_pairs(shards, config.evaluate.shift)
    rows = [row for case in cases for row in _rows(case, known, unseen, config.seed)]
    table = pd.DataFrame(rows)
    write_table(out / "detect.csv", table.drop(columns="name"))
    headline = {f"detect_{row.name}_{row.pairs}": round(row.accuracy, 4) for row in table.itertuples(index=False)}
    write_json(out / "metrics.json", headline)
    _draw(table, out / "detect.png")
    last = table[table["name"] == "network"].iloc[-1]
    print(f"a detector trained on {last['pairs']} pairs calls {last['accuracy']:.1%} of unseen pictures right")


def _cases(seed: int, weights: Path, rivals: Path) -> list[Case]:
    network = by_key(Network.load(weights, backend="torch"), seed)
    other = by_key(Network.load(rivals / f"{OTHER}.safetensors", backend="torch"), seed)
    full, tenth = sealed(1.0, seed), sealed(0.1, seed)
    return [
        Case("network", "network", WEIGHTS, network, network, LADDER),
        Case("network_own", "network", OWN, other, network, LADDER),
        Case("sealed_full", "sealed, full", PROGRAM, full, full, LADDER),
        Case("sealed_tenth", "sealed, a tenth", PROGRAM, tenth, tenth, LADDER),
        Case("swap", "4-bit swap", PROGRAM, swapped, swapped, LADDER[:2]),
        Case("nothing", "nothing hidden", PROGRAM, untouched, untouched, LADDER[2:3]),
    ]


def _rows(case: Case, known: list[Pictures], unseen: list[Pictures], seed: int) -> Iterator[dict[str, Any]]:
    """A row for each number of training pairs."""
    what = f"{case.method}, {case.attacker}"
    if case.test is untouched:  # the secret of one pair is the cover of another, which would be called both
        unseen = [(cover, other) for (cover, _), (other, _) in zip(unseen[::2], unseen[1::2], strict=False)]
    training = _made(case.train, known, 0, f"{what}: training")
    test = _made(case.test, unseen, TEST_NUMBERS, f"{what}: test")
    for count in sorted({min(wanted, len(training)) for wanted in case.ladder}):
        verdicts = []
        for draw in range(DRAWS.get(count, 1)):
            chosen = np.random.default_rng((seed, count, draw)).permutation(len(training))[:count]
            detector = train_detector(training[chosen], STEPS, seed + draw, partial(bar, desc=f"{what}: {count} pairs"))
            verdicts.append(judge(detector, test))
        labels = {"name": case.name, "method": case.method, "attacker": case.attacker}
        tried = {"pairs": count, "detectors": len(verdicts), "tested": len(test)}
        yield labels | tried | summarise_detection(verdicts, seed)


def _made(make: Maker, pictures: list[Pictures], first: int, doing: str) -> Pairs:
    """Every cover with its container."""
    containers = [make(*pictures[number], first + number) for number in bar(range(len(pictures)), doing)]
    return Pairs(np.stack([cover for cover, _ in pictures]), np.stack(containers))


def _draw(table: pd.DataFrame, path: Path) -> None:
    with chart(path, "training pairs", "share of unseen pictures called right") as axes:
        for _, rows in table.groupby("name", sort=False):
            spread = np.abs(rows[["low", "high"]].to_numpy().T - rows["accuracy"].to_numpy())
            label = f"{rows['method'].iloc[0]}; {rows['attacker'].iloc[0]}"
            axes.errorbar(rows["pairs"], rows["accuracy"], yerr=spread, capsize=3, label=label)
        axes.axhline(0.5, color="0.5", linestyle=":", marker="")
        axes.set_xscale("log")
        axes.set_xticks(ticks := sorted(set(table["pairs"])), [str(tick) for tick in ticks])
        axes.minorticks_off()


if __name__ == "__main__":
    run_stage(main, "shards", "weights", "rivals", "out")
