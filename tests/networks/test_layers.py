"""What single families are made of, by the formulas of their papers; what all of them promise: test_families.py."""

import math

import numpy as np
import pytest
import torch

from stegnet.networks import Pair, build
from stegnet.networks.layers import BANDS, BackboneContext, DenseBlock, DenseCoupling, Haar

pytestmark = pytest.mark.arithmetic


def pictures(height: int = 24, width: int = 40) -> tuple[torch.Tensor, torch.Tensor]:
    """A cover, and a secret less mid-grey."""
    cover, secret = torch.rand(2, 2, 3, height, width, generator=torch.Generator().manual_seed(1))
    return cover, secret - 0.5


def far_pair(name: str, factor: float = 1, noise: float = 0, **options: int) -> Pair:
    """A small pair whose weights are far from those at the start."""
    torch.manual_seed(0)
    pair = build(name, **options).eval()
    for parameter in pair.parameters():
        parameter.data = factor * parameter.data + noise * torch.randn_like(parameter)
    return pair


def test_haar_is_the_textbooks_orthonormal_and_inverted():
    haar, both = Haar(), pictures()[0]
    block = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    red = haar(block.expand(1, 3, 2, 2))[:, ::3]
    assert red.flatten().tolist() == [5, -1, -2, 0]  # halves of 10, 4 − 6, 3 − 7 and 5 − 5
    columns = haar(torch.eye(4).view(4, 1, 2, 2).expand(4, 3, 2, 2))[:, ::3].reshape(4, 4)
    assert torch.equal(columns @ columns.T, torch.eye(4))
    torch.testing.assert_close(haar.inverse(haar(both)), both, rtol=0, atol=1e-6)


