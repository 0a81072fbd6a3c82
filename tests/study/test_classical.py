"""Classical attacks against scipy, and against bits of a known rate."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from study.classical import chi_square, lsb_replacement, methods, regular_singular, sample_pairs, weighted_stego
from tests.support.pairs import FivePhases, network_of


def replaced(picture: np.ndarray, rate: float) -> np.ndarray:
    return lsb_replacement(rate)(picture, picture, 0)


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


def test_each_method_changes_as_much_as_its_name_says(cat: np.ndarray) -> None:
    """The full payload changes more than a tenth of it; and each is the figure's of its name."""
    found = methods(network_of(FivePhases()))
    cover, secret = cat[:128, :128], cat[128:256, 128:256]
    changed = {name: np.mean(found[name](cover, secret, 0) != cover) for name in found}
    assert changed["sealed, 1 bit"] > 2 * changed["sealed, a tenth of a bit"] > 0
    assert changed["replacement, all bits"] == pytest.approx(0.5, abs=0.02)
    assert changed["replacement, a fifth"] == pytest.approx(0.1, abs=0.02)


@pytest.mark.parametrize("rate", [0.2, 1])
def test_ws_finds_the_changed_half_of_replaced_bits(cat: np.ndarray, rate: float) -> None:
    changed = np.mean(replaced(cat, rate) != cat)
    assert changed == pytest.approx(rate / 2, abs=0.01)
    assert weighted_stego(replaced(cat, rate)) == pytest.approx(changed, rel=0.1)
