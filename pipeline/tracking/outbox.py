"""Failures of the store: reported in one line, while calls to it are queued and retried."""

import logging
import re
import shlex
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from textwrap import shorten

import mlflow
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from stegnet.core.errors import DiskError, TrackingError

STORE_ERRORS = (MlflowException, SQLAlchemyError, OSError, DiskError)  # requests' errors are OSErrors
RETRY_DELAY = 2.0  # seconds
_PASSWORD = re.compile(r"(?<=://)[^/@\s]+@|(?<=password=)[^&\s]+")  # in an address
_STATEMENT = re.compile(r"\s*(\[SQL:|\(Background on this error).*", re.DOTALL)  # what SQLAlchemy adds to a cause
_DELETED = re.compile(r"experiment (\d+) must be in the 'active' state")
_MISSING = re.compile(r"No module named '(\w+)")  # the driver of a database
_LONGEST = 300  # characters of a reason
_log = logging.getLogger(__name__)


@contextmanager
def store_errors(problem: str) -> Iterator[None]:
    """Turns errors of MLflow, the network and the disk into one line.

    Raises:
        TrackingError: the `problem`, its reason, and a hint with the remedy.
    """
    try:
        yield
    except STORE_ERRORS as error:
        hint = error.hint if isinstance(error, DiskError) else _remedy(_cause(error))
        raise TrackingError(f"{problem} ({reason(error)})", hint) from error


def reason(error: BaseException) -> str:
    """The store's address and the innermost cause, without passwords."""
    text = _STATEMENT.sub("", f"{mlflow.get_tracking_uri()}: {_cause(error)}")
    return shorten(_PASSWORD.sub("", text), _LONGEST, placeholder=" …")


def _cause(error: BaseException) -> str:
    causes = [error]
    while (inner := causes[-1].__cause__ or causes[-1].__context__) and not isinstance(causes[-1], DiskError):
        causes.append(inner)
    return str([each for each in causes if isinstance(each, STORE_ERRORS)][-1])


def _remedy(cause: str) -> str:
    address = _PASSWORD.sub("", mlflow.get_tracking_uri())
    store, scheme = shlex.quote(address), address.partition(":")[0]
    if deleted := _DELETED.search(cause):
        restore = f"MLFLOW_TRACKING_URI={store} mlflow experiments restore -x {deleted[1]}"
        return f"restore it with `{restore}`, or set MLFLOW_EXPERIMENT_NAME to another name"
    if "mlflow db upgrade" in cause:
        upgrade = f"back it up, then `mlflow db upgrade {store}`"
        return f"{upgrade}; if a newer MLflow made it, install that one, or set MLFLOW_TRACKING_URI to another store"
    if scheme == "sqlite":
        return "check this file and its folder, or move the file away: then a new one is made"
    if missing := _MISSING.search(cause):
        return f"pip install {missing[1]}, which such an address needs"
    if scheme in ("http", "https") or scheme.startswith(("postgresql", "mysql", "mssql")):
        return "check MLFLOW_TRACKING_URI, and that its server runs"
    return "set MLFLOW_TRACKING_URI to http://HOST:PORT or sqlite:////FOLDER/mlflow.db, or unset it: mlflow.db is used"


class Outbox:
    """Queue of calls to the store, made in order by a background thread, so that work never waits for the store.

    A call that fails is repeated until it succeeds; those behind it wait in memory.

    Attributes:
        failure: reason why the first waiting call failed, or "".
    """

    def __init__(self) -> None:
        self.failure = ""
        self._calls: deque[Callable[[], object]] = deque()
        self._changed = threading.Condition()
        self._closed = False
        threading.Thread(target=self._work, daemon=True, name="MLflow").start()

    def add(self, call: Callable[[], object]) -> None:
        """Queues a call, which must be idempotent."""
        with self._changed:
            self._calls.append(call)
            self._changed.notify_all()

    def close(self, retry_timeout: float, request_timeout: float) -> int:
        """Waits until all calls are made, or a timeout passes without one.

        Args:
            retry_timeout: in seconds, while the store fails.
            request_timeout: in seconds, while a call is under way.
        Returns:
            The number of calls that were not made.
        """
        with self._changed:
            while self._calls and not self._closed:
                if not self._changed.wait(retry_timeout if self.failure else request_timeout):
                    break
            self._closed = True
            self._changed.notify_all()
            return len(self._calls)

    def _work(self) -> None:
        try:
            while call := self._next():
                self._attempt(call)
        finally:  # an unexpected error ends this thread, too
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
        except STORE_ERRORS as error:
            self._report(reason(error))
            time.sleep(RETRY_DELAY)
            return
        with self._changed:
            self._calls.popleft()
            if self.failure:
                _log.info("MLflow is back: everything that waited is sent")
            self.failure = ""
            self._changed.notify_all()

    def _report(self, failure: str) -> None:
        with self._changed:
            if not self.failure:
                _log.warning("MLflow can't be reached (%s): work continues, and logging is retried", failure)
                self._changed.notify_all()
            self.failure = failure
