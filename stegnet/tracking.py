"""MLflow, and the one door to it: a row for each training, and below it what was measured of its weights.

Everything goes to the server that MLFLOW_TRACKING_URI names, else to mlflow.db and mlartifacts/ in the
repository, one store for its workspace and for the experiments that DVC runs elsewhere.
"""

import hashlib
import json
import logging
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from filelock import FileLock

from stegnet.errors import TrackingError
from stegnet.result import Result

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

import mlflow
import numpy as np
from mlflow.entities import Metric, Param, Run
from mlflow.exceptions import MlflowException
from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor
from mlflow.utils.mlflow_tags import MLFLOW_GIT_COMMIT, MLFLOW_PARENT_RUN_ID

EXPERIMENT, DATA_EXPERIMENT = "stegnet", "stegnet-data"
STAGE, KEY, WEIGHTS, RESTORED = "stegnet.stage", "stegnet.key", "stegnet.weights", "stegnet.restored"
PARAMS = "stegnet.params"
PARAMS_AT_ONCE, METRICS_AT_ONCE = 100, 1000  # what one request may hold

for _name in ("alembic", "mlflow"):
    logging.getLogger(_name).setLevel(logging.WARNING)


class Tracker:
    """The store, opened.

    Args:
        root: the repository, where the store lies if no server is named.
        params: all parameters of the experiment whose runs are logged.
    Raises:
        TrackingError: the store can't be opened.
    """

    def __init__(self, root: Path, params: Mapping[str, Any]) -> None:
        self._params = params
        self._experiment_key = hashlib.sha256(json.dumps(params, sort_keys=True).encode()).hexdigest()
        root = root.resolve()
        server = os.environ.get("MLFLOW_TRACKING_URI")
        mlflow.set_tracking_uri(server or f"sqlite:///{root / 'mlflow.db'}")
        artifacts = None if server else (root / "mlartifacts").as_uri()
        with FileLock(root / ".mlflow.lock"):  # two processes must not create the database at once
            try:
                self._client = mlflow.MlflowClient()
                self._experiments = {name: self._experiment(name, artifacts) for name in (EXPERIMENT, DATA_EXPERIMENT)}
            except MlflowException as error:
                reason = " ".join(str(error).split())[:200]
                raise TrackingError(
                    f"MLflow's store can't be opened ({reason})", "check MLFLOW_TRACKING_URI"
                ) from error

    @contextmanager
    def run(self, stage: str, name: str, restored: bool = False) -> Iterator["LiveRun"]:
        """A run that lasts as long as the block; it is marked as failed, or as stopped, if the block ends early."""
        experiment = self._experiments[DATA_EXPERIMENT if stage == "prepare" else EXPERIMENT]
        run = self._client.create_run(
            experiment, tags={STAGE: stage, PARAMS: self._experiment_key, **_origin(restored)}, run_name=name
        )
        live = LiveRun(self._client, run.info.run_id)
        try:
            live.params(self._params)
            with nullcontext() if restored else _watched(run.info.run_id):
                yield live
        except BaseException as error:
            self._client.set_terminated(run.info.run_id, "KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED")
            raise
        self._client.set_terminated(run.info.run_id)

    def restore(self, result: Result, name: str) -> None:
        """Logs a stage that was not executed in this experiment, unless it has a run there; then adopts it."""
        if self.find(result) is None:
            with self.run(result.stage, name, restored=True) as live:
                live.finish(result)
        self.adopt(result)

    def find(self, result: Result) -> Run | None:
        """The latest finished run with this outcome: of this experiment, but pictures belong to all."""
        condition = f"tags.`{STAGE}` = '{result.stage}' and tags.`{KEY}` = '{result.key}'"
        return self._latest(condition if result.stage == "prepare" else f"{condition} and {self._here()}")

    def adopt(self, result: Result) -> None:
        """Puts a measurement below the experiment's training, and its headline figures on that training's row.

        Where the training has no run yet, nothing happens.
        """
        run = self.find(result)
        parent = self._latest(f"tags.`{STAGE}` = 'train' and tags.`{WEIGHTS}` = '{result.weights}' and {self._here()}")
        if result.stage == "train" or run is None or parent is None:
            return
        if run.data.tags.get(MLFLOW_PARENT_RUN_ID) != parent.info.run_id:
            self._client.set_tag(run.info.run_id, MLFLOW_PARENT_RUN_ID, parent.info.run_id)
            LiveRun(self._client, parent.info.run_id).metrics(result.headline)

    def _here(self) -> str:
        return f"tags.`{PARAMS}` = '{self._experiment_key}'"

    def _latest(self, condition: str) -> Run | None:
        found = self._client.search_runs(
            list(self._experiments.values()), f"{condition} and status = 'FINISHED'", max_results=1,
            order_by=["attributes.start_time DESC"],
        )  # fmt: skip
        return found[0] if found else None

    def _experiment(self, name: str, artifacts: str | None) -> str:
        known = self._client.get_experiment_by_name(name)
        location = f"{artifacts}/{name}" if artifacts else None
        return known.experiment_id if known else self._client.create_experiment(name, location)


