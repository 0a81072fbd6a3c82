"""The one door to timm: backbones that turn pictures into feature maps.

A training on CUDA repeats itself only if each step of its gradient does. The backward passes of bilinear and
bicubic interpolation, of reflection padding and of adaptive pooling do not, and PyTorch stops there. Most
backbones do without; mobilevit and csatv2 interpolate, so they train on the CPU alone. A transformer's table of
positions, which is enlarged by interpolation, is therefore not trained.
"""

import difflib
from typing import Any

import torch
from torch import nn

from stegnet.core.errors import ConfigError, WeightsError

NONE = "none"  # the name of no backbone
OPTIONS = ({}, {"dynamic_img_size": True})  # tried in turn; transformers that know the second take one size without it
LARGEST_UNIT = 256  # pixels
REFUSALS = (AttributeError, AssertionError, RuntimeError, TypeError)  # of timm, for what a model can't do


def make_encoder(backbone: str, channels: int, pretrained: bool, levels: int | None = None) -> nn.Module:
    """A timm feature extractor: pictures (B, channels, H, W) to a list of maps, from fine to coarse.

    H and W are multiples of `encoder.unit`: its coarsest stride, or more where windows must come out even, say. Map i
    is (B, C, h, w) with C = `encoder.feature_info.channels()[i]`, `encoder.feature_info.reduction()[i]` times smaller.

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
    refusals = []
    for options in OPTIONS:
        try:
            encoder = _create(backbone, channels, pretrained, levels, options)
            encoder.unit = _find_unit(encoder, channels)
            return encoder.train()
        except OSError as error:
            hint = "set model.pretrained to false, or connect to the network"
            raise WeightsError(f"model.pretrained: timm's weights for {backbone} can't be downloaded", hint) from error
        except REFUSALS as error:
            refusals.append(error)
    reason = " ".join(str(refusals[0]).split()) or type(refusals[0]).__name__
    raise ConfigError(f"model.backbone: {backbone} can't be used ({reason})", "resnet18 can") from refusals[0]


def _check_name(backbone: str) -> None:
    import timm  # takes seconds, and most families do without

    known = timm.list_models()
    if backbone.split(".", maxsplit=1)[0] not in known:
        close = difflib.get_close_matches(backbone, known, n=3)
        raise ConfigError(f"model.backbone: timm has no {backbone!r}", f"close: {', '.join(close)}" if close else "")


def _create(backbone: str, channels: int, pretrained: bool, levels: int | None, options: dict[str, Any]) -> nn.Module:
    """By timm's "getter", which leaves stages out that are not asked for, and gives (B, C, H, W) always."""
    import timm

    options = options if levels is None else {**options, "out_indices": tuple(range(levels))}
    encoder = timm.create_model(
        backbone, features_only=True, feature_cls="getter", in_chans=channels, pretrained=pretrained, **options
    )
    positions = getattr(encoder.model, "pos_embed", None)
    if isinstance(positions, nn.Parameter):
        positions.requires_grad_(False)
    return encoder


def _find_unit(encoder: nn.Module, channels: int) -> int:
    """What heights and widths must be multiples of: its coarsest stride, or that doubled until its maps come out."""
    unit, refusals = max(encoder.feature_info.reduction()), []
    while unit <= LARGEST_UNIT:
        try:
            _check_maps(encoder, channels, 2 * unit, 3 * unit)
            return unit
        except REFUSALS as error:
            refusals.append(error)
            unit *= 2
    raise refusals[0]


@torch.no_grad()
def _check_maps(encoder: nn.Module, channels: int, height: int, width: int) -> None:
    """Lets a picture through that is not square: many transformers take one size only."""
    announced = zip(encoder.feature_info.channels(), encoder.feature_info.reduction(), strict=True)
    expected = [(level, height // stride, width // stride) for level, stride in announced]
    maps = encoder.eval()(torch.zeros(1, channels, height, width))
    if [tuple(level.shape[1:]) for level in maps] != expected:
        raise RuntimeError(f"its feature maps of {width}×{height} pixels have not the announced shapes")
