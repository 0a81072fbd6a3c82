"""One exact training, its parameters, pictures and task, where it is computed, and the files that it writes."""

import csv
import hashlib
import inspect
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean
from typing import Any

import torch

from pipeline.fingerprint import source_hash, stage_code
from pipeline.parameters.training import TrainConfig, TrainParameters
from pipeline.shards import data_hash
from pipeline.train.hiding import HidingTask, Point
from pipeline.train.losses import FIGURES
from pipeline.train.own_code import code_hashes
from stegnet.core.compute import cpu_threads, has_bf16, has_fp16, pick_device, resolve
from stegnet.core.disk import atomic_write
from stegnet.core.measures import CONTAINER_PSNR, SECRET_PSNR
from stegnet.core.parallel import world_size
from stegnet.networks.card import SHIPPED, Card, weights_id
from stegnet.networks.pair import Pair, find_family, options_of, receptive_fields, save_pair

# From a pair, the parameters, a precision and the number of steps.
TaskFactory = Callable[[Any, Any, str, int], HidingTask]  # of the task's own kinds of pair and parameters


@dataclass(frozen=True)
class TrainingRun:
    """A training in this process, resolved once by `prepare_run`.

    Attributes:
        config: the parameters.
        data: folder of the shards.
        device: device of this process.
        precision: "bf16", "fp16" or "fp32".
        threads: CPU threads of this process.
        loaders: processes that load this one's pairs.
        fingerprint: names the training; a changed parameter, picture or line of code gives another.
        task: makes what the pair learns.
    """

    config: TrainParameters
    data: Path
    device: torch.device
    precision: str
    threads: int
    loaders: int
    fingerprint: str
    task: TaskFactory


def prepare_run(config: TrainParameters, data: Path, task: TaskFactory = HidingTask) -> TrainingRun:
    """Resolve a training on the shards in `data`, for this process.

    `task` makes what the pair learns, from pair, parameters, precision and number of steps.

    Raises:
        ConfigError: there is no such family, device or precision.
    """
    device = pick_device()
    precision = training_precision(config.train.precision, device)
    threads = cpu_threads(config.train.threads)
    loaders = loader_processes(config.train, device)
    name = fingerprint(config, data, device, precision, task)
    return TrainingRun(config, data, device, precision, threads, loaders, name, task)


def training_precision(precision: str, device: torch.device) -> str:
    """Return a precision to train in: for "auto" bf16 where it is fast, else fp16 where that is, else fp32.

    Raises:
        ConfigError: the GPU doesn't support it.
    """
    if precision == "fp16" or (precision == "auto" and has_fp16(device) and not has_bf16(device)):
        return "fp16"
    return resolve(precision, device)


def loader_processes(config: TrainConfig, device: torch.device) -> int:
    """Return the number of processes that load this one's pairs; "auto": one beside a CPU, which computes on all cores.

    A GPU needs more pairs than one process loads, and leaves the cores idle.
    """
    if not isinstance(config.workers, str):
        return config.workers
    most_loaders = 16  # each delivers 300 to 750 pairs a second, and a GPU trains on up to 7,700
    return 1 if device.type == "cpu" else min(most_loaders, cpu_threads("auto"))


def fingerprint(config: TrainParameters, data: Path, device: torch.device, precision: str, task: TaskFactory) -> str:
    """Identify one exact training by its settings, pictures, device, precision, PyTorch version and code.

    Changed code does not resume old checkpoints: that of stage train, of the task, and of the network.
    """
    network = [inspect.getfile(kind) for kind in find_family(config.model.name).__mro__ if kind not in Pair.__mro__]
    code = [source_hash([*stage_code("train"), inspect.getfile(task), *network]), code_hashes(config)]
    parts = [settings_of(config), data_hash(data), device.type, precision, torch.__version__, code]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def settings_of(config: TrainParameters) -> dict[str, object]:
    """Return the parameters that decide the weights, with "shipped" resolved."""
    cost_only_time = {"workers", "checkpoint"}
    train = {key: value for key, value in asdict(config.train).items() if key not in cost_only_time}
    train |= {"devices": world_size(), "threads": cpu_threads(config.train.threads)}
    if config.train.start == "shipped":
        train["start"] = weights_id(SHIPPED)
    decide_no_weights = {"code", "data", "evaluate", "detect", "video"}
    settings = {name: value for name, value in asdict(config).items() if name not in decide_no_weights}
    return settings | {"train": train}


def make_card(
    run: TrainingRun, curve: Sequence[Point], names: Sequence[str], best: dict[str, float], pair: Pair
) -> Card:
    """Return the card of the weights that a training produces.

    Its figures are means of `names` over the last tenth of the curve, and those of the best step.
    """
    model = run.config.model
    scramble = asdict(run.config.scramble) | {"period": pair.period().item()}
    settings = settings_of(run.config) | {"data": data_hash(run.data), "source": run.config.data.source}
    settings |= {"device": run.device.type, "precision": run.precision}
    settings["code"] = code_hashes(run.config)["network"]  # so that other stages run again if it changes
    last = curve[-max(1, len(curve) // 10) :]
    figures = {f"training_{name}": round(mean(point[name] for point in last), 4) for name in names}
    return Card(model.name, options_of(model), scramble, settings, figures | best, receptive_fields(pair))


def write_weights(path: Path, pair: Pair, card: Card) -> None:
    """Write the weights file, and its card beside it as JSON for readers without safetensors."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as part:
        save_pair(part, pair, card)
    with atomic_write(path.with_suffix(".json")) as part:
        part.write_text(json.dumps(asdict(card), indent=2, sort_keys=True) + "\n", encoding="utf-8")


def write_curve(path: Path, points: Sequence[Point]) -> None:
    """Write the training curve as CSV, replacing the file at once, since DVC plots it while the training runs.

    Cells without a figure are empty.
    """
    plotted = (*FIGURES, CONTAINER_PSNR, SECRET_PSNR)
    columns = dict.fromkeys([*points[0], *plotted, *(name for point in points for name in point)])
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as part, open(part, "w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, columns, lineterminator="\n")
        table.writeheader()
        table.writerows(points)
