"""Folders of films and pictures over many machines, by Ray (docs/cluster.md).

`envelope` encrypts the keys, `tasks` is the work of one process, `segments` divides long films, `cluster` distributes
the tasks and collects their outcomes.
"""

from stegnet.cluster.cluster import run_on_cluster
from stegnet.cluster.tasks import Hiding, Revealing

__all__ = ["Hiding", "Revealing", "run_on_cluster"]
