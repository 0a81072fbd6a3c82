"""Pictures that are made of placements: what is right stays right however it lies, what is wrong stays wrong."""

from dataclasses import replace

import numpy as np
import pytest

from stegnet.core.shuffle import Shuffle, apply, invert
from stegnet.core.tensors import seeded_shuffle
from study.jigsaw.assembly import assemble, placed_on_canvas
from study.jigsaw.borders import Rules
from study.jigsaw.solver import Placement, compose, random_placement, truth

GRID = (6, 6)
PICTURE = np.random.default_rng(0).uniform(-1, 1, (48, 48, 3)).astype(np.float32)


@pytest.fixture
def shuffle() -> Shuffle:
    return seeded_shuffle(1, *GRID)


def through(change, picture: np.ndarray, shuffle: Shuffle) -> np.ndarray:
    return change(picture, shuffle)


def test_the_truth_gives_the_picture_as_unshuffling_does(shuffle: Shuffle) -> None:
    seen = through(apply, PICTURE, shuffle)
    found = assemble(seen, 8, truth(shuffle), truth(shuffle))
    assert np.array_equal(found, PICTURE)
    assert np.array_equal(found, through(invert, seen, shuffle))


@pytest.mark.parametrize("turn", range(8))
def test_assembly_ignores_how_the_whole_is_turned(shuffle: Shuffle, turn: int) -> None:
    true = truth(shuffle)
    corners = np.array([[y, x] for y in range(6) for x in range(6)]).reshape(6, 6, 2)
    upright = corners.swapaxes(0, 1) if turn & 4 else corners
    moved = np.empty((6, 6, 2), int)  # where each place comes to lie
    for y, x in np.ndindex(GRID):
        moved[tuple(np.rot90(upright, turn & 3)[y, x])] = y, x
    lying = Placement(
        true.fragment + 3, moved[tuple(true.place.T)] - 20, compose(turn, true.orientation), 1 - true.negative
    )
    assert np.array_equal(assemble(through(apply, PICTURE, shuffle), 8, lying, true), PICTURE)


def test_every_block_is_used_once(shuffle: Shuffle) -> None:
    random, true = np.random.default_rng(2), truth(shuffle)
    for _ in range(20):
        blind = random_placement(*GRID, Rules(), random)
        torn = replace(blind, fragment=random.integers(0, 5, 36))
        for placement in (blind, torn, replace(blind, fragment=np.arange(36))):
            places = placed_on_canvas(placement, true, GRID).place
            assert len(set(map(tuple, places.tolist()))) == 36
            assert places.min() >= 0
            assert places.max() <= 5


def test_only_the_largest_fragment_is_helped(shuffle: Shuffle) -> None:
    """Single blocks say nothing of their places: but the first, each gets the next place, as it lies."""
    single = Placement(np.arange(36), np.zeros((36, 2), int), np.zeros(36, int), np.zeros(36, int))
    seen, true = through(apply, PICTURE, shuffle), truth(shuffle)
    one = placed_on_canvas(single, true, GRID)
    assert np.array_equal(one.place[0], true.place[0])
    assert (one.orientation[0], one.negative[0]) == (true.orientation[0], true.negative[0])
    assert not one.orientation[1:].any()
    others = [tuple(place) for place in one.place[1:].tolist()]
    assert others == sorted(others)
    assert abs(np.corrcoef(assemble(seen, 8, single, true).ravel(), PICTURE.ravel())[0, 1]) < 0.2


def test_a_fragment_that_fits_nowhere_is_split_into_blocks(shuffle: Shuffle) -> None:
    """Two fragments of 6×3 and 3×6 blocks: beside the first there is no room for the second as it lies."""
    tall = np.array([(y, x) for y in range(6) for x in range(3)])
    wide = tall[:, ::-1]
    names = np.repeat([0, 1], 18)
    found = Placement(names, np.concatenate([tall, wide]), np.zeros(36, int), np.zeros(36, int))
    places = placed_on_canvas(found, truth(shuffle), GRID).place
    assert len(set(map(tuple, places.tolist()))) == 36


def test_a_wrong_block_at_the_border_does_not_displace_the_others(shuffle: Shuffle) -> None:
    true = truth(shuffle)
    place = true.place.copy()
    corner = np.flatnonzero((place == 5).all(1))
    place[corner] = 6, 5  # out of the picture
    assert np.array_equal(placed_on_canvas(replace(true, place=place), true, GRID).place, true.place)
