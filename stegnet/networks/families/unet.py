"""The pair of an earlier PyTorch implementation: a U-Net that hides, and six convolutions that reveal.

The U-Net is the generator of Isola et al. 2017 ("Image-to-image translation with conditional adversarial networks",
arXiv 1611.07004, section 6.1), with seven downsampling steps and a final sigmoid; it generates the whole container.
The revealing network is that implementation's own. Both have batch norms.

Departures: pictures are zero-padded to multiples of 128, and the container is cropped. The hidden residual is
centred on 0, not in [0, 1], so the secret is revealed as 2σ(x) - 1 instead of σ(x).
"""

from typing import ClassVar

import torch
from torch import Tensor, nn

from stegnet.networks.layers import UNetGenerator, revealing_convolutions
from stegnet.networks.pair import Pair, register


@register
class UNet(Pair):
    """A U-Net that generates the container, and a small network that reveals the secret.

    Args:
        width: channels of the first level, and of the revealing network's first convolution.
    """

    small: ClassVar = {"width": 4}
    published = 42_574_086, 92_672, 740_736  # 41.8 M parameters of the U-Net, 0.74 M that reveal

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
