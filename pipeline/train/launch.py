"""Training processes of this machine, started by torchrun's agent, and training stopped by Ctrl-C or SIGTERM.

The agent starts the processes, gives each its rank, passes signals on, and ends all when one fails. A failure's message
and hint reach the user as those of a single process do. `torchrun` by hand works too, also across machines.
"""

import json
import logging
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from operator import itemgetter
from pathlib import Path
from types import FrameType
from typing import Self

from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure
from torch.distributed.launcher.api import LaunchConfig, launch_agent

from stegnet.core.disk import temporary_folder
from stegnet.core.errors import StegnetError, TrainingError
from stegnet.core.parallel import rank

SIGNALS = (signal.SIGINT, signal.SIGTERM)
STOPPED = tuple(128 + number for number in SIGNALS)  # exit codes of a process that such a signal stopped
_RUN = "stegnet"  # name of the agent's run: processes of a torchrun by hand have another

SignalHandler = Callable[[int, FrameType | None], object] | int | None
for _name in ("agent.server.api", "multiprocessing.api"):  # failures and signals are reported here
    logging.getLogger(f"torch.distributed.elastic.{_name}").setLevel(logging.CRITICAL)


class TrainingStopped(KeyboardInterrupt):
    """Training was stopped by a signal, whose number is 0 if another process received it, and its state is saved."""

    def __init__(self, done: int, steps: int, number: int) -> None:
        super().__init__(f"stopped after {done} of {steps} steps; run the same command to resume")
        self.code = 128 + (number or signal.SIGTERM)  # exit code of the process, by the shell's convention


class StopRequest:
    """A record of Ctrl-C or SIGTERM while the block lasts, so that training stops at the end of a step.

    A second signal has its previous effect. Signals that this process ignores, under `nohup` for instance, stay
    ignored.
    """

    def __init__(self) -> None:
        self.signal = 0  # its number
        self._before: dict[signal.Signals, SignalHandler] = {}

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._record) for number in _handled_signals()}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _record(self, number: int, _frame: FrameType | None) -> None:
        self.signal = number
        self.__exit__()


def launch(module: str, count: int) -> int:
    """Run `python -m module` with this process's arguments in `count` processes. Raises TrainingError if it fails.

    Returns:
        0, or 128 + the number of the signal that stopped the training.
    """
    seconds_to_save = 60  # that processes have when they are told to stop
    before = {number: signal.getsignal(number) for number in _handled_signals()}
    try:
        with temporary_folder() as folder:
            config = LaunchConfig(
                1, 1, count, DefaultLogsSpecs(str(folder)), _RUN, rdzv_backend="c10d", rdzv_endpoint="127.0.0.1:0",
                local_addr="127.0.0.1", max_restarts=0, shutdown_timeout=seconds_to_save,
                signals_to_handle=",".join(number.name for number in before),
            )  # fmt: skip
            launch_agent(config, sys.executable, ["-m", module, *sys.argv[1:]])
    except SignalException as stop:
        return 128 + stop.sigval
    except ChildFailedError as error:
        codes = {failure.exitcode for failure in error.failures.values()}
        if codes <= {*STOPPED}:
            return max(codes)
        raise _cause(error.failures) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 0


@contextmanager
def launched() -> Iterator[None]:
    """Tie a launched process to its launcher: it ends when the launcher does, and reports its failure to it."""
    if os.environ.get("TORCHELASTIC_RUN_ID") != _RUN:
        yield
        return
    threading.Thread(target=_exit_without, args=[os.getppid()], daemon=True).start()
    try:
        yield
    except KeyboardInterrupt as stop:
        if rank() == 0:
            raise
        sys.exit(getattr(stop, "code", STOPPED[0]))
    except Exception as error:
        message = f"process {rank()} of the training failed"
        hint = ""
        if isinstance(error, StegnetError):
            message = str(error)
            hint = error.hint
        else:
            traceback.print_exc()
        report = {"message": message, "hint": hint, "order": time.time_ns(), "extraInfo": {"timestamp": 0}}
        Path(os.environ["TORCHELASTIC_ERROR_FILE"]).write_text(json.dumps({"message": report}), encoding="utf-8")
        os._exit(1)  # a clean exit would wait for the other processes, which wait for this one


def _cause(failures: Mapping[int, ProcessFailure]) -> TrainingError:
    """Return the first failure, a kill before all others. The other processes only failed because of it."""
    for number, failure in failures.items():
        if failure.exitcode < 0 and failure.exitcode != -signal.SIGTERM:  # the agent ends the others by SIGTERM
            hint = "possibly out of memory, or of /dev/shm (docker run --shm-size 1g)"
            return TrainingError(f"process {number} of the training was ended by {failure.signal_name()}", hint)
    # What `launched` has written; PyTorch, which expects a text in its place, passes it on.
    reports = [report for failure in failures.values() if isinstance(report := _message(failure), dict)]
    if not reports:
        return TrainingError(f"process {min(failures)} of the training failed")
    first = min(reports, key=itemgetter("order"))
    return TrainingError(first["message"], first["hint"])


def _message(failure: ProcessFailure) -> object:
    return failure.message


def _handled_signals() -> list[signal.Signals]:
    """Return the signals, among SIGNALS, that this process does not ignore."""
    return [number for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN]


def _exit_without(launcher: int) -> None:
    """End this process when its launcher is gone."""
    while os.getppid() == launcher:
        time.sleep(0.5)
    os._exit(1)
