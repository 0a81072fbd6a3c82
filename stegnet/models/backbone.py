"""The one door to timm: backbones that turn pictures into feature maps.

A training on CUDA repeats itself only if each step of its gradient does. The backward passes of bilinear and
bicubic interpolation, of reflection padding and of adaptive pooling do not, and PyTorch stops there. Most
backbones do without; mobilevit and csatv2 interpolate, so they train on the CPU alone.
"""

import difflib

import torch
from torch import nn

from stegnet.errors import ConfigError, WeightsError

NONE = "none"  # the name of no backbone
REFUSALS = (AttributeError, AssertionError, RuntimeError, TypeError)  # of timm, for what a model can't do


def make_encoder(backbone: str, channels: int, pretrained: bool, levels: int | None = None) -> nn.Module:
    """A timm feature extractor: pictures (B, channels, H, W) to a list of maps, from fine to coarse.

    H and W are multiples of its coarsest stride, `max(encoder.feature_info.reduction())`; map i is (B, C, h, w) with
    C = `encoder.feature_info.channels()[i]`, and `encoder.feature_info.reduction()[i]` times smaller.

    Args:
        backbone: name of a timm model.
        channels: of the pictures; pretrained weights are fitted to their number.
        pretrained: whether it starts from timm's weights, which are downloaded once.
        levels: how many maps to give; coarser stages are not built. None: all that timm gives by default.
    Raises:
        ConfigError: timm has no such backbone or weights, or it gives no such maps of pictures of any size.
        WeightsError: its pretrained weights can't be had.
    """
    _check_name(backbone)
    try:
        encoder = _create(backbone, channels, pretrained, levels)
    except OSError as error:
        hint = "set model.pretrained to false, or connect to the network"
        raise WeightsError(f"model.pretrained: timm's weights for {backbone} can't be downloaded", hint) from error
    except REFUSALS as error:
        raise _unusable(backbone, "", error) from error
    _check_maps(backbone, encoder, channels)
    return encoder


def _check_name(backbone: str) -> None:
    import timm  # takes seconds, and most families do without

    known = timm.list_models()
    if backbone.split(".", maxsplit=1)[0] not in known:
        close = difflib.get_close_matches(backbone, known, n=3)
        raise ConfigError(f"model.backbone: timm has no {backbone!r}", f"close: {', '.join(close)}" if close else "")


def _create(backbone: str, channels: int, pretrained: bool, levels: int | None) -> nn.Module:
    """By timm's "getter", which leaves stages out that are not asked for, and gives (B, C, H, W) always."""
    import timm

    options = {} if levels is None else {"out_indices": tuple(range(levels))}
    return timm.create_model(
        backbone, features_only=True, feature_cls="getter", in_chans=channels, pretrained=pretrained, **options
    )


def _check_maps(backbone: str, encoder: nn.Module, channels: int) -> None:
    """Lets a small picture through that is not square: many transformers take one size only."""
    info = encoder.feature_info
    height, width = 2 * max(info.reduction()), 3 * max(info.reduction())
    announced = zip(info.channels(), info.reduction(), strict=True)
    expected = [(level, height // stride, width // stride) for level, stride in announced]
    try:
        with torch.no_grad():
            maps = encoder.eval()(torch.zeros(1, channels, height, width))
        if [tuple(level.shape[1:]) for level in maps] != expected:
            raise RuntimeError("its feature maps have not the announced shapes")
    except REFUSALS as error:
        raise _unusable(backbone, f" for a picture of {width}×{height}", error) from error
    encoder.train()


def _unusable(backbone: str, where: str, error: Exception) -> ConfigError:
    reason = " ".join(str(error).split()) or type(error).__name__
    return ConfigError(f"model.backbone: {backbone} can't be used{where} ({reason})", "resnet18 can")
