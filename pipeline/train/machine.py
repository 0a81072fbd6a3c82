"""The meaning of "auto" on this machine: processes, precision, and loaders of a training; `cpu_threads` are threads."""

import logging
from dataclasses import replace

import torch

from pipeline.config import Config, TrainConfig
from stegnet.core.compute import cpu_threads, has_bf16, has_fp16, resolve
from stegnet.core.errors import ConfigError
from stegnet.core.parallel import is_launched, local_world_size, physical_cores, world_size
from stegnet.networks.layers import has_batch_norms
from stegnet.networks.pair import build_from

_log = logging.getLogger(__name__)


def process_count(config: Config, gpus: int | None = None, cores: int | None = None) -> int:
    """Return the number of training processes: those already launched, or else as train.devices says.

    "auto" is one process per GPU, at most one per pair of the batch. On the CPU, it is one per physical core, as long
    as the batch divides evenly: processes synchronise once a step, where the threads of one process synchronise in
    every operation.

    Args:
        config: parameters of the pipeline.
        gpus: number of GPUs; None: those of this machine.
        cores: number of physical cores; None: those of this machine.

    Raises:
        ConfigError: there are fewer GPUs, or fewer pairs in a batch.
    """
    train = config.train
    if gpus is None:
        gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if is_launched():
        count = world_size()
        if gpus and local_world_size() > gpus:
            raise ConfigError(f"{local_world_size()} processes were started here, for {gpus} GPUs", "start one per GPU")
    elif not isinstance(train.devices, str):
        count = train.devices
    elif gpus > train.batch:
        count = train.batch
        _log.warning("train.batch: %d pairs keep %d of %d GPUs busy; a larger batch uses all", count, count, gpus)
    else:
        count = gpus or _cpu_processes(config, cores or physical_cores())
    if gpus and not is_launched() and count > gpus:
        raise ConfigError(f"params.yaml: train.devices: there are {gpus} GPUs, not {count}")
    if count > train.batch:
        raise ConfigError(f"params.yaml: train.batch: {train.batch} pairs can't be divided among {count} processes")
    return count


def _cpu_processes(config: Config, cores: int) -> int:
    """Return the largest number of processes, at most one per core, that divides the batch evenly.

    It is 1 if the model has batch normalisation, whose statistics depend on the division.
    """
    with torch.device("meta"):
        pair = build_from(replace(config.model, pretrained=False))
    if has_batch_norms(pair):
        return 1
    counts = range(cores, 1, -1)
    return next((count for count in counts if config.train.batch % (count * config.train.accumulate) == 0), 1)


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
    if device.type == "cpu":
        return 1
    most_loaders = 16  # each delivers 300 to 750 pairs a second, and a GPU trains on up to 7,700
    return min(most_loaders, cpu_threads("auto"))
