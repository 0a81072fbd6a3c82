from collections import Counter
from itertools import product

import numpy as np
import pytest

from pipeline.tensors import seeded_shuffle
from stegnet.core import keystream

KEY = bytes(range(32))


def key(number: int) -> bytes:
    return number.to_bytes(32, "big")


def chi_square(counts: list[int]) -> float:
    expected = sum(counts) / len(counts)
    return sum((count - expected) ** 2 / expected for count in counts)


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).random((height, width, 3), np.float32) - np.float32(0.5)


@pytest.mark.parametrize("block", [1, 3, 8, 16])
@pytest.mark.parametrize(("rows", "cols"), [(1, 1), (1, 7), (5, 3)])
def test_invert_undoes_apply(block, rows, cols):
    """tests/format/test_steps.py has what is applied."""
    picture, shuffle = noise(rows * block, cols * block), keystream.draw(KEY, rows, cols)
    np.testing.assert_array_equal(keystream.invert(keystream.apply(picture, shuffle), shuffle), picture)
    np.testing.assert_array_equal(keystream.apply(keystream.invert(picture, shuffle), shuffle), picture)


def test_parts_and_words_of_a_stream_are_those_of_the_whole():
    """At every place in a block of the cipher, and beyond what is made at once."""
    whole = bytes(keystream.keystream(KEY, 600_000))
    for first, size in [*product(range(18), (0, 1, 33)), (300_007, 270_000)]:
        assert bytes(keystream.keystream(KEY, size, first)) == whole[first : first + size]
    places = np.random.default_rng(0).integers(0, 300_000, 70_000, np.int32)
    np.testing.assert_array_equal(keystream.keystream_words(KEY, places), np.frombuffer(whole, "<u2")[places])


def test_permutations_orientations_and_signs_are_uniform():
    """Chi-square: 59.1 is the 0.005 % quantile for 23 degrees of freedom, 52.3 the 0.0005 % one for 15."""
    orders = Counter(tuple(keystream.draw(key(n), 2, 2).permutation.tolist()) for n in range(4800))
    assert len(orders) == 24
    assert chi_square(list(orders.values())) < 59.1
    for shuffle in (keystream.draw(KEY, 80, 100), seeded_shuffle(1, 80, 100)):
        counts = np.bincount(shuffle.orientation + 8 * shuffle.negative, minlength=16)
        assert len(counts) == 16
        assert chi_square(counts.tolist()) < 52.3


def test_blocks_that_are_not_those_of_the_shuffle_are_refused():
    assert keystream.grid(61, 97) == (7, 12)
    for shape in ((17, 24, 3), (16, 16, 3), (0, 24, 3)):
        with pytest.raises(ValueError, match="blocks"):
            keystream.apply(np.zeros(shape), keystream.draw(KEY, 2, 3))


def test_a_window_equals_that_part_of_the_whole():
    picture, windows = noise(48, 72), [(0, 8, 0, 16), (5, 40, 3, 50), (0, 48, 71, 72), (10, 10, 0, 9)]
    for block, window in product((8, 24), windows):
        shuffle = keystream.draw(KEY, 48 // block, 72 // block)
        rows, cols = slice(*window[:2]), slice(*window[2:])
        for way in (keystream.apply, keystream.invert):
            np.testing.assert_array_equal(way(picture, shuffle, rows, cols), way(picture, shuffle)[rows, cols])


def test_a_mask_is_uniform_and_the_same_in_parts():
    shuffle = keystream.draw(KEY, 32, 32)
    whole = keystream.draw_mask(shuffle, slice(0, 256), 256)
    assert whole.dtype == np.float32
    assert whole.shape == (256, 256, 3)
    assert 0 <= whole.min() < 1e-4
    assert 1 - 1e-4 < whole.max() < 1
    for rows in (slice(0, 8), slice(100, 131), slice(255, 256)):
        np.testing.assert_array_equal(keystream.draw_mask(shuffle, rows, 256), whole[rows])
    counts = np.bincount((whole.ravel() * 64).astype(int), minlength=64)
    assert 20 < chi_square(counts.tolist()) < 120  # 63 degrees of freedom
