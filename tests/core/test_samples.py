import numpy as np
import pytest
import torch
from skimage.measure import block_reduce

from stegnet.core import samples
from stegnet.core.samples import from_8_bits, to_8_bits
from stegnet.models import tensors


@pytest.fixture
def levels() -> np.ndarray:
    return np.random.default_rng(4).integers(0, 256, (240, 400, 3), np.uint8)


def as_tensor(picture: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(picture).permute(2, 0, 1)[None]


def as_picture(pictures: torch.Tensor) -> np.ndarray:
    return pictures[0].permute(1, 2, 0).numpy()


def test_block_means(levels):
    """Rounded, ties to even; tensors have the same, exactly, so that inference matches training."""
    means = samples.block_means(levels)
    assert means.dtype == np.uint8
    np.testing.assert_array_equal(means, np.rint(block_reduce(levels.astype(float), (8, 8, 1), np.mean)))
    for above, mean in ((31, 100), (32, 100), (33, 101)):
        picture = np.full((8, 8, 3), 100, np.uint8)
        picture.reshape(64, 3)[:above] += 1
        assert samples.block_means(picture).tolist() == [[[mean] * 3]]
    found = tensors.block_means(as_tensor(from_8_bits(levels))) * 255
    np.testing.assert_array_equal(as_picture(found.round()), samples.enlarge(means))


@pytest.mark.parametrize("gain", [0.25, 1.0, 13.3])
def test_what_is_hidden_is_the_residual_times_the_gain(levels, gain):
    picture, base = from_8_bits(levels), levels[::-1]
    hidden = samples.split(picture, base, gain)
    np.testing.assert_allclose(hidden, (levels.astype(float) - base) / 255 * gain, atol=1e-5)
    assert hidden.dtype == np.float32
    np.testing.assert_allclose(samples.join(hidden, base, gain), picture, atol=1e-6)
    assert samples.join(hidden, base, gain).dtype == np.float32


@pytest.mark.parametrize("size", [1, 3, 40])
def test_the_gain_makes_residuals_equally_strong(levels, size):
    signs = np.random.default_rng(1).choice([-size, size], levels.shape)
    picture = np.clip(levels, 50, 200)
    base = (picture + signs).astype(np.uint8)
    gain = samples.gain_for(picture, base)
    assert gain == pytest.approx(0.1 * 255 / size, rel=1e-5)
    found = samples.split(from_8_bits(picture), base, gain)
    assert np.sqrt(np.mean(np.square(found))) == pytest.approx(0.1, rel=1e-4)
    theirs = tensors.gains_for(as_tensor(picture) / 255, as_tensor(base) / 255)
    assert theirs.shape == (1, 1, 1, 1)
    assert theirs.item() == pytest.approx(gain, rel=1e-4)


def test_samples_come_into_range_by_a_period():
    values = np.float32([[-0.02, 0.0, 0.5, 1.0, 1.01]])
    np.testing.assert_allclose(samples.into_range(values, 0.03), [[0.01, 0, 0.5, 1, 0.98]], atol=1e-7)
    np.testing.assert_array_equal(samples.into_range(values, 0.0), values)
    theirs = tensors.into_range(torch.from_numpy(values), torch.tensor(0.03))
    np.testing.assert_allclose(theirs, samples.into_range(values, 0.03), atol=1e-7)


def test_levels_are_rounded_to_the_nearest():
    """Those of 8 bits round-trip, and tensors are rounded equally."""
    nearest = {0.0: 0, 1.0: 255, -3.0: 0, 7.0: 255, 100.4 / 255: 100, 100.6 / 255: 101, 0.4 / 255: 0}
    assert to_8_bits(np.float32([*nearest])).tolist() == [*nearest.values()]
    levels = np.arange(256, dtype=np.uint8)
    values = from_8_bits(levels)
    assert (values.dtype, values.min(), values.max(), to_8_bits(values).dtype) == (np.float32, 0, 1, np.uint8)
    np.testing.assert_array_equal(to_8_bits(values), levels)
    values = np.random.default_rng(0).uniform(-0.2, 1.2, 100_000).astype(np.float32)
    levels = to_8_bits(values)
    np.testing.assert_array_equal(levels, tensors.to_8_bits(torch.from_numpy(values)))
    np.testing.assert_array_equal(from_8_bits(levels), tensors.from_8_bits(torch.from_numpy(levels)))
