import numpy as np
import pytest

from study.shuffle.glimpse import histogram_correlation, mean_colour_error, profile, recognised

random = np.random.default_rng(0)


@pytest.fixture
def secrets() -> list[np.ndarray]:
    """Pictures that are busy here and there, each elsewhere and otherwise."""
    pictures = []
    for number in range(4):
        busy = random.gamma(1 + number, 0.05, (6, 6, 1)).repeat(8, 0).repeat(8, 1)
        pictures.append((random.uniform(-1, 1, (48, 48, 3)) * busy).clip(-1, 1))
    return pictures


def mixed(picture: np.ndarray) -> np.ndarray:
    """Its blocks of 8 in another order, every second one negated."""
    blocks = picture.reshape(6, 8, 6, 8, 3).swapaxes(1, 2).reshape(36, 8, 8, 3)
    blocks = blocks[random.permutation(36)] * np.resize([1, -1], 36)[:, None, None, None]
    return blocks.reshape(6, 6, 8, 8, 3).swapaxes(1, 2).reshape(picture.shape)


def test_how_busy_the_blocks_are_no_shuffle_changes(secrets):
    for secret in secrets:
        assert profile(mixed(secret), 8) == pytest.approx(profile(secret, 8))
    assert recognised([mixed(secret) for secret in secrets], secrets, 8) == 1
    assert recognised(secrets[::-1], secrets, 8) == 0


def test_a_flat_block_is_not_busy():
    assert profile(np.full((16, 16, 3), 0.3), 8) == pytest.approx(np.zeros(4))


def test_histogram_and_mean_colour(secrets):
    secret = secrets[0]
    moved = np.roll(secret, (8, 16), (0, 1))
    assert histogram_correlation(moved, secret) == pytest.approx(1)
    assert histogram_correlation(secret - secret.mean() + 0.7, secret) < 0.5
    assert mean_colour_error(moved, secret) == pytest.approx(0)
    assert mean_colour_error(secret + np.array([0.1, 0, -0.2]), secret) == pytest.approx(0.1 * 255)
