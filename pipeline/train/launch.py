"""Launches several training processes on this machine, and stops training gracefully on Ctrl-C and SIGTERM.

Lightning Fabric's launchers do less: after a failure, they kill the process that tracks the run, with no error line;
or they run a function in spawned processes, whose errors lose their hints and whose command lines are Python's own.
torchrun works too, also across machines.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Self

from stegnet.core.errors import StegnetError, TrainingError
from stegnet.core.parallel import rank
from stegnet.core.temporary import temporary_folder

SIGNALS = (signal.SIGINT, signal.SIGTERM)
STOPPED = tuple(128 + number for number in SIGNALS)  # exit codes of a process that such a signal stopped
GRACE = 5.0  # seconds that the other processes have to end by themselves after one failed
_FAILURE_FILE = "STEGNET_FAILURE"  # environment variable: the file in which a launched process describes its failure


class TrainingStopped(KeyboardInterrupt):
    """Training was stopped by a signal and its state is saved.

    Attributes:
        code: exit code of the process, by the shell's convention.
    """

    def __init__(self, done: int, steps: int, number: int) -> None:
        """`number` is the signal's, or 0 if another process received it."""
        super().__init__(f"stopped after {done} of {steps} steps; run the same command to resume")
        self.code = 128 + (number or signal.SIGTERM)


class StopRequest:
    """Records Ctrl-C or SIGTERM while the block lasts, so that training stops at the end of a step.

    A second signal has its previous effect. Signals that this process ignores, under `nohup` for instance, stay
    ignored; so do all outside the main thread, where Python handles none.

    Attributes:
        signal: its number, or 0.
    """

    def __init__(self) -> None:
        self.signal = 0
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._record) for number in _handled_signals()}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _record(self, number: int, _frame: FrameType | None) -> None:
        self.signal = number
        self.__exit__()


def launch(module: str, count: int) -> int:
    """Runs `python -m module` with this process's arguments in `count` processes, forwarding Ctrl-C and SIGTERM.

    Returns:
        0, or 128 + the number of the signal that stopped the training.
    Raises:
        TrainingError: a process failed; the others are ended.
    """
    with temporary_folder() as folder:
        group = _ProcessGroup(module, count, folder)
        before = {number: signal.signal(number, group.forward_signal) for number in _handled_signals()}
        try:
            return group.wait()
        finally:
            group.close()
            for number, handler in before.items():
                signal.signal(number, handler)


@contextmanager
def launched() -> Iterator[None]:
    """Ties a launched process to its launcher: it ends when the launcher does, and reports its failure to it."""
    if _FAILURE_FILE not in os.environ:
        yield
        return
    threading.Thread(target=_exit_with_launcher, daemon=True).start()
    try:
        yield
    except KeyboardInterrupt as stop:
        if rank() == 0:
            raise
        sys.exit(getattr(stop, "code", STOPPED[0]))
    except Exception as error:
        _report_failure(error)
        os._exit(1)  # a clean exit would wait for the other processes, which wait for this one


class _ProcessGroup:
    """The launched processes."""

    def __init__(self, module: str, count: int, folder: Path) -> None:
        self._folder, self._signal = folder, 0
        command = [sys.executable, "-m", module, *sys.argv[1:]]
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self._processes = [
            # A session of its own: Ctrl-C reaches it from the launcher alone. Its stdin closes when the launcher ends.
            subprocess.Popen(
                command, stdin=subprocess.PIPE, start_new_session=True, env=self._environment(number, count, port)
            )
            for number in range(count)
        ]

    def forward_signal(self, number: int, _frame: FrameType | None) -> None:
        """A signal handler."""
        self._signal = number
        for process in self._processes:
            process.send_signal(number)

    def wait(self) -> int:
        """Waits for all processes, with the results of `launch`."""
        while not (failed := self._failed()) and any(process.poll() is None for process in self._processes):
            time.sleep(0.1)
        if not failed:
            code = self._processes[0].returncode
            return code if code >= 0 else 128 - code
        self._end()
        raise self._failure(failed)

    def close(self) -> None:
        """Ends the processes that are left."""
        for process in self._processes:
            process.stdin.close()

    def _failed(self) -> dict[int, int]:
        """Rank and exit code of each process that failed."""
        codes = {number: process.poll() for number, process in enumerate(self._processes)}
        expected = {None, 0, *STOPPED, -self._signal}
        return {number: code for number, code in codes.items() if code not in expected}

    def _end(self) -> None:
        deadline = time.monotonic() + GRACE
        for process in self._processes:
            try:
                process.wait(max(0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _failure(self, failed: dict[int, int]) -> TrainingError:
        """The first failure, a kill before all others; the other processes only failed because of it."""
        for number, code in failed.items():
            if code < 0:
                name = signal.Signals(-code).name
                hint = "did memory run out, or /dev/shm (docker run --shm-size 1g)?"
                return TrainingError(f"process {number} of the training was ended by {name}", hint)
        reports = sorted(self._folder.glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
        if not reports:
            return TrainingError(f"process {min(failed)} of the training failed")
        report = json.loads(reports[0].read_text(encoding="utf-8"))
        sys.stderr.write(report["traceback"])
        return TrainingError(report["message"], report["hint"])

    def _environment(self, number: int, count: int, port: int) -> dict[str, str]:
        """As torchrun sets it."""
        own = {"RANK": number, "LOCAL_RANK": number, "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count, "GROUP_RANK": 0}
        group = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, _FAILURE_FILE: self._folder / f"{number}.json"}
        return os.environ | {name: str(value) for name, value in (own | group).items()}


def _handled_signals() -> list[signal.Signals]:
    """Those of SIGNALS that this process does not ignore."""
    return [number for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN]


def _report_failure(error: Exception) -> None:
    """Writes an error for the launcher: a StegnetError as its message and hint, any other with its traceback."""
    expected = isinstance(error, StegnetError)
    report = {
        "message": str(error) if expected else f"process {rank()} of the training failed",
        "hint": error.hint if expected else "",
        "traceback": "" if expected else traceback.format_exc(),
    }
    path = Path(os.environ[_FAILURE_FILE])
    part = path.with_suffix(".tmp")
    part.write_text(json.dumps(report), encoding="utf-8")
    part.rename(path)


def _exit_with_launcher() -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    os._exit(1)
