"""The runs in MLflow: one row for each training, and the measurements of its weights below it.

A stage logs while it works, and stage publish logs from its files whatever is missing. Trained pairs are MLflow models.
"""

import hashlib
import json
import logging
import os
import platform
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from textwrap import shorten
from urllib.parse import quote, unquote, urlsplit

import mlflow
import numpy as np
import sqlalchemy
from filelock import FileLock
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, Run, RunTag
from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor
from numpy.typing import NDArray
from PIL import Image

from pipeline.tracking.models import register
from pipeline.tracking.provenance import (
    NOTE,
    NOTES,
    PICTURES,
    RESTORED,
    WEIGHTS,
    code_changes,
    run_name,
    run_tags,
    without_passwords,
)
from pipeline.tracking.results import Result
from stegnet.core.errors import DiskError, TrackingError
from stegnet.core.measures import SECRET_PSNR

for _name in ("alembic", "mlflow"):  # MLflow sets its own levels when it is imported
    logging.getLogger(_name).setLevel(logging.WARNING)
for _name in ("mlflow.store.db.utils", "mlflow.system_metrics", "urllib3.connectionpool"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)  # stegnet reports a failing store in one line

# Tags of a run: its stage; hashes of its outputs, of the weights that it trained or measured, and of all parameters
# (runs with the same parameters belong together); the fingerprint of a training and its machine, where an interrupted
# run resumes.
STAGE = "stegnet.stage"
KEY = "stegnet.key"
PARAMS = "stegnet.params"
TRAINING = "stegnet.training"
HOST = "stegnet.host"
PARENT = "mlflow.parentRunId"
EXECUTION = ("run/", "system/")  # prefixes of figures of an execution, not of its result
STORE_ERRORS = (mlflow.MlflowException, sqlalchemy.exc.SQLAlchemyError, OSError, DiskError)  # requests' are OSErrors
CONNECT_TIMEOUT = 5  # seconds
Figures = dict[tuple[str, int], float]  # by name and step
_log = logging.getLogger(__name__)


@contextmanager
def store_errors() -> Iterator[None]:
    """Turn errors of MLflow, the network and the disk in the block into a TrackingError of one line."""
    try:
        yield
    except STORE_ERRORS as error:
        hint = getattr(error, "hint", "") or "check MLFLOW_TRACKING_URI and its server, or move mlflow.db away"
        raise TrackingError(f"MLflow's store can't be used ({_reason(error)})", hint) from error


