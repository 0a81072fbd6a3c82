"""Likeness of a residual to a secret, on residuals of which all is known."""

from typing import Any

import numpy as np
import pytest
from scipy import stats
from skimage.filters import sobel_h, sobel_v

from study.residual import compare, edges, similarity

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
    sides = edges(left), edges(secret)
    expected = [abs(stats.pearsonr(*(side[..., c].ravel() for side in sides)).statistic) for c in range(3)]
    assert similarity(left, secret) == pytest.approx(np.mean(expected))


def test_a_container_that_shows_its_secret_is_found(cat: np.ndarray) -> None:
    """Four quarters of a photograph, each faintly in another: likeness is with that one, not with the one after it."""
    parts = [cat[top : top + 128, left : left + 128] for top in (0, 128) for left in (0, 128)]
    pairs = [(cover // 2, secret) for cover, secret in zip(parts, parts[1:] + parts[:1], strict=True)]
    row: dict[str, Any] = compare("faint", lambda cover, secret, seed: cover + secret // 16, pairs, 0)
    assert row["pictures"] == 4
    assert row["secret"] > 0.7 and row["unrelated"] < 0.2
    assert row["excess"] == pytest.approx(row["secret"] - row["unrelated"])
    assert row["low"] < row["excess"] < row["high"]
