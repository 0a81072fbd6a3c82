"""Residuals, their spectra, and likeness to a secret, on residuals of which all is known."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from skimage.filters import sobel_h, sobel_v

from study.residual import (
    edges,
    power,
    similarity,
    summarise_leaks,
)

SIZE = 64


@pytest.fixture
def secret(cat: np.ndarray) -> np.ndarray:
    return cat[60 : 60 + SIZE, 60 : 60 + SIZE]


def noise(seed: int = 0, sigma: float = 1.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, sigma, (SIZE, SIZE, 3))


def test_edges_are_scikit_images(secret: np.ndarray) -> None:
    """Its filters are a quarter of Sobel's, and leave the border out."""
    found, channel = edges(secret)[1:-1, 1:-1, 1], secret[..., 1].astype(float)
    expected = 4 * np.hypot(sobel_h(channel), sobel_v(channel))[1:-1, 1:-1]
    assert np.allclose(found, expected)


def test_correlation_is_scipys(secret: np.ndarray) -> None:
    left = noise() + secret / 100
    expected = [abs(stats.pearsonr(left[..., c].ravel(), secret[..., c].ravel()).statistic) for c in range(3)]
    assert similarity(left, secret)["signed"] == pytest.approx(np.mean(expected))


def test_power_keeps_the_energy_and_a_wave_stands_where_it_should() -> None:
    assert power(noise()).mean() == pytest.approx((noise() ** 2).mean())  # Parseval
    wave = np.broadcast_to(np.cos(2 * np.pi * 8 * np.arange(SIZE) / SIZE)[None, :, None], (SIZE, SIZE, 3))
    strongest = np.argwhere(power(wave) > power(wave).max() / 2) - SIZE // 2
    assert sorted(map(tuple, strongest.tolist())) == [(0, -8), (0, 8)]


def test_summary_gives_the_paired_difference() -> None:
    secret, unrelated = np.array([0.3, 0.2, 0.4, 0.5]), np.array([0.1, 0.1, 0.2, 0.1])
    table = pd.DataFrame({"method": "m", "likeness": "edges", "secret": secret, "unrelated": unrelated})
    (row,) = summarise_leaks(table).to_dict("records")
    expected = stats.ttest_rel(secret, unrelated).confidence_interval(0.95)
    assert (row["secret"], row["unrelated"], row["pictures"]) == (pytest.approx(0.35), pytest.approx(0.125), 4)
    assert (row["low"], row["high"]) == (pytest.approx(expected.low), pytest.approx(expected.high))