class Tracker:
    """The store of runs, in the repository `root` unless MLFLOW_TRACKING_URI names a server.

    `params` are an experiment's. Raises TrackingError if the store can't be opened or used.
    """

    def __init__(self, root: Path, params: Mapping[str, object]) -> None:
        root = root.resolve()
        server = os.environ.get("MLFLOW_TRACKING_URI")
        if not server and ("?" in str(root) or unquote(str(root)) != str(root)):
            hint = "rename the folder, or set MLFLOW_TRACKING_URI"
            raise TrackingError(f"{root}: MLflow can't open a store in it, for the ? or % in its name", hint)
        self._params = params
        self._own = {PARAMS: hashlib.sha256(json.dumps(params, sort_keys=True).encode()).hexdigest()}
        mlflow.set_tracking_uri(server or f"sqlite:///{root / 'mlflow.db'}")
        artifacts = None if server else (root / "mlartifacts").as_uri()
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or "stegnet"
        with FileLock(root / ".mlflow.lock"), store_errors():  # two processes that create a database at once both fail
            _connect(server or "")
            self.client = mlflow.MlflowClient()
            self._trainings = self._experiment(name, NOTES["stegnet"], artifacts)
            self._data = self._experiment(f"{name}-data", NOTES["stegnet-data"], artifacts)

    def _experiment(self, name: str, note: str, artifacts: str | None) -> str:
        """Return the id of an experiment, created if missing; `artifacts` is a folder, or None for the server's."""
        known = self.client.get_experiment_by_name(name)
        if known and known.lifecycle_stage == "deleted":
            restore = f"`mlflow experiments restore -x {known.experiment_id}`"
            raise mlflow.MlflowException(f"the experiment is deleted: {restore}")
        if known:
            return str(known.experiment_id)
        # Its page opens on runs, not on traces.
        tags = {NOTE: note, "mlflow.experimentKind": "custom_model_development"}
        return str(self.client.create_experiment(name, artifacts and f"{artifacts}/{quote(name, safe='')}", tags))

    @contextmanager
    def run(self, stage: str, setup: Mapping[str, str], training: str = "") -> Iterator["LiveRun"]:
        """Start a run for the block, and end it as finished, failed or killed; log the machine's load meanwhile.

        A failing store does not interrupt the block. A training with the same fingerprint that was interrupted on
        this machine continues in its run.

        Args:
            stage: name of the stage.
            setup: tags about the execution, without stegnet before their names.
            training: fingerprint of the training, if the stage trains; "": it does not.
        """
        tags = {f"stegnet.{name}": value for name, value in setup.items()} | {HOST: platform.node()}
        if training:
            tags[TRAINING] = training
        with store_errors():
            same = self._own | {TRAINING: training, HOST: platform.node()}
            run = self._start(stage, self._runs("!=", same) if training else [], tags)
            live = LiveRun(self, run, max((step for _, step in self._figures(run)), default=-1))
            load = SystemMetricsMonitor(live.id, resume_logging=True)  # every ten seconds, in a thread
            load.start()
        status = "FAILED"
        try:
            yield live
            status = "FINISHED"
        except KeyboardInterrupt:
            status = "KILLED"
            raise
        finally:
            load.finish()
            live.end(status)

    @store_errors()
    def log_result(self, result: Result) -> None:
        """Log a stage from its files unless it has a finished run in this experiment, and attach it to its training.

        An unfinished run of the stage is completed if it has no other figures.
        """
        run = self.find(result)
        if not run:
            unfinished = self._runs("!=", self._own | {STAGE: result.stage})
            same = [run for run in unfinished if self._figures(run).items() <= result.figures().items()]
            run = self._start(result.stage, same, {RESTORED: "true"})
            self.log(run, result)
            self.client.set_terminated(run.info.run_id, "FINISHED")
        self.attach(run, result)

    @store_errors()
    def add_to_training(self, result: Result) -> None:
        """Add figures and files to the experiment's training, and ONNX files to its model, which is registered."""
        if row := self._training(result.weights):
            self.log(row, result)
            if result.model:
                register(self.client, row, result.model, result.onnx)

    def find(self, result: Result) -> Run | None:
        """Return the latest finished run with this result; in this experiment only, except for prepared pictures."""
        tags = {STAGE: result.stage, KEY: result.key} | ({} if result.stage == "prepare" else self._own)
        return next(iter(self._runs("=", tags)), None)

    def log(self, run: Run, result: Result) -> None:
        """Log everything in a result that a run lacks."""
        key = run.info.run_id
        logged = self._figures(run)
        new = {place: value for place, value in result.figures().items() if place not in logged}
        params = [Param(name, without_passwords(str(value))) for name, value in result.params.items()]
        tags = [RunTag(name, value) for name, value in ((KEY, result.key), (WEIGHTS, result.weights)) if value]
        self.client.log_batch(key, _metrics(new), params, tags)
        for path in result.artifacts:
            (self.client.log_artifacts if path.is_dir() else self.client.log_artifact)(key, str(path))
        for name, text in result.texts.items():
            self.client.log_text(key, without_passwords(text), name)
        sets = []
        for data in result.datasets:
            source = json.dumps({"uri": without_passwords(data.source)})
            entry = Dataset(data.name, data.digest, "local", source, profile=json.dumps(dict(data.profile)))
            sets.append(DatasetInput(entry, [InputTag("mlflow.data.context", data.context)]))
        self.client.log_inputs(key, sets)

    def attach(self, run: Run, result: Result) -> None:
        """Make a measurement a child of the experiment's training, if that is logged, and show its headline there."""
        row = self._training(result.weights)
        if result.stage in ("prepare", "train") or not row or run.data.tags.get(PARENT) == row.info.run_id:
            return
        key = row.info.run_id
        new = {(name, 0): value for name, value in result.headline.items() if row.data.metrics.get(name) != value}
        self.client.log_batch(key, _metrics(new))
        for name, path in result.pictures.items():
            with Image.open(path) as picture:
                self.client.log_image(key, picture, key=name, step=0)
        if SECRET_PSNR in result.headline and result.datasets:
            self.client.set_tag(key, PICTURES, result.datasets[0].digest)
        self.client.set_tag(run.info.run_id, PARENT, key)

    def _start(self, stage: str, interrupted: list[Run], tags: Mapping[str, str]) -> Run:
        """Resume the first interrupted run, or create one, with the parameters and what differs from the commit."""
        if interrupted:
            self.client.update_run(interrupted[0].info.run_id, "RUNNING")
            return interrupted[0]
        changes = code_changes(self._params)
        run = self.client.create_run(
            self._data if stage == "prepare" else self._trainings,
            tags=run_tags(stage, self._params, changes, {STAGE: stage, **self._own, **tags}),
            run_name=run_name(stage, self._params),
        )
        if changes:
            self.client.log_text(run.info.run_id, without_passwords(changes), "changes.diff")
        params = [Param(key, without_passwords(str(value))) for key, value in self._params.items()]
        self.client.log_batch(run.info.run_id, params=params)
        return run

    def _training(self, weights: str) -> Run | None:
        return next(iter(self._runs("=", self._own | {STAGE: "train", WEIGHTS: weights})), None)

    def _runs(self, finished: str, tags: Mapping[str, str]) -> list[Run]:
        """Return runs that are finished ("=") or not ("!=") and have all these tags, the latest first."""
        conditions = [f"status {finished} 'FINISHED'", *(f"tags.`{name}` = '{value}'" for name, value in tags.items())]
        order = ["attributes.start_time DESC"]
        return list(self.client.search_runs([self._trainings, self._data], " and ".join(conditions), order_by=order))

    def _figures(self, run: Run) -> Figures:
        """Return the figures of a run's result that the store has."""
        key = run.info.run_id
        names = [name for name in self.client.get_run(key).data.metrics if not name.startswith(EXECUTION)]
        history = [point for name in names for point in self.client.get_metric_history(key, name)]
        return {(point.key, point.step): point.value for point in history}


