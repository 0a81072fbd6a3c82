import numpy as np
import pytest

from study.jigsaw.borders import Rules, candidates, strips
from study.keyless import cut_blocks

BLOCK, COLS = 16, 8


@pytest.fixture
def blocks(cat) -> np.ndarray:
    """Eight by eight, not shuffled."""
    return cut_blocks(cat[: BLOCK * COLS, : BLOCK * COLS].astype(np.float32) / 255 - 0.5, BLOCK)


def test_borders_are_read_clockwise_from_outside():
    block = np.arange(16).reshape(1, 4, 4, 1)
    read = strips(block, 2)[..., 0]
    assert read[0].tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert read[1].tolist() == [[3, 7, 11, 15], [2, 6, 10, 14]]
    assert read[2].tolist() == [[15, 14, 13, 12], [11, 10, 9, 8]]
    assert read[3].tolist() == [[12, 8, 4, 0], [13, 9, 5, 1]]


@pytest.mark.parametrize("blind", [False, True])
def test_true_neighbours_come_first(blocks, blind):
    found = candidates(blocks, Rules(), blind)
    here = np.arange(len(blocks)).reshape(COLS, COLS)[:, :-1].ravel()
    right = found.partner[4 * here + 1, 0] == 4 * (here + 1) + 3
    assert np.mean(right & (found.relation[4 * here + 1, 0] == 0)) > 0.75


@pytest.mark.parametrize(
    ("rules", "relations"), [(Rules(False, False), {0}), (Rules(True, False), {0, 2}), (Rules(), {0, 1, 2, 3})]
)
def test_only_what_the_rules_allow_is_found(blocks, rules, relations):
    found = candidates(blocks, rules, True)
    finite = np.isfinite(found.cost)
    assert set(found.relation[finite]) == relations
    assert not np.any(found.partner // 4 == np.arange(len(found.partner))[:, None] // 4)
    if not rules.turned:
        opposite = (np.arange(len(found.partner))[:, None] + 2) % 4
        assert np.all((found.partner % 4 == opposite)[finite])
    assert np.all(np.diff(np.where(finite, found.cost, np.inf))[finite[:, 1:]] >= 0)


def test_a_cost_is_the_same_from_both_sides(blocks):
    found = candidates(blocks, Rules(), False)
    links = {}
    for border, row in enumerate(zip(found.partner.tolist(), found.relation.tolist(), found.cost, strict=True)):
        for partner, relation, cost in zip(*row, strict=True):
            links[border, partner, relation] = cost
    both = [key for key in links if (key[1], key[0], key[2]) in links]
    costs = np.array([[links[key], links[key[1], key[0], key[2]]] for key in both])
    assert len(both) > len(links) / 4
    assert costs[:, 0] == pytest.approx(costs[:, 1], rel=1e-2, abs=0.5)


def test_the_blind_solver_sees_neither_offset_nor_sign(blocks):
    random = np.random.default_rng(0)
    cells = random.normal(0, 0.3, (len(blocks), 2, 1, 2, 1, 3))
    moved = (blocks.reshape(-1, 2, 8, 2, 8, 3) + cells).reshape(blocks.shape).astype(np.float32)
    negative = random.integers(2, size=len(blocks))
    moved *= (1 - 2 * negative)[:, None, None, None]
    before, after = (candidates(each, Rules(), True, count=4) for each in (blocks, moved))
    assert after.cost == pytest.approx(before.cost, rel=1e-2, abs=0.5)
    first = before.partner[:, 0]
    clear = before.cost[:, 1] > before.cost[:, 0] + 2
    assert clear.mean() > 0.8
    assert np.array_equal(after.partner[clear, 0], first[clear])
    flipped = negative[np.arange(len(first)) // 4] ^ negative[first // 4]
    assert np.array_equal((after.relation[:, 0] ^ flipped)[clear], before.relation[clear, 0])


def test_the_other_solver_sees_an_offset(blocks):
    moved = blocks + np.random.default_rng(0).normal(0, 0.3, (len(blocks), 1, 1, 3)).astype(np.float32)
    before, after = (candidates(each, Rules(), False) for each in (blocks, moved))
    assert np.mean(after.partner[:, 0] == before.partner[:, 0]) < 0.5
