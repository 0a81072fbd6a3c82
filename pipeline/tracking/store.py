"""The store of runs: one row for each training, and the measurements of its weights below it.

Trained pairs are MLflow models: weights, card, signature and an example; nothing is pickled.
"""

import hashlib
import json
import logging
import math
import os
import re
import shlex
import shutil
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from textwrap import shorten
from threading import Event, Thread
from urllib.parse import quote, unquote

import mlflow
import numpy as np
import sqlalchemy
from filelock import FileLock, Timeout
from mlflow.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    LoggedModel,
    LoggedModelInput,
    LoggedModelOutput,
    Metric,
    Param,
    Run,
    RunTag,
)
from mlflow.models import Model, ModelSignature
from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor
from mlflow.types import Schema, TensorSpec
from mlflow.utils.credentials import get_default_host_creds
from mlflow.utils.rest_utils import http_request
from numpy.typing import NDArray
from PIL import Image

from pipeline.tracking.provenance import NOTE, NOTES, RESTORED, code_changes, run_name, run_tags, without_passwords
from pipeline.tracking.results import DataSet, Result
from pipeline.tracking.view import VIEW_TAG, comparison_view
from stegnet.core.disk import temporary_folder
from stegnet.core.errors import DiskError, TrackingError
from stegnet.core.measures import CONTAINER_PSNR, GAIN_PSNR, SECRET_PSNR

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", ".*Any type hint is inferred")  # mlflow 3.17 warns about its own code
    import mlflow.pyfunc

for _name in ("alembic", "mlflow"):  # MLflow sets its own levels when it is imported
    logging.getLogger(_name).setLevel(logging.WARNING)
for _name in ("mlflow.store.db.utils", "mlflow.system_metrics", "urllib3.connectionpool"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)  # stegnet reports a failing store in one line

# Tags of a run: its stage; hashes of its outputs, of the weights that it trained or measured, and of all parameters
# (runs with the same parameters belong together); the fingerprint of a training, with which an interrupted run resumes.
STAGE = "stegnet.stage"
KEY = "stegnet.key"
WEIGHTS = "stegnet.weights"
PARAMS = "stegnet.params"
TRAINING = "stegnet.training"
PARENT = "mlflow.parentRunId"
EXECUTION = ("run/", "system/")  # prefixes of figures of an execution, not of its result
# Errors of requests are OSErrors.
STORE_ERRORS = (mlflow.MlflowException, sqlalchemy.exc.SQLAlchemyError, OSError, DiskError)
CONNECT_TIMEOUT = 5  # seconds
LAST_REQUEST = 10  # seconds that a request may take when its stage has ended
_STATEMENT = re.compile(r"\s*(\[SQL:|\(Background on this error).*", re.DOTALL)  # text that SQLAlchemy adds to a cause
_REMEDIES = {  # remedies by a pattern found in the store's address and the cause
    r"experiment (\d+) must be in the 'active' state": "restore it with `MLFLOW_TRACKING_URI={store} mlflow experiments"
    " restore -x {found}`, or set MLFLOW_EXPERIMENT_NAME to another name",
    "mlflow db upgrade": "back it up, then `mlflow db upgrade {store}`; if a newer MLflow made it, install that one, or"
    " set MLFLOW_TRACKING_URI to another store",
    "^sqlite:": "check this file and its folder, or move the file away: then a new one is made",
    r"No module named '(\w+)": "pip install {found}, which such an address needs",
    "^(http|postgresql|mysql|mssql)": "check MLFLOW_TRACKING_URI, and that its server runs",
    "": "set MLFLOW_TRACKING_URI to http://HOST:PORT or sqlite:////FOLDER/mlflow.db, or unset it: mlflow.db is used",
}
_FINISHED = "status = 'FINISHED'"
_ENDED = "status != 'FINISHED' and status != 'RUNNING'"
REGISTERED = "stegnet"
BEST = "best"  # MLflow itself has the alias "latest"
SIGNATURE = ModelSignature(
    inputs=Schema([TensorSpec(np.dtype(np.uint8), (-1, -1, 3), name) for name in ("cover", "secret")]),
    outputs=Schema([TensorSpec(np.dtype(np.uint8), (-1, -1, 3), name) for name in ("container", "revealed")]),
)
_log = logging.getLogger(__name__)


