"""A Ray cluster on this machine: each node has processes of its own."""

import gc
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.support.waiting import LIMIT

ROOT = Path(__file__).parents[2]
STORE = 80 << 20  # bytes of a node's object store


@contextmanager
def ray_nodes(*cpus: int) -> Iterator[str]:
    """Starts a node with each number of CPUs, and sets RAY_ADDRESS; yields the address."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray._private.utils import get_ray_address_file
    from ray.cluster_utils import Cluster

    with (
        pytest.MonkeyPatch.context() as patch,
        TemporaryDirectory(prefix="r", dir="/tmp", ignore_cleanup_errors=True) as folder,  # short: sockets lie there
    ):
        patch.delenv("PYTHONPATH", raising=False)  # of the nodes: what they import, this process tells them
        head = {"num_cpus": cpus[0], "temp_dir": folder, "include_dashboard": False, "object_store_memory": STORE}
        Path(get_ray_address_file(None)).parent.mkdir(parents=True, exist_ok=True)  # Cluster only writes into it
        cluster = Cluster(initialize_head=True, head_node_args=head)
        try:
            for count in cpus[1:]:
                cluster.add_node(wait=False, num_cpus=count, object_store_memory=STORE)
            cluster.wait_for_nodes(LIMIT)
            patch.setenv("RAY_ADDRESS", cluster.address)
            patch.setenv("PYTHONPATH", str(ROOT))
            yield cluster.address
        finally:
            cluster.shutdown()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ResourceWarning)
                gc.collect()  # Ray leaves sockets open, which would fail a later test
