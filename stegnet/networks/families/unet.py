"""The pair of an earlier PyTorch implementation: a U-Net that hides, and six convolutions that reveal.

The U-Net is the generator of Isola et al. 2017 ("Image-to-image translation with conditional adversarial networks",
arXiv 1611.07004, section 6.1), with seven downsampling steps and a final sigmoid; it generates the whole container.
The revealing network is that implementation's own. As the paper's errata advise, there is no batch norm before the
bottleneck: for one picture of 128×128, the bottleneck is a single value, from which a batch norm can't learn.

Departures: pictures are zero-padded to multiples of 128, and the container is cropped. The hidden residual is
centred on 0, not in [0, 1], so the secret is revealed as 2σ(x) - 1 instead of σ(x). Convolutions before a batch norm
have no bias, which would have no effect.

All gradients are deterministic on CUDA: there are only convolutions, transposed convolutions and batch norms.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from stegnet.networks.pair import Pair, register


class Level(nn.Module):
    """A downsampling, the levels below and an upsampling, with a skip: (B, outer, H, W) to (B, 2 · outer, H, W).

    The next level doubles the `inner` channels; the bottleneck is the last level.
    """

    def __init__(self, outer: int, inner: int, below: "Level | None") -> None:
        slope = 0.2  # slope of the leaky ReLU
        super().__init__()
        down: list[nn.Module] = [nn.LeakyReLU(slope), nn.Conv2d(outer, inner, 4, 2, 1, bias=False)]
        middle: list[nn.Module] = [] if below is None else [nn.BatchNorm2d(inner), below]
        back = inner if below is None else 2 * inner
        up: list[nn.Module] = [nn.ReLU(), nn.ConvTranspose2d(back, outer, 4, 2, 1, bias=False), nn.BatchNorm2d(outer)]
        self.inside = nn.Sequential(*down, *middle, *up)

    def forward(self, features: Tensor) -> Tensor:
        """Return the features, joined with those of the levels below: (B, outer, H, W) to (B, 2 · outer, H, W)."""
        return torch.cat([features, self.inside(features)], dim=1)


class Hider(nn.Module):
    """A U-Net from cover and secret, (B, 6, H, W), to the logits of the container, (B, 3, H, W), any H and W."""

    def __init__(self, width: int) -> None:
        super().__init__()
        factors = (1, 2, 4, 8, 8, 8, 8)  # channels of the levels, in multiples of the width
        self.stride = 2 ** len(factors)
        channels = [factor * width for factor in factors]
        (*inner_levels, (deepest, bottleneck)) = pairwise(channels)
        below = Level(deepest, bottleneck, None)
        for outer, inner in reversed(inner_levels):
            below = Level(outer, inner, below)
        first = nn.Conv2d(6, width, 4, 2, 1, bias=False)
        self.levels = nn.Sequential(first, below, nn.ReLU(), nn.ConvTranspose2d(2 * width, 3, 4, 2, 1))

    def forward(self, pictures: Tensor) -> Tensor:
        """Pad to the stride, and return logits, (B, 3, H, W), for cover and secret, (B, 6, H, W)."""
        height, width = pictures.shape[-2:]
        padded = functional.pad(pictures, (0, -width % self.stride, 0, -height % self.stride))
        logits: Tensor = self.levels(padded)
        return logits[..., :height, :width]


def make_revealer(width: int) -> nn.Sequential:
    """Return six 3×3 convolutions, (B, 3, H, W) to the logits of the secret, of the same shape."""
    factors = (1, 2, 4, 2, 1)  # channels of the revealing network, in multiples of the width
    layers: list[nn.Module] = []
    before = 3
    for channels in (factor * width for factor in factors):
        layers += [nn.Conv2d(before, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU()]
        before = channels
    return nn.Sequential(*layers, nn.Conv2d(before, 3, 3, padding=1))


@register
class UNet(Pair):
    """A U-Net that generates the container, and a small network that reveals the secret.

    Args:
        width: channels of the first level, and of the revealing network's first convolution.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.hider = Hider(width)
        self.revealer = make_revealer(width)
        self.apply(_initialise)

    def hide(self, cover: Tensor, secret: Tensor) -> Tensor:
        """Return the container as a sigmoid of logits, so that it lies in (0, 1)."""
        logits: Tensor = self.hider(torch.cat([cover, secret], dim=1))
        return logits.float().sigmoid()

    def reveal(self, container: Tensor) -> Tensor:
        """Return the residual as a scaled sigmoid, so that it lies in (−1, 1)."""
        logits: Tensor = self.revealer(container)
        return 2 * logits.float().sigmoid() - 1


def _initialise(module: nn.Module) -> None:
    std = 0.02  # standard deviation of the initial weights
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0, std)
