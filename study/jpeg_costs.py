"""Stage jpeg_costs: costs for the method jpeg side by side, each as an ideal code would use it.

Changes are simulated by the package conseal in photographs of 256×256 saved as JPEG, 4:2:0; a rate is in bits for each
of luma's coefficients that is not 0, the first of blocks not counted, whatever planes carry them. Classifiers on DCTR
see luma, or all planes where chroma carries some.
"""

import hashlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import torch
from conseal.simulate import ternary
from conseal.uerd._costmap import compute_cost_adjusted
from joblib import Memory
from scipy.signal import wiener

from pipeline.stage import run_stage, write_json, write_table
from stegnet.config.config import Config
from stegnet.core.jpeg import BLOCK, COSINES, encode_jpeg
from stegnet.data.store import cache_folder
from stegnet.media.jpeg import ZIGZAG, JpegPicture, read_jpeg
from stegnet.methods.jpeg import juniward
from study import jpeg_features
from study.ensemble import FOLDS, Features, by_folds
from study.jpeg_features import Luma, dctr, from_zigzag
from study.jpeg_hiders import JUNIWARD, NOTHING, UERD
from study.jpeg_steganalysis import CHUNK, DCTR, DIMENSIONS, covers
from study.methods import container_seed
from study.scores import summarise
from study.steganalysis import in_processes

QUALITY, RATES = 75, (0.2, 0.4)
POLARISED = "J-UNIWARD, polarised"
LUMA, ALL = "luma", "all"
TABLE = "jpeg_costs.csv"
_TOWARDS = 0.65  # of a cost is that of a step towards the estimate
_CHANGED = "changed"
_CODE = hashlib.sha256(b"".join(Path(path).read_bytes() for path in (__file__, jpeg_features.__file__))).hexdigest()

Steps = tuple[np.ndarray, np.ndarray]  # costs of a step up and down, (rows, columns, 8, 8) each


def main(config: Config, photographs: Path, out: Path) -> None:
    found = _measured(covers(photographs), config.seed)
    table = pd.DataFrame(_rows(found, config.seed))
    write_table(out / TABLE, table)
    names = (
        f"jpeg_costs_{row.method.replace(', ', '_')}_{row.planes}_{row.seen}_{row.rate:g}" for row in table.itertuples()
    )
    write_json(out / "metrics.json", dict(zip(names, table["accuracy"].round(4).tolist(), strict=True)))
    print("right by costs:", ", ".join(f"{row.method} {row.rate:g} {row.accuracy:.1%}" for row in table.itertuples()))


def planes_of(jpeg: JpegPicture, quality: int) -> list[Luma]:
    """The planes of a JPEG, chroma as if it were luma."""
    return [
        Luma(from_zigzag(plane), from_zigzag(jpeg.steps(index)), quality) for index, plane in enumerate(jpeg.planes)
    ]


def juniward_costs(plane: Luma) -> Steps:
    """J-UNIWARD, as the method jpeg computes it."""
    zigzag = juniward(_shown(plane), _to_zigzag(plane.table)).astype(np.float64)
    return from_zigzag(zigzag), from_zigzag(zigzag)


def uerd_costs(plane: Luma) -> Steps:
    """UERD (Guo, Ni, Su, Tang and Shi 2015, IEEE TIFS 10(12))."""
    return compute_cost_adjusted(plane.coefficients, plane.table)


def polarised_costs(plane: Luma) -> Steps:
    """J-UNIWARD, where a step towards what the cover may have been before it was rounded costs less.

    Li, Chen, Zhang, Zhou, Wang and Yu 2020, "JPEG steganography with estimated side-information", IEEE TCSVT 30(7):
    their model of polarities, with a Wiener filter of 3×3 as the estimate; they prefer one that removes blocks.
    """
    plus, minus = juniward_costs(plane)
    with np.errstate(divide="ignore", invalid="ignore"):  # scipy's own, on even areas
        estimated = wiener(plane.pixels().astype(np.float64) + 128, 3) - 128
    rows, cols = plane.coefficients.shape[:2]
    blocks = estimated.reshape(rows, BLOCK, cols, BLOCK)
    towards = np.einsum("ku,rucv,lv->rckl", COSINES, blocks, COSINES, optimize=True) / plane.table - plane.coefficients
    return np.where(towards > 0, _TOWARDS, 1) * plus, np.where(towards < 0, _TOWARDS, 1) * minus


COSTS: dict[str, Callable[[Luma], Steps]] = {JUNIWARD: juniward_costs, UERD: uerd_costs, POLARISED: polarised_costs}
CASES = [*((name, LUMA) for name in COSTS), (JUNIWARD, ALL)]  # costs, and the planes that carry


