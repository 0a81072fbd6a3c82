import numpy as np
import pytest
import torch
from skimage.measure import block_reduce

from stegnet.core import tensors as detail

pytestmark = pytest.mark.arithmetic

LEVEL = 1 / 255


def random_pictures(batch: int = 2, height: int = 24, width: int = 40) -> torch.Tensor:
    return torch.randint(256, (batch, 3, height, width), generator=torch.Generator().manual_seed(4)) / 255


def test_block_means_are_means_of_blocks():
    pictures = random_pictures()
    means = detail.block_means(pictures)
    assert means.dtype == torch.uint8
    assert means.shape == (2, 3, 3, 5)
    expected = block_reduce(pictures.double().numpy() * 255, (1, 1, 8, 8), np.mean)
    assert np.abs(means.numpy() - expected).max() <= 0.5 + 1e-4


@pytest.mark.parametrize("level", range(0, 256, 15))
def test_an_even_picture_is_its_own_mean(level):
    pictures = torch.full((1, 3, 8, 16), level / 255)
    means = detail.block_means(pictures)
    assert means.unique().tolist() == [level]
    assert detail.split(pictures, means).abs().max() < 1e-6


def test_the_detail_is_what_is_left():
    pictures = random_pictures()
    means = detail.block_means(pictures)
    expected = pictures.numpy() - np.kron(means.numpy(), np.ones((8, 8))) / 255
    np.testing.assert_allclose(detail.split(pictures, means), expected, atol=1e-6)


def test_without_the_detail_layer_the_base_is_grey():
    pictures = random_pictures()
    assert torch.equal(detail.split(pictures, None), pictures - 0.5)
    torch.testing.assert_close(detail.join(detail.split(pictures, None), None), pictures)


def test_join_undoes_split_but_for_the_rounded_means():
    pictures = random_pictures()
    means = detail.block_means(pictures)
    again = detail.join(detail.split(pictures, means), means)
    assert (again - pictures).abs().max() <= LEVEL / 2 + 1e-6
    assert torch.equal(detail.block_means(again), means)


def test_what_each_block_is_off_by_is_put_right():
    pictures = random_pictures()
    means = detail.block_means(pictures)
    hidden = detail.split(pictures, means)
    off = torch.rand(2, 3, 3, 5).repeat_interleave(8, 2).repeat_interleave(8, 3) - 0.5
    torch.testing.assert_close(detail.join(hidden + off, means), detail.join(hidden, means), atol=1e-6, rtol=0)


def test_centred_blocks_have_no_mean():
    centred = detail.centred(random_pictures() - 0.3)
    assert np.abs(block_reduce(centred.double().numpy(), (1, 1, 8, 8), np.mean)).max() < 1e-7


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_the_widest_detail_stays_within_bounds(level):
    """One pixel of a block against all others."""
    pictures = torch.full((1, 1, 8, 8), level)
    pictures[..., 3, 4] = 1 - level
    hidden = detail.split(pictures, detail.block_means(pictures))
    assert hidden.abs().max() <= 1
    assert hidden[..., 3, 4].item() == pytest.approx((1 - 2 * level) * (255 - 4) / 255, abs=1e-6)


def test_gradients_pass():
    pictures = random_pictures().requires_grad_()
    means = detail.block_means(pictures.detach())
    detail.split(pictures, means).sum().backward()
    assert torch.equal(pictures.grad, torch.ones_like(pictures))
    hidden = torch.rand(1, 1, 8, 8, requires_grad=True)
    (detail.join(hidden, torch.zeros(1, 1, 1, 1, dtype=torch.uint8))[..., 0, 0]).sum().backward()
    assert hidden.grad[0, 0, 0, :2].tolist() == [1 - 1 / 64, -1 / 64]
