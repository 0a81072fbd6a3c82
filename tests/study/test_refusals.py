"""What is told to whoever has no key: the same, whatever he tries."""

import hashlib

import numpy as np
import pytest

from stegnet.codec import Key, Network, hide_picture, reveal_picture
from stegnet.evaluation.demonstration import seeded
from study.keyless.refusals import OPENED, Try, answers, one_bit_off, tries

SECRET = hashlib.sha256(b"a test").digest()


@pytest.fixture
def reveal(exact: Network):
    return lambda container, key: reveal_picture(exact, container, key)


@pytest.fixture
def hidden(exact: Network, picture) -> tuple[np.ndarray, np.ndarray]:
    """Cover and container."""
    cover = picture(64, 96, seed=1)
    return cover, hide_picture(exact, cover, picture(64, 96, seed=2), Key(SECRET), seeded(0))


def test_one_message_for_all_that_is_not_the_key(hidden, reveal) -> None:
    table = answers(tries(*hidden, SECRET, range(256), seeded(1)), reveal)
    assert set(table["kind"]) == {"another key", "one bit off", "no key: all zeros", "a passphrase", "nothing hidden"}
    assert table["count"].sum() == 260
    assert table["answer"].nunique() == 1
    assert table["answer"][0].startswith("error: nothing can be revealed")


def test_the_right_key_would_be_noticed(hidden, reveal) -> None:
    attempts = [Try("wrong", hidden[1], Key(bytes(32))), Try("right", hidden[1], Key(SECRET))]
    assert OPENED in set(answers(attempts, reveal)["answer"])


def test_a_key_with_one_bit_off() -> None:
    keys = {repr(one_bit_off(SECRET, bit).record()) for bit in range(256)}
    assert len(keys) == 256
    assert repr(Key(SECRET).record()) not in keys
    assert one_bit_off(bytes(32), 7).record() == Key(bytes([1, *bytes(31)])).record()