@contextmanager
def store_errors(problem: str = "MLflow's store can't be used") -> Iterator[None]:
    """Turn errors of MLflow, the network and the disk into a TrackingError with the problem, reason and remedy."""
    try:
        yield
    except DiskError as error:
        raise TrackingError(f"{problem} ({_reason(error)})", error.hint) from error
    except STORE_ERRORS as error:
        said = f"{mlflow.get_tracking_uri()} {_cause(error)}"
        found, hint = next((found, hint) for pattern, hint in _REMEDIES.items() if (found := re.search(pattern, said)))
        store = shlex.quote(without_passwords(mlflow.get_tracking_uri()))
        hint = hint.format(store=store, found=found[found.lastindex or 0])
        raise TrackingError(f"{problem} ({_reason(error)})", hint) from error


class LiveRun:
    """A run while its stage works; its methods neither wait for the store nor raise.

    A thread sends figures and pictures every second; whatever the store refuses is sent again, and the rest by `close`.
    A run that continues an interrupted execution has its figures and pictures up to step `last`; −1 for a new run.
    """

    def __init__(self, client: mlflow.MlflowClient, run: Run, last: int) -> None:
        self.id = run.info.run_id
        self.result: Result | None = None  # what it was finished with
        self.complete = False  # whether the store has all of it
        self._client = client
        self._last = last
        self._stopped = Event()
        self._figures: list[Metric] = []  # not sent yet
        self._pictures: list[tuple[str, int, NDArray[np.uint8]]] = []  # not sent yet
        self._begun = time.monotonic() - run.data.metrics.get("run/seconds", 0.0)
        self._load = self._watch_load()
        self._sender = Thread(target=self._send_regularly, daemon=True)  # a process that ends does not wait for it
        self._sender.start()

    def log_point(self, stage: str, point: Mapping[str, float]) -> None:
        """Log a point of a stage's curve, at its "step"."""
        if point["step"] > self._last:
            self._add({f"{stage}/{name}": value for name, value in point.items() if name != "step"}, int(point["step"]))

    def log_picture(self, name: str, step: int, pixels: NDArray[np.uint8]) -> None:
        """Log one picture of a series, (H, W, 3) uint8."""
        if step > self._last:
            self._pictures.append((name, step, pixels))

    def finish(self, result: Result, **figures: float) -> None:
        """Record that the stage is done, its result, and figures of this execution."""
        self.result = result
        self._add({f"run/{name}": value for name, value in figures.items()}, 0)

    def close(self) -> None:
        """Send the rest. Raises one of STORE_ERRORS if the store does not take it, or not soon."""
        self._stopped.set()
        self._sender.join(LAST_REQUEST)
        if self._sender.is_alive():
            raise TimeoutError(f"no answer within {LAST_REQUEST} seconds")
        check_connection()
        self._load.finish()
        self._add({"run/seconds": time.monotonic() - self._begun}, 0)
        self._send()

    def _add(self, figures: Mapping[str, float], step: int) -> None:
        now = time.time_ns() // 1_000_000
        self._figures.extend([Metric(name, value, now, step) for name, value in figures.items()])

    def _send(self) -> None:
        figures = self._figures[:]  # the stage only appends to it
        self._client.log_batch(self.id, figures)  # the store ignores those that it has
        del self._figures[: len(figures)]
        while self._pictures:
            name, step, pixels = self._pictures[0]
            self._client.log_image(self.id, _lightly_compressed(pixels), key=name, step=step)
            del self._pictures[0]

    def _send_regularly(self) -> None:
        failed = False
        while not self._stopped.wait(1):
            try:
                self._send()
                if failed:
                    _log.info("MLflow is back: what waited is sent")
                    self._load.finish()  # it has ended by itself, unless it missed nothing
                    self._load = self._watch_load()
                failed = False
            except STORE_ERRORS as error:
                if not failed:
                    why = _reason(error)
                    _log.warning("MLflow can't be reached (%s): work continues, and logging is retried", why)
                failed = True

    def _watch_load(self) -> SystemMetricsMonitor:
        """Log the machine's load every ten seconds, in a thread."""
        monitor = SystemMetricsMonitor(self.id, resume_logging=True)
        monitor.start()
        return monitor