class LiveRun:
    """One run that is being written to."""

    def __init__(self, client: mlflow.MlflowClient, run_id: str) -> None:
        self._client, self.id = client, run_id

    def params(self, params: Mapping[str, Any]) -> None:
        """Adds parameters."""
        entries = [Param(name, str(value)) for name, value in params.items()]
        for start in range(0, len(entries), PARAMS_AT_ONCE):
            self._client.log_batch(self.id, params=entries[start : start + PARAMS_AT_ONCE])

    def metrics(self, metrics: Mapping[str, float], step: int = 0) -> None:
        """Adds figures."""
        self._send([Metric(name, value, _now(), step) for name, value in metrics.items()])

    def point(self, stage: str, point: Mapping[str, float]) -> None:
        """Adds one point of a stage's curve; its "step" says where."""
        self.metrics({f"{stage}/{name}": value for name, value in point.items() if name != "step"}, int(point["step"]))

    def picture(self, name: str, step: int, pixels: np.ndarray) -> None:
        """Adds one picture, (H, W, 3) uint8, of a series."""
        self._client.log_image(self.id, pixels, key=name, step=step, synchronous=True)

    def finish(self, result: Result) -> None:
        """Adds all that a stage left, and what names it."""
        for point in result.curve:
            self.point(result.stage, point)
        self.metrics({**result.metrics, **result.headline})
        for path, folder in result.artifacts.items():
            log = self._client.log_artifacts if path.is_dir() else self._client.log_artifact
            log(self.id, str(path), folder or None)
        self._client.set_tag(self.id, KEY, result.key)
        self._client.set_tag(self.id, WEIGHTS, result.weights)

    def _send(self, entries: list[Metric]) -> None:
        for start in range(0, len(entries), METRICS_AT_ONCE):
            self._client.log_batch(self.id, metrics=entries[start : start + METRICS_AT_ONCE])


@contextmanager
def _watched(run_id: str) -> Iterator[None]:
    """Adds the load of processor, memory, disk, network and GPU every ten seconds, as long as the block lasts."""
    logging.getLogger("mlflow.system_metrics").setLevel(logging.WARNING)  # it tells of its start and end
    monitor = SystemMetricsMonitor(run_id)
    monitor.start()
    try:
        yield
    finally:
        monitor.finish()


def _origin(restored: bool) -> dict[str, str]:
    """Tags that say where a run comes from."""
    variables = {"DVC_EXP_NAME": "stegnet.experiment", "DVC_EXP_BASELINE_REV": MLFLOW_GIT_COMMIT}
    tags = {tag: os.environ[variable] for variable, tag in variables.items() if os.environ.get(variable)}
    return tags | ({RESTORED: "true"} if restored else {})


def _now() -> int:
    return int(time.time() * 1000)
