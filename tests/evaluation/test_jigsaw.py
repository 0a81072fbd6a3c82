from pathlib import Path

import numpy as np
import pytest
import torch

from stegnet.data.catalogue import read_catalogue, read_package_pictures
from stegnet.data.fit import fit
from stegnet.evaluation.borders import Rules
from stegnet.evaluation.jigsaw import (
    compose,
    cut,
    inverse,
    links,
    neighbour_accuracy,
    random_placement,
    solve,
    truth,
)
from stegnet.scramble import ORIENTATIONS, Shuffle, apply, random_shuffle

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def photograph() -> np.ndarray:
    """A square of 256² out of a photograph that comes with an installed package."""
    source = next(s for s in read_catalogue(ROOT / "assets" / "sources.yaml") if s.kind == "package")
    return next(square for _, p in read_package_pictures(source) if (square := fit(p, 256)) is not None)


def puzzle(picture, block, rules, seed=0):
    side = picture.shape[0] // block
    drawn = random_shuffle(torch.Generator().manual_seed(seed), side, side)
    shuffle = Shuffle(side, side, drawn.permutation, drawn.orientation * rules.turned, drawn.negative & rules.negated)
    pixels = torch.from_numpy(picture.astype(np.float32) / 255 - 0.5).permute(2, 0, 1)[None]
    return apply(pixels, [shuffle])[0].permute(1, 2, 0).numpy(), shuffle


@pytest.mark.parametrize("rules", [Rules(False, False), Rules(True, False), Rules()], ids=str)
@pytest.mark.parametrize("blind", [False, True])
def test_an_easy_puzzle_is_solved(photograph, rules, blind):
    shuffled, shuffle = puzzle(photograph, 32, rules)
    assert neighbour_accuracy(solve(shuffled, 32, rules, blind=blind), truth(shuffle)) == 1


def test_noise_is_not():
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    shuffled, shuffle = puzzle(noise, 8, Rules())
    assert neighbour_accuracy(solve(shuffled, 8, Rules(), blind=False), truth(shuffle)) < 0.1


def test_the_blind_solver_sees_neither_offset_nor_sign(picture):
    shuffled, _ = puzzle(picture(64, 64, 2), 16, Rules())
    blocks = cut(shuffled, 16)
    random = np.random.default_rng(1)
    changed = blocks * random.choice([-1, 1], len(blocks))[:, None, None, None] + random.normal(0, 0.3, (16, 1, 1, 1))
    again = changed.reshape(4, 4, 16, 16, 3).swapaxes(1, 2).reshape(64, 64, 3)
    placed = [solve(some, 16, Rules(), blind=True) for some in (shuffled, again)]
    sides = [{link[:2] for link in links(placement)} for placement in placed]
    assert len(sides[0] & sides[1]) >= 0.9 * len(sides[0])


def test_the_truth_is_all_right_and_chance_is_not():
    _, shuffle = puzzle(np.zeros((64, 64, 3)), 8, Rules())
    true = truth(shuffle)
    assert neighbour_accuracy(true, true) == 1
    chance = random_placement(8, 8, Rules(), np.random.default_rng(0))
    assert neighbour_accuracy(chance, true) < 0.05


def test_orientations_are_the_dihedral_group():
    square = np.arange(9).reshape(3, 3)

    def turned(picture, orientation):
        return np.rot90(picture.T if orientation & 4 else picture, orientation & 3)

    for second in range(ORIENTATIONS):
        assert np.array_equal(turned(turned(square, second), int(inverse(second))), square)
        for first in range(ORIENTATIONS):
            both = turned(turned(square, first), second)
            assert np.array_equal(turned(square, int(compose(second, first))), both)