class Tracker:
    """The store of runs, in the repository `root` unless MLFLOW_TRACKING_URI names a server.

    `params` are an experiment's. Raises TrackingError if the store can't be opened or used; a run that has begun never
    raises.
    """

    def __init__(self, root: Path, params: Mapping[str, object]) -> None:
        root = root.resolve()
        server = os.environ.get("MLFLOW_TRACKING_URI")
        if not server and ("?" in str(root) or unquote(str(root)) != str(root)):
            hint = "rename the folder, or set MLFLOW_TRACKING_URI"
            raise TrackingError(f"{root}: MLflow can't open a store in it, for the ? or % in its name", hint)
        self._params = params
        self._locks = root / ".mlflow"
        self._own = {PARAMS: hashlib.sha256(json.dumps(params, sort_keys=True).encode()).hexdigest()}
        mlflow.set_tracking_uri(server or f"sqlite:///{root / 'mlflow.db'}")
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or "stegnet"
        with (
            FileLock(root / ".mlflow.lock"),  # two processes must not create the database at once
            store_errors("MLflow's store can't be opened"),
        ):
            check_connection()
            self._client = mlflow.MlflowClient()
            artifacts = None if server else (root / "mlartifacts").as_uri()
            self._trainings = self._experiment(name, {NOTE: NOTES["stegnet"], VIEW_TAG: comparison_view()}, artifacts)
            self._data = self._experiment(f"{name}-data", {NOTE: NOTES["stegnet-data"]}, artifacts)
            default = None if server else self._client.get_experiment("0")  # which MLflow makes with a database
            if default and default.lifecycle_stage == "active" and not self._client.search_runs(["0"]):
                self._client.delete_experiment("0")
            self._locks.mkdir(exist_ok=True)
            # Runs of processes that are gone; others may be alive elsewhere.
            for run in self._runs("status = 'RUNNING'", {}):
                if (lock := self._lock(run)).exists():
                    with suppress(Timeout), FileLock(lock, blocking=False):
                        self._end(run, "KILLED")

    @contextmanager
    def run(self, stage: str, setup: Mapping[str, str], training: str = "") -> Iterator[LiveRun]:
        """Start a run for the block, and end it as finished, failed or killed.

        A failing store does not interrupt the block. A warning says if something is missing at the end; `log_result`
        then logs it from the stage's files. An interrupted training with the same fingerprint continues in its run.

        Args:
            stage: name of the stage.
            setup: tags about the execution, without stegnet before their names.
            training: fingerprint of the training, if the stage trains; "": it does not.
        """
        tags = {f"stegnet.{name}": value for name, value in setup.items()} | ({TRAINING: training} if training else {})
        with store_errors():
            interrupted = self._latest(_ENDED, self._own | {TRAINING: training}) if training else None
            run, lock = self._start(stage, interrupted, tags)
            live = LiveRun(self._client, run, max((step for _, step in self._figures(run)), default=-1))
        status = "FAILED"
        try:
            yield live
            status = "FINISHED"
        except KeyboardInterrupt:
            status = "KILLED"
            raise
        finally:
            try:
                live.close()
                self._end(run, status, live.result)
                live.complete = True
            except STORE_ERRORS as error:
                then = "the next stage that runs marks it as ended"
                if status == "FINISHED":
                    publish = "stage publish (`dvc repro -s -f publish`)"
                    then = f"once it answers, {publish} or the same command logs it from the files"
                _log.warning("MLflow is missing part of this run (%s); %s", _reason(error), then)
            lock.release()

    @store_errors()
    def log_result(self, result: Result) -> None:
        """Log a stage from its files unless it has a finished run in this experiment, and attach it to its training.

        An interrupted run of the stage is completed if it has no other figures.
        """
        if run := self.find(result):
            self._attach(run, result)
            return
        killed = self._runs("status = 'KILLED'", self._own | {STAGE: result.stage})
        same = (run for run in killed if self._figures(run).items() <= result.figures().items())
        run, lock = self._start(result.stage, next(same, None), {RESTORED: "true"})
        self._end(run, "FINISHED", result)
        lock.release()

    @store_errors()
    def add_to_training(self, result: Result) -> None:
        """Add figures and files to the experiment's training, and ONNX files to its model, which is registered."""
        if row := self._training(result.weights):
            self._log(row, result)
            if result.onnx and (model := _model(row)):
                register(self._client, model, result.onnx)

    def find(self, result: Result) -> Run | None:
        """Return the latest finished run with this result; in this experiment only, except for prepared pictures."""
        tags = {STAGE: result.stage, KEY: result.key} | ({} if result.stage == "prepare" else self._own)
        return self._latest(_FINISHED, tags)

    def _start(self, stage: str, interrupted: Run | None, tags: Mapping[str, str]) -> tuple[Run, FileLock]:
        """Resume an interrupted run, or create one. Return it with its lock, which this process holds.

        The file of the lock stays until the run has ended in the store, so that the next process marks it.
        """
        if interrupted:
            self._client.update_run(interrupted.info.run_id, "RUNNING")
        run = interrupted or self._client.create_run(
            self._data if stage == "prepare" else self._trainings,
            tags=run_tags(stage, self._params, {STAGE: stage, **self._own, **tags}),
            run_name=run_name(stage, self._params),
        )
        lock = FileLock(self._lock(run), blocking=False)
        lock.acquire()
        if not interrupted and (changes := code_changes(self._params)):
            self._client.log_text(run.info.run_id, without_passwords(changes), "changes.diff")
        params = [Param(key, without_passwords(str(value))) for key, value in self._params.items()]
        self._client.log_batch(run.info.run_id, params=params)
        return run, lock

    def _end(self, run: Run, status: str, result: Result | None = None) -> None:
        """Log the parts of its result that a run is missing, and end it."""
        if result:
            row = self._training(result.weights)
            self._log(run, result, _model(row) if row else None)
            tags = [RunTag(KEY, result.key), RunTag(WEIGHTS, result.weights)]
            self._client.log_batch(run.info.run_id, tags=tags)
        self._client.set_terminated(run.info.run_id, status)
        self._lock(run).unlink()
        if result:
            self._attach(run, result)

    def _log(self, run: Run, result: Result, model: str | None = None) -> None:
        """Log everything in a result that a run lacks; `model`: id of the measured model, whose page also shows it."""
        key = run.info.run_id
        logged = self._figures(run)
        new = {place: value for place, value in result.figures().items() if place not in logged}
        params = [Param(name, without_passwords(str(value))) for name, value in result.params.items()]
        self._client.log_batch(key, _metrics(result, new, model), params)
        for path in result.artifacts:
            (self._client.log_artifacts if path.is_dir() else self._client.log_artifact)(key, str(path))
        for name, text in result.texts.items():
            self._client.log_text(key, without_passwords(text), name)
        models = [LoggedModelInput(model)] if model else None
        self._client.log_inputs(key, [_input(data) for data in result.datasets], models)
        if result.model:
            log_model(self._client, key, result.model, result.weights)

    def _attach(self, run: Run, result: Result) -> None:
        """Make a measurement a child of the experiment's training, if that is logged, and show its headline there."""
        row = self._training(result.weights)
        if result.stage in ("prepare", "train") or not row or run.data.tags.get(PARENT) == row.info.run_id:
            return
        new = {(name, 0): value for name, value in result.headline.items() if row.data.metrics.get(name) != value}
        self._client.log_batch(row.info.run_id, _metrics(result, new, _model(row)))
        for name, path in result.pictures.items():
            with Image.open(path) as picture:
                # MLflow calls `save`; the file is a PNG already, and need not be coded again.
                vars(picture)["save"] = partial(shutil.copyfile, path)
                self._client.log_image(row.info.run_id, picture, key=name, step=0)
        self._client.set_tag(run.info.run_id, PARENT, row.info.run_id)

    def _figures(self, run: Run) -> dict[tuple[str, int], float]:
        """Return the figures of a run's result that the store has."""
        run = self._client.get_run(run.info.run_id)
        names = [name for name in run.data.metrics if not name.startswith(EXECUTION)]
        history = [point for name in names for point in self._client.get_metric_history(run.info.run_id, name)]
        return {(point.key, point.step): point.value for point in history}

    def _training(self, weights: str) -> Run | None:
        return self._latest(_FINISHED, self._own | {STAGE: "train", WEIGHTS: weights})

    def _latest(self, condition: str, tags: Mapping[str, str]) -> Run | None:
        return next(iter(self._runs(condition, tags)), None)

    def _runs(self, condition: str, tags: Mapping[str, str]) -> list[Run]:
        """Return runs that meet a condition and have all these tags, the latest first."""
        conditions = " and ".join([condition, *(f"tags.`{name}` = '{value}'" for name, value in tags.items())])
        order = ["attributes.start_time DESC"]
        experiments = [self._trainings, self._data]
        return list(self._client.search_runs(experiments, conditions, order_by=order))

    def _lock(self, run: Run) -> Path:
        """Return the file that a process on this machine locks while it writes to a run."""
        return self._locks / f"{run.info.run_id}.lock"

    def _experiment(self, name: str, own: Mapping[str, str], artifacts: str | None) -> str:
        """Return the id of an experiment with its `own` tags, which is created if missing.

        `artifacts` is a folder; None: the server's.
        """
        known = self._client.get_experiment_by_name(name)
        if known is None:
            location = artifacts and f"{artifacts}/{quote(name, safe='')}"
            known = self._client.get_experiment(self._client.create_experiment(name, location))
        # Its page opens on runs, not on traces, unless the user has chosen another kind.
        tags = {"mlflow.experimentKind": "custom_model_development", **known.tags, **own}
        for tag, value in tags.items() - known.tags.items():
            self._client.set_experiment_tag(known.experiment_id, tag, value)
        return known.experiment_id


