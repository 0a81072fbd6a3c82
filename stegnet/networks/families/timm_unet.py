"""U-Nets with any timm backbone as their encoder.

The U-Net of Ronneberger et al. 2015 (arXiv 1505.04597). Backbones start with a strided convolution and lose fine
detail, so a few convolutions run in parallel at full resolution.

All gradients except the backbone's are deterministic on CUDA: feature maps are upsampled by nearest neighbour and
padded with zeros, since the gradients of bilinear interpolation and reflection padding are not deterministic.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from stegnet.core.errors import ConfigError
from stegnet.networks.layers import NONE, make_encoder
from stegnet.networks.pair import Pair, register


def convolutions(channels: int, width: int) -> nn.Sequential:
    """Return two 3×3 convolutions that preserve height and width."""
    return nn.Sequential(
        nn.Conv2d(channels, width, 3, padding=1), nn.GELU(), nn.Conv2d(width, width, 3, padding=1), nn.GELU()
    )


class BackboneUNet(nn.Module):
    """A U-Net with a timm backbone, (B, channels, H, W) to (B, 3, H, W), any H and W; `width` is at full resolution."""

    def __init__(self, channels: int, backbone: str, pretrained: bool, width: int) -> None:
        super().__init__()
        self.encoder = make_encoder(backbone, channels, pretrained)
        self.detail = convolutions(channels, width)
        self.stride = max(self.encoder.feature_info.reduction())
        levels = self.encoder.feature_info.channels()
        self.up = nn.ModuleList()
        below = levels[-1]
        for level in reversed(levels[:-1]):
            self.up.append(convolutions(below + level, max(level // 2, width)))
            below = max(level // 2, width)
        self.last = nn.Sequential(convolutions(below + width, width), nn.Conv2d(width, 3, 1))

    def forward(self, pictures: Tensor) -> Tensor:
        """Pad to the backbone's stride, and return (B, 3, H, W) for (B, channels, H, W)."""
        height, width = pictures.shape[-2:]
        padded = functional.pad(pictures, (0, self._padding(width), 0, self._padding(height)))
        *skips, features = self.encoder(padded)
        for up, skip in zip(self.up, reversed(skips), strict=True):
            features = up(torch.cat([_resize(features, skip), skip], dim=1))
        detail = self.detail(padded)
        picture: Tensor = self.last(torch.cat([_resize(features, detail), detail], dim=1))
        return picture[..., :height, :width]

    def _padding(self, side: int) -> int:
        """Return the padding to a multiple of the unit, and to at least two strides.

        With one stride, a batch norm would have to learn from one value.
        """
        return -max(side, 2 * self.stride) % self.encoder.unit + max(0, 2 * self.stride - side)


@register
class TimmUNet(Pair):
    """A U-Net that adds a residual to the cover, and one that reveals the secret.

    Args:
        backbone: name of a timm model, the encoder of both.
        pretrained: the encoders start from timm's weights.
        width: channels at full resolution.

    Raises:
        ConfigError: timm has no such backbone, or it can't be used.
        WeightsError: its pretrained weights can't be downloaded.
    """

    small: ClassVar = {"backbone": "test_resnet", "width": 4}

    def __init__(self, backbone: str = "resnet18", pretrained: bool = False, width: int = 32) -> None:
        super().__init__()
        if backbone == NONE:
            raise ConfigError("timm_unet requires one", "set it to auto, or a timm model", parameter="model.backbone")
        self.hider = BackboneUNet(6, backbone, pretrained, width)
        self.revealer = BackboneUNet(3, backbone, pretrained, width)

    def hide(self, cover: Tensor, secret: Tensor) -> Tensor:
        change: Tensor = self.hider(torch.cat([cover, secret], dim=1))
        return cover + change

    def reveal(self, container: Tensor) -> Tensor:
        revealed: Tensor = self.revealer(container)
        return revealed.float()


def _resize(features: Tensor, like: Tensor) -> Tensor:
    return functional.interpolate(features, size=like.shape[-2:], mode="nearest")
