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
from urllib.parse import quote

import mlflow
import sqlalchemy
from filelock import FileLock, Timeout
from mlflow.entities import Run
from mlflow.utils.credentials import get_default_host_creds
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID, MLFLOW_RUN_NOTE
from mlflow.utils.rest_utils import http_request

from stegnet.tracking.model import add_files, register
from stegnet.tracking.names import EXPERIMENT, KEY, PARAMS, RESTORED, STAGE, TRAINING, WEIGHTS
from stegnet.tracking.notes import DATA_NOTE, TRAININGS_NOTE, describe
from stegnet.tracking.outbox import Outbox, told
from stegnet.tracking.provenance import changes_in, origin
from stegnet.tracking.result import Result
from stegnet.tracking.run import Do, LiveRun, Place, call, figures_of, logged_figures, logged_pictures, watched

ANSWER = 5  # seconds in which a server must answer at the start
PATIENCE = 15.0  # seconds that the end of a stage waits for a store that fails
BUSY = 120.0  # seconds that it waits for one answer, as MLflow itself does
STOP = 5.0  # seconds that a stage that ends early waits for either
_LATER = "once it answers, stage publish (`dvc repro -s -f publish`) or the same command logs it from the files"
_MARKED = "the next stage that runs marks it as ended"
_log = logging.getLogger(__name__)
_asking = partial(told, "MLflow's store can't be used", "check MLFLOW_TRACKING_URI, and that its server runs")


