"""A sweep's grid, and its row in MLflow, with experiments that are logged, not run."""

from dataclasses import asdict, replace
from pathlib import Path
from statistics import stdev
from typing import Any

import mlflow
import pytest

from pipeline import sweep
from stegnet import ConfigError
from tests.support.lab import PARAMS, flatten, load
from tests.support.tracking import Result, Tracker

CHANGES = ["beta=0.5,1", "seed=0,1,2"]
FIGURES = {(0.5, 0): 40.0, (0.5, 1): 41.0, (0.5, 2): 43.0, (1.0, 0): 38.0, (1.0, 1): 38.0, (1.0, 2): 38.0}


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the default parameters and a store of its own."""
    for name in ("DVC_ROOT", "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME", "RAY_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "params.yaml").write_bytes(PARAMS.read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], str | None]]:
    """DVC's commands and the cluster's address in them, which are not run."""
    found = []

    def run(command: list[str], env: dict[str, str], check: bool) -> object:
        found.append((command[3:], env.get("RAY_ADDRESS")))
        return type("Done", (), {"returncode": 0})

    monkeypatch.setattr(sweep, "run", run)
    return found


def log(beta: float, seed: int, psnr: float, **train: Any) -> None:
    """A training and its measurement, as the stages log them."""
    config = load(PARAMS)
    config = replace(config, beta=beta, seed=seed, train=replace(config.train, **train))
    tracker, weights = Tracker(Path(), flatten(asdict(config))), f"{beta} {seed}"
    tracker.log_result(Result("train", weights, weights, curve=({"step": 0, "loss": 1.0},)))
    headline = {"container_psnr": psnr, "secret_psnr": 37.0, "container_ssim": 0.9, "secret_ssim": 0.8}
    tracker.log_result(Result("evaluate", f"e{weights}", weights, headline=headline))


def rows() -> dict[str, list[mlflow.entities.Run]]:
    mlflow.set_tracking_uri(f"sqlite:///{Path('mlflow.db').resolve()}")
    found: dict[str, list[mlflow.entities.Run]] = {}
    for run in mlflow.search_runs(search_all_experiments=True, output_format="list"):
        found.setdefault(run.data.tags["stegnet.stage"], []).append(run)
    return found


def test_the_parent_row_has_mean_and_deviation(commands: list, capsys: pytest.CaptureFixture) -> None:
    for (beta, seed), psnr in FIGURES.items():
        log(beta, seed, psnr)
    for _ in range(2):
        sweep.main(CHANGES, 2, None)
    assert commands[:2] == [
        (["exp", "run", "--queue", "--set-param=beta=0.5,1", "--set-param=seed=0,1,2", "evaluate"], None),
        (["exp", "run", "--run-all", "--jobs=2"], None),
    ]
    (row,) = rows()["sweep"]
    assert (row.data.params, row.info.run_name) == ({"beta": "0.5,1", "seed": "0,1,2"}, "beta=0.5,1 seed=0,1,2")
    assert row.data.metrics["beta 0.5/container_psnr"] == pytest.approx(124 / 3)
    assert row.data.metrics["beta 0.5/container_psnr_std"] == pytest.approx(stdev((40, 41, 43)))
    assert row.data.metrics["beta 1/container_psnr_std"] == 0
    assert not [name for name in row.data.metrics if "loss" in name]
    assert {run.data.tags["mlflow.parentRunId"] for run in rows()["train"]} == {row.info.run_id}
    table = row.data.tags["mlflow.note.content"]
    assert "| beta 0.5 | 41.33 ± 1.53 | 37.00 ± 0.00 | 0.9000 ± 0.0000 | 0.8000 ± 0.0000 |" in table.splitlines()
    assert table in capsys.readouterr().out


def test_the_trainings_of_a_sweep_run_on_a_cluster(commands: list) -> None:
    log(0.5, 0, 40.0, launcher="ray")
    sweep.main(["beta=0.5"], 1, "10.0.0.1:6379")
    assert [address for _, address in commands] == ["10.0.0.1:6379"] * 2
    assert "--set-param=train.launcher=ray" in commands[0][0]
    (row,) = rows()["sweep"]
    assert row.data.metrics == {
        "container_psnr": 40.0, "secret_psnr": 37.0, "container_ssim": 0.9, "secret_ssim": 0.8,
    }  # fmt: skip


def test_an_impossible_value_is_refused_before_anything_runs(commands: list) -> None:
    with pytest.raises(ConfigError, match=r"train\.lr"):
        sweep.main(["train.lr=0.001,much"], 1, None)
    assert not commands
