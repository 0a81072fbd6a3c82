"""The model that a training logs: loaded again by MLflow alone, it hides and reveals."""

import json
import logging
import os
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import mlflow
import numpy as np
import pytest

import stegnet
from pipeline.export import export
from pipeline.tracking.models import BEST, REGISTERED
from pipeline.tracking.provenance import NOTE
from pipeline.tracking.results import DataSet
from stegnet.networks import read_card
from tests.support.tracking import EXPERIMENT_PARAMS, PUBLIC_DEMONSTRATION_KEY, Result, Tracker

UNPICKLED = {".safetensors", ".json", ".yaml", ".txt", ""}


@pytest.fixture
def trained(weights: Path, tmp_path: Path) -> Path:
    """Weights with their card beside them, as a training leaves them."""
    path = tmp_path / "build" / "pair.safetensors"
    path.parent.mkdir()
    shutil.copy(weights, path)
    path.with_suffix(".json").write_text(json.dumps(asdict(read_card(path))), encoding="utf-8")
    return path


def measured(weights: str, psnr: float, pictures: str = "0123", container: float = 40.0, gain: float = 1.5) -> Result:
    """The result of weights on some test pictures."""
    headline = {"container_psnr": container, "secret_psnr": psnr, "gain_psnr": gain}
    sets = (DataSet("photographs, test", "shards", pictures, "evaluation"),)
    return Result("evaluate", f"e{weights}", weights, headline=headline, datasets=sets)


