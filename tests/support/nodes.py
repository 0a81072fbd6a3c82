"""A Ray cluster of nodes on this machine, each with processes of its own, which can be killed."""

import hashlib
import os
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psutil

import stegnet
from stegnet.core.disk import atomic_write
from stegnet.core.remote_path import place
from stegnet.files import FolderPlan, Outcome, Outcomes, plan_hiding
from stegnet.hide_file import HideJob
from stegnet.hiding import DEFAULT_CONTEXT
from stegnet.hiding.medium import MediumOptions
from stegnet.keys import Key, KeySource
from stegnet.methods import METHODS
from stegnet.results import OutputFolder, OutputTarget, Report
from stegnet.tasks import Do, Secrets, do_folder, hide_task
from tests.support.waiting import LIMIT

_WORKERS = ("ray::_do", "ray::IDLE")
STORE = 80 << 20  # bytes of a node's object store
# Not 0, 1, 2, …, which is in the memory of any program.
SEED, KEY = (hashlib.sha256(name).digest() for name in (b"seed", b"key"))
HIDE = HideJob(METHODS["sealed"], MediumOptions(), DEFAULT_CONTEXT)
SEALED = partial(hide_task, HIDE)


def settings(folder: Path) -> dict[str, str]:
    """Environment variables of all processes of a cluster, and of those that use it; nodes that end are soon missed.

    Args:
        folder: holds the address that "auto" finds.
    """
    return {
        "RAY_TMPDIR": str(folder),
        "PYTHONPATH": str(Path(stegnet.__file__).parents[1]),
        "OMP_NUM_THREADS": "1",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_health_check_initial_delay_ms": "0",
        "RAY_health_check_period_ms": "1000",
        "RAY_health_check_failure_threshold": "5",
    }


class Nodes:
    """A head, which does no tasks, and nodes.

    Args:
        folder: as in `settings`.
    Attributes:
        folder: of the session: logs, sockets, what is spilled.
    """

    def __init__(self, folder: Path, dashboard: bool = False) -> None:
        from ray.cluster_utils import Cluster

        self.folder = folder / "ray"
        head = {"num_cpus": 0, "temp_dir": str(self.folder), "include_dashboard": dashboard, "dashboard_port": 0}
        self._cluster = Cluster(initialize_head=True, head_node_args=head | {"object_store_memory": STORE})
        self._nodes: list = []

    @property
    def address(self) -> str:
        """For `connect`."""
        return self._cluster.address

    @property
    def dashboard(self) -> str:
        """Host and port of its pages."""
        return self._cluster.webui_url

    def keep(self, count: int) -> None:
        """Starts nodes until there are `count`, each with one processor: a process takes long to start."""
        while len(self._nodes) < count:
            self._nodes.append(self._cluster.add_node(wait=False, num_cpus=1, object_store_memory=STORE))
        self._cluster.wait_for_nodes(LIMIT)

    def kill(self) -> None:
        """Kills a node and all of its processes, without a warning."""
        node = self._nodes.pop()
        (raylet,) = node.all_processes["raylet"]
        self._cluster.worker_nodes.discard(node)
        _kill(raylet.process.pid)

    def processes(self) -> list[psutil.Process]:
        """Those of Ray itself, without the ones that do tasks."""
        nodes = [self._cluster.head_node, *self._nodes]
        own = [each.process.pid for node in nodes for kind in node.all_processes.values() for each in kind]
        family = {process for pid in own for process in _family(pid)}
        return [process for process in family if not _name(process).startswith(_WORKERS)]

    def workers(self) -> list[psutil.Process]:
        """Those that do tasks, or wait for some."""
        family = [child for node in self._nodes for child in _family(node.all_processes["raylet"][0].process.pid)]
        return [process for process in family if _name(process).startswith(_WORKERS)]

    def working(self) -> list[psutil.Process]:
        """Those that do tasks."""
        return [process for process in self.workers() if _name(process).startswith(_WORKERS[0])]

    def stop(self) -> None:
        """Ends all processes."""
        self._cluster.shutdown()


def errors(outcomes: Iterable[Outcome]) -> list[str]:
    return [str(outcome.error) for outcome in outcomes if outcome.error]


def doing_all(
    plan: FolderPlan, where: int | str, do: Do, out: str = "out", key: KeySource | None = None, force: bool = False
) -> Outcomes:
    """Does a plan's jobs with SEED; with KEY if no other key is given."""
    return do_folder(plan, OutputFolder(place(out), force), do, Secrets(key or Key(KEY), SEED), where)


def hiding(
    where: int | str, out: str = "out", covers: str = "covers", secrets: str = "secrets", **options: Any
) -> Outcomes:
    """Hides any files in covers by the method "sealed"; options are those of `doing_all`."""
    return doing_all(plan_hiding(place(covers), place(secrets), any_file=True), where, SEALED, out, **options)


@dataclass(frozen=True)
class Doing(HideJob):
    """Hiding by the method "sealed", whose work a function does."""

    work: Callable[..., Report] | None = None

    def __call__(self, *arguments: object) -> Report:
        assert self.work
        return self.work(self, *arguments)

    def unasked_suffix(self, cover: Path, alone: bool = True) -> str:
        return ".mkv" if cover.suffix == ".mkv" else ".png"


def doing(work: Callable[..., Report]) -> Do:
    """Hiding by a function of a module."""
    return partial(hide_task, Doing(METHODS["sealed"], MediumOptions(), DEFAULT_CONTEXT, work=work))


def die(*arguments: object) -> None:
    """Ends this process, as a fault of a library would."""
    os.kill(os.getpid(), signal.SIGKILL)


def linger(job: HideJob, cover: Path, secret: Path, out: OutputTarget, *arguments: Any) -> Report:
    """Hides in pictures. Of a film, a part is written until it is cancelled, after which cleaning up takes a while."""
    if cover.suffix == ".png":
        return HIDE(cover, secret, out, *arguments)
    with atomic_write(out.path):
        try:
            while True:
                time.sleep(0.05)  # Ray does not interrupt a system call
        finally:
            time.sleep(8)


def _family(pid: int) -> list[psutil.Process]:
    """A process and all that it started."""
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def _name(process: psutil.Process) -> str:
    """A process's name, "" if it has ended."""
    with suppress(psutil.NoSuchProcess):
        return process.name()
    return ""


def _kill(pid: int) -> None:
    family = _family(pid)
    for process in family:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(family, timeout=LIMIT)