def check_connection() -> None:
    """Raise within seconds if no server answers; MLflow itself would retry for minutes."""
    address = mlflow.get_tracking_uri()
    if address.startswith("http"):
        http_request(get_default_host_creds(address), "/health", "GET", max_retries=0, timeout=CONNECT_TIMEOUT)
    elif address.startswith(("postgresql", "mysql", "mssql")):
        timeout = {} if address.startswith("mssql") else {"connect_timeout": CONNECT_TIMEOUT}
        try:
            sqlalchemy.create_engine(address, connect_args=timeout).connect().close()
        except (ImportError, ValueError) as error:  # its driver is missing, or the port is not a number
            raise mlflow.MlflowException(str(error)) from error


def _reason(error: BaseException) -> str:
    """Return the store's address and the innermost cause, without passwords."""
    text = without_passwords(_STATEMENT.sub("", f"{mlflow.get_tracking_uri()}: {_cause(error)}"))
    return shorten(text, 300, placeholder=" …")


def _cause(error: BaseException) -> BaseException | None:
    """Return the innermost error of the store, or a full disk."""
    inner = None if isinstance(error, DiskError) else error.__cause__ or error.__context__
    return (inner and _cause(inner)) or (error if isinstance(error, STORE_ERRORS) else None)


def _model(run: Run) -> str | None:
    """Return the id of the model that a training logged."""
    return run.outputs.model_outputs[0].model_id if run.outputs and run.outputs.model_outputs else None


