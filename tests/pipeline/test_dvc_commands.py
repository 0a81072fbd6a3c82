"""The commands of DVC that a user types: all of them end well and say little."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import mlflow
import pandas as pd
import pytest
import yaml

from tests.clones import copy_repository, run

pytestmark = pytest.mark.slow

TINY = {
    "data": {"size": 64, "scenes": 4, "test_scenes": 2, "test_photographs": False},
    "model": {"blocks": 2, "width": 8, "ends": 0, "backbone": "none"},
    "train": {"pairs": 16, "crop": 32, "warmup": 1, "workers": 0, "devices": 1, "threads": 1},
    "evaluate": {"shift": 1, "pictures": 1},
    "video": {"cover": "data/small-cover.mkv", "secret": "data/small-secret.mkv"},
    "study": {"pairs": 8},
}
UP_TO_DATE = "Data and pipelines are up to date.\n"
LOGS = "stegnet/tracking/provenance.py"


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory, make_film: Callable[..., Path]) -> Path:
    """A fresh clone in which `dvc repro` has run, and its result is committed."""
    origin = copy_repository(tmp_path_factory.mktemp("origin"), TINY)
    for name, seed in (("cover", 0), ("secret", 9)):
        make_film(origin / "assets" / f"small-{name}.mkv", frames=2, height=112, width=112, seed=seed)
    run(origin, "git", "add", "-A")
    run(origin, "git", "commit", "-q", "-m", "small")
    folder = tmp_path_factory.mktemp("clones") / "first"
    run(origin, "git", "clone", "-q", str(origin), str(folder))
    run(folder, "dvc", "status")
    run(folder, "dvc", "repro")
    run(folder, "git", "add", "dvc.lock", "data.dvc")
    run(folder, "git", "commit", "-q", "-m", "first results")
    return folder


def runs(folder: Path) -> pd.DataFrame:
    """All runs in the clone's own store."""
    mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
    return mlflow.search_runs(search_all_experiments=True)


def evaluated(folder: Path) -> set[str]:
    """Fingerprints of the weights with a run of the stage evaluate."""
    return set(runs(folder).query("`tags.stegnet.stage` == 'evaluate'")["tags.stegnet.weights"])


def all_is_well(folder: Path) -> None:
    assert run(folder, "dvc", "status") == UP_TO_DATE
    assert len(run(folder, "dvc", "checkout", "-f").splitlines()) <= 1
    assert run(folder, "dvc", "status") == UP_TO_DATE


def test_after_repro(clone: Path) -> None:
    all_is_well(clone)
    assert "up to date" in run(clone, "dvc", "repro")
    assert max(map(len, run(clone, "dvc", "dag").splitlines())) < 160
    assert run(clone, "dvc", "data", "status").splitlines()[0] == "No changes."
    assert "failed" not in run(clone, "dvc", "plots", "show")
    assert "failed" not in run(clone, "dvc", "plots", "diff")
    run(clone, "dvc", "metrics", "show")
    run(clone, "dvc", "params", "diff")


def test_changes_to_logging_reproduce_nothing(clone: Path) -> None:
    with open(clone / LOGS, "a", encoding="utf-8") as file:
        file.write("# a comment\n")
    stages = ("prepare", "train", "export", "evaluate", "video", "report")
    assert run(clone, "dvc", "status", *stages) == UP_TO_DATE
    assert LOGS.rpartition("/")[0] in run(clone, "dvc", "status", "publish")
    run(clone, "git", "checkout", "-q", LOGS)


def test_experiments(clone: Path) -> None:
    """An exponent is a number; the result is a row, and can be looked at, put back and taken again."""
    run(clone, "dvc", "exp", "run", "-n", "slower", "-S", "train.lr=1e-5")
    trainings = runs(clone).query("`tags.stegnet.stage` == 'train'").set_index("params.train.lr")
    assert len(trainings) == 2
    row = trainings.loc["1e-05"]
    assert (row["tags.mlflow.runName"], row["tags.stegnet.experiment"]) == ("train.lr=1e-05", "slower")
    assert row["tags.stegnet.repeat"].endswith(" && dvc exp run -S train.lr=1e-05")
    assert trainings["metrics.secret_psnr"].nunique() == 2
    assert "lr: 1e-05" in (clone / "params.yaml").read_text(encoding="utf-8")
    assert json.loads((clone / "build/weights/pair.json").read_text("utf-8"))["training"]["train"]["lr"] == 1e-5
    all_is_well(clone)
    run(clone, "git", "checkout", "-q", "params.yaml", "dvc.lock")
    run(clone, "dvc", "checkout")
    assert json.loads((clone / "build/weights/pair.json").read_text("utf-8"))["training"]["train"]["lr"] != 1e-5
    all_is_well(clone)
    run(clone, "dvc", "exp", "apply", "slower")
    all_is_well(clone)
    assert "slower" in run(clone, "dvc", "exp", "show", "--csv")
    assert "failed" not in run(clone, "dvc", "plots", "diff", "HEAD", "slower")
    run(clone, "dvc", "metrics", "diff", "HEAD", "slower", "--md")
    run(clone, "git", "checkout", "-q", "params.yaml", "dvc.lock")
    run(clone, "dvc", "checkout")


