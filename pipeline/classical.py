"""Stage classical: do the classical attacks on lowest bits tell containers from covers?"""

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
from study.steganalysis.classical import ATTACKS
from study.steganalysis.confidence import auc, auc_interval
from study.steganalysis.containers import Maker, by_key, photograph_pairs, replaced, sealed, swapped

HEADLINE = {"network": "network", "sealed, full": "sealed_full", "sealed, a tenth": "sealed_tenth"}


def main(config: Config, shards: Path, weights: Path, out: Path) -> None:
    make_deterministic(config.seed, config.train.threads)
    pairs = photograph_pairs(shards, config.evaluate.shift)
    before = _scores([cover for cover, _ in pairs])
    rows = []
    for method, make in _methods(config.seed, weights).items():
        after = _scores([make(*pairs[number], number) for number in bar(range(len(pairs)), method)])
        rows += list(_rows(method, before, after, config.seed))
    table = pd.DataFrame(rows)
    write_table(out / "classical.csv", table)
    headline = _headline(table)
    write_json(out / "metrics.json", headline)
    _draw(table, out / "classical.png")
    best = ", ".join(f"{method} {headline[f'classical_{name}']:.2f}" for method, name in HEADLINE.items())
    print(f"AUC of the best classical attack: {best}")


def _methods(seed: int, weights: Path) -> dict[str, Maker]:
    return {
        "network": by_key(Network.load(weights, backend="torch"), seed),
        "sealed, full": sealed(1.0, seed),
        "sealed, a tenth": sealed(0.1, seed),
        "4-bit swap": swapped,
        "replacement, all bits": replaced(1.0, seed),
        "replacement, a fifth": replaced(0.2, seed),
    }


def _scores(pictures: list[np.ndarray]) -> dict[str, np.ndarray]:
    return {name: np.array([attack(picture) for picture in pictures]) for name, attack in ATTACKS.items()}


def _rows(
    method: str, before: dict[str, np.ndarray], after: dict[str, np.ndarray], seed: int
) -> Iterator[dict[str, Any]]:
    """A row for each attack: AUC with its 95 % interval, and the mean scores."""
    for attack in ATTACKS:
        covers, containers = before[attack], after[attack]
        low, high = auc_interval(covers, containers, seed)
        means = {"cover_score": covers.mean(), "container_score": containers.mean()}
        figures = {"pictures": len(covers), "auc": auc(covers, containers), "low": low, "high": high}
        yield {"method": method, "attack": attack} | figures | means


def _headline(table: pd.DataFrame) -> dict[str, float]:
    """AUC of the attack that does best, by method; of the control, the one that does worst of those made for it."""
    best = table.groupby("method")["auc"].max()
    control = table[table["method"] == "replacement, all bits"]["auc"].min()
    figures = {f"classical_{name}": best[method] for method, name in HEADLINE.items()}
    return {name: round(float(value), 4) for name, value in (figures | {"classical_control": control}).items()}


def _draw(table: pd.DataFrame, path: Path) -> None:
    with chart(path, "area under the ROC curve", "") as axes:
        for attack, rows in table.groupby("attack", sort=False):
            spread = np.abs(rows[["low", "high"]].to_numpy().T - rows["auc"].to_numpy())
            axes.errorbar(rows["auc"], rows["method"], xerr=spread, linestyle="", capsize=3, label=attack)
        axes.axvline(0.5, color="0.5", linestyle=":", marker="")
        axes.invert_yaxis()


if __name__ == "__main__":
    run_stage(main, "shards", "weights", "out")