def test_a_dense_block_sees_all_before_it():
    block = DenseBlock(width=2)
    for parameter in block.parameters():
        parameter.data.fill_(0)
    for index, convolution in enumerate(block.growing):
        convolution.weight.data[:, 0, 1, 1] = 1  # copies the first band
        convolution.bias.data.fill_(index)
    block.last.weight.data[0, :, 1, 1] = torch.arange(BANDS + 8.0)
    bands = torch.zeros(1, BANDS, 2, 2)
    bands[:, 0] = 5.0
    # Channels 12 to 19 hold 5, 5, 6, 6, 7, 7, 8, 8.
    expected = sum(channel * (5 + (channel - 12) // 2) for channel in range(12, 20))
    assert block(bands)[:, 0].unique().tolist() == [expected]
    assert block(-bands)[:, 0, 0, 0].item() == pytest.approx(
        sum(channel * 0.01 * ((channel - 12) // 2 - 5) for channel in range(12, 20))
    )


@pytest.mark.parametrize("scales_cover", [False, True])
def test_a_coupling_is_the_papers_formula(scales_cover):
    """With networks that are constants."""
    coupling = DenseCoupling(2, scales_cover)
    values = {"phi": 0.3, "rho": -0.7, "eta": 0.2, "psi": 1.1}
    for network, value in values.items():
        if block := getattr(coupling, network):
            block.last.bias.data.fill_(value)
    cover, secret = coupling(*torch.full((2, 1, BANDS, 2, 2), 0.5))
    sigmoid = {network: 1 / (1 + math.exp(-value)) for network, value in values.items()}
    scale = math.exp(2 * (2 * sigmoid["psi"] - 1)) if scales_cover else 1
    assert cover.unique().item() == pytest.approx(0.5 * scale + 0.3)
    assert secret.unique().item() == pytest.approx(0.5 * math.exp(2 * (2 * sigmoid["rho"] - 1)) + 0.2)


@pytest.mark.parametrize("name", ["deepmih", "hinet"])
def test_revealing_is_random_in_training_alone(name):
    pair, (container, _) = far_pair(name, noise=0.1, blocks=3, width=4), pictures()
    assert torch.equal(pair.reveal(container), pair.reveal(container))
    pair.train()
    torch.manual_seed(0)
    first, second = pair.reveal(container), pair.reveal(container)
    assert (first - second).abs().mean() > 0.1
    torch.manual_seed(0)
    assert torch.equal(pair.reveal(container), first)


@pytest.mark.parametrize("name", ["deepmih", "hinet"])
def test_the_penalty_is_that_of_low_frequencies(name):
    pair, (cover, _) = build(name, blocks=1, width=4), pictures()
    torch.testing.assert_close(pair.penalty(cover, cover + 0.1), torch.tensor(0.01), rtol=1e-4, atol=0)
    checks = 0.1 * torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).repeat(12, 20)
    assert pair.penalty(cover, cover + checks) < 1e-12


def test_mixing_is_the_least_squares_solution_and_undone():
    mixing = far_pair("invertible", noise=0.1, blocks=3, width=8).mixing
    cover, secret = torch.rand(2, 1, 12, 1, 1)
    system = np.concatenate([np.eye(12), mixing.weight.detach().numpy()])
    wanted = np.linalg.lstsq(system, torch.cat([cover, secret], dim=1).flatten().numpy())[0]
    np.testing.assert_allclose(mixing(cover, secret).detach().flatten(), wanted, atol=1e-5)
    bands = Haar()(pictures()[0])
    torch.testing.assert_close(mixing(bands, mixing.inverse(bands)), bands, rtol=0, atol=1e-5)
    exact = mixing(bands, bands)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(mixing(bands, bands), exact)


@pytest.mark.parametrize(("place", "count"), [("ends", 2), ("couplings", 1), ("latent + ends", 3)])
def test_the_place_of_the_backbone(place, count):
    pair = build("invertible", blocks=1, width=4, backbone="test_convnext", place=place)
    assert sum(isinstance(module, BackboneContext) for module in pair.modules()) == count
    container = pair.hide(*pictures(40, 24))
    assert pair.restore(container, pair.reveal(container)).shape == (2, 3, 40, 24)


def test_balujas_hiding_network_gets_the_prepared_secret():
    pair, (cover, secret) = build("baluja", width=4), pictures(16, 16)
    assert torch.equal(pair.hide(cover, secret), pair.hider(torch.cat([cover, pair.preparer(secret)], dim=1)))
    assert torch.equal(pair.prepare(secret), secret)


def test_output_ranges_of_the_unet():
    pair, (cover, secret) = far_pair("unet", 20, width=4).train(), pictures(64, 40)
    container = pair.hide(cover, secret)
    revealed = pair.reveal(container)
    assert container.min() >= 0 and container.max() <= 1
    assert -1 <= revealed.min() < -0.5
    assert 0.5 < revealed.max() <= 1


def test_skip_connections_preserve_fine_detail():
    torch.manual_seed(0)
    pair = build("unet", width=4).eval()
    cover, secret = pictures(128, 128)
    dotted = secret.clone()
    dotted[..., 64, 64] += 1
    change = (pair.hide(cover, dotted) - pair.hide(cover, secret)).abs().sum((0, 1))
    assert change[62:67, 62:67].max() == change.max() > 0


def test_the_change_of_universal_deep_hiding_does_not_depend_on_the_cover():
    torch.manual_seed(0)
    pair, (cover, secret) = build("udh", width=4).eval(), pictures(40, 56)
    change = pair.hide(cover, secret) - cover
    torch.testing.assert_close(pair.hide(1 - cover, secret) - (1 - cover), change, rtol=0, atol=1e-6)
    assert change.std() > 1e-4


def test_output_ranges_of_universal_deep_hiding():
    """A sample changes by 10 levels at most, however large the weights are; a secret is in [0, 1]."""
    pair, (cover, secret) = far_pair("udh", 100, width=4), pictures(40, 56)
    container = pair.hide(cover, secret)
    assert 255 * (container - cover).abs().max().item() == pytest.approx(10, abs=1e-3)
    revealed = pair.reveal(container) + 128 / 255
    assert revealed.min().item() == pytest.approx(0, abs=1e-6)
    assert revealed.max().item() == pytest.approx(1, abs=1e-6)
