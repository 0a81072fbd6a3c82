"""One run in MLflow that is being written to."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Set
from contextlib import contextmanager
from functools import partial

import mlflow
import numpy as np
from mlflow.entities import Metric, Param, Run
from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor
from PIL import Image

from stegnet.tracking.data import inputs
from stegnet.tracking.model import log_model
from stegnet.tracking.names import KEY, WEIGHTS
from stegnet.tracking.result import Result

PARAMS_AT_ONCE, METRICS_AT_ONCE = 100, 1000  # what one request may hold
Place = tuple[str, int]  # a figure's or picture's name, and its step
Do = Callable[[Callable[[], object]], object]


def call(request: Callable[[], object]) -> object:
    """Makes a call to the store at once."""
    return request()


class LiveRun:
    """One run that is being written to.

    Args:
        run_id: its id in MLflow.
        do: makes the calls that its methods ask for, at once or later.
        known: figures and pictures that it has already, and that are not logged again.
    Attributes:
        result: what it was finished with, if it was.
        whole: the store has got all of it.
    """

    def __init__(
        self, client: mlflow.MlflowClient, run_id: str, do: Do = call, known: Set[Place] = frozenset()
    ) -> None:
        self.id, self.whole = run_id, False
        self.result: Result | None = None
        self._client, self._do, self._known = client, do, known

    def params(self, params: Mapping[str, object]) -> None:
        """Adds parameters."""
        entries = [Param(name, str(value)) for name, value in params.items()]
        for start in range(0, len(entries), PARAMS_AT_ONCE):
            self._do(partial(self._client.log_batch, self.id, params=entries[start : start + PARAMS_AT_ONCE]))

    def metrics(self, metrics: Mapping[str, float], step: int = 0, model: str | None = None) -> None:
        """Adds figures; `model`: the id of the model that they measure, which then shows them too."""
        now = int(time.time() * 1000)
        self._send([Metric(name, value, now, step, model_id=model) for name, value in metrics.items()])

    def point(self, stage: str, point: Mapping[str, float]) -> None:
        """Adds one point of a stage's curve; its "step" says where."""
        self.metrics(_named(stage, point), int(point["step"]))

    def picture(self, name: str, step: int, pixels: np.ndarray) -> None:
        """Adds one picture, (H, W, 3) uint8, of a series."""
        if (name, step) not in self._known:
            self._do(partial(self._client.log_image, self.id, pixels, key=name, step=step, synchronous=True))

    def headline(self, result: Result) -> None:
        """Adds what a training's row shows of a measurement below it."""
        run = self._client.get_run(self.id)
        models = run.outputs.model_outputs
        new = {name: value for name, value in result.headline.items() if run.data.metrics.get(name) != value}
        self.metrics(new, model=models[0].model_id if models else None)
        for name, path in result.pictures.items():
            with Image.open(path) as picture:
                self.picture(name, 0, np.asarray(picture.convert("RGB")))

    def finish(self, result: Result) -> None:
        """Adds all that a stage left, and what names it."""
        self.result = result
        now = int(time.time() * 1000)
        self._send([Metric(name, value, now, step) for (name, step), value in figures_of(result).items()])
        for path, folder in result.artifacts.items():
            log = self._client.log_artifacts if path.is_dir() else self._client.log_artifact
            self._do(partial(log, self.id, str(path), folder or None))
        self._do(partial(self._client.log_inputs, self.id, inputs(result.datasets)))
        if result.model:
            self._do(partial(log_model, self._client, self.id, result.model, result.weights))
        for tag, value in {KEY: result.key, WEIGHTS: result.weights}.items():
            self._do(partial(self._client.set_tag, self.id, tag, value))

    def _send(self, entries: list[Metric]) -> None:
        new = [entry for entry in entries if (entry.key, entry.step) not in self._known]
        for start in range(0, len(new), METRICS_AT_ONCE):
            self._do(partial(self._client.log_batch, self.id, metrics=new[start : start + METRICS_AT_ONCE]))


def figures_of(result: Result) -> dict[Place, float]:
    """All figures of a stage's finished run: its curve, and the others at step 0."""
    curve = {
        (name, int(point["step"])): value
        for point in result.curve
        for name, value in _named(result.stage, point).items()
    }
    return curve | {(name, 0): value for name, value in {**result.metrics, **result.headline}.items()}


def logged_figures(client: mlflow.MlflowClient, run: Run) -> dict[Place, float]:
    """The figures that a run has in the store, but for the machine's load."""
    names = [name for name in run.data.metrics if not name.startswith("system/")]
    history = [point for name in names for point in client.get_metric_history(run.info.run_id, name)]
    return {(point.key, point.step): point.value for point in history}


def logged_pictures(client: mlflow.MlflowClient, run: Run) -> set[Place]:
    """The pictures that a run has in the store."""
    files = [file.path.removeprefix("images/") for file in client.list_artifacts(run.info.run_id, "images")]
    parts = [name.split("+") for name in files]  # name+step+9+timestamp+…
    return {(part[0].replace("~", "/"), int(part[2])) for part in parts}


@contextmanager
def watched(live: LiveRun) -> Iterator[None]:
    """Adds the load of processor, memory, disk, network and GPU every ten seconds, as long as the block lasts."""
    monitor = _Load(live)
    monitor.start()
    try:
        yield
    finally:
        monitor.finish()


class _Load(SystemMetricsMonitor):
    """MLflow's monitor, which by itself ends for good when the store fails once."""

    def __init__(self, live: LiveRun) -> None:
        logging.getLogger("mlflow.system_metrics").setLevel(logging.WARNING)  # it tells of its start and end
        super().__init__(live.id, resume_logging=True)
        self._live = live

    def monitor(self) -> None:
        """The loop of its thread."""
        while not self._shutdown_event.wait(self.sampling_interval):
            self.collect_metrics()
            self.publish_metrics(self.aggregate_metrics())

    def publish_metrics(self, metrics: Mapping[str, float]) -> None:
        """Hands the load on to the run."""
        self._live.metrics({f"system/{name}": value for name, value in metrics.items()}, self._logging_step)
        self._logging_step += 1
        for monitor in self.monitors:
            monitor.clear_metrics()


def _named(stage: str, point: Mapping[str, float]) -> dict[str, float]:
    return {f"{stage}/{name}": value for name, value in point.items() if name != "step"}
