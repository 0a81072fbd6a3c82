"""The processes that train together, each on its device; the one door to Lightning Fabric."""

import logging
import os

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments import LightningEnvironment, TorchElasticEnvironment
from lightning_fabric.strategies import DDPStrategy, SingleDeviceStrategy

from stegnet.config import TrainConfig
from stegnet.errors import ConfigError
from stegnet.models.precision import pick_device
from stegnet.training.ranks import is_launched, world_size

logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it greets each process


def processes(config: TrainConfig) -> int:
    """How many processes train: as many as were started already, else what train.devices asks for.

    Raises:
        ConfigError: so many GPUs are not there, or the batch can't be shared out.
    """
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    count = world_size() if is_launched() else config.devices or max(1, gpus)
    if gpus and not is_launched() and count > gpus:
        raise ConfigError(f"params.yaml: train.devices: there are {gpus} GPUs, not {count}")
    if config.batch % (count * config.accumulate):
        shares = f"{count} processes in {config.accumulate} parts each (train.accumulate)"
        raise ConfigError(f"params.yaml: train.batch: {config.batch} pairs can't be shared out to {shares}")
    return count


def open_fabric(config: TrainConfig) -> Fabric:
    """Joins the processes that train together, and takes this one's device.

    Raises:
        ConfigError: as `processes`, or this process should be one of several and is alone.
    """
    if processes(config) != world_size():
        raise ConfigError(
            f"params.yaml: train.devices: {config.devices} processes are started by `python -m pipeline.train`",
            "or start them with torchrun",
        )
    device = pick_device()
    together = world_size() > 1
    here = int(os.environ["LOCAL_WORLD_SIZE"]) if together else 1
    fabric = Fabric(
        accelerator=device.type,
        devices=here,
        num_nodes=world_size() // here,
        strategy=DDPStrategy(gradient_as_bucket_view=True) if together else SingleDeviceStrategy(device),
        plugins=[TorchElasticEnvironment() if together else LightningEnvironment()],
    )
    fabric.launch()
    return fabric
