"""DVC's commands that change parameters, code, stages or remotes, in a clone in which the small pipeline has run."""

import json
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from tests.clones import ROOT, run
from tests.pipeline.whole.conftest import (
    SMALL,
    UP_TO_DATE,
    all_is_well,
    back_to_the_commit,
    evaluated,
    executed,
    files_without_keys,
    runs,
)

pytestmark = pytest.mark.night


def test_experiments(clone: Path) -> None:
    """An exponent is a number; the result is a row, and can be looked at, put back and taken again."""
    run(clone, "dvc", "exp", "run", "-n", "slower", "-S", "train.lr=1e-5", "train")
    trainings = runs(clone).query("`tags.stegnet.stage` == 'train'").set_index("params.train.lr")
    assert len(trainings) == 2
    row = trainings.loc["1e-05"]
    assert (row["tags.mlflow.runName"], row["tags.stegnet.experiment"]) == ("train.lr=1e-05", "slower")
    assert row["tags.stegnet.repeat"].endswith(" && dvc exp run -S train.lr=1e-05")
    assert trainings["metrics.train/loss"].nunique() == 2
    assert "lr: 1e-05" in (clone / "params.yaml").read_text(encoding="utf-8")
    assert json.loads((clone / "build/weights/pair.json").read_text("utf-8"))["training"]["train"]["lr"] == 1e-5
    all_is_well(clone, "train")
    back_to_the_commit(clone)
    assert json.loads((clone / "build/weights/pair.json").read_text("utf-8"))["training"]["train"]["lr"] != 1e-5
    all_is_well(clone)
    run(clone, "dvc", "exp", "apply", "slower")
    all_is_well(clone, "train")
    shown = pd.read_csv(StringIO(run(clone, "dvc", "exp", "show", "--csv"))).set_index("Experiment")
    assert shown.loc["slower"].validation_loss > 0  # though it was not evaluated
    assert "failed" not in run(clone, "dvc", "plots", "diff", "HEAD", "slower")
    run(clone, "dvc", "metrics", "diff", "HEAD", "slower", "--md")
    back_to_the_commit(clone)


def test_a_network_of_one_s_own_repeats_no_other_training(clone: Path) -> None:
    """The documentation's; a change of its file is noticed. What is refused: train/test_extensions.py."""
    text = (ROOT / "docs/networks.md").read_text(encoding="utf-8").partition("## A network of your own")[2]
    mine = clone / "mine.py"
    mine.write_text(text.split("```")[1].partition("\n")[2], encoding="utf-8")
    settings = SMALL["model"] | {"name": "mine:Plain", "blocks": "auto", "ends": "auto", "backbone": "auto"}

    def trained(model: dict[str, Any]) -> list[str]:
        values = "code=mine.py", *(f"model.{key}={value}" for key, value in model.items())
        return executed(run(clone, "dvc", "exp", "run", "train", *(word for each in values for word in ("-S", each))))

    assert trained(settings) == ["train"]
    mine.write_text(f"{mine.read_text(encoding='utf-8')}# changed\n", encoding="utf-8")
    assert trained(settings) == ["train"]
    assert trained(SMALL["model"]) == []
    mine.unlink()
    back_to_the_commit(clone)


def test_a_stage_of_one_s_own(clone: Path) -> None:
    """The documentation's."""
    text = (ROOT / "docs/training.md").read_text(encoding="utf-8").partition("**A stage of your own**")[2]
    script, entry = (part.partition("\n")[2] for part in text.split("```")[1:4:2])
    (clone / "pipeline/spread.py").write_text(script, encoding="utf-8")
    stages = (clone / "dvc.yaml").read_text(encoding="utf-8")
    (clone / "dvc.yaml").write_text(stages.replace("\nplots:", f"\n{entry}\nplots:"), encoding="utf-8")
    run(clone, sys.executable, "-m", "tools.stage_deps")
    assert "pipeline/spread.py" in (clone / "dvc.yaml").read_text(encoding="utf-8")
    for style in ("ruff check .", "ruff format --check .", "lint-imports", "mypy pipeline/spread.py"):
        run(clone, *style.split())
    run(clone, "dvc", "repro", "spread")
    assert json.loads((clone / "reports/spread.json").read_text(encoding="utf-8"))["spread"] > 0
    run(clone, "git", "checkout", "-q", "dvc.yaml", "dvc.lock")
    for name in ("pipeline/spread.py", "reports/spread.json", "reports/.gitignore"):
        (clone / name).unlink()


