"""The observer without the key: one refusal for all attempts, and what he sees of the residual."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from stegnet.core.samples import from_8_bits
from stegnet.core.shuffle import draw_mask, invert
from stegnet.evaluation.demonstration import seeded
from stegnet.keys import Key
from stegnet.methods.network import Network, hide_picture, reveal_picture
from stegnet.models.tensors import seeded_shuffle
from study.keyless import (
    answers,
    attempts,
    hide_shuffled,
    histogram_correlation,
    read_blocks,
    read_with,
    unmasked,
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


def test_only_the_key_takes_the_mask_off(weights, cat, picture) -> None:
    network = replace(Network.load(weights, backend="torch"), period=4 / 255)
    cover, right, wrong = picture(256, 256), seeded_shuffle(0, 32, 32), seeded_shuffle(1, 32, 32)
    container = hide_shuffled(network, cover, cat, right, 0)
    plain = network.engine.reveal(from_8_bits(container) - draw_mask(right, slice(0, 256), 256) * np.float32(4 / 255))
    assert np.array_equal(read_with(network, container, right), invert(plain, right))
    for other in (read_blocks(network, container), read_with(network, container, wrong)):
        assert not np.allclose(other, plain, atol=1e-3)
    shuffled = read_with(unmasked(network), container, right)
    assert np.array_equal(shuffled, invert(read_blocks(network, container), right))
