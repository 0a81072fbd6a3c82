"""A function mapped over items in several processes, of this machine or of a Ray cluster (docs/cluster.md).

Each process does one item at a time, in one thread. A secret reaches the processes of this machine by pipes that nobody
else reads. Ray never sees it, not among arguments, in results, or in a log: a process of a cluster that gets an item
without a secret that it can open returns its public key instead of a result, and the item is submitted again with the
secret encrypted for it, by HPKE (RFC 9180).
"""

import math
import os
import pickle
import signal
import socket
import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import cache, lru_cache
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import Lock, current_thread, main_thread
from time import monotonic
from traceback import format_exc
from types import ModuleType
from typing import Any, Generic, NamedTuple, TypeVar, cast

import psutil
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from stegnet import __version__
from stegnet.core.errors import ClusterError, StegnetError, extra
from stegnet.core.parallel import Progress, no_progress
from stegnet.core.process_settings import set_up_process

Item = TypeVar("Item")
Result = TypeVar("Result")

# New processes share neither threads nor memory with this one: copies of it (fork) may hang, and a process that makes
# copies of itself (forkserver) needs a socket, whose path may be too long.
_SYSTEM = get_context("spawn")
_RETRIES = 5  # repetitions of an item after its process or machine has ended
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_PURPOSE = b"stegnet/cluster/envelope"
_private = cache(X25519PrivateKey.generate)  # of this process, which it never leaves
_unpickled = lru_cache(1)(pickle.loads)  # the function, once for each process: networks stay loaded


def _raise(item: object, error: StegnetError) -> Any:
    raise error


@dataclass(frozen=True)
class Work(Generic[Item, Result]):
    """Function to map over items, and what it needs.

    Attributes:
        function: any that can be pickled; on a cluster, even one without a name.
        lost: returns the result for an item whose process ended early, or raises the error.
        memory: returns the bytes that an item needs.
    """

    function: Callable[..., Result]
    lost: Callable[[Item, StegnetError], Result] = _raise
    memory: Callable[[Item], float] = lambda item: 0.0


def over_processes(
    work: Work[Item, Result],
    items: Iterable[Item],
    where: int | str,
    ahead: float = math.inf,
    secret: bytes | None = None,
    progress: Progress = no_progress,
) -> Generator[Result, None, None]:
    """Map a function over items in several processes; yield its results in the order of the items.

    Close the generator to stop early: unfinished files are then removed. Errors of the function are raised here. A
    process that ends early ends only its item; Ray repeats that first.

    Args:
        work: the function.
        items: they are pickled, as are the results.
        where: number of processes of this machine that work at a time, fewer if no more fit into the free memory; 1:
            this process; or a cluster, as `connect` takes it.
        ahead: for each worker, items that may be begun before the first one that is not done; by default any number.
        secret: second argument of the function, whose third one is then a callback for its progress.
        progress: called with the progress of the first item that is not done, on this machine.

    Raises:
        ClusterError: the cluster can't be reached, or has another version of stegnet.
        PackageError: Ray is not installed.
    """
    if where == 1:
        extras = () if secret is None else (secret, progress)
        yield from (work.function(item, *extras) for item in items)
    elif isinstance(where, int):
        yield from _in_order(_Processes(work, where, secret, progress), items, ahead)
    else:
        ray = connect(where)
        try:
            yield from _in_order(_Cluster(ray, work, secret), items, ahead)
        finally:
            ray.shutdown()


def _in_order(
    workers: "_Processes[Item, Result] | _Cluster[Item, Result]", items: Iterable[Item], ahead: float
) -> Generator[Result, None, None]:
    """Have all items worked on; yield the results in their order."""
    upcoming = enumerate(items)
    following = next(upcoming, None)
    done: dict[int, Result] = {}
    turn = 0
    with closing(workers):
        while following or workers.busy or done:
            while following and following[0] < turn + ahead * workers.most() and workers.start(*following):
                following = next(upcoming, None)
            if turn not in done:
                done.update(workers.ended())
            else:
                yield done.pop(turn)
                turn += 1


# Processes of this machine


class _Busy(NamedTuple, Generic[Item]):
    """Process, and the item that it works on, with the item's number and the bytes that it needs."""

    process: BaseProcess
    number: int
    item: Item
    memory: float


