"""In the place of MLflow on a bare machine: a stage tells what it does, and nobody listens."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from stegnet.tracking.result import Result


class Untracked:
    """Takes what `stegnet.tracking.Tracker` takes, and keeps nothing."""

    @contextmanager
    def run(self, stage: str, name: str, training: str = "") -> Iterator["UntrackedRun"]:
        """What is done in this block is not logged."""
        yield UntrackedRun()

    def restore(self, result: Result, name: str) -> None:
        """Nothing."""

    def add_to_model(self, weights: str, paths: Sequence[Path]) -> None:
        """Nothing."""


class UntrackedRun:
    """Takes what `stegnet.tracking.LiveRun` takes, and keeps nothing."""

    whole = True

    def point(self, stage: str, point: Mapping[str, float]) -> None:
        """Nothing."""

    def picture(self, name: str, step: int, pixels: np.ndarray) -> None:
        """Nothing."""

    def metrics(self, metrics: Mapping[str, float], step: int = 0) -> None:
        """Nothing."""

    def finish(self, result: Result) -> None:
        """Nothing."""
