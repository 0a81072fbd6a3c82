"""Tasks spread over a Ray cluster. Ray places them, and does those again whose process or machine ends early.

A process that gets a task without a key that it can open gives back its public key instead of a result, and the task is
submitted again with the key encrypted for it. So Ray never sees the key: not among arguments, results, or in a log.
"""

import os
import pickle
import signal
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice
from pathlib import Path
from threading import current_thread, main_thread
from types import ModuleType
from typing import Any

from stegnet import __version__
from stegnet.cluster.envelope import SEED_BYTES, Receiver, Secrets, seal
from stegnet.cluster.segments import MOST, SegmentedFilm, remove_old
from stegnet.cluster.tasks import Task, Work, tasks_of
from stegnet.core.errors import ClusterError, extra
from stegnet.core.parallel import check_port
from stegnet.files import FolderPlan, Outcome
from stegnet.keys import SYSTEM, KeySource, Randomness
from stegnet.methods import LongFilm, Part
from stegnet.results import OutputTarget

LOCAL = "local"
_RETRIES = 5  # times that a task is done again after its process or machine has ended
_AHEAD = 2  # tasks submitted for each processor: the next one is there when one is done


@dataclass(frozen=True)
class _KeyRequest:
    """The answer of a process that can't open any of the envelopes.

    Attributes:
        public: its public key.
        version: of stegnet there.
        node: its name.
    """

    public: bytes
    version: str
    node: str


def run_on_cluster(
    address: str, plan: FolderPlan, out: OutputTarget, work: Work, source: KeySource, randomness: Randomness = SYSTEM
) -> Generator[Outcome, None, None]:
    """Does the jobs of a plan on a cluster; yields their outcomes in the order of their tasks.

    Close the generator to stop early: what is being written is then removed.

    Args:
        address: "auto" for the cluster that this machine is part of, "ray://…", or "local" for this machine's
            processors.
        out: the folder for the results.
        randomness: gives the seed of all randomness: the same plan, key and seed give the same bytes anywhere.
    Raises:
        ClusterError: the cluster can't be reached, or has another version of stegnet.
        PackageError: Ray is not installed.
    """
    tasks, secrets = tasks_of(plan, out), Secrets(source, randomness(SEED_BYTES))
    remove_old(tasks)
    with _connected(address) as ray:
        yield from _Run(ray, tasks, work, secrets).outcomes()


