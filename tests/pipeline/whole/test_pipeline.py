"""The real pipeline, small, in clones: what it measures, shows and logs, and what repeats it."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest
import yaml
from PIL import Image

from stegnet.core.measures import SPEED
from stegnet.networks import read_card
from stegnet.video import scan
from tests.clones import ROOT, clone_with_modules, environment, run
from tests.pipeline.test_stages import REPEATS
from tests.pipeline.tracking.conftest import Server
from tests.pipeline.whole.conftest import SMALL, UP_TO_DATE, all_is_well, executed, files_without_keys, runs
from tests.support.lab import flatten
from tools.verify import locked_stages

pytestmark = [
    pytest.mark.long,
    pytest.mark.filterwarnings("ignore:starlette.middleware.wsgi is deprecated"),  # MLflow's own import
]


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of MLflow's server."""
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", "")  # which MLflow sets to its store for the whole process
    started = Server(tmp_path, monkeypatch)
    yield started.address
    started.stop()
    mlflow.set_registry_uri("")


def data_sets(run_id: str) -> set[tuple[str, str, int | None]]:
    """Names, purposes and counts of pictures of the data sets of a run."""
    inputs = mlflow.get_run(run_id).inputs
    assert inputs
    return {
        (each.dataset.name, each.tags[0].value, json.loads(str(each.dataset.profile)).get("pictures"))
        for each in inputs.dataset_inputs
    }


def test_repro_measures_and_shows(clone: Path) -> None:
    """And hides a film with the cover's sound."""
    figures = json.loads((clone / "reports/evaluate/metrics.json").read_text(encoding="utf-8"))
    bases = ["base_psnr", "restored_base_psnr"]
    others = ["container_ssim", "secret_ssim", "secret_psnr_worst"]
    training = ["untrained_container_psnr", "untrained_secret_psnr", "gain_psnr", "gain_psnr_low", "gain_psnr_high"]
    assert list(figures) == ["container_psnr", "secret_psnr", *bases, *others, *training]
    pairs = pd.read_csv(clone / "reports/evaluate/pairs.csv")
    of_photographs = pairs[(pairs["kind"] == "photographs") & (pairs["mode"] == "sealed")]
    assert (len(of_photographs), len(pairs) - len(of_photographs)) == (4 * 9, pytest.approx(4 * 9 + 2 * 3))
    means = {name: of_photographs[name].mean() for name in ("container_psnr", "secret_psnr", *bases)}
    assert means.items() <= {name: pytest.approx(value, abs=1e-4) for name, value in figures.items()}.items()
    assert figures["secret_psnr_worst"] == pytest.approx(of_photographs["secret_psnr"].min(), abs=1e-4)
    assert figures["untrained_secret_psnr"] != figures["secret_psnr"], "they are of two pairs"
    speed = json.loads((clone / "reports/speed.json").read_text(encoding="utf-8"))
    assert list(speed) == [*SPEED, "backend", "device", "precision", "threads"]
    assert (speed["backend"], speed["threads"]) == ("torch", "1")
    assert f"secret {figures['secret_psnr']:.2f} dB" in (clone.parent / "said.txt").read_text(encoding="utf-8")
    for sheet in ("photographs", "scenes"):
        with Image.open(clone / f"reports/evaluate/pictures/{sheet}.png") as picture:
            picture.load()
    card = read_card(clone / "build/weights/pair.safetensors")
    assert ({"name": card.model} | card.options).items() >= SMALL["model"].items()
    found = json.loads((clone / "reports/detect/metrics.json").read_text(encoding="utf-8"))
    assert {name.split("_")[1] for name in found} == {"network", "sealed", "control", "smooth"}
    overall = pd.read_csv(clone / "reports/detect/detect.csv").query("pictures == 'all'").set_index("method")
    for name, row in overall.iterrows():
        right = row["accuracy"] * 2 * row["tested"]  # of its covers and containers; shares have four digits
        assert right == pytest.approx(round(right), abs=0.01) and row["low"] <= row["accuracy"] <= row["high"]
        shares = {f"detect_{name}_{key}": pytest.approx(row[key], abs=1e-4) for key in ("accuracy", "low", "high")}
        assert {key: found[key] for key in shares} == shares
    assert len(found) == 3 * len(overall)
    container, revealed = (scan(clone / f"reports/video/{name}.mkv") for name in ("container", "revealed"))
    assert (container.width, container.height, len(container.pts), container.sound) == (176, 112, 7, ("aac",))
    assert (revealed.width, revealed.height, len(revealed.pts)) == (56, 40, 5)
    assert scan(clone / "reports/video/preview.mp4").width == 640


