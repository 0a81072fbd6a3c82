"""MLflow tracking: a row for each training, with the measurements of its weights below it.

Runs go to the server in MLFLOW_TRACKING_URI, by default to mlflow.db and mlartifacts/ in the repository: one store for
its workspace and for the experiments that DVC runs elsewhere. `results` says what a stage logs, and imports no MLflow.
If MLflow or its store is missing, stages still run.
"""

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.config import flatten, read
from stegnet.core.errors import TrackingError

if TYPE_CHECKING:
    from pipeline.tracking.store import LiveRun, Tracker

# Read when MLflow is imported. Stage publish logs what a server missed, so no server is waited for longer than half a
# minute.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")  # seconds


class Untracked:
    """A store, and a run in it, that do nothing."""

    def run(self, *_: object) -> "nullcontext[Untracked]":
        """Return a run for a block."""
        return nullcontext(self)

    def finish(self, *_: object, **_named: object) -> None:
        """Do nothing."""

    log_point = log_picture = log_result = add_to_training = finish


def open_store() -> "Tracker | Untracked":
    """Return the store of this stage's repository, even if DVC runs it in a copy; without MLflow, one that is none."""
    if find_spec("mlflow") is None:
        logging.warning("MLflow is not installed: nothing is tracked")
        return Untracked()
    try:
        from pipeline.tracking.store import Tracker
    except RuntimeError as error:  # there is no home folder, which MLflow needs
        raise TrackingError(f"MLflow can't be imported ({error})", "set HOME to a folder") from error

    return Tracker(Path(os.environ.get("DVC_ROOT", ".")), flatten(read(Path("params.yaml"))))


@contextmanager
def track(stage: str, setup: Mapping[str, str] | None = None) -> Iterator["LiveRun | Untracked"]:
    """Yield a run for the block, as `Tracker.run`; if the store can't be used, warn and yield one that does nothing."""
    run: LiveRun | Untracked = Untracked()
    with ExitStack() as stack:
        try:
            started: AbstractContextManager[LiveRun | Untracked] = open_store().run(stage, setup or {})
            run = stack.enter_context(started)
        except TrackingError as error:
            logging.warning("%s: %s goes on, and stage publish logs it later; %s", error, stage, error.hint)
        yield run
