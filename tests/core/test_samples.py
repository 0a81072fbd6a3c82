import numpy as np
import pytest
import torch
from skimage.measure import block_reduce

from stegnet.core import samples, tensors
from stegnet.core.samples import from_8_bits, to_8_bits


@pytest.fixture
def levels() -> np.ndarray:
    return np.random.default_rng(4).integers(0, 256, (240, 400, 3), np.uint8)


def as_tensor(picture: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(picture).permute(2, 0, 1)[None]


def as_picture(pictures: torch.Tensor) -> np.ndarray:
    return pictures[0].permute(1, 2, 0).numpy()


def test_block_means(levels):
    means = samples.block_means(levels)
    assert means.dtype == np.uint8
    np.testing.assert_array_equal(means, np.rint(block_reduce(levels.astype(float), (8, 8, 1), np.mean)))


@pytest.mark.parametrize(("above", "mean"), [(31, 100), (32, 100), (33, 101)])
def test_ties_are_rounded_to_even(above, mean):
    picture = np.full((8, 8, 3), 100, np.uint8)
    picture.reshape(64, 3)[:above] += 1
    assert samples.block_means(picture).tolist() == [[[mean] * 3]]


def test_the_detail_is_the_picture_minus_its_block_means(levels):
    picture, means = from_8_bits(levels), samples.block_means(levels)
    expected = picture - np.kron(means, np.ones((8, 8, 1))) / 255
    np.testing.assert_allclose(samples.split(picture, means), expected, atol=1e-6)
    assert samples.split(picture, means).dtype == np.float32


def test_without_the_detail_layer_the_base_is_grey(levels):
    picture = from_8_bits(levels)
    np.testing.assert_array_equal(samples.split(picture, None), picture - np.float32(0.5))
    np.testing.assert_allclose(samples.join(samples.split(picture, None), None), picture, atol=1e-7)
    assert samples.with_block_means(picture, None) is picture


def test_block_means_are_corrected(levels):
    picture, means = from_8_bits(levels), samples.block_means(levels)
    off = np.random.default_rng(0).random((30, 50, 3), np.float32).repeat(8, 0).repeat(8, 1) - np.float32(0.5)
    expected = samples.join(samples.split(picture, means), means)
    np.testing.assert_allclose(samples.join(samples.split(picture, means) + off, means), expected, atol=1e-6)
    np.testing.assert_allclose(samples.with_block_means(picture + off, means), expected, atol=1e-6)
    found = block_reduce(expected.astype(float), (8, 8, 1), np.mean) * 255
    np.testing.assert_allclose(found, means, atol=1e-4)


def test_tensors_have_the_same_means(levels):
    """Exactly, so that inference matches training."""
    found = tensors.block_means(as_tensor(from_8_bits(levels)))
    np.testing.assert_array_equal(as_picture(found), samples.block_means(levels))


@pytest.mark.parametrize("known", [True, False])
def test_tensors_have_the_same_detail(levels, known):
    """Up to the order of summation."""
    picture, means = from_8_bits(levels), samples.block_means(levels) if known else None
    theirs = None if means is None else as_tensor(means)
    for name in ("split", "join", "with_block_means"):
        expected = as_picture(getattr(tensors, name)(as_tensor(picture), theirs))
        np.testing.assert_allclose(getattr(samples, name)(picture, means), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("value", "level"),
    [(0.0, 0), (1.0, 255), (-3.0, 0), (7.0, 255), (100.4 / 255, 100), (100.6 / 255, 101), (0.4 / 255, 0)],
)
def test_rounding_to_the_nearest_level(value, level):
    assert to_8_bits(np.float32([value])).tolist() == [level]


def test_all_levels_round_trip():
    levels = np.arange(256, dtype=np.uint8)
    values = from_8_bits(levels)
    assert values.dtype == np.float32
    assert (values.min(), values.max()) == (0, 1)
    np.testing.assert_array_equal(to_8_bits(values), levels)
    assert to_8_bits(values).dtype == np.uint8


def test_tensors_are_rounded_equally():
    values = np.random.default_rng(0).uniform(-0.2, 1.2, 100_000).astype(np.float32)
    levels = to_8_bits(values)
    np.testing.assert_array_equal(levels, tensors.to_8_bits(torch.from_numpy(values)))
    np.testing.assert_array_equal(from_8_bits(levels), tensors.from_8_bits(torch.from_numpy(levels)))
