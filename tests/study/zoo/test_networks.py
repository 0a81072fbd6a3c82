"""Networks of the zoo have the parts of their papers; what all pairs promise: tests/networks/test_families.py."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from stegnet.networks import build
from stegnet.networks.layers import BANDS
from study.zoo.hinet import DenseCoupling
from study.zoo.stegformer import GlobalAttention, StegFormer, WindowAttention
from tests.networks.conftest import perturbed, pictures

pytestmark = pytest.mark.arithmetic


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


@pytest.mark.parametrize("name", ["study.zoo.hinet:DeepMIH", "study.zoo.hinet:HiNet"])
def test_revealing_is_random_in_training_alone(name):
    pair, (container, _) = perturbed(name, noise=0.1, blocks=3, width=4).eval(), pictures()
    assert torch.equal(pair.reveal(container), pair.reveal(container))
    pair.train()
    torch.manual_seed(0)
    first, second = pair.reveal(container), pair.reveal(container)
    assert (first - second).abs().mean() > 0.1
    torch.manual_seed(0)
    assert torch.equal(pair.reveal(container), first)


@pytest.mark.parametrize("name", ["study.zoo.hinet:DeepMIH", "study.zoo.hinet:HiNet"])
def test_the_penalty_is_that_of_low_frequencies(name):
    pair, (cover, _) = build(name, blocks=1, width=4), pictures()
    torch.testing.assert_close(pair.penalty(cover, cover + 0.1), torch.tensor(0.01), rtol=1e-4, atol=0)
    checks = 0.1 * torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).repeat(12, 20)
    assert pair.penalty(cover, cover + checks) < 1e-12


def test_the_change_of_universal_deep_hiding_does_not_depend_on_the_cover():
    torch.manual_seed(0)
    pair, (cover, secret) = build("study.zoo.udh:UniversalDeepHiding", width=4).eval(), pictures(40, 56)
    change = pair.hide(cover, secret) - cover
    torch.testing.assert_close(pair.hide(1 - cover, secret) - (1 - cover), change, rtol=0, atol=1e-6)
    assert change.std() > 1e-4


def test_output_ranges_of_universal_deep_hiding():
    """A sample changes by 10 levels at most, however large the weights are; a secret is in [0, 1]."""
    pair, (cover, secret) = (
        perturbed("study.zoo.udh:UniversalDeepHiding", factor=100, noise=0, width=4),
        pictures(40, 56),
    )
    container = pair.hide(cover, secret)
    assert 255 * (container - cover).abs().max().item() == pytest.approx(10, abs=1e-3)
    revealed = pair.reveal(container) + 128 / 255
    assert revealed.min().item() == pytest.approx(0, abs=1e-6)
    assert revealed.max().item() == pytest.approx(1, abs=1e-6)


# StegFormer


def dense(attention: WindowAttention, tokens: Tensor) -> Tensor:
    """Attention of all tokens, (H, W, C), to all in the same window, which is found by its position in the picture."""
    height, width, channels = tokens.shape
    inner = attention.attention
    row, col = (place.flatten() for place in torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij"))
    window = (row + attention.shift) // 8 * 1000 + (col + attention.shift) // 8
    same = window[:, None] == window[None, :]
    away = ((row[:, None] - row + 7) * 15 + col[:, None] - col + 7).where(same, 0)
    bias = attention.table[away].permute(2, 0, 1).masked_fill(~same, float("-inf"))
    queries, keys, values = (
        part.reshape(-1, inner.heads, channels // inner.heads).transpose(0, 1)
        for part in inner.qkv(tokens.flatten(0, 1)).chunk(3, dim=-1)
    )
    gathered = functional.scaled_dot_product_attention(queries, keys, values, bias)
    return inner.out(gathered.transpose(0, 1).flatten(1)).reshape(tokens.shape)


@pytest.mark.parametrize("shift", [0, 4])
@pytest.mark.parametrize("sides", [(16, 24), (11, 5), (3, 20)])
def test_window_attention_is_attention_masked_by_the_windows(sides: tuple[int, int], shift: int):
    """Padding, and tokens from the other side, are never seen."""
    torch.manual_seed(0)
    attention = WindowAttention(6, 2, shift).double()
    attention.table.data.normal_()
    tokens = torch.randn(2, *sides, 6, dtype=torch.float64)
    expected = torch.stack([dense(attention, each) for each in tokens])
    torch.testing.assert_close(attention(tokens), expected, rtol=0, atol=1e-12)


def test_global_attention_sees_all_tokens_and_no_order():
    torch.manual_seed(0)
    attention = GlobalAttention(6, 2).double()
    tokens = torch.randn(1, 5, 7, 6, dtype=torch.float64)
    torch.testing.assert_close(attention(tokens.flip(1, 2)), attention(tokens).flip(1, 2), rtol=0, atol=1e-12)
    changed = tokens.clone()
    changed[0, 4, 6] += 1
    assert (attention(changed) - attention(tokens)).abs().amin((0, 3)).min() > 0


def test_the_restrict_loss_by_hand():
    pair = StegFormer(width=1)
    container = torch.full((1, 3, 8, 8), 0.5)
    assert pair.penalty(container, container) == 0
    container.flatten()[:3] = torch.tensor([1.2, 1.4, -0.3])
    above = (0.2**2 + 0.4**2) / 2 / 2  # half the mean of two samples
    assert pair.penalty(container, container).item() == pytest.approx(above + 0.3**2 / 2, rel=1e-5)
