import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import mlflow
import numpy as np
import pytest
from PIL import Image

from tests.support.lab import ROOT, TrackingError
from tests.support.tracking import STAGE, Result, Tracker

TRAIN = Result("train", "w1", "w1", metrics={"loss": 0.5})
EVALUATE = Result("evaluate", "e1", "w1", metrics={"evaluate/ssim": 0.9}, headline={"secret_psnr": 37.5})


@pytest.fixture
def tracker(tmp_path: Path) -> Tracker:
    return Tracker(tmp_path, {"beta": 2})


def log(tracker: Tracker, result: Result) -> str:
    """Logs a stage that is executed; returns the id of its run."""
    with tracker.run(result.stage, {}) as live:
        live.finish(result)
    return live.run.info.run_id


def runs() -> dict[str, mlflow.entities.Run]:
    """The latest run of each stage."""
    found = mlflow.search_runs(search_all_experiments=True, output_format="list")
    return {run.data.tags[STAGE]: run for run in reversed(found)}


def test_folders_whose_names_mean_something_in_addresses(tmp_path: Path) -> None:
    for name in ("a?b", "a%20b"):
        with pytest.raises(TrackingError, match="MLflow can't open a store in it"):
            Tracker(tmp_path / name, {})
    (folder := tmp_path / "my project (1) #ü:").mkdir()
    shutil.copy(tmp_path / "mlflow.db", folder)
    log(Tracker(folder, {}), EVALUATE)
    assert (folder / "mlflow.db").stat().st_mtime > (tmp_path / "mlflow.db").stat().st_mtime


def test_a_stage_that_was_not_executed_is_logged_once(tracker: Tracker, tmp_path: Path) -> None:
    log(tracker, EVALUATE)
    assert "mlflow.parentRunId" not in runs()["evaluate"].data.tags
    for _ in range(2):
        for result in (TRAIN, EVALUATE):
            tracker.log_result(result)
    first = runs()["train"].info.run_id
    assert runs()["evaluate"].data.tags["mlflow.parentRunId"] == first
    assert len(mlflow.search_runs(search_all_experiments=True)) == 2
    assert runs()["train"].data.tags["stegnet.restored"] == "true"
    assert "stegnet.restored" not in runs()["evaluate"].data.tags
    assert len(mlflow.MlflowClient().get_metric_history(first, "secret_psnr")) == 1
    # An experiment that trains nothing new has a row of its own.
    other = Tracker(tmp_path, {"beta": 2, "video.cover": "mine.mkv"})
    video = Result("video", "v1", "w1", headline={"video_secret_psnr": 30.0})
    log(other, video)
    for result in (TRAIN, EVALUATE, video):
        other.log_result(result)
    assert "video_secret_psnr" not in mlflow.get_run(first).data.metrics
    row = other.find(TRAIN)
    assert row
    assert row.info.run_id != first
    assert row.data.metrics == {"loss": 0.5, "secret_psnr": 37.5, "video_secret_psnr": 30.0}


def test_the_row_of_a_training_shows_the_pictures_of_its_measures(tracker: Tracker, tmp_path: Path) -> None:
    """And a small copy of each."""
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)).save(tmp_path / "sheet.png")
    row, pictures = log(tracker, TRAIN), {"evaluate/sheet": tmp_path / "sheet.png"}
    log(tracker, replace(EVALUATE, pictures=pictures))
    folder = Path(mlflow.MlflowClient().download_artifacts(row, "images", str(tmp_path)))
    shown = {path.suffix: path for path in folder.glob("*")}
    with Image.open(shown[".png"]) as whole, Image.open(pictures["evaluate/sheet"]) as sheet:
        assert np.array_equal(np.asarray(whole), np.asarray(sheet))
    assert shown[".png"].name.startswith("evaluate~sheet+step+0+")
    with Image.open(shown[".webp"]) as small:
        assert max(small.size) == 256


@pytest.mark.parametrize(("error", "status"), [(RuntimeError, "FAILED"), (KeyboardInterrupt, "KILLED")])
def test_find_knows_only_finished_runs_with_the_same_outcome(
    error: type[BaseException], status: str, tracker: Tracker
) -> None:
    with pytest.raises(error), tracker.run("train", {}) as live:
        live.finish(TRAIN)
        raise error
    assert tracker.find(TRAIN) is None
    assert runs()["train"].info.status == status
    done = log(tracker, TRAIN)
    row = tracker.find(TRAIN)
    assert row
    assert row.info.run_id == done
    assert tracker.find(Result("train", "w2", "w2")) is None


def test_the_curve_of_a_stage_is_logged_once(tracker: Tracker) -> None:
    """A training's while it runs, a film's with its result; published again, they stay as they are."""
    curve = tuple({"step": step, "loss": 1 / (step + 1)} for step in range(4))
    for stage in ("train", "video"):
        result = Result(stage, stage, "w1", curve=curve)
        with tracker.run(stage, {}) as live:
            for point in curve if stage == "train" else ():
                live.log_point(stage, point)
            live.finish(result, pairs_per_second=3.5)
        tracker.log_result(result)
        history = mlflow.MlflowClient().get_metric_history(live.run.info.run_id, f"{stage}/loss")
        assert sorted((point.step, point.value) for point in history) == [(0, 1), (1, 1 / 2), (2, 1 / 3), (3, 1 / 4)]
        assert mlflow.get_run(live.run.info.run_id).data.metrics["run/pairs_per_second"] == 3.5


@pytest.mark.long
def test_two_processes_may_create_the_store_at_once(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").unlink()
    code = "from pathlib import Path; from pipeline.tracking.store import Tracker; Tracker(Path(), {})"
    command, variables = [sys.executable, "-c", code], os.environ | {"PYTHONPATH": str(ROOT)}
    both = [subprocess.Popen(command, stderr=subprocess.PIPE, env=variables, cwd=tmp_path) for _ in range(2)]
    assert [(process.communicate()[1], process.returncode) for process in both] == [(b"", 0), (b"", 0)]
