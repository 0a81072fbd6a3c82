"""StegFormer."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from stegnet.networks import build
from stegnet.networks.families.stegformer import GlobalAttention, WindowAttention

# Of StegFormer-S in the authors' code (github.com/aoli-gei/StegFormer, model.py with the options in
# train_StegFormer_single_image.py): channels of a token in the levels on the way down and up, and pixels of the
# picture for each token.
LEVELS = ((32, 4), (64, 16), (128, 64), (256, 256), (512, 256), (256, 64), (128, 16), (64, 4))
BOTTLENECK = (512, 1024)
DOWN = ((8, 16), (16, 32), (32, 64), (64, 128))  # channels of the 4×4 convolutions at stride 2
UP = ((128, 64), (128, 32), (64, 16), (32, 8))  # of the transposed 2×2 convolutions at stride 2
SIDE = 256  # of the picture in the paper, whose bottleneck has as many tokens as a window
TOKENS = 64  # of a window


def test_the_weights_are_those_of_the_authors_code():
    """17.5 M each way; biases and norms are less than a hundredth of them."""
    with torch.device("meta"):
        pair = build("stegformer")
    transformers = 2 * 12 * (sum(channels**2 for channels, _ in LEVELS) + BOTTLENECK[0] ** 2)
    adapters = sum(16 * (channels // 4) ** 2 for channels, _ in LEVELS)
    steps = sum(16 * inward * outward for inward, outward in DOWN)
    steps += sum(4 * inward * outward for inward, outward in UP)
    weights = transformers + adapters + steps
    for network in (pair.hider, pair.revealer):
        count = sum(parameter.numel() for parameter in network.parameters())
        assert weights < count < 1.01 * weights
        assert round(count / 1e6, 1) == 17.5


def test_multiply_adds_are_those_of_the_authors_code():
    """Of all matrices and convolutions, for each pixel of 256×256."""
    with torch.device("meta"):
        pair = build("stegformer").to("meta")
        picture = torch.zeros(1, 3, SIDE, SIDE)
    macs = sum(2 * (12 * channels**2 + 2 * TOKENS * channels) / pixels for channels, pixels in (*LEVELS, BOTTLENECK))
    macs += sum(8 * (channels // 4) ** 2 * 4 / pixels for channels, pixels in LEVELS)
    macs += sum(
        16 * inward * outward / pixels for (inward, outward), pixels in zip(DOWN, (4, 16, 64, 256), strict=True)
    )
    macs += sum(4 * inward * outward / pixels for (inward, outward), pixels in zip(UP, (256, 64, 16, 4), strict=True))
    macs += 9 * BOTTLENECK[0] / BOTTLENECK[1]  # the depthwise convolution of positions
    with FlopCounterMode(display=False) as hiding:
        pair.hide(picture, picture)
    with FlopCounterMode(display=False) as revealing:
        pair.reveal(picture)
    for counted, channels in ((hiding, 6), (revealing, 3)):
        ends = 9 * (channels * 8 + 16 * 3)  # the first and the last convolution
        assert counted.get_total_flops() / 2 / SIDE**2 == pytest.approx(macs + ends, rel=0.002)


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
