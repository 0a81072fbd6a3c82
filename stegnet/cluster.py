"""Folders of films and pictures over many machines, by Ray (docs/cluster.md).

Ray places the tasks, and repeats those whose process or machine ends early. A process that gets a task without a key
that it can open returns its public key instead of a result, and the task is submitted again with the key encrypted for
it, by HPKE (RFC 9180). So Ray never sees the key: not among arguments, in results, or in a log.
"""

import os
import pickle
import signal
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from threading import current_thread, main_thread
from types import ModuleType
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from stegnet import __version__
from stegnet.core.errors import ClusterError
from stegnet.core.parallel import check_port, load_ray
from stegnet.core.process_settings import set_up_process
from stegnet.core.remote_path import size_of
from stegnet.files import FolderPlan, Outcome
from stegnet.keys import SYSTEM, KeySource, Randomness, export_secret, import_secret
from stegnet.results import OutputFolder
from stegnet.tasks import SEED_BYTES, Secrets, Task, Work, tasks_of

_RETRIES = 5  # repetitions of a task after its process or machine has ended
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_PURPOSE = b"stegnet/cluster/envelope"
_private = cache(X25519PrivateKey.generate)  # of this process, which it never leaves
_unpickled = cache(pickle.loads)  # the work, once for each process: networks stay loaded


def encrypt_secrets(secrets: Secrets, public: bytes) -> bytes:
    """Encrypt secrets for the process with this public key."""
    plain = secrets.seed + export_secret(secrets.source)
    return _SUITE.encrypt(plain, X25519PublicKey.from_public_bytes(public), _PURPOSE)


def decrypt_secrets(envelope: bytes, private: X25519PrivateKey) -> Secrets:
    """Decrypt the result of `encrypt_secrets` for this key. Raises InvalidTag if it was made for another or changed."""
    plain = _SUITE.decrypt(envelope, private, _PURPOSE)
    return Secrets(import_secret(plain[SEED_BYTES:]), plain[:SEED_BYTES])


class _KeyRequest(NamedTuple):
    """Answer of a process that can't open any of the envelopes: its public key, version of stegnet, and machine."""

    public: bytes
    version: str
    node: str


def run_on_cluster(
    address: str, plan: FolderPlan, out: OutputFolder, work: Work, source: KeySource, randomness: Randomness = SYSTEM
) -> Generator[Outcome, None, None]:
    """Do the jobs of a plan on a cluster; yield their outcomes in the order of their tasks.

    Close the generator to stop early: unfinished files are then removed. The same plan, key and randomness give the
    same bytes anywhere.

    Args:
        address: "auto" for the cluster that this machine is part of, "ray://…", or "local" for its processors.
        plan: jobs of a folder.
        out: folder for the results.
        work: hiding or revealing, with its options; it is pickled once.
        source: key or passphrase; processes receive it encrypted for their own public keys.
        randomness: source of the seed from which all other randomness follows.

    Raises:
        ClusterError: the cluster can't be reached, or has another version of stegnet.
    """
    tasks_per_processor = 2  # submitted: the next one is there when one is done
    tasks = tasks_of(plan, out)
    secrets = Secrets.fresh(source, randomness)
    pickled = pickle.dumps(work)
    folder = str(Path.cwd())
    envelopes: dict[bytes, bytes] = {}  # encrypted secrets by the public key of a process
    waiting = deque(tasks)
    running: dict[object, Task] = {}  # by Ray ObjectRef
    done: dict[int, list[Outcome]] = {}  # by number of the task
    with _connected(address) as ray:
        call = ray.remote(num_cpus=1, max_retries=_RETRIES)(_do)
        sent = ray.put(envelopes)
        try:
            for task in tasks:
                while task.number not in done:
                    processors = max(1, int(ray.cluster_resources().get("CPU", 1)))  # nodes come and go
                    while waiting and len(running) < tasks_per_processor * processors:
                        submitted = waiting.popleft()
                        running[call.remote(pickled, submitted, sent, folder)] = submitted
                    (reference,), _ = ray.wait(list(running))
                    ended = running.pop(reference)
                    answer = _result(ray, reference, ended)
                    if isinstance(answer, _KeyRequest):  # later tasks bring the key along
                        if answer.version != __version__:
                            versions = f"{answer.node} has stegnet {answer.version}, this machine {__version__}"
                            raise ClusterError(versions, "install the same version on all machines of the cluster")
                        envelopes[answer.public] = encrypt_secrets(secrets, answer.public)
                        sent = ray.put(envelopes)
                        waiting.appendleft(ended)
                    else:
                        done[ended.number] = answer
                yield from done.pop(task.number)
        finally:
            for reference in running:
                ray.cancel(reference)
            if running:  # wait until they have removed their files: leaving the cluster kills the processes
                ray.wait(list(running), num_returns=len(running))


def _result(ray: ModuleType, reference: object, task: Task) -> list[Outcome] | _KeyRequest:
    """Return the result of an ended task, or an error for each of its jobs if its process ended early too often."""
    answer: list[Outcome] | _KeyRequest
    try:
        answer = ray.get(reference)
        return answer
    except ray.exceptions.RayTaskError:
        raise  # a fault of this program
    except ray.exceptions.RayError as error:
        lost = ClusterError(f"its process ended early, {_RETRIES + 1} times ({type(error).__name__})")
        return [Outcome(job, error=lost) for job in task.jobs]


def _do(work: bytes, task: Task, envelopes: dict[bytes, bytes], folder: str) -> list[Outcome] | _KeyRequest:
    """Do a task in a process of the cluster, in the working folder of the command, and return its outcomes.

    `envelopes` has the encrypted secrets by the public key of the process that can read them; if there are none for
    this process, return a request for them.
    """
    set_up_process()
    ray = load_ray("--cluster")
    public = _private().public_key().public_bytes_raw()
    # Several nodes may have the same address.
    node = f"{ray.util.get_node_ip_address()}/{ray.get_runtime_context().get_node_id()[:6]}"
    if public not in envelopes:
        return _KeyRequest(public, __version__, node)
    with suppress(FileNotFoundError):  # this machine lacks the folder: relative paths of inputs are reported as missing
        os.chdir(folder)
    outcomes = _unpickled(work).outcomes(task, decrypt_secrets(envelopes[public], _private()), task.result)
    return [replace(outcome, node=node, size=size_of(outcome.out) if outcome.out else None) for outcome in outcomes]


@contextmanager
def _connected(address: str) -> Iterator[ModuleType]:
    """Connect to a cluster for the duration of the block, and yield Ray."""
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
