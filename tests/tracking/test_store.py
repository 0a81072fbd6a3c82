import os
import subprocess
import sys
from pathlib import Path

import mlflow
import numpy as np
import pytest

from stegnet import TrackingError
from stegnet.tracking.provenance import STAGE
from stegnet.tracking.result import Result
from stegnet.tracking.run import LiveRun
from stegnet.tracking.store import Tracker

TRAIN = Result("train", "w1", "w1", metrics={"loss": 0.5})
EVALUATE = Result("evaluate", "e1", "w1", metrics={"evaluate/ssim": 0.9}, headline={"secret_psnr": 37.5})


@pytest.fixture
def tracker(tmp_path: Path) -> Tracker:
    return Tracker(tmp_path, {"beta": 1})


def log(tracker: Tracker, result: Result) -> str:
    """Logs a stage that is executed; returns the id of its run."""
    with tracker.run(result.stage, result.stage) as live:
        live.finish(result)
    assert live.complete
    return live.id


def runs() -> dict[str, mlflow.entities.Run]:
    """The latest run of each stage."""
    found = mlflow.search_runs(search_all_experiments=True, output_format="list")
    return {run.data.tags[STAGE]: run for run in reversed(found)}


def test_folders_whose_names_mean_something_in_addresses(tmp_path: Path) -> None:
    for name in ("a?b", "a%20b"):
        with pytest.raises(TrackingError, match="MLflow can't open a store in it"):
            Tracker(tmp_path / name, {})
    (folder := tmp_path / "my project (1) #ü:").mkdir()
    log(Tracker(folder, {}), EVALUATE)
    assert (folder / "mlflow.db").is_file()


def test_a_stage_that_was_not_executed_is_logged_once(tracker: Tracker) -> None:
    log(tracker, EVALUATE)
    assert "mlflow.parentRunId" not in runs()["evaluate"].data.tags
    for _ in range(2):
        for result in (TRAIN, EVALUATE):
            tracker.log_result(result, result.stage)
    assert runs()["evaluate"].data.tags["mlflow.parentRunId"] == runs()["train"].info.run_id
    assert len(mlflow.search_runs(search_all_experiments=True)) == 2
    assert runs()["train"].data.tags["stegnet.restored"] == "true"
    assert "stegnet.restored" not in runs()["evaluate"].data.tags
    assert len(mlflow.MlflowClient().get_metric_history(runs()["train"].info.run_id, "secret_psnr")) == 1


def test_an_experiment_that_trains_nothing_new_has_a_row_of_its_own(tracker: Tracker, tmp_path: Path) -> None:
    first = log(tracker, TRAIN)
    log(tracker, EVALUATE)
    other = Tracker(tmp_path, {"beta": 1, "video.cover": "mine.mkv"})
    video = Result("video", "v1", "w1", headline={"video_secret_psnr": 30.0})
    log(other, video)
    for result in (TRAIN, EVALUATE, video):
        other.log_result(result, result.stage)
    assert "video_secret_psnr" not in mlflow.get_run(first).data.metrics
    row = other.find(TRAIN)
    assert row.info.run_id != first
    assert row.data.metrics == {"loss": 0.5, "secret_psnr": 37.5, "video_secret_psnr": 30.0}


def test_find_knows_only_finished_runs_with_the_same_outcome(tracker: Tracker) -> None:
    assert tracker.find(TRAIN) is None
    with pytest.raises(RuntimeError), tracker.run("train", "a") as live:
        live.finish(TRAIN)
        raise RuntimeError
    assert tracker.find(TRAIN) is None
    assert runs()["train"].info.status == "FAILED"
    done = log(tracker, TRAIN)
    assert tracker.find(TRAIN).info.run_id == done
    assert tracker.find(Result("train", "w2", "w2")) is None


LOSSES = [1.0, 0.5, 0.25, 0.125]


def log_losses(live: LiveRun, count: int) -> None:
    for step, loss in enumerate(LOSSES[:count]):
        live.log_point("train", {"step": step, "loss": loss})
    live.log_picture("train/state", 1, np.zeros((4, 6, 3), np.uint8))


def losses(run: str) -> list[float]:
    history = mlflow.MlflowClient().get_metric_history(run, "train/loss")
    return [point.value for point in sorted(history, key=lambda point: point.step)]


def pictures(run: str) -> list[str]:
    return [file.path for file in mlflow.MlflowClient().list_artifacts(run, "images") if file.path.endswith("png")]


def test_a_stopped_training_resumes_its_run(tracker: Tracker) -> None:
    with pytest.raises(KeyboardInterrupt), tracker.run("train", "a", "fingerprint") as stopped:
        log_losses(stopped, 2)
        raise KeyboardInterrupt
    assert runs()["train"].info.status == "KILLED"
    with tracker.run("train", "b", "fingerprint") as live:
        assert runs()["train"].info.status == "RUNNING"
        log_losses(live, 4)
        live.finish(TRAIN)
    assert live.id == stopped.id
    assert runs()["train"].info.status == "FINISHED"
    assert losses(live.id) == LOSSES
    assert len(pictures(live.id)) == 1


def test_a_run_that_another_process_writes_to_is_left_alone(tracker: Tracker, tmp_path: Path) -> None:
    with tracker.run("train", "a", "fingerprint") as first:
        with Tracker(tmp_path, {"beta": 1}).run("train", "b", "fingerprint") as second:
            assert second.id != first.id
        assert mlflow.get_run(first.id).info.status == "RUNNING"
        log_losses(first, 4)
    assert losses(first.id) == LOSSES


KILLED = """
import os, signal, sys
from pathlib import Path
import mlflow
from stegnet.tracking.store import Tracker
with Tracker(Path(sys.argv[1]), {"beta": 1}).run("train", "a", "fingerprint") as live:
    live.log_point("train", {"step": 0, "loss": 1.0})
    while "train/loss" not in mlflow.get_run(live.id).data.metrics:
        pass
    print(live.id, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def killed(tracker: Tracker, tmp_path: Path) -> str:
    """The id of a run whose process was killed."""
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert mlflow.get_run(done.stdout.split()[-1]).info.status == "RUNNING", done.stderr
    return done.stdout.split()[-1]


def test_runs_of_dead_processes_are_marked_and_resumed_and_no_others(
    killed: str, tracker: Tracker, tmp_path: Path
) -> None:
    elsewhere = mlflow.MlflowClient().create_run(mlflow.get_run(killed).info.experiment_id).info.run_id
    with tracker.run("train", "alive") as other:
        Tracker(tmp_path, {"beta": 2})
        found = {run: mlflow.get_run(run).info.status for run in (killed, elsewhere, other.id)}
    assert found == {killed: "KILLED", elsewhere: "RUNNING", other.id: "RUNNING"}
    assert not list((tmp_path / ".mlflow").iterdir())
    with tracker.run("train", "b", "fingerprint") as live:
        log_losses(live, 4)
    assert live.id == killed
    assert losses(killed) == LOSSES
    assert mlflow.get_run(killed).info.status == "FINISHED"


@pytest.mark.slow
def test_two_processes_may_create_the_store_at_once(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").unlink()
    code = "from pathlib import Path; from stegnet.tracking.store import Tracker; Tracker(Path(), {})"
    own = {"env": os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}, "cwd": tmp_path}
    both = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, **own) for _ in range(2)]
    assert [(process.communicate()[1], process.returncode) for process in both] == [(b"", 0), (b"", 0)]