def test_a_folder_that_is_missing_is_named_and_costs_no_shards(clone: Path) -> None:
    before = (clone / "build/shards/manifest.csv").read_bytes()
    said = run(clone, "dvc", "exp", "run", "-S", "data.source=folder", "-S", "data.folder=nowhere", fails=True)
    assert "error: data.folder: nowhere is not a folder" in said
    assert "Traceback" not in said
    assert (clone / "build/shards/manifest.csv").read_bytes() == before
    run(clone, "git", "checkout", "-q", "params.yaml", "dvc.lock")
    run(clone, "dvc", "checkout")
    all_is_well(clone)


def reaches_others(clone: Path, other: Path, **variables: str) -> None:
    """What is pushed here is pulled in a fresh clone, without a training."""
    run(clone, "git", "commit", "-q", "-am", "a remote")
    run(clone, "dvc", "push", **variables)
    assert run(clone, "dvc", "push", **variables) == "Everything is up to date.\n"
    run(clone, "git", "clone", "-q", str(clone), str(other))
    run(other, "dvc", "pull", **variables)
    all_is_well(other)
    assert "failed" not in run(other, "dvc", "plots", "show")
    assert "in sync" in run(other, "dvc", "status", "--cloud", **variables)
    assert "Running stage" not in run(other, "dvc", "repro", **variables)
    shutil.rmtree(other)


def test_a_remote_that_is_a_folder(clone: Path, tmp_path: Path) -> None:
    run(clone, "dvc", "remote", "add", "--default", "--force", "store", str(tmp_path / "store"))
    reaches_others(clone, tmp_path / "other")


def test_the_study(clone: Path) -> None:
    """Another DVC project, which measures this one's outputs and logs to the same store."""
    variables = {"PYTHONDONTWRITEBYTECODE": ""}  # as users have it: bytecode lies about
    stages = ("rival@other_seed", "evaluate@shipped", "classical@trained", "sizes@trained")
    before = evaluated(clone)
    run(clone, "dvc", "--cd", "study", "repro", *stages, **variables)
    assert "Running" not in run(clone, "dvc", "--cd", "study", "repro", *stages, **variables)
    assert run(clone, "dvc", "--cd", "study", "status", *stages) == UP_TO_DATE
    assert (clone / "study/rivals/other_seed.safetensors").exists()
    assert all((clone / "study/trained" / name / "metrics.json").exists() for name in ("classical", "sizes"))
    assert "survive@shipped" in run(clone, "dvc", "--cd", "study", "dag")
    assert not (clone / "study/mlflow.db").exists()
    assert len(evaluated(clone) - before) == 1  # the shipped pair
    changed = run(clone, "git", "status", "--porcelain").splitlines()
    assert changed == ["?? study/dvc.lock"]
    all_is_well(clone)


def test_the_study_publishes_to_the_same_store(clone: Path) -> None:
    """By the stage's command; the study takes hours, so one figure stands for all."""
    stages = yaml.safe_load((clone / "study/dvc.yaml").read_text(encoding="utf-8"))["stages"]
    (clone / "study/trained/sizes").mkdir(parents=True, exist_ok=True)
    (clone / "study/trained/sizes/metrics.json").write_text('{"of_64": 40.5}', encoding="utf-8")
    run(clone / "study", "sh", "-c", stages["publish"]["cmd"], DVC_ROOT=str(clone / "study"))
    assert not (clone / "study/mlflow.db").exists()
    rows = runs(clone).set_index("tags.stegnet.stage")
    assert rows.loc["sizes", "metrics.sizes/of_64"] == 40.5