class _Processes(Generic[Item, Result]):
    """Processes of this machine; they start when they are needed."""

    def __init__(self, work: Work[Item, Result], count: int, secret: bytes | None, progress: Progress) -> None:
        self._work = work
        self._setup = (pickle.dumps(work.function), secret)
        self._count = count
        self._progress = progress
        self._idle = list[tuple[BaseProcess, Connection]]()
        self.busy = dict[Connection, _Busy[Item]]()
        self._memory = psutil.virtual_memory().available

    def most(self) -> int:
        return self._count

    def start(self, number: int, item: Item) -> bool:
        """Start an item if a processor and its memory are free, or if none is worked on."""
        if len(self.busy) == self._count:
            return False
        memory = self._work.memory(item)
        if self.busy and memory + sum(busy.memory for busy in self.busy.values()) > self._memory:
            return False
        self._idle = [(process, pipe) for process, pipe in self._idle if process.is_alive()]
        process, pipe = self._idle.pop() if self._idle else self._new()
        self.busy[pipe] = _Busy(process, number, item, memory)
        with suppress(ConnectionError):  # it has ended early, which `ended` detects
            pipe.send(item)
        return True

    def ended(self) -> Iterator[tuple[int, Result]]:
        """Wait for a sign of a process; yield number and result of items that are done or lost, and pass errors on."""
        first = min(busy.number for busy in self.busy.values())
        for pipe in cast(list[Connection], wait(list(self.busy))):
            process, number, item, _ = self.busy[pipe]
            try:
                sign, result, error = pipe.recv()
            except (EOFError, ConnectionError):
                del self.busy[pipe]
                process.join()
                why = f"its process ended early (exit code {process.exitcode})"
                hint = "if the system was short of memory, close other programs, and try again"
                yield number, self._work.lost(item, StegnetError(why, hint))
                continue
            if sign:
                if number == first:
                    self._progress(*sign)
                continue
            del self.busy[pipe]
            self._idle.append((process, pipe))
            if error:
                raise error
            yield number, result

    def close(self) -> None:
        """End all processes; those that work remove their unfinished files."""
        for _, pipe in self._idle:
            pipe.close()  # its process ends
        for pipe, busy in self.busy.items():
            pipe.close()
            busy.process.terminate()
        end = monotonic() + 60.0  # seconds after which a process that was asked to end is killed
        for process in [process for process, _ in self._idle] + [busy.process for busy in self.busy.values()]:
            process.join(max(0.0, end - monotonic()))
            if process.is_alive():
                process.kill()
                process.join()

    def _new(self) -> tuple[BaseProcess, Connection]:
        ours, theirs = _SYSTEM.Pipe()
        process = _SYSTEM.Process(target=_serve, args=(theirs, *self._setup), daemon=True)
        process.start()
        theirs.close()
        return process, ours


def _serve(pipe: Connection, pickled: bytes, secret: bytes | None) -> None:
    """Work on the items that come by a pipe until it is closed; send signs of progress, results and errors."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes: the command ends these
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # so that unfinished files are removed
    os.environ["OMP_NUM_THREADS"] = "1"
    set_up_process()
    function = pickle.loads(pickled)
    one_at_a_time = Lock()  # of the threads that may report progress

    def tell(*sign: object) -> None:
        with one_at_a_time:
            pipe.send((sign, None, None))

    extras = () if secret is None else (secret, tell)
    with suppress(EOFError, ConnectionError):
        while True:
            item = pipe.recv()
            try:
                result = function(item, *extras)
            except Exception as error:  # raised where the results are taken
                if not isinstance(error, StegnetError):
                    error.add_note(format_exc())
                pipe.send((None, None, error))
            else:
                pipe.send((None, result, None))


# Processes of a cluster


def encrypt(secret: bytes, public: bytes) -> bytes:
    """Encrypt a secret for the process with this public key."""
    return _SUITE.encrypt(secret, X25519PublicKey.from_public_bytes(public), _PURPOSE)


def decrypt(envelope: bytes, private: X25519PrivateKey) -> bytes:
    """Decrypt the result of `encrypt` for this key. Raises InvalidTag if it was made for another or changed."""
    return _SUITE.decrypt(envelope, private, _PURPOSE)


class _KeyRequest(NamedTuple):
    """Answer of a process that can't open any of the envelopes: its public key, version of stegnet, and machine."""

    public: bytes
    version: str
    node: str


