from dataclasses import replace

import numpy as np
import pytest

from stegnet.core.samples import MEANS
from stegnet.core.shuffle import ORIENTATIONS, Shuffle, apply
from stegnet.core.tensors import seeded_shuffle
from study.jigsaw.borders import Rules
from study.jigsaw.known_frame import turned
from study.jigsaw.solver import (
    Placement,
    compose,
    inverse,
    links,
    neighbour_accuracy,
    random_placement,
    solve,
    truth,
)
from study.keyless import base_of, centred, cut_blocks, to_hide

PLACES = Rules(turned=False, negated=False)


def shuffled(picture: np.ndarray, block: int, rules: Rules, seed: int = 0) -> tuple[np.ndarray, Shuffle]:
    side = picture.shape[0] // block
    shuffle = seeded_shuffle(seed, side, side)
    orientation, negative = shuffle.orientation * rules.turned, shuffle.negative & rules.negated
    shuffle = replace(shuffle, orientation=orientation, negative=negative)
    return apply(picture, shuffle), shuffle


def without_means(picture: np.ndarray) -> np.ndarray:
    return to_hide(picture, base_of(picture, MEANS, 0))


def upright(rows: int, cols: int) -> Placement:
    count = rows * cols
    zeros = np.zeros(count, int)
    return Placement(zeros, np.stack(np.divmod(np.arange(count), cols), 1), zeros, zeros)


def changed(placement: Placement, block: int, **values: int) -> Placement:
    """The same placement, but for one block."""
    fields = {name: getattr(placement, name).copy() for name in values}
    for name, value in values.items():
        fields[name][block] = value
    return replace(placement, **fields)


@pytest.mark.parametrize("blind", [False, True])
@pytest.mark.parametrize("rules", [PLACES, Rules(negated=False), Rules()], ids=["places", "turned", "negated"])
def test_an_easy_puzzle_is_solved_completely(cat, rules, blind):
    picture, shuffle = shuffled(centred(cat), 32, rules)
    found = solve(picture, 32, rules, blind=blind)
    assert len(set(found.fragment.tolist())) == 1
    assert neighbour_accuracy(found, truth(shuffle)) == 1


def test_missing_means_do_not_stop_the_blind_solver(cat):
    picture, shuffle = shuffled(without_means(cat), 16, Rules())
    seeing, blind = (
        neighbour_accuracy(solve(picture, 16, Rules(), blind=each), truth(shuffle)) for each in (False, True)
    )
    assert blind > 0.9
    assert seeing < 0.5


def test_the_solver_scores_on_stegnets_blocks(cat):
    """The guard against a solver that gets weaker: nearly half of this smooth picture's neighbours."""
    corner = np.ascontiguousarray(cat[64:192, 64:192])
    picture, shuffle = shuffled(without_means(corner), 8, Rules())
    assert neighbour_accuracy(solve(picture, 8, Rules(), blind=True), truth(shuffle)) > 0.45


@pytest.mark.parametrize("blind", [False, True])
def test_noise_is_not_solved(blind):
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (128, 128, 3)).astype(np.float32)
    picture, shuffle = shuffled(noise, 16, Rules())
    assert neighbour_accuracy(solve(picture, 16, Rules(), blind=blind), truth(shuffle)) < 0.03


def test_a_flat_picture_is_solved():
    flat = np.full((32, 32, 3), 0.25, np.float32)
    assert len(solve(flat, 8, Rules(), blind=False).fragment) == 16


def test_the_truth_puts_the_picture_together(cat):
    """Block by block, by what the fields of a placement say."""
    original = centred(cat)
    picture, shuffle = shuffled(original, 32, Rules())
    true = truth(shuffle)
    canvas = np.zeros_like(original)
    for number, piece in enumerate(cut_blocks(picture, 32)):
        row, col = true.place[number] * 32
        sign = 1 - 2 * true.negative[number]
        canvas[row : row + 32, col : col + 32] = turned(piece[None], int(true.orientation[number]))[0] * sign
    assert np.array_equal(canvas, original)


def test_accuracy_ignores_how_the_whole_is_turned():
    true = upright(2, 3)
    assert neighbour_accuracy(true, true) == 1
    on_its_side = Placement(
        true.fragment + 7,
        np.stack([-true.place[:, 1], true.place[:, 0]], 1) + 100,
        np.ones(6, int),
        np.ones(6, int),
    )
    assert neighbour_accuracy(on_its_side, true) == 1
    mirrored = replace(true, place=true.place[:, ::-1], orientation=np.full(6, 4))
    assert neighbour_accuracy(mirrored, true) == 1


@pytest.mark.parametrize(
    ("change", "right"),
    [
        ({"orientation": 1}, 5),  # the corner's two of seven neighbourhoods are lost
        ({"orientation": 4}, 5),
        ({"negative": 1}, 5),
        ({"fragment": 1}, 5),
        ({"place": 9}, 5),
        ({}, 7),
    ],
)
def test_accuracy_counts_pairs(change, right):
    true = upright(2, 3)
    assert neighbour_accuracy(changed(true, 0, **change), true) == pytest.approx(right / 7)


def test_accuracy_of_blocks_that_changed_places():
    true = upright(1, 4)
    swapped = replace(true, place=true.place[[1, 0, 2, 3]])
    assert neighbour_accuracy(swapped, true) == pytest.approx(1 / 3)


def test_a_link_names_borders_and_relation():
    assert links(upright(1, 2)) == {(1, 7, 0)}
    assert links(upright(2, 1)) == {(2, 4, 0)}
    assert links(changed(upright(1, 2), 1, negative=1)) == {(1, 7, 1)}
    assert links(changed(upright(1, 2), 1, orientation=1)) == {(1, 4, 0)}
    assert links(changed(upright(1, 2), 1, orientation=4)) == {(1, 4, 2)}


def test_random_placements_score_at_chance():
    """An ordered pair lies side by side in 12 of 16 · 15 ways, if nothing is turned."""
    random = np.random.default_rng(0)
    scores = [neighbour_accuracy(random_placement(4, 4, PLACES, random), upright(4, 4)) for _ in range(400)]
    assert np.mean(scores) == pytest.approx(12 / 240, rel=0.15)


def test_orientations_are_a_group():
    block = np.arange(9).reshape(1, 3, 3, 1)
    for first in range(ORIENTATIONS):
        assert compose(inverse(first), first) == 0
        for second in range(ORIENTATIONS):
            both = turned(block, int(compose(second, first)))
            assert np.array_equal(turned(turned(block, first), second), both)
