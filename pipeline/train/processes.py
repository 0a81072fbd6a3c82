"""The processes that train together: how many, how they are started and ended, and what they exchange.

On one machine, `python -m pipeline.train` starts them; `torchrun` by hand works too, also across machines. Each
computes an equal share of every batch on a device of its own.
"""

import logging
import os
import runpy
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pynvml
import torch
from torch import Tensor, distributed
from torch.multiprocessing.spawn import ProcessContext, ProcessException, spawn

from pipeline.parameters.training import TrainParameters
from stegnet.core.disk import disk_errors, temporary_folder
from stegnet.core.errors import ConfigError, TrainingError
from stegnet.core.parallel import AUTO, is_launched, local_world_size, physical_cores, rank, world_size
from stegnet.networks.layers import has_batch_norms
from stegnet.networks.pair import build_from

# Environment variable with the backend of torch.distributed: gloo lets processes share a GPU, which NCCL refuses.
BACKEND = "STEGNET_DISTRIBUTED_BACKEND"
_MEETING = "STEGNET_DISTRIBUTED_FILE"  # where processes meet that `launch` has started
Value = TypeVar("Value")

logging.getLogger("torch.multiprocessing.spawn").setLevel(logging.ERROR)  # failures are reported here


# Starting them


def process_count(config: TrainParameters, gpus: int | None = None, cores: int | None = None) -> int:
    """Return the number of training processes: those already launched, or else as train.devices says.

    "auto" is the largest number that divides the batch evenly, at most one per GPU; without GPUs, at most one per
    physical core, since processes synchronise once a step, where the threads of one synchronise in every operation. On
    the CPU it is 1 for a network with batch normalisation, whose statistics depend on the division.

    Args:
        config: parameters of the pipeline.
        gpus: number of GPUs; None: those of this machine.
        cores: number of physical cores; None: those of this machine.

    Raises:
        ConfigError: there are fewer GPUs, or they can't divide a batch evenly.
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
        if gpus and count > gpus:
            raise ConfigError(f"params.yaml: train.devices: there are {gpus} GPUs, not {count}")
    else:
        most = gpus or (1 if _has_batch_norms(config) else cores or physical_cores())
        parts = train.batch // train.accumulate
        count = next(count for count in range(most, 0, -1) if parts % count == 0)
        if count < gpus:
            said = "train.batch: %d pairs in %d parts keep %d of %d GPUs busy; a multiple of %d uses all"
            logging.warning(said, train.batch, train.accumulate, count, gpus, gpus * train.accumulate)
    if train.batch % (count * train.accumulate):
        each = f", in {train.accumulate} parts each" if train.accumulate > 1 else ""
        reason = f"{train.batch} pairs can't be divided evenly among {count} processes{each}"
        raise ConfigError(f"params.yaml: train.batch: {reason}")
    return count


def _has_batch_norms(config: TrainParameters) -> bool:
    with torch.device("meta"):
        return has_batch_norms(build_from(replace(config.model, pretrained=False)))


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
def training_processes(module: str, config: TrainParameters) -> Iterator[None]:
    """Run the block in each of the processes that train together, started as `python -m module` if needed.

    The process that starts them exits when they have ended.
    """
    count = process_count(config)
    if count != world_size():
        launch(module, count)
        sys.exit()
    with disk_errors():
        yield


def launch(module: str, count: int) -> None:
    """Run `python -m module` with this process's arguments in `count` processes, which end when this one does.

    Each reports its own errors; this process exits as the first that failed, or as it was stopped.

    Raises:
        TrainingError: one was killed, or failed by an error that is not stegnet's.
    """
    with temporary_folder() as folder:
        started = spawn(_run, (module, count, folder / "meeting", sys.argv), count, join=False)
        assert isinstance(started, ProcessContext)
        try:
            while not started.join():
                pass
        except ProcessException as error:
            codes = [process.exitcode or 0 for process in started.processes]
            for number, code in enumerate(codes):
                if code < 0 and code != -signal.SIGTERM:  # by which those that are left are ended
                    name = signal.Signals(-code).name
                    hint = "possibly out of memory, or of /dev/shm (docker run --shm-size 1g)"
                    raise TrainingError(f"process {number} of the training was ended by {name}", hint) from None
            first = error.error_index
            crashed = [Path(file).exists() for file in started.error_files]
            reported = [code for code, crash in zip(codes, crashed, strict=True) if 0 < code < 128 and not crash]
            if reported:
                sys.exit(reported[0])
            if crashed[first]:
                print(error, file=sys.stderr)
                raise TrainingError(f"process {first} of the training failed") from None
            sys.exit(codes[first])  # of a signal
        except KeyboardInterrupt as stop:
            sys.exit(128 + next(iter(stop.args), signal.SIGINT))
        finally:
            for process in started.processes:
                process.terminate()
                process.join()


def _run(number: int, module: str, count: int, meeting: Path, arguments: list[str]) -> None:
    """Run a module as one of `count` processes, in the environment that torchrun would give it."""
    ranks = {"RANK": number, "LOCAL_RANK": number, "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count}
    os.environ |= {_MEETING: str(meeting)} | {name: str(value) for name, value in ranks.items()}
    sys.argv = arguments
    signal.signal(signal.SIGINT, signal.default_int_handler)  # sent if the parent ends
    runpy.run_module(module, run_name="__main__", alter_sys=True)


# Exchange


@contextmanager
def connected(config: TrainParameters, device: torch.device) -> Iterator[None]:
    """Connect this process, on its own device, to the others that train, for the block."""
    if process_count(config) != world_size() and config.train.devices != AUTO:
        raise ConfigError(
            f"params.yaml: train.devices: {config.train.devices} processes are started by `python -m pipeline.train`",
            "or start them with torchrun",
        )
    if device.type == "cuda":
        torch.cuda.set_device(device)
    if world_size() == 1:
        yield
        return
    meeting = f"file://{os.environ[_MEETING]}" if _MEETING in os.environ else None  # None: where torchrun says
    distributed.init_process_group(os.environ.get(BACKEND) or None, meeting, rank=rank(), world_size=world_size())
    try:
        yield
    finally:
        distributed.destroy_process_group()


def mean_over_processes(values: Tensor) -> Tensor:
    """Return the mean of a tensor over all training processes, in each of them."""
    if world_size() > 1:
        distributed.all_reduce(values)
        values /= world_size()
    return values


def from_first_process(value: Value) -> Value:
    """Return the value of the first process, in each of them."""
    if world_size() == 1:
        return value
    values = [value]
    distributed.broadcast_object_list(values)
    return values[0]
