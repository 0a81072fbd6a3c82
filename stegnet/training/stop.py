"""How a user stops a training: at the end of a step, once what it reached is saved."""

import signal
import threading
from types import FrameType
from typing import Any, Self

SIGNALS = (signal.SIGINT, signal.SIGTERM)
STOPPED = tuple(128 + number for number in SIGNALS)  # what a process ends with that one of them stopped


def heeded() -> list[signal.Signals]:
    """Those of the signals that this process was not told to ignore."""
    return [number for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN]


class TrainingStopped(KeyboardInterrupt):
    """A signal asked for it, and the next call goes on from here.

    Attributes:
        code: that the process should end with, as a shell expects it.
    """

    def __init__(self, done: int, steps: int, number: int) -> None:
        """`number` is the signal's, or 0 where another process got it."""
        super().__init__(f"stopped after {done} of {steps} steps; the same command goes on from there")
        self.code = 128 + (number or signal.SIGTERM)


class StopRequest:
    """Whether somebody asked to stop, by Ctrl-C or SIGTERM, as long as the block lasts.

    A second signal does what it did before. A process that was made deaf, by `nohup` say, stays so. Only the main
    thread can heed signals: elsewhere nobody asks.

    Attributes:
        signal: its number, or 0.
    """

    def __init__(self) -> None:
        self.signal = 0
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in heeded()}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.signal = number
        self.__exit__()