class LiveRun:
    """A run while its stage works. The store's first refusal is logged, and the rest is left to stage publish.

    Points are sent together, at most once a second. A run that continues an interrupted training has its points and
    pictures up to step `last`; −1 for a new run.
    """

    def __init__(self, store: Tracker, run: Run, last: int) -> None:
        self.id = run.info.run_id
        self._store = store
        self._run = run
        self._last = last
        self._refused = False
        self._points: Figures = {}  # not sent yet
        self._sent = time.monotonic()

    def log_point(self, stage: str, point: Mapping[str, float]) -> None:
        """Log a point of a stage's curve, at its "step"."""
        if (step := int(point["step"])) > self._last:
            self._points |= {(f"{stage}/{name}", step): value for name, value in point.items() if name != "step"}
            if time.monotonic() - self._sent >= 1:
                self._send_points()

    def log_picture(self, name: str, step: int, pixels: NDArray[np.uint8]) -> None:
        """Log one picture of a series, (H, W, 3) uint8, behind the points up to it, which tell that it was logged."""
        if step > self._last:
            self._send_points()
            self._send(self._store.client.log_image, self.id, Image.fromarray(pixels), key=name, step=step)

    def finish(self, result: Result, **figures: float) -> None:
        """Log the result of the stage, and figures of this execution."""
        self._points |= {(f"run/{name}", 0): value for name, value in figures.items()}
        self._send_points()
        self._send(self._store.log, self._run, result)
        self._send(self._store.attach, self._run, result)

    def end(self, status: str) -> None:
        """End the run as FINISHED, FAILED or KILLED."""
        self._send_points()
        self._send(self._store.client.set_terminated, self.id, status)

    def _send_points(self) -> None:
        self._send(self._store.client.log_batch, self.id, _metrics(self._points))
        self._points = {}
        self._sent = time.monotonic()

    def _send(self, call: Callable[..., object], *arguments: object, **named: object) -> None:
        if self._refused:
            return
        try:
            call(*arguments, **named)
        except STORE_ERRORS as error:
            self._refused = True
            then = "work goes on, and stage publish (`dvc repro -s -f publish`) logs the rest"
            _log.warning("MLflow is missing part of this run (%s): %s", _reason(error), then)


def _connect(address: str) -> None:
    """Raise within seconds if nothing listens at a server's address; MLflow itself would retry for minutes."""
    try:
        place = urlsplit(address)
        usual = {"https": 443, "postgresql": 5432, "mysql": 3306, "mssql": 1433}.get(place.scheme.partition("+")[0], 80)
        if place.hostname and place.scheme != "databricks":
            socket.create_connection((place.hostname, place.port or usual), CONNECT_TIMEOUT).close()
        mlflow.MlflowClient()  # loads the driver of a database
    except (ImportError, ValueError) as error:  # there is no such driver, or the port is no number
        raise mlflow.MlflowException(str(error)) from error


def _reason(error: BaseException) -> str:
    """Return the store's address and the innermost of its errors, in one line without passwords."""
    inner = error
    while (after := error.__cause__ or error.__context__) and not isinstance(inner, DiskError):
        error = after
        inner = after if isinstance(after, STORE_ERRORS) else inner
    first = next(iter(str(inner).splitlines()), type(inner).__name__)  # SQLAlchemy's others show the statement
    return shorten(without_passwords(f"{mlflow.get_tracking_uri()}: {first}"), 300, placeholder=" …")


def _metrics(figures: Figures) -> list[Metric]:
    """Return figures as MLflow takes them."""
    now = time.time_ns() // 1_000_000
    return [Metric(name, value, now, step) for (name, step), value in figures.items()]
