"""U-Nets whose encoder is any timm backbone; the one door to timm.

The U of Ronneberger et al. 2015 (arXiv 1505.04597) with a backbone on its way down. Backbones start with a
stride and forget fine detail, so a few convolutions at full resolution run beside it.
"""

import difflib

import torch
from torch import Tensor, nn
from torch.nn import functional

from stegnet.errors import ConfigError, WeightsError
from stegnet.models.pair import Pair
from stegnet.models.registry import register


def make_encoder(backbone: str, channels: int, pretrained: bool) -> nn.Module:
    """A timm feature extractor for pictures of `channels` channels.

    Raises:
        ConfigError: timm has no such backbone or weights, or it gives no feature maps of pictures of any size.
        WeightsError: its pretrained weights can't be had.
    """
    import timm  # takes seconds, and only this family needs it

    known = timm.list_models()
    if backbone.split(".", maxsplit=1)[0] not in known:
        close = difflib.get_close_matches(backbone, known, n=3)
        raise ConfigError(f"model.backbone: timm has no {backbone!r}", f"close: {', '.join(close)}" if close else "")
    try:
        encoder = timm.create_model(backbone, features_only=True, in_chans=channels, pretrained=pretrained)
        check_maps(encoder, channels)
    except OSError as error:
        hint = "set model.pretrained to false, or connect to the network"
        raise WeightsError(f"model.pretrained: timm's weights for {backbone} can't be downloaded", hint) from error
    except (AttributeError, AssertionError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"model.backbone: {backbone} can't be used ({reason})", "resnet18 can") from error
    return encoder


def check_maps(encoder: nn.Module, channels: int) -> None:
    """Lets a small picture through: many transformers take one size only, or give (B, H, W, C).

    Raises:
        RuntimeError: the feature maps are not those that timm announces; others if the encoder fails.
    """
    info = encoder.feature_info
    side = 2 * max(info.reduction())
    with torch.no_grad():
        maps = encoder.eval()(torch.zeros(1, channels, side, side))
    encoder.train()
    announced = [(level, side // stride) for level, stride in zip(info.channels(), info.reduction(), strict=True)]
    if [tuple(level.shape[1:]) for level in maps] != [(level, side, side) for level, side in announced]:
        raise RuntimeError("its feature maps have not the announced shapes (C, H, W)")


def convolutions(channels: int, width: int) -> nn.Sequential:
    """Two 3×3 convolutions that keep height and width."""
    return nn.Sequential(
        nn.Conv2d(channels, width, 3, padding=1), nn.GELU(), nn.Conv2d(width, width, 3, padding=1), nn.GELU()
    )


class UNet(nn.Module):
    """(B, channels, H, W) to (B, 3, H, W), any H and W.

    Args:
        channels: of the input.
        backbone: name of a timm model.
        pretrained: whether the backbone starts from timm's weights.
        width: channels at full resolution.
    """

    def __init__(self, channels: int, backbone: str, pretrained: bool, width: int = 32) -> None:
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
        height, width = pictures.shape[-2:]
        padding = (0, -width % self.stride, 0, -height % self.stride)
        padded = functional.pad(pictures, padding)  # with zeros: CUDA repeats the gradient of no other mode
        *skips, features = self.encoder(padded)
        for up, skip in zip(self.up, reversed(skips), strict=True):
            features = up(torch.cat([_resize(features, skip), skip], dim=1))
        detail = self.detail(padded)
        return self.last(torch.cat([_resize(features, detail), detail], dim=1))[..., :height, :width]


@register("timm_unet")
class TimmUNet(Pair):
    """A U-Net that adds a residual to the cover, and one that reads the secret out of it.

    Args:
        backbone: name of a timm model, the encoder of both.
        pretrained: whether the encoders start from timm's weights.
    """

    def __init__(self, backbone: str = "resnet18", pretrained: bool = False) -> None:
        super().__init__()
        self.hider = UNet(6, backbone, pretrained)
        self.revealer = UNet(3, backbone, pretrained)

    def hide(self, cover: Tensor, secret: Tensor) -> Tensor:
        return cover + self.hider(torch.cat([cover, secret], dim=1))

    def reveal(self, container: Tensor) -> Tensor:
        return self.revealer(container)


def _resize(features: Tensor, like: Tensor) -> Tensor:
    return functional.interpolate(features, size=like.shape[-2:], mode="nearest")