def test_mlflow_has_a_row_for_the_training_and_its_measures_below(clone: Path) -> None:
    table = runs(clone).set_index("tags.stegnet.stage")
    assert sorted(table.index) == ["detect", "evaluate", "prepare", "train", "video"]
    assert set(table.status) == {"FINISHED"}
    train = table.loc["train"]
    figures = json.loads((clone / "reports/evaluate/metrics.json").read_text(encoding="utf-8"))
    assert train["metrics.secret_psnr"] == figures["secret_psnr"]
    speed = json.loads((clone / "reports/speed.json").read_text(encoding="utf-8"))
    for name in SPEED:
        assert train[f"metrics.{name}"] == table.loc["evaluate", f"metrics.{name}"] == speed[name] > 0
    assert {table.loc[stage, "tags.mlflow.parentRunId"] for stage in ("evaluate", "detect", "video")} == {train.run_id}
    client = mlflow.MlflowClient()
    run_id = str(train["run_id"])
    assert len(client.get_metric_history(run_id, "train/loss")) == 12
    kept = {file.path for file in client.list_artifacts(run_id)}
    assert kept == {"curve.csv", "dvc.lock", "images", "metrics.json", "params.yaml", "report.html"}
    assert {"run/pairs_per_second", "weights/onnx/hide/equal"} < {str(name).removeprefix("metrics.") for name in table}
    for alias in ("best", "latest"):
        assert client.get_model_version_by_alias("stegnet", alias).run_id == train.run_id
    commit = run(clone, "git", "rev-parse", "HEAD~1").strip()
    assert set(table["tags.mlflow.source.git.commit"]) == {commit}
    assert set(table["tags.mlflow.source.git.dirty"]) == {"false"}
    assert set(table["tags.stegnet.repeat"]) == {f"git checkout {commit} && dvc exp run"}
    assert (train["params.resolved.train.lr"], train["params.resolved.train.devices"]) == ("0.005", "1")
    asked = {name.removeprefix("params.") for name in train.filter(like="params.").dropna().index}
    resolved = {name for name in asked if name.startswith("resolved.")}
    assert resolved > {f"resolved.{name}" for name in ("device", "precision", "model.width", "scramble.base")}
    assert asked - resolved == flatten(yaml.safe_load((clone / "params.yaml").read_text("utf-8"))).keys()
    shown = {
        str(name).removeprefix("metrics."): value for name, value in train.filter(like="metrics.").dropna().items()
    }
    headline = {name: value for name, value in shown.items() if "/" not in name}
    reports = [json.loads((clone / f"reports/{name}/metrics.json").read_text("utf-8")) for name in ("detect", "video")]
    assert headline == figures | {name: speed[name] for name in SPEED} | reports[0] | reports[1]
    assert shown.keys() > {"train/loss", "weights/training_loss", "weights/onnx/hide/difference"}
    rows: Any = table.to_dict("index")
    of_scenes = "metrics.evaluate/scenes/sealed/secret_psnr"
    assert 0 < rows["evaluate"][f"{of_scenes}/worst"] <= rows["evaluate"][f"{of_scenes}/mean"]
    assert rows["video"]["metrics.film_secret_apd"] > 0
    points = client.get_metric_history(rows["video"]["run_id"], "video/secret_psnr")
    frames = pd.read_csv(clone / "reports/video/frames.csv")["secret_psnr"]
    assert {point.step: point.value for point in points} == pytest.approx(frames.to_dict())
    assert len(points) == len(frames)
    assert (table["tags.mlflow.user"] != "unknown").all()
    assert not table["tags.mlflow.source.name"].str.contains("/").any()  # the pages show only what follows the last one


