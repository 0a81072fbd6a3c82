"""The pair of an earlier PyTorch implementation: a U-Net that hides, and six convolutions that reveal.

The U-Net is the generator of Isola et al. 2017 ("Image-to-image translation with conditional adversarial networks",
arXiv 1611.07004, section 6.1), with seven downsampling steps and a final sigmoid; it generates the whole container.
The revealing network is that implementation's own. Both have batch norms.

Departures: pictures are zero-padded to multiples of 128, and the container is cropped. The hidden residual is
centred on 0, not in [0, 1], so the secret is revealed as 2σ(x) - 1 instead of σ(x).
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from stegnet.networks.pair import Pair, register


class UNetLevel(nn.Module):
    """A downsampling, the levels below and an upsampling, with a skip: (B, outer, H, W) to (B, 2 · outer, H, W).

    The bottleneck is the last level. It has no normalisation, as the errata of Isola et al. 2017 advise: for one
    picture of a single value there, nothing could be learnt from it.
    """

    def __init__(self, outer: int, inner: int, below: "UNetLevel | None") -> None:
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


class UNetGenerator(nn.Module):
    """The generator of Isola et al. 2017 (arXiv 1611.07004, section 6.1): (B, channels, H, W) to (B, 3, H, W).

    H and W are any: pictures are zero-padded to multiples of its stride, and the output is cropped. Convolutions before
    a normalisation have no bias, which would have no effect. All gradients are deterministic on CUDA.

    Args:
        channels: channels of the input.
        width: channels of the first level; each further level doubles them, up to eight times the width.
        depth: number of downsampling steps, at least 2.
        output: function of the output, computed in 32 bits.
    """

    def __init__(self, channels: int, width: int, depth: int, output: nn.Module) -> None:
        super().__init__()
        most_factor = 8  # of the width
        self.stride = 2**depth
        counts = [min(2**level, most_factor) * width for level in range(depth)]
        (*inner_levels, (deepest, bottleneck)) = pairwise(counts)
        below = UNetLevel(deepest, bottleneck, None)
        for outer, inner in reversed(inner_levels):
            below = UNetLevel(outer, inner, below)
        first = nn.Conv2d(channels, width, 4, 2, 1, bias=False)
        self.levels = nn.Sequential(first, below, nn.ReLU(), nn.ConvTranspose2d(2 * width, 3, 4, 2, 1))
        self.output = output

    def forward(self, pictures: Tensor) -> Tensor:
        """Return a picture in the range of the output function, (B, 3, H, W) float32."""
        height, width = pictures.shape[-2:]
        padded = functional.pad(pictures, (0, -width % self.stride, 0, -height % self.stride))
        generated: Tensor = self.output(self.levels(padded)[..., :height, :width].float())
        return generated


def revealing_convolutions(width: int) -> nn.Sequential:
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
        steps = 7  # of downsampling
        self.hider = UNetGenerator(6, width, steps, nn.Sigmoid())
        self.revealer = revealing_convolutions(width)
        self.apply(_initialise)

    def hide(self, cover: Tensor, secret: Tensor) -> Tensor:
        """Return the container as a sigmoid of logits, so that it lies in (0, 1)."""
        container: Tensor = self.hider(torch.cat([cover, secret], dim=1))
        return container

    def reveal(self, container: Tensor) -> Tensor:
        """Return the residual as a scaled sigmoid, so that it lies in (−1, 1)."""
        logits: Tensor = self.revealer(container)
        return 2 * logits.float().sigmoid() - 1


def _initialise(module: nn.Module) -> None:
    std = 0.02  # standard deviation of the initial weights
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0, std)
