"""Pictures in 8 bits and as residuals; tensors are split and rounded equally, so that inference matches training."""

import numpy as np
import pytest
import torch
from skimage.measure import block_reduce

from pipeline import tensors
from stegnet.core import pixels


@pytest.fixture
def levels() -> np.ndarray:
    return np.random.default_rng(4).integers(0, 256, (48, 80, 3), np.uint8)


def as_tensor(picture: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(picture).permute(2, 0, 1)[None]


def test_block_means(levels):
    """Rounded, ties to even."""
    means = pixels.block_means(levels)
    assert means.dtype == np.uint8
    np.testing.assert_array_equal(means, np.rint(block_reduce(levels.astype(float), (8, 8, 1), np.mean)))
    for above, mean in ((31, 100), (32, 100), (33, 101)):
        picture = np.full((8, 8, 3), 100, np.uint8)
        picture.reshape(64, 3)[:above] += 1
        assert pixels.block_means(picture).tolist() == [[[mean] * 3]]
    found = tensors.block_means(as_tensor(pixels.from_8_bits(levels))) * 255
    np.testing.assert_array_equal(found.round()[0].permute(1, 2, 0), pixels.enlarge(means))
    np.testing.assert_allclose(found, found.round(), atol=1e-4)


@pytest.mark.parametrize("size", [1, 3, 40])
def test_residuals_are_equally_strong(levels, size):
    picture = np.clip(levels, 50, 200)
    base = (picture + np.random.default_rng(1).choice([-size, size], levels.shape)).astype(np.uint8)
    gain = pixels.gain_for(picture, pixels.from_8_bits(base))
    assert gain == pytest.approx(0.1 * 255 / size, rel=1e-5)
    hidden = pixels.split(pixels.from_8_bits(picture), pixels.from_8_bits(base), gain)
    np.testing.assert_allclose(hidden, (picture.astype(float) - base) / 255 * gain, atol=1e-5)
    assert np.sqrt(np.mean(np.square(hidden))) == pytest.approx(0.1, rel=1e-4)
    assert hidden.dtype == np.float32
    theirs = tensors.gains_for(as_tensor(picture) / 255, as_tensor(base) / 255)
    assert theirs.shape == (1, 1, 1, 1)
    assert theirs.item() == pytest.approx(gain, rel=1e-4)


def test_samples_come_into_range_by_a_period():
    values = np.float32([[-0.02, 0.0, 0.5, 1.0, 1.01]])
    np.testing.assert_allclose(pixels.into_range(values, 0.03), [[0.01, 0, 0.5, 1, 0.98]], atol=1e-7)
    theirs = tensors.into_range(torch.from_numpy(values), torch.tensor(0.03))
    np.testing.assert_allclose(theirs, pixels.into_range(values, 0.03), atol=1e-7)


def test_levels_are_rounded_to_the_nearest():
    nearest = {0.0: 0, 1.0: 255, -3.0: 0, 7.0: 255, 100.4 / 255: 100, 100.6 / 255: 101, 0.4 / 255: 0}
    assert pixels.to_8_bits(np.float32([*nearest])).tolist() == [*nearest.values()]
    levels = np.arange(256, dtype=np.uint8)
    values = pixels.from_8_bits(levels)
    assert (values.dtype, values.min(), values.max()) == (np.float32, 0, 1)
    np.testing.assert_array_equal(pixels.to_8_bits(values), levels)
    values = np.random.default_rng(0).uniform(-0.2, 1.2, 100_000).astype(np.float32)
    levels = pixels.to_8_bits(values)
    np.testing.assert_array_equal(levels, tensors.to_8_bits(torch.from_numpy(values)))
    np.testing.assert_array_equal(pixels.from_8_bits(levels), tensors.from_8_bits(torch.from_numpy(levels)))
