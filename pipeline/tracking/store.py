"""The store of runs: one row for each training, and below it what was measured of its weights."""

import hashlib
import json
import logging
import os
import time
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import quote, unquote

import mlflow
import numpy as np
from filelock import FileLock, Timeout
from mlflow.entities import Dataset, DatasetInput, InputTag, LoggedModelInput, Metric, Param, Run
from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor
from PIL import Image

from pipeline.tracking import provenance
from pipeline.tracking.errors import STORE_ERRORS, check_connection, reason, store_errors, without_passwords
from pipeline.tracking.model import log_model, register
from pipeline.tracking.results import DataSet, Result
from stegnet.core.errors import TrackingError

for _name in ("alembic", "mlflow"):  # MLflow sets its own levels when it is imported
    logging.getLogger(_name).setLevel(logging.WARNING)
for _name in ("mlflow.store.db.utils", "mlflow.system_metrics", "mlflow.utils.async_logging", "urllib3.connectionpool"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)  # stegnet reports a failing store in one line

# Tags of a run: its stage; hashes of its outputs, of the weights that it trained or measured, and of all parameters
# (runs with the same ones belong together); the fingerprint of a training, with which an interrupted run resumes.
STAGE, KEY, WEIGHTS, PARAMS = "stegnet.stage", "stegnet.key", "stegnet.weights", "stegnet.params"
TRAINING, PARENT = "stegnet.training", "mlflow.parentRunId"
EXECUTION = ("run/", "system/")  # figures of an execution, not of its result, begin so
_LATER = "once it answers, stage publish (`dvc repro -s -f publish`) or the same command logs it from the files"
_MARKED = "the next stage that runs marks it as ended"
_log = logging.getLogger(__name__)
_usable = partial(store_errors, "MLflow's store can't be used")


class LiveRun:
    """A run while its stage works; its methods neither wait for the store nor raise.

    MLflow sends figures and pictures by threads of its own, for which the process waits when it exits: so there is one
    request at a time. Figures of one that failed are sent again with the next ones, and all that is left at the end.

    Attributes:
        result: what it was finished with.
        figures: of the execution, by name.
        complete: the store has all of it.
    """

    def __init__(self, client: mlflow.MlflowClient, run: Run, figures: Set[tuple[str, int]]) -> None:
        self.id, self.result, self.complete, self.failure = run.info.run_id, None, False, ""
        self.figures = {"run/seconds": run.data.metrics.get("run/seconds", 0.0)}
        self._client, self._begun, self._lock = client, time.monotonic(), Lock()
        self._waiting, self._sent, self._request = list[Metric](), 0, None
        self._artifacts = client._tracking_client._get_artifact_repo(self.id)  # found without a request from now on
        self._pictures, self._unsent = dict[tuple[str, int], np.ndarray](), list[tuple[str, int]]()
        self._known = figures | self._logged_pictures()

    def log_point(self, stage: str, point: Mapping[str, float]) -> None:
        """Logs a point of a stage's curve, at its "step"."""
        self.log({f"{stage}/{name}": value for name, value in point.items() if name != "step"}, int(point["step"]))

    def log(self, figures: Mapping[str, float], step: int) -> None:
        """Logs figures."""
        with self._lock:
            self._waiting += [
                Metric(*each, _now(), step) for each in figures.items() if (each[0], step) not in self._known
            ]
            if self._request is None or self._is_done():
                self._sent = min(len(self._waiting), 1000)
                self._request = self._client.log_batch(self.id, self._waiting[: self._sent], synchronous=False)
                while self._unsent and not self.failure:
                    name, step = self._unsent.pop()
                    self._client.log_image(self.id, self._pictures[name, step], key=name, step=step, synchronous=False)

    def log_picture(self, name: str, step: int, pixels: np.ndarray) -> None:
        """Logs one picture of a series, (H, W, 3) uint8, with the next figures or at the end."""
        if (name, step) not in self._known:
            self._pictures[name, step] = pixels
            self._unsent.append((name, step))

    def finish(self, result: Result, **figures: float) -> None:
        """Says that the stage is done, its result, and figures of this execution."""
        self.result = result
        self.figures |= {f"run/{name}": value for name, value in figures.items()}

    def flush(self) -> None:
        """Waits until the store has all figures and pictures."""
        mlflow.flush_async_logging()
        self._artifacts.flush_async_logging()
        there = self._logged_pictures() if self._pictures else ()
        for (name, step), pixels in self._pictures.items():
            if (name, step) not in there:
                self._client.log_image(self.id, pixels, key=name, step=step)
        self.figures["run/seconds"] += time.monotonic() - self._begun
        own = [Metric(*figure, _now(), 0) for figure in self.figures.items()]
        _log_batches(self._client, self.id, metrics=self._waiting + own)  # what is there already is ignored

    def _is_done(self) -> bool:
        """Returns whether a request has ended; forgets what it sent, or says once that it failed."""
        (future,) = self._request._operation_futures
        if not future.done():
            return False
        if (error := future.exception()) is None:
            del self._waiting[: self._sent]
            if self.failure:
                _log.info("MLflow is back: what waited is sent")
        elif not self.failure:
            _log.warning("MLflow can't be reached (%s): work continues, and logging is retried", reason(error))
        self.failure = reason(error) if error else ""
        return True

    def _logged_pictures(self) -> set[tuple[str, int]]:
        """The pictures that the store has, both in full and small."""
        names = [file.path.removeprefix("images/") for file in self._artifacts.list_artifacts("images")]
        full, small = ([name.split("+") for name in names if name.endswith(suffix)] for suffix in (".png", ".webp"))
        found = ({(part[0].replace("~", "/"), int(part[2])) for part in parts} for parts in (full, small))
        return set.intersection(*found)  # name+step+9+timestamp+…


