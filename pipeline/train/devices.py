"""Training processes, each with a device and a share of every batch; the only module that imports Lightning Fabric."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

import pynvml
import torch
from torch import Tensor

from pipeline.config import Config, TrainConfig
from pipeline.train.launch import launch, launched
from pipeline.train.machine import process_count
from pipeline.train.run import TrainingRun
from stegnet.core.compute import device_name
from stegnet.core.disk import disk_errors
from stegnet.core.errors import ConfigError
from stegnet.core.parallel import AUTO, local_world_size, rank, world_size

# Fabric looks up the version of torchmetrics by importing it, and with it torchvision, which takes two seconds. The
# parts of Fabric that are used here don't need it.
sys.modules.setdefault("torchmetrics", None)  # type: ignore[arg-type]  # None: the import fails, as Python documents
from lightning_fabric import Fabric as Fabric  # noqa: E402, PLC0414
from lightning_fabric.plugins.environments.lightning import LightningEnvironment  # noqa: E402
from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment  # noqa: E402
from lightning_fabric.strategies.ddp import DDPStrategy  # noqa: E402
from lightning_fabric.strategies.single_device import SingleDeviceStrategy  # noqa: E402

if sys.modules["torchmetrics"] is None:
    del sys.modules["torchmetrics"]

logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it logs a line for each process

# Environment variable with the backend of torch.distributed: gloo lets processes share a GPU, which NCCL refuses.
BACKEND = "STEGNET_DISTRIBUTED_BACKEND"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class BatchShare:
    """Consecutive pairs of each batch that one process computes, in parts: equal ones if the batch divides evenly."""

    batch: int  # pairs in a whole batch
    start: int  # index in the batch of the first pair
    size: int  # number of pairs
    count: int  # number of parts, at most the size

    @classmethod
    def of_this_process(cls, config: TrainConfig) -> "BatchShare":
        """Return the share of this process, by its rank among all training processes."""
        start, end = (config.batch * number // world_size() for number in (rank(), rank() + 1))
        return cls(config.batch, start, end - start, min(config.accumulate, end - start))

    def pairs(self, step: int) -> range:
        """Return the indices of the training pairs of a step."""
        first = step * self.batch + self.start
        return range(first, first + self.size)

    def parts(self) -> Iterator[tuple[slice, slice]]:
        """Yield the slices of each part: in the share, and in the whole batch."""
        for first, end in pairwise(self.size * part // self.count for part in range(self.count + 1)):
            yield slice(first, end), slice(self.start + first, self.start + end)

    def divisor(self, part: slice) -> float:
        """Return the divisor of a part's mean.

        With it, the mean over all processes of the parts' sums is the mean over the batch.
        """
        size: int = part.stop - part.start
        return self.batch / (size * world_size())


def training_setup(run: TrainingRun) -> dict[str, str]:
    """Return device and precision of a training's first process, and the number of processes, by name."""
    batch = run.config.train.batch
    count = world_size()
    least = batch // count
    each = f"{least} or {least + 1}" if batch % count else str(least)
    return {
        "device": device_name(run.device),
        "precision": run.precision,
        "processes": f"{count}, each with {each} of the batch's {batch} pairs",
    }


def unused_gpus() -> str:
    """Describe the NVIDIA driver of this machine if it has GPUs and PyTorch can't use them; else return "".

    GPUs that CUDA_VISIBLE_DEVICES hides are not meant to be used.
    """
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1", "NoDevFiles")  # NoDevFiles is SLURM's
    if hidden or torch.cuda.is_available():
        return ""
    try:
        pynvml.nvmlInit()
        count = pynvml.nvmlDeviceGetCount()
        driver = pynvml.nvmlSystemGetDriverVersion()
    except pynvml.NVMLError:  # there is no driver, or it does not work
        return ""
    built_for = f"CUDA {torch.version.cuda}" if torch.version.cuda else "the CPU only"
    return f"{count} GPUs with NVIDIA's driver {driver}; PyTorch {torch.__version__} is built for {built_for}"


@contextmanager
def training_processes(module: str, config: Config) -> Iterator[None]:
    """Run the block in each of the processes that train together, launched as `python -m module` if needed.

    The launching process exits when the launched ones have ended.
    """
    count = process_count(config)
    if count != world_size():
        sys.exit(launch(module, count))
    with launched(), disk_errors():
        yield


class _Environment(TorchElasticEnvironment):
    """The environment that torchrun sets. Machines may run different numbers of processes."""

    def validate_settings(self, num_devices: int, num_nodes: int) -> None:
        """Accept unequal numbers, which the base class refuses."""


def open_fabric(config: Config, device: torch.device) -> Fabric:
    """Connect this process to the others that train, on its own device."""
    if process_count(config) != world_size() and config.train.devices != AUTO:
        raise ConfigError(
            f"params.yaml: train.devices: {config.train.devices} processes are started by `python -m pipeline.train`",
            "or start them with torchrun",
        )
    several = world_size() > 1
    backend = os.environ.get(BACKEND) or None  # None: PyTorch's for the device
    fabric = Fabric(
        accelerator=device.type,
        devices=local_world_size(),
        num_nodes=world_size() // local_world_size(),
        strategy=DDPStrategy(process_group_backend=backend) if several else SingleDeviceStrategy(device),
        plugins=[_Environment() if several else LightningEnvironment()],
    )
    fabric.launch()
    return fabric


def mean_over_processes(fabric: Fabric, values: Tensor) -> Tensor:
    """Return the mean of a tensor over all training processes, in each of them."""
    mean = fabric.all_reduce(values, reduce_op="mean")
    assert isinstance(mean, Tensor)
    return mean
