"""Ctrl-C, SIGTERM and a closed terminal end a run as an exception does, so that no half file is left."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_TOLD = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated", signal.SIGHUP: "the terminal was closed"}
_PATIENCE = 5.0  # seconds


def leave_at_once() -> None:
    """Lets a signal end the process without a word, for the time in which there is nothing to tidy up."""
    for number in _TOLD:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda number, frame: os._exit(128 + number))


@contextmanager
def asked_to_end(end: Callable[[], None]) -> Iterator[None]:
    """Within the block, the first signal calls `end` in the place of what it did before, so that work ends well.

    Those that come soon after it are not heard; later ones do again what they did before.
    """
    first: float | None = None
    before = {number: signal.getsignal(number) for number in _TOLD}
    before = {number: handler for number, handler in before.items() if handler != signal.SIG_IGN}

    def hear(number: int, frame: FrameType | None) -> None:
        nonlocal first
        now = time.monotonic()
        if first is None:
            first = now
            end()
        elif now - first >= _PATIENCE:
            before[number](number, frame)

    for number in before:
        signal.signal(number, hear)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Stopped(BaseException):
    """A signal asks the program to end."""


class Signals:
    """What this process is told from outside.

    The first signal raises Stopped. Those that come soon after it are not heard, so that tidying up is not
    interrupted; later ones raise again, because a library may have swallowed the first.
    """

    def __init__(self) -> None:
        self._first: signal.Signals | None = None
        self._last = -_PATIENCE

    @property
    def code(self) -> int | None:
        """The exit code, if a signal was heard."""
        return None if self._first is None else 128 + self._first

    @property
    def told(self) -> str:
        """What has happened, in words."""
        return "" if self._first is None else _TOLD[self._first]

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Within the block. A signal that is ignored so far, as `nohup` has it, stays ignored."""
        before = {number: signal.getsignal(number) for number in _TOLD}
        before = {number: handler for number, handler in before.items() if handler != signal.SIG_IGN}
        for number in before:
            signal.signal(number, self._hear)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if now - self._last < _PATIENCE:
            return
        self._first, self._last = self._first or signal.Signals(number), now
        raise Stopped
