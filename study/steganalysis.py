"""Stage steganalysis: classifiers on rich features, as the field tests hiding, against stegnet and a control.

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
from joblib import Memory, Parallel, delayed

from pipeline.detect.methods import Method, container_seed, evenly, network_by_key, sealed_at
from pipeline.parameters.evaluate import EvaluateParameters
from pipeline.shards import cache_folder, file_hash
from pipeline.stage import bar, run_stage, write_json, write_table
from stegnet.core.compute import make_deterministic
from stegnet.networks import Network
from study import features
from study.ensemble import Features, cross_validated, summarise
from study.features import colour_rich_model, spam, spatial_rich_models
from study.photograph_pairs import Pair, photograph_pairs, training_photographs

RATES = (0.0125, 0.02, 0.05, 0.1, 0.2, 0.4, 1.0)
REFERENCE_RATES = (0.05, 0.1)  # of the control
FULL_RATE = 0.1  # at which all training photographs are used
MOST_SLOW = 0.2  # up to which the slow features are used, too
MOST = 500  # training pairs at the other rates
SEALED, NETWORK, MATCHING = "sealed", "network", "±1 anywhere"
FAST = {"CRMQ1": colour_rich_model, "SPAM": spam}
SLOW = {"SRMQ1": spatial_rich_models}
PROCESSES = 2
CHUNK = 50  # pictures that a process takes at a time
_CODE = file_hash(Path(features.__file__))  # other code, other features

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


def main(config: EvaluateParameters, shards: Path, weights: Path, out: Path) -> None:
    make_deterministic(config.seed, config.train.threads)
    known, unseen = training_photographs(shards), photograph_pairs(shards, config.evaluate.shift)
    rows = [row for case in cases(weights) for row in measure(case, known, unseen, config.seed)]
    table = pd.DataFrame(rows)
    write_table(out / "steganalysis.csv", table.drop(columns="name"))
    headline = best_detectors(table)
    write_json(out / "metrics.json", headline)
    shares = ", ".join(f"{name.removeprefix('steganalysis_')} {share:.1%}" for name, share in headline.items())
    print(f"the best classifier is right about: {shares}")


def cases(weights: Path) -> Iterator[Case]:
    for rate in RATES:
        yield Case(SEALED, rate, sealed_at(rate))
    yield Case(NETWORK, math.nan, network_by_key(Network.load(weights, backend="torch")))
    for rate in REFERENCE_RATES:
        yield Case(MATCHING, rate, simulated_matching(rate))


def simulated_matching(rate: float) -> Method:
    """The control: steps of one level up or down anywhere, as many as `rate` bits a sample take without any coding."""

    def hide(cover: np.ndarray, secret: np.ndarray, seed: int) -> np.ndarray:
        random = np.random.default_rng(seed)
        steps = random.choice(np.array([-1, 1], np.int16), cover.shape)
        steps = np.where(cover == 0, 1, np.where(cover == 255, -1, steps))
        changed = cover + steps * (random.random(cover.shape) < rate / 2)
        return changed.astype(np.uint8)

    return hide


def measure(case: Case, known: list[Pair], unseen: list[Pair], seed: int) -> Iterator[dict[str, Any]]:
    """Rows of one case, for each kind of features, by cross-validation."""
    known = known if case.rate == FULL_RATE else evenly(known, MOST)
    jobs = [partial(case.hide, *pair, container_seed(seed, number)) for number, pair in enumerate([*known, *unseen])]
    containers = in_processes(jobs, case.name)
    for name, extract in case.features.items():
        covers = extracted(extract, [cover for cover, _ in (*known, *unseen)], f"{name} of covers")
        both, numbers = Features(covers, extracted(extract, containers, f"{name} of {case.name}")), np.arange(len(jobs))
        scores = cross_validated(both[numbers[: len(known)]], both[numbers[len(known) :]], seed)
        labels = {"name": case.name, "method": case.method, "rate": case.rate, "features": name}
        yield labels | {"pairs": len(known), "tested": len(scores.covers)} | summarise([scores], seed)


def extracted(extract: Callable[[np.ndarray], np.ndarray], pictures: list[np.ndarray], label: str) -> np.ndarray:
    """(N, F) float32 features of pictures, by several processes; from the cache where they are in it."""
    os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", str(1 << 30))  # processes that keep their memory are twice as fast
    cached = Memory(cache_folder() / "features", verbose=0).cache(_extract_each)
    chunks = [np.stack(pictures[start : start + CHUNK]) for start in range(0, len(pictures), CHUNK)]
    return np.concatenate(in_processes([partial(cached, extract, chunk, _CODE) for chunk in chunks], label))


def in_processes(jobs: list[Callable[[], T]], label: str) -> list[T]:
    """Results of the jobs, in order, by several processes."""
    return list(bar(Parallel(PROCESSES, return_as="generator")(map(delayed(call), jobs)), label, len(jobs)))


def best_detectors(table: pd.DataFrame) -> dict[str, float]:
    """Accuracy of the features that find most, for stegnet's methods."""
    best = table[table["method"].isin((SEALED, NETWORK))].groupby("name", sort=False)["accuracy"].max()
    return {f"steganalysis_{name}": round(float(accuracy), 4) for name, accuracy in best.items()}


def _extract_each(extract: Callable[[np.ndarray], np.ndarray], pictures: np.ndarray, code: str) -> np.ndarray:
    """Features of (N, H, W, 3) uint8 pictures; `code` only tells results of other code apart in the cache."""
    return np.stack([extract(picture) for picture in pictures])


if __name__ == "__main__":
    run_stage(main, "shards", "weights", "out", reads=EvaluateParameters)
