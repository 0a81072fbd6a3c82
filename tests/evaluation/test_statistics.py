import math

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from stegnet.evaluation.statistics import spread


def test_by_hand():
    figures = spread([30.0, 33.0, 42.0], high_is_worse=False)
    assert list(figures) == ["mean", "ci_low", "ci_high", "median", "worst", "worst_1_percent"]
    half = 4.30265273 * math.sqrt(39) / math.sqrt(3)  # t(2) at 97.5 %, from a table; the variance is 39
    assert figures["mean"] == 35
    assert (figures["ci_low"], figures["ci_high"]) == pytest.approx((35 - half, 35 + half), abs=1e-4)
    assert (figures["median"], figures["worst"], figures["worst_1_percent"]) == (33, 30, 30)


def test_the_interval_is_that_of_scipys_t_test():
    values = np.random.default_rng(0).gamma(3, 2, 50)
    low, high = ttest_1samp(values, 0).confidence_interval(0.95)
    figures = spread(values, high_is_worse=True)
    assert (figures["ci_low"], figures["ci_high"]) == pytest.approx((low, high), abs=1e-4)


def test_the_interval_holds_the_true_mean_19_times_of_20():
    random = np.random.default_rng(1)
    spreads = [spread(random.normal(40, 2, 20), high_is_worse=False) for _ in range(1000)]
    held = np.mean([figures["ci_low"] <= 40 <= figures["ci_high"] for figures in spreads])
    assert 0.93 < held < 0.97


@pytest.mark.parametrize(("high_is_worse", "worst", "tail"), [(False, 0, 1), (True, 299, 298)])
def test_the_worst_percent_is_a_mean_of_the_worst_three_of_three_hundred(high_is_worse, worst, tail):
    values = np.random.default_rng(2).permutation(300).astype(float)
    figures = spread(values, high_is_worse)
    assert (figures["worst"], figures["worst_1_percent"]) == (worst, tail)


def test_where_there_is_no_interval():
    assert math.isnan(spread([40.0], high_is_worse=False)["ci_low"])
    endless = spread([40.0, math.inf], high_is_worse=False)
    assert endless["mean"] == math.inf
    assert math.isnan(endless["ci_high"])
    assert endless["worst"] == 40
