"""Stage jpeg_steganalysis: classifiers on features of JPEGs against the method jpeg, and published methods beside.

Covers are photographs that were reduced to 256×256 and saved as JPEG, 4:2:0. Each container has a key of its own; each
picture is tested by a classifier that was trained on others. nsF5, UERD and J-UNIWARD are simulated by the package
conseal, as an ideal code would change coefficients; steghide is the program, if it is installed.

Rates are in bits for each of luma's coefficients that is not 0, the first of blocks not counted, and count all bits
that are hidden: of stegnet, the record with its tag, the lead and the MAC. The table is written after every case, and
features are kept in the cache folder.
"""

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import astuple, dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import torch
from conseal.nsF5 import simulate_single_channel as nsf5
from conseal.simulate import ternary
from conseal.uerd import simulate_single_channel as uerd
from joblib import Memory
from PIL import Image

from pipeline.detect.methods import container_seed, evenly
from pipeline.evaluate.statistics import Scores
from pipeline.fingerprint import source_hash
from pipeline.parameters.shared import MeasureParameters
from pipeline.shards import cache_folder
from pipeline.stage import run_stage, write_json, write_table
from stegnet.core.errors import DataError
from stegnet.core.pixels import encode_jpeg, is_grey
from stegnet.image.pictures import read_picture, resize
from stegnet.jpeg.coefficients import read_jpeg
from stegnet.jpeg.cover import jpeg_cover
from stegnet.jpeg.samples import coefficient_costs, fixed_samples, juniward, rules_of, samples_of, with_samples
from stegnet.keys import KEY_BYTES, Key, seeded
from stegnet.media.cover import Cover
from stegnet.sealing import LEAD_BYTES, MAC_BYTES, SEED_BYTES, TAG_BYTES, SealOptions, seal
from study.ensemble import FOLDS, Features, by_folds, summarise
from study.jpeg_features import EXTRACTORS, Luma, from_zigzag, luma_of
from study.photograph_pairs import photographs_in
from study.steganalysis import in_processes

NOTHING, JPEG, WHILE_SAVING = "nothing", "jpeg", "jpeg, cover not a JPEG"
OWN = (JPEG, WHILE_SAVING)
NSF5, UERD, JUNIWARD, STEGHIDE = "nsF5", "UERD", "J-UNIWARD", "steghide"
LEAST_BITS = 8 * (LEAD_BYTES + MAC_BYTES + TAG_BYTES)  # of a container of the method jpeg
_SECRET = 32  # bytes of a program's random passphrase

# Of a cover, (H, W, 3) uint8, the quality of the JPEG, the rate, and a seed: the luma of the container.
Hider = Callable[[np.ndarray, int, float, int], Luma]
SIDE, LEAST = 256, 320  # pixels: of a cover, and the shorter side of a photograph that is reduced to one
MOST = 800  # photographs
DIMENSIONS = 400  # features that a linear classifier sees: of 200, 400 and 800 they find most
CHUNK = 50  # photographs that a process takes at a time
DCTR, GFR, JRM, SPAM = EXTRACTORS
TABLE = "jpeg_steganalysis.csv"
_SUFFIXES = {JPEG: "", WHILE_SAVING: "_made"}  # in names of metrics
_CHANGED, _NONZERO = "changed", "nonzero"
# What decides a method's containers and their features: of any method, and of stegnet's.
_CODE = ("study/jpeg_features.py", "study/jpeg_steganalysis.py")
_OWN_CODE = (*_CODE, "stegnet/hiding", "stegnet/jpeg", "stegnet/methods", "stegnet/sealing")


@dataclass(frozen=True)
class JpegCase:
    """A method at a quality and a rate, and the features that it is attacked by."""

    quality: int
    method: str
    rate: float
    features: str


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


def main(config: MeasureParameters, photographs: Path, out: Path) -> None:
    pictures, rows = covers(photographs), []
    for case in CASES:
        if not available(case.method):
            print(f"{case.method} is not installed: its rows are left out")
            continue
        rows.append(measure(case, pictures, config.seed))
        write_table(out / TABLE, pd.DataFrame(rows))
    rows += [measure(case, pictures, config.seed, MEGAPIXEL) for case in AT_ONCE]
    write_table(out / TABLE, pd.DataFrame(rows))
    headline = best_detectors(pd.DataFrame(rows))
    write_json(out / "metrics.json", headline)
    print("the best classifier is right about:", ", ".join(f"{name} {share:.1%}" for name, share in headline.items()))


