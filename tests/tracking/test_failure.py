"""MLflow, the network or the disk fails: one clear line, and nothing of a password."""

import logging
from pathlib import Path

import mlflow
import pytest
from mlflow.exceptions import MlflowException

from stegnet.errors import TrackingError
from stegnet.result import Result
from stegnet.tracking import Tracker
from stegnet.tracking.failure import told


@pytest.fixture
def tracker(tmp_path: Path) -> Tracker:
    return Tracker(tmp_path, {"beta": 1})


def failing(*_arguments: object, **_named: object) -> None:
    raise MlflowException("the server\nis  gone")


@pytest.mark.parametrize("call", ["log_batch", "log_image"])
def test_in_the_middle_of_a_training(call: str, tracker: Tracker, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TrackingError) as caught, tracker.run("train", "train") as live:
        monkeypatch.setattr(mlflow.MlflowClient, call, failing)
        live.point("train", {"step": 3, "loss": 1.0})
        live.picture("seen", 3, None)
    assert str(caught.value) == "MLflow took no more of this run (the server is gone)"
    assert "run it again" in caught.value.hint
    assert mlflow.search_runs(search_all_experiments=True).status.tolist() == ["FAILED"]


def test_a_server_that_is_gone_for_good(
    tracker: Tracker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """That the run can't be marked either must not hide why the training stopped."""
    with (
        caplog.at_level(logging.WARNING),
        pytest.raises(TrackingError, match="is gone"),
        tracker.run("train", "train") as live,
    ):
        for call in ("log_batch", "set_terminated"):
            monkeypatch.setattr(mlflow.MlflowClient, call, failing)
        live.metrics({"loss": 1.0})
    assert "could not mark the run" in caplog.text


@pytest.mark.parametrize("call", ["create_run", "search_runs", "set_terminated"])
def test_between_its_stages(call: str, tracker: Tracker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mlflow.MlflowClient, call, failing)
    with pytest.raises(TrackingError, match="MLflow's store can't be used"):
        tracker.restore(Result("train", "w", "w"), "train")


def test_a_full_disk_is_told_too() -> None:
    with pytest.raises(TrackingError, match="No space left"), told("MLflow took nothing", "make room"):
        raise OSError(28, "No space left on device")


def test_other_faults_are_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError), told("MLflow", ""):
        raise ZeroDivisionError


@pytest.mark.parametrize("address", ["postgresql://me:pass-word@host/runs", "http://me:pass-word@host:5000"])
def test_no_password_is_shown(address: str) -> None:
    with pytest.raises(TrackingError, match="host") as caught, told("MLflow's store can't be opened", ""):
        raise MlflowException(f"no answer from {address}")
    assert "pass-word" not in str(caught.value)


def test_a_server_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    with pytest.raises(TrackingError, match="can't be opened"):
        Tracker(tmp_path, {})
