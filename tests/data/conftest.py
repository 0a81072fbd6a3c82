from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from stegnet.config.config import Config, load
from stegnet.data import prepare as prepare_module

PARAMS = Path(__file__).parents[2] / "params.yaml"


@pytest.fixture
def data_config() -> Callable[..., object]:
    """A small `data` section, with changes by key."""
    small = load_config().data
    small = replace(
        small, size=64, scenes=3, every=2, validation_share=0.0, validation_scenes=0, test_share=0.0, test_scenes=2,
        test_photographs=False, shard=4, workers=1,
    )  # fmt: skip
    return lambda **changes: replace(small, **changes)


@pytest.fixture
def augment_config():
    return load_config().train.augment


@pytest.fixture
def in_process(monkeypatch) -> None:
    """Prepares the parts in this process, where tests can patch."""
    monkeypatch.setattr(prepare_module, "spread", lambda function, items, workers: map(function, items))


def contents(folder: Path) -> dict[str, bytes]:
    """Files of a folder by name."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def load_config() -> Config:
    return load(PARAMS)