@pytest.fixture
def model(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> mlflow.entities.LoggedModel:
    """The model logged by a training with a measurement."""
    monkeypatch.chdir(tmp_path)  # outside a repository: no commit has other parameters
    tracker = Tracker(tmp_path, EXPERIMENT_PARAMS)
    with tracker.run("train", {}) as live:
        live.finish(Result("train", "w", "w"))
    tracker.log_result(measured("w", 37.5))
    tracker.add_to_training(Result("publish", "", "w", model=trained))
    run = mlflow.get_run(live.run.info.run_id)
    assert run.outputs
    (output,) = run.outputs.model_outputs
    return mlflow.MlflowClient().get_logged_model(output.model_id)


def files(model: mlflow.entities.LoggedModel, folder: Path) -> list[Path]:
    root = Path(mlflow.artifacts.download_artifacts(f"models:/{model.model_id}", dst_path=str(folder)))
    return [path.relative_to(root) for path in root.rglob("*") if path.is_file()]


def test_loaded_again_it_hides_and_reveals(
    model: mlflow.entities.LoggedModel, trained: Path, tmp_path: Path, picture
) -> None:
    names = files(model, tmp_path / "got")
    assert {"pair.safetensors", "pair.json", "MLmodel", "input_example.json"} <= {path.name for path in names}
    assert {path.suffix for path in names} <= UNPICKLED
    served = mlflow.pyfunc.load_model(f"models:/{model.model_id}", dst_path=str(tmp_path))
    pictures = {"cover": picture(48, 64), "secret": picture(40, 56, seed=1)}
    given = served.predict(pictures)
    assert given["container"].shape == (48, 64, 3)
    told = stegnet.Session(weights=trained).reveal(given["container"], key=PUBLIC_DEMONSTRATION_KEY, strict=True)
    assert np.array_equal(told.picture, given["revealed"])
    assert given["revealed"].shape == (40, 56, 3)
    with pytest.raises(mlflow.exceptions.MlflowException, match="cover"):
        served.predict({"secret": pictures["secret"]})
    with pytest.raises(mlflow.exceptions.MlflowException, match="float"):
        served.predict({name: pixels / 255 for name, pixels in pictures.items()})


def test_the_best_version_has_a_name(
    model: mlflow.entities.LoggedModel, trained: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Of those with the same test pictures; a figure says on which it was measured."""
    (graph := tmp_path / "pair.hide.onnx").write_bytes(b"a graph")
    client = mlflow.MlflowClient()

    def register(figures: Result, beta: float) -> None:
        tracker = Tracker(tmp_path, EXPERIMENT_PARAMS | {"beta": beta})
        tracker.log_result(Result("train", figures.weights, figures.weights))
        tracker.log_result(figures)
        tracker.add_to_training(Result("publish", "", figures.weights, model=trained, onnx=(graph,)))

    def version_of(alias: str) -> object:
        return client.get_model_version_by_alias(REGISTERED, alias).version

    for figures, best, latest in (
        (measured("w", 37.5), 1, 1),
        (measured("better", 39.0), 2, 2),
        (measured("worse", 38.0), 2, 3),
        (measured("other", 36.0, "4567"), 4, 4),
    ):
        register(figures, 0.5)
        assert (version_of(BEST), version_of("latest")) == (best, latest)
    # Of those of equal β: a barely visible container with a poor secret has the highest mean, not the lowest loss.
    for weights, container, psnr in (("quiet", 52.3, 42.4), ("even", 46.0, 46.2)):
        register(measured(weights, psnr, "0123", container), 1.0)
    assert version_of(BEST) == 6
    with caplog.at_level(logging.INFO):
        register(measured("ruined", 47.0, "0123", 46.0, gain=-1.96), 1.0)
    assert (version_of(BEST), version_of("latest")) == (6, 7)
    assert "version 7 of model stegnet is not @best: training gained nothing" in caplog.messages
    version = client.get_model_version(REGISTERED, "1")
    assert version.description == model.tags[NOTE]  # where MLflow's pages look
    assert version.tags == {"stegnet.weights": "w"}
    assert {"secret_psnr", "container_psnr"} <= {each.key for each in model.metrics or ()}


SERVE = """
import sys
sys.modules.update(dict.fromkeys(["torch", "timm"]))
import mlflow, numpy
served = mlflow.pyfunc.load_model(sys.argv[1])
given = served.predict(served.input_example)
assert given["container"].shape == served.input_example["cover"].shape, given
print(abs(given["container"].astype(int) - served.input_example["cover"]).mean())
"""


@pytest.mark.night
def test_with_onnx_files_it_is_served_from_the_registry_without_pytorch(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once, though it is published twice, as when a pipeline is run twice."""
    monkeypatch.chdir(tmp_path)
    (folder := tmp_path / "onnx").mkdir()
    export(trained, folder)
    exported = tuple(sorted(folder.iterdir()))
    tracker = Tracker(tmp_path, EXPERIMENT_PARAMS)
    tracker.log_result(Result("train", "w", "w"))
    for _ in range(2):
        tracker.add_to_training(Result("publish", "", "w", model=trained, onnx=exported))
    (version,) = mlflow.MlflowClient().search_model_versions(f"name = '{REGISTERED}'")
    model = mlflow.MlflowClient().get_logged_model(str(version.source).removeprefix("models:/"))
    names = files(model, tmp_path / "got")
    assert {path.name for path in exported} <= {path.name for path in names}
    assert {path.suffix for path in names} <= UNPICKLED | {".onnx"}
    command = [sys.executable, "-c", SERVE, f"models:/{REGISTERED}/{version.version}"]
    there = os.environ | {"MLFLOW_TRACKING_URI": mlflow.get_tracking_uri()}
    done = subprocess.run(command, env=there, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) > 0


def test_an_unfinished_model_is_logged_again(trained: Path, tmp_path: Path) -> None:
    """A failure half-way, then the same call again."""
    tracker = Tracker(tmp_path, EXPERIMENT_PARAMS)
    tracker.log_result(Result("train", "w", "w"))
    client = mlflow.MlflowClient()
    published = Result("publish", "", "w", model=trained)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mlflow.MlflowClient, "finalize_logged_model", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            tracker.add_to_training(published)
    for _ in range(2):
        tracker.add_to_training(published)
    (version,) = client.search_model_versions(f"name = '{REGISTERED}'")
    assert client.get_logged_model(str(version.source).removeprefix("models:/")).status == "READY"
