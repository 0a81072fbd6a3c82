"""Trainings of tools.compare, all within one budget; finished ones are kept for the next call.

A row's files are named after the row and a hash of everything that determines its training:

<row>-<hash>.safetensors, .json    the pair, and its card
<row>-<hash>.run.json              its state
checkpoints/<row>-<hash>           an unfinished training
"""

import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

import torch

from pipeline.stage import bar
from stegnet.config.config import Config
from stegnet.core.compute import pick_device, resolve
from stegnet.core.errors import TrainingError
from stegnet.data.shards import data_hash
from stegnet.models import Card, Pair
from stegnet.training.artifacts import write_weights
from stegnet.training.checkpoint import code_hash
from stegnet.training.train import train

FIRST_PROBE, LAST_PROBE, GROWTH = 3, 192, 4  # steps of the speed measurements
LONG_ENOUGH = 1.0  # seconds of steps that give a reliable speed


@dataclass(frozen=True)
class Row:
    """A row's name and training parameters."""

    name: str
    config: Config


@dataclass(frozen=True)
class Budget:
    """Limits of a training: a number of pairs, or of seconds, whichever is reached first."""

    pairs: int
    seconds: int


@dataclass(frozen=True)
class Run:
    """State of a row's training, kept in a file.

    Attributes:
        pairs: their number in the whole training.
        finished: the pair was written.
        diverged: the step at which it diverged, or None.
        seconds: its duration without interruptions; None if unknown.
    """

    pairs: int
    finished: bool = False
    diverged: int | None = None
    seconds: float | None = None

    @classmethod
    def load(cls, path: Path) -> Self | None:
        """Reads the saved state; None if there is none."""
        return cls(**json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None

    def save(self, path: Path) -> None:
        """Writes the file atomically."""
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".tmp")
        unfinished.write_text(json.dumps(asdict(self)) + "\n", encoding="utf-8")
        os.replace(unfinished, path)

    @property
    def summary(self) -> str:
        """The state in a few words."""
        if self.diverged is not None:
            return f"diverged at step {self.diverged}"
        return f"{self.pairs} pairs" + (f" in {self.seconds:.0f} s" if self.seconds else "")


@dataclass(frozen=True)
class Trained(Row):
    """A row whose training has finished or diverged."""

    run: Run
    weights: Path


class RowFiles:
    """Paths of a row's files.

    Args:
        folder: the folder of all sets.
        set_name: the row's set; a finished training of another set is reused.
    """

    def __init__(self, folder: Path, set_name: str, row: Row, data: Path, budget: Budget) -> None:
        key = fingerprint(row.config, data, budget)
        known = sorted(folder.glob(f"*/*-{key}.run.json"))
        self.run = known[0] if known else folder / set_name / f"{row.name}-{key}.run.json"
        stem = self.run.name.removesuffix(".run.json")
        self.weights = self.run.with_name(f"{stem}.safetensors")
        self.checkpoints = self.run.parent / "checkpoints" / stem

    def clear(self) -> None:
        """Deletes the state and the checkpoint."""
        self.run.unlink(missing_ok=True)
        shutil.rmtree(self.checkpoints, ignore_errors=True)


def fingerprint(config: Config, data: Path, budget: Budget) -> str:
    """Hash of everything that determines a training: parameters, budget, pictures, machine and code."""
    settings = {key: value for key, value in asdict(config).items() if key not in {"data", "evaluate", "video"}}
    device = pick_device()
    machine = [device.type, resolve(config.train.precision, device), torch.__version__]
    parts = [settings, asdict(budget), data_hash(data), machine, code_hash()]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


def train_row(row: Row, files: RowFiles, data: Path, budget: Budget) -> Trained:
    """Trains a row unless it is trained already; an interrupted training is resumed."""
    run = Run.load(files.run)
    if run and (run.finished or run.diverged is not None):
        _log(f"{row.name}: {run.summary}, trained already")
        return Trained(row.name, row.config, run, files.weights)
    if run is None:
        run = Run(affordable(row, data, budget))
        run.save(files.run)
    run = _trained(row, run, files, data)
    run.save(files.run)
    shutil.rmtree(files.checkpoints, ignore_errors=True)
    _log(f"{row.name}: {run.summary}")
    return Trained(row.name, row.config, run, files.weights)


def affordable(row: Row, data: Path, budget: Budget) -> int:
    """Pairs within the budget: whole batches, at least one. Fixed in advance, so that the schedule is complete."""
    batch = row.config.train.batch
    seconds = _step_seconds(row, data)
    steps = budget.pairs // batch if seconds is None else min(budget.pairs // batch, int(budget.seconds / seconds))
    return max(1, steps) * batch


def _step_seconds(row: Row, data: Path) -> float | None:
    """Seconds per step, from trainings of growing length until the speed is reliable; None if they diverge."""
    steps = FIRST_PROBE
    while True:
        clock = Clock(f"{row.name}, speed")
        with TemporaryDirectory() as folder:
            pairs = steps * row.config.train.batch
            if _run(row.config, pairs, data, Path(folder), clock) is None:
                return None
        times = clock.times[1:-1]  # without warm-up and final checkpoint
        if steps >= LAST_PROBE or times[-1] - times[0] >= LONG_ENOUGH:
            return mean_step(times)
        steps *= GROWTH


def _trained(row: Row, run: Run, files: RowFiles, data: Path) -> Run:
    clock = Clock(row.name)
    result = _run(row.config, run.pairs, data, files.checkpoints, clock)
    if result is None:
        return replace(run, diverged=clock.step)
    write_weights(files.weights, *result)
    step = mean_step(clock.times)
    return replace(run, finished=True, seconds=step and step * run.pairs / row.config.train.batch)


class Clock:
    """Progress bar of a training that records when each step begins, and when the last one ends."""

    def __init__(self, name: str) -> None:
        self.step = 0
        self.times: list[float] = []
        self._name = name

    def __call__(self, steps: range) -> Iterator[int]:
        for step in bar(steps, self._name, leave=False):
            self.step = step
            self.times.append(time.perf_counter())
            yield step
        self.times.append(time.perf_counter())


def mean_step(times: list[float]) -> float | None:
    """Mean seconds between consecutive times; None for fewer than two."""
    return (times[-1] - times[0]) / (len(times) - 1) if len(times) > 1 else None


def _run(config: Config, pairs: int, data: Path, checkpoints: Path, clock: Clock) -> tuple[Pair, Card] | None:
    """The trained pair and its card; None if the training diverges."""
    config = replace(config, train=replace(config.train, pairs=pairs))
    try:
        return train(config, data, checkpoints, lambda point: None, clock)
    except TrainingError as error:
        if not isinstance(error.__cause__, FloatingPointError):
            raise
        return None


def _log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