def _metrics(result: Result, figures: Mapping[tuple[str, int], float], model: str | None) -> list[Metric]:
    """Return figures of a result by name and step; a model's figures name the pictures that gave them."""
    metrics = list[Metric]()
    for (name, step), value in figures.items():
        data = result.dataset_of(name) if model else None
        given = (data.name, data.digest) if data else ()
        metrics.append(Metric(name, value, time.time_ns() // 1_000_000, step, model, *given))
    return metrics


def _lightly_compressed(pixels: NDArray[np.uint8]) -> Image.Image:
    """Return a picture from (H, W, 3) uint8 that MLflow saves in a third of the default time."""
    picture = Image.fromarray(pixels)
    vars(picture)["save"] = partial(picture.save, compress_level=1)
    return picture


def _input(data: DataSet) -> DatasetInput:
    """Return a data set as MLflow lists it; its source type is "local", a file or folder."""
    source = json.dumps({"uri": without_passwords(data.source)})
    profile = json.dumps(dict(data.profile))
    entry = Dataset(data.name, data.digest, "local", source, profile=profile)
    return DatasetInput(entry, [InputTag("mlflow.data.context", data.context)])


def log_model(client: mlflow.MlflowClient, run_id: str, weights: Path, key: str) -> None:
    """Add a weights file with a hash, and its card, as the model of a run, unless the run has one."""
    run = client.get_run(run_id)
    if _model(run):
        return
    experiment = run.info.experiment_id
    name = re.sub(r"[^\w=+ -]", "_", run.info.run_name)
    tags = {"stegnet.weights": key, NOTE: NOTES["model"]}
    started = client.search_logged_models([experiment], f"source_run_id = '{run_id}'")
    model = next(iter(started), None) or client.create_logged_model(
        experiment, name, run_id, tags, dict(run.data.params), "hide/reveal pair"
    )
    rows, columns = np.mgrid[:48, :48] * 5
    ramps = np.stack([columns, rows, (columns + rows) // 2], -1).astype(np.uint8)
    with temporary_folder() as folder:
        (folder / "weights").mkdir()
        for path in (weights, weights.with_suffix(".json")):
            shutil.copy(path, folder / "weights")
        mlflow.pyfunc.save_model(
            folder / "model",
            loader_module="stegnet.served",  # imported by MLflow when it loads the model
            data_path=str(folder / "weights"),
            mlflow_model=Model(model.artifact_location, run_id, model_id=model.model_id),
            signature=SIGNATURE,
            input_example={"cover": ramps, "secret": ramps[::-1].copy()},
            pip_requirements=[],  # stegnet is in no package index: its name there would be another project's
            metadata={"needs": "the package stegnet, from the commit of the run"},
        )
        client.log_model_artifacts(model.model_id, str(folder / "model"))
    client.finalize_logged_model(model.model_id, "READY")
    client.log_outputs(run_id, [LoggedModelOutput(model.model_id, 0)])


def register(client: mlflow.MlflowClient, model_id: str, graphs: Sequence[Path]) -> None:
    """Make a model a version of REGISTERED, with ONNX files, unless that is done, and name the best version."""
    if not client.search_registered_models(f"name = '{REGISTERED}'"):
        client.create_registered_model(REGISTERED, description=NOTES["registered"])
    versions = client.search_model_versions(f"name = '{REGISTERED}'")
    model = client.get_logged_model(model_id)
    if (source := f"models:/{model_id}") not in {version.source for version in versions}:
        for path in graphs:
            client.log_model_artifact(model_id, str(path), "data/weights")  # the folder that its loader reads
        tags = {name: value for name, value in model.tags.items() if name != NOTE}
        version = client.create_model_version(
            REGISTERED, source, model.source_run_id, tags, description=NOTES["model"], model_id=model_id
        )
        versions.append(version)
    like = _measured_on(model)
    losses: dict[str, float] = {}
    for version in versions:
        other = client.get_logged_model((version.source or "").removeprefix("models:/"))
        gain = next((figure.value for figure in other.metrics or () if figure.key == GAIN_PSNR), -math.inf)
        if like and _measured_on(other) == like and gain > 0:
            losses[version.version] = _loss(other)
        elif version.source == source:
            why = "training gained nothing" if gain > -math.inf else "the gain of training is not measured"
            _log.info("version %s of model %s is not @%s: %s", version.version, REGISTERED, BEST, why)
    if losses:
        client.set_registered_model_alias(REGISTERED, BEST, min(losses, key=losses.__getitem__))


_SIDES = (CONTAINER_PSNR, SECRET_PSNR)


def _measured_on(model: LoggedModel) -> frozenset[tuple[str, str | None]]:
    """Return β, and the digests of the pictures that gave the PSNR of container and secret; empty if they lack."""
    measured = {(figure.key, figure.dataset_digest) for figure in model.metrics or () if figure.key in _SIDES}
    if {key for key, _ in measured} != set(_SIDES):
        return frozenset()
    return frozenset({*measured, ("beta", str((model.params or {}).get("beta")))})


def _loss(model: LoggedModel) -> float:
    """Return the mean squared error of the container plus β times the secret's, of values in [0, 1], by their PSNR."""
    psnr = {figure.key: figure.value for figure in model.metrics or () if figure.key in _SIDES}
    beta = float((model.params or {}).get("beta", 1.0))
    return float(10 ** (-psnr[CONTAINER_PSNR] / 10) + beta * 10 ** (-psnr[SECRET_PSNR] / 10))
