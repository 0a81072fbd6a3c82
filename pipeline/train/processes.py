"""The processes that train together: how many, how they are started, stopped and ended, and what they exchange.

On one machine, `python -m pipeline.train` starts them by torchrun's agent; `torchrun` by hand works too, also across
machines. Each computes an equal share of every batch on a device of its own.
"""

import json
import logging
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from operator import itemgetter
from pathlib import Path
from types import FrameType
from typing import Self, TypeVar

import pynvml
import torch
from torch import Tensor, distributed
from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, launch_agent

from pipeline.parameters.training import TrainParameters
from stegnet.core.disk import disk_errors, temporary_folder
from stegnet.core.errors import ConfigError, StegnetError, TrainingError
from stegnet.core.parallel import AUTO, is_launched, local_world_size, physical_cores, rank, world_size
from stegnet.networks.layers import has_batch_norms
from stegnet.networks.pair import build_from

# Environment variable with the backend of torch.distributed: gloo lets processes share a GPU, which NCCL refuses.
BACKEND = "STEGNET_DISTRIBUTED_BACKEND"
SIGNALS = (signal.SIGINT, signal.SIGTERM)
_RUN = "stegnet"  # name of the agent's run: processes of a torchrun by hand have another
Value = TypeVar("Value")

for _name in ("agent.server.api", "multiprocessing.api"):  # failures and signals are reported here
    logging.getLogger(f"torch.distributed.elastic.{_name}").setLevel(logging.CRITICAL)


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
    """Run the block in each of the processes that train together, launched as `python -m module` if needed.

    The launching process exits when the launched ones have ended.
    """
    count = process_count(config)
    if count != world_size():
        sys.exit(launch(module, count))
    with launched(), disk_errors():
        yield


def launch(module: str, count: int) -> int:
    """Run `python -m module` with this process's arguments in `count` processes. Raises TrainingError if it fails.

    Returns:
        0, or 128 + the number of the signal that stopped the training.
    """
    seconds_to_save = 60  # that processes have when they are told to stop
    before = {number: signal.getsignal(number) for number in _handled_signals()}
    try:
        with temporary_folder() as folder:
            config = LaunchConfig(
                1, 1, count, DefaultLogsSpecs(str(folder)), _RUN, rdzv_backend="c10d", rdzv_endpoint="127.0.0.1:0",
                local_addr="127.0.0.1", max_restarts=0, shutdown_timeout=seconds_to_save,
                signals_to_handle=",".join(number.name for number in before),
            )  # fmt: skip
            launch_agent(config, sys.executable, ["-m", module, *sys.argv[1:]])
    except SignalException as stop:
        return 128 + stop.sigval
    except ChildFailedError as error:
        codes = {failure.exitcode for failure in error.failures.values()}
        if codes <= {128 + number for number in SIGNALS}:
            return max(codes)
        raise _cause(error) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 0


def _cause(error: ChildFailedError) -> TrainingError:
    """Return the first failure, a kill before all others. The other processes only failed because of it."""
    reports: list[dict[str, str]] = []
    for number, failure in error.failures.items():
        if failure.exitcode < 0 and failure.exitcode != -signal.SIGTERM:  # the agent ends the others by SIGTERM
            hint = "possibly out of memory, or of /dev/shm (docker run --shm-size 1g)"
            return TrainingError(f"process {number} of the training was ended by {failure.signal_name()}", hint)
        if isinstance(failure.message, dict):  # what `launched` has written; PyTorch passes it on
            reports.append(failure.message)
    first = min(reports, key=itemgetter("order"), default={"message": "a process of the training failed", "hint": ""})
    return TrainingError(first["message"], first["hint"])


@contextmanager
def launched() -> Iterator[None]:
    """Tie a launched process to its launcher: it ends when the launcher does, and reports its failure to it."""
    if os.environ.get("TORCHELASTIC_RUN_ID") != _RUN:
        yield
        return
    threading.Thread(target=_exit_without, args=[os.getppid()], daemon=True).start()
    try:
        yield
    except KeyboardInterrupt as stop:
        if rank() == 0:
            raise
        sys.exit(getattr(stop, "code", 128 + signal.SIGINT))
    except Exception as error:
        message = str(error)
        if not isinstance(error, StegnetError):
            traceback.print_exc()
            message = f"process {rank()} of the training failed"
        hint = getattr(error, "hint", "")
        report = {"message": message, "hint": hint, "order": time.time_ns(), "extraInfo": {"timestamp": 0}}
        Path(os.environ["TORCHELASTIC_ERROR_FILE"]).write_text(json.dumps({"message": report}), encoding="utf-8")
        os._exit(1)  # a clean exit would wait for the other processes, which wait for this one


def _exit_without(launcher: int) -> None:
    """End this process when its launcher is gone."""
    while os.getppid() == launcher:
        time.sleep(0.5)
    os._exit(1)


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
    distributed.init_process_group(os.environ.get(BACKEND) or None)  # None: PyTorch's for the device
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


# Stopping


class TrainingStopped(KeyboardInterrupt):
    """Training was stopped by a signal, whose number is 0 if another process received it, and its state is saved."""

    def __init__(self, done: int, steps: int, number: int) -> None:
        super().__init__(f"stopped after {done} of {steps} steps; run the same command to resume")
        self.code = 128 + (number or signal.SIGTERM)  # exit code of the process, by the shell's convention


class StopRequest:
    """A record of Ctrl-C or SIGTERM while the block lasts, so that training stops at the end of a step.

    A second signal has its previous effect. Signals that this process ignores, under `nohup` for instance, stay
    ignored.
    """

    def __init__(self) -> None:
        self.signal = 0  # its number

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._record) for number in _handled_signals()}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _record(self, number: int, _frame: FrameType | None) -> None:
        self.signal = number
        self.__exit__()


def _handled_signals() -> list[signal.Signals]:
    """Return the signals, among SIGNALS, that this process does not ignore."""
    return [number for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
