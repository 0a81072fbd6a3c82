import math

import numpy as np
import pytest
from scipy.stats import pearsonr

from study.keyless.dependence import BINS, binned, correlation, mutual_information

random = np.random.default_rng(0)
LEFT, NOISE = random.normal(size=(2, 256, 256))


def shared(a: np.ndarray, b: np.ndarray) -> float:
    return mutual_information(binned(a), binned(b))


@pytest.mark.parametrize("tied", [0.3, 0.6, 0.9])
def test_normal_variables_share_what_the_formula_says(tied: float) -> None:
    """−½·log2(1 − r²); bins lose a little of it."""
    right = tied * LEFT + math.sqrt(1 - tied**2) * NOISE
    assert shared(LEFT, right) == pytest.approx(-0.5 * math.log2(1 - tied**2), rel=0.06)
    assert correlation(LEFT, right) == pytest.approx(pearsonr(LEFT.ravel(), right.ravel()).statistic)


def test_what_is_unrelated_shares_nothing() -> None:
    """Without the correction it would be 961 / (2 n ln 2) = 0.0106 bits."""
    values = [shared(*random.normal(size=(2, 256, 256))) for _ in range(5)]
    assert np.mean(values) == pytest.approx(0, abs=0.0005)


def test_a_relation_that_correlation_does_not_see() -> None:
    assert correlation(LEFT, np.abs(LEFT)) == pytest.approx(0, abs=0.02)
    assert shared(LEFT, np.abs(LEFT)) == pytest.approx(4, abs=0.2)  # all but the sign, of 32 bins


def test_a_shuffled_picture_is_a_stranger() -> None:
    assert shared(LEFT, LEFT) == pytest.approx(math.log2(BINS), abs=0.02)
    assert shared(LEFT, random.permutation(LEFT.ravel())) < 0.002


def test_what_does_not_vary_tells_nothing() -> None:
    flat = np.full_like(LEFT, 0.5)
    assert (correlation(LEFT, flat), shared(LEFT, flat)) == (0, pytest.approx(0))