def covers(folder: Path, most: int = 0) -> list[np.ndarray]:
    """Photographs in a folder, in colours and large enough, reduced to (SIDE, SIDE, 3) uint8; `most`, or MOST, of them.

    They are evenly spaced.
    """
    found = []
    for path in photographs_in(folder):
        picture = read_picture(path)
        height, width = picture.shape[:2]
        if min(height, width) >= LEAST and not is_grey(picture):
            scale = SIDE / min(height, width)
            small = resize(picture, round(height * scale), round(width * scale))
            top, left = ((side - SIDE) // 2 for side in small.shape[:2])
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
    nonzero = before[_NONZERO]
    rates = np.maximum(case.rate, (LEAST_BITS if case.method in OWN else 0) / nonzero)  # with what all containers have
    named = {"quality": case.quality, "method": case.method, "rate": case.rate, "bits": float(rates.mean())}
    named |= {"changed": float(after[_CHANGED].mean()), "features": case.features, "at_once": at_once}
    pairs = len(nonzero) * (FOLDS - 1) // FOLDS
    return named | {"pairs": pairs, "tested": len(scores.covers)} | summarise([scores], seed)


def best_detectors(table: pd.DataFrame) -> dict[str, float]:
    """Accuracy of the features that find most in a picture, for the method jpeg, by quality and rate."""
    own = table[table["method"].isin(OWN) & (table["at_once"] == 1)]
    best = own.groupby(["method", "quality", "rate"], sort=False)["accuracy"].max()
    return {
        f"jpeg_steganalysis{_SUFFIXES[method]}_{quality}_{rate:g}": round(float(share), 4)
        for (method, quality, rate), share in best.items()
    }


def _measured(case: JpegCase, pictures: list[np.ndarray], seed: int) -> dict[str, np.ndarray]:
    """Features of the containers of a case by name, (N, F), and their changes and coefficients that are not 0, (N,)."""
    os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", str(1 << 30))  # as in steganalysis
    cached = Memory(cache_folder() / "features", verbose=0).cache(_extract)
    code = source_hash(_OWN_CODE if case.method in OWN else _CODE)
    jobs = [
        partial(cached, astuple(case), np.stack(pictures[start : start + CHUNK]), container_seed(seed, start), code)
        for start in range(0, len(pictures), CHUNK)
    ]
    parts = in_processes(jobs, f"{case.features} of {case.method} {case.rate:g}, quality {case.quality}")
    return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}


def _extract(case: tuple[int, str, float, str], pictures: np.ndarray, first_seed: int, code: str) -> dict[str, Any]:
    """Features as `_measured`, of (N, H, W, 3) uint8; `code` only tells results of other code apart in the cache."""
    torch.set_num_threads(1)
    quality, method, rate, features = case  # other processes don't know the class of a program's own module
    found: dict[str, list[Any]] = {features: [], _CHANGED: [], _NONZERO: []}
    for number, picture in enumerate(pictures):
        cover, container = saved_luma(picture, quality), HIDERS[method](picture, quality, rate, first_seed + number)
        found[features].append(EXTRACTORS[features](container))
        found[_CHANGED].append(_share_changed(cover, container))
        found[_NONZERO].append(cover.nonzero)
    return {key: np.array(values) for key, values in found.items()}


def _share_changed(cover: Luma, container: Luma) -> float:
    return np.count_nonzero(cover.coefficients != container.coefficients) / cover.nonzero


def saved_luma(picture: np.ndarray, quality: int) -> Luma:
    """Luma of a picture that was saved as JPEG, 4:2:0."""
    with TemporaryDirectory() as folder:
        return luma_of(read_jpeg(_saved(picture, quality, Path(folder))), quality)


def hide_in_jpeg(picture: np.ndarray, quality: int, rate: float, seed: int) -> Luma:
    """The method jpeg in a cover that is a JPEG."""
    with TemporaryDirectory() as folder:
        return _sealed(_saved(picture, quality, Path(folder)), quality, rate, seed)


