"""What single families are made of, by the formulas of their papers; what all of them promise: test_families.py."""

import numpy as np
import pytest
import torch

from stegnet.networks import build
from stegnet.networks.layers import BackboneContext, Haar
from tests.networks.conftest import perturbed, pictures

pytestmark = pytest.mark.arithmetic


def test_haar_is_the_textbooks_orthonormal_and_inverted():
    haar, both = Haar(), pictures()[0]
    block = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    red = haar(block.expand(1, 3, 2, 2))[:, ::3]
    assert red.flatten().tolist() == [5, -1, -2, 0]  # halves of 10, 4 − 6, 3 − 7 and 5 − 5
    columns = haar(torch.eye(4).view(4, 1, 2, 2).expand(4, 3, 2, 2))[:, ::3].reshape(4, 4)
    assert torch.equal(columns @ columns.T, torch.eye(4))
    torch.testing.assert_close(haar.inverse(haar(both)), both, rtol=0, atol=1e-6)


def test_mixing_is_the_least_squares_solution_and_undone():
    mixing = perturbed("invertible", noise=0.1, blocks=3, width=8).mixing
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


def test_output_ranges_of_the_unet():
    pair, (cover, secret) = perturbed("unet", factor=20, noise=0, width=4), pictures(64, 40)
    container = pair.hide(cover, secret)
    revealed = pair.reveal(container)
    assert container.min() >= 0 and container.max() <= 1
    assert -1 <= revealed.min() < -0.5
    assert 0.5 < revealed.max() <= 1
