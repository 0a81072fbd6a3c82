"""timm backbones as feature extractors; the only module that imports timm.

Training on CUDA is reproducible only with deterministic gradients. Those of bilinear and bicubic interpolation,
reflection padding and adaptive pooling are not, and PyTorch raises an error. Most backbones use none of them; mobilevit
and csatv2 interpolate, so they can only be trained on the CPU. A transformer's position embedding, which is resized by
interpolation, is therefore frozen.
"""

import difflib
from typing import Any

import torch
from torch import nn

from stegnet.core.errors import ConfigError, WeightsError

NONE = "none"  # no backbone
OPTIONS = ({}, {"dynamic_img_size": True})  # tried in turn; without the second, transformers accept a single size
MAX_UNIT = 256  # pixels
REFUSALS = (AttributeError, AssertionError, RuntimeError, TypeError)  # raised by timm for what a model does not support


def make_encoder(backbone: str, channels: int, pretrained: bool, levels: int | None = None) -> nn.Module:
    """Creates a timm feature extractor: pictures (B, channels, H, W) to a list of feature maps, from fine to coarse.

    H and W must be multiples of `encoder.unit`: its largest stride, or more, for instance for window attention. Map i
    is (B, C, H/r, W/r) with C = `encoder.feature_info.channels()[i]` and r = `encoder.feature_info.reduction()[i]`.

    Args:
        backbone: name of a timm model.
        channels: of the pictures; pretrained weights are adapted to their number.
        pretrained: start from timm's weights, which are downloaded once.
        levels: number of maps; coarser stages are not built. None for timm's default.
    Raises:
        ConfigError: timm has no such backbone or weights, or it can't extract such maps from pictures of any size.
        WeightsError: its pretrained weights can't be downloaded.
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
    import timm  # slow to import, and most families do not need it

    known = timm.list_models()
    if backbone.split(".", maxsplit=1)[0] not in known:
        close = difflib.get_close_matches(backbone.rpartition("/")[2], known, n=3)  # without a hub's prefix
        raise ConfigError(f"model.backbone: timm has no {backbone!r}", f"close: {', '.join(close)}" if close else "")


def _create(backbone: str, channels: int, pretrained: bool, levels: int | None, options: dict[str, Any]) -> nn.Module:
    """Creates it as timm's "getter", which omits unused stages and always returns (B, C, H, W)."""
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
    """Returns what H and W must be multiples of: the largest stride, doubled until the maps have the right shapes."""
    unit, refusals = max(encoder.feature_info.reduction()), []
    while unit <= MAX_UNIT:
        try:
            _check_maps(encoder, channels, 2 * unit, 3 * unit)
            return unit
        except REFUSALS as error:
            refusals.append(error)
            unit *= 2
    raise refusals[0]


@torch.no_grad()
def _check_maps(encoder: nn.Module, channels: int, height: int, width: int) -> None:
    """Runs a picture that is not square: many transformers accept a single size."""
    announced = zip(encoder.feature_info.channels(), encoder.feature_info.reduction(), strict=True)
    expected = [(level, height // stride, width // stride) for level, stride in announced]
    maps = encoder.eval()(torch.zeros(1, channels, height, width))
    if [tuple(level.shape[1:]) for level in maps] != expected:
        raise RuntimeError(f"its feature maps of {width}×{height} pixels do not have the announced shapes")
