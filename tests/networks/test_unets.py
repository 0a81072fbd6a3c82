"""The families without weights in common for both directions: the ancestors' networks, and U-Nets."""

import torch
from torch import nn

from pipeline.train.complexity import size_of
from stegnet.networks import build


def count(*networks: nn.Module) -> int:
    return sum(parameter.numel() for network in networks for parameter in network.parameters())


def pictures(height: int, width: int, count: int = 1) -> torch.Tensor:
    return torch.rand(2, count, 3, height, width, generator=torch.Generator().manual_seed(0))


def test_sizes_match_the_earlier_implementations():
    with torch.device("meta"):
        baluja, unet = build("baluja"), build("unet")
    assert (count(baluja.preparer, baluja.hider), count(baluja.revealer)) == (1_891_953, 758_703)
    assert round(count(unet.hider) / 1e6, 1) == 41.8
    assert round(count(unet.revealer) / 1e6, 2) == 0.74


def test_multiply_adds_by_hand():
    """Of Baluja's hiding networks, four and one layers of each kernel; of the U-Net, by the pixels of each level."""
    with torch.device("meta"):
        baluja, unet = size_of(build("baluja").to("meta"), 256), size_of(build("unet").to("meta"), 256)
    areas = 3**2 + 4**2 + 5**2  # of the three kernels
    deep = 3 * 50 * 50  # of the three layers that follow the first, and of the fifth, which sees three times as many
    last = 150 * 3  # the 1×1 convolution
    assert baluja["hide_macs_per_pixel"] == areas * (3 * 50 + 153 * 50 + 4 * deep) + last
    assert baluja["reveal_macs_per_pixel"] == areas * (3 * 50 + 2 * deep) + last
    down = ((6, 64), (64, 128), (128, 256), (256, 512), (512, 512), (512, 512), (512, 512))
    up = ((128, 3), (256, 64), (512, 128), (1024, 256), (1024, 512), (1024, 512), (512, 512))
    macs = sum(16 * inward * outward / 4**level for way in (down, up) for level, (inward, outward) in enumerate(way, 1))
    assert unet["hide_macs_per_pixel"] == round(macs)


def test_balujas_hiding_network_gets_the_prepared_secret():
    pair = build("baluja", width=4)
    cover, secret = pictures(16, 16)
    expected = pair.hider(torch.cat([cover, pair.preparer(secret)], dim=1))
    assert torch.equal(pair.hide(cover, secret), expected)
    assert torch.equal(pair.prepare(secret), secret)


def test_output_ranges_of_the_unet():
    pair = build("unet", width=4)
    for parameter in pair.parameters():
        parameter.data *= 20
    cover, secret = pictures(64, 40, count=4)
    container = pair.hide(cover, secret - 0.5)
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


def test_the_sigmoid_is_computed_in_32_bits():
    pair = build("unet", width=2).eval()
    with torch.autocast("cpu", torch.bfloat16):
        container = pair.hide(*pictures(32, 32))
        assert container.dtype == pair.reveal(container).dtype == torch.float32
