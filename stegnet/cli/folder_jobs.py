"""Folders of files: on a cluster, in several processes of this machine, or one file after the other in this one."""

import argparse
from collections.abc import Iterator

from stegnet.cluster import run_on_cluster
from stegnet.core.parallel import Progress
from stegnet.files import FolderPlan, Outcome, hide_each, reveal_each
from stegnet.keys import KeySource
from stegnet.methods import HideJob
from stegnet.methods.method import Context
from stegnet.networks.engines import uses_gpu
from stegnet.processes import run_in_processes, useful_processes
from stegnet.results import OutputTarget
from stegnet.tasks import HidingWork, RevealingWork, Secrets


def hide_folder(
    options: argparse.Namespace,
    plan: FolderPlan,
    out: OutputTarget,
    job: HideJob,
    key_source: KeySource,
    progress: Progress,
) -> Iterator[Outcome]:
    """Hide as a plan says, where it is fastest or where the options say; yield the outcomes in order."""
    work = HidingWork(job)
    if options.cluster:
        return run_on_cluster(options.cluster, plan, out, work, key_source)
    count = 1 if job.method.computes and _on_gpu(job.context) else useful_processes(plan)
    if count == 1:
        return hide_each(plan, out, job.showing(progress), key_source)
    return run_in_processes(plan, out, work, Secrets.fresh(key_source), progress, count)


def reveal_folder(
    options: argparse.Namespace,
    plan: FolderPlan,
    out: OutputTarget,
    context: Context,
    key_source: KeySource,
    progress: Progress,
) -> Iterator[Outcome]:
    """Reveal as a plan says, where it is fastest or where the options say; yield the outcomes in order."""
    work = RevealingWork(options.strict, context)
    if options.cluster:
        return run_on_cluster(options.cluster, plan, out, work, key_source)
    count = 1 if _on_gpu(context) else useful_processes(plan)
    if count == 1:
        return reveal_each(plan, out, key_source, options.strict, work.showing(progress).context)
    return run_in_processes(plan, out, work, Secrets.fresh(key_source), progress, count)


def _on_gpu(context: Context) -> bool:
    """Return whether networks compute on a GPU: one process keeps it busy, and several would fill its memory."""
    return uses_gpu(context.backend, context.device)
