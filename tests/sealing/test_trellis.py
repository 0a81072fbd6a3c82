"""Ternary trellis codes, against their definition, every possible choice, and the bound of what is possible."""

from itertools import product

import numpy as np
import pytest

from stegnet.sealing import trellis

# Trits and samples: fewer samples than two for each trit, many, more than 16 for each, one trellis and several.
SHAPES = [(1, 1), (1, 9), (12, 17), (84, 85), (84, 700), (84, 4000), (255, 300), (256, 400), (1000, 1020), (700, 7000)]


def matrix(trits: int, samples: int, height: int) -> np.ndarray:
    """The parity-check matrix, (rows · lanes, samples), as docs/format.md defines it."""
    lanes = max(1, min(trits // 128, 65536))
    rows, each = -(-trits // lanes), samples // lanes
    merged = max(1, -(-each // (16 * rows)))
    width, wide = divmod(each // merged, rows)
    found = np.zeros((rows * lanes, samples), int)
    for lane in range(lanes):
        number = 0
        for row in range(rows):
            for column in range(width + ((row + 1) * wide // rows > row * wide // rows)):
                for below in range(min(height, rows - row)):
                    for part in range(merged):
                        element = (number * merged + part) * lanes + lane
                        found[(row + below) * lanes + lane, element] = trellis.COLUMNS[height][column] // 3**below % 3
                number += 1
    return found


def drawn(trits: int, samples: int, seed: int = 0, costs: tuple = (1, 50, 80, 2000)) -> tuple[np.ndarray, ...]:
    """Values, trits, costs up, costs down."""
    random = np.random.default_rng(seed)
    up, down = (random.choice(costs, samples).astype(np.uint16) for _ in range(2))
    return random.integers(0, 256, samples).astype(np.uint8), random.integers(0, 3, trits).astype(np.uint8), up, down


def after(values: np.ndarray, changes: np.ndarray) -> np.ndarray:
    """Values modulo 3 after the changes."""
    return ((values.astype(int) + changes) % 3).astype(np.uint8)


def written(
    trits: int, samples: int, height: int, seed: int = 0, costs: tuple = (1, 50, 80, 2000)
) -> tuple[np.ndarray, int]:
    """Changes that write drawn trits, and their cost; they are read again, and nothing else is touched."""
    plan, (values, wanted, up, down) = trellis.layout(trits, samples, height), drawn(trits, samples, seed, costs)
    assert plan
    kept, ties = values.copy(), np.zeros(samples, np.uint16)
    changes = trellis.write(values, wanted, plan, (up, down, ties))
    np.testing.assert_array_equal(values, kept)
    assert changes.dtype == np.int8
    assert set(np.unique(changes)) <= {-1, 0, 1}
    found = trellis.read(after(values, changes), plan).reshape(-1)
    np.testing.assert_array_equal(found[:trits], wanted)
    assert not found[trits:].any()
    assert not changes[plan.lanes * plan.merged * plan.length :].any()
    return changes, int(up[changes == 1].sum(dtype=int) + down[changes == -1].sum(dtype=int))


@pytest.mark.parametrize("height", trellis.HEIGHTS)
def test_codes_are_their_definition(height):
    """The lowest digit of a column is not 0, so that the sample of a row that has one only can make any trit.

    What needs no change is left alone.
    """
    assert all(number % 3 and number < 3**height for number in trellis.COLUMNS[height])
    for trits, samples in SHAPES:
        values, plan = drawn(trits, samples)[0], trellis.layout(trits, samples, height)
        np.testing.assert_array_equal(
            trellis.read(values, plan).reshape(-1), matrix(trits, samples, height) @ values % 3
        )
        changes, _ = written(trits, samples, height)
        _, wanted, up, down = drawn(trits, samples)
        assert not trellis.write(after(values, changes), wanted, plan, (up, down, np.zeros(samples, np.uint16))).any()


@pytest.mark.parametrize("height", trellis.HEIGHTS)
def test_no_costs_are_too_high(height):
    """Where rows have one sample, nothing can be chosen, and the highest costs add up over many rows."""
    for costs in ((1,), (trellis.MAX_COST,), (1, trellis.MAX_COST), (trellis.MAX_COST - 1, trellis.MAX_COST)):
        for trits, samples in ((255, 256), (255, 300), (6000, 6050), (6000, 6200), (2000, 9000)):
            written(trits, samples, height, len(costs), costs)


@pytest.mark.parametrize("height", trellis.HEIGHTS)
def test_no_choice_is_cheaper(height):
    """Of all 3^samples; of merged ones, no single step, each way."""
    for trits, samples in ((1, 9), (2, 9), (3, 8), (4, 9), (5, 9), (7, 9), (8, 9)):
        choices = np.array(list(product((-1, 0, 1), repeat=samples)))
        checks = matrix(trits, samples, height)
        syndromes = choices @ checks.T % 3
        for seed in range(3):
            costs = tuple(range(1, trellis.MAX_COST))
            values, wanted, up, down = drawn(trits, samples, seed, costs)
            possible = choices[(syndromes == (wanted - checks @ values) % 3).all(1)]
            least = ((possible == 1) @ up.astype(int) + (possible == -1) @ down.astype(int)).min()
            assert written(trits, samples, height, seed, costs)[1] == least
    assert trellis.layout(1, 1000, height).merged == 63
    columns, costs = matrix(1, 1000, height)[0], tuple(range(2, trellis.MAX_COST))
    for seed in range(5):
        values, wanted, up, down = drawn(1, 1000, seed, costs)
        missing = (int(wanted[0]) - int(columns @ values)) % 3
        best = min([*up[columns == missing], *down[columns == 3 - missing]]) if missing else 0
        assert written(1, 1000, height, seed, costs)[1] <= best


def bound(costs: np.ndarray, trits: int) -> float:
    """The least expected cost of so many trits in samples with these costs, the same up and down (Filler, Judas,
    Fridrich 2011, eqs. 9 to 12): a sample changes by Gibbs' distribution, whose entropy is the message's."""
    low, high = 1e-9, 1e3
    for _ in range(100):
        middle = (low * high) ** 0.5
        weight = np.exp(-middle * costs)
        step = weight / (1 + 2 * weight)
        stay = 1 - 2 * step
        entropy = -(2 * step * np.log(np.maximum(step, 1e-300)) + stay * np.log(stay)).sum()
        low, high = (middle, high) if entropy > trits * np.log(3) else (low, middle)
    return float(2 * (step * costs).sum())


@pytest.mark.parametrize(
    ("height", "share", "loss"),
    [(6, 0.5, 0.15), (6, 0.1, 0.25), (6, 0.02, 0.6), (5, 0.25, 0.25), (4, 0.25, 0.3), (3, 0.5, 0.3), (2, 0.5, 0.4)]
    + [(1, 0.99, 0.15), (6, 0.99, 0.15)],
)
def test_the_loss_against_the_bound(height, share, loss):
    """With equal costs; the literature has 10 % for binary codes of height 10, which have 1,024 states: 6 has 729.

    Steps are as often up as down.
    """
    samples = 30_000
    trits, up = int(share * samples), np.random.default_rng(0).integers(100, 102, samples).astype(np.uint16)
    values, wanted, _, _ = drawn(trits, samples)
    ties = np.zeros(samples, np.uint16)
    changes = trellis.write(values, wanted, trellis.layout(trits, samples, height), (up, 201 - up, ties))
    moved, least = np.count_nonzero(changes), bound(np.full(samples, 100.0), trits)
    assert least < 100 * moved < (1 + loss) * least
    assert abs(changes.sum()) < 5 * moved**0.5


def test_bytes_in_trits():
    """And trits that no bytes give: padding that is not zero, a group of 12 beyond 19 bits."""
    for size in (0, 1, 2, 3, 16, 19, 38, 100, 1000):
        random = np.random.default_rng(size)
        data = random.bytes(size)
        trits = trellis.to_trits(data)
        assert trits.size == trellis.count_trits(size)
        assert trellis.from_trits(trits, size) == data
        rejected = 0
        for _ in range(200 if size in (2, 3, 16) else 0):
            wrong = trits.copy()
            wrong[random.integers(trits.size)] = random.integers(3)
            found = trellis.from_trits(wrong, size)
            assert found is None or np.array_equal(trellis.to_trits(found), wrong), "no bytes are written in two ways"
            rejected += found is None
        assert rejected or size not in (2, 3, 16)
    for number in (1 << 19, 3**12 - 1):
        assert trellis.from_trits(np.array([*np.base_repr(number, 3)], np.uint8), 2) is None


def test_the_most_bytes_always_fit():
    """And use the samples, but for one in 128 and the last groups of trits. Sums of 70,000 samples do not overflow."""
    for samples in [*range(84, 3000, 7), 10_000, 123_457, 10**6, 10**7 + 3]:
        most = trellis.most_bytes(samples)
        assert trellis.layout(trellis.count_trits(most), samples, 6)
        assert trellis.count_trits(most) > samples - max(1, samples // 128) - 24
    plan, values = trellis.layout(84, 84 * 2 * 70_000, 1), np.full(84 * 2 * 70_000, 2, np.uint8)
    np.testing.assert_array_equal(trellis.read(values, plan), plan.width * plan.merged * 2 % 3)
