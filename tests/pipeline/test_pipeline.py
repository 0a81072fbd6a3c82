"""The real pipeline, small, in fresh clones: what a researcher does in the first half hour."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import mlflow
import pandas as pd
import pytest
from PIL import Image

from stegnet.media import scan
from stegnet.models import read_card
from tests.clones import copy_repository, environment, run

pytestmark = pytest.mark.slow

SMALL = {
    "data": {"size": 64, "scenes": 24, "validation_scenes": 3, "test_scenes": 3, "shard": 10},
    "model": {"blocks": 2, "width": 8, "ends": 2},
    "train": {"pairs": 96, "crop": 32, "lr": 0.005, "warmup": 2, "workers": 0, "checkpoint": 5},
    "video": {"cover": "data/small-cover.mkv", "secret": "data/small-secret.mkv"},
}


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This repository as it stands, with small films and parameters, committed."""
    return copy_repository(tmp_path_factory.mktemp("origin"), SMALL)


@pytest.fixture(scope="module")
def committed(origin: Path, make_film: Callable[..., Path]) -> Path:
    make_film(origin / "assets" / "small-cover.mkv", frames=7, height=112, width=176, sound="aac")
    make_film(origin / "assets" / "small-secret.mkv", frames=5, height=40, width=56, seed=9, sound="aac")
    run(origin, "git", "add", "-A")
    run(origin, "git", "commit", "-q", "-m", "small")
    return origin


@pytest.fixture(scope="module")
def clone(committed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh clone in which `dvc repro` has run."""
    folder = tmp_path_factory.mktemp("clones") / "first"
    run(committed, "git", "clone", "-q", str(committed), str(folder))
    (folder / "said.txt").write_text(run(folder, "dvc", "repro"), encoding="utf-8")
    return folder


def rows(folder: Path) -> pd.DataFrame:
    """All runs in the clone's own store."""
    mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
    return mlflow.search_runs(search_all_experiments=True)


def test_repro_measures_and_shows(clone: Path) -> None:
    figures = json.loads((clone / "reports/evaluate/metrics.json").read_text(encoding="utf-8"))
    assert list(figures) == ["container_psnr", "secret_psnr", "base_psnr", "container_ssim", "secret_ssim"]
    assert all(5 < figures[name] < 60 for name in ("secret_psnr", "base_psnr"))
    assert f"{figures['secret_psnr']:.3f}" in (clone / "said.txt").read_text(encoding="utf-8")
    for sheet in ("photographs", "scenes"):
        with Image.open(clone / f"reports/evaluate/pictures/{sheet}.png") as picture:
            picture.load()
    assert len(pd.read_csv(clone / "reports/evaluate/pairs.csv")) > 2 * 9
    assert read_card(clone / "build/weights/pair.safetensors").options.items() >= SMALL["model"].items()


def test_repro_hides_a_film_with_the_covers_sound(clone: Path) -> None:
    container, revealed = (scan(clone / f"reports/video/{name}.mkv") for name in ("container", "revealed"))
    assert (container.width, container.height, len(container.pts), container.sound) == (176, 112, 7, ("aac",))
    assert (revealed.width, revealed.height, len(revealed.pts)) == (56, 40, 5)
    assert scan(clone / "reports/video/preview.mp4").width == 640


def test_repro_leaves_git_alone_but_for_the_lock(clone: Path) -> None:
    changed = {line[3:] for line in run(clone, "git", "status", "--porcelain").splitlines()}
    assert changed == {"data.dvc", "dvc.lock", "said.txt"}


def test_mlflow_has_a_row_for_the_training_and_its_measures_below(clone: Path) -> None:
    table = rows(clone).set_index("tags.stegnet.stage")
    assert sorted(table.index) == ["evaluate", "prepare", "train", "video"]
    assert set(table.status) == {"FINISHED"}
    train = table.loc["train"]
    figures = json.loads((clone / "reports/evaluate/metrics.json").read_text(encoding="utf-8"))
    assert train["metrics.secret_psnr"] == figures["secret_psnr"]
    assert train["params.train.pairs"] == "96"
    assert {table.loc[stage, "tags.mlflow.parentRunId"] for stage in ("evaluate", "video")} == {train.run_id}
    client = mlflow.MlflowClient()
    assert len(client.get_metric_history(train.run_id, "train/loss")) == 12
    kept = {stage: {file.path for file in client.list_artifacts(table.loc[stage].run_id)} for stage in table.index}
    assert {"curve.csv", "images"} <= kept["train"]
    (model,) = mlflow.get_run(train.run_id).outputs.model_outputs
    assert client.get_logged_model(model.model_id).status == "READY"
    assert {"pairs.csv", "pictures", "metrics.json"} <= kept["evaluate"]
    assert {"container.mkv", "revealed.mkv", "preview.mp4", "frames.png"} <= kept["video"]
    assert kept["prepare"] == {"manifest.csv"}
    commit = run(clone, "git", "rev-parse", "HEAD").strip()
    assert set(table["tags.mlflow.source.git.commit"]) == {commit}
    assert set(table["tags.mlflow.source.git.dirty"]) == {"false"}
    assert set(table["tags.stegnet.repeat"]) == {f"git checkout {commit} && dvc exp run"}


def test_restored_stages_are_marked(clone: Path, tmp_path: Path) -> None:
    """With DVC's cache but not MLflow's store, only publish is executed."""
    other = tmp_path / "other"
    run(clone, "git", "clone", "-q", str(clone), str(other))
    run(other, "git", "rm", "-q", "--ignore-unmatch", "dvc.lock")
    shutil.copytree(clone / ".dvc" / "cache", other / ".dvc" / "cache")
    said = run(other, "dvc", "repro")
    assert "Stage 'train' is cached" in said
    table = rows(other).set_index("tags.stegnet.stage")
    assert sorted(table.index) == ["evaluate", "prepare", "train", "video"]
    assert set(table["tags.stegnet.restored"]) == {"true"}
    assert table.loc["train", "metrics.secret_psnr"] == table.loc["evaluate", "metrics.secret_psnr"]


def kill_training(folder: Path, *command: str) -> None:
    """Kills a command and all that it started, as soon as the training has saved something."""
    checkpoints = folder / ".checkpoints"
    before = set(checkpoints.glob("*.pt"))
    process = subprocess.Popen(
        command, cwd=folder, env=environment(), start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    while set(checkpoints.glob("*.pt")) <= before:
        assert process.poll() is None
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_repro_resumes_after_a_kill_with_the_same_bits(clone: Path) -> None:
    locked = (clone / "dvc.lock").read_bytes()
    repro = ("dvc", "repro", "--single-item", "--force", "train")
    kill_training(clone, *repro)
    assert not (clone / "build/weights/pair.safetensors").exists()
    assert "12/12" not in run(clone, *repro)
    assert (clone / "dvc.lock").read_bytes() == locked


def test_verify_finds_equal_clones(committed: Path) -> None:
    assert "verified" in run(committed, "sh", "tools/verify.sh")


def test_unknown_and_invalid_parameters_are_named(committed: Path, tmp_path: Path) -> None:
    folder = tmp_path / "clone"
    run(committed, "git", "clone", "-q", str(committed), str(folder))
    assert "train.pears: unknown key" in run(folder, "dvc", "exp", "run", "-S", "+train.pears=3", fails=True)
    said = run(folder, "dvc", "exp", "run", "-S", "data.test_share=2", fails=True)
    assert "data.test_share: must be less than or equal to 0.9" in said
    assert "Traceback" not in said
