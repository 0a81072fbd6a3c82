"""Stage steganalysis: classifiers on rich features, as the field tests hiding, against stegnet and published methods.

Each classifier is trained on covers and their containers, and tested on other pictures; each container has a key of its
own. Rates are in bits for each sample, three for each pixel. Features are kept in the cache folder, since they take
nearly all of the time.
"""

import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from operator import call
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from conseal.hill._costmap import compute_cost_adjusted as hill_costs
from conseal.simulate._ternary import ternary
from conseal.suniward._costmap import compute_cost_adjusted as suniward_costs
from joblib import Memory, Parallel, delayed

from pipeline.chart import chart
from pipeline.config import Config
from pipeline.detect.methods import Method, container_seed, evenly, network_by_key, sealed_at
from pipeline.shards import cache_folder, file_hash
from pipeline.stage import bar, run_stage, write_json, write_table
from stegnet.core.compute import make_deterministic
from stegnet.core.processes import Work, on_cluster, over_processes
from stegnet.networks import Network
from study import features
from study.ensemble import Features, cross_validated, summarise, votes
from study.features import colour_rich_model, spam, spatial_rich_models
from study.photograph_pairs import Pair, photograph_pairs, training_photographs

RATES = (0.0125, 0.02, 0.05, 0.1, 0.2, 0.4, 1.0)
REFERENCE_RATES = (0.1, 0.4)
FULL_RATE = 0.1  # at which all training photographs are used
MOST_SLOW = 0.2  # up to which the slow features are used, too
MOST = 500  # training pairs at the other rates
LADDER = (150, 500)  # fewer training pairs, besides those
SEALED, NETWORK = "sealed", "network"
HILL, SUNIWARD, MATCHING = "HILL, simulated", "S-UNIWARD, simulated", "±1 anywhere"
FAST = {"CRMQ1": colour_rich_model, "SPAM": spam}
SLOW = {"SRMQ1": spatial_rich_models}
PROCESSES = 2
CHUNK = 50  # pictures that a process takes at a time
_CODE = file_hash(Path(features.__file__))  # other code, other features

# Of an (H, W) uint8 channel: the costs of +1 and −1, (H, W) float each.
CostsOf = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
T = TypeVar("T")


@dataclass(frozen=True)
class Case:
    """A method at a rate in bits for each sample; nan if it has none."""

    method: str
    rate: float
    hide: Method

    @property
    def name(self) -> str:
        return self.method if math.isnan(self.rate) else f"{self.method}_{self.rate:g}"

    @property
    def features(self) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
        return FAST | (SLOW if self.rate <= MOST_SLOW else {})


def main(config: Config, shards: Path, weights: Path, out: Path) -> None:
    make_deterministic(config.seed, config.train.threads)
    known, unseen = training_photographs(shards), photograph_pairs(shards, config.evaluate.shift)
    rows = [row for case in cases(weights) for row in measure(case, known, unseen, config.seed)]
    table = pd.DataFrame(rows)
    write_table(out / "steganalysis.csv", table.drop(columns="name"))
    headline = best_detectors(table)
    write_json(out / "metrics.json", headline)
    _draw(table, out / "steganalysis.png")
    shares = ", ".join(f"{name.removeprefix('steganalysis_')} {share:.1%}" for name, share in headline.items())
    print(f"the best classifier is right about: {shares}")


def cases(weights: Path) -> Iterator[Case]:
    for rate in RATES:
        yield Case(SEALED, rate, sealed_at(rate))
    yield Case(NETWORK, math.nan, network_by_key(Network.load(weights, backend="torch")))
    for rate in REFERENCE_RATES:
        yield Case(MATCHING, rate, simulated_matching(rate))
        yield Case(HILL, rate, simulated(hill_costs, rate))
        yield Case(SUNIWARD, rate, simulated(suniward_costs, rate))


# Published ways to change samples by one level, which the package conseal simulates: stegnet is compared with them. A
# simulator draws changes with the probabilities that an ideal code would give them, and hides nothing: no real code
# does better at the same costs. Costs are of each channel by itself; the payload is spread over all three.


def simulated_matching(rate: float) -> Method:
    """Steps of one level up or down anywhere: as many as `rate` bits for each sample take without any coding."""

    def hide(cover: np.ndarray, secret: np.ndarray, seed: int) -> np.ndarray:
        random = np.random.default_rng(seed)
        steps = random.choice(np.array([-1, 1], np.int16), cover.shape)
        steps = np.where(cover == 0, 1, np.where(cover == 255, -1, steps))
        changed = cover + steps * (random.random(cover.shape) < rate / 2)
        return changed.astype(np.uint8)

    return hide