def embedded(planes: list[Luma], costs: list[Steps], rate: float, seed: int) -> list[Luma]:
    """Planes after simulated changes: the first ones, as many as there are costs, have equal rates.

    J-UNIWARD's costs can't share the bits among planes: chroma's are so high that it would carry next to nothing.
    """
    carrying = planes[: len(costs)]
    equal = rate * planes[0].nonzero / sum(plane.nonzero for plane in carrying)
    changed = [
        Luma(plane.coefficients + _changes(plane, both, equal, (seed, index)), plane.table, plane.quality)
        for index, (plane, both) in enumerate(zip(carrying, costs, strict=True))
    ]
    return changed + planes[len(costs) :]


def _changes(plane: Luma, costs: Steps, rate: float, seed: tuple[int, int]) -> np.ndarray:
    if not plane.nonzero:  # chroma of a picture that is nearly grey
        return np.zeros_like(plane.coefficients)
    scale = 1 / np.median(costs)  # without it, conseal's search ends before it converges
    return ternary(rhos=(scale * costs[0], scale * costs[1]), alpha=rate, n=plane.nonzero, seed=seed)


def _rows(found: dict[tuple, np.ndarray], seed: int) -> Iterator[dict[str, Any]]:
    before = found[NOTHING, LUMA, 0.0]
    for seen, cases in ((LUMA, CASES[:-1]), (ALL, [CASES[0], CASES[-1]])):
        width = before.shape[1] // 3 if seen == LUMA else before.shape[1]
        for name, planes in cases:
            for rate in RATES:
                scores = by_folds(Features(before[:, :width], found[name, planes, rate][:, :width]), seed, DIMENSIONS)
                named = {"quality": QUALITY, "method": name, "planes": planes, "seen": seen, "rate": rate}
                named |= {"changed": float(found[name, planes, rate, _CHANGED].mean()), "features": DCTR}
                counts = {"pairs": len(before) * (FOLDS - 1) // FOLDS, "tested": len(before)}
                yield named | counts | summarise([scores], seed)


def _measured(pictures: list[np.ndarray], seed: int) -> dict[tuple, np.ndarray]:
    """DCTR of all planes by costs, planes and rate, (N, F), and the changes as a share of luma, (N,)."""
    cached = Memory(cache_folder() / "features", verbose=0).cache(_extract)
    jobs = [
        partial(cached, np.stack(pictures[start : start + CHUNK]), container_seed(seed, start), _CODE)
        for start in range(0, len(pictures), CHUNK)
    ]
    parts = in_processes(jobs, "costs")
    return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}


def _extract(pictures: np.ndarray, first_seed: int, code: str) -> dict[tuple, np.ndarray]:
    """As `_measured`, of (N, H, W, 3) uint8; `code` only tells results of other code apart in the cache."""
    torch.set_num_threads(1)
    found: dict[tuple, list] = {}
    for number, picture in enumerate(pictures):
        for key, value in _extract_one(picture, first_seed + number).items():
            found.setdefault(key, []).append(value)
    return {key: np.array(values) for key, values in found.items()}


def _extract_one(picture: np.ndarray, seed: int) -> dict[tuple, Any]:
    planes = planes_of(_saved(picture), QUALITY)
    before = [dctr(plane) for plane in planes]
    found: dict[tuple, Any] = {(NOTHING, LUMA, 0.0): np.concatenate(before)}
    for name, carrying in CASES:
        count = 1 if carrying == LUMA else len(planes)
        costs = [COSTS[name](plane) for plane in planes[:count]]
        for rate in RATES:
            after = embedded(planes, costs, rate, seed)
            features = [dctr(plane) for plane in after[:count]] + before[count:]
            moved = sum(np.count_nonzero(a.coefficients != b.coefficients) for a, b in zip(planes, after, strict=True))
            found[name, carrying, rate] = np.concatenate(features)
            found[name, carrying, rate, _CHANGED] = moved / planes[0].nonzero
    return found


def _saved(picture: np.ndarray) -> JpegPicture:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "cover.jpg"
        path.write_bytes(encode_jpeg(picture, QUALITY))
        return read_jpeg(path)


def _shown(plane: Luma) -> np.ndarray:
    """Pixels that a decoder has before it scales and converts colours, (H, W) float32, whole numbers."""
    return np.clip(np.rint(plane.pixels() + 128), 0, 255)


def _to_zigzag(table: np.ndarray) -> np.ndarray:
    return table.reshape(-1)[ZIGZAG]


if __name__ == "__main__":
    run_stage(main, "photographs", "out")
