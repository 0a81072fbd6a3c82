"""Containers that an observer sees: what each method changes, that keys differ, and that no picture serves twice."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from stegnet.codec import Key, Network, OutputTarget, reveal_picture
from stegnet.codec.embed import embed_file
from stegnet.codec.extract import extract_file
from stegnet.core.errors import CapacityError, DataError
from stegnet.data.shards import TEST, TRAIN, ShardWriter
from stegnet.evaluation.demonstration import seeded
from stegnet.media import write_png
from study.steganalysis.containers import (
    by_key,
    photograph_pairs,
    replaced,
    sealed,
    sealed_room,
    swapped,
    training_pairs,
    unshuffled,
    untouched,
)

SIDE = 64


@pytest.fixture
def pair(picture: Callable[..., np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    return picture(SIDE, SIDE, 1), picture(SIDE, SIDE, 2)


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


def key_of(seed: int, number: int) -> Key:
    return Key(seeded(1_000_000 * seed + number)(32))


def test_by_key_hides_as_a_user_does_with_a_key_for_each(weights: Path, pair: tuple[np.ndarray, np.ndarray]) -> None:
    network = Network.load(weights, device="cpu", precision="fp32")
    make = by_key(network, 3)
    container = make(*pair, 5)
    assert reveal_picture(network, container, key_of(3, 5)).whole
    assert np.array_equal(container, make(*pair, 5))
    for other in (make(*pair, 6), by_key(network, 4)(*pair, 5), unshuffled(network)(*pair, 5)):
        assert not np.array_equal(container, other)


@pytest.mark.parametrize(("share", "changed"), [(1.0, 0.25), (0.1, 0.025)])
def test_sealed_steps_by_one_where_a_bit_is_wrong(
    pair: tuple[np.ndarray, np.ndarray], tmp_path: Path, share: float, changed: float
) -> None:
    cover, secret = pair
    container = sealed(share, 3)(cover, secret, 5)
    step = container.astype(int) - cover
    overhead = 8 * (16 + 33 + 16 + 150) / cover.size / 2
    assert set(np.unique(step)) == {-1, 0, 1}
    assert changed - 0.01 <= np.mean(step != 0) <= changed + overhead
    write_png(tmp_path / "c.png", container)
    extract_file(tmp_path / "c.png", OutputTarget(tmp_path / "back"), key_of(3, 5))
    assert (tmp_path / "back").stat().st_size == int(share * sealed_room(SIDE, SIDE))


def test_not_a_byte_more_than_the_room_fits(pair: tuple[np.ndarray, np.ndarray], tmp_path: Path) -> None:
    write_png(tmp_path / "cover.png", pair[0])
    (tmp_path / "s").write_bytes(bytes(sealed_room(SIDE, SIDE) + 1))
    with pytest.raises(CapacityError):
        embed_file(tmp_path / "cover.png", tmp_path / "s", OutputTarget(tmp_path / "out.png"), key_of(0, 0))


def test_a_picture_without_room_is_refused() -> None:
    with pytest.raises(DataError, match="16×16"):
        sealed_room(16, 16)


def test_replacement_changes_half_of_the_lowest_bits_it_takes(pair: tuple[np.ndarray, np.ndarray]) -> None:
    cover, secret = pair
    container = replaced(0.5, 0)(cover, secret, 1)
    assert np.array_equal(container >> 1, cover >> 1)
    assert np.mean(container != cover) == pytest.approx(0.25, abs=0.02)
    assert not np.array_equal(container, replaced(0.5, 0)(cover, secret, 2))


def test_the_swap_carries_the_secret_and_the_control_is_no_container(pair: tuple[np.ndarray, np.ndarray]) -> None:
    cover, secret = pair
    assert np.array_equal(swapped(cover, secret, 0) % 16, secret // 16)
    assert np.array_equal(untouched(cover, secret, 0), secret)


def test_no_training_picture_serves_twice_and_photographs_come_first(shards: Callable[..., Path]) -> None:
    folder = shards({("scenes", TRAIN): 6, ("a", TRAIN): 5, ("b", TRAIN): 4, ("a", TEST): 2})
    seen = greys(training_pairs(folder, 6, 0))
    assert len(seen) == len(set(seen)) == 12
    assert set(range(6, 15)) <= set(seen) <= set(range(15))
    assert set(greys(training_pairs(folder, 4, 0))) < set(range(6, 15))
    assert len(training_pairs(folder, 100, 0)) == 7
    assert greys(training_pairs(folder, 4, 0)) != greys(training_pairs(folder, 4, 1))


def test_a_single_training_picture_is_refused(shards: Callable[..., Path]) -> None:
    with pytest.raises(DataError, match="single"):
        training_pairs(shards({("a", TRAIN): 1}), 4, 0)


def test_test_pairs_are_photographs_where_there_are_any(shards: Callable[..., Path]) -> None:
    folder = shards({("scenes", TEST): 3, ("a", TEST): 3, ("b", TEST): 2, ("a", TRAIN): 2})
    assert greys(photograph_pairs(folder, 1)) == [3, 4, 4, 5, 5, 3, 6, 7, 7, 6]


def test_scenes_are_taken_where_there_is_nothing_else(shards: Callable[..., Path]) -> None:
    assert greys(photograph_pairs(shards({("scenes", TEST): 2}), 7)) == [0, 1, 1, 0]
