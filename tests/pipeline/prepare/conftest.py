from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.prepare import downloads
from tests.support.lab import MEANS, PARAMS, DataConfig, ScrambleConfig, load, prepare, read_manifest

Prepared = tuple[dict[str, int], list]


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is downloaded is in a folder of the test's own, and nothing is known of earlier ones."""
    monkeypatch.setenv("STEGNET_CACHE", str(tmp_path / "cache"))
    downloads._open_torchvision.cache_clear()


@pytest.fixture
def data_config() -> Callable[..., DataConfig]:
    """A small `data` section, with changes by key; it is prepared in this process: to start others takes seconds."""
    small = replace(
        load(PARAMS).data, side=64, scenes=3, every=2, validation_share=0.0, validation_scenes=0, test_share=0.0,
        test_scenes=2, test_photographs=False, shard=4, workers=1,
    )  # fmt: skip
    return lambda **changes: replace(small, **changes)


@pytest.fixture
def prepared(data_config: Callable[..., DataConfig], tmp_path: Path) -> Callable[..., Prepared]:
    """Prepares pictures; returns the counts, and the rows of the manifest."""

    def run(out: str = "out", *, seed: int = 0, scramble: ScrambleConfig = MEANS, **changes: object) -> Prepared:
        config = data_config(**changes)
        counts = prepare(config, scramble, seed, tmp_path / "data", tmp_path / out, lambda records, total: records)
        return counts, list(read_manifest(tmp_path / out))

    return run
