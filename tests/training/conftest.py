from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
import torch

from stegnet.config.config import Config, load
from stegnet.core.samples import MEANS
from stegnet.data.shards import TRAIN, VALIDATION
from stegnet.models import Card, Pair, build_from
from stegnet.training.checkpoint import checkpoint_of
from stegnet.training.train import train
from tests.support.shards import write_shards

PARAMS = Path(__file__).parents[2] / "params.yaml"


@pytest.fixture
def make_config() -> Callable[..., Config]:
    """A training of 12 small steps, without a backbone, which would take most of the time.

    `train` keys are given by name, other sections as they are.
    """
    base = load(PARAMS)
    model = replace(base.model, name="invertible", blocks=1, width=8, ends=0, backbone="none")
    alone = replace(base.train, devices=1, threads=1, workers=0)
    scramble = replace(base.scramble, base=MEANS)
    small = replace(alone, pairs=24, batch=2, crop=32, warmup=2, precision="fp32", checkpoint=4, validate=5)

    def make(*, seed: int = 0, model=model, **train: object) -> Config:
        return replace(base, seed=seed, model=model, scramble=scramble, train=replace(small, **train))

    return make


@pytest.fixture
def shards(tmp_path) -> Path:
    return write_shards(tmp_path / "shards", [(TRAIN, "folder")] * 6 + [(VALIDATION, "folder")] * 3)


@pytest.fixture
def on_the_cpu(monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.fixture
def modem(config: Config) -> Pair:
    torch.manual_seed(0)
    return build_from(config.model)


class Stopped(Exception):
    """Someone pressed Ctrl-C."""


class Training(NamedTuple):
    """Results of a training, and the steps that it took."""

    pair: Pair
    card: Card
    curve: list[dict[str, float]]
    steps: list[int]


@pytest.fixture
def run(shards, tmp_path, on_the_cpu) -> Callable[..., Training]:
    """Trains until it ends, or is stopped before a step; a checkpoint is left in the second case alone."""

    def call(config: Config, folder: str = "checkpoints", stop: int | None = None, data: Path = shards) -> Training:
        curve, taken = [], []

        def progress(steps: range) -> Iterable[int]:
            for step in steps:
                if step == stop:
                    raise Stopped
                taken.append(step)
                yield step

        pair, card = train(config, data, tmp_path / folder, curve.append, progress)
        checkpoint_of(config, data, tmp_path / folder).remove()
        return Training(pair, card, curve, taken)

    return call
