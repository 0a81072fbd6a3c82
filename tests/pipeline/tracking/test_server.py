"""A whole set of runs, in the default store and on an MLflow server."""

import base64
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import mlflow
import pytest

from pipeline.tracking import results as stages
from stegnet.image import write_png
from stegnet.networks import read_card
from tests.pipeline.tracking.conftest import Server
from tests.support.films import picture
from tests.support.lab import TEST, TRAIN
from tests.support.shards import write_shards
from tests.support.tracking import (
    DATA_EXPERIMENT,
    EXPERIMENT,
    EXPERIMENT_PARAMS,
    PUBLIC_DEMONSTRATION_KEY,
    STAGE,
    Result,
    Tracker,
)

TRAINING = {
    "train": {"bits": 1.35, "devices": 1, "lr": 0.005, "threads": 2, "crop": 96}, "device": "cpu", "precision": "fp32",
}  # fmt: skip
FILES = {
    "prepare.json": '{"train": 3}',
    "train/curve.csv": "step,loss\n0,0.5\n8,0.25\n",
    "train/metrics.json": '{"training_loss": 0.25}',
    "evaluate/metrics.json": '{"container_psnr": 41.0, "secret_psnr": 38.0}',
    "evaluate/details.json": json.dumps({"scenes": {"sealed": {
        "container_psnr": {"mean": 41.0, "worst": 40.0}, "secret_psnr": {"mean": 38.0, "worst": 37.0},
    }}}),
    "speed.json": '{"hide_ms_per_megapixel": 700.5, "reveal_ms_per_megapixel": 1100.0, "device": "cpu"}',
    "detect/metrics.json": '{"detect_network_accuracy": 0.9}',
    "video/metrics.json": '{"film_secret_psnr": 39.0}',
    "video/details.json": '{"film_secret_apd": 1.5}',
    "video/frames.csv": "frame,secret_psnr\n0,39.5\n1,38.5\n",
    "study/robust/metrics.json": '{"jpeg90_secret_psnr": 20.5}',
    "onnx/agreement.json": '{"hide": {"difference": 1e-6, "equal": 1.0}}',
    "index.html": "<h1>all of it</h1>",
}  # fmt: skip


@pytest.fixture(scope="module")
def results(
    tmp_path_factory: pytest.TempPathFactory, weights: Path, make_film: Callable[..., Path]
) -> dict[str, Result]:
    """Those of the stages, by name: two kinds of pictures to train on, one to test on."""
    folder = tmp_path_factory.mktemp("reports")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "evaluate" / "pictures").mkdir()
    for sheet in ("evaluate/pictures/scenes.png", "video/frames.png", "study/robust/chart.png"):
        write_png(folder / sheet, picture(32, 40))
    make_film(folder / "video" / "preview.mp4", frames=2, codec="libx264", pix_fmt="yuv420p")
    pair = Path(shutil.copy(weights, folder / "pair.safetensors"))
    card = asdict(read_card(pair)) | {"training": TRAINING}
    pair.with_suffix(".json").write_text(json.dumps(card), encoding="utf-8")
    kinds = [(TRAIN, "scenes"), (TRAIN, "scenes"), (TRAIN, "bsds500"), (TEST, "scenes")]
    shards = write_shards(folder / "shards", kinds)
    (folder / "onnx" / "pair.hide.onnx").write_bytes(b"a graph")
    found = [
        stages.prepare_result(shards, folder / "prepare.json"),
        stages.train_result(pair, folder / "train" / "curve.csv", shards),
        stages.evaluate_result(pair, folder / "evaluate", folder / "speed.json", shards),
        stages.detect_result(pair, folder / "detect", shards),
        stages.video_result(pair, folder / "video", folder / "video" / "preview.mp4", folder / "video" / "preview.mp4"),
        stages.study_result("robust", pair, folder / "study" / "robust"),
        stages.experiment_result(pair, folder / "onnx", folder, None),
    ]
    return {result.stage: result for result in found}


pytestmark = pytest.mark.filterwarnings("ignore:starlette.middleware.wsgi is deprecated")  # MLflow's own import


@pytest.fixture(scope="module", params=["file", "server"])
def runs(
    request: pytest.FixtureRequest, results: dict[str, Result], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, mlflow.entities.Run]]:
    """The runs of one experiment, by stage, read back from the store."""
    folder = tmp_path_factory.mktemp("root")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        if request.param == "file":
            yield logged(Tracker(folder, EXPERIMENT_PARAMS), results)
            return
        server = Server(tmp_path_factory.mktemp("server"), patch)
        patch.setenv("MLFLOW_TRACKING_URI", server.address)
        yield logged(Tracker(folder, EXPERIMENT_PARAMS), results)
        server.stop()


