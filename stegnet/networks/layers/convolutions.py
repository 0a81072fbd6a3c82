"""Layers that several families share: the Haar transform, and small networks beside which a timm backbone may run."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from stegnet.core.compute import full_precision
from stegnet.networks.layers.backbone import NONE, make_encoder, make_stage

BANDS = 12  # Haar bands of a colour picture
SLOPE = 0.1  # of the leaky ReLU; GELU and SiLU train no better and are slower by a third
REFINED = 0.02  # of what a `Refiner` adds: bases are off by about 0.01, which one step of AdamW must not exceed
LEVELS = 2  # feature maps used of a backbone: the finest ones


class Haar(nn.Module):
    """Orthonormal Haar transform, (B, 3, H, W) to (B, BANDS, H/2, W/2): mean and three differences of 2×2 blocks.

    One convolution, in 32 bits whatever surrounds it; all means come first, then all horizontal differences.
    """

    def __init__(self) -> None:
        super().__init__()
        signs = torch.tensor([[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]]) / 2
        kernel = torch.einsum("bp,oc->bocp", signs, torch.eye(3)).reshape(BANDS, 3, 2, 2)
        self.register_buffer("kernel", kernel, persistent=False)

    def forward(self, pictures: Tensor) -> Tensor:
        with full_precision(pictures.device):
            return functional.conv2d(pictures.float(), self.kernel, stride=2)

    def inverse(self, bands: Tensor) -> Tensor:
        """Inverse transform, (B, BANDS, H, W) to (B, 3, 2H, 2W)."""
        with full_precision(bands.device):
            return functional.conv_transpose2d(bands.float(), self.kernel, stride=2)


def fraction(phase: Tensor) -> Tensor:
    """The phase less its nearest whole number, with the gradient of the phase."""
    return phase - phase.detach().round()


class Subnet(nn.Module):
    """A network inside the pair: (B, channels, H, W) to (B, out, H, W), any H and W.

    3×3 convolutions and, in parallel, a timm backbone, which sees more context but loses fine detail. The output is
    zero at first, so that an untrained pair is the identity.

    Args:
        channels, out: of input and output.
        width: channels in between.
        depth: number of convolutions, at least 2.
        backbone: name of a timm model, or "none".
        pretrained: the backbone starts from timm's weights.
    """

    def __init__(
        self, channels: int, out: int, width: int, depth: int = 3, backbone: str = NONE, pretrained: bool = False
    ) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, width, 3, padding=1)
        self.context = None if backbone == NONE else BackboneContext(channels, width, backbone, pretrained)
        layers: list[nn.Module] = [nn.LeakyReLU(SLOPE, inplace=True)]
        for _ in range(depth - 2):
            layers += [nn.Conv2d(width, width, 3, padding=1), nn.LeakyReLU(SLOPE, inplace=True)]
        self.rest = nn.Sequential(*layers, nn.Conv2d(width, out, 3, padding=1))
        nn.init.zeros_(self.rest[-1].weight)
        nn.init.zeros_(self.rest[-1].bias)

    def forward(self, bands: Tensor) -> Tensor:
        features = self.first(bands)
        return self.rest(features if self.context is None else features + self.context(bands))


class Refiner(nn.Module):
    """What refines a picture, (B, channels, H, W) to (B, BANDS, H, W), any H and W: Haar bands at half resolution.

    The first stage of a timm backbone at stride 1, and 3×3 convolutions that see its features beside the bands. The
    output is zero at first.

    Args:
        channels: of the input.
        width: channels of the convolutions in between.
        depth: number of convolutions.
        backbone: name of a timm model, or "none".
        pretrained: the backbone starts from timm's weights.
    """

    def __init__(self, channels: int, width: int, depth: int, backbone: str, pretrained: bool) -> None:
        super().__init__()
        self.encoder = None if backbone == NONE else make_stage(backbone, channels, pretrained)
        layers: list[nn.Module] = []
        channels += 0 if self.encoder is None else self.encoder.feature_info.channels()[0]
        for _ in range(depth - 1):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.LeakyReLU(SLOPE, inplace=True)]
            channels = width
        self.rest = nn.Sequential(*layers, nn.Conv2d(channels, BANDS, 3, padding=1))
        nn.init.zeros_(self.rest[-1].weight)
        nn.init.zeros_(self.rest[-1].bias)

    def forward(self, bands: Tensor) -> Tensor:
        features = bands if self.encoder is None else torch.cat([bands, *self.encoder(bands)], dim=1)
        return REFINED * self.rest(features)


class BackboneContext(nn.Module):
    """The sum of a backbone's finest feature maps at full resolution: (B, channels, H, W) to (B, width, H, W).

    They are upsampled by pixel shuffle (Shi et al. 2016, arXiv 1609.05158), whose gradient is deterministic on CUDA,
    unlike that of bilinear interpolation.
    """

    def __init__(self, channels: int, width: int, backbone: str, pretrained: bool) -> None:
        super().__init__()
        self.encoder = make_encoder(backbone, channels, pretrained, LEVELS)
        self.unit = self.encoder.unit
        levels = zip(self.encoder.feature_info.channels(), self.encoder.feature_info.reduction(), strict=True)
        self.up = nn.ModuleList(
            nn.Sequential(nn.Conv2d(level, width * stride**2, 1), nn.PixelShuffle(stride)) for level, stride in levels
        )

    def forward(self, bands: Tensor) -> Tensor:
        height, width = bands.shape[-2:]
        padding = (0, -width % self.unit, 0, -height % self.unit)
        maps = self.encoder(functional.pad(bands, padding))
        return sum(up(level) for up, level in zip(self.up, maps, strict=True))[..., :height, :width]
