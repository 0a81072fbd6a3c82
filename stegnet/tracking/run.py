"""One run in MLflow that is being written to."""

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial

import mlflow
import numpy as np
from mlflow.entities import Metric, Param
from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor
from PIL import Image

from stegnet.result import Result
from stegnet.tracking.data import inputs
from stegnet.tracking.failure import told
from stegnet.tracking.model import log_model
from stegnet.tracking.names import KEY, WEIGHTS

PARAMS_AT_ONCE, METRICS_AT_ONCE = 100, 1000  # what one request may hold
_writing = partial(
    told, "MLflow took no more of this run", "see that its server runs and its disk has room, then run it again"
)


class LiveRun:
    """One run that is being written to.

    Raises:
        TrackingError: from every method: MLflow, the network or the disk failed.
    """

    def __init__(self, client: mlflow.MlflowClient, run_id: str) -> None:
        self._client, self.id = client, run_id

    @_writing()
    def params(self, params: Mapping[str, object]) -> None:
        """Adds parameters."""
        entries = [Param(name, str(value)) for name, value in params.items()]
        for start in range(0, len(entries), PARAMS_AT_ONCE):
            self._client.log_batch(self.id, params=entries[start : start + PARAMS_AT_ONCE])

    def metrics(self, metrics: Mapping[str, float], step: int = 0, model: str | None = None) -> None:
        """Adds figures; `model`: the id of the model that they measure, which then shows them too."""
        self._send([Metric(name, value, _now(), step, model_id=model) for name, value in metrics.items()])

    def point(self, stage: str, point: Mapping[str, float]) -> None:
        """Adds one point of a stage's curve; its "step" says where."""
        self._send(_point(stage, point))

    @_writing()
    def picture(self, name: str, step: int, pixels: np.ndarray) -> None:
        """Adds one picture, (H, W, 3) uint8, of a series."""
        self._client.log_image(self.id, pixels, key=name, step=step, synchronous=True)

    def headline(self, result: Result) -> None:
        """Adds what a training's row shows of a measurement below it."""
        models = self._client.get_run(self.id).outputs.model_outputs
        self.metrics(result.headline, model=models[0].model_id if models else None)
        for name, path in result.pictures.items():
            with Image.open(path) as picture:
                self.picture(name, 0, np.asarray(picture.convert("RGB")))

    def finish(self, result: Result) -> None:
        """Adds all that a stage left, and what names it."""
        self._send([entry for point in result.curve for entry in _point(result.stage, point)])
        self.metrics({**result.metrics, **result.headline})
        with _writing():
            for path, folder in result.artifacts.items():
                log = self._client.log_artifacts if path.is_dir() else self._client.log_artifact
                log(self.id, str(path), folder or None)
            self._client.log_inputs(self.id, inputs(result.datasets))
            if result.model:
                log_model(self._client, self.id, result.model, result.weights)
            self._client.set_tag(self.id, KEY, result.key)
            self._client.set_tag(self.id, WEIGHTS, result.weights)

    @_writing()
    def _send(self, entries: list[Metric]) -> None:
        for start in range(0, len(entries), METRICS_AT_ONCE):
            self._client.log_batch(self.id, metrics=entries[start : start + METRICS_AT_ONCE])


@contextmanager
def watched(run_id: str) -> Iterator[None]:
    """Adds the load of processor, memory, disk, network and GPU every ten seconds, as long as the block lasts."""
    logging.getLogger("mlflow.system_metrics").setLevel(logging.WARNING)  # it tells of its start and end
    monitor = SystemMetricsMonitor(run_id)
    monitor.start()
    try:
        yield
    finally:
        monitor.finish()


def _point(stage: str, point: Mapping[str, float]) -> list[Metric]:
    step = int(point["step"])
    return [Metric(f"{stage}/{name}", value, _now(), step) for name, value in point.items() if name != "step"]


def _now() -> int:
    return int(time.time() * 1000)
