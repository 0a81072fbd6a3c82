"""Training processes on a Ray cluster, which restarts them from the last checkpoint if one is lost.

Ray Train gives each process what torchrun gives it (rank, number of processes, address of the first), and each process
runs the same stage: the result has the same bits as under torchrun. The folder of the stage, with its shards and
checkpoints, must be on storage that all nodes share, at the same path.
"""

import importlib.util
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import ray
from ray.train.v2.api.callback import UserCallback
from ray.train.v2.api.config import FailureConfig, RunConfig, ScalingConfig
from ray.train.v2.api.exceptions import TrainingFailedError
from ray.train.v2.torch.torch_trainer import TorchTrainer

from pipeline.config import load
from pipeline.train.launch import StopRequest
from stegnet.core.errors import StegnetError, TrainingError
from stegnet.core.processes import connect


@contextmanager
def cluster() -> Iterator[tuple[int, int]]:
    """Connect to a cluster, and yield its numbers of GPUs and CPUs. Raises the errors of `connect`."""
    try:
        resources = connect().cluster_resources()
        yield int(resources.get("GPU", 0)), int(resources["CPU"])
    finally:
        ray.shutdown()


def launch(module: str, count: int, resources: dict[str, int]) -> None:
    """Run the stage `module` with this process's arguments in `count` processes of the cluster.

    `resources` are the CPUs and GPUs of a process. A StegnetError of a process is raised here; Ctrl-C keeps the last
    checkpoint.
    """
    checkpoints = Path(".checkpoints")
    checkpoints.mkdir(exist_ok=True)
    with TemporaryDirectory(prefix="ray-", dir=checkpoints.resolve()) as folder:  # Ray checks that all nodes see it
        failures = FailureConfig(max_failures=3)  # restarts of all processes after one is lost
        variables = {name: value for name, value in os.environ.items() if name.startswith(("DVC_", "MLFLOW_"))}
        run = partial(_run_stage, module, sys.argv[1:], Path.cwd(), variables)
        scaling = ScalingConfig(num_workers=count, use_gpu=resources["GPU"] > 0, resources_per_worker=resources)
        trainer = TorchTrainer(
            run,  # no train_loop_config, which Ray may show
            scaling_config=scaling,
            run_config=RunConfig(name=module, storage_path=folder, failure_config=failures, callbacks=[_NoRestart()]),
        )
        try:
            _fit(trainer)
        except TrainingFailedError as error:
            if isinstance(cause := getattr(error, "controller_failure", None), StegnetError):  # raised by _NoRestart
                raise cause from error
            raise TrainingError(f"the training on the cluster failed: {error}") from error


class _ClusterStopped(KeyboardInterrupt):
    """Training on the cluster was stopped by a signal."""

    def __init__(self, number: int) -> None:
        super().__init__("stopped; run the same command to resume from the last checkpoint")
        self.code = 128 + number  # exit code of the process, by the shell's convention


class _NoRestart(UserCallback):
    """A callback that ends a training whose error the user must correct: it would recur after a restart."""

    def after_exception(self, run_context: object, worker_exceptions: dict[int, Exception]) -> None:
        for error in worker_exceptions.values():
            if isinstance(error, StegnetError):
                raise error


def _fit(trainer: TorchTrainer) -> None:
    """Wait for a training in a thread: in the main thread, Ray would end this process on Ctrl-C as if all were well."""
    with ThreadPoolExecutor(1) as pool, StopRequest() as request:
        training = pool.submit(trainer.fit)
        while not wait([training], timeout=0.2).done:
            if request.signal:
                ray.shutdown()  # ends all processes
                raise _ClusterStopped(request.signal)
        training.result()


def _run_stage(module: str, arguments: list[str], folder: Path, variables: dict[str, str]) -> None:
    """Run the stage in one process of the cluster, as `python -m module` would."""
    os.chdir(folder)
    os.environ.update(variables)
    found = importlib.util.find_spec(module)
    is_package = found is not None and found.submodule_search_locations
    stage = importlib.import_module(f"{module}.__main__" if is_package else module)
    sys.modules["__main__"].__spec__ = stage.__spec__  # MLflow shows the command
    sys.orig_argv = [sys.executable, "-m", module, *arguments]
    stage.main(load(Path("params.yaml")), *map(Path, arguments))
