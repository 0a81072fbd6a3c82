"""Failures of MLflow, the network and the disk: one clear line, no password in it, nothing waits or is lost."""

import logging
import os
import re
import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from unittest.mock import Mock

import mlflow
import numpy as np
import pytest

from pipeline.tracking import open_store, store, track
from pipeline.tracking.store import store_errors
from stegnet import DiskError
from tests.pipeline.tracking.conftest import Server
from tests.support.lab import ROOT, TrackingError
from tests.support.tracking import EXPERIMENT, EXPERIMENT_PARAMS, Result, Tracker

# As a training gives them: some have figures that the others lack.
POINTS = [{"step": 8 * index, "loss": 1 / (index + 1)} | ({"seen": 0.1} if index % 4 else {}) for index in range(12)]
Said = Callable[[], list[str]]  # the warnings so far
SILENT = "the address of a server that takes connections and never answers"
TRAIN = Result("train", "w", "w", metrics={"weights/loss": 96.0}, curve=tuple(POINTS))


pytestmark = pytest.mark.filterwarnings("ignore:starlette.middleware.wsgi is deprecated")  # MLflow's own import


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that does not answer is given up at once."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setattr(store, "CONNECT_TIMEOUT", 1)


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture) -> Said:
    """Returns the warnings so far."""
    caplog.set_level(logging.INFO)

    def call() -> list[str]:
        records = [*caplog.get_records("setup"), *caplog.get_records("call")]
        return [record.getMessage() for record in records if record.levelno >= logging.WARNING]

    return call


def the_run() -> mlflow.entities.Run:
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME", EXPERIMENT)
    (run,) = mlflow.search_runs(experiment_names=[name], output_format="list")
    return run


def curve(run: mlflow.entities.Run, name: str = "loss") -> list[tuple[int, float]]:
    history = mlflow.MlflowClient().get_metric_history(run.info.run_id, f"train/{name}")
    return sorted((point.step, point.value) for point in history)


def test_no_password_is_logged(tmp_path: Path) -> None:
    """Of an object store, say, that a parameter names."""
    result = Result("evaluate", "e", "w", texts={"params.yaml": "folder: s3://me:pass-word@host/bucket"})
    Tracker(tmp_path, {"data.folder": "s3://me:pass-word@host/bucket"}).log_result(result)
    assert the_run().data.params == {"data.folder": "s3://host/bucket"}
    assert mlflow.artifacts.load_text(f"{the_run().info.artifact_uri}/params.yaml") == "folder: s3://host/bucket"


def test_a_full_folder_for_temporary_files_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warnings: Said
) -> None:
    full = Mock(side_effect=DiskError("/t: temporary files can't be written (No space left on device)", "set TMPDIR"))
    with Tracker(tmp_path, EXPERIMENT_PARAMS).run("train", {}):
        monkeypatch.setattr(mlflow.MlflowClient, "set_terminated", full)
    assert f": {full.side_effect}): work goes on, and stage publish" in warnings()[0]
    with pytest.raises(TrackingError, match="temporary files") as caught, store_errors():
        full()
    assert caught.value.hint == "set TMPDIR"


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a server that takes connections and never answers."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    with socket.create_server(("127.0.0.1", 0)) as one:
        yield f"http://127.0.0.1:{one.getsockname()[1]}"


def delete_experiment(database: Path) -> str:
    client = mlflow.MlflowClient(f"sqlite:///{database}")
    client.delete_experiment(client.create_experiment(EXPERIMENT))
    return ""


def make_older(database: Path) -> str:
    with closing(sqlite3.connect(database)) as store:
        store.execute("UPDATE alembic_version SET version_num = 'cbc13b556ace'")
        store.commit()
    return ""


def make_text(database: Path) -> str:
    database.write_text("this is no database, but a file of that name")
    return ""


@pytest.mark.parametrize(
    ("broken", "remedy"),
    [
        (delete_experiment, "experiment 1 must be in the 'active' state"),
        (make_older, "run 'mlflow db upgrade <database_uri>'"),
        (make_text, "file is not a database.* move mlflow.db away"),
        (lambda database: str(database.parent), "check MLFLOW_TRACKING_URI"),
        (lambda _: "mysql+nosuchdriver://me:pass-word@host/runs", "mysql.nosuchdriver"),
        (
            lambda _: "postgresql://host:port/runs?password=pass-word",
            "'port'.* check MLFLOW_TRACK",
        ),
        (lambda _: "postgresql://me:pass-word@127.0.0.1:1/runs", "127.0.0.1:1/runs.*[Cc]onnection refused"),
        (lambda _: SILENT, "timed out"),
    ],
)
def test_a_stage_goes_on_without_a_store_and_publish_names_the_remedy(
    broken: Callable[[Path], str],
    remedy: str,
    silent: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    warnings: Said,
) -> None:
    if address := broken(tmp_path / "mlflow.db"):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", silent if address == SILENT else address)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.chdir(ROOT)
    with track("train") as live:
        live.finish(TRAIN)
    assert re.search(remedy, warnings()[-1], re.DOTALL)
    assert "\n" not in warnings()[-1]
    assert "pass-word" not in warnings()[-1]
    with pytest.raises(TrackingError) as caught:
        open_store().log_result(TRAIN)
    assert re.search(remedy, f"{caught.value} {caught.value.hint}")
    assert "pass-word" not in f"{caught.value} {caught.value.hint}"


def test_a_server_that_falls_silent_does_not_hold_the_stage(
    server: Server, warnings: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked no more, and stage publish logs the rest."""
    with Tracker(Path(), EXPERIMENT_PARAMS).run("train", {}) as live:
        live.log_point("train", POINTS[0])
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
        server.answers.clear()
        for point in POINTS[1:]:
            live.log_point("train", point)
            live.log_picture("seen", int(point["step"]), np.zeros((4, 4, 3), np.uint8))
        live.finish(TRAIN)
    server.answers.set()
    (warning,) = warnings()
    assert "timed out" in warning and warning.endswith("(`dvc repro -s -f publish`) logs a run anew")


def test_stage_publish_logs_a_run_anew_whose_server_went_away(server: Server, warnings: Said, tmp_path: Path) -> None:
    with Tracker(tmp_path, EXPERIMENT_PARAMS).run("train", {}) as live:
        for point in POINTS[:5]:
            live.log_point("train", point)
        server.stop()
        live.finish(TRAIN)
    assert warnings()[-1].startswith("MLflow is missing part of this run (http:")
    with pytest.raises(TrackingError, match="can't be used"):
        Tracker(tmp_path, EXPERIMENT_PARAMS)
    server.start()
    for _ in range(2):
        Tracker(tmp_path, EXPERIMENT_PARAMS).log_result(TRAIN)
    run, unfinished = mlflow.search_runs(experiment_names=[EXPERIMENT], output_format="list")
    assert (unfinished.info.run_id, unfinished.info.status) == (live.run.info.run_id, "RUNNING")
    assert run.info.status == "FINISHED"
    for name in ("loss", "seen"):
        assert curve(run, name) == [(point["step"], point[name]) for point in POINTS if name in point]
    assert run.data.metrics["weights/loss"] == 96


def test_a_server_that_is_down_does_not_hide_a_stage_s_error(server: Server, warnings: Said) -> None:
    with pytest.raises(ZeroDivisionError), Tracker(Path(), EXPERIMENT_PARAMS).run("train", {}):
        server.stop()
        raise ZeroDivisionError
    assert "Connection refused" in warnings()[-1]
