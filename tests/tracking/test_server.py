"""A whole set of runs, on the default store and on an MLflow server that keeps them in PostgreSQL."""

import base64
import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import mlflow
import numpy as np
import pytest
from PIL import Image

from pipeline.results import (
    evaluate_result,
    film_sets,
    picture_sets,
    prepare_result,
    study_result,
    train_result,
    video_result,
)
from stegnet.models import read_card
from tests.support.lab import TEST, TRAIN
from tests.support.shards import ShardWriter
from tests.support.tracking import DATA_EXPERIMENT, EXPERIMENT, PUBLIC_DEMONSTRATION_KEY, STAGE, Result, Tracker

CURVE = "step,loss\n0,0.5\n8,0.25\n"
FIGURES = {
    "evaluate": {"container_psnr": 41.0, "secret_psnr": 38.0},
    "video": {"film_secret_psnr": 39.0},
    "study/robust": {"jpeg90_secret_psnr": 20.5},
}


def picture(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (32, 40, 3), np.uint8)


def write_shards(folder: Path, *pictures: tuple[str, str, np.ndarray]) -> Path:
    """Shards with these pictures: split, kind and pixels."""
    writer = ShardWriter(folder, 10)
    for split, kind, pixels in pictures:
        writer.add(pixels, split, "name.png", kind, 40, 32)
    writer.close()
    return folder


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two kinds of pictures to train on, one to test on."""
    kinds = [(TRAIN, "scenes"), (TRAIN, "scenes"), (TRAIN, "bsds500"), (TEST, "scenes")]
    pictures = [(*kind, picture(seed)) for seed, kind in enumerate(kinds)]
    return write_shards(tmp_path_factory.mktemp("shards") / "all", *pictures)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory, weights: Path) -> Path:
    path = Path(shutil.copy(weights, tmp_path_factory.mktemp("weights") / "pair.safetensors"))
    path.with_suffix(".json").write_text(json.dumps(asdict(read_card(path))), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory, make_film: Callable[..., Path]) -> Path:
    """Results of the stages."""
    folder = tmp_path_factory.mktemp("reports")
    for name, figures in FIGURES.items():
        (folder / name / "pictures").mkdir(parents=True)
        (folder / name / "metrics.json").write_text(json.dumps(figures), encoding="utf-8")
    (folder / "prepare.json").write_text('{"train": 3}', encoding="utf-8")
    (folder / "curve.csv").write_text(CURVE, encoding="utf-8")
    (folder / "video" / "details.json").write_text('{"film_secret_apd": 1.5}', encoding="utf-8")
    (folder / "evaluate" / "details.json").write_text('{"scenes": {"sealed": {"ssim": 0.9}}}', encoding="utf-8")
    (folder / "video" / "frames.csv").write_text("frame,secret_psnr\n0,39.5\n1,38.5\n", encoding="utf-8")
    for sheet in ("evaluate/pictures/scenes.png", "video/frames.png", "study/robust/chart.png"):
        Image.fromarray(picture(0)).save(folder / sheet)
    make_film(folder / "video" / "preview.mp4", frames=2, codec="libx264", pix_fmt="yuv420p")
    return folder


@pytest.fixture(scope="module")
def results(shards: Path, weights: Path, reports: Path) -> list[Result]:
    return [
        prepare_result(shards, reports / "prepare.json"),
        train_result(weights, reports / "curve.csv", datasets=picture_sets(shards, TRAIN)),
        evaluate_result(weights, reports / "evaluate", picture_sets(shards, TEST)),
        video_result(weights, reports / "video", film_sets(reports / "video" / "preview.mp4")),
        study_result("robust", weights, reports / "study" / "robust"),
    ]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def runs(
    request: pytest.FixtureRequest, results: list[Result], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, mlflow.entities.Run]:
    """The runs of one experiment, by stage, read back from the store."""
    folder = tmp_path_factory.mktemp("root")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        if request.param == "postgresql":
            patch.setenv("MLFLOW_TRACKING_URI", request.getfixturevalue("postgres_server"))
        tracker = Tracker(folder, {"beta": 0.5, "model.name": "invertible"})
    for result in results:
        with tracker.run(result.stage, result.stage) as live:
            live.finish(result)
        assert live.complete
    for result in results:  # as publish does at the end: all of it is there
        tracker.log_result(result, result.stage)
    experiments = [mlflow.get_experiment_by_name(name).experiment_id for name in (EXPERIMENT, DATA_EXPERIMENT)]
    found = mlflow.search_runs(experiments, output_format="list")
    assert len(found) == len(results)
    return {run.data.tags[STAGE]: run for run in found}


def kept(run: mlflow.entities.Run, folder: str = "") -> set[str]:
    return {file.path for file in mlflow.MlflowClient().list_artifacts(run.info.run_id, folder)}


def test_a_complete_experiment_is_read_back(runs: dict[str, mlflow.entities.Run]) -> None:
    train = runs["train"]
    assert set(runs) == {"prepare", "train", "evaluate", "video", "robust"}
    assert {run.info.status for run in runs.values()} == {"FINISHED"}
    below = {stage for stage, run in runs.items() if run.data.tags.get("mlflow.parentRunId") == train.info.run_id}
    assert below == {"evaluate", "video", "robust"}
    assert train.data.params == {"beta": "0.5", "model.name": "invertible"}
    headline = {"container_psnr": 41.0, "secret_psnr": 38.0, "film_secret_psnr": 39.0}
    assert headline | {"train/loss": 0.25, "robust/jpeg90_secret_psnr": 20.5} == {
        name: value for name, value in train.data.metrics.items() if not name.startswith("system/")
    }
    assert runs["evaluate"].data.metrics["evaluate/scenes/sealed/ssim"] == 0.9
    assert runs["video"].data.metrics["film_secret_apd"] == 1.5
    points = mlflow.MlflowClient().get_metric_history(runs["video"].info.run_id, "video/secret_psnr")
    assert sorted((point.step, point.value) for point in points) == [(0, 39.5), (1, 38.5)]
    for stage, run in runs.items():
        tags = run.data.tags
        assert len(tags["mlflow.source.git.commit"]) == 40
        assert "dvc exp run" in tags["mlflow.note.content"], stage
        assert run.info.user_id == tags["mlflow.user"] != "unknown"
        assert "/" not in tags["mlflow.source.name"]  # the pages show only what follows the last one


def test_pictures_and_charts_are_logged(
    runs: dict[str, mlflow.entities.Run], tmp_path: Path, reports: Path, weights: Path
) -> None:
    assert {"metrics.json", "pictures", "details.json"} <= kept(runs["evaluate"])
    assert {"preview.mp4", "frames.png", "frames.csv"} <= kept(runs["video"])
    assert {"chart.png", "metrics.json"} <= kept(runs["robust"])
    shown = {name.split("+")[0] for name in kept(runs["train"], "images")}
    assert shown == {"images/evaluate~scenes", "images/video~frames"}
    got = mlflow.artifacts.download_artifacts(
        run_id=runs["video"].info.run_id, artifact_path="preview.mp4", dst_path=str(tmp_path / "got")
    )
    assert Path(got).read_bytes() == (reports / "video" / "preview.mp4").read_bytes()
    (output,) = runs["train"].outputs.model_outputs
    model = mlflow.artifacts.download_artifacts(f"models:/{output.model_id}", dst_path=str(tmp_path / "model"))
    (got,) = Path(model).rglob("*.safetensors")
    assert got.read_bytes() == weights.read_bytes()


def test_data_sets_are_named(runs: dict[str, mlflow.entities.Run]) -> None:
    used = {
        stage: {
            (each.dataset.name, each.tags[0].value, json.loads(each.dataset.profile).get("pictures"))
            for each in run.inputs.dataset_inputs
        }
        for stage, run in runs.items()
    }
    assert used["train"] == {("scenes, train", "training", 2), ("bsds500, train", "training", 1)}
    assert used["evaluate"] == {("scenes, test", "evaluation", 1)}
    assert used["video"] == {("preview.mp4", "evaluation", None)}
    assert used["prepare"] == used["train"] | used["evaluate"]


def test_no_key_is_logged(runs: dict[str, mlflow.entities.Run], tmp_path: Path) -> None:
    """Even the public key is in no field and no file."""
    secret = PUBLIC_DEMONSTRATION_KEY._secret
    spellings = [secret, secret.hex().encode(), base64.b64encode(secret)]
    for stage, run in runs.items():
        fields = json.dumps(run.to_dictionary()).encode()
        got = Path(mlflow.artifacts.download_artifacts(run_id=run.info.run_id, dst_path=str(tmp_path / stage)))
        texts = [fields, *(path.read_bytes() for path in got.rglob("*") if path.is_file())]
        assert not [spelling for spelling in spellings for text in texts if spelling in text]
