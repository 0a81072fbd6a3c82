"""StegFormer."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from stegnet.networks import build
from stegnet.networks.families.stegformer import GlobalAttention, WindowAttention


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
    pair = build("stegformer", width=1)
    container = torch.full((1, 3, 8, 8), 0.5)
    assert pair.penalty(container, container) == 0
    container.flatten()[:3] = torch.tensor([1.2, 1.4, -0.3])
    above = (0.2**2 + 0.4**2) / 2 / 2  # half the mean of two samples
    assert pair.penalty(container, container).item() == pytest.approx(above + 0.3**2 / 2, rel=1e-5)