class Tracker:
    """The store, opened.

    Args:
        root: the repository, where the store lies if no server is named.
        params: all parameters of the experiment whose runs are logged.
    Raises:
        TrackingError: the store can't be opened, or, from every method, used. A run that has begun never raises it.
    """

    def __init__(self, root: Path, params: Mapping[str, Any]) -> None:
        self._params = params
        self._experiment_key = hashlib.sha256(json.dumps(params, sort_keys=True).encode()).hexdigest()
        root = root.resolve()
        self._locks, self._held = root / ".mlflow", dict[str, FileLock]()
        server = os.environ.get("MLFLOW_TRACKING_URI")
        address = server or f"sqlite:///{root / 'mlflow.db'}"
        mlflow.set_tracking_uri(address)
        artifacts = None if server else (root / "mlartifacts").as_uri()
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT
        with (
            FileLock(root / ".mlflow.lock"),  # two processes must not create the database at once
            told("MLflow's store can't be opened", "check MLFLOW_TRACKING_URI, and that its server runs"),
        ):
            _reach(address)
            self._client = mlflow.MlflowClient()
            self._trainings = self._experiment(name, TRAININGS_NOTE, artifacts)
            self._data = self._experiment(f"{name}-data", DATA_NOTE, artifacts)
            self._mark_dead_runs()

    @contextmanager
    def run(self, stage: str, name: str, training: str = "") -> Iterator[LiveRun]:
        """A run that lasts as long as the block; it is marked as failed, or as stopped, if the block ends early.

        A store that fails meanwhile stops nothing: what it could not take is sent when it is back. What is still
        missing at the end is told in one line; `restore` logs it from the stage's files.

        Args:
            name: of the run; a training is named after the parameters that differ from the commit's, where any does.
            training: fingerprint of a training that may have been interrupted; its run then goes on.
        """
        outbox = Outbox()
        with _asking():
            interrupted = self._interrupted(f"tags.`{TRAINING}` = '{training}'") if training else []
            live = self._begin(stage, name, interrupted, {TRAINING: training} if training else {}, outbox.add)
        status, patience, busy = "FAILED", STOP, STOP
        try:
            with watched(live):
                yield live
            status, patience, busy = "FINISHED", PATIENCE, BUSY
        except KeyboardInterrupt:
            status = "KILLED"
            raise
        finally:
            outbox.add(partial(self._client.set_terminated, live.id, status))
            if live.result:
                outbox.add(partial(self._adopt, live.result))
            live.whole = not outbox.close(patience, busy)
            self._release(live.id, ended=live.whole)
            if not live.whole:
                why = outbox.failure or "it did not answer in time"
                then = _LATER if status == "FINISHED" else _MARKED
                _log.warning("MLflow has not got all of this run (%s); %s", why, then)

    @_asking()
    def restore(self, result: Result, name: str) -> None:
        """Logs a stage from its files, unless it has a finished run in this experiment; then adopts it.

        A run of it that was interrupted, and has nothing else, is made whole.
        """
        if self._find(result) is None:
            figures = figures_of(result)
            interrupted = [
                run
                for run in self._interrupted(f"tags.`{STAGE}` = '{result.stage}' and status = 'KILLED'")
                if logged_figures(self._client, run).items() <= figures.items()
            ]
            live = self._begin(result.stage, name, interrupted, {RESTORED: "true"})
            live.finish(result)
            self._client.set_terminated(live.id)
            self._release(live.id, ended=True)
        self._adopt(result)

    @_asking()
    def find(self, result: Result) -> Run | None:
        """The latest finished run with this outcome: of this experiment, but pictures belong to all."""
        return self._find(result)

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

    def _begin(
        self, stage: str, name: str, interrupted: Sequence[Run], more: Mapping[str, str], do: Do = call
    ) -> LiveRun:
        """The first of the interrupted runs that nobody else takes up, or a new one."""
        known: set[Place] = set()
        taken = next((run for run in interrupted if self._hold(run.info.run_id)), None)
        if taken:
            run_id = taken.info.run_id
            self._client.update_run(run_id, "RUNNING")
            known = logged_figures(self._client, taken).keys() | logged_pictures(self._client, taken)
        else:
            tags = {STAGE: stage, PARAMS: self._experiment_key, **origin(self._params), **more}
            tags[MLFLOW_RUN_NOTE] = describe(stage, tags)
            name = (changes_in(self._params) if stage == "train" else "") or name
            experiment = self._data if stage == "prepare" else self._trainings
            run_id = self._client.create_run(experiment, tags=tags, run_name=name).info.run_id
            self._hold(run_id)
        live = LiveRun(self._client, run_id, do, known)
        live.params(self._params)
        return live

    def _adopt(self, result: Result) -> None:
        """Puts a measurement below the experiment's training, and its headline on that training's row.

        Where the training has no run yet, nothing happens.
        """
        run = self._find(result)
        parent = self._training(result.weights)
        if result.stage in ("prepare", "train") or run is None or parent is None:
            return
        if run.data.tags.get(MLFLOW_PARENT_RUN_ID) != parent.info.run_id:
            LiveRun(self._client, parent.info.run_id).headline(result)
            self._client.set_tag(run.info.run_id, MLFLOW_PARENT_RUN_ID, parent.info.run_id)

    def _find(self, result: Result) -> Run | None:
        condition = f"tags.`{STAGE}` = '{result.stage}' and tags.`{KEY}` = '{result.key}'"
        return self._latest(condition if result.stage == "prepare" else f"{condition} and {self._here()}")

    def _training(self, weights: str) -> Run | None:
        return self._latest(f"tags.`{STAGE}` = 'train' and tags.`{WEIGHTS}` = '{weights}' and {self._here()}")

    def _here(self) -> str:
        return f"tags.`{PARAMS}` = '{self._experiment_key}'"

    def _latest(self, condition: str) -> Run | None:
        found = self._search(f"{condition} and status = 'FINISHED'", "DESC")
        return found[0] if found else None

    def _interrupted(self, condition: str) -> list[Run]:
        """This experiment's runs that ended early, the oldest first."""
        ended = "status != 'FINISHED' and status != 'RUNNING'"
        return self._search(f"{condition} and {self._here()} and {ended}")

    def _search(self, condition: str, order: str = "ASC") -> list[Run]:
        experiments = [self._trainings, self._data]
        return list(self._client.search_runs(experiments, condition, order_by=[f"attributes.start_time {order}"]))

    def _hold(self, run_id: str) -> bool:
        """Tells the other processes here that this run is being written to, unless one of them does so."""
        self._locks.mkdir(exist_ok=True)
        lock = FileLock(self._locks / f"{run_id}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return False
        self._held[run_id] = lock
        return True

    def _release(self, run_id: str, ended: bool) -> None:
        """Ends that; `ended`: the store knows that the run has."""
        if ended:
            Path(self._held[run_id].lock_file).unlink()
        self._held.pop(run_id).release()

    def _mark_dead_runs(self) -> None:
        """Marks runs as stopped whose process, one of this repository's, is gone; the others may be alive elsewhere."""
        for run in self._search("status = 'RUNNING'"):
            run_id = run.info.run_id
            if (self._locks / f"{run_id}.lock").exists() and self._hold(run_id):
                self._client.set_terminated(run_id, "KILLED")
                self._release(run_id, ended=True)

    def _experiment(self, name: str, note: str, artifacts: str | None) -> str:
        known = self._client.get_experiment_by_name(name)
        location = f"{artifacts}/{quote(name, safe='')}" if artifacts else None
        key = known.experiment_id if known else self._client.create_experiment(name, location)
        if known is None or known.tags.get(MLFLOW_RUN_NOTE) != note:
            self._client.set_experiment_tag(key, MLFLOW_RUN_NOTE, note)
        return key


def _reach(address: str) -> None:
    """Fails at once where nothing answers; MLflow itself would try for a minute or more."""
    if address.startswith("http"):
        http_request(get_default_host_creds(address), "/health", "GET", max_retries=0, timeout=ANSWER)
    elif address.startswith("postgresql"):
        engine = sqlalchemy.create_engine(address, connect_args={"connect_timeout": ANSWER})
        engine.connect().close()
        engine.dispose()
