"""Accuracy and AUC of detectors, and their intervals."""

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, roc_auc_score

from study.scores import Scores, summarise


def test_accuracy_and_auc_are_scikit_learns() -> None:
    random = np.random.default_rng(0)
    scores = Scores(random.normal(-0.5, 1, 50), random.normal(0.7, 1, 50))
    logits, labels = np.concatenate([scores.covers, scores.containers]), np.repeat([0, 1], 50)
    figures = summarise([scores], 0)
    assert figures["accuracy"] == pytest.approx(accuracy_score(labels, logits > 0))
    assert figures["auc"] == pytest.approx(roc_auc_score(labels, logits))
    assert figures["low"] < figures["accuracy"] < figures["high"]
    assert figures["auc_low"] < figures["auc"] < figures["auc_high"]


def test_the_interval_is_of_as_many_trials_as_there_are_pairs() -> None:
    """The two decisions on a pair hang together: 100 pictures are 50 trials."""
    covers, containers = [-1.0] * 42 + [1.0] * 8, [1.0] * 38 + [-1.0] * 12
    figures = summarise([Scores(np.array(covers), np.array(containers))], 0)
    expected = binomtest(40, 50).proportion_ci(method="wilson")
    assert (figures["low"], figures["high"]) == pytest.approx((expected.low, expected.high))