def simulated(costs_of: CostsOf, rate: float) -> Method:
    """The cheapest changes at `rate` bits for each sample, by the costs of HILL or S-UNIWARD.

    Li, Wang, Huang and Li 2014, IEEE ICIP; Holub, Fridrich and Denemark 2014, EURASIP JIS.
    """

    def hide(cover: np.ndarray, secret: np.ndarray, seed: int) -> np.ndarray:
        channels = [costs_of(np.ascontiguousarray(cover[..., channel])) for channel in range(3)]
        costs = tuple(np.stack(side, -1) for side in zip(*channels, strict=True))
        changes = ternary(rhos=costs, alpha=rate, n=cover.size, seed=seed)
        return (cover + changes.astype(np.int16)).astype(np.uint8)

    return hide


def measure(case: Case, known: list[Pair], unseen: list[Pair], seed: int) -> Iterator[dict[str, Any]]:
    """Rows of one case: for each kind of features and number of training pairs.

    The fewer are tested on the unseen photographs alone, all of them on every photograph, by cross-validation.
    """
    known = known if case.rate == FULL_RATE else evenly(known, MOST)
    jobs = [partial(case.hide, *pair, container_seed(seed, number)) for number, pair in enumerate([*known, *unseen])]
    containers = in_processes(jobs, case.name)
    for name, extract in case.features.items():
        covers = extracted(extract, [cover for cover, _ in (*known, *unseen)], f"{name} of covers")
        both = Features(covers, extracted(extract, containers, f"{name} of {case.name}"))
        numbers, order = np.arange(len(both)), np.random.default_rng(seed).permutation(len(known))
        training, test = both[numbers[: len(known)]], both[numbers[len(known) :]]
        counts = [count for count in LADDER if count < len(known)]
        scored = {count: votes(training[order[:count]], test, seed) for count in counts}
        scored[len(known)] = cross_validated(training, test, seed)
        for count, scores in scored.items():
            labels = {"name": case.name, "method": case.method, "rate": case.rate, "features": name}
            yield labels | {"pairs": count, "tested": len(scores.covers)} | summarise([scores], seed)


def extracted(extract: Callable[[np.ndarray], np.ndarray], pictures: list[np.ndarray], label: str) -> np.ndarray:
    """(N, F) float32 features of pictures, by several processes; from the cache where they are in it."""
    os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", str(1 << 30))  # processes that keep their memory are twice as fast
    cached = Memory(cache_folder() / "features", verbose=0).cache(_extract_each)
    chunks = [np.stack(pictures[start : start + CHUNK]) for start in range(0, len(pictures), CHUNK)]
    return np.concatenate(in_processes([partial(cached, extract, chunk, _CODE) for chunk in chunks], label))


def in_processes(jobs: list[Callable[[], T]], label: str) -> list[T]:
    """Results of the jobs, in order, by several processes."""
    if on_cluster():
        return list(over_processes(Work(call), bar(jobs, label), ""))
    return list(bar(Parallel(PROCESSES, return_as="generator")(map(delayed(call), jobs)), label, len(jobs)))


def best_detectors(table: pd.DataFrame) -> dict[str, float]:
    """Accuracy of the features that find most, with all training pairs, for stegnet's methods."""
    most = table[table["pairs"] == table.groupby("name")["pairs"].transform("max")]
    best = most[most["method"].isin((SEALED, NETWORK))].groupby("name", sort=False)["accuracy"].max()
    return {f"steganalysis_{name}": round(float(accuracy), 4) for name, accuracy in best.items()}


def _extract_each(extract: Callable[[np.ndarray], np.ndarray], pictures: np.ndarray, code: str) -> np.ndarray:
    """Features of (N, H, W, 3) uint8 pictures; `code` only tells results of other code apart in the cache."""
    return np.stack([extract(picture) for picture in pictures])


def _draw(table: pd.DataFrame, path: Path) -> None:
    most = table[table["pairs"] == table.groupby("name")["pairs"].transform("max")]
    most = most[(most["features"] == "CRMQ1") & most["rate"].notna()]
    with chart(path, "bits for each sample", "accuracy of CRMQ1 on unseen pictures") as axes:
        for method, rows in most.groupby("method", sort=False):
            error = np.abs(rows[["low", "high"]].to_numpy().T - rows["accuracy"].to_numpy())
            axes.errorbar(rows["rate"], rows["accuracy"], yerr=error, capsize=3, label=method)
        axes.axhline(0.5, color="0.5", linestyle=":", marker="")
        axes.set_xscale("log")
        axes.set_xticks(ticks := sorted(set(most["rate"])), [f"{tick:g}" for tick in ticks])
        axes.minorticks_off()


if __name__ == "__main__":
    run_stage(main, "shards", "weights", "out")
