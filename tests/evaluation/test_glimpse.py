import numpy as np
import pytest

from stegnet.evaluation.glimpse import histogram_correlation, mean_colour_error, recognised


@pytest.fixture
def noise() -> list[np.ndarray]:
    """Pictures that differ in how strong their noise is."""
    random = np.random.default_rng(0)
    return [random.normal(0, strength, (32, 32, 3)) for strength in (0.02, 0.1, 0.3)]


def test_a_picture_shows_itself(noise):
    assert histogram_correlation(noise[0], noise[0]) == pytest.approx(1)
    assert mean_colour_error(noise[0] + 1 / 255, noise[0]) == pytest.approx(1)


def test_pictures_are_told_by_how_busy_they_are(noise):
    random = np.random.default_rng(1)
    turned = [np.rot90(picture) * random.choice([-1, 1]) for picture in noise]
    assert recognised(turned, noise, 8) == 1
    assert recognised(turned[::-1], noise, 8) == pytest.approx(1 / 3)
