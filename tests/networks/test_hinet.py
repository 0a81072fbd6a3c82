"""HiNet, and the hiding network of DeepMIH, which differs in the coupling of the cover's branch."""

import math

import pytest
import torch

from pipeline.train.complexity import size_of
from stegnet.core.pixels import GREY
from stegnet.networks import Pair, build
from stegnet.networks.layers import BANDS, DenseBlock, DenseCoupling, Haar

pytestmark = pytest.mark.arithmetic
HAAR = Haar()


@pytest.fixture(params=["hinet", "deepmih"])
def name(request) -> str:
    return request.param


@pytest.fixture
def pair(name) -> Pair:
    """A small pair with random weights, far from the identity."""
    torch.manual_seed(0)
    pair = build(name, blocks=3, width=4)
    for parameter in pair.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return pair.eval()


@pytest.fixture
def pictures() -> tuple[torch.Tensor, torch.Tensor]:
    """A cover, and a secret less mid-grey."""
    cover, secret = torch.rand(2, 2, 3, 24, 40, generator=torch.Generator().manual_seed(1))
    return cover, secret - 0.5


@pytest.mark.parametrize(("name", "dense_blocks", "parameters"), [("hinet", 3, 4_050_240), ("deepmih", 4, 5_400_320)])
def test_the_size_is_the_published_one(name, dense_blocks, parameters):
    """Papers quote 4.05 M for HiNet. For DeepMIH's first network, it is that of its public code, of 12.42 M in all."""
    filters = 9 * (32 * (12 + 44 + 76 + 108) + 12 * 140)  # of a dense block, without biases
    couplings = 16 * dense_blocks * filters // 4  # at half resolution
    haar = 12 * 12 // 4
    size = size_of(build(name))
    assert size["parameters"] == parameters
    assert size["hide_macs_per_pixel"] == couplings + 3 * haar
    assert size["reveal_macs_per_pixel"] == couplings + 2 * haar


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


def test_with_the_true_latent_the_inverse_is_exact(pair, pictures):
    pair.blocks.double()
    cover, secret = (HAAR(picture).double() for picture in pictures)
    container, latent = cover, secret
    for block in pair.blocks:
        container, latent = block(container, latent)
    assert (container - cover).abs().mean() > 0.01
    assert (latent - secret).abs().mean() > 0.01
    for block in reversed(pair.blocks):
        container, latent = block.inverse(container, latent)
    torch.testing.assert_close(container, cover, rtol=0, atol=1e-9)
    torch.testing.assert_close(latent, secret, rtol=0, atol=1e-9)


def test_hiding_keeps_one_branch_and_revealing_starts_from_it_and_zero(pair, pictures):
    cover, secret = pictures
    kept, lost = HAAR(cover), HAAR(secret + GREY / 255)
    for block in pair.blocks:
        kept, lost = block(kept, lost)
    container = pair.hide(cover, secret)
    assert torch.equal(container, HAAR.inverse(kept))
    kept, revealed = HAAR(container), torch.zeros_like(lost)
    for block in reversed(pair.blocks):
        kept, revealed = block.inverse(kept, revealed)
    assert torch.equal(pair.reveal(container), HAAR.inverse(revealed) - GREY / 255)


def test_revealing_is_random_in_training_alone(pair, pictures):
    container = pictures[0]
    assert torch.equal(pair.reveal(container), pair.reveal(container))
    pair.train()
    torch.manual_seed(0)
    first, second = pair.reveal(container), pair.reveal(container)
    assert (first - second).abs().mean() > 0.1
    torch.manual_seed(0)
    assert torch.equal(pair.reveal(container), first)


def test_an_untrained_network_does_not_change_the_cover(name, pictures):
    fresh = build(name, blocks=2, width=4).eval()
    torch.testing.assert_close(fresh.hide(*pictures), pictures[0], rtol=0, atol=1e-6)
    assert fresh.reveal(pictures[0]).unique().tolist() == [pytest.approx(-GREY / 255)]


def test_the_penalty_is_that_of_low_frequencies(pair, pictures):
    cover = pictures[0]
    torch.testing.assert_close(pair.penalty(cover, cover + 0.1), torch.tensor(0.01), rtol=1e-4, atol=0)
    checks = 0.1 * torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).repeat(12, 20)
    assert pair.penalty(cover, cover + checks) < 1e-12


def test_the_branches_stay_at_32_bits(pair, pictures):
    """Only the dense blocks compute in fewer."""
    with torch.autocast("cpu", torch.bfloat16):
        container = pair.hide(*pictures)
        revealed = pair.reveal(container)
    assert container.dtype == revealed.dtype == torch.float32
    fresh = build("hinet", blocks=2, width=4)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(fresh.hide(*pictures), pictures[0], rtol=0, atol=1e-6)
