"""One run in MLflow while it is written: parameters, figures, pictures, files, data sets and system metrics."""

import json
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from contextlib import contextmanager
from functools import partial

import mlflow
import numpy as np
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, Run
from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor
from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT
from PIL import Image

from pipeline.tracking.model import log_model
from pipeline.tracking.provenance import KEY, WEIGHTS
from pipeline.tracking.result import DataSet, Result

MAX_PARAMS, MAX_METRICS = 100, 1000  # of one request
NameAndStep = tuple[str, int]  # of a figure or picture
Send = Callable[[Callable[[], object]], object]


def send_now(request: Callable[[], object]) -> object:
    """Makes a request to the store at once."""
    return request()


class LiveRun:
    """A run that is being written.

    Args:
        run_id: its id in MLflow.
        send: makes its requests to the store, at once or later.
        logged: figures and pictures that the store has already; they are not logged again.
    Attributes:
        result: the result that it was finished with, or None.
        complete: the store has all of it.
    """

    def __init__(
        self,
        client: mlflow.MlflowClient,
        run_id: str,
        send: Send = send_now,
        logged: Set[NameAndStep] = frozenset(),
    ) -> None:
        self.id, self.complete = run_id, False
        self.result: Result | None = None
        self._client, self._send, self._logged = client, send, logged

    def log_tags(self, tags: Mapping[str, str]) -> None:
        """Logs tags."""
        for tag, value in tags.items():
            self._send(partial(self._client.set_tag, self.id, tag, value))

    def log_params(self, params: Mapping[str, object]) -> None:
        """Logs parameters."""
        entries = [Param(name, str(value)) for name, value in params.items()]
        for start in range(0, len(entries), MAX_PARAMS):
            self._send(partial(self._client.log_batch, self.id, params=entries[start : start + MAX_PARAMS]))

    def log_metrics(self, metrics: Mapping[str, float], step: int = 0, model: str | None = None) -> None:
        """Logs figures; `model`: the id of the model that they measure, whose page shows them too."""
        now = int(time.time() * 1000)
        self._log_new([Metric(name, value, now, step, model_id=model) for name, value in metrics.items()])

    def log_point(self, stage: str, point: Mapping[str, float]) -> None:
        """Logs a point of a stage's curve, at its "step"."""
        self.log_metrics(_prefixed(stage, point), int(point["step"]))

    def log_picture(self, name: str, step: int, pixels: np.ndarray) -> None:
        """Logs one picture of a series, (H, W, 3) uint8."""
        if (name, step) not in self._logged:
            self._send(partial(self._client.log_image, self.id, pixels, key=name, step=step, synchronous=True))

    def log_headline(self, result: Result) -> None:
        """Logs the headline figures and pictures of a measurement on the row of its training."""
        run = self._client.get_run(self.id)
        models = run.outputs.model_outputs
        new = {name: value for name, value in result.headline.items() if run.data.metrics.get(name) != value}
        self.log_metrics(new, model=models[0].model_id if models else None)
        for name, path in result.pictures.items():
            with Image.open(path) as picture:
                self.log_picture(name, 0, np.asarray(picture.convert("RGB")))

    def finish(self, result: Result) -> None:
        """Logs all of a stage's result, and the tags that identify it."""
        self.result = result
        now = int(time.time() * 1000)
        self._log_new([Metric(name, value, now, step) for (name, step), value in figures_of(result).items()])
        for path, folder in result.artifacts.items():
            log = self._client.log_artifacts if path.is_dir() else self._client.log_artifact
            self._send(partial(log, self.id, str(path), folder or None))
        self._send(partial(self._client.log_inputs, self.id, _inputs(result.datasets)))
        if result.model:
            self._send(partial(log_model, self._client, self.id, result.model, result.weights))
        self.log_tags({KEY: result.key, WEIGHTS: result.weights})

    def _log_new(self, entries: list[Metric]) -> None:
        new = [entry for entry in entries if (entry.key, entry.step) not in self._logged]
        for start in range(0, len(new), MAX_METRICS):
            self._send(partial(self._client.log_batch, self.id, metrics=new[start : start + MAX_METRICS]))


def figures_of(result: Result) -> dict[NameAndStep, float]:
    """All figures of a stage's finished run: those of its curve, and the others at step 0."""
    curve = {
        (name, int(point["step"])): value
        for point in result.curve
        for name, value in _prefixed(result.stage, point).items()
    }
    return curve | {(name, 0): value for name, value in {**result.metrics, **result.headline}.items()}


def logged_figures(client: mlflow.MlflowClient, run: Run) -> dict[NameAndStep, float]:
    """The figures of a run in the store, without system metrics."""
    names = [name for name in run.data.metrics if not name.startswith("system/")]
    history = [point for name in names for point in client.get_metric_history(run.info.run_id, name)]
    return {(point.key, point.step): point.value for point in history}


def logged_pictures(client: mlflow.MlflowClient, run: Run) -> set[NameAndStep]:
    """The pictures of a run in the store."""
    files = [file.path.removeprefix("images/") for file in client.list_artifacts(run.info.run_id, "images")]
    parts = [name.split("+") for name in files]  # name+step+9+timestamp+…
    return {(part[0].replace("~", "/"), int(part[2])) for part in parts}


@contextmanager
def system_metrics(live: LiveRun) -> Iterator[None]:
    """Logs the load of processor, memory, disk, network and GPU every ten seconds while the block lasts."""
    monitor = _SystemMetrics(live)
    monitor.start()
    try:
        yield
    finally:
        monitor.finish()


class _SystemMetrics(SystemMetricsMonitor):
    """MLflow's monitor, which on its own stops for good after one failure of the store."""

    def __init__(self, live: LiveRun) -> None:
        # It logs its start and end, and what a GPU does not tell, such as the load of a part of one (MIG), every time.
        logging.getLogger("mlflow.system_metrics").setLevel(logging.ERROR)
        super().__init__(live.id, resume_logging=True)
        self._live = live

    def monitor(self) -> None:
        """The loop of its thread."""
        while not self._shutdown_event.wait(self.sampling_interval):
            self.collect_metrics()
            self.publish_metrics(self.aggregate_metrics())

    def publish_metrics(self, metrics: Mapping[str, float]) -> None:
        """Logs the metrics through the run."""
        self._live.log_metrics({f"system/{name}": value for name, value in metrics.items()}, self._logging_step)
        self._logging_step += 1
        for monitor in self.monitors:
            monitor.clear_metrics()


def _prefixed(stage: str, point: Mapping[str, float]) -> dict[str, float]:
    return {f"{stage}/{name}": value for name, value in point.items() if name != "step"}


def _inputs(sets: Iterable[DataSet]) -> list[DatasetInput]:
    """Data sets as MLflow lists them; their source type is "local", a file or folder."""
    return [DatasetInput(_dataset(each), [InputTag(MLFLOW_DATASET_CONTEXT, each.context)]) for each in sets]


def _dataset(each: DataSet) -> Dataset:
    source, profile = json.dumps({"uri": each.source}), json.dumps(dict(each.profile))
    return Dataset(each.name, each.digest, "local", source, profile=profile)
