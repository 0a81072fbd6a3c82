"""Classical attacks against references that count pair by pair, against scipy, and against bits of a known rate."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from study.classical import chi_square, lsb_replacement, regular_singular, sample_pairs, weighted_stego


def replaced(picture: np.ndarray, rate: float) -> np.ndarray:
    return lsb_replacement(rate)(picture, picture, 0)


def sample_pairs_by_hand(picture: np.ndarray) -> float:
    """Dumitrescu et al. 2003, one pair after the other."""
    height, width, _ = picture.shape
    x = y = w = z = total = 0
    for row, column, channel in np.ndindex(picture.shape):
        for down, right in ((0, 1), (1, 0)):
            if row + down < height and column + right < width:
                u, v = int(picture[row, column, channel]), int(picture[row + down, column + right, channel])
                total += 1
                z += u == v
                x += (v % 2 == 0 and u < v) or (v % 2 == 1 and u > v)
                y += (v % 2 == 0 and u > v) or (v % 2 == 1 and u < v)
                w += u != v and u // 2 == v // 2
    a, b, c = (w + z) / 2, 2 * x - total, y - x
    return (-b - np.sqrt(complex(b * b - 4 * a * c)).real) / (2 * a)


@pytest.mark.parametrize("rate", [0, 0.3, 1])
def test_sample_pairs_are_counted_as_by_hand(cat: np.ndarray, rate: float) -> None:
    part = replaced(cat[60:92, 60:99], rate)
    assert sample_pairs(part) == pytest.approx(sample_pairs_by_hand(part))


@pytest.mark.parametrize("rate", [0, 1])
def test_chi_square_is_scipys(cat: np.ndarray, rate: float) -> None:
    picture = replaced(cat, rate)
    expected = []
    for channel in range(3):
        counts = np.bincount(picture[..., channel].ravel(), minlength=256).reshape(128, 2)
        expected += [stats.chisquare(pair).statistic for pair in counts if pair.sum() > 8]
    assert chi_square(picture) == pytest.approx(np.mean(expected))


@pytest.mark.parametrize("estimate", [sample_pairs, regular_singular])
@pytest.mark.parametrize("rate", [0, 0.1, 0.25, 0.5])
def test_the_rate_of_replaced_bits_is_found(cat: np.ndarray, estimate: Callable, rate: float) -> None:
    assert estimate(replaced(cat, rate)) == pytest.approx(rate, abs=0.06)


@pytest.mark.parametrize("rate", [0.2, 1])
def test_ws_finds_the_changed_half_of_replaced_bits(cat: np.ndarray, rate: float) -> None:
    changed = np.mean(replaced(cat, rate) != cat)
    assert changed == pytest.approx(rate / 2, abs=0.01)
    assert weighted_stego(replaced(cat, rate)) == pytest.approx(changed, rel=0.1)
