"""What MLflow's pages show before anybody has set anything up."""

import json
import re
from pathlib import Path

import mlflow
import yaml

from stegnet.config import flatten
from stegnet.tracking import DATA_EXPERIMENT, EXPERIMENT, Tracker
from stegnet.tracking.view import VIEW_NAME, saved_views

ROOT = Path(__file__).parents[2]
LONGEST = 5000  # characters in an experiment's tag


def state() -> dict:
    (text,) = saved_views(EXPERIMENT).values()
    envelope = json.loads(text)
    assert envelope["name"] == VIEW_NAME
    return json.loads(envelope["state"])


def test_columns_name_parameters_and_figures_that_there_are() -> None:
    params = flatten(yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8")))
    measured = [ROOT / "reports" / "shipped" / stage / "metrics.json" for stage in ("evaluate", "video")]
    figures = [name for path in measured for name in json.loads(path.read_text(encoding="utf-8"))]
    known = {"params": params, "metrics": figures}
    for column in state()["selectedColumns"]:
        kind, name = re.fullmatch(r"(\w+)\.`(.+)`", column).groups()
        assert name in known[kind], column


def test_charts_stand_in_the_one_section() -> None:
    shown = state()
    assert {chart["metricSectionId"] for chart in shown["compareRunCharts"]} == {
        section["uuid"] for section in shown["compareRunSections"]
    }
    assert {chart["type"] for chart in shown["compareRunCharts"]} == {"PARALLEL", "SCATTER", "IMAGE"}


def test_experiments_tell_what_they_hold_and_are_told_again_when_that_changes(tmp_path: Path) -> None:
    for _ in range(2):
        Tracker(tmp_path, {})
        experiments = {name: mlflow.get_experiment_by_name(name) for name in (EXPERIMENT, DATA_EXPERIMENT)}
        assert "One row is one training" in experiments[EXPERIMENT].tags["mlflow.note.content"]
        assert "prepared pictures" in experiments[DATA_EXPERIMENT].tags["mlflow.note.content"]
        assert saved_views(EXPERIMENT).items() <= experiments[EXPERIMENT].tags.items()
        assert all(len(tag) < LONGEST for tag in experiments[EXPERIMENT].tags.values())
        mlflow.MlflowClient().set_experiment_tag(experiments[EXPERIMENT].experiment_id, "mlflow.note.content", "old")
