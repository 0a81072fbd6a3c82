"""The processes that train together, each on its device; the one door to Lightning Fabric."""

import dataclasses
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments import LightningEnvironment, TorchElasticEnvironment
from lightning_fabric.strategies import DDPStrategy, SingleDeviceStrategy
from torch import nn

from stegnet.core.config import AUTO, Config
from stegnet.core.errors import ConfigError
from stegnet.core.parallel import physical_cores
from stegnet.core.ranks import is_launched, local_world_size, world_size
from stegnet.models import build_from
from stegnet.models.precision import pick_device
from stegnet.training.launch import launch, supervised

logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it greets each process


def processes(config: Config) -> int:
    """The number of processes that train: as many as were started already, else what train.devices asks for.

    On the CPU, "auto" starts one process for each physical core, as far as they can share the batch evenly: processes
    meet once a step, where threads of one process meet in every operation, and wait for whatever else runs there.

    Raises:
        ConfigError: so many GPUs are not there, or the batch can't be shared out.
    """
    train, gpus = config.train, torch.cuda.device_count() if torch.cuda.is_available() else 0
    if is_launched():
        count = world_size()
    elif train.devices == AUTO:
        count = gpus or _even_shares(config)
    else:
        count = train.devices
    if gpus and not is_launched() and count > gpus:
        raise ConfigError(f"params.yaml: train.devices: there are {gpus} GPUs, not {count}")
    if train.batch % (count * train.accumulate):
        shares = f"{count} processes in {train.accumulate} parts each (train.accumulate)"
        raise ConfigError(f"params.yaml: train.batch: {train.batch} pairs can't be shared out to {shares}")
    return count


def _even_shares(config: Config) -> int:
    """The most processes, one a core, that get equal shares of a batch; one where a network normalises by its batch."""
    with torch.device("meta"):
        parts = build_from(dataclasses.replace(config.model, pretrained=False)).modules()
    if any(isinstance(part, nn.modules.batchnorm._BatchNorm) for part in parts):
        return 1
    counts = range(physical_cores(), 1, -1)
    return next((count for count in counts if config.train.batch % (count * config.train.accumulate) == 0), 1)


@contextmanager
def shared_out(module: str, config: Config) -> Iterator[None]:
    """Runs the block in each of the processes that train together, started by `python -m module` where need be.

    Raises:
        SystemExit: in the process that started the others, once they have ended.
        ConfigError, TrainingError: as `processes` and `launch`.
    """
    count = processes(config)
    if count != world_size():
        sys.exit(launch(module, count))
    with supervised():
        yield


def open_fabric(config: Config) -> Fabric:
    """Joins the processes that train together, and takes this one's device.

    Raises:
        ConfigError: as `processes`, or this process should be one of several and is alone.
    """
    if processes(config) != world_size() and config.train.devices != AUTO:
        raise ConfigError(
            f"params.yaml: train.devices: {config.train.devices} processes are started by `python -m pipeline.train`",
            "or start them with torchrun",
        )
    device = pick_device()
    together = world_size() > 1
    here = local_world_size()
    fabric = Fabric(
        accelerator=device.type,
        devices=here,
        num_nodes=world_size() // here,
        strategy=DDPStrategy() if together else SingleDeviceStrategy(device),
        plugins=[TorchElasticEnvironment() if together else LightningEnvironment()],
    )
    fabric.launch()
    return fabric
