import torch
from torch import nn

from stegnet.models.unet import UNet


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def pictures(height: int, width: int, count: int = 1) -> torch.Tensor:
    return torch.rand(2, count, 3, height, width, generator=torch.Generator().manual_seed(0))


def test_the_size_matches_the_earlier_implementation():
    pair = UNet()
    assert round(count(pair.hider) / 1e6, 1) == 41.8
    assert round(count(pair.revealer) / 1e6, 2) == 0.74


def test_output_ranges():
    pair = UNet(width=4)
    for parameter in pair.parameters():
        parameter.data *= 20
    cover, secret = pictures(64, 40, count=4)
    container = pair.hide(cover, secret - 0.5)
    revealed = pair.reveal(container)
    assert container.min() >= 0
    assert container.max() <= 1
    assert -1 <= revealed.min() < -0.5
    assert 0.5 < revealed.max() <= 1


def test_skip_connections_preserve_fine_detail():
    torch.manual_seed(0)
    pair = UNet(width=4).eval()
    cover, secret = pictures(128, 128)
    dotted = secret.clone()
    dotted[..., 64, 64] += 1
    change = (pair.hide(cover, dotted) - pair.hide(cover, secret)).abs().sum((0, 1))
    assert change[62:67, 62:67].max() == change.max() > 0


def test_the_sigmoid_is_computed_in_32_bits():
    pair = UNet(width=2).eval()
    with torch.autocast("cpu", torch.bfloat16):
        container = pair.hide(*pictures(32, 32))
        assert container.dtype == pair.reveal(container).dtype == torch.float32
