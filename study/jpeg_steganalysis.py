"""Stage jpeg_steganalysis: classifiers on features of JPEGs against the method jpeg, and published methods beside.

Covers are photographs that were reduced to 256×256 and saved as JPEG, 4:2:0. Each container has a key of its own; each
picture is tested by a classifier that was trained on others. Rates are in bits for each of luma's coefficients that is
not 0 (`jpeg_hiders`). The table is written after every case, and features are kept in the cache folder.
"""

import os
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from joblib import Memory

from pipeline.config import Config
from pipeline.detect.methods import container_seed, evenly
from pipeline.evaluate.statistics import Scores
from pipeline.fingerprint import source_hash
from pipeline.shards import cache_folder
from pipeline.stage import run_stage, write_json, write_table
from stegnet.core.errors import DataError
from stegnet.core.pixels import is_grey
from stegnet.image.pictures import read_picture, resize
from study.ensemble import FOLDS, Features, by_folds, folds, joined, summarise
from study.jpeg_features import EXTRACTORS, Luma
from study.jpeg_hiders import (
    HIDERS,
    JPEG,
    JUNIWARD,
    LEAST_BITS,
    NOTHING,
    NSF5,
    OWN,
    STEGHIDE,
    UERD,
    WHILE_SAVING,
    JpegCase,
    available,
    cover_luma,
    saved_luma,
)
from study.photograph_pairs import photographs_in
from study.steganalysis import in_processes

SIDE, LEAST = 256, 320  # pixels: of a cover, and the shorter side of a photograph that is reduced to one
MOST = 800  # photographs
DIMENSIONS = 400  # features that a linear classifier sees: of 200, 400 and 800 they find most
CHUNK = 50  # photographs that a process takes at a time
DCTR, GFR, JRM, SPAM = EXTRACTORS
RJCA, ROUNDED, FEW = "RJCA", 100, 300  # an attack without training, the quality that it is for, and its photographs
TABLE = "jpeg_steganalysis.csv"
_SUFFIXES = {JPEG: "", WHILE_SAVING: "_made"}  # in names of metrics
_CHANGED, _NONZERO = "changed", "nonzero"
# What decides a method's containers and their features: of any method, and of stegnet's.
_CODE = ("study/jpeg_features.py", "study/jpeg_hiders.py")
_OWN_CODE = (*_CODE, "stegnet/methods", "stegnet/sealing")

CASES = tuple(JpegCase(*case) for case in (  # the most telling first
    (75, JPEG, 0.2, DCTR), (75, NSF5, 0.2, DCTR), (75, JPEG, 0.1, DCTR), (75, JPEG, 0.4, DCTR),
    (75, WHILE_SAVING, 0.2, DCTR), (75, STEGHIDE, 0.05, DCTR), (75, UERD, 0.4, DCTR), (95, JPEG, 0.2, DCTR),
    (95, NSF5, 0.2, DCTR), (95, JPEG, 0.4, DCTR), (95, JPEG, 0.1, DCTR), (95, WHILE_SAVING, 0.2, DCTR),
    (75, JUNIWARD, 0.2, DCTR), (75, JPEG, 0.05, DCTR), (75, NSF5, 0.1, DCTR), (75, UERD, 0.2, DCTR),
    (95, JPEG, 0.05, DCTR), (75, WHILE_SAVING, 0.1, DCTR), (95, WHILE_SAVING, 0.1, DCTR), (75, NSF5, 0.2, GFR),
    (75, JPEG, 0.2, GFR), (75, JPEG, 0.1, GFR), (75, JPEG, 0.4, GFR), (95, NSF5, 0.2, GFR),
    (95, JPEG, 0.2, GFR),
    *((quality, *case, DCTR) for quality in (85, 93, 98) for case in ((NSF5, 0.2), (JPEG, 0.1), (JPEG, 0.2))),
    (75, NSF5, 0.2, JRM), (75, JPEG, 0.2, JRM),
))  # fmt: skip
# As many coefficients as a picture of a megapixel has: photographs of that size are too rare to train on.
MEGAPIXEL, AT_ONCE = 16, (JpegCase(75, NSF5, 0.1, DCTR), *(JpegCase(75, JPEG, rate, DCTR) for rate in (0.05, 0.1, 0.2)))


def main(config: Config, photographs: Path, out: Path) -> None:
    pictures, rows = covers(photographs), []
    for case in CASES:
        if not available(case.method):
            print(f"{case.method} is not installed: its rows are left out")
            continue
        rows.append(measure(case, pictures, config.seed))
        write_table(out / TABLE, pd.DataFrame(rows))
    rows += [measure(case, pictures, config.seed, MEGAPIXEL) for case in AT_ONCE]
    rows += rounding(evenly(pictures, FEW), config.seed)
    write_table(out / TABLE, pd.DataFrame(rows))
    headline = best_detectors(pd.DataFrame(rows))
    write_json(out / "metrics.json", headline)
    print("the best classifier is right about:", ", ".join(f"{name} {share:.1%}" for name, share in headline.items()))


