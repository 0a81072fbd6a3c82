"""Backbones of many timm families, in both families of pairs that use them, at odd sizes."""

import pytest
import torch

from stegnet.models import Pair
from stegnet.models.invertible import CouplingBlock, Invertible

BOTH = [
    "convnext_atto", "resnet10t", "test_efficientnet", "mobilenetv3_small_050", "vit_tiny_patch16_224",
    "swin_tiny_patch4_window7_224", "regnetx_002", "densenet121", "mobilevitv2_050", "hrnet_w18_small",
    "poolformerv2_s12", "edgenext_xx_small", "pvt_v2_b0", "eva02_tiny_patch14_224",
]  # fmt: skip
ENDS_ONLY = ["coatnet_pico_rw_224", "maxvit_rmlp_pico_rw_256"]  # with a fixed input size, or too slow to test


def learns(pair: Pair) -> None:
    """Hides and reveals at an odd size, and checks that every backbone gets a gradient."""
    torch.set_num_threads(1)
    cover, secret = torch.rand(2, 2, 3, 40, 56)  # two pairs: a batch norm can't learn from one value
    container = pair.hide(cover, pair.prepare(secret))
    revealed = pair.restore(pair.reveal(container))
    assert container.shape == revealed.shape == cover.shape
    (container.square().mean() + revealed.square().mean()).backward()
    for encoder in (module for name, module in pair.named_modules() if name.endswith("encoder")):
        norms = [weight.grad.norm() for weight in encoder.parameters() if weight.grad is not None]
        assert torch.stack(norms).isfinite().all()
        assert sum(norms) > 0


@pytest.mark.parametrize("backbone", BOTH + ENDS_ONLY)
def test_backbones_at_the_ends_of_an_invertible_pair(backbone):
    torch.manual_seed(0)
    pair = Invertible(blocks=1, width=4, ends=2, backbone=backbone)
    for weight in pair.parameters():
        weight.data += 0.01 * torch.randn_like(weight)
    learns(pair)


@pytest.mark.parametrize("backbone", BOTH + ENDS_ONLY)
def test_couplings_with_backbones_are_invertible(backbone):
    torch.manual_seed(0)
    torch.set_num_threads(1)
    block = CouplingBlock(4, backbone, pretrained=False).eval()
    for weight in block.parameters():
        weight.data += 0.01 * torch.randn_like(weight)
    cover, secret = torch.rand(2, 1, 12, 20, 28)
    with torch.no_grad():
        hidden = block(cover, secret)
        back = block.inverse(*hidden)
    assert not torch.allclose(hidden[1], secret, atol=1e-2)
    torch.testing.assert_close(back, (cover, secret), atol=1e-5, rtol=1e-4)
