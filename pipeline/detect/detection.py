"""A detector of containers, and how often it is right.

It is trained on covers and their containers of the training split, each under a key of its own, and tested on the test
and validation pictures. Its threshold is fixed where container and cover are equally likely. Besides the pair, it is
trained on the method sealed and on two controls that a sound detector finds: the 4-bit swap, a change of high
frequencies, and a tint, one of low frequencies. If it misses one, its failure to find another method means nothing.
"""

import logging
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.detect.detector import Sides, detect, train_detector
from pipeline.detect.methods import (
    Method,
    PicturePair,
    container_seed,
    four_bit_swap,
    magenta_tint,
    network_by_key,
    picture_pairs,
    sealed_at,
)
from pipeline.evaluate.quality import map_in_threads, setup_of
from pipeline.evaluate.statistics import Scores
from pipeline.parameters.detect import DetectParameters
from pipeline.shards import TEST, TRAIN, VALIDATION, read_manifest
from pipeline.stage import bar, write_json, write_table
from pipeline.tracking import track
from pipeline.tracking.results import detect_result
from stegnet.core.compute import make_deterministic
from stegnet.core.process_settings import keep_freed_memory
from stegnet.networks import Network

NETWORK = "network"
SEALED = "sealed"
CONTROL = "control"
SMOOTH_CONTROL = "smooth_control"
CONTROLS: dict[str, Method] = {CONTROL: four_bit_swap, SMOOTH_CONTROL: magenta_tint}
RATES = {SEALED: 0.1, CONTROL: 4.0}  # bits per sample
CONTROL_FOUND = 0.85  # accuracy from which a control counts as found
ALL = "all"  # kinds of pictures


def measure_detection(config: DetectParameters, shards: Path, weights: Path, out: Path) -> None:
    """Train and test the detector, and write its findings to the folder `out`."""
    make_deterministic(config.seed, config.train.threads)
    keep_freed_memory()  # of a step for the next one
    network = Network.load(weights, backend="torch")
    with track("detect", setup_of(network)) as run:
        table = measure(config, network, shards)
        write_table(out / "detect.csv", table)
        write_json(out / "metrics.json", headline(table))
        run.finish(detect_result(weights, out, shards))
    overall = table[table["pictures"] == ALL].set_index("method")
    if missed := [name for name in CONTROLS if overall["accuracy"].to_dict()[name] < CONTROL_FOUND]:
        names = " and ".join(missed)
        logging.warning("the detector does not find its %s: of what it does not find, it says nothing", names)
    rows = (f"{row.Index} {row.accuracy:.0%} ({row.low:.0%}–{row.high:.0%})" for row in overall.itertuples())
    print(f"a small detector is right about: {', '.join(rows)}; 50 % is chance")


def measure(config: DetectParameters, network: Network, shards: Path) -> pd.DataFrame:
    """Return one row for each method and kind of pictures, and for all kinds together."""
    most_tested = 200  # pictures of each split
    methods = {NETWORK: network_by_key(network), SEALED: sealed_at(RATES[SEALED])} | CONTROLS
    shift = config.evaluate.shift
    settings = config.detect
    known = list(picture_pairs(shards, TRAIN, shift, settings.pairs))
    splits = (TEST, VALIDATION) if any(read_manifest(shards, VALIDATION)) else (TEST,)
    unseen = [pair for split in splits for pair in picture_pairs(shards, split, shift, most_tested)]
    training, test = np.split(_sides(methods, [*known, *unseen], config.seed), [len(known)], axis=1)
    detector = train_detector(settings.backbone, training, config.seed)
    scores = dict(zip(methods, detect(detector, test), strict=True))
    kinds = np.array([pair.kind for pair in unseen])
    return pd.DataFrame(rows_of(scores, kinds, len(known)))


def headline(table: pd.DataFrame) -> dict[str, float]:
    """Return detect_network_accuracy, …: accuracy and its interval of each method, on all pictures."""
    rows = table[table["pictures"] == ALL].to_dict("records")
    return {f"detect_{row['method']}_{key}": round(row[key], 4) for row in rows for key in ("accuracy", "low", "high")}


def _sides(methods: dict[str, Method], pairs: list[PicturePair], seed: int) -> Sides:
    """Return covers, then their containers by each method, (1 + methods, N, H, W, 3) uint8."""

    def hide(numbered: tuple[int, PicturePair]) -> list[NDArray[np.uint8]]:
        number, (_, cover, secret) = numbered
        return [cover, *(method(cover, secret, container_seed(seed, number)) for method in methods.values())]

    with closing(map_in_threads(hide, enumerate(bar(pairs, "hide")))) as sides:
        return np.stack(list(sides), axis=1)


def rows_of(scores: dict[str, Scores], kinds: NDArray[np.str_], pairs: int) -> Iterator[dict[str, str | float | None]]:
    """Yield the rows of `measure`: how often the detector is right about a method, with the 95 % interval.

    A method that is not found is inconclusive unless both controls are found.

    Args:
        scores: scores of the test pairs, by method.
        kinds: sources of the test pictures, (N,) str.
        pairs: number of training pairs.
    """
    sound = all(scores[name].accuracy >= CONTROL_FOUND for name in CONTROLS)
    for method, both in scores.items():
        for kind in (ALL, *dict.fromkeys(kinds)):
            chosen = (kinds == kind) | (kind == ALL)
            part = Scores(both.covers[chosen], both.containers[chosen])
            low, high = part.interval
            finding = "found" if low > 0.5 else "not found" if sound else "inconclusive"
            yield {
                "method": method,
                "rate": RATES.get(method),  # None for the network
                "pictures": kind,
                "pairs": pairs,
                "tested": len(part.covers),
                "accuracy": part.accuracy,
                "low": low,
                "high": high,
                "finding": finding,
            }
