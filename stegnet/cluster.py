"""Folders of films and pictures over many machines, by Ray (docs/cluster.md).

Ray places the tasks, and does those again whose process or machine ends early. A process that gets a task without a key
that it can open gives back its public key instead of a result, and the task is submitted again with the key encrypted
for it, by HPKE (RFC 9180). So Ray never sees the key: not among arguments, results, or in a log.
"""

import os
import pickle
import signal
from collections import Counter, defaultdict, deque
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache
from itertools import count
from pathlib import Path, PurePath
from threading import current_thread, main_thread
from types import ModuleType
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from stegnet import __version__
from stegnet.core.disk import already_exists
from stegnet.core.errors import ClusterError, reading
from stegnet.core.names import folded
from stegnet.core.parallel import check_port, load_ray
from stegnet.core.remote_path import RemotePath, size_of, stored
from stegnet.files import FolderPlan, Job, Outcome, hide_each, reveal_each
from stegnet.keys import SYSTEM, KeySource, Randomness, Unpicklable, export_secret, import_secret
from stegnet.methods import DEFAULT_CONTEXT, Context, HideJob
from stegnet.results import OutputTarget

_RETRIES = 5  # times that a task is done again after its process or machine has ended
_AHEAD = 2  # tasks submitted for each processor: the next one is there when one is done
SEED_BYTES = 32
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_PURPOSE = b"stegnet/cluster/envelope"
_DRAWN = b"stegnet/cluster/randomness"
_private = cache(X25519PrivateKey.generate)  # of this process, which it never leaves
_unpickled = cache(pickle.loads)  # the work, once for each process: networks stay loaded


@dataclass(frozen=True, repr=False)
class Secrets(Unpicklable):
    """The secrets that a process needs to hide or reveal; its repr shows none of it, and it can't be pickled."""

    source: KeySource
    seed: bytes  # 32 random bytes, fresh for each run, from which all other randomness follows

    def randomness(self, number: int) -> Randomness:
        """The randomness of a task: a task that is done again draws the same, and so writes the same bytes.

        Each draw is an output of HKDF of its own, so that whoever does not know the seed can't tell it from random.
        """
        draws = count()

        def draw(size: int) -> bytes:
            info = _DRAWN + number.to_bytes(8, "big") + next(draws).to_bytes(8, "big")
            return HKDF(algorithm=SHA256(), length=size, salt=None, info=info).derive(self.seed)

        return draw


def seal(secrets: Secrets, public: bytes) -> bytes:
    """Encrypts secrets for the process with this public key."""
    plain = secrets.seed + export_secret(secrets.source)
    return _SUITE.encrypt(plain, X25519PublicKey.from_public_bytes(public), _PURPOSE)


def unseal(envelope: bytes, private: X25519PrivateKey) -> Secrets:
    """Decrypts what `seal` made for this key; InvalidTag if it was made for another, or changed."""
    plain = _SUITE.decrypt(envelope, private, _PURPOSE)
    return Secrets(import_secret(plain[SEED_BYTES:]), plain[:SEED_BYTES])


@dataclass(frozen=True)
class Task:
    """The work of one process: a file, or in order a few whose results may collide.

    What it writes into the folder `out` follows from its jobs and the secrets alone.

    Attributes:
        number: of its first job; unique.
        present: names of files that were there before the run, and that its results might have.
    """

    number: int
    jobs: tuple[Job, ...]
    out: OutputTarget
    present: frozenset[str] = frozenset()

    @contextmanager
    def result(self, out: OutputTarget) -> Iterator[OutputTarget]:
        """Yields the target to write a result to; what was there before the run is kept, as on one machine.

        What was not there before is a result of this task, whose process ended before it could say so.
        """
        if out.path.name in self.present and not out.force:
            raise already_exists(out.path)
        with stored(out.path) as path:
            yield replace(out, path=path, force=True)


@dataclass(frozen=True)
class HidingWork:
    """Hides secrets in covers; can be pickled."""

    job: HideJob

    def outcomes(self, task: Task, secrets: Secrets) -> Iterator[Outcome]:
        """One for each of its jobs."""
        drawn = replace(self.job.context, randomness=secrets.randomness(task.number))
        job = replace(self.job, context=drawn)
        return hide_each(FolderPlan(task.jobs), task.out, job, secrets.source, task.result)


@dataclass(frozen=True)
class RevealingWork:
    """Reveals what containers hide; can be pickled."""

    strict: bool = False
    context: Context = DEFAULT_CONTEXT

    def outcomes(self, task: Task, secrets: Secrets) -> Iterator[Outcome]:
        """One for each of its jobs."""
        plan = FolderPlan(task.jobs)
        return reveal_each(plan, task.out, secrets.source, self.strict, self.context, task.result)


Work = HidingWork | RevealingWork


