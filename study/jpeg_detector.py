"""Stage jpeg_detector: a network is trained to find the method jpeg, and published methods beside it.

Photographs are split once: what is made of one is either trained on or tested on. Training begins with what is easy to
find; each further method or rate starts from the network of an easier one (Yousfi, Butora, Fridrich and Giboulot 2019,
"Breaking ALASKA", ACM IH&MMSec). Networks and containers are kept in the cache folder: a run goes on where it stopped.
The network is evidence only where it finds its controls, steghide and nsF5, as well as features do.
"""

import hashlib
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from joblib import Memory

from pipeline.stage import bar, run_stage, write_json, write_table
from stegnet.config.config import Config
from stegnet.core.compute import make_deterministic, pick_device
from stegnet.data.store import cache_folder
from stegnet.media import atomic_write
from study import jpeg_network
from study.jpeg_features import Luma
from study.jpeg_hiders import HIDERS, JPEG, NOTHING, NSF5, STEGHIDE, saved_luma
from study.jpeg_network import JpegNetwork, LumaPairs, score, train_network
from study.jpeg_steganalysis import CHUNK, SIDE, code_of, is_available, middle, reduced_photographs
from study.methods import container_seed
from study.pairs import evenly
from study.scores import summarise
from study.steganalysis import in_processes

QUALITY = 75
TEST_SHARE = 0.28  # of the photographs
TEST_NUMBERS = 100_000  # of the first test container, so that no key is used in both training and test
BACKBONES = {"cuda": ("efficientnet_b0", None), "cpu": ("resnet10t", 4)}  # and how many of its stages are used
TABLE = "jpeg_detector.csv"


@dataclass(frozen=True)
class Rung:
    """A method at a rate that a network is trained on.

    Attributes:
        steps: of training.
        follows: name of the rung whose network it starts from; "" if it starts from nothing.
    """

    method: str
    rate: float
    steps: int
    follows: str = ""

    @property
    def name(self) -> str:
        return f"{self.method}_{self.rate:g}"


RUNGS = (
    Rung(STEGHIDE, 0.05, 800),
    Rung(NSF5, 0.2, 500, f"{STEGHIDE}_0.05"),
    Rung(JPEG, 0.4, 1000, f"{NSF5}_0.2"),
    Rung(JPEG, 0.2, 600, f"{JPEG}_0.4"),
    Rung(JPEG, 0.1, 800, f"{JPEG}_0.2"),
    Rung(JPEG, 0.05, 500, f"{JPEG}_0.1"),
)


def main(config: Config, photographs: Path, out: Path, backbone: Path | None = None) -> None:
    """Trains and tests all rungs.

    Args:
        backbone: name of a timm model, of which all stages are used; None: that of BACKBONES.
    """
    make_deterministic(config.seed, config.train.threads)
    known, unseen = split(reduced_photographs(photographs))
    name, levels = (str(backbone), None) if backbone else BACKBONES[pick_device().type]
    networks = {"": JpegNetwork(saved_luma(known[0], QUALITY).table, name, levels)}
    rows = []
    for rung in RUNGS:
        if is_available(rung.method):
            start = networks.get(rung.follows, networks[""])  # untrained if an easier method is not installed
            row, networks[rung.name] = measure(rung, known, unseen, start, config.seed)
            rows.append({"backbone": name} | row)
            write_table(out / TABLE, pd.DataFrame(rows))
    headline = {f"jpeg_detector_{row['method']}_{row['rate']:g}": round(row["accuracy"], 4) for row in rows}
    write_json(out / "metrics.json", headline)
    print("the network is right about:", ", ".join(f"{name} {share:.1%}" for name, share in headline.items()))


def split(photographs: list[np.ndarray]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Covers to train on, two of each photograph, and to test on, one of each other; (SIDE, SIDE, 3) uint8."""
    chosen = set(evenly(list(range(len(photographs))), round(TEST_SHARE * len(photographs))))
    known = [end for number, photograph in enumerate(photographs) if number not in chosen for end in _ends(photograph)]
    return known, [middle(photographs[number]) for number in sorted(chosen)]


def measure(
    rung: Rung, known: list[np.ndarray], unseen: list[np.ndarray], start: JpegNetwork, seed: int
) -> tuple[dict[str, Any], JpegNetwork]:
    """The row of a rung, and its network."""
    training = luma_pairs(rung, known, container_seed(seed, 0))
    test = luma_pairs(rung, unseen, container_seed(seed, TEST_NUMBERS))
    network = _kept(rung, start, training, seed)
    named = {"quality": QUALITY, "method": rung.method, "rate": rung.rate, "steps": rung.steps, "follows": rung.follows}
    counts = {"pairs": len(training), "tested": len(test)}
    return named | counts | summarise([score(network, test)], seed), network


def luma_pairs(rung: Rung, pictures: list[np.ndarray], first_seed: int) -> LumaPairs:
    """Luma of pictures saved as JPEG, and of their containers; from the cache where it is in it."""
    return LumaPairs(*(_luma(method, rung.rate, pictures, first_seed) for method in (NOTHING, rung.method)))


def _luma(method: str, rate: float, pictures: list[np.ndarray], first_seed: int) -> np.ndarray:
    cached = Memory(cache_folder() / "containers", verbose=0).cache(_coefficients)
    rate = 0.0 if method == NOTHING else rate
    jobs = [
        partial(cached, method, rate, np.stack(pictures[start : start + CHUNK]), first_seed + start, code_of(method))
        for start in range(0, len(pictures), CHUNK)
    ]
    table = saved_luma(pictures[0], QUALITY).table
    found = in_processes(jobs, f"{method} {rate:g}")
    return np.stack([Luma(coefficients, table, QUALITY).pixels() for part in found for coefficients in part])


def _coefficients(method: str, rate: float, pictures: np.ndarray, first_seed: int, code: str) -> np.ndarray:
    """Of containers, (N, rows, columns, 8, 8) int16; `code` only tells results of other code apart in the cache."""
    torch.set_num_threads(1)
    lumas = [HIDERS[method](picture, QUALITY, rate, first_seed + number) for number, picture in enumerate(pictures)]
    return np.stack([luma.coefficients for luma in lumas]).astype(np.int16)


def _kept(rung: Rung, start: JpegNetwork, pairs: LumaPairs, seed: int) -> JpegNetwork:
    """A rung's network: from the cache if the same was trained before."""
    told = hashlib.sha256(repr((rung.name, rung.steps, rung.follows, seed, pairs.covers.shape)).encode())
    for values in (*start.state_dict().values(), *map(torch.from_numpy, (pairs.covers, pairs.containers))):
        told.update(values.cpu().numpy().tobytes())
    told.update(Path(jpeg_network.__file__).read_bytes())
    path = cache_folder() / "networks" / f"{told.hexdigest()}.pt"
    if not path.exists():
        network = train_network(start, pairs, rung.steps, seed, partial(bar, desc=f"{rung.name}: {len(pairs)} pairs"))
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as part:
            torch.save(network.state_dict(), part)
    network = deepcopy(start)
    network.load_state_dict(torch.load(path, weights_only=True))
    return network.to(pick_device()).eval()


def _ends(photograph: np.ndarray) -> Iterator[np.ndarray]:
    """Both ends of a photograph whose shorter side has SIDE pixels."""
    yield photograph[:SIDE, :SIDE]
    yield photograph[-SIDE:, -SIDE:]


if __name__ == "__main__":
    run_stage(main, "photographs", "out", "backbone?")
