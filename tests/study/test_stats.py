"""Statistics against scipy, scikit-learn, formulas, and the coverage that intervals promise."""

import math

import numpy as np
import pytest
from scipy import stats
from scipy.stats import pearsonr
from sklearn.metrics import accuracy_score, roc_auc_score

from pipeline.evaluate.statistics import Scores
from study.ensemble import summarise
from study.stats import auc_interval, binned, correlation, mean_interval, mutual_information, unpaired_auc_interval


def scores(seed: int, count: int = 40, shift: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return random.normal(0, 1, count), random.normal(shift, 1, count)


def test_mean_interval_is_that_of_the_t_test() -> None:
    values = scores(0)[1]
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert mean_interval(values) == pytest.approx((expected.low, expected.high))


def test_accuracy_and_auc_are_scikit_learns_with_ties_too() -> None:
    covers, containers = (np.round(side) for side in scores(3, 50))
    figures = summarise([Scores(covers, containers)], 0)
    both, labels = np.concatenate([covers, containers]), np.repeat([0, 1], 50)
    assert figures["accuracy"] == pytest.approx(accuracy_score(labels, both > 0))
    assert figures["auc"] == pytest.approx(roc_auc_score(labels, both))
    assert figures["auc_low"] < figures["auc"] < figures["auc_high"]


def test_auc_interval_has_its_nominal_coverage() -> None:
    truth = stats.norm.cdf(1 / np.sqrt(2))  # of two normal scores, one standard deviation apart
    held = [low <= truth <= high for low, high in (auc_interval(*scores(seed), seed=0) for seed in range(200))]
    assert 0.90 <= np.mean(held) <= 0.99


def test_unpaired_auc_interval_is_delongs() -> None:
    """Against the sums over all pairs of scores that the paper writes (equations 2 to 4)."""
    negatives, positives = (np.round(side, 1) for side in scores(4, 30))
    positives = positives[:17]
    wins = (np.sign(np.subtract.outer(positives, negatives)) + 1) / 2
    variance = wins.mean(1).var(ddof=1) / len(positives) + wins.mean(0).var(ddof=1) / len(negatives)
    half = stats.norm.ppf(0.975) * math.sqrt(variance)
    expected = (max(wins.mean() - half, 0), min(wins.mean() + half, 1))
    assert unpaired_auc_interval(negatives, positives) == pytest.approx(expected)


@pytest.mark.parametrize("tied", [0.3, 0.9])
def test_information_of_normal_variables_is_that_of_the_formula(tied: float) -> None:
    """−½·log2(1 − r²); bins lose a little of it."""
    left, noise = np.random.default_rng(0).normal(size=(2, 256, 256))
    right = tied * left + math.sqrt(1 - tied**2) * noise
    assert mutual_information(binned(left), binned(right)) == pytest.approx(-0.5 * math.log2(1 - tied**2), rel=0.06)
    assert correlation(left, right) == pytest.approx(pearsonr(left.ravel(), right.ravel()).statistic)
