"""The PyTorch ancestor's pair: a U-Net that hides, and six convolutions that reveal.

The U-Net is the generator of Isola et al. 2017 ("Image-to-image translation with conditional adversarial networks",
arXiv 1611.07004, section 6.1), seven halvings deep, with a sigmoid at its end; it draws the whole container. The
revealing network is the ancestor's own. As the paper's errata advise, the lowest level has no batch norm on its way
down: of a single picture of 128×128 there is one value left, which a batch norm can't learn from.

Where it departs: pictures are padded with zeros to multiples of 128, and the padding is cut off the container. What
is hidden lies around 0, not in [0, 1], so the secret is revealed as 2σ(x) - 1 in the place of σ(x). A convolution
before a batch norm has no bias, which would do nothing.

All of it repeats its gradient on CUDA: it consists of convolutions, their transposes and batch norms.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from stegnet.models.pair import Pair
from stegnet.models.registry import register

LEVELS = (1, 2, 4, 8, 8, 8, 8)  # channels on the way down, in widths
REVEALING = (1, 2, 4, 2, 1)  # channels of the revealing network, in widths
STRIDE = 2 ** len(LEVELS)
SLOPE = 0.2  # of the leaky rectifier
SPREAD = 0.02  # of the first weights


class Level(nn.Module):
    """One halving, all that lies below, and the doubling that undoes it: (B, outer, H, W) to (B, 2 · outer, H, W).

    Args:
        outer, inner: channels above and below the halving.
        below: the level below, which doubles the channels; None for the lowest.
    """

    def __init__(self, outer: int, inner: int, below: "Level | None") -> None:
        super().__init__()
        halving = [nn.LeakyReLU(SLOPE), nn.Conv2d(outer, inner, 4, 2, 1, bias=False)]
        middle = [] if below is None else [nn.BatchNorm2d(inner), below]
        back = inner if below is None else 2 * inner
        doubling = [nn.ReLU(), nn.ConvTranspose2d(back, outer, 4, 2, 1, bias=False), nn.BatchNorm2d(outer)]
        self.inside = nn.Sequential(*halving, *middle, *doubling)

    def forward(self, features: Tensor) -> Tensor:
        return torch.cat([features, self.inside(features)], dim=1)


class Hider(nn.Module):
    """(B, 6, H, W), cover and secret, to the container before its sigmoid, (B, 3, H, W), any H and W."""

    def __init__(self, width: int) -> None:
        super().__init__()
        channels = [level * width for level in LEVELS]
        below = None
        for outer, inner in reversed(list(pairwise(channels))):
            below = Level(outer, inner, below)
        first = nn.Conv2d(6, width, 4, 2, 1, bias=False)
        self.levels = nn.Sequential(first, below, nn.ReLU(), nn.ConvTranspose2d(2 * width, 3, 4, 2, 1))

    def forward(self, pictures: Tensor) -> Tensor:
        height, width = pictures.shape[-2:]
        padded = functional.pad(pictures, (0, -width % STRIDE, 0, -height % STRIDE))
        return self.levels(padded)[..., :height, :width]


def make_revealer(width: int) -> nn.Sequential:
    """(B, 3, H, W) to the secret before its sigmoid, same shape: six 3×3 convolutions."""
    layers: list[nn.Module] = []
    before = 3
    for channels in (share * width for share in REVEALING):
        layers += [nn.Conv2d(before, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU()]
        before = channels
    return nn.Sequential(*layers, nn.Conv2d(before, 3, 3, padding=1))


@register("unet")
class UNet(Pair):
    """A U-Net that draws the container, and a small network that reads the secret out of it.

    Args:
        width: channels of the first level, and of the revealing network's first convolution.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.hider = Hider(width)
        self.revealer = make_revealer(width)
        self.apply(_begin)

    def hide(self, cover: Tensor, secret: Tensor) -> Tensor:
        return self.hider(torch.cat([cover, secret], dim=1)).float().sigmoid()

    def reveal(self, container: Tensor) -> Tensor:
        return 2 * self.revealer(container).float().sigmoid() - 1


def _begin(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0, SPREAD)
