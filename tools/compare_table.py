"""The table of tools.compare: its measurements and its Markdown."""

import platform
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from pipeline.stage import bar
from stegnet.config.config import Config
from stegnet.core.compute import make_deterministic, resolve
from stegnet.core.measures import SEALED, SIDES
from stegnet.core.samples import Base
from stegnet.core.shuffle import Shuffle
from stegnet.data.shards import data_hash
from stegnet.engines.tiling import Step, no_step
from stegnet.evaluation.quality import (
    PIXEL_MEASURES,
    Evaluator,
    HideRevealResult,
    PicturePairs,
    measure_quality,
    through_file,
)
from stegnet.evaluation.statistics import headline_kind
from stegnet.methods.network import HideResult, Network
from stegnet.models import build_from
from stegnet.record import through_bytes
from study.methods import read_out, swap_in
from tools.compare_train import Budget, Trained
from tools.cost import cost

LSB = "LSB swap"
ROUNDS = 7  # of timing
FRAME = 360, 640, 3
NONE = "–"
QUALITY = [f"{side}_{measure}" for side in SIDES for measure in PIXEL_MEASURES]
COST = ["parameters", "hide_kmac", "reveal_kmac"]
SPEED = ["hide_ms", "reveal_ms", "gpu_hide_ms", "gpu_reveal_ms"]
COLUMNS = ["row", *QUALITY, *COST, *SPEED, "pairs", "seconds", "pairs_per_second", "diverged"]
NOTE = """\
Container and secret: PSNR in dB / SSIM / APD, means over {pictures}, hidden with a key, shuffled and with
sealed bits, from PNG files. kMAC per pixel and ms per 640×360 frame: hiding, revealing. LSB swap: the cover's low
four bits are replaced by the secret's high four, without key or shuffle.
"""

Times = dict[str, dict[str, float]]  # by row and column
Job = Callable[[], Any]


class Unshuffled(Network):
    """A network that does not shuffle, for pairs trained without the shuffle."""

    def hide(
        self, cover: np.ndarray, secret: np.ndarray, shuffle: Shuffle | None, base: Base, step: Step = no_step
    ) -> HideResult:
        return super().hide(cover, secret, None, base, step)

    def reveal(self, container: np.ndarray, shuffle: Shuffle | None, base: Base, step: Step = no_step) -> np.ndarray:
        return super().reveal(container, None, base, step)


def measure(rows: list[Trained], data: Path) -> pd.DataFrame:
    """Quality, cost, speed and training of each row and of the classical method."""
    config = rows[0].config
    make_deterministic(config.seed, config.train.threads)
    lines = [_line(row, data) for row in rows]
    lines.append({"row": LSB} | _classical(data, config))
    times = frame_times([row for row in rows if row.run.finished])
    columns = [column for column in COLUMNS if torch.cuda.is_available() or not column.startswith("gpu")]
    return pd.DataFrame([line | times.get(line["row"], {}) for line in lines], columns=columns).convert_dtypes()


def _line(row: Trained, data: Path) -> dict[str, Any]:
    """A row's figures except its speed."""
    costs = cost(build_from(row.config.model))
    line = {"row": row.name, "parameters": costs.parameters}
    line |= {"hide_kmac": costs.hide_kmac, "reveal_kmac": costs.reveal_kmac}
    if row.run.diverged is not None:
        return line | {"diverged": row.run.diverged}
    pairs, seconds = row.run.pairs, row.run.seconds
    rate = pairs / seconds if seconds else None
    return line | {"pairs": pairs, "seconds": seconds, "pairs_per_second": rate} | _quality(row, data)


def _quality(row: Trained, data: Path) -> dict[str, float]:
    """Mean quality over the test pictures."""
    evaluator = Evaluator(_network(row, "auto"), data, row.config.evaluate.shift, row.config.seed)
    kind = headline_kind(evaluator.kinds)
    indices = bar(range(evaluator.count(kind)), f"{row.name}, quality", leave=False)
    return _means(evaluator.run(kind, index, SEALED) for index in indices)


def _classical(data: Path, config: Config) -> dict[str, float]:
    """Cost and mean quality of the classical method on the same pictures."""
    pairs = PicturePairs(data, config.evaluate.shift)
    kind = headline_kind(pairs.kinds)
    costs = {"parameters": 0, "hide_kmac": 0.0, "reveal_kmac": 0.0}
    return costs | _means(_swapped(*pairs.pair(kind, index)) for index in range(pairs.count(kind)))


def _swapped(cover: tuple[str, np.ndarray], secret: tuple[str, np.ndarray]) -> HideRevealResult:
    container = through_file(swap_in(cover[1], secret[1]))
    return HideRevealResult((cover[0], secret[0]), cover[1], container, secret[1], read_out(container))


def _means(results: Iterable[HideRevealResult]) -> dict[str, float]:
    return pd.DataFrame([measure_quality(trip) for trip in results]).mean().to_dict()


def _network(row: Trained, device: str) -> Network:
    return (Network if row.config.train.scrambled else Unshuffled).load(row.weights, device, backend="torch")


