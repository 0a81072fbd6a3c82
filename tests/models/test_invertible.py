import pytest
import torch

from stegnet.models.invertible import Invertible, haar, inverse_haar


@pytest.fixture
def pictures() -> torch.Tensor:
    return torch.rand(2, 3, 24, 40, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def trained() -> Invertible:
    """Not trained, but far from the identity."""
    torch.manual_seed(0)
    pair = Invertible(blocks=3, width=8)
    for parameter in pair.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return pair


def test_haar_of_a_textbook_block():
    block = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    assert haar(block).flatten().tolist() == [5, -1, -2, 0]  # halves of 10, 4 − 6, 3 − 7 and 5 − 5


def test_haar_is_orthonormal():
    columns = haar(torch.eye(4).view(4, 1, 2, 2)).view(4, 4)
    assert torch.equal(columns @ columns.T, torch.eye(4))


def test_haar_keeps_channels_and_places_apart():
    picture = torch.zeros(1, 3, 8, 8)
    picture[0, 1, 4:6, 2:4] = 1  # a block of the second channel
    bands = haar(picture)
    assert bands.shape == (1, 12, 4, 4)
    assert bands.nonzero().tolist() == [[0, 1, 2, 1]]
    assert bands[0, 1, 2, 1] == 2


def test_haar_comes_back(pictures):
    torch.testing.assert_close(inverse_haar(haar(pictures)), pictures, rtol=0, atol=1e-6)


def test_with_the_true_latent_the_inverse_is_exact(trained, pictures):
    cover, secret = haar(pictures), haar(pictures.flip(0))
    container, latent = cover, secret
    for block in trained.blocks:
        container, latent = block(container, latent)
    assert (container - cover).abs().mean() > 0.01
    assert (latent - secret).abs().mean() > 0.01
    for block in reversed(trained.blocks):
        container, latent = block.inverse(container, latent)
    torch.testing.assert_close(container, cover, rtol=0, atol=1e-4)
    torch.testing.assert_close(latent, secret, rtol=0, atol=1e-4)


def test_hiding_is_the_forward_pass_and_revealing_puts_zeros_for_what_is_lost(trained, pictures):
    covers, secrets = haar(pictures), haar(1 - pictures)
    for block in trained.blocks:
        covers, secrets = block(covers, secrets)
    container = trained.hide(pictures, 1 - pictures)
    torch.testing.assert_close(haar(container), covers, rtol=1e-4, atol=1e-5)
    cover, secret = haar(container), torch.zeros_like(covers)
    for block in reversed(trained.blocks):
        cover, secret = block.inverse(cover, secret)
    torch.testing.assert_close(trained.reveal(container), inverse_haar(secret))


def test_a_fresh_network_leaves_the_cover_as_it_is(pictures):
    fresh = Invertible(blocks=4, width=8)
    torch.testing.assert_close(fresh.hide(pictures, 1 - pictures), pictures, rtol=0, atol=1e-6)
    assert fresh.reveal(pictures).abs().max() == 0
