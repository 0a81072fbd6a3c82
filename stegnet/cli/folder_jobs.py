"""Folders of files: done on a cluster, in several processes of this machine, or one by one in this process."""

import argparse

from stegnet.cluster import run_on_cluster
from stegnet.core.parallel import Progress
from stegnet.files import FolderPlan, Outcomes
from stegnet.keys import KeySource
from stegnet.processes import run_in_processes, useful_processes
from stegnet.results import OutputFolder
from stegnet.tasks import Secrets, Work


def do_folder(
    options: argparse.Namespace,
    plan: FolderPlan,
    out: OutputFolder,
    work: Work,
    key_source: KeySource,
    progress: Progress,
) -> Outcomes:
    """Do the jobs of a plan where it is fastest, or where the options say, and yield the outcomes in order."""
    if options.cluster:
        return run_on_cluster(options.cluster, plan, out, work, key_source)
    # One process keeps a GPU busy, and several would fill its memory.
    count = 1 if work.on_gpu else useful_processes(plan)
    if count == 1:
        return work.showing(progress).here(plan, out, key_source)
    return run_in_processes(plan, out, work, Secrets.fresh(key_source), progress, count)