class LoadMonitor(SystemMetricsMonitor):
    """Logs the machine's load every ten seconds; MLflow's monitor itself stops after one failure of the store."""

    def __init__(self, live: LiveRun) -> None:
        super().__init__(live.id, resume_logging=True)
        self._live = live

    def monitor(self) -> None:
        """The loop of its thread."""
        while not self._shutdown_event.wait(self.sampling_interval):
            self.collect_metrics()
            figures = {f"system/{name}": value for name, value in self.aggregate_metrics().items()}
            self._live.log(figures, self._logging_step)
            self._logging_step += 1
            for monitor in self.monitors:
                monitor.clear_metrics()


class Tracker:
    """Opens the store of runs.

    Args:
        root: the repository, which has the store unless MLFLOW_TRACKING_URI names a server.
        params: all parameters of the experiment whose runs are logged.
    Raises:
        TrackingError: the store can't be opened; from the methods: it can't be used. A run that has begun never raises.
    """

    def __init__(self, root: Path, params: Mapping[str, Any]) -> None:
        root, server = root.resolve(), os.environ.get("MLFLOW_TRACKING_URI")
        if not server and ("?" in str(root) or unquote(str(root)) != str(root)):
            hint = "rename the folder, or set MLFLOW_TRACKING_URI"
            raise TrackingError(f"{root}: MLflow can't open a store in it, for the ? or % in its name", hint)
        key = hashlib.sha256(json.dumps(params, sort_keys=True).encode()).hexdigest()
        self._params, self._own = params, f"tags.`{PARAMS}` = '{key}'"  # this experiment's runs
        self._params_key, self._locks, self._locked = key, root / ".mlflow", dict[str, FileLock]()
        self._address = server or f"sqlite:///{root / 'mlflow.db'}"
        mlflow.set_tracking_uri(self._address)
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or "stegnet"
        with (
            FileLock(root / ".mlflow.lock"),  # two processes must not create the database at once
            store_errors("MLflow's store can't be opened"),
        ):
            check_connection(self._address)
            self._client = mlflow.MlflowClient()
            self._trainings = self._experiment(name, "stegnet", None if server else root / "mlartifacts")
            self._data = self._experiment(f"{name}-data", "stegnet-data", None if server else root / "mlartifacts")
            default = None if server else self._client.get_experiment("0")  # which MLflow makes with a database
            if default and default.lifecycle_stage == "active" and not self._client.search_runs(["0"]):
                self._client.delete_experiment("0")
            for run in self._search("status = 'RUNNING'"):  # of processes that are gone; others may be alive elsewhere
                if (self._locks / f"{run.info.run_id}.lock").exists() and self._lock(run.info.run_id):
                    self._client.set_terminated(run.info.run_id, "KILLED")
                    self._release(run.info.run_id, ended=True)

    @contextmanager
    def run(
        self, stage: str, name: str, training: str = "", tags: Mapping[str, str] | None = None
    ) -> Iterator[LiveRun]:
        """Starts a run for the block, and ends it as finished, failed or killed.

        A failing store does not interrupt the block. A warning says if something is missing at the end; `log_result`
        then logs it from the stage's files.

        Args:
            name: of the run; a training is named after the parameters that differ from the commit's, if any.
            training: fingerprint of a training; if it was interrupted, its run is resumed.
            tags: about the execution.
        """
        own = dict(tags or {}) | ({TRAINING: training} if training else {})
        with _usable():
            live = self._start(stage, name, self._ended(f"tags.`{TRAINING}` = '{training}'") if training else [], own)
        status, monitor = "FAILED", LoadMonitor(live)
        monitor.start()
        try:
            yield live
            status = "FINISHED"
        except KeyboardInterrupt:
            status = "KILLED"
            raise
        finally:
            monitor.finish()
            try:
                check_connection(self._address)
                live.flush()
                self._end(live, live.result, status)
                live.complete = True
            except STORE_ERRORS as error:
                then = _LATER if status == "FINISHED" else _MARKED
                _log.warning("MLflow is missing part of this run (%s); %s", reason(error), then)
            self._release(live.id)

    @_usable()
    def log_result(self, result: Result, name: str) -> None:
        """Logs a stage from its files unless it has a finished run in this experiment; attaches it to its training.

        An interrupted run of the stage is completed if it has no other figures.
        """
        if self.find(result):
            self._attach(result)
            return
        ended = self._ended(f"tags.`{STAGE}` = '{result.stage}' and status = 'KILLED'")
        same = [run for run in ended if self._figures(run.info.run_id).items() <= result.figures().items()]
        self._end(self._start(result.stage, name, same, {provenance.RESTORED: "true"}), result, "FINISHED")

    @_usable()
    def add_to_training(self, result: Result) -> None:
        """Adds figures and files to the experiment's training, and ONNX files to its model, which is registered."""
        if row := self._training(result.weights):
            self._log(row.info.run_id, result)
            if result.onnx and (model := _model(row)):
                register(self._client, model, result.onnx)

    @_usable()
    def log_sweep(self, result: Result, name: str, note: str, trainings: Sequence[Run]) -> None:
        """Logs a sweep's row unless there is one with this result, and puts its trainings below it."""
        self.log_result(result, name)
        row = self.find(result).info.run_id
        self._client.set_tag(row, provenance.NOTE, note)
        for training in trainings:
            self._client.set_tag(training.info.run_id, PARENT, row)

    @_usable()
    def training(self) -> Run | None:
        """This experiment's latest finished training; its row has the headline of what was measured of it."""
        return self._latest(f"tags.`{STAGE}` = 'train' and {self._own}")

    def find(self, result: Result) -> Run | None:
        """The latest finished run with this result; in this experiment only, except for prepared pictures."""
        condition = f"tags.`{STAGE}` = '{result.stage}' and tags.`{KEY}` = '{result.key}'"
        return self._latest(condition if result.stage == "prepare" else f"{condition} and {self._own}")

    def _start(self, stage: str, name: str, interrupted: Sequence[Run], own_tags: Mapping[str, str]) -> LiveRun:
        """Resumes the first interrupted run, or creates one."""
        if interrupted:
            run = interrupted[0]
            self._client.update_run(run.info.run_id, "RUNNING")
        else:
            tags = {STAGE: stage, PARAMS: self._params_key, **provenance.provenance_tags(self._params), **own_tags}
            tags[provenance.NOTE] = provenance.describe(stage, tags)
            experiment = self._data if stage == "prepare" else self._trainings
            name = (provenance.changed_params(self._params) if stage == "train" else "") or name
            run = self._client.create_run(experiment, tags=tags, run_name=name)
            if tags.get(provenance.DIRTY) == "true":
                changes = without_passwords(provenance.code_changes())
                self._client.log_text(run.info.run_id, changes, "changes.diff")
        self._lock(run.info.run_id)
        params = [Param(key, without_passwords(str(value))) for key, value in self._params.items()]
        _log_batches(self._client, run.info.run_id, params=params)
        return LiveRun(self._client, run, self._figures(run.info.run_id).keys())

    def _end(self, live: LiveRun, result: Result | None, status: str) -> None:
        """Logs what a run is missing of its result, and ends it."""
        if result:
            row = self._training(result.weights)
            self._log(live.id, result, _model(row) if row else None)
            for tag, value in {KEY: result.key, WEIGHTS: result.weights}.items():
                self._client.set_tag(live.id, tag, value)
        self._client.set_terminated(live.id, status)
        self._release(live.id, ended=True)
        if result:
            self._attach(result)

    def _log(self, run_id: str, result: Result, model: str | None = None) -> None:
        """Logs all that a run does not have of a result; `model`: id of the measured one, whose page shows it too."""
        logged, figures = self._figures(run_id), result.figures()
        new = [_metric(result, *each, model) for each in figures.items() if each[0] not in logged]
        _log_batches(self._client, run_id, metrics=new)
        for path in result.artifacts:
            (self._client.log_artifacts if path.is_dir() else self._client.log_artifact)(run_id, str(path))
        for name, text in result.texts.items():
            self._client.log_text(run_id, without_passwords(text), name)
        models = [LoggedModelInput(model)] if model else None
        self._client.log_inputs(run_id, [_input(each) for each in result.datasets], models)
        if result.model:
            log_model(self._client, run_id, result.model, result.weights)

    def _attach(self, result: Result) -> None:
        """Makes a measurement a child of the experiment's training, if that is logged, and shows its headline there."""
        run, row = self.find(result), self._training(result.weights)
        if result.stage in ("prepare", "train") or not row or run.data.tags.get(PARENT) == row.info.run_id:
            return
        figures = {(name, 0): value for name, value in result.headline.items() if row.data.metrics.get(name) != value}
        metrics = [_metric(result, *each, _model(row)) for each in figures.items()]
        _log_batches(self._client, row.info.run_id, metrics=metrics)
        for name, path in result.pictures.items():
            with Image.open(path) as picture:
                self._client.log_image(row.info.run_id, np.asarray(picture.convert("RGB")), key=name, step=0)
        self._client.set_tag(run.info.run_id, PARENT, row.info.run_id)

    def _figures(self, run_id: str) -> dict[tuple[str, int], float]:
        """The figures of a run's result that the store has."""
        names = [name for name in self._client.get_run(run_id).data.metrics if not name.startswith(EXECUTION)]
        history = [point for name in names for point in self._client.get_metric_history(run_id, name)]
        return {(point.key, point.step): point.value for point in history}

    def _training(self, weights: str) -> Run | None:
        return self._latest(f"tags.`{STAGE}` = 'train' and tags.`{WEIGHTS}` = '{weights}' and {self._own}")

    def _latest(self, condition: str) -> Run | None:
        return next(iter(self._search(f"{condition} and status = 'FINISHED'", "DESC")), None)

    def _ended(self, condition: str) -> list[Run]:
        """This experiment's runs that ended early, oldest first."""
        return self._search(f"{condition} and {self._own} and status != 'FINISHED' and status != 'RUNNING'")

    def _search(self, condition: str, order: str = "ASC") -> list[Run]:
        order_by = [f"attributes.start_time {order}"]
        return list(self._client.search_runs([self._trainings, self._data], condition, order_by=order_by))

    def _lock(self, run_id: str) -> bool:
        """Locks a run for this process; returns False if another process on this machine writes to it."""
        self._locks.mkdir(exist_ok=True)
        lock = FileLock(self._locks / f"{run_id}.lock", blocking=False)
        with suppress(Timeout):
            lock.acquire()
            self._locked[run_id] = lock
        return run_id in self._locked

    def _release(self, run_id: str, ended: bool = False) -> None:
        """Unlocks a run; one that has not ended in the store keeps its file, so that the next process marks it."""
        if ended:
            (self._locks / f"{run_id}.lock").unlink(missing_ok=True)
        if lock := self._locked.pop(run_id, None):
            lock.release()

    def _experiment(self, name: str, note: str, artifacts: Path | None) -> str:
        known = self._client.get_experiment_by_name(name)
        location = f"{artifacts.as_uri()}/{quote(name, safe='')}" if artifacts else None
        key = known.experiment_id if known else self._client.create_experiment(name, location)
        # Its page opens on runs, not on traces, unless the user has chosen another kind.
        tags = {"mlflow.experimentKind": "custom_model_development"} | (known.tags if known else {})
        for tag, value in (tags | {provenance.NOTE: provenance.NOTES[note]}).items():
            if not known or known.tags.get(tag) != value:
                self._client.set_experiment_tag(key, tag, value)
        return key


def _now() -> int:
    return int(time.time() * 1000)


def _log_batches(client: mlflow.MlflowClient, run_id: str, **entries: Sequence[Metric | Param]) -> None:
    for kind, each in entries.items():
        for start in range(0, len(each), 100):  # params of one request; it takes 1,000 metrics
            client.log_batch(run_id, **{kind: each[start : start + 100]})


def _model(run: Run) -> str | None:
    """The id of the model that a training logged."""
    return next((output.model_id for output in run.outputs.model_outputs), None)


def _metric(result: Result, place: tuple[str, int], value: float, model: str | None) -> Metric:
    (name, step), data = place, result.dataset_of(place[0]) if model else None
    return Metric(name, value, _now(), step, model, *((data.name, data.digest) if data else ()))


def _input(data: DataSet) -> DatasetInput:
    """A data set as MLflow lists it; its source type is "local", a file or folder."""
    source, profile = json.dumps({"uri": without_passwords(data.source)}), json.dumps(dict(data.profile))
    entry = Dataset(data.name, data.digest, "local", source, profile=profile)
    return DatasetInput(entry, [InputTag("mlflow.data.context", data.context)])
