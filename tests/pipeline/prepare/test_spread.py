"""Work in processes of this machine, and on a Ray cluster of two nodes."""

import os
import subprocess
import sys

import pytest

from pipeline.prepare.prepare import map_in_pool
from tests.support.cluster import ray_nodes
from tests.support.lab import CODED, DataError
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


@pytest.mark.slow
def test_a_cluster_of_two_nodes_writes_the_same_bytes(prepared, tmp_path):
    with ray_nodes(1, 1):
        for workers in (1, "ray"):
            prepared(str(workers), source="scenes", scenes=12, validation_scenes=3, workers=workers, scramble=CODED)
        import ray

        ray.shutdown()
    one, two = (contents(tmp_path / out) for out in ("1", "ray"))
    assert len(one) == 3 + 1 + 2 + 5  # shards of the splits, and tables
    assert one == two