def logged(tracker: Tracker, results: dict[str, Result]) -> dict[str, mlflow.entities.Run]:
    *measured, experiment = results.values()
    for result in measured:
        with tracker.run(result.stage, {}) as live:
            live.finish(result)
        assert live.complete
    for _ in range(2):  # as publish does at the end: all of it is there
        for result in measured:
            tracker.log_result(result)
        tracker.add_to_training(experiment)
    found = mlflow.search_runs(experiment_names=[EXPERIMENT, DATA_EXPERIMENT], output_format="list")
    assert len(found) == len(measured)
    return {run.data.tags[STAGE]: run for run in found}


def datasets(run: mlflow.entities.Run) -> set[tuple[str, str, int | None]]:
    """Names, purposes and counts of pictures of the datasets of a run."""
    assert run.inputs
    return {
        (each.dataset.name, each.tags[0].value, json.loads(str(each.dataset.profile)).get("pictures"))
        for each in run.inputs.dataset_inputs
    }


def test_a_complete_experiment_is_read_back(runs: dict[str, mlflow.entities.Run]) -> None:
    train = runs["train"]
    assert {run.info.status for run in runs.values()} == {"FINISHED"}
    below = {stage for stage, run in runs.items() if run.data.tags.get("mlflow.parentRunId") == train.info.run_id}
    assert below == runs.keys() - {"prepare", "train"} == {"evaluate", "detect", "video", "robust"}
    resolved = {name: value for name, value in train.data.params.items() if name.startswith("resolved.")}
    assert train.data.params == resolved | {name: str(value) for name, value in EXPERIMENT_PARAMS.items()}
    chosen = {"train.lr": "0.005", "train.devices": "1", "device": "cpu", "precision": "fp32"}
    assert resolved.items() >= {f"resolved.{name}": value for name, value in chosen.items()}.items()
    assert resolved.keys() >= {"resolved.model.width", "resolved.scramble.base"}
    headline = {"container_psnr": 41.0, "secret_psnr": 38.0, "film_secret_psnr": 39.0, "detect_network_accuracy": 0.9}
    headline |= {"hide_ms_per_megapixel": 700.5, "reveal_ms_per_megapixel": 1100.0}
    shown = headline | {"train/loss": 0.25, "weights/training_loss": 0.25, "robust/jpeg90_secret_psnr": 20.5}
    assert shown | {"weights/onnx/hide/difference": 1e-6, "weights/onnx/hide/equal": 1.0} == {
        name: value for name, value in train.data.metrics.items() if not name.startswith(("run/", "system/"))
    }
    figures = {name for name in runs["evaluate"].data.metrics if name.startswith("evaluate/")}
    names = (f"{side}_psnr/{each}" for side in ("container", "secret") for each in ("mean", "worst"))
    assert figures == {f"evaluate/scenes/sealed/{name}" for name in names}
    assert runs["video"].data.metrics["film_secret_apd"] == 1.5
    points = mlflow.MlflowClient().get_metric_history(runs["video"].info.run_id, "video/secret_psnr")
    assert sorted((point.step, point.value) for point in points) == [(0, 39.5), (1, 38.5)]
    for run in runs.values():
        assert run.info.user_id == run.data.tags["mlflow.user"] != "unknown"
        assert "/" not in run.data.tags["mlflow.source.name"]  # the pages show only what follows the last one


def test_datasets_are_those_that_a_stage_used(runs: dict[str, mlflow.entities.Run]) -> None:
    used = {stage: datasets(run) for stage, run in runs.items()}
    assert used["train"] == {("scenes, train", "training", 2), ("bsds500, train", "training", 1)}
    assert used["evaluate"] == used["detect"] == {("scenes, test", "evaluation", 1)}
    assert used["video"] == {("preview.mp4", "evaluation", None)}
    assert used["prepare"] == used["train"] | used["evaluate"]


def test_files_are_logged_and_no_key(runs: dict[str, mlflow.entities.Run], tmp_path: Path) -> None:
    """Even the public key is in no field and no file."""
    secret = PUBLIC_DEMONSTRATION_KEY._secret
    spellings = [secret, secret.hex().encode(), base64.b64encode(secret)]
    names = {}
    for stage, run in runs.items():
        got = Path(mlflow.artifacts.download_artifacts(run_id=run.info.run_id, dst_path=str(tmp_path / stage)))
        files = {path.relative_to(got).as_posix(): path.read_bytes() for path in got.rglob("*") if path.is_file()}
        texts = [json.dumps(run.to_dictionary()).encode(), *files.values()]
        assert not [spelling for spelling in spellings for text in texts if spelling in text]
        names[stage] = files.keys()
    assert names["evaluate"] >= {"metrics.json", "pictures/scenes.png", "details.json"}
    assert names["video"] >= {"preview.mp4", "frames.png", "frames.csv"}
    assert names["robust"] >= {"chart.png", "metrics.json"}
