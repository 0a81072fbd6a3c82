"""The store of runs: one row for each training, and below it what was measured of its weights."""

import hashlib
import json
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import mlflow
from filelock import FileLock
from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID, MLFLOW_RUN_NOTE

from stegnet.result import Result
from stegnet.tracking.failure import told
from stegnet.tracking.model import add_files, register
from stegnet.tracking.names import (
    DATA_EXPERIMENT,
    EXPERIMENT,
    KEY,
    PARAMS,
    RESTORED,
    STAGE,
    WEIGHTS,
)
from stegnet.tracking.notes import describe, experiment_note
from stegnet.tracking.origin import origin
from stegnet.tracking.run import LiveRun, watched
from stegnet.tracking.view import saved_views

_log = logging.getLogger(__name__)
_asking = partial(told, "MLflow's store can't be used", "check MLFLOW_TRACKING_URI, and that its server runs")


class Tracker:
    """The store, opened.

    Args:
        root: the repository, where the store lies if no server is named.
        params: all parameters of the experiment whose runs are logged.
    Raises:
        TrackingError: the store can't be opened, or, from every method, used.
    """

    def __init__(self, root: Path, params: Mapping[str, Any]) -> None:
        self._params = params
        self._experiment_key = hashlib.sha256(json.dumps(params, sort_keys=True).encode()).hexdigest()
        root = root.resolve()
        server = os.environ.get("MLFLOW_TRACKING_URI")
        mlflow.set_tracking_uri(server or f"sqlite:///{root / 'mlflow.db'}")
        artifacts = None if server else (root / "mlartifacts").as_uri()
        with (
            FileLock(root / ".mlflow.lock"),  # two processes must not create the database at once
            told("MLflow's store can't be opened", "check MLFLOW_TRACKING_URI"),
        ):
            self._client = mlflow.MlflowClient()
            self._experiments = {name: self._experiment(name, artifacts) for name in (EXPERIMENT, DATA_EXPERIMENT)}

    @contextmanager
    def run(self, stage: str, name: str, restored: bool = False) -> Iterator[LiveRun]:
        """A run that lasts as long as the block; it is marked as failed, or as stopped, if the block ends early."""
        live = self._begin(stage, name, restored)
        try:
            live.params(self._params)
            with nullcontext() if restored else watched(live.id):
                yield live
        except BaseException as error:
            self._end(live.id, "KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED")
            raise
        with _asking():
            self._client.set_terminated(live.id)

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

    @_asking()
    def adopt(self, result: Result) -> None:
        """Puts a measurement below the experiment's training, and its headline on that training's row.

        Where the training has no run yet, nothing happens.
        """
        run = self.find(result)
        parent = self._training(result.weights)
        if result.stage in ("prepare", "train") or run is None or parent is None:
            return
        if run.data.tags.get(MLFLOW_PARENT_RUN_ID) != parent.info.run_id:
            LiveRun(self._client, parent.info.run_id).headline(result)
            self._client.set_tag(run.info.run_id, MLFLOW_PARENT_RUN_ID, parent.info.run_id)

    @_asking()
    def add_to_model(self, weights: str, paths: Sequence[Path]) -> None:
        """Adds ONNX files to the model that the experiment's training logged, and registers it; once.

        Args:
            weights: hash of the model's weights.
        """
        run = self._training(weights) if paths else None
        for output in run.outputs.model_outputs if run else ():
            add_files(self._client, output.model_id, paths)
            register(self._client, output.model_id)

    @_asking()
    def _begin(self, stage: str, name: str, restored: bool) -> LiveRun:
        experiment = self._experiments[DATA_EXPERIMENT if stage == "prepare" else EXPERIMENT]
        tags = {STAGE: stage, PARAMS: self._experiment_key, **origin(self._params)}
        tags |= {RESTORED: "true"} if restored else {}
        tags[MLFLOW_RUN_NOTE] = describe(stage, tags)
        return LiveRun(self._client, self._client.create_run(experiment, tags=tags, run_name=name).info.run_id)

    def _end(self, run_id: str, status: str) -> None:
        """Marks a run that ended early; where MLflow is why it did, the mark is all that can be missing."""
        try:
            self._client.set_terminated(run_id, status)
        except (MlflowException, OSError):
            _log.warning("MLflow could not mark the run %s as %s", run_id, status)

    def _training(self, weights: str) -> Run | None:
        return self._latest(f"tags.`{STAGE}` = 'train' and tags.`{WEIGHTS}` = '{weights}' and {self._here()}")

    def _here(self) -> str:
        return f"tags.`{PARAMS}` = '{self._experiment_key}'"

    @_asking()
    def _latest(self, condition: str) -> Run | None:
        found = self._client.search_runs(
            list(self._experiments.values()), f"{condition} and status = 'FINISHED'", max_results=1,
            order_by=["attributes.start_time DESC"],
        )  # fmt: skip
        return found[0] if found else None

    def _experiment(self, name: str, artifacts: str | None) -> str:
        known = self._client.get_experiment_by_name(name)
        location = f"{artifacts}/{name}" if artifacts else None
        key = known.experiment_id if known else self._client.create_experiment(name, location)
        tags = {MLFLOW_RUN_NOTE: experiment_note(name, key), **saved_views(name)}
        for tag, value in tags.items():
            if known is None or known.tags.get(tag) != value:
                self._client.set_experiment_tag(key, tag, value)
        return key