def hide_while_saving(picture: np.ndarray, quality: int, rate: float, seed: int) -> Luma:
    """The method jpeg in a cover that is a PNG: what was rounded is known."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "cover.png"
        Image.fromarray(picture).save(path)
        return _sealed(path, quality, rate, seed)


def hide_by_nsf5(picture: np.ndarray, quality: int, rate: float, seed: int) -> Luma:
    """nsF5 (Fridrich, Pevný and Kodovský 2007, ACM MM&Sec)."""
    cover = saved_luma(picture, quality)
    return Luma(nsf5(cover.coefficients, rate, seed=seed), cover.table, quality)


def hide_by_uerd(picture: np.ndarray, quality: int, rate: float, seed: int) -> Luma:
    """UERD (Guo, Ni, Su, Tang and Shi 2015, IEEE TIFS 10(12))."""
    cover = saved_luma(picture, quality)
    return Luma(uerd(cover.coefficients, cover.table, rate, seed=seed), cover.table, quality)


def hide_by_juniward(picture: np.ndarray, quality: int, rate: float, seed: int) -> Luma:
    """J-UNIWARD, as the method jpeg computes its costs."""
    with TemporaryDirectory() as folder:
        jpeg = read_jpeg(_saved(picture, quality, Path(folder)))
    cover, costs = luma_of(jpeg, quality), juniward(jpeg.decoded_luma.shown, jpeg.quanta(0))
    costs = from_zigzag(costs.astype(np.float64))
    changes = ternary(rhos=(costs, costs), alpha=rate, n=cover.nonzero, seed=seed)
    return Luma(cover.coefficients + changes, cover.table, quality)


def hide_by_steghide(picture: np.ndarray, quality: int, rate: float, seed: int) -> Luma:
    """steghide 0.5.1, in all components."""
    random = seeded(seed)
    with TemporaryDirectory() as folder:
        cover, secret, out = _saved(picture, quality, Path(folder)), Path(folder) / "secret", Path(folder) / "out.jpg"
        count = luma_of(read_jpeg(cover), quality).nonzero
        secret.write_bytes(random(int(rate * count / 8)))
        options = ["-p", random(_SECRET).hex(), "-Z", "-N", "-K", "-q"]
        subprocess.run([STEGHIDE, "embed", "-cf", cover, "-ef", secret, "-sf", out, *options], check=True)
        return luma_of(read_jpeg(out), quality)


HIDERS: dict[str, Hider] = {
    NOTHING: lambda picture, quality, rate, seed: saved_luma(picture, quality),
    JPEG: hide_in_jpeg,
    WHILE_SAVING: hide_while_saving,
    NSF5: hide_by_nsf5,
    UERD: hide_by_uerd,
    JUNIWARD: hide_by_juniward,
    STEGHIDE: hide_by_steghide,
}


def available(method: str) -> bool:
    """Returns whether a method can be measured here."""
    return method != STEGHIDE or shutil.which(STEGHIDE) is not None


def _sealed(path: Path, quality: int, rate: float, seed: int) -> Luma:
    """The luma of a container of the method jpeg, under a key of its own."""
    random = seeded(seed)
    with Cover(path) as opened:
        cover = jpeg_cover(opened, quality)
    picture, plain = cover.picture, luma_of(cover.picture, quality)
    keys = Key(random(KEY_BYTES)).new_keys(random)
    record = random(max(round((rate * plain.nonzero - LEAST_BITS) / 8), 0))
    samples, fixed = samples_of(picture), fixed_samples(picture)
    options = SealOptions(True, clustered=False, rules=rules_of(picture), fixed=fixed if fixed.any() else None)
    sealed = seal(samples, record, keys, random(SEED_BYTES), coefficient_costs(picture, cover.errors), options)
    return Luma(from_zigzag(with_samples(picture, sealed)[0]), plain.table, quality)


def _saved(picture: np.ndarray, quality: int, folder: Path) -> Path:
    path = folder / "cover.jpg"
    path.write_bytes(encode_jpeg(picture, quality))
    return path


if __name__ == "__main__":
    run_stage(main, "photographs", "out", reads=MeasureParameters)
