"""Baluja's pair: a preparation, a hiding and a revealing network.

Baluja 2017, "Hiding images in plain sight: deep steganography" (NeurIPS), section 2. The paper describes only the
hiding network: five layers, with 50 filters each of 3×3, 4×4 and 5×5. As in its Keras and TensorFlow ports, all three
networks have the same architecture here: one branch per kernel size for four layers, whose outputs are concatenated; in
the fifth layer each kernel size sees all of them.

Departures from the paper: the network hides the secret without its block means, centred on 0, not the secret itself;
the noise on the container, which keeps the secret out of its least significant bits, is `train.noise`; and containers
are rounded to 8 bits in training. The preparation network outputs features, not a picture: its input is the secret
after the shuffle.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn

from stegnet.core.compute import full_precision
from stegnet.networks.pair import Pair, register

KERNELS = (3, 4, 5)


def branch(channels: int, width: int, kernel: int, depth: int) -> nn.Sequential:
    """Return `depth` convolutions of one kernel size, each with a ReLU, that preserve height and width."""
    before = (kernel - 1) // 2
    after = kernel // 2
    layers: list[nn.Module] = []
    for index in range(depth):
        padding = nn.ZeroPad2d((before, after, before, after))  # padding="same" warns about even kernels
        layers += [padding, nn.Conv2d(width if index else channels, width, kernel), nn.ReLU()]
    return nn.Sequential(*layers)


class Branches(nn.Module):
    """Three concatenated branches and three mixing convolutions: (B, channels, H, W) to (B, 3 · width, H, W)."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        joined = len(KERNELS) * width
        self.deep = nn.ModuleList(branch(channels, width, kernel, 4) for kernel in KERNELS)
        self.mixed = nn.ModuleList(branch(joined, width, kernel, 1) for kernel in KERNELS)

    def forward(self, features: Tensor) -> Tensor:
        """Return the features of both stages: (B, channels, H, W) to (B, 3 · width, H, W)."""
        joined = torch.cat([path(features) for path in self.deep], dim=1)
        return torch.cat([path(joined) for path in self.mixed], dim=1)


class ExactConvolution(nn.Conv2d):
    """A convolution that is computed in 32 bits, since a container must not be rounded before its samples are."""

    def forward(self, features: Tensor) -> Tensor:
        with full_precision(features.device):
            return super().forward(features.float())


@register
class Baluja(Pair):
    """Three networks that share no weights.

    Args:
        width: channels of each branch; 50 in the paper.
    """

    small: ClassVar = {"width": 4}
    published = 2_650_656, 1_890_450, 757_950  # as by hand from the paper's layers

    def __init__(self, width: int = 50) -> None:
        super().__init__()
        joined = len(KERNELS) * width
        self.preparer = Branches(3, width)
        self.hider = nn.Sequential(Branches(joined + 3, width), ExactConvolution(joined, 3, 1))
        self.revealer = nn.Sequential(Branches(3, width), nn.Conv2d(joined, 3, 1))

    def hide(self, cover: Tensor, secret: Tensor) -> Tensor:
        container: Tensor = self.hider(torch.cat([cover, self.preparer(secret)], dim=1))
        return container

    def reveal(self, container: Tensor) -> Tensor:
        revealed: Tensor = self.revealer(container)
        return revealed.float()