def test_wrong_parameters_are_named_and_cost_no_shards(clone: Path) -> None:
    before = (clone / "build/shards/manifest.csv").read_bytes()
    for settings, message in {
        ("+train.pears=3",): "train.pears: unknown key",
        ("data.source=folder", "data.folder=nowhere"): "error: data.folder: nowhere is not a folder",
    }.items():
        said = run(clone, "dvc", "exp", "run", *(word for each in settings for word in ("-S", each)), fails=True)
        assert message in said and "Traceback" not in said
        run(clone, "git", "checkout", "-q", "params.yaml", "dvc.lock")
    assert (clone / "build/shards/manifest.csv").read_bytes() == before
    run(clone, "dvc", "checkout")
    all_is_well(clone)


def test_a_remote_that_is_a_folder(clone: Path, tmp_path: Path) -> None:
    """What is pushed here is pulled in a fresh clone, without a training."""
    other = tmp_path / "other"
    run(clone, "dvc", "remote", "add", "--default", "--force", "store", str(tmp_path / "store"))
    run(clone, "git", "commit", "-q", "-am", "a remote")
    run(clone, "dvc", "push")
    assert run(clone, "dvc", "push") == "Everything is up to date.\n"
    run(clone, "git", "clone", "-q", str(clone), str(other))
    run(other, "dvc", "pull")
    all_is_well(other)
    assert "failed" not in run(other, "dvc", "plots", "show")
    assert "in sync" in run(other, "dvc", "status", "--cloud")
    assert executed(run(other, "dvc", "repro")) == []


def test_the_study(clone: Path, tmp_path: Path) -> None:
    """Another DVC project, which measures this one's outputs and logs to the same store.

    It takes hours: a figure stands for those that it publishes, by the stage's command.
    """
    stage = "evaluate@shipped"
    bytecode = ""  # as users have it: bytecode lies about
    before = evaluated(clone)
    run(clone, "dvc", "--cd", "study", "repro", stage, PYTHONDONTWRITEBYTECODE=bytecode)
    said = run(clone, "dvc", "--cd", "study", "repro", stage, PYTHONDONTWRITEBYTECODE=bytecode)
    assert "Running" not in said
    assert run(clone, "dvc", "--cd", "study", "status", stage) == UP_TO_DATE
    assert "robust@shipped" in run(clone, "dvc", "--cd", "study", "dag")
    assert len(evaluated(clone) - before) == 1  # the shipped pair
    assert run(clone, "git", "status", "--porcelain").splitlines() == ["?? study/dvc.lock"]
    all_is_well(clone)
    publish = yaml.safe_load((clone / "study/dvc.yaml").read_text(encoding="utf-8"))["stages"]["publish"]["cmd"]
    (clone / "study/trained/sizes").mkdir(parents=True)
    (clone / "study/trained/sizes/metrics.json").write_text('{"of_64": 40.5}', encoding="utf-8")
    (clone / "study/trained/sizes/chart.png").write_bytes(b"a chart")
    run(clone / "study", "sh", "-c", publish, DVC_ROOT=str(clone / "study"))
    assert not (clone / "study/mlflow.db").exists()
    table = runs(clone).set_index("run_id")
    (sizes,) = table.index[table["tags.stegnet.stage"] == "sizes"]
    above = table.loc[sizes, "tags.mlflow.parentRunId"]
    assert table.loc[sizes, "metrics.sizes/of_64"] == table.loc[above, "metrics.sizes/of_64"] == 40.5
    assert files_without_keys(sizes, tmp_path) >= {"chart.png", "metrics.json"}
