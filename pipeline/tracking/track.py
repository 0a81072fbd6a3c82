"""Tracking as a stage uses it: what is missing, be it MLflow or its store, stops none."""

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.config import Config, flatten
from stegnet.core.errors import TrackingError

if TYPE_CHECKING:
    from pipeline.tracking.store import LiveRun, Tracker


def open_store(config: Config) -> "Tracker | Untracked":
    """The store of this stage's repository, even if DVC runs it in a copy; without MLflow, one that does nothing.

    Raises:
        TrackingError: it can't be opened.
    """
    if find_spec("mlflow") is None:
        logging.warning("MLflow is not installed: nothing is tracked")
        return Untracked(complete=True)
    try:
        from pipeline.tracking.store import Tracker
    except RuntimeError as error:  # without a home, which MLflow asks for
        raise TrackingError(f"MLflow can't be imported ({error})", "set HOME to a folder") from error

    return Tracker(Path(os.environ.get("DVC_ROOT", ".")), flatten(asdict(config)))


@contextmanager
def track(
    config: Config, stage: str, name: str = "", training: str = "", tags: Mapping[str, str] | None = None
) -> Iterator["LiveRun | Untracked"]:
    """A run for the block, as `Tracker.run`; with a warning, one that does nothing if the store can't be used."""
    with ExitStack() as stack:
        try:
            own = {f"stegnet.{tag}": value for tag, value in (tags or {}).items()}
            run = stack.enter_context(open_store(config).run(stage, name or stage, training, own))
        except TrackingError as error:
            logging.warning("%s: %s goes on, and stage publish logs it later; %s", error, stage, error.hint)
            run = Untracked(complete=False)
        yield run


class Untracked:
    """A store, and a run in it, that do nothing; `complete`: nothing of a training is to be logged later."""

    def __init__(self, complete: bool) -> None:
        self.complete = complete

    def run(self, *_: object) -> "AbstractContextManager[Untracked]":
        """A run for a block."""
        return nullcontext(self)

    def finish(self, *_: object, **_named: object) -> None:
        """Does nothing."""

    log_point = log_picture = log_result = add_to_training = finish
