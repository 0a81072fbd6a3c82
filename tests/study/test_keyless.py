"""The observer without the key: one refusal for all attempts, and what he sees of the residual."""

import hashlib

import numpy as np
import pytest

from stegnet.evaluation.demonstration import seeded
from stegnet.keys import Key
from stegnet.methods.network import Network, hide_picture, reveal_picture
from study.keyless import (
    answers,
    attempts,
    histogram_correlation,
)

random = np.random.default_rng(0)


def test_histogram_correlation():
    secret = random.uniform(-1, 1, (48, 48, 3)) * random.gamma(1, 0.05, (48, 48, 1))
    moved = np.roll(secret, (8, 16), (0, 1))
    assert histogram_correlation(moved, secret) == pytest.approx(1)
    assert histogram_correlation(secret - secret.mean() + 0.7, secret) < 0.5


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