def test_data_sets_and_files_of_a_run_are_those_of_its_stage(clone: Path, tmp_path: Path) -> None:
    ids: dict[Any, str] = runs(clone).set_index("tags.stegnet.stage")["run_id"].to_dict()
    used = {stage: data_sets(run_id) for stage, run_id in ids.items()}
    validation = {("scenes, validation", "validation", 3)}
    assert used["train"] == {("scenes, train", "training", 24)} | validation
    assert used["evaluate"] == {("photographs, test", "evaluation", 9 * 4), ("scenes, test", "evaluation", 3)}
    assert used["detect"] == used["evaluate"] | validation
    assert used["video"] == {(f"small-{side}.mkv", "evaluation", None) for side in ("cover", "secret")}
    assert used["prepare"] == used["train"] | used["evaluate"]
    names = {stage: files_without_keys(run_id, tmp_path / stage) for stage, run_id in ids.items()}
    assert names["evaluate"] >= {"metrics.json", "pictures/scenes.png", "details.json"}
    assert names["video"] >= {"preview.mp4", "frames.png", "frames.csv"}


def test_commands_after_repro(clone: Path) -> None:
    all_is_well(clone)
    assert executed(run(clone, "dvc", "repro")) == []
    shown = run(clone, "dvc", "dag")  # its width is chance: DVC lays it out by the order of sets
    assert {"check", "detect", "publish"} <= set(re.findall(r"\w+", shown))
    assert run(clone, "dvc", "data", "status").splitlines()[0] == "No changes."
    assert "failed" not in run(clone, "dvc", "plots", "show")
    assert "failed" not in run(clone, "dvc", "plots", "diff")
    experiments = pd.read_csv(StringIO(run(clone, "dvc", "exp", "show", "--csv")))
    for table in (run(clone, "dvc", "metrics", "show"), experiments.columns):
        assert all(name in table for name in ("secret_psnr", "restored_base_psnr", *SPEED))
    run(clone, "dvc", "params", "diff")


WORDS = {"code": "docs", "data.folder": "docs", "data.test_folder": "docs", "video.cover": "data/small-secret.mkv",
         "video.secret": "data/small-cover.mkv"}  # fmt: skip


def changed(values: dict[str, Any], section: str = "") -> dict[str, Any]:
    """Return parameters of which each is another; those that name files name one that exists."""
    others: dict[str, Any] = {}
    for name, value in values.items():
        key = f"{section}{name}"
        match value:
            case dict():
                others[name] = changed(value, f"{key}.")
            case bool():
                others[name] = not value
            case int() | float():
                others[name] = value + 1
            case _:
                others[name] = WORDS.get(key, f"{value}x")
    return others


def test_each_parameter_repeats_the_stages_whose_outputs_it_can_change(clone: Path) -> None:
    """A key whose change DVC does not see would leave a result of another value with no word."""
    path = clone / "params.yaml"
    before = path.read_text(encoding="utf-8")
    params = flatten(yaml.safe_load(before))
    assert len(params) > 70
    path.write_text(yaml.safe_dump(changed(yaml.safe_load(before))), encoding="utf-8")
    status = json.loads(run(clone, "dvc", "status", "--json"))
    found: dict[str, set[str]] = {key: set() for key in params}
    for stage, changes in status.items():
        for name in _modified_parameters(changes):
            for key in params:
                if f"{key}.".startswith(f"{name}."):
                    found[key].add(stage)
    wanted = {}
    for key in params:
        rule = max((start for start in REPEATS if f"{key}.".startswith(f"{start}.")), key=len)
        wanted[key] = {"check", *REPEATS[rule].split(), *(["publish"] if key != "code" else [])}
    assert found == wanted
    path.write_text(before, encoding="utf-8")
    assert run(clone, "dvc", "status") == UP_TO_DATE


def _modified_parameters(changes: list[Any]) -> set[str]:
    """The parameters, or sections of them, that `dvc status --json` says a stage would be repeated for."""
    deps = (change["changed deps"] for change in changes if isinstance(change, dict) and "changed deps" in change)
    return {name for each in deps for name in each.get("params.yaml", {})}


