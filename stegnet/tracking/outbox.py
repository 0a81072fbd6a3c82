"""A store that fails: one line says so, and what it could not take is kept and sent later."""

import logging
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from textwrap import shorten

import mlflow
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from stegnet.core.errors import TrackingError

FAILURES = (MlflowException, SQLAlchemyError, OSError)  # requests' errors are OSErrors
PAUSE = 2.0  # seconds between two attempts
_PASSWORD = re.compile(r"(?<=://)[^/@\s]+@|(?<=password=)[^&\s]+")  # in an address
_log = logging.getLogger(__name__)


@contextmanager
def told(what: str, hint: str) -> Iterator[None]:
    """Says in one line that `what` failed in this block, be it MLflow, the network or the disk.

    Raises:
        TrackingError: it did.
    """
    try:
        yield
    except FAILURES as error:
        raise TrackingError(f"{what} ({reason(error)})", hint) from error


def reason(error: BaseException) -> str:
    """The store's address and the innermost cause, without passwords."""
    causes = [error]
    while inner := causes[-1].__cause__ or causes[-1].__context__:
        causes.append(inner)
    cause = [each for each in causes if isinstance(each, FAILURES)][-1]
    return shorten(_PASSWORD.sub("", f"{mlflow.get_tracking_uri()}: {cause}"), 200, placeholder=" …")


class Outbox:
    """Calls to the store, made in order by a thread of their own, so that nobody waits for the store.

    A call that fails is made again until it succeeds; those behind it wait in memory.

    Attributes:
        failure: why the first call that waits failed, or "".
    """

    def __init__(self) -> None:
        self.failure = ""
        self._calls: deque[Callable[[], object]] = deque()
        self._changed = threading.Condition()
        self._closed = False
        threading.Thread(target=self._work, daemon=True, name="MLflow").start()

    def add(self, call: Callable[[], object]) -> None:
        """Makes a call soon; it must do no harm when it is made twice."""
        with self._changed:
            self._calls.append(call)
            self._changed.notify_all()

    def close(self, patience: float, busy: float) -> int:
        """Waits until all calls are made, or none was for some time.

        Args:
            patience: seconds to wait for a store that fails.
            busy: seconds to wait for an answer.
        Returns:
            The number of calls that were not made.
        """
        with self._changed:
            while self._calls and not self._closed:
                if not self._changed.wait(patience if self.failure else busy):
                    break
            self._closed = True
            self._changed.notify_all()
            return len(self._calls)

    def _work(self) -> None:
        try:
            while call := self._next():
                self._attempt(call)
        finally:  # a programmer's error ends this thread, too
            with self._changed:
                self._closed = True
                self._changed.notify_all()

    def _next(self) -> Callable[[], object] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._calls or self._closed)
            return None if self._closed else self._calls[0]

    def _attempt(self, call: Callable[[], object]) -> None:
        try:
            call()
        except FAILURES as error:
            self._note(reason(error))
            time.sleep(PAUSE)
            return
        with self._changed:
            self._calls.popleft()
            if self.failure:
                _log.info("MLflow answers again: what waited is sent")
            self.failure = ""
            self._changed.notify_all()

    def _note(self, failure: str) -> None:
        with self._changed:
            if not self.failure:
                _log.warning("MLflow takes nothing (%s): the work goes on, and what is to be logged waits", failure)
                self._changed.notify_all()
            self.failure = failure
