"""Test and training pairs: which pictures they hold, and that none is used twice."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from stegnet.data.shards import TEST, TRAIN
from stegnet.evaluation.quality import PicturePairs
from study import pairs as module
from study.pairs import film_pairs, mixed_pairs, photograph_pairs, training_pairs
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


def test_test_pairs_are_photographs_where_there_are_any(shards: Callable[..., Path]) -> None:
    folder = shards({("scenes", TEST): 3, ("a", TEST): 3, ("b", TEST): 2, ("a", TRAIN): 2})
    assert greys(photograph_pairs(folder, 1)) == [3, 4, 4, 5, 5, 3, 6, 7, 7, 6]


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


def test_the_middle_of_a_film(make_film, tmp_path, monkeypatch, picture):
    monkeypatch.setattr(module, "SIDE", 48)
    paths = tmp_path / "a.mkv", tmp_path / "b.mkv"
    for path, frames, seed in zip(paths, (4, 3), (0, 9), strict=True):
        make_film(path, frames, 64, 96, seed=seed)
    for most, count in ((2, 2), (8, 3)):
        pairs = film_pairs(*paths, most)
        assert len(pairs) == count
        assert np.array_equal(pairs[1][0], picture(64, 96, 1)[8:56, 24:72])
        assert np.array_equal(pairs[1][1], picture(64, 96, 10)[8:56, 24:72])