@pytest.mark.night
def test_restored_stages_are_marked(clone: Path, tmp_path: Path, server: str) -> None:
    """With DVC's cache but not MLflow's store, here on a server, only check and publish are executed."""
    other = tmp_path / "other"
    clone_with_modules(clone, other)
    run(other, "git", "rm", "-q", "dvc.lock")
    shutil.copytree(clone / ".dvc" / "cache", other / ".dvc" / "cache")
    said = run(other, "dvc", "repro", MLFLOW_TRACKING_URI=server)
    assert "Stage 'train' is cached" in said
    table = runs(other, server).set_index("tags.stegnet.stage")
    assert sorted(table.index) == ["detect", "evaluate", "prepare", "train", "video"]
    assert set(table["tags.stegnet.restored"]) == {"true"}
    assert set(table.status) == {"FINISHED"}
    below = table.loc[["detect", "evaluate", "video"], "tags.mlflow.parentRunId"]
    assert set(below) == {table.loc["train", "run_id"]}
    secret_psnr = table["metrics.secret_psnr"].to_dict()
    assert secret_psnr["train"] == secret_psnr["evaluate"]
    ids: dict[Any, str] = table["run_id"].to_dict()
    names = {stage: files_without_keys(run_id, tmp_path / stage) for stage, run_id in ids.items()}
    assert names["video"] >= {"preview.mp4", "frames.png", "frames.csv"}
    prepared, trained, evaluated = (data_sets(ids[stage]) for stage in ("prepare", "train", "evaluate"))
    assert prepared == trained | evaluated


def kill_training(folder: Path, *command: str) -> None:
    """Kills a command and all that it started, as soon as the training has saved something."""
    process = subprocess.Popen(
        command, cwd=folder, env=environment(), start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    while not list(folder.glob(".checkpoints/*.pt")):
        assert process.poll() is None
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.mark.night
def test_another_clone_makes_the_same_bits_though_its_training_is_killed(clone: Path, committed: Path) -> None:
    folder = clone.parent / "second"
    clone_with_modules(committed, folder)
    kill_training(folder, "dvc", "repro", "train")
    assert not (folder / "build/weights/pair.safetensors").exists()
    said = run(folder, "dvc", "repro", "evaluate", "detect", "video")
    assert "train" in executed(said) and "12/12" not in said
    one, other = map(locked_stages, (clone, folder))
    assert {"check", "prepare", "train", "evaluate", "detect", "video"} == other.keys()
    assert other.items() <= one.items()


@pytest.mark.night
def test_verify_compares_two_clones_and_their_figures(tmp_path: Path) -> None:
    """Here of a pipeline that writes a fixed number, or the time; and the time where nobody compares it."""
    command = "date +'{\"psnr\": ${text}}' > out.json; date +%N > reports/speed.json"
    stage = {"cmd": command, "params": ["text"], "outs": ["out.json", "reports/speed.json"]}
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"write": stage}}), encoding="utf-8")
    (tmp_path / "params.yaml").write_text("text: 46.2\n", encoding="utf-8")
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports/expected.json").write_text('{"out.json": {"psnr": [46.18, 0.05]}}', encoding="utf-8")
    for command in ("git init -q -b main", "dvc init -q", "git add -A", "git commit -q -m first"):
        run(tmp_path, *command.split())
    verify = (sys.executable, str(ROOT / "tools" / "verify.py"))
    said = run(tmp_path, *verify)
    assert "verified: both clones made the same dvc.lock" in said and "verified: all figures are within" in said
    assert "error: the clones differ" in run(tmp_path, *verify, "-S", "text=%N", fails=True)
    assert "error: out.json is missing" in run(tmp_path, *verify, "--here", fails=True)
    (tmp_path / "out.json").write_text('{"psnr": 46.1}', encoding="utf-8")
    assert "error: out.json: psnr is 46.1, expected 46.18 ± 0.05" in run(tmp_path, *verify, "--here", fails=True)