class _Cluster(Generic[Item, Result]):
    """Processes of the cluster that this process is connected to."""

    def __init__(self, ray: ModuleType, work: Work[Item, Result], secret: bytes | None) -> None:
        self._ray = ray
        self._work = work
        self._call = ray.remote(num_cpus=1, max_retries=_RETRIES)(_do)
        self._function = ray.put(ray.cloudpickle.dumps(work.function))
        self._secret = secret
        self._envelopes: dict[bytes, bytes] = {}  # encrypted secrets by the public key of a process
        self._sent = None if secret is None else ray.put(self._envelopes)
        self._folder = str(Path.cwd())
        self.busy: dict[object, tuple[int, Item]] = {}  # by Ray ObjectRef

    def most(self) -> int:
        """Two for each processor: the next one is there when one is done. Nodes come and go."""
        return 2 * max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    def start(self, number: int, item: Item) -> bool:
        if len(self.busy) >= self.most():
            return False
        self._submit(number, item)
        return True

    def _submit(self, number: int, item: Item) -> None:
        self.busy[self._call.remote(self._function, item, self._sent, self._folder)] = number, item

    def ended(self) -> Iterator[tuple[int, Result]]:
        """Wait for an item; yield its number and result if it is done or lost, and pass its error on.

        If its process lacks the secret, submit it again, with the secret for that process.
        """
        (reference,), _ = self._ray.wait(list(self.busy))
        number, item = self.busy.pop(reference)
        try:
            answer = self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:
            raise error.cause from error  # as if it had been raised here
        except self._ray.exceptions.RayError as error:
            lost = ClusterError(f"its process ended early, {_RETRIES + 1} times ({type(error).__name__})")
            yield number, self._work.lost(item, lost)
            return
        if not isinstance(answer, _KeyRequest):
            yield number, answer
            return
        assert self._secret is not None
        if answer.version != __version__:
            versions = f"{answer.node} has stegnet {answer.version}, this machine {__version__}"
            raise ClusterError(versions, "install the same version on all machines of the cluster")
        self._envelopes[answer.public] = encrypt(self._secret, answer.public)  # later items bring the secret along
        self._sent = self._ray.put(self._envelopes)
        self._submit(number, item)

    def close(self) -> None:
        for reference in self.busy:
            self._ray.cancel(reference)
        if self.busy:  # wait until they have removed their files: leaving the cluster kills the processes
            self._ray.wait(list(self.busy), num_returns=len(self.busy))


def _do(pickled: bytes, item: Item, envelopes: dict[bytes, bytes] | None, folder: str) -> object:
    """Work on an item in a process of the cluster, in the working folder of the command, and return the result.

    `envelopes` has the encrypted secrets by the public key of the process that can read them; if there are none for
    this process, return a request for them. It is None if there is no secret.
    """
    set_up_process()
    public = _private().public_key().public_bytes_raw()
    if envelopes is not None and public not in envelopes:
        return _KeyRequest(public, __version__, node_name())
    with suppress(FileNotFoundError):  # this machine lacks the folder: relative paths of inputs are reported as missing
        os.chdir(folder)
    extras = () if envelopes is None else (decrypt(envelopes[public], _private()), no_progress)
    return _unpickled(pickled)(item, *extras)


def node_name() -> str:
    """Return the name of the machine of this process of a cluster."""
    import ray

    address: str = ray.util.get_node_ip_address()  # type: ignore[no-untyped-call]
    return f"{address}/{ray.get_runtime_context().get_node_id()[:6]}"  # several nodes may have the same address


def connect(address: str) -> ModuleType:
    """Connect this process to a cluster; return Ray, which is optional and slow to import.

    Args:
        address: "auto" for the cluster that this machine is part of, "ray://…", or "local" for the processors of this
            machine.

    Raises:
        ClusterError: the cluster can't be reached.
        PackageError: Ray is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    with extra("cluster", "a Ray cluster"):
        import ray
    settings: dict[str, Any] = {"logging_level": "error", "log_to_driver": False}
    if address == "local":
        settings["include_dashboard"] = False
    before = signal.getsignal(signal.SIGTERM)
    try:
        _check_port(address)
        ray.init(address, **settings)
    except (OSError, RuntimeError, ValueError) as error:
        problem = str(error).strip().partition("\n")[0]
        hint = "`ray status` shows whether it runs"
        raise ClusterError(f"the cluster {address} can't be reached: {problem}", hint) from error
    if current_thread() is main_thread():
        signal.signal(signal.SIGTERM, before)  # Ray's handler would end the process at once
    return ray


def _check_port(address: str) -> None:
    """Raise OSError if nothing listens at HOST:PORT or ray://HOST:PORT: Ray would try for minutes."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon and not port.isdecimal():
        raise OSError(f"{port!r} is not a port")
    timeout = 10.0  # seconds
    if colon:
        socket.create_connection((host.strip("[]"), int(port)), timeout).close()
