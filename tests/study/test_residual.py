"""Likeness of a residual to a secret, on residuals of which all is known."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from skimage.filters import sobel_h, sobel_v

from study.residual import compare, edges, similarity, summarise

SIZE = 64


@pytest.fixture
def secret(cat: np.ndarray) -> np.ndarray:
    return cat[60 : 60 + SIZE, 60 : 60 + SIZE]


def test_edges_are_scikit_images(secret: np.ndarray) -> None:
    """Its filters are a quarter of Sobel's, and leave the border out."""
    found, channel = edges(secret)[1:-1, 1:-1, 1], secret[..., 1].astype(float)
    expected = 4 * np.hypot(sobel_h(channel), sobel_v(channel))[1:-1, 1:-1]
    assert np.allclose(found, expected)


def test_correlation_is_scipys(secret: np.ndarray) -> None:
    left = np.random.default_rng(0).normal(0, 1, secret.shape) + secret / 100
    expected = [abs(stats.pearsonr(left[..., c].ravel(), secret[..., c].ravel()).statistic) for c in range(3)]
    assert similarity(left, secret)["signed"] == pytest.approx(np.mean(expected))


def test_a_container_that_shows_its_secret_is_found(cat: np.ndarray) -> None:
    """Four quarters of a photograph, each faintly in another: likeness is with that one, not with the one after it."""
    parts = [cat[top : top + 128, left : left + 128] for top in (0, 128) for left in (0, 128)]
    pairs = [(cover // 2, secret) for cover, secret in zip(parts, parts[1:] + parts[:1], strict=True)]
    rows = compare("faint", lambda cover, secret, seed: cover + secret // 16, pairs, 0)
    found = {row["likeness"]: row for row in summarise(pd.DataFrame(rows)).to_dict("records")}
    assert found["signed"]["pictures"] == 4
    for likeness in ("signed", "strength"):
        assert found[likeness]["secret"] > 0.95 and found[likeness]["unrelated"] < 0.8


def test_the_summary_gives_the_paired_difference() -> None:
    secret, unrelated = np.array([0.3, 0.2, 0.4, 0.5]), np.array([0.1, 0.1, 0.2, 0.1])
    table = pd.DataFrame({"method": "m", "likeness": "edges", "secret": secret, "unrelated": unrelated})
    (row,) = summarise(table).to_dict("records")
    expected = stats.ttest_rel(secret, unrelated).confidence_interval(0.95)
    assert (row["secret"], row["unrelated"], row["pictures"]) == (pytest.approx(0.35), pytest.approx(0.125), 4)
    assert (row["low"], row["high"]) == (pytest.approx(expected.low), pytest.approx(expected.high))
