"""Test and training pairs: which pictures they hold, and that none is used twice."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from stegnet.data.shards import TEST, TRAIN
from study.pairs import training_pairs
from tests.support.shards import ShardWriter


@pytest.fixture
def shards(tmp_path: Path) -> Callable[..., Path]:
    """Makes a folder of even pictures, each of a grey of its own, from {(source, split): count}."""

    def make(counts: dict[tuple[str, str], int]) -> Path:
        writer, grey = ShardWriter(tmp_path / "shards", 8), 0
        for (source, split), count in counts.items():
            for number in range(count):
                writer.add(np.full((8, 8, 3), grey, np.uint8), split, f"{number}", source, 8, 8)
                grey += 1
        writer.close()
        return tmp_path / "shards"

    return make


def greys(pairs: list[tuple[np.ndarray, np.ndarray]]) -> list[int]:
    return [int(side[0, 0, 0]) for pair in pairs for side in pair]


def test_no_training_picture_serves_twice_and_photographs_come_first(shards: Callable[..., Path]) -> None:
    folder = shards({("scenes", TRAIN): 6, ("a", TRAIN): 5, ("b", TRAIN): 4, ("a", TEST): 2})
    seen = greys(training_pairs(folder, 6, 0))
    assert len(seen) == len(set(seen)) == 12
    assert set(range(6, 15)) <= set(seen) <= set(range(15))
    assert set(greys(training_pairs(folder, 4, 0))) < set(range(6, 15))
    assert len(training_pairs(folder, 100, 0)) == 7
    assert greys(training_pairs(folder, 4, 0)) != greys(training_pairs(folder, 4, 1))