class _Run:
    """Tasks that are spread over the processes of a cluster.

    Attributes:
        envelopes: the secrets, encrypted for each process that is known by its public key.
        sent: the same in Ray's object store, once for all tasks.
        running: the task that is being done for each object that Ray will give.
        segmented: films that are being made in segments, by the numbers of their tasks.
    """

    def __init__(self, ray: ModuleType, tasks: Sequence[Task], work: Work, secrets: Secrets) -> None:
        self._ray, self._tasks, self._secrets = ray, tasks, secrets
        self._call = ray.remote(num_cpus=1, max_retries=_RETRIES)(_do)
        self._work, self._folder = pickle.dumps(work), str(Path.cwd())
        self._envelopes: dict[bytes, bytes] = {}
        self._sent = ray.put(self._envelopes)
        self._running: dict[Any, Task] = {}
        self._segmented: dict[int, SegmentedFilm] = {}

    def outcomes(self) -> Generator[Outcome, None, None]:
        """Submits the tasks, a few ahead; yields their outcomes in order."""
        done: dict[int, list[Outcome]] = {}
        rest = iter(enumerate(self._tasks))
        try:
            for task in self._tasks:
                while task.number not in done:
                    processors = self._processors()
                    for index, other in islice(rest, max(0, _AHEAD * processors - len(self._running))):
                        last = len(self._tasks) - index <= processors and len(other.jobs) == 1
                        self._submit(replace(other, part=Part(most=MOST)) if last else other)
                    done |= self._next_done()
                yield from done.pop(task.number)
        finally:
            self._cancel()

    def _processors(self) -> int:
        """Number of the cluster's processors; nodes come and go."""
        return max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    def _submit(self, task: Task) -> None:
        reference = self._call.remote(self._work, task, self._sent, self._folder)
        self._running[reference] = task

    def _next_done(self) -> dict[int, list[Outcome]]:
        """Waits for a task: its number and outcomes, or nothing if more has to be done for them."""
        (reference,), _ = self._ray.wait(list(self._running))
        task = self._running.pop(reference)
        found = self._found(reference, task)
        if isinstance(found, _KeyRequest):
            self._send_key(found)
            self._submit(task)
            return {}
        if isinstance(found, LongFilm):
            film = self._segmented[task.number] = SegmentedFilm(task, found.frames)
            for segment in film.segments:
                self._submit(segment)
            return {}
        return self._film_done(task, found) if task.number in self._segmented else {task.number: found}

    def _film_done(self, task: Task, found: list[Outcome]) -> dict[int, list[Outcome]]:
        """As `_next_done`, for a segment or the task that joins them."""
        follows = self._segmented[task.number].next(found) if task.segment else found
        if isinstance(follows, Task):
            self._submit(follows)
        if not isinstance(follows, list):
            return {}
        self._segmented.pop(task.number).remove()
        return {task.number: follows}

    def _found(self, reference: Any, task: Task) -> "list[Outcome] | _KeyRequest | LongFilm":
        """Result of a task that has ended."""
        try:
            return self._ray.get(reference)
        except self._ray.exceptions.RayTaskError:
            raise  # a fault of this program
        except self._ray.exceptions.RayError as error:
            lost = ClusterError(f"its process ended early, {_RETRIES + 1} times ({type(error).__name__})")
            return [Outcome(job, error=lost) for job in task.jobs]

    def _send_key(self, process: _KeyRequest) -> None:
        """Encrypts the secrets for a process; later tasks bring them along.

        Raises:
            ClusterError: it has another version of stegnet.
        """
        if process.version != __version__:
            versions = f"{process.node} has stegnet {process.version}, this machine {__version__}"
            raise ClusterError(versions, "install the same version on all machines of the cluster")
        self._envelopes[process.public] = seal(self._secrets, process.public)
        self._sent = self._ray.put(self._envelopes)

    def _cancel(self) -> None:
        """Interrupts the tasks that are being done; waits until they, and then it, have removed what was written.

        However long they take: to leave the cluster kills their processes. Another signal ends the wait.
        """
        for reference in self._running:
            self._ray.cancel(reference)
        if self._running:
            self._ray.wait(list(self._running), num_returns=len(self._running))
        for film in self._segmented.values():
            film.remove()


def _do(work: bytes, task: Task, envelopes: dict[bytes, bytes], folder: str) -> list[Outcome] | _KeyRequest | LongFilm:
    """Does a task in a process of the cluster.

    Args:
        folder: working folder of the command, for relative paths.
    """
    receiver = _receiver()
    if receiver.public not in envelopes:
        return _KeyRequest(receiver.public, __version__, _node())
    with suppress(FileNotFoundError):  # then the inputs, if they are paths, are not here either
        os.chdir(folder)
    try:
        found = _unpickled(work).outcomes(task, receiver.open(envelopes[receiver.public]))
    except LongFilm as film:
        return film
    return [replace(outcome, node=_node()) for outcome in found]


@cache
def _receiver() -> Receiver:
    """This process as a receiver of keys."""
    return Receiver()


@cache
def _unpickled(work: bytes) -> Work:
    """The work, once for each process: networks stay loaded."""
    return pickle.loads(work)


def _node() -> str:
    """Name of this machine for progress: several nodes may have the same address."""
    import ray

    return f"{ray.util.get_node_ip_address()}/{ray.get_runtime_context().get_node_id()[:6]}"


@contextmanager
def _connected(address: str) -> Iterator[ModuleType]:
    """Connects to a cluster for the length of the block.

    Raises:
        ClusterError: it can't be reached.
        PackageError: Ray is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    with extra("cluster", "--cluster"):
        import ray
    before = signal.getsignal(signal.SIGTERM)
    options = {"include_dashboard": False} if address == LOCAL else {}
    try:
        check_port(address)
        ray.init(address, log_to_driver=False, logging_level="error", **options)
    except (OSError, RuntimeError, ValueError) as error:
        raise _unreachable(address, str(error).strip().partition("\n")[0]) from error
    if current_thread() is main_thread():
        signal.signal(signal.SIGTERM, before)  # Ray's handler would end the process at once
    try:
        yield ray
    finally:
        ray.shutdown()


def _unreachable(address: str, problem: str) -> ClusterError:
    return ClusterError(f"the cluster {address} can't be reached: {problem}", "`ray status` shows whether it runs")
