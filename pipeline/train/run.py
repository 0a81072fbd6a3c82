"""One exact training: its parameters, its pictures, its task, and where it is computed."""

import hashlib
import inspect
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from pipeline.config import Config
from pipeline.fingerprint import code_hashes, source_hash, stage_code
from pipeline.shards import data_hash
from pipeline.train.hiding_task import HidingTask
from pipeline.train.machine import loader_processes, training_precision
from pipeline.train.task import TrainingTask
from stegnet.core.compute import cpu_threads, pick_device
from stegnet.core.parallel import world_size
from stegnet.networks.card import SHIPPED, weights_id
from stegnet.networks.pair import Pair, find_family

# From a pair, the parameters, a precision and the number of steps.
TaskFactory = Callable[[Any, Any, str, int], TrainingTask[Any]]  # of the task's own kinds of pair and parameters


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

    config: Config
    data: Path
    device: torch.device
    precision: str
    threads: int
    loaders: int
    fingerprint: str
    task: TaskFactory

    @property
    def settings(self) -> dict[str, object]:
        """Everything that decides the weights, for their card."""
        origin = {"data": data_hash(self.data), "source": self.config.data.source, "device": self.device.type}
        origin |= {"precision": self.precision}
        # So that other stages also run again if the network's code changes.
        return {**settings_of(self.config), **origin, "code": code_hashes(self.config)["network"]}


def prepare_run(config: Config, data: Path, task: TaskFactory = HidingTask) -> TrainingRun:
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


def fingerprint(config: Config, data: Path, device: torch.device, precision: str, task: TaskFactory) -> str:
    """Identify one exact training by its settings, pictures, device, precision, PyTorch version and code.

    Changed code does not resume old checkpoints: that of stage train, of the task, and of the network.
    """
    network = [inspect.getfile(kind) for kind in find_family(config.model.name).__mro__ if kind not in Pair.__mro__]
    code = [source_hash([*stage_code("train"), inspect.getfile(task), *network]), code_hashes(config)]
    parts = [settings_of(config), data_hash(data), device.type, precision, torch.__version__, code]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def settings_of(config: Config) -> dict[str, object]:
    """Return the parameters that decide the weights, with "shipped" resolved."""
    cost_only_time = {"workers", "checkpoint"}
    train = {key: value for key, value in asdict(config.train).items() if key not in cost_only_time}
    train |= {"devices": world_size(), "threads": cpu_threads(config.train.threads)}
    if config.train.start == "shipped":
        train["start"] = weights_id(SHIPPED)
    decide_no_weights = {"code", "data", "evaluate", "detect", "video"}
    settings = {name: value for name, value in asdict(config).items() if name not in decide_no_weights}
    return settings | {"train": train}
