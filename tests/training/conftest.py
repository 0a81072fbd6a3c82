from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from stegnet.config.config import Config, load
from stegnet.core.samples import MEANS
from stegnet.data.shards import TRAIN, VALIDATION
from tests.support.shards import write_shards

PARAMS = Path(__file__).parents[2] / "params.yaml"


@pytest.fixture
def make_config() -> Callable[..., Config]:
    """A training of 12 small steps; `train` keys are given by name, other sections as they are."""
    base = load(PARAMS)
    model = replace(base.model, name="invertible", blocks=1, width=8, ends=2)
    alone = replace(base.train, devices=1, threads=1, workers=0)
    scramble = replace(base.scramble, base=MEANS)
    small = replace(alone, pairs=24, batch=2, crop=32, warmup=2, precision="fp32", checkpoint=4, validate=5)

    def make(*, seed: int = 0, model=model, **train: object) -> Config:
        return replace(base, seed=seed, model=model, scramble=scramble, train=replace(small, **train))

    return make


@pytest.fixture
def shards(tmp_path) -> Path:
    return write_shards(tmp_path / "shards", [(TRAIN, "folder")] * 6 + [(VALIDATION, "folder")] * 3)
