"""Folders of films and pictures over many machines, by Ray (docs/cluster.md).

`envelope` encrypts the keys, `tasks` is the work of one process, `segments` divides long films, `cluster` distributes
the tasks and collects their outcomes.
"""

from stegnet import lazy_names

__getattr__, __all__ = lazy_names(
    __name__,
    cluster="run_on_cluster",
    envelope="SEED_BYTES Secrets",
    tasks="HidingWork RevealingWork tasks_of",
)
