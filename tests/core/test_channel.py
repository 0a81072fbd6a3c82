import numpy as np
import pytest
import torch

from stegnet.core import tensors
from stegnet.core.samples import from_8_bits, to_8_bits


@pytest.mark.parametrize(
    ("value", "level"),
    [(0.0, 0), (1.0, 255), (-3.0, 0), (7.0, 255), (100.4 / 255, 100), (100.6 / 255, 101), (0.4 / 255, 0)],
)
def test_a_level_is_the_nearest_one(value, level):
    assert to_8_bits(np.float32([value])).tolist() == [level]


def test_all_levels_come_back():
    levels = np.arange(256, dtype=np.uint8)
    values = from_8_bits(levels)
    assert values.dtype == np.float32
    assert (values.min(), values.max()) == (0, 1)
    np.testing.assert_array_equal(to_8_bits(values), levels)
    assert to_8_bits(values).dtype == np.uint8


def test_tensors_are_rounded_alike():
    values = np.random.default_rng(0).uniform(-0.2, 1.2, 100_000).astype(np.float32)
    levels = to_8_bits(values)
    np.testing.assert_array_equal(levels, tensors.to_8_bits(torch.from_numpy(values)))
    np.testing.assert_array_equal(from_8_bits(levels), tensors.from_8_bits(torch.from_numpy(levels)))
