"""The store of runs: one row for each training, and below it what was measured of its weights."""

import hashlib
import json
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import mlflow
import sqlalchemy
from filelock import FileLock, Timeout
from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from mlflow.utils.credentials import get_default_host_creds
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID, MLFLOW_RUN_NOTE
from mlflow.utils.rest_utils import http_request

from pipeline.tracking.model import add_files, register
from pipeline.tracking.outbox import Outbox, store_errors
from pipeline.tracking.provenance import (
    DATA_NOTE,
    EXPERIMENT,
    KEY,
    PARAMS,
    RESTORED,
    STAGE,
    TRAINING,
    TRAININGS_NOTE,
    WEIGHTS,
    changed_params,
    describe,
    provenance_tags,
)
from pipeline.tracking.result import Result
from pipeline.tracking.run import (
    LiveRun,
    NameAndStep,
    Send,
    figures_of,
    logged_figures,
    logged_pictures,
    send_now,
    system_metrics,
)
from stegnet.core.errors import TrackingError

for _name in ("alembic", "mlflow"):  # MLflow sets its own levels when it is imported
    logging.getLogger(_name).setLevel(logging.WARNING)
for _name in ("mlflow.store.db.utils", "urllib3.connectionpool"):  # stegnet reports a failing store in one line
    logging.getLogger(_name).setLevel(logging.CRITICAL)

CONNECT_TIMEOUT = 5  # seconds; of the first request to a server
RETRY_TIMEOUT = 15.0  # seconds that the end of a stage waits for a failing store
REQUEST_TIMEOUT = 120.0  # seconds that it waits for one answer, as MLflow itself does
STOP_TIMEOUT = 5.0  # seconds that a stage that ends early waits for either
_LATER = "once it answers, stage publish (`dvc repro -s -f publish`) or the same command logs it from the files"
_MARKED = "the next stage that runs marks it as ended"
_KIND, _OF_RUNS = "mlflow.experimentKind", "custom_model_development"  # its page opens on runs, not on traces
_log = logging.getLogger(__name__)
_usable = partial(store_errors, "MLflow's store can't be used")


