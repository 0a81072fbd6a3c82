import numpy as np
import pytest
import torch
from skimage.measure import block_reduce

from stegnet.core import samples as detail
from stegnet.core import tensors
from stegnet.core.samples import from_8_bits


@pytest.fixture
def levels() -> np.ndarray:
    return np.random.default_rng(4).integers(0, 256, (240, 400, 3), np.uint8)


def as_tensor(picture: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(picture).permute(2, 0, 1)[None]


def as_picture(pictures: torch.Tensor) -> np.ndarray:
    return pictures[0].permute(1, 2, 0).numpy()


def test_block_means_are_means_of_blocks(levels):
    means = detail.block_means(levels)
    assert means.dtype == np.uint8
    np.testing.assert_array_equal(means, np.rint(block_reduce(levels.astype(float), (8, 8, 1), np.mean)))


@pytest.mark.parametrize(("above", "mean"), [(31, 100), (32, 100), (33, 101)])
def test_what_lies_half_way_goes_to_even(above, mean):
    picture = np.full((8, 8, 3), 100, np.uint8)
    picture.reshape(64, 3)[:above] += 1
    assert detail.block_means(picture).tolist() == [[[mean] * 3]]


def test_the_detail_is_what_is_left(levels):
    picture, means = from_8_bits(levels), detail.block_means(levels)
    expected = picture - np.kron(means, np.ones((8, 8, 1))) / 255
    np.testing.assert_allclose(detail.split(picture, means), expected, atol=1e-6)
    assert detail.split(picture, means).dtype == np.float32


def test_without_the_detail_layer_the_base_is_grey(levels):
    picture = from_8_bits(levels)
    np.testing.assert_array_equal(detail.split(picture, None), picture - np.float32(0.5))
    np.testing.assert_allclose(detail.join(detail.split(picture, None), None), picture, atol=1e-7)
    assert detail.with_block_means(picture, None) is picture


def test_what_each_block_is_off_by_is_put_right(levels):
    picture, means = from_8_bits(levels), detail.block_means(levels)
    off = np.random.default_rng(0).random((30, 50, 3), np.float32).repeat(8, 0).repeat(8, 1) - np.float32(0.5)
    expected = detail.join(detail.split(picture, means), means)
    np.testing.assert_allclose(detail.join(detail.split(picture, means) + off, means), expected, atol=1e-6)
    np.testing.assert_allclose(detail.with_block_means(picture + off, means), expected, atol=1e-6)
    found = block_reduce(expected.astype(float), (8, 8, 1), np.mean) * 255
    np.testing.assert_allclose(found, means, atol=1e-4)


def test_tensors_have_the_same_means(levels):
    """Exactly: what travels is what the network was trained with."""
    found = tensors.block_means(as_tensor(from_8_bits(levels)))
    np.testing.assert_array_equal(as_picture(found), detail.block_means(levels))


@pytest.mark.parametrize("known", [True, False])
def test_tensors_have_the_same_detail(levels, known):
    """But for the order of sums."""
    picture, means = from_8_bits(levels), detail.block_means(levels) if known else None
    theirs = None if means is None else as_tensor(means)
    for name in ("split", "join", "with_block_means"):
        expected = as_picture(getattr(tensors, name)(as_tensor(picture), theirs))
        np.testing.assert_allclose(getattr(detail, name)(picture, means), expected, rtol=0, atol=1e-6)
