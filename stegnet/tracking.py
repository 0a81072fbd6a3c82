"""MLflow, and the one door to it: a row for each training, and below it what was measured of its weights.

Everything goes to the server that MLFLOW_TRACKING_URI names, else to mlflow.db and mlartifacts/ in the
repository, one store for its workspace and for the experiments that DVC runs elsewhere.
"""

import logging
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

import mlflow
from mlflow.entities import Metric, Param, Run
from mlflow.utils.mlflow_tags import MLFLOW_GIT_COMMIT, MLFLOW_PARENT_RUN_ID

EXPERIMENT, DATA_EXPERIMENT = "stegnet", "stegnet-data"
STAGE, KEY, WEIGHTS, RESTORED = "stegnet.stage", "stegnet.key", "stegnet.weights", "stegnet.restored"
PARAMS_AT_ONCE, METRICS_AT_ONCE = 100, 1000  # what one request may hold

for _name in ("alembic", "mlflow"):
    logging.getLogger(_name).setLevel(logging.WARNING)


@dataclass(frozen=True)
class Result:
    """What one stage left on disk.

    Attributes:
        stage: its name.
        key: hash of what it wrote: two executions with one outcome have one key.
        weights: hash of the weights it made or measured, or "".
        metrics: figures by name.
        headline: those of them that the row of the training shows too.
        curve: points with a "step", in order.
        artifacts: file or folder to keep, and the folder of the run where it goes.
    """

    stage: str
    key: str
    weights: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    headline: Mapping[str, float] = field(default_factory=dict)
    curve: tuple[Mapping[str, float], ...] = ()
    artifacts: Mapping[Path, str] = field(default_factory=dict)


class Tracker:
    """The store, opened.

    Args:
        root: the repository, where the store lies if no server is named.
    """

    def __init__(self, root: Path) -> None:
        root = root.resolve()
        server = os.environ.get("MLFLOW_TRACKING_URI")
        mlflow.set_tracking_uri(server or f"sqlite:///{root / 'mlflow.db'}")
        artifacts = None if server else (root / "mlartifacts").as_uri()
        with FileLock(root / ".mlflow.lock"):  # two processes must not create the database at once
            self._client = mlflow.MlflowClient()
            self._experiments = {name: self._experiment(name, artifacts) for name in (EXPERIMENT, DATA_EXPERIMENT)}

    @contextmanager
    def run(self, stage: str, name: str, params: Mapping[str, Any], restored: bool = False) -> Iterator["LiveRun"]:
        """A run that lasts as long as the block; it is marked as failed if the block ends early."""
        experiment = self._experiments[DATA_EXPERIMENT if stage == "prepare" else EXPERIMENT]
        run = self._client.create_run(experiment, tags={STAGE: stage, **_origin(restored)}, run_name=name)
        live = LiveRun(self._client, run.info.run_id)
        try:
            live.params(params)
            yield live
        except BaseException:
            self._client.set_terminated(run.info.run_id, "FAILED")
            raise
        self._client.set_terminated(run.info.run_id)

    def record(self, result: Result, name: str, params: Mapping[str, Any], restored: bool = False) -> Run:
        """One run for a stage that is done, below the training of its weights where that has a run."""
        with self.run(result.stage, name, params, restored) as live:
            live.finish(result)
        run = self._client.get_run(live.id)
        self.adopt(run, result)
        return run

    def find(self, result: Result) -> Run | None:
        """The latest finished run with this outcome."""
        return self._latest(f"tags.`{STAGE}` = '{result.stage}' and tags.`{KEY}` = '{result.key}'")

    def adopt(self, run: Run, result: Result) -> None:
        """Puts a run below the training of its weights, and its headline figures on that training's row."""
        if result.stage in ("prepare", "train"):
            return
        parent = self._latest(f"tags.`{STAGE}` = 'train' and tags.`{WEIGHTS}` = '{result.weights}'")
        if parent is not None:
            self._client.set_tag(run.info.run_id, MLFLOW_PARENT_RUN_ID, parent.info.run_id)
            LiveRun(self._client, parent.info.run_id).metrics(result.headline)

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

    def point(self, point: Mapping[str, float]) -> None:
        """Adds one point of a curve; its "step" says where."""
        self.metrics({f"train/{name}": value for name, value in point.items() if name != "step"}, int(point["step"]))

    def finish(self, result: Result) -> None:
        """Adds all that a stage left, and what names it."""
        for point in result.curve:
            self.point(point)
        self.metrics({**result.metrics, **result.headline})
        for path, folder in result.artifacts.items():
            log = self._client.log_artifacts if path.is_dir() else self._client.log_artifact
            log(self.id, str(path), folder or None)
        self._client.set_tag(self.id, KEY, result.key)
        self._client.set_tag(self.id, WEIGHTS, result.weights)

    def _send(self, entries: list[Metric]) -> None:
        for start in range(0, len(entries), METRICS_AT_ONCE):
            self._client.log_batch(self.id, metrics=entries[start : start + METRICS_AT_ONCE])


def _origin(restored: bool) -> dict[str, str]:
    """Tags that say where a run comes from."""
    variables = {"DVC_EXP_NAME": "stegnet.experiment", "DVC_EXP_BASELINE_REV": MLFLOW_GIT_COMMIT}
    tags = {tag: os.environ[variable] for variable, tag in variables.items() if os.environ.get(variable)}
    return tags | ({RESTORED: "true"} if restored else {})


def _now() -> int:
    return int(time.time() * 1000)
