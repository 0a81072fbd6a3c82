import numpy as np
import pytest
import torch

from stegnet import ConfigError
from stegnet.networks import Pair, build
from stegnet.networks.layers import BackboneContext, Haar

pytestmark = pytest.mark.arithmetic
HAAR = Haar()


@pytest.fixture
def pictures() -> torch.Tensor:
    return torch.rand(2, 3, 24, 40, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def trained() -> Pair:
    """A pair with random weights, far from the identity."""
    torch.manual_seed(0)
    pair = build("invertible", blocks=3, width=8)
    for parameter in pair.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return pair


def test_haar_is_the_textbooks_orthonormal_and_inverted(pictures):
    block = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    red = HAAR(block.expand(1, 3, 2, 2))[:, ::3]
    assert red.flatten().tolist() == [5, -1, -2, 0]  # halves of 10, 4 − 6, 3 − 7 and 5 − 5
    columns = HAAR(torch.eye(4).view(4, 1, 2, 2).expand(4, 3, 2, 2))[:, ::3].reshape(4, 4)
    assert torch.equal(columns @ columns.T, torch.eye(4))
    torch.testing.assert_close(HAAR.inverse(HAAR(pictures)), pictures, rtol=0, atol=1e-6)


def test_with_the_true_latent_the_inverse_is_exact(trained, pictures):
    cover, secret = HAAR(pictures), HAAR(pictures.flip(0))
    container, latent = cover, secret
    for block in trained.blocks:
        container, latent = block(container, latent)
    assert (container - cover).abs().mean() > 0.01
    assert (latent - secret).abs().mean() > 0.01
    for block in reversed(trained.blocks):
        container, latent = block.inverse(container, latent)
    torch.testing.assert_close(container, cover, rtol=0, atol=1e-4)
    torch.testing.assert_close(latent, secret, rtol=0, atol=1e-4)


def test_hiding_is_the_forward_pass_and_revealing_its_left_inverse(trained, pictures):
    covers, secrets = HAAR(pictures), HAAR(1 - pictures)
    for block in trained.blocks:
        covers, secrets = block(covers, secrets)
    container = trained.hide(pictures, 1 - pictures)
    torch.testing.assert_close(HAAR(container), trained.mixing(covers, secrets), rtol=1e-4, atol=1e-5)
    cover, secret = HAAR(container), trained.mixing.inverse(HAAR(container))
    assert secret.abs().max() > 0
    for block in reversed(trained.blocks):
        cover, secret = block.inverse(cover, secret)
    torch.testing.assert_close(trained.reveal(container), HAAR.inverse(secret))


def test_mixing_is_the_least_squares_solution_and_stays_at_32_bits(trained, pictures):
    cover, secret = torch.rand(2, 1, 12, 1, 1)
    system = np.concatenate([np.eye(12), trained.mixing.weight.detach().numpy()])
    wanted = np.linalg.lstsq(system, torch.cat([cover, secret], dim=1).flatten().numpy())[0]
    np.testing.assert_allclose(trained.mixing(cover, secret).detach().flatten(), wanted, atol=1e-5)
    bands = HAAR(pictures)
    torch.testing.assert_close(trained.mixing(bands, trained.mixing.inverse(bands)), bands, rtol=0, atol=1e-5)
    with torch.autocast("cpu", torch.bfloat16):
        mixed, latent = trained.mixing(bands, bands), trained.mixing.inverse(bands)
    assert (mixed.dtype, latent.dtype) == (torch.float32, torch.float32)
    torch.testing.assert_close(mixed, trained.mixing(bands, bands))


def test_an_untrained_network_does_not_change_the_cover(pictures):
    fresh = build("invertible", blocks=4, width=8)
    torch.testing.assert_close(fresh.hide(pictures, 1 - pictures), pictures, rtol=0, atol=1e-6)
    assert fresh.reveal(pictures).abs().max() == 0


@pytest.mark.parametrize(("place", "count"), [("ends", 2), ("couplings", 1), ("latent + ends", 3)])
def test_the_place_of_the_backbone(place, count):
    pair = build("invertible", blocks=1, width=4, backbone="test_convnext", place=place)
    assert sum(isinstance(module, BackboneContext) for module in pair.modules()) == count
    container = pair.hide(torch.rand(1, 3, 40, 24), torch.rand(1, 3, 40, 24))
    assert pair.restore(container, pair.reveal(container)).shape == (1, 3, 40, 24)


def test_an_unknown_place_and_ends_of_one_convolution_are_refused():
    with pytest.raises(ConfigError, match=r"model.place: unknown place 'middle'") as caught:
        build("invertible", place="ends+middle")
    assert caught.value.hint == "known: ends, couplings, latent, joined by +"
    with pytest.raises(ConfigError, match=r"model.ends: must be 0, or 2 and more"):
        build("invertible", ends=1)
