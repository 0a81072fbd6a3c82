"""The training stage in processes of its own: killed, stopped, and shared out."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import mlflow
import psutil
import pytest
import torch
import yaml
from safetensors.torch import load_file

import pipeline.train.__main__  # noqa: F401  # the program that is run here
from pipeline.tracking.results import _curve, study_result
from pipeline.train.run import write_curve
from tests.support.lab import PARAMS, ROOT, TRAIN, VALIDATION
from tests.support.shards import write_shards
from tests.support.training import FIGURES
from tests.support.waiting import wait_until

TRAINING = {
    "pairs": 120, "batch": 6, "crop": 32, "warmup": 2, "precision": "fp32", "devices": 1, "threads": 1, "workers": 1,
    "checkpoint": 1, "validate": 7, "lr": 0.02,
}  # fmt: skip
STEPS = 20
WITHOUT_MLFLOW = """
import runpy, sys
sys.modules["mlflow"] = None
sys.argv = ["train", *sys.argv[3:]]
runpy.run_module("pipeline.train", run_name="__main__", alter_sys=True)
"""
Run = Callable[..., subprocess.Popen]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shards and parameters of a training of small steps, each of which is saved."""
    folder = tmp_path_factory.mktemp("stage")
    write_shards(folder / "shards", [(TRAIN, "folder")] * 4 + [(VALIDATION, "folder")] * 2)
    params = yaml.safe_load(PARAMS.read_text(encoding="utf-8"))
    params["model"] |= {"name": "invertible", "blocks": 1, "width": 8, "ends": 0, "backbone": "none"}
    params["scramble"]["base"] = "none"  # there is much to learn, and the start is never the best
    params["train"] |= TRAINING
    (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def start(folder: Path) -> Run:
    """Starts the stage with some parameters changed."""

    def call(out: str, *launcher: str, **train: float) -> subprocess.Popen:
        params = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
        params["train"] |= train
        (folder / out).mkdir(exist_ok=True)
        (folder / out / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
        unset = {"DVC_ROOT", "MLFLOW_TRACKING_URI"}
        environment = {key: value for key, value in os.environ.items() if key not in unset}
        environment |= {"PYTHONPATH": str(ROOT), "DVC_ROOT": str(folder), "OMP_NUM_THREADS": "1"}
        command = [*(launcher or (sys.executable,)), "-m", "pipeline.train", "../shards", "w.safetensors", "curve.csv"]
        with open(folder / out / "said.txt", "w", encoding="utf-8") as said:
            return subprocess.Popen(command, cwd=folder / out, env=environment, stderr=said)

    return call


def finish(process: subprocess.Popen, out: Path) -> str:
    """Waits for success and returns the stage's stderr."""
    process.wait()
    said = (out / "said.txt").read_text(encoding="utf-8")
    assert process.returncode == 0, said
    return said


@pytest.fixture(scope="module")
def whole(folder: Path, start: Run) -> Path:
    """The output of an undisturbed training without MLflow, which says so, where it computes, and how fast it was."""
    said = finish(start("whole", sys.executable, "-c", WITHOUT_MLFLOW), folder / "whole")
    lines = [line for line in re.split("[\r\n]", said) if line and not line.startswith("train: ")]
    where, untracked, speed = lines
    assert re.fullmatch("INFO: training: device .*; precision fp32; .* 1, each with 6 of the batch's 6 pairs", where)
    assert untracked == "WARNING: MLflow is not installed: nothing is tracked"
    assert re.match(r"INFO: \d+(\.\d+)? pairs a second", speed)
    return folder / "whole"


def saved(folder: Path) -> set[tuple[str, int]]:
    return {(path.name, path.stat().st_mtime_ns) for path in (folder / ".checkpoints").glob("*.pt")}


def kill(process: subprocess.Popen, folder: Path, checkpoints: int = 1) -> None:
    """Kills a training that has saved some checkpoints; no process that it started stays."""

    def newer(before: set[tuple[str, int]]) -> bool:
        assert process.poll() is None
        return not saved(folder) <= before

    for _ in range(checkpoints):
        wait_until(partial(newer, saved(folder)))
    started = psutil.Process(process.pid).children(recursive=True)
    assert started
    process.kill()
    process.wait()
    wait_until(lambda: not any(map(is_at_work, started)))


def is_at_work(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def assert_same(one: Path, other: Path) -> None:
    for name in ("w.safetensors", "w.json", "curve.csv"):
        assert (one / name).read_bytes() == (other / name).read_bytes()


def runs(folder: Path) -> list[mlflow.entities.Run]:
    mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
    return mlflow.search_runs(search_all_experiments=True, output_format="list")


def steps(run: mlflow.entities.Run) -> list[int]:
    """Steps of the run's curve."""
    history = mlflow.MlflowClient().get_metric_history(run.info.run_id, "train/loss")
    return sorted(point.step for point in history)


def test_a_training_that_is_stopped_says_how_it_goes_on(folder: Path, start: Run) -> None:
    before = saved(folder)
    process = start("stopped", sys.executable, "-c", WITHOUT_MLFLOW, pairs=60_000)  # of no end
    wait_until(lambda: not saved(folder) <= before)
    process.terminate()
    assert process.wait() == 128 + signal.SIGTERM
    said = (folder / "stopped/said.txt").read_text(encoding="utf-8")
    assert re.search(r"the same command resumes from its last checkpoint, \S+\.pt\nstopped\n$", said)


def test_a_training_killed_at_any_moment_ends_with_the_same_bits(folder: Path, start: Run, whole: Path) -> None:
    """And tracking it changes none of them."""
    killed, others = folder / "killed", saved(folder)
    kill(start("killed"), folder, 3)
    live, curve = ((place / "curve.csv").read_bytes() for place in (killed, whole))
    assert live.count(b"\n") >= 2  # it grows while the training runs
    assert curve.startswith(live)
    said = finish(start("killed"), killed)
    assert "WARNING" not in said
    assert re.search(rf"goes on after step [1-9]\d* of {STEPS}, from the last checkpoint", said)
    assert_same(killed, whole)
    assert saved(folder) == others
    (run,) = [each for each in runs(folder) if each.info.status == "FINISHED"]
    assert steps(run) == list(range(STEPS))
    assert run.data.tags.items() >= {"stegnet.precision": "fp32", "stegnet.device": "cpu"}.items()


@pytest.mark.night
def test_killed_processes_end_as_those_of_torchrun_and_as_one(folder: Path, start: Run, whole: Path) -> None:
    """With three, the order in which gradients are summed decides the rounding."""
    torchrun = str(Path(sys.executable).parent / "torchrun")
    finish(start("torchrun", torchrun, "--nproc-per-node=3", accumulate=2), folder / "torchrun")
    one, three = (load_file(place / "w.safetensors") for place in (whole, folder / "torchrun"))
    for name, tensor in one.items():
        torch.testing.assert_close(three[name], tensor, atol=1e-4, rtol=1e-3)
    kill(start("three", devices=3, accumulate=2), folder)
    finish(start("three", devices=3, accumulate=2), folder / "three")
    assert_same(folder / "three", folder / "torchrun")


@pytest.mark.night
def test_two_machines_end_as_two_processes_of_one(folder: Path, start: Run) -> None:
    """By torchrun on each, in a folder that they share."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    both = f"--nnodes=2 --nproc-per-node=1 --rdzv-backend=c10d --rdzv-endpoint=127.0.0.1:{port}"
    each = f'"$0" {both} "$@"'
    torchrun = str(Path(sys.executable).parent / "torchrun")
    finish(start("machines", "sh", "-c", f"{each} & {each} && wait $!", torchrun), folder / "machines")
    finish(start("two", devices=2), folder / "two")
    assert_same(folder / "two", folder / "machines")


def test_the_curve_has_empty_cells_where_nothing_was_validated(tmp_path: Path) -> None:
    """DVC plots the columns, so they are always there."""
    points = [{"step": 0, "loss": 2.0}, {"step": 1, "loss": 1.0, **dict.fromkeys(FIGURES, 3.5)}]
    write_curve(tmp_path / "curve.csv", points)
    write_curve(tmp_path / "none.csv", points[:1])
    head, first, second = (tmp_path / "curve.csv").read_text(encoding="utf-8").splitlines()
    others = "container_psnr,secret_psnr"
    expected = f"step,loss,{','.join(FIGURES)},{others}"
    assert (head, first, second) == (expected, "0,2.0,,,,,", "1,1.0,3.5,3.5,3.5,,")
    assert (tmp_path / "none.csv").read_text(encoding="utf-8").splitlines() == [head, first]
    assert list(_curve(tmp_path / "curve.csv")) == points


def test_equal_figures_of_other_weights_are_another_result(tmp_path: Path) -> None:
    (tmp_path / "metrics.json").write_text("{}", encoding="utf-8")
    for name in "ab":
        (tmp_path / name).write_text(name, encoding="utf-8")
    assert len({study_result("sizes", tmp_path / name, tmp_path).key for name in "ab"}) == 2
