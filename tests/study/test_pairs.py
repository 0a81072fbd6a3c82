"""Test and training pairs: which pictures they hold, and that none is used twice."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from stegnet.data.shards import TEST, TRAIN
from stegnet.evaluation.quality import PicturePairs
from study.pairs import mixed_pairs, training_pairs
from tests.support.shards import ShardWriter

SIDE = 64


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


@pytest.fixture
def mixed(tmp_path):
    writer = ShardWriter(tmp_path, 20)
    counts = {"scenes": 4, "photographs": 9, "folder": 3}
    for place, (kind, count) in enumerate(counts.items()):
        for index in range(count):
            flat = np.full((SIDE, SIDE, 3), 50 * place + index, np.uint8)
            writer.add(flat, TEST, f"{kind} {index}", kind, SIDE, SIDE)
    writer.close()
    return PicturePairs(tmp_path, 1)


def test_pairs_are_spread_over_the_kinds_photographs_first(mixed):
    values = [(int(cover[0, 0, 0]), int(secret[0, 0, 0])) for cover, secret in mixed_pairs(mixed, 7)]
    assert values == [(50, 51), (0, 1), (100, 101), (53, 54), (1, 2), (101, 102), (56, 57)]