class Tracker:
    """Opens the store of runs.

    Args:
        root: the repository, which has the store unless MLFLOW_TRACKING_URI names a server.
        params: all parameters of the experiment whose runs are logged.
    Raises:
        TrackingError: the store can't be opened; from the methods: it can't be used. A run that has begun never raises.
    """

    def __init__(self, root: Path, params: Mapping[str, Any]) -> None:
        self._params = params
        self._experiment_key = hashlib.sha256(json.dumps(params, sort_keys=True).encode()).hexdigest()
        root = root.resolve()
        self._lock_folder, self._locks = root / ".mlflow", dict[str, FileLock]()
        server = os.environ.get("MLFLOW_TRACKING_URI")
        if not server and ("?" in str(root) or unquote(str(root)) != str(root)):
            hint = "rename the folder, or set MLFLOW_TRACKING_URI"
            raise TrackingError(f"{root}: MLflow can't open a store in it, for the ? or % in its name", hint)
        address = server or f"sqlite:///{root / 'mlflow.db'}"
        mlflow.set_tracking_uri(address)
        artifacts = None if server else (root / "mlartifacts").as_uri()
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT
        with (
            FileLock(root / ".mlflow.lock"),  # two processes must not create the database at once
            store_errors("MLflow's store can't be opened"),
        ):
            _check_connection(address)
            self._client = mlflow.MlflowClient()
            self._trainings = self._experiment(name, TRAININGS_NOTE, artifacts)
            self._data = self._experiment(f"{name}-data", DATA_NOTE, artifacts)
            self._mark_dead_runs()

    @contextmanager
    def run(self, stage: str, name: str, training: str = "") -> Iterator[LiveRun]:
        """Starts a run for the block, and ends it as finished, failed or killed.

        A failing store does not interrupt the block: requests are retried until it is back. A warning says if some are
        missing at the end; `log_result` then logs them from the stage's files.

        Args:
            name: of the run; a training is named after the parameters that differ from the commit's, if any.
            training: fingerprint of a training; if it was interrupted, its run is resumed.
        """
        outbox = Outbox()
        with _usable():
            interrupted = self._interrupted(f"tags.`{TRAINING}` = '{training}'") if training else []
            live = self._start_run(stage, name, interrupted, {TRAINING: training} if training else {}, outbox.add)
        status, timeouts = "FAILED", (STOP_TIMEOUT, STOP_TIMEOUT)
        try:
            with system_metrics(live):
                yield live
            status, timeouts = "FINISHED", (RETRY_TIMEOUT, REQUEST_TIMEOUT)
        except KeyboardInterrupt:
            status = "KILLED"
            raise
        finally:
            outbox.add(partial(self._client.set_terminated, live.id, status))
            if live.result:
                outbox.add(partial(self._attach_to_training, live.result))
            live.complete = not outbox.close(*timeouts)
            self._unlock(live.id, ended=live.complete)
            if not live.complete:
                why = outbox.failure or "it did not answer in time"
                then = _LATER if status == "FINISHED" else _MARKED
                _log.warning("MLflow is missing part of this run (%s); %s", why, then)

    @_usable()
    def log_result(self, result: Result, name: str) -> None:
        """Logs a stage from its files unless it has a finished run in this experiment; attaches it to its training.

        An interrupted run of the stage is completed if it has no other figures.
        """
        if self._find(result) is None:
            figures = figures_of(result)
            interrupted = [
                run
                for run in self._interrupted(f"tags.`{STAGE}` = '{result.stage}' and status = 'KILLED'")
                if logged_figures(self._client, run).items() <= figures.items()
            ]
            live = self._start_run(result.stage, name, interrupted, {RESTORED: "true"})
            live.finish(result)
            self._client.set_terminated(live.id)
            self._unlock(live.id, ended=True)
        self._attach_to_training(result)

    @_usable()
    def find(self, result: Result) -> Run | None:
        """The latest finished run with this result; in this experiment only, except for prepared pictures."""
        return self._find(result)

    @_usable()
    def training(self) -> Run | None:
        """This experiment's latest finished training; its row has the headline of what was measured of it."""
        return self._latest(f"tags.`{STAGE}` = 'train' and {self._in_experiment()}")

    @_usable()
    def log_sweep(self, result: Result, name: str, note: str, trainings: Sequence[Run]) -> None:
        """Logs a sweep's row unless there is one with this result, and puts its trainings below it."""
        self.log_result(result, name)
        row = self._find(result).info.run_id
        self._client.set_tag(row, MLFLOW_RUN_NOTE, note)
        for training in trainings:
            self._client.set_tag(training.info.run_id, MLFLOW_PARENT_RUN_ID, row)

    @_usable()
    def add_to_model(self, weights: str, paths: Sequence[Path]) -> None:
        """Adds ONNX files to the model of the experiment's training and registers it, unless that is done.

        Args:
            weights: hash of the model's weights.
        """
        run = self._training(weights) if paths else None
        for output in run.outputs.model_outputs if run else ():
            add_files(self._client, output.model_id, paths)
            register(self._client, output.model_id)

    def _start_run(
        self, stage: str, name: str, interrupted: Sequence[Run], more_tags: Mapping[str, str], send: Send = send_now
    ) -> LiveRun:
        """Resumes the first interrupted run that no other process writes to, or creates one."""
        logged: set[NameAndStep] = set()
        resumed = next((run for run in interrupted if self._lock(run.info.run_id)), None)
        if resumed:
            run_id = resumed.info.run_id
            self._client.update_run(run_id, "RUNNING")
            logged = logged_figures(self._client, resumed).keys() | logged_pictures(self._client, resumed)
        else:
            tags = {STAGE: stage, PARAMS: self._experiment_key, **provenance_tags(self._params), **more_tags}
            tags[MLFLOW_RUN_NOTE] = describe(stage, tags)
            name = (changed_params(self._params) if stage == "train" else "") or name
            experiment = self._data if stage == "prepare" else self._trainings
            run_id = self._client.create_run(experiment, tags=tags, run_name=name).info.run_id
            self._lock(run_id)
        live = LiveRun(self._client, run_id, send, logged)
        live.log_params(self._params)
        return live

    def _attach_to_training(self, result: Result) -> None:
        """Makes a measurement a child of the experiment's training, and adds its headline to the training's row.

        Does nothing if the training has no run yet.
        """
        run = self._find(result)
        parent = self._training(result.weights)
        if result.stage in ("prepare", "train") or run is None or parent is None:
            return
        if run.data.tags.get(MLFLOW_PARENT_RUN_ID) != parent.info.run_id:
            LiveRun(self._client, parent.info.run_id).log_headline(result)
            self._client.set_tag(run.info.run_id, MLFLOW_PARENT_RUN_ID, parent.info.run_id)

    def _find(self, result: Result) -> Run | None:
        condition = f"tags.`{STAGE}` = '{result.stage}' and tags.`{KEY}` = '{result.key}'"
        return self._latest(condition if result.stage == "prepare" else f"{condition} and {self._in_experiment()}")

    def _training(self, weights: str) -> Run | None:
        return self._latest(f"tags.`{STAGE}` = 'train' and tags.`{WEIGHTS}` = '{weights}' and {self._in_experiment()}")

    def _in_experiment(self) -> str:
        return f"tags.`{PARAMS}` = '{self._experiment_key}'"

    def _latest(self, condition: str) -> Run | None:
        found = self._search(f"{condition} and status = 'FINISHED'", "DESC")
        return found[0] if found else None

    def _interrupted(self, condition: str) -> list[Run]:
        """This experiment's runs that ended early, oldest first."""
        ended = "status != 'FINISHED' and status != 'RUNNING'"
        return self._search(f"{condition} and {self._in_experiment()} and {ended}")

    def _search(self, condition: str, order: str = "ASC") -> list[Run]:
        experiments = [self._trainings, self._data]
        return list(self._client.search_runs(experiments, condition, order_by=[f"attributes.start_time {order}"]))

    def _lock(self, run_id: str) -> bool:
        """Locks a run for this process; returns False if another process on this machine writes to it."""
        self._lock_folder.mkdir(exist_ok=True)
        lock = FileLock(self._lock_folder / f"{run_id}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return False
        self._locks[run_id] = lock
        return True

    def _unlock(self, run_id: str, ended: bool) -> None:
        """Unlocks a run; `ended`: the store has its end, so that it needs no mark."""
        if ended:
            Path(self._locks[run_id].lock_file).unlink()
        self._locks.pop(run_id).release()

    def _mark_dead_runs(self) -> None:
        """Marks runs of this repository as killed whose process is gone; other runs may be alive elsewhere."""
        for run in self._search("status = 'RUNNING'"):
            run_id = run.info.run_id
            if (self._lock_folder / f"{run_id}.lock").exists() and self._lock(run_id):
                self._client.set_terminated(run_id, "KILLED")
                self._unlock(run_id, ended=True)

    def _experiment(self, name: str, note: str, artifacts: str | None) -> str:
        known = self._client.get_experiment_by_name(name)
        location = f"{artifacts}/{quote(name, safe='')}" if artifacts else None
        key = known.experiment_id if known else self._client.create_experiment(name, location)
        tags = known.tags if known else {}
        if tags.get(MLFLOW_RUN_NOTE) != note:
            self._client.set_experiment_tag(key, MLFLOW_RUN_NOTE, note)
        if not tags.get(_KIND):  # the user may have chosen another one
            self._client.set_experiment_tag(key, _KIND, _OF_RUNS)
        return key


def _check_connection(address: str) -> None:
    """Fails at once if no server answers; MLflow itself would retry for a minute or more."""
    if address.startswith("http"):
        http_request(get_default_host_creds(address), "/health", "GET", max_retries=0, timeout=CONNECT_TIMEOUT)
    elif address.startswith(("postgresql", "mysql", "mssql")):
        timeout = {"connect_timeout": CONNECT_TIMEOUT} if address.startswith("postgresql") else {}
        try:
            engine = sqlalchemy.create_engine(address, connect_args=timeout)
        except (ImportError, ValueError) as error:  # its driver is missing; the port is not a number
            raise MlflowException(str(error)) from error
        if timeout:
            engine.connect().close()
        engine.dispose()