def tasks_of(plan: FolderPlan, out: OutputTarget) -> list[Task]:
    """The tasks of a plan, in its order; their results have the names that they have on one machine."""
    counts = Counter(folded(job.source.stem) for job in plan.jobs)

    def group(stem: str) -> str:
        """The first of the stems whose results may collide: a-2 belongs to group a if two files are named a."""
        base, _, number = stem.rpartition("-")
        if base not in counts or not number.isdecimal() or number.startswith("0"):
            return stem
        first = group(base)
        return first if counts[base] > 1 or first != base else stem

    if isinstance(out.path, RemotePath):
        names = [file.name for file in out.path.files()[0]] if out.path.is_dir() else []
    else:
        with reading(out.path):
            names = [path.name for path in out.path.iterdir()]
    present, groups = defaultdict(set), defaultdict(list)
    for name in names:
        present[group(folded(PurePath(name).stem))].add(name)
    for number, job in enumerate(plan.jobs):
        groups[group(folded(job.source.stem))].append((number, job))
    return [
        Task(jobs[0][0], tuple(job for _, job in jobs), out, frozenset(present[stem])) for stem, jobs in groups.items()
    ]


class _KeyRequest(NamedTuple):
    """The answer of a process that can't open any of the envelopes: its public key, version of stegnet, and machine."""

    public: bytes
    version: str
    node: str


def run_on_cluster(
    address: str, plan: FolderPlan, out: OutputTarget, work: Work, source: KeySource, randomness: Randomness = SYSTEM
) -> Generator[Outcome, None, None]:
    """Does the jobs of a plan on a cluster; yields their outcomes in the order of their tasks.

    Close the generator to stop early: what is being written is then removed. The same plan, key and randomness give the
    same bytes anywhere.

    Args:
        address: "auto" for the cluster that this machine is part of, "ray://…", or "local" for its processors;
            ClusterError if it can't be reached, or has another version of stegnet.
    """
    tasks, secrets = tasks_of(plan, out), Secrets(source, randomness(SEED_BYTES))
    pickled, folder, envelopes = pickle.dumps(work), str(Path.cwd()), {}
    waiting, running, done = deque(tasks), {}, {}  # running: task by Ray ObjectRef
    with _connected(address) as ray:
        call, sent = ray.remote(num_cpus=1, max_retries=_RETRIES)(_do), ray.put(envelopes)
        try:
            for task in tasks:
                while task.number not in done:
                    processors = max(1, int(ray.cluster_resources().get("CPU", 1)))  # nodes come and go
                    while waiting and len(running) < _AHEAD * processors:
                        other = waiting.popleft()
                        running[call.remote(pickled, other, sent, folder)] = other
                    (reference,), _ = ray.wait(list(running))
                    ended = running.pop(reference)
                    found = _result(ray, reference, ended)
                    if isinstance(found, _KeyRequest):  # later tasks bring the key along
                        if found.version != __version__:
                            versions = f"{found.node} has stegnet {found.version}, this machine {__version__}"
                            raise ClusterError(versions, "install the same version on all machines of the cluster")
                        envelopes[found.public] = seal(secrets, found.public)
                        sent = ray.put(envelopes)
                        waiting.appendleft(ended)
                    else:
                        done[ended.number] = found
                yield from done.pop(task.number)
        finally:
            for reference in running:
                ray.cancel(reference)
            if running:  # however long they take to remove what they wrote: to leave the cluster kills their processes
                ray.wait(list(running), num_returns=len(running))


def _result(ray: ModuleType, reference: Any, task: Task) -> list[Outcome] | _KeyRequest:
    """The result of a task that has ended; an error for each of its jobs if its process ended early too often."""
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError:
        raise  # a fault of this program
    except ray.exceptions.RayError as error:
        lost = ClusterError(f"its process ended early, {_RETRIES + 1} times ({type(error).__name__})")
        return [Outcome(job, error=lost) for job in task.jobs]


def _do(work: bytes, task: Task, envelopes: dict[bytes, bytes], folder: str) -> list[Outcome] | _KeyRequest:
    """Does a task in a process of the cluster, in the working folder of the command."""
    ray, public = load_ray("--cluster"), _private().public_key().public_bytes_raw()
    # Several nodes may have the same address.
    node = f"{ray.util.get_node_ip_address()}/{ray.get_runtime_context().get_node_id()[:6]}"
    if public not in envelopes:
        return _KeyRequest(public, __version__, node)
    with suppress(FileNotFoundError):  # then the inputs, if they are paths, are not here either
        os.chdir(folder)
    outcomes = _unpickled(work).outcomes(task, unseal(envelopes[public], _private()))
    return [replace(each, node=node, size=size_of(each.out) if each.out else None) for each in outcomes]


@contextmanager
def _connected(address: str) -> Iterator[ModuleType]:
    """Connects to a cluster for the length of the block."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray = load_ray("--cluster")
    before = signal.getsignal(signal.SIGTERM)
    try:
        check_port(address)
        dashboard = {"include_dashboard": False} if address == "local" else {}
        ray.init(address, log_to_driver=False, logging_level="error", **dashboard)
    except (OSError, RuntimeError, ValueError) as error:
        problem = str(error).strip().partition("\n")[0]
        hint = "`ray status` shows whether it runs"
        raise ClusterError(f"the cluster {address} can't be reached: {problem}", hint) from error
    if current_thread() is main_thread():
        signal.signal(signal.SIGTERM, before)  # Ray's handler would end the process at once
    try:
        yield ray
    finally:
        ray.shutdown()
