"""The networks of which an invertible pair is made: 3×3 convolutions and, beside them, a timm backbone.

A backbone starts with a stride and forgets fine detail; the convolutions keep it. What the backbone sees from
further away is brought back to full size by shuffling channels into pixels (Shi et al. 2016, arXiv 1609.05158),
whose gradient, unlike that of bilinear interpolation, repeats itself on CUDA.
"""

from torch import Tensor, nn
from torch.nn import functional

from stegnet.models.backbone import NONE, make_encoder

SLOPE = 0.1  # of the leaky rectifier; GELU and SiLU train no better and are slower by a third
LEVELS = 2  # maps taken of a backbone: its finest


class Function(nn.Module):
    """(B, channels, H, W) to (B, out, H, W), any H and W; zero at first, so that a pair starts as the identity.

    Args:
        channels, out: of input and output.
        width: channels in between.
        depth: number of convolutions, at least 2.
        backbone: name of a timm model, or "none".
        pretrained: whether the backbone starts from timm's weights.
    """

    def __init__(
        self, channels: int, out: int, width: int, depth: int = 3, backbone: str = NONE, pretrained: bool = False
    ) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, width, 3, padding=1)
        self.context = None if backbone == NONE else Context(channels, width, backbone, pretrained)
        layers: list[nn.Module] = [nn.LeakyReLU(SLOPE, inplace=True)]
        for _ in range(depth - 2):
            layers += [nn.Conv2d(width, width, 3, padding=1), nn.LeakyReLU(SLOPE, inplace=True)]
        self.rest = nn.Sequential(*layers, nn.Conv2d(width, out, 3, padding=1))
        nn.init.zeros_(self.rest[-1].weight)
        nn.init.zeros_(self.rest[-1].bias)

    def forward(self, bands: Tensor) -> Tensor:
        features = self.first(bands)
        return self.rest(features if self.context is None else features + self.context(bands))


class Context(nn.Module):
    """The finest maps of a timm backbone, brought to full size and added: (B, channels, H, W) to (B, width, H, W)."""

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
