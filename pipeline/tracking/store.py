"""The runs in MLflow: one row for each training, and the measurements of its weights below it.

A stage logs while it works. If that failed, or DVC restored its files, stage publish logs a whole run from these.
Trained pairs are MLflow models.
"""

import hashlib
import json
import logging
import os
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
from pipeline.tracking.results import Figures, Result, figures_at
from stegnet.core.errors import DiskError, TrackingError
from stegnet.core.measures import SECRET_PSNR

for _name in ("alembic", "mlflow"):  # MLflow sets its own levels when it is imported
    logging.getLogger(_name).setLevel(logging.WARNING)
for _name in ("mlflow.store.db.utils", "mlflow.system_metrics", "urllib3.connectionpool"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)  # stegnet reports a failing store in one line

# Tags of a run: its stage; hashes of its outputs, of the weights that it trained or measured, and of all parameters
# (runs with the same parameters belong together).
STAGE = "stegnet.stage"
KEY = "stegnet.key"
PARAMS = "stegnet.params"
PARENT = "mlflow.parentRunId"
STORE_ERRORS = (mlflow.MlflowException, sqlalchemy.exc.SQLAlchemyError, OSError, DiskError)  # requests' are OSErrors
CONNECT_TIMEOUT = 5  # seconds
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
        if known := self.client.get_experiment_by_name(name):
            return str(known.experiment_id)
        # Its page opens on runs, not on traces.
        tags = {NOTE: note, "mlflow.experimentKind": "custom_model_development"}
        return str(self.client.create_experiment(name, artifacts and f"{artifacts}/{quote(name, safe='')}", tags))

    @contextmanager
    def run(self, stage: str, setup: Mapping[str, str]) -> Iterator["LiveRun"]:
        """Start a run for the block, and end it as finished, failed or killed; log the machine's load meanwhile.

        A failing store does not interrupt the block. `setup` is tags about the execution, without stegnet before their
        names.
        """
        with store_errors():
            live = LiveRun(self, self._start(stage, {f"stegnet.{name}": value for name, value in setup.items()}))
            load = SystemMetricsMonitor(live.run.info.run_id)  # every ten seconds, in a thread
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
            live.send(self.client.set_terminated, live.run.info.run_id, status)

    @store_errors()
    def log_result(self, result: Result) -> None:
        """Log a stage from its files unless it has a finished run in this experiment, and attach it to its training."""
        run = self.find(result)
        if not run:
            run = self._start(result.stage, {RESTORED: "true"})
            self.log(run, result, result.points())
            self.client.set_terminated(run.info.run_id, "FINISHED")
        self.attach(run, result)

    @store_errors()
    def add_to_training(self, result: Result) -> None:
        """Add figures and files to the experiment's training, and ONNX files to its model, which is registered."""
        if row := self._training(result.weights):
            self.log(row, result, {})
            if result.model:
                register(self.client, row, result.model, result.onnx)

    def find(self, result: Result) -> Run | None:
        """Return the latest finished run with this result; in this experiment only, except for prepared pictures."""
        tags = {STAGE: result.stage, KEY: result.key} | ({} if result.stage == "prepare" else self._own)
        return self._finished(tags)

    def log(self, run: Run, result: Result, points: Figures) -> None:
        """Log everything in a result, and some points of its curve."""
        key = run.info.run_id
        figures = {**result.metrics, **result.headline}
        new = points | _news(run, figures)
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
        self.client.log_batch(key, _metrics(_news(row, result.headline)))
        for name, path in result.pictures.items():
            with Image.open(path) as picture:
                self.client.log_image(key, picture, key=name, step=0)
        if SECRET_PSNR in result.headline and result.datasets:
            self.client.set_tag(key, PICTURES, result.datasets[0].digest)
        self.client.set_tag(run.info.run_id, PARENT, key)

    def _start(self, stage: str, tags: Mapping[str, str]) -> Run:
        """Create a run with the parameters and what differs from the commit."""
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
        return self._finished(self._own | {STAGE: "train", WEIGHTS: weights})

    def _finished(self, tags: Mapping[str, str]) -> Run | None:
        """Return the latest finished run that has all these tags."""
        conditions = ["status = 'FINISHED'", *(f"tags.`{name}` = '{value}'" for name, value in tags.items())]
        places, order = [self._trainings, self._data], ["attributes.start_time DESC"]
        return next(iter(self.client.search_runs(places, " and ".join(conditions), order_by=order)), None)


class LiveRun:
    """A run while its stage works. After the store's first refusal, which is logged, the run stays as it is."""

    def __init__(self, store: Tracker, run: Run) -> None:
        self.run = run
        self._store = store
        self._refused = False

    def log_point(self, stage: str, point: Mapping[str, float]) -> None:
        """Log a point of a stage's curve, at its "step"."""
        self.send(self._store.client.log_batch, self.run.info.run_id, _metrics(figures_at(stage, point)))

    def log_picture(self, name: str, step: int, pixels: NDArray[np.uint8]) -> None:
        """Log one picture of a series, (H, W, 3) uint8."""
        self.send(self._store.client.log_image, self.run.info.run_id, Image.fromarray(pixels), key=name, step=step)

    def finish(self, result: Result, **figures: float) -> None:
        """Log the result of the stage, whose curve is logged but for a film's, and figures of this execution."""
        points = {(f"run/{name}", 0): value for name, value in figures.items()}
        self.send(self._store.log, self.run, result, points if result.stage == "train" else points | result.points())
        self.send(self._store.attach, self.run, result)

    def send(self, call: Callable[..., object], *arguments: object, **named: object) -> None:
        """Call the store, unless it has refused something before."""
        if self._refused:
            return
        try:
            call(*arguments, **named)
        except STORE_ERRORS as error:
            self._refused = True
            then = "work goes on, and stage publish (`dvc repro -s -f publish`) logs a run anew"
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


def _news(run: Run, figures: Mapping[str, float]) -> Figures:
    """Return those of the figures, at step 0, that a run does not have yet."""
    return {(name, 0): value for name, value in figures.items() if run.data.metrics.get(name) != value}


def _metrics(figures: Figures) -> list[Metric]:
    """Return figures as MLflow takes them."""
    now = time.time_ns() // 1_000_000
    return [Metric(name, value, now, step) for (name, step), value in figures.items()]