def frame_times(rows: list[Trained]) -> Times:
    """Milliseconds per frame: hide_ms and reveal_ms on the CPU, gpu_hide_ms and gpu_reveal_ms on a GPU."""
    torch.use_deterministic_algorithms(False)  # only needed in training
    times = _timed({row.name: _jobs(row, "cpu", "") for row in rows} | {LSB: _classical_jobs()})
    if torch.cuda.is_available():
        on_gpu = _timed({row.name: _jobs(row, "cuda", "gpu_") for row in rows})
        times |= {name: times[name] | more for name, more in on_gpu.items()}
    return times


def _jobs(row: Trained, device: str, prefix: str) -> dict[str, Job]:
    """Functions that hide and reveal one frame, after a warm-up of each."""
    network, (cover, secret) = _network(row, device), _frames()
    base = through_bytes(secret, network.base, network.quality, secret.size)
    container = network.hide(cover, secret, None, base).container
    network.reveal(container, None, base)
    return {
        f"{prefix}hide_ms": partial(network.hide, cover, secret, None, base),
        f"{prefix}reveal_ms": partial(network.reveal, container, None, base),
    }


def _classical_jobs() -> dict[str, Job]:
    cover, secret = _frames()
    return {"hide_ms": partial(swap_in, cover, secret), "reveal_ms": partial(read_out, cover)}


def _frames() -> np.ndarray:
    """A random cover and secret; the speed does not depend on their content."""
    return np.random.default_rng(0).integers(0, 256, (2, *FRAME), np.uint8)


def _timed(jobs: dict[str, dict[str, Job]]) -> Times:
    """Medians over rounds that run every job, so that background load affects all alike."""
    rounds = [
        {(row, column): _milliseconds(job) for row, columns in jobs.items() for column, job in columns.items()}
        for _ in bar(range(ROUNDS), "speed", leave=False)
    ]
    medians = pd.DataFrame(rounds).median()
    return {row: {column: float(medians[row, column]) for column in columns} for row, columns in jobs.items()}


def _milliseconds(job: Job) -> float:
    start = time.perf_counter()
    job()
    return 1000 * (time.perf_counter() - start)


def head(command: str, config: Config, data: Path, budget: Budget) -> str:
    """The text above the table."""
    train = config.train
    threads = f"{train.threads} thread" + "s" * (train.threads > 1)
    machine = f"{processor()}, {threads}, {resolve('auto', torch.device('cpu'))}"
    if torch.cuda.is_available():
        machine += f"; {torch.cuda.get_device_name()}, {resolve('auto', torch.device('cuda'))}"
    pictures = f"Data: {data_hash(data)[:12]}; batch {train.batch}, crop {train.crop}, seed {config.seed}."
    limits = f"Budget of a row: {budget.pairs} pairs, or {budget.seconds} s, whichever is reached first."
    above = f"`{command}`\n\nMachine: {machine}. {pictures} {limits}"
    return f"{above}\n\n{NOTE.format(pictures=_pictures(data, config))}"


def processor() -> str:
    """The CPU's model."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def _pictures(data: Path, config: Config) -> str:
    pairs = PicturePairs(data, config.evaluate.shift)
    kind = headline_kind(pairs.kinds)
    height, width = pairs.pair(kind, 0)[0][1].shape[:2]
    return f"{pairs.count(kind)} {kind} of {width}×{height}"


def write(table: pd.DataFrame, folder: Path, name: str, above: str) -> None:
    """Prints the table and writes <name>.md and <name>.csv."""
    text = f"# Comparison: {name}\n\n{above}\n{markdown(table)}"
    folder.mkdir(parents=True, exist_ok=True)
    table.round(4).to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
    (folder / f"{name}.md").write_text(text, encoding="utf-8")
    print(text, end="")


def markdown(table: pd.DataFrame) -> str:
    """The table in few and short columns, readable on a phone."""
    rows = [_cells(line) for line in table.to_dict("records")]
    lines = [list(rows[0]), ["---"] * len(rows[0]), *(list(row.values()) for row in rows)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _cells(line: dict[str, Any]) -> dict[str, str]:
    """The cells by heading."""
    step = line.get("diverged")
    cells = {
        " ": line["row"],
        "container": _quality_cell(line, "container") if pd.isna(step) else f"diverged at step {step}",
        "secret": _quality_cell(line, "secret"),
        "weights": f"{line['parameters'] / 1e6:.2f} M" if line["parameters"] else "0",
        "kMAC": _two(line, "hide_kmac", "reveal_kmac"),
        "ms": _two(line, "hide_ms", "reveal_ms"),
    }
    if "gpu_hide_ms" in line:
        cells["GPU ms"] = _two(line, "gpu_hide_ms", "gpu_reveal_ms")
    training = {"pairs": "pairs", "s": "seconds", "pairs/s": "pairs_per_second"}
    return cells | {heading: _short(line[column]) for heading, column in training.items()}


def _quality_cell(line: dict[str, Any], side: str) -> str:
    values = [line[f"{side}_{measure}"] for measure in PIXEL_MEASURES]
    return NONE if pd.isna(values[0]) else "{:.2f} / {:.3f} / {:.2f}".format(*values)


def _two(line: dict[str, Any], hide: str, reveal: str) -> str:
    return NONE if pd.isna(line[hide]) else f"{_short(line[hide])}, {_short(line[reveal])}"


def _short(value: float) -> str:
    """Rounded to an integer, or to one decimal below 10."""
    if pd.isna(value):
        return NONE
    return f"{value:.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"
