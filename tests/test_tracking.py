import subprocess
import sys
from pathlib import Path

import mlflow
import pytest

from stegnet.tracking import KEY, STAGE, WEIGHTS, Result, Tracker

TRAIN = Result("train", "w1", "w1", metrics={"loss": 0.5})
EVALUATE = Result("evaluate", "e1", "w1", metrics={"evaluate/ssim": 0.9}, headline={"secret_psnr": 37.5})


@pytest.fixture(autouse=True)
def own_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("DVC_EXP_NAME", raising=False)


@pytest.fixture
def tracker(tmp_path: Path) -> Tracker:
    return Tracker(tmp_path)


def runs() -> dict[str, mlflow.entities.Run]:
    """All runs by their stage."""
    found = mlflow.search_runs(search_all_experiments=True, output_format="list")
    return {run.data.tags[STAGE]: run for run in found}


def test_a_measure_stands_below_the_training_of_its_weights(tracker: Tracker) -> None:
    parent = tracker.record(TRAIN, "a", {"beta": 1})
    tracker.record(Result("train", "w2", "w2"), "b", {})
    tracker.record(EVALUATE, "evaluate", {})
    measured = runs()["evaluate"]
    assert measured.data.tags["mlflow.parentRunId"] == parent.info.run_id
    shown = mlflow.get_run(parent.info.run_id).data
    assert (shown.metrics, shown.params) == ({"loss": 0.5, "secret_psnr": 37.5}, {"beta": "1"})
    assert shown.tags[KEY] == shown.tags[WEIGHTS] == "w1"


def test_a_measure_without_a_training_is_adopted_later(tracker: Tracker) -> None:
    orphan = tracker.record(EVALUATE, "evaluate", {})
    assert "mlflow.parentRunId" not in runs()["evaluate"].data.tags
    parent = tracker.record(TRAIN, "a", {}, restored=True)
    tracker.adopt(orphan, EVALUATE)
    assert runs()["evaluate"].data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert runs()["train"].data.tags["stegnet.restored"] == "true"


def test_find_knows_only_finished_runs_with_the_same_outcome(tracker: Tracker) -> None:
    assert tracker.find(TRAIN) is None
    with pytest.raises(RuntimeError), tracker.run("train", "a", {}) as live:
        live.finish(TRAIN)
        raise RuntimeError
    assert tracker.find(TRAIN) is None
    assert runs()["train"].info.status == "FAILED"
    done = tracker.record(TRAIN, "a", {})
    assert tracker.find(TRAIN).info.run_id == done.info.run_id
    assert tracker.find(Result("train", "w2", "w2")) is None


def test_curves_and_files_are_kept(tracker: Tracker, tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("a\n1\n", encoding="utf-8")
    curve = ({"step": 0, "loss": 2.0}, {"step": 7, "loss": 1.0})
    run = tracker.record(Result("train", "w", "w", curve=curve, artifacts={tmp_path / "table.csv": "kept"}), "a", {})
    client = mlflow.MlflowClient()
    points = client.get_metric_history(run.info.run_id, "train/loss")
    assert sorted((point.step, point.value) for point in points) == [(0, 2.0), (7, 1.0)]
    kept = Path(client.download_artifacts(run.info.run_id, "kept/table.csv", str(tmp_path)))
    assert kept.read_text(encoding="utf-8") == "a\n1\n"
    assert run.info.artifact_uri.startswith((tmp_path / "mlartifacts").as_uri())


def test_many_parameters_fit(tracker: Tracker) -> None:
    run = tracker.record(TRAIN, "a", {f"p{index}": index for index in range(250)})
    assert len(mlflow.get_run(run.info.run_id).data.params) == 250


def test_two_processes_may_create_the_store_at_once(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from stegnet.tracking import Tracker; Tracker(Path(sys.argv[1]))"
    command = [sys.executable, "-c", code, str(tmp_path)]
    both = [subprocess.Popen(command, cwd=Path(__file__).parents[1], stderr=subprocess.PIPE) for _ in range(2)]
    assert [(process.communicate()[1], process.returncode) for process in both] == [(b"", 0), (b"", 0)]
