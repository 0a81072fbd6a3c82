"""The ancestors' pair: preparation, hiding and revealing network.

Baluja 2017, "Hiding images in plain sight: deep steganography" (NeurIPS), section 2: each network runs
3×3, 4×4 and 5×5 convolutions side by side, five deep.
"""

import torch
from torch import Tensor, nn

from stegnet.models.pair import Pair
from stegnet.models.registry import register

KERNELS = (3, 4, 5)


def branch(channels: int, width: int, kernel: int, depth: int) -> nn.Sequential:
    """`depth` convolutions of one kernel size that keep height and width."""
    before, after = (kernel - 1) // 2, kernel // 2
    layers: list[nn.Module] = []
    for index in range(depth):
        padding = nn.ZeroPad2d((before, after, before, after))  # padding="same" warns of even kernels
        layers += [padding, nn.Conv2d(width if index else channels, width, kernel), nn.ReLU()]
    return nn.Sequential(*layers)


class Branches(nn.Module):
    """(B, channels, H, W) to (B, 3 · width, H, W): the three branches, joined and mixed once more."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.deep = nn.ModuleList(branch(channels, width, kernel, 4) for kernel in KERNELS)
        self.mixed = nn.ModuleList(branch(len(KERNELS) * width, width, kernel, 1) for kernel in KERNELS)

    def forward(self, features: Tensor) -> Tensor:
        joined = torch.cat([path(features) for path in self.deep], dim=1)
        return torch.cat([path(joined) for path in self.mixed], dim=1)


@register("baluja")
class Baluja(Pair):
    """Two networks with weights of their own; revealing knows nothing of hiding.

    Args:
        width: channels of each branch; 50 in the paper.
    """

    def __init__(self, width: int = 50) -> None:
        super().__init__()
        joined = len(KERNELS) * width
        self.prepare = Branches(3, width)
        self.hider = nn.Sequential(Branches(joined + 3, width), nn.Conv2d(joined, 3, 1))
        self.revealer = nn.Sequential(Branches(3, width), nn.Conv2d(joined, 3, 1))

    def hide(self, cover: Tensor, secret: Tensor) -> Tensor:
        return self.hider(torch.cat([cover, self.prepare(secret)], dim=1))

    def reveal(self, container: Tensor) -> Tensor:
        return self.revealer(container)
