"""Training processes, each with a device and a share of every batch; the only module that imports Lightning Fabric."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise

import pynvml
import torch
from torch import Tensor

from pipeline.config import Config, TrainConfig
from pipeline.train.launch import launch, launched
from pipeline.train.run import TrainingRun
from stegnet.core.compute import cpu_threads, device_name
from stegnet.core.disk import disk_errors
from stegnet.core.errors import ConfigError, extra
from stegnet.core.parallel import AUTO, is_launched, local_world_size, physical_cores, rank, world_size
from stegnet.networks.layers import has_batch_norms
from stegnet.networks.pair import build_from

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


def process_count(config: Config, gpus: int | None = None, cores: int | None = None) -> int:
    """Return the number of training processes: those already launched, or else as train.devices says.

    "auto" is one process per GPU, at most one per pair of the batch. On the CPU, it is one per physical core, as long
    as the batch divides evenly: processes synchronise once a step, where the threads of one process synchronise in
    every operation.

    Args:
        config: parameters of the pipeline.
        gpus: number of GPUs on all machines; None: those of this one.
        cores: number of physical cores on all machines; None: those of this one.

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
    if config.train.launcher == "ray" and not is_launched():
        with extra("cluster", "train.launcher ray"):
            from pipeline.train import ray_launch
        threads = 1 if isinstance(config.train.threads, str) else config.train.threads
        with ray_launch.cluster() as (gpus, cores):
            count = process_count(config, gpus, cores // threads)
            if not gpus and count * threads > cores:
                message = f"params.yaml: train.devices: the cluster has {cores} CPUs, not {count} × {threads}"
                raise ConfigError(message)
            ray_launch.launch(module, count, {"CPU": threads, "GPU": min(gpus, 1)})
        sys.exit()
    count = process_count(config)
    if count != world_size():
        sys.exit(launch(module, count))
    with launched(), disk_errors():
        yield


class _Environment(TorchElasticEnvironment):
    """The environment that torchrun sets. On a cluster, machines may run different numbers of processes."""

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
