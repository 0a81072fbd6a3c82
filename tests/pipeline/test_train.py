"""The training stage in processes of its own: killed, stopped, and shared out."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file

from stegnet.data.shards import TRAIN, ShardWriter

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
TRAINING = {
    "pairs": 240, "batch": 8, "crop": 32, "warmup": 2, "precision": "fp32", "threads": 1, "workers": 1, "checkpoint": 1,
}  # fmt: skip
Run = Callable[..., subprocess.Popen]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shards and parameters of a training of 30 small steps, each of which is saved."""
    folder = tmp_path_factory.mktemp("stage")
    pictures = torch.randint(256, (6, 64, 64, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    writer = ShardWriter(folder / "shards", 4)
    for index, picture in enumerate(pictures.numpy()):
        writer.add(picture, TRAIN, str(index), "folder", 64, 64)
    writer.close()
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params["model"] |= {"name": "invertible", "blocks": 1, "width": 8, "ends": 0, "backbone": "none"}
    params["train"] |= TRAINING
    (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def start(folder: Path) -> Run:
    """Starts the stage, in the way of a user who has changed some of its parameters."""

    def call(out: str, *launcher: str, **train: int) -> subprocess.Popen:
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
    """What it said; all must be well."""
    process.wait()
    said = (out / "said.txt").read_text(encoding="utf-8")
    assert process.returncode == 0, said
    return said


@pytest.fixture(scope="module")
def whole(folder: Path, start: Run) -> Path:
    """What the training leaves if nobody disturbs it."""
    finish(start("whole"), folder / "whole")
    return folder / "whole"


def saved(folder: Path) -> set[str]:
    return {path.name for path in (folder / ".checkpoints").glob("*.pt")}


def disturb(process: subprocess.Popen, folder: Path, number: int, moment: float) -> None:
    """Sends a signal so many seconds after the training saves for the first time."""
    before = saved(folder)
    while saved(folder) <= before:
        assert process.poll() is None
        time.sleep(0.01)
    time.sleep(moment)
    process.send_signal(number)
    assert process.wait() in (-number, 128 + number)


def test_killed_at_any_moment_it_ends_with_the_same_bits(folder: Path, start: Run, whole: Path) -> None:
    moments = random.Random(0)
    killed = folder / "killed"
    disturb(start("killed"), folder, signal.SIGINT, 0)
    said = (killed / "said.txt").read_text(encoding="utf-8")
    assert said.splitlines()[-1].endswith("of 30 steps; the same command goes on from there")
    for _ in range(2):
        disturb(start("killed"), folder, signal.SIGKILL, moments.uniform(0, 0.3))
    assert "WARNING" not in finish(start("killed"), killed)
    for name in ("w.safetensors", "w.json", "curve.csv"):
        assert (killed / name).read_bytes() == (whole / name).read_bytes()
    assert not list((folder / ".checkpoints").iterdir())


def test_two_processes_train_what_one_trains(folder: Path, start: Run, whole: Path) -> None:
    finish(start("two", devices=2, accumulate=2), folder / "two")
    one, two = (load_file(place / "w.safetensors") for place in (whole, folder / "two"))
    for name, tensor in one.items():
        torch.testing.assert_close(two[name], tensor, atol=1e-4, rtol=1e-3)


def test_torchrun_starts_them_too(folder: Path, start: Run) -> None:
    torchrun = str(Path(sys.executable).parent / "torchrun")
    finish(start("torchrun", torchrun, "--nproc-per-node=2", accumulate=2), folder / "torchrun")
    launched, other = ((folder / name / "curve.csv").read_bytes() for name in ("two", "torchrun"))
    assert other == launched


def test_a_bare_machine_trains_without_mlflow(folder: Path, start: Run, whole: Path) -> None:
    bare = "import runpy, sys; sys.modules['mlflow'] = None; sys.argv[0] = 'train'; sys.argv[1:3] = []"
    run_it = f"{bare}; runpy.run_module('pipeline.train', run_name='__main__')"
    said = finish(start("bare", sys.executable, "-c", run_it), folder / "bare")
    assert said.splitlines()[0] == "WARNING: MLflow is not installed: nothing is tracked"
    assert (folder / "bare" / "w.safetensors").read_bytes() == (whole / "w.safetensors").read_bytes()