def covers(folder: Path, most: int = 0, *, reduced: bool = True) -> list[np.ndarray]:
    """Photographs in a folder, in colours and large enough, (SIDE, SIDE, 3) uint8; `most`, or MOST, of them, evenly.

    They are reduced, or the upper left parts of their own size, so that the grid of a JPEG stays where it is.
    """
    found = []
    for path in photographs_in(folder):
        picture = read_picture(path)
        height, width = picture.shape[:2]
        if min(height, width) >= LEAST and not is_grey(picture):
            scale = SIDE / min(height, width) if reduced else 1
            small = resize(picture, round(height * scale), round(width * scale))
            top, left = ((side - SIDE) // 2 if reduced else 0 for side in small.shape[:2])
            found.append(np.ascontiguousarray(small[top : top + SIDE, left : left + SIDE]))
    if len(found) < 2 * FOLDS:
        raise DataError(f"{folder}: has {len(found)} photographs in colours of {LEAST}×{LEAST} or more")
    return evenly(found, most or MOST)


def measure(case: JpegCase, pictures: list[np.ndarray], seed: int, at_once: int = 1) -> dict[str, Any]:
    """The row of a case; a classifier judges so many covers or containers at once, by the sum of its votes."""
    before = _measured(replace(case, method=NOTHING, rate=0.0), pictures, seed)
    after = _measured(case, pictures, seed)
    scores = by_folds(Features(before[case.features], after[case.features]), seed, DIMENSIONS)
    whole = len(scores.covers) // at_once * at_once  # what is left over is left out
    scores = Scores(*(side[:whole].reshape(-1, at_once).mean(1) for side in (scores.covers, scores.containers)))
    return _row(case, before[_NONZERO], after[_CHANGED], scores, seed, at_once)


def rounding(pictures: list[np.ndarray], seed: int) -> Iterator[dict[str, Any]]:
    """Rows of reverse JPEG compatibility: what decoding at quality 100 rounds is less in covers.

    Butora and Fridrich 2020, "Reverse JPEG compatibility attack", IEEE TIFS 15. J-UNIWARD hides in that JPEG; the
    method jpeg saves it anew, and its cover is what it saved.
    """
    for method, cover_of in ((JUNIWARD, saved_luma), (JPEG, cover_luma)):
        case = JpegCase(ROUNDED, method, 0.05, RJCA)
        pairs = [
            (cover_of(picture, ROUNDED), HIDERS[method](picture, ROUNDED, case.rate, container_seed(seed, number)))
            for number, picture in enumerate(pictures)
        ]
        errors = np.array([[_rounding_error(luma) for luma in pair] for pair in pairs]).T  # (2, N)
        parts = []
        for known, test in folds(len(pairs), seed):
            middle = np.median(errors[:, known], axis=1).sum() / 2  # between known covers and known containers
            parts.append(Scores(*(errors[:, test] - middle)))
        nonzero = np.array([cover.nonzero for cover, _ in pairs])
        changed = np.array([_share_changed(*pair) for pair in pairs])
        yield _row(case, nonzero, changed, joined(parts), seed)


def best_detectors(table: pd.DataFrame) -> dict[str, float]:
    """Accuracy of the features that find most in a picture, for the method jpeg, by quality and rate."""
    own = table[table["method"].isin(OWN) & (table["features"] != RJCA) & (table["at_once"] == 1)]
    best = own.groupby(["method", "quality", "rate"], sort=False)["accuracy"].max()
    return {
        f"jpeg_steganalysis{_SUFFIXES[method]}_{quality}_{rate:g}": round(float(share), 4)
        for (method, quality, rate), share in best.items()
    }


def _row(
    case: JpegCase, nonzero: np.ndarray, changed: np.ndarray, scores: Scores, seed: int, at_once: int = 1
) -> dict[str, Any]:
    """A row: `bits` is the mean rate with what every container has, which is more in small pictures."""
    rates = np.maximum(case.rate, (LEAST_BITS if case.method in OWN else 0) / nonzero)
    named = {"quality": case.quality, "method": case.method, "rate": case.rate, "bits": float(rates.mean())}
    named |= {"changed": float(changed.mean()), "features": case.features, "at_once": at_once}
    pairs = len(nonzero) * (FOLDS - 1) // FOLDS
    return named | {"pairs": pairs, "tested": len(scores.covers)} | summarise([scores], seed)


def _measured(case: JpegCase, pictures: list[np.ndarray], seed: int) -> dict[str, np.ndarray]:
    """Features of the containers of a case by name, (N, F), and their changes and coefficients that are not 0, (N,)."""
    os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", str(1 << 30))  # as in steganalysis
    cached = Memory(cache_folder() / "features", verbose=0).cache(_extract)
    code = source_hash(_OWN_CODE if case.method in OWN else _CODE)
    jobs = [
        partial(cached, case, np.stack(pictures[start : start + CHUNK]), container_seed(seed, start), code)
        for start in range(0, len(pictures), CHUNK)
    ]
    parts = in_processes(jobs, f"{case.features} of {case.method} {case.rate:g}, quality {case.quality}")
    return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}


def _extract(case: JpegCase, pictures: np.ndarray, first_seed: int, code: str) -> dict[str, np.ndarray]:
    """Features as `_measured`, of (N, H, W, 3) uint8; `code` only tells results of other code apart in the cache."""
    torch.set_num_threads(1)
    found: dict[str, list] = {}
    for number, picture in enumerate(pictures):
        cover = cover_luma(picture, case.quality)
        container = HIDERS[case.method](picture, case.quality, case.rate, first_seed + number)
        features = EXTRACTORS[case.features](container)
        figures = {case.features: features, _CHANGED: _share_changed(cover, container), _NONZERO: cover.nonzero}
        for key, value in figures.items():
            found.setdefault(key, []).append(value)
    return {key: np.array(values) for key, values in found.items()}


def _share_changed(cover: Luma, container: Luma) -> float:
    return np.count_nonzero(cover.coefficients != container.coefficients) / cover.nonzero


def _rounding_error(luma: Luma) -> float:
    pixels = luma.pixels()
    return float(np.var(pixels - np.rint(pixels)))


if __name__ == "__main__":
    run_stage(main, "photographs", "out")
