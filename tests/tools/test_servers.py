"""The cluster on this machine: each of its servers works, and none outlives it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import psutil
import pytest
import s3fs
from mlflow import MlflowClient

from tests.support.lab import ROOT
from tests.support.waiting import LIMIT
from tools.servers import BUCKET

ON_EACH_NODE = """
import sys

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

ray.init(sys.argv[1], log_to_driver=False, logging_level="error")
node_of = ray.remote(num_cpus=1)(lambda: ray.get_runtime_context().get_node_id())
nodes = [node["NodeID"] for node in ray.nodes()]
pinned = [node_of.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False)) for node in nodes]
assert ray.get([task.remote() for task in pinned]) == nodes
print(len(nodes))
"""


class Cluster:
    """A cluster that was started as a user does, and its processes."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process, self.text = process, ""
        assert process.stdout
        for line in process.stdout:
            self.text += line
            if "Ctrl-C" in line:
                break
        file = Path(next(line.split()[1] for line in self.text.splitlines() if line.startswith("  . ")))
        self.folder = file.parent
        lines = file.read_text(encoding="utf-8").splitlines()
        self.variables = dict(line.removeprefix("export ").split("=", 1) for line in lines)

    def processes(self) -> set[psutil.Process]:
        children = psutil.Process(self._process.pid).children(recursive=True) if self._process.poll() is None else []
        return {*children, *self._of_folder()}

    def stop(self) -> int:
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(LIMIT)

    def _of_folder(self) -> Iterator[psutil.Process]:
        for process in psutil.process_iter(["cmdline"]):
            if any(str(self.folder) in word for word in process.info["cmdline"] or ()):
                yield process


@pytest.fixture(scope="module")
def cluster(postgres_programs: None) -> Iterator[Cluster]:
    command = [sys.executable, "-m", "tools.servers"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        cluster = Cluster(process)
        yield cluster
        started = cluster.processes()
        assert len(started) > 10
        assert cluster.stop() == 0
        _, alive = psutil.wait_procs(started | cluster.processes(), timeout=LIMIT)
        assert not alive
        assert not cluster.folder.exists()


@pytest.mark.parametrize("kind", ["auto", "ray://"])
def test_a_task_runs_on_each_node(kind: str, cluster: Cluster) -> None:
    address = next((word for word in cluster.text.split() if word.startswith(kind)), kind)
    for _ in range(3):  # on a busy machine, Ray's server for clients may not start in the time that Ray gives it
        done = subprocess.run(
            [sys.executable, "-c", ON_EACH_NODE, address],
            env=os.environ | cluster.variables, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.stdout:
            break
    assert done.stdout == "2\n", done.stderr


def test_ray_wants_the_token(cluster: Cluster) -> None:
    dashboard = cluster.text.split("Ray's pages are on ")[1].split()[0]
    with pytest.raises(HTTPError, match="401"):
        urlopen(f"{dashboard}/nodes?view=summary", timeout=LIMIT)


def test_the_file_of_a_run_is_kept_on_s3(cluster: Cluster) -> None:
    client = MlflowClient(cluster.variables["MLFLOW_TRACKING_URI"])
    run = client.create_run("0").info.run_id
    client.log_text(run, "it landed", "note.txt")
    s3 = s3fs.S3FileSystem(
        endpoint_url=cluster.variables["AWS_ENDPOINT_URL"], key=cluster.variables["AWS_ACCESS_KEY_ID"],
        secret=cluster.variables["AWS_SECRET_ACCESS_KEY"], skip_instance_cache=True,
    )  # fmt: skip
    (path,) = s3.glob(f"{BUCKET}/mlflow/**/note.txt")
    assert run in path
    assert s3.cat(path) == b"it landed"
