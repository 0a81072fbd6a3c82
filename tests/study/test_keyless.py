"""The observer without the key: one refusal for all attempts, and the statistics that no shuffle hides."""

import hashlib

import numpy as np
import pytest

from stegnet.codec import Key, Network, hide_picture, reveal_picture
from stegnet.evaluation.demonstration import seeded
from study.keyless import (
    OPENED,
    Attempt,
    answers,
    attempts,
    histogram_correlation,
    mean_colour_error,
    one_bit_off,
    recognised,
    variance_profile,
)

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


def test_no_shuffle_changes_the_variance_profile(secrets):
    for secret in secrets:
        assert variance_profile(mixed(secret), 8) == pytest.approx(variance_profile(secret, 8))
    assert recognised([mixed(secret) for secret in secrets], secrets, 8) == 1
    assert recognised(secrets[::-1], secrets, 8) == 0


def test_a_flat_block_has_no_variance():
    assert variance_profile(np.full((16, 16, 3), 0.3), 8) == pytest.approx(np.zeros(4))


def test_histogram_and_mean_colour(secrets):
    secret = secrets[0]
    moved = np.roll(secret, (8, 16), (0, 1))
    assert histogram_correlation(moved, secret) == pytest.approx(1)
    assert histogram_correlation(secret - secret.mean() + 0.7, secret) < 0.5
    assert mean_colour_error(moved, secret) == pytest.approx(0)
    assert mean_colour_error(secret + np.array([0.1, 0, -0.2]), secret) == pytest.approx(0.1 * 255)


SECRET = hashlib.sha256(b"a test").digest()


@pytest.fixture
def reveal(exact: Network):
    return lambda container, key: reveal_picture(exact, container, key)


@pytest.fixture
def hidden(exact: Network, picture) -> tuple[np.ndarray, np.ndarray]:
    """Cover and container."""
    cover = picture(64, 96, seed=1)
    return cover, hide_picture(exact, cover, picture(64, 96, seed=2), Key(SECRET), seeded(0))


def test_every_wrong_key_gets_one_message(hidden, reveal) -> None:
    table = answers(attempts(*hidden, SECRET, range(256), seeded(1)), reveal)
    assert set(table["kind"]) == {"another key", "one bit off", "no key: all zeros", "a passphrase", "nothing hidden"}
    assert table["count"].sum() == 260
    assert table["answer"].nunique() == 1
    assert table["answer"][0].startswith("error: nothing can be revealed")


def test_the_right_key_would_be_noticed(hidden, reveal) -> None:
    made = [Attempt("wrong", hidden[1], Key(bytes(32))), Attempt("right", hidden[1], Key(SECRET))]
    assert OPENED in set(answers(made, reveal)["answer"])


def test_a_key_with_one_bit_off() -> None:
    keys = {repr(one_bit_off(SECRET, bit).record()) for bit in range(256)}
    assert len(keys) == 256
    assert repr(Key(SECRET).record()) not in keys
    assert one_bit_off(bytes(32), 7).record() == Key(bytes([1, *bytes(31)])).record()
