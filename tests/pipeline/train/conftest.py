from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from stegnet.networks import Card, Pair
from tests.support.lab import (
    MEANS,
    PARAMS,
    TRAIN,
    VALIDATION,
    Config,
    changed,
    check,
    read,
)
from tests.support.shards import write_shards
from tests.support.training import Checkpoint, HidingTask, prepare_run, train


@pytest.fixture
def make_config() -> Callable[..., Config]:
    """A training of 12 small steps, without a backbone, which would take most of the time.

    `train` keys are given by name, other sections as they are.
    """
    base = check(changed(read(PARAMS), {"model.name": "invertible"}))
    model = replace(base.model, name="invertible", blocks=1, width=8, ends=0, backbone="none")
    alone = replace(base.train, lr=0.005, bits=1.35, devices=1, threads=1, workers=0)
    small = replace(alone, pairs=24, batch=2, crop=32, warmup=2, precision="fp32", checkpoint=4, validate=0)

    def make(*, seed: int = 0, model=model, scramble=MEANS, **train: Any) -> Config:
        return replace(base, seed=seed, model=model, scramble=scramble, train=replace(small, **train))

    return make


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    return write_shards(tmp_path / "shards", [(TRAIN, "folder")] * 6 + [(VALIDATION, "folder")] * 3)


@pytest.fixture
def on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")


class Stopped(Exception):
    """Someone pressed Ctrl-C."""


class Training(NamedTuple):
    """Results of a training, and the steps that it took."""

    pair: Pair
    card: Card
    curve: list[dict[str, float]]
    steps: list[int]


@pytest.fixture
def run(shards: Path, tmp_path: Path, on_the_cpu: None) -> Callable[..., Training]:
    """Trains until it ends, or is stopped before a step; a checkpoint is left in the second case alone."""

    def call(
        config: Config,
        folder: str = "checkpoints",
        stop: int | None = None,
        data: Path = shards,
        task: Callable[..., HidingTask] = HidingTask,
    ) -> Training:
        curve: list[dict[str, float]] = []
        taken: list[int] = []

        def progress(steps: range) -> Iterable[int]:
            for step in steps:
                if step == stop:
                    raise Stopped
                taken.append(step)
                yield step

        training = prepare_run(config, data, task)
        pair, card, _ = train(training, tmp_path / folder, curve.append, progress)
        Checkpoint(tmp_path / folder, training.fingerprint).remove()
        return Training(pair, card, curve, taken)

    return call
