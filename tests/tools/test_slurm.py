"""The jobs for SLURM, on this machine: shims stand for its programs and for DVC, the other commands are the jobs' own.

A training by torchrun on two nodes, and by Ray on two nodes, of which one process is killed, end with the same bits.
"""

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pytest
import yaml

from tests.support.lab import PARAMS, ROOT, TRAIN, VALIDATION
from tests.support.shards import write_shards
from tests.support.waiting import wait_until

STAGE = "pipeline.train build/shards build/weights/pair.safetensors reports/train/curve.csv"
TRAINING = {
    "pairs": 240, "batch": 8, "crop": 32, "warmup": 2, "precision": "fp32", "devices": 2, "threads": 1, "workers": 0,
    "checkpoint": 1, "validate": 7,
}  # fmt: skip
SHIMS = {
    "scontrol": "printf 'localhost\\nlocalhost\\n'",
    # As many processes as --ntasks says, or one on each node; a signal goes to all of them.
    "srun": """
count=$SLURM_JOB_NUM_NODES
while case $1 in --*) true;; *) false;; esac; do
    case $1 in --ntasks=*) count=${1#*=};; esac
    shift
done
trap 'kill $processes; wait' TERM
processes=
for number in $(seq "$count"); do "$@" & processes="$processes $!"; done
for process in $processes; do wait "$process" || failed=1; done
exit ${failed:-0}
""",
    "dvc": f"""
echo "$*" >> dvc-commands
case $1 in exp) exec {sys.executable} -m {STAGE};; esac
""",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with shards and parameters of a training of 30 small steps, and the shims."""
    write_shards(tmp_path / "build" / "shards", [(TRAIN, "folder")] * 4 + [(VALIDATION, "folder")] * 2)
    for name, script in SHIMS.items():
        path = tmp_path / ".venv" / "bin" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}", encoding="utf-8")
        path.chmod(0o755)
    return tmp_path


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A folder for Ray's sockets, whose path must be short."""
    with TemporaryDirectory(prefix="r", dir="/tmp", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def submit(project: Path, job: str, launcher: str, temporary: Path, *words: str) -> subprocess.Popen:
    """Runs a job's script in the project as SLURM would, on two nodes with one processor each."""
    params = yaml.safe_load(PARAMS.read_text(encoding="utf-8"))
    params["model"] |= {"name": "invertible", "blocks": 1, "width": 8, "ends": 0, "backbone": "none"}
    params["train"] |= TRAINING | {"launcher": launcher}
    (project / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    unset = {"DVC_ROOT", "MLFLOW_TRACKING_URI", "RAY_ADDRESS"}
    environment = {key: value for key, value in os.environ.items() if key not in unset} | {
        "SLURM_JOB_ID": str(os.getpid()), "SLURM_JOB_NODELIST": "localhost,localhost", "SLURM_JOB_NUM_NODES": "2",
        "SLURM_CPUS_PER_TASK": "1", "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "RAY_TMPDIR": str(temporary),
        "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32), "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0",
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    }  # fmt: skip
    with open(project / "said.txt", "w", encoding="utf-8") as said:
        command = ["bash", str(ROOT / "tools" / "slurm" / job), *words]
        return subprocess.Popen(command, cwd=project, env=environment, stdout=said, stderr=said)


def finish(process: subprocess.Popen, project: Path) -> list[bytes]:
    """Waits for success; returns what the training wrote, and removes it."""
    process.wait()
    assert process.returncode == 0, (project / "said.txt").read_text(encoding="utf-8")
    names = ("build/weights/pair.safetensors", "build/weights/pair.json", "reports/train/curve.csv")
    found = [(project / name).read_bytes() for name in names]
    for name in names:
        (project / name).unlink()
    return found


def kill_one(process: subprocess.Popen, project: Path) -> None:
    """Kills a process of a training on Ray after its first checkpoint."""

    def runs() -> bool:
        assert process.poll() is None, (project / "said.txt").read_text(encoding="utf-8")
        return True

    wait_until(lambda: runs() and len(workers_of(process)) == 2)  # found before, since that takes a while
    lost, _ = workers_of(process)
    wait_until(lambda: runs() and list((project / ".checkpoints").glob("*.pt")))
    lost.kill()


def workers_of(process: subprocess.Popen) -> list[psutil.Process]:
    """The processes that train, of all that were started by one."""
    found = []
    for child in psutil.Process(process.pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            found += [child] if "".join(child.cmdline()[:1]).startswith("ray::RayTrainWorker") else []
    return found


def test_torchrun_and_ray_end_with_the_same_bits(project: Path, temporary: Path) -> None:
    by_torchrun = finish(submit(project, "torchrun.sbatch", "local", temporary), project)
    process = submit(project, "ray.sbatch", "ray", temporary, "-S", "beta=1.0")
    kill_one(process, project)
    assert finish(process, project) == by_torchrun
    assert "ActorDiedError" in (project / "said.txt").read_text(encoding="utf-8")
    commands = (project / "dvc-commands").read_text(encoding="utf-8").splitlines()
    assert commands == ["commit --force train", "exp run -S train.launcher=ray -S beta=1.0"]
    everything = (" ".join(each.info["cmdline"] or []) for each in psutil.process_iter(["cmdline"]))
    assert not [words for words in everything if str(temporary) in words]
