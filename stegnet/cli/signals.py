"""Ctrl-C, SIGTERM and a closed terminal end a run as an exception does, so that no half file is left."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

_TOLD = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated", signal.SIGHUP: "the terminal was closed"}


class Stopped(BaseException):
    """A signal asks the program to end.

    Attributes:
        number: of the signal.
        told: what has happened, in words.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number
        self.told = _TOLD[signal.Signals(number)]


@contextmanager
def stoppable() -> Iterator[None]:
    """Raises Stopped at the first signal; those that come while work is tidied up are not heard.

    A signal that is ignored from the start, as `nohup` has it, stays ignored.
    """
    before = {number: signal.getsignal(number) for number in _TOLD}
    heard = [number for number, handler in before.items() if handler != signal.SIG_IGN]
    for number in heard:
        signal.signal(number, _stop)
    try:
        yield
    except KeyboardInterrupt:
        raise Stopped(signal.SIGINT) from None
    finally:
        for number in heard:
            signal.signal(number, before[number])


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    for other in _TOLD:
        signal.signal(other, signal.SIG_IGN)
    raise Stopped(number)
