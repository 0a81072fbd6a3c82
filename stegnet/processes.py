"""Folders of files over the processors of this machine: a few processes that do one file at a time each.

A process gets its tasks, and the key, by a pipe that nobody else reads. It computes in one thread, so that n processes
do n files in the time of one.
"""

import os
import pickle
import signal
import sys
from collections.abc import Generator, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import accumulate
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import NamedTuple

import psutil

from stegnet.core.errors import StegnetError
from stegnet.core.names import PICTURE, SOUND
from stegnet.core.parallel import Progress, thread_count
from stegnet.core.process_settings import set_up_process
from stegnet.files import FolderPlan, Job, Outcome
from stegnet.image.pictures import open_picture
from stegnet.keys import export_secret, import_secret
from stegnet.results import OutputFolder
from stegnet.tasks import Secrets, Task, Work, tasks_of

# New processes share neither threads nor memory with this one: copies of it (fork) may hang, and a process that makes
# copies of itself (forkserver) needs a socket, whose path may be too long.
_SYSTEM = get_context("spawn")


class _Cost(NamedTuple):
    """Upper bound of the cost of a job."""

    memory: float  # bytes
    seconds: float  # of processor time


# What a process sends: the arguments of a call of its `Progress`, or the outcomes of its task, which it has done.
_Answer = tuple[str, int, int] | list[Outcome]


def useful_processes(plan: FolderPlan) -> int:
    """Return the number of processes that do a plan's jobs soonest; 1: this one, since starting others takes time."""
    start_seconds = 0.6  # of processor time, to start a process
    most = min(thread_count(), len(plan.jobs))
    worth_starting = 1
    for seconds in accumulate(_cost(job).seconds for job in plan.jobs):
        worth_starting = int(seconds / start_seconds)
        if worth_starting >= most:
            return most
    return max(1, worth_starting)


def run_in_processes(
    plan: FolderPlan,
    out: OutputFolder,
    work: Work,
    secrets: Secrets,
    progress: Progress,
    count: int,
) -> Generator[Outcome, None, None]:
    """Do the jobs of a plan in processes of this machine; yield their outcomes in the order of the jobs.

    Close the generator to stop early: unfinished files are then removed. A process that ends early ends only its jobs.

    Args:
        plan: jobs of a folder.
        out: folder for the results.
        work: hiding or revealing, with its options.
        secrets: key source and seed of the run.
        progress: called with the progress of the first job that is not done.
        count: number of processes that work at a time; fewer if no more fit into the free memory.
    """
    waiting = ((task, max(_cost(job).memory for job in task.jobs)) for task in tasks_of(plan, out))
    upcoming = next(waiting, None)
    done: dict[Job, Outcome] = {}
    with closing(_Processes(work, secrets, count)) as processes:
        for job in plan.jobs:
            while job not in done:
                while upcoming and processes.took(*upcoming):
                    upcoming = next(waiting, None)
                for task, answer in processes.answers():
                    if isinstance(answer, list):
                        done.update((outcome.job, outcome) for outcome in answer)
                    elif job in task.jobs:
                        progress(*answer)
            yield done.pop(job)


def _cost(job: Job) -> _Cost:
    """Return a measured upper bound of a job's cost, from its source's pixels or bytes, for any method."""
    smallest = 100_000_000  # bytes that a process needs for the smallest picture
    source = job.source
    assert isinstance(source, Path), "addresses are for clusters"
    if job.kind == PICTURE:
        try:
            with open_picture(source) as image:
                pixels = image.width * image.height
        except Exception:  # whatever it is, the job meets it too, and reports it
            return _Cost(smallest, 0)
        return _Cost(smallest + 110 * pixels, 0.1 + 2e-7 * pixels)
    size = source.stat().st_size if source.is_file() else 0
    if job.kind == SOUND:
        return _Cost(smallest + 25 * size, 0.2 + 1e-7 * size)
    return _Cost(5 * smallest, 1 + 1e-6 * size)  # a film keeps a few frames in memory


@dataclass
class _Worker:
    """Process, the end of the pipe to it, and its task if it has one, with the bytes that the task needs."""

    process: BaseProcess
    pipe: Connection
    task: Task | None = None
    memory: float = 0.0


class _Processes:
    """Processes that do tasks; they start when they are needed."""

    def __init__(self, work: Work, secrets: Secrets, most: int) -> None:
        self._setup = (pickle.dumps(work), export_secret(secrets.source), secrets.seed)
        self._most = most
        self._workers = list[_Worker]()
        self._memory = psutil.virtual_memory().available

    def took(self, task: Task, memory: float) -> bool:
        """Start a task if a processor and `memory` bytes are free, or if no task runs; return whether it started."""
        working = [worker for worker in self._workers if worker.task]
        if len(working) == self._most:
            return False
        if working and memory + sum(worker.memory for worker in working) > self._memory:
            return False
        idle = next((worker for worker in self._workers if not worker.task and worker.process.is_alive()), None)
        worker = idle or self._new()
        worker.task = task
        worker.memory = memory
        with suppress(ConnectionError):  # it has ended early, which `answers` detects
            worker.pipe.send(task)
        return True

    def answers(self) -> Iterator[tuple[Task, _Answer]]:
        """Wait until a process sends something; yield its task, and its progress or the outcomes of its jobs."""
        working = [(worker, worker.task) for worker in self._workers if worker.task]
        ready = wait([worker.pipe for worker, _ in working])
        for worker, task in working:
            if worker.pipe not in ready:
                continue
            answer: _Answer
            try:
                answer = worker.pipe.recv()
            except (EOFError, ConnectionError):
                self._workers.remove(worker)
                worker.process.join()
                why = f"its process ended early (exit code {worker.process.exitcode})"
                lost = StegnetError(why, "if the system was short of memory, close other programs, and try again")
                answer = [Outcome(job, error=lost) for job in task.jobs]
            if isinstance(answer, list):
                worker.task = None
            yield task, answer

    def close(self) -> None:
        """End all processes; those that work remove their unfinished files."""
        for worker in self._workers:
            worker.pipe.close()  # one that waits for a task ends
            if worker.task:
                worker.process.terminate()
        end = monotonic() + 60.0  # seconds after which a process that was asked to end is killed
        for worker in self._workers:
            worker.process.join(max(0.0, end - monotonic()))
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()

    def _new(self) -> _Worker:
        ours, theirs = _SYSTEM.Pipe()
        process = _SYSTEM.Process(target=_serve, args=(theirs, *self._setup), daemon=True)
        process.start()
        theirs.close()
        self._workers.append(_Worker(process, ours))
        return self._workers[-1]


def _serve(pipe: Connection, work: bytes, secret: bytes, seed: bytes) -> None:
    """Do the tasks that come by a pipe until it is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes: the command ends these
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # so that unfinished files are removed
    os.environ["OMP_NUM_THREADS"] = "1"
    set_up_process()
    shown = pickle.loads(work).showing(_Signs(pipe))
    secrets = Secrets(import_secret(secret), seed)
    with suppress(EOFError, ConnectionError):
        while True:
            pipe.send(list(shown.outcomes(pipe.recv(), secrets)))


class _Signs:
    """Progress callback that sends reports by a pipe, five a second at most, and one at the start of each phase."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._phase = ""
        self._last = 0.0
        self._one_at_a_time = Lock()

    def __call__(self, phase: str, done: int, total: int) -> None:
        interval = 0.2  # seconds
        now = monotonic()
        with self._one_at_a_time:
            if phase != self._phase or now - self._last >= interval:
                self._phase = phase
                self._last = now
                self._pipe.send((phase, done, total))
