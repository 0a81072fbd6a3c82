"""Ctrl-C, SIGTERM and a closed terminal end a run like an exception, so that no partial output is left."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

DESCRIPTIONS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}
if hasattr(signal, "SIGHUP"):  # not on Windows
    DESCRIPTIONS[signal.SIGHUP] = "the terminal was closed"
_GRACE = 5.0  # seconds after a signal in which further ones are ignored

Handler = Callable[[int, FrameType | None], object]
Disposition = Handler | int | None  # what `signal.signal` takes; None: the handler was not installed from Python


def exit_on_signals() -> None:
    """Make signals end the process silently, as long as there is nothing to clean up."""
    for number in DESCRIPTIONS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda number, frame: os._exit(128 + number))


@contextmanager
def stop_on_signal(stop: Callable[[], None]) -> Iterator[None]:
    """Let the first signal in the block call `stop` instead of its previous handler, for a graceful end.

    Signals in the 5 seconds after it are ignored; later ones call the previous handler again.
    """
    first: float | None = None

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal first
        now = time.monotonic()
        if first is None:
            first = now
            stop()
        elif now - first >= _GRACE:
            disposition = previous[number]
            if callable(disposition):
                disposition(number, frame)
            else:  # the system's own
                signal.signal(number, disposition)
                signal.raise_signal(number)

    with _handlers(handle) as previous:
        yield


class SignalReceived(KeyboardInterrupt):
    """A signal asks the program to end. Libraries that stop waiting at Ctrl-C, such as Ray, stop at any signal."""


@contextmanager
def raised_signals() -> Iterator[list[signal.Signals]]:
    """Raise SignalReceived at a signal in the block; yield the list of the signals that raised it.

    Those in the 5 seconds after one are ignored, so that cleanup is not interrupted; later ones raise again, because a
    library may have swallowed the first.
    """
    raised: list[signal.Signals] = []
    latest = -_GRACE

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal latest
        now = time.monotonic()
        if now - latest >= _GRACE:
            latest = now
            raised.append(signal.Signals(number))
            raise SignalReceived

    with _handlers(handle):
        yield raised


@contextmanager
def _handlers(handler: Handler) -> Iterator[dict[int, Disposition]]:
    """Install a handler for the duration of the block and yield the previous ones.

    A signal that is already ignored, as under `nohup`, stays ignored.
    """
    previous: dict[int, Disposition] = {}
    for known in DESCRIPTIONS:
        disposition = signal.getsignal(known)
        if disposition != signal.SIG_IGN:
            previous[known] = disposition
    for number in previous:
        signal.signal(number, handler)
    try:
        yield previous
    finally:
        for number, old in previous.items():
            signal.signal(number, old)
