"""Work in processes of this machine, and on a Ray cluster of two nodes."""

import os
import subprocess
import sys
from collections.abc import Iterator
from tempfile import TemporaryDirectory

import pytest

from pipeline.prepare.prepare import map_in_pool
from stegnet import DataError
from tests.support.lab import CODED, ROOT
from tests.support.temporary import contents


def test_a_worker_imports_neither_torch_nor_mlflow():
    heavy = "{'torch', 'mlflow', 'pandas', 'ray', 'pooch', 'diskcache'} & set(__import__('sys').modules)"
    worker = f"import pipeline.prepare.prepare; print({heavy})"
    assert subprocess.check_output([sys.executable, "-c", worker], text=True) == "set()\n"


def test_items_are_taken_only_a_few_ahead():
    taken = []
    results = map_in_pool(abs, (taken.append(index) or index for index in range(100)), 2)
    assert next(results) == 0
    assert len(taken) == 5
    results.close()


def test_a_killed_process():
    with pytest.raises(DataError, match="a process that prepares pictures was killed") as caught:
        list(map_in_pool(os._exit, [9], 2))
    assert "what is finished is kept" in caught.value.hint


@pytest.fixture
def two_nodes(monkeypatch, tmp_path) -> Iterator[None]:
    """A Ray cluster of two nodes with one CPU each, which RAY_ADDRESS names."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    import ray
    from ray.cluster_utils import Cluster

    with TemporaryDirectory(prefix="r-", dir="/tmp") as folder:  # sockets have short paths
        monkeypatch.setenv("RAY_TMPDIR", folder)  # also of the file that names this machine's cluster
        cluster = Cluster(True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        cluster.add_node(num_cpus=1)
        monkeypatch.setenv("RAY_ADDRESS", cluster.address)
        yield
        ray.shutdown()
        cluster.shutdown()


def node_and_square(value: int) -> tuple[str, int]:
    import ray

    if value < 0:
        raise DataError(f"{value} is negative", "give another")
    return ray.get_runtime_context().get_node_id(), value * value


@pytest.mark.slow
def test_a_cluster_of_two_nodes(two_nodes, prepared, tmp_path):
    results = list(map_in_pool(node_and_square, range(20), "ray"))
    assert sorted(square for _, square in results) == [value * value for value in range(20)]
    assert len({node for node, _ in results}) == 2
    with pytest.raises(DataError, match="-1 is negative") as caught:
        list(map_in_pool(node_and_square, [1, -1], "ray"))
    assert caught.value.hint == "give another"
    for workers in (1, "ray"):
        prepared(str(workers), source="scenes", scenes=12, validation_scenes=3, workers=workers, scramble=CODED)
    one, two = (contents(tmp_path / out) for out in ("1", "ray"))
    assert len(one) == 3 + 1 + 2 + 5  # shards of the splits, and tables
    assert one == two
