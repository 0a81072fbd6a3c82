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
STEMS = ({"patch_size": 1}, {})  # tried in turn: a stem that cuts patches does not overlap them
STAGE = 4  # stride of the stage that runs at stride 1: the first of a network's blocks
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


def make_stage(backbone: str, channels: int, pretrained: bool) -> nn.Module:
    """Creates stem and first stage of a timm backbone with all strides 1: no position is thrown away.

    Args:
        backbone, channels: as in `make_encoder`.
        pretrained: start from timm's weights, but for a stem that has other shapes at stride 1.
    Returns:
        A module that maps (B, channels, H, W) to a list of one map (B, C, H, W), any H and W, with C =
        `feature_info.channels()[0]`.
    Raises:
        ConfigError: timm has no such backbone or weights, or it can't run at stride 1.
        WeightsError: its pretrained weights can't be downloaded.
    """
    plain = make_encoder(backbone, channels, pretrained)
    strides = plain.feature_info.reduction()
    level = next((index for index, stride in enumerate(strides) if stride >= STAGE), len(strides) - 1)
    for options in STEMS:
        try:
            stage = _create(backbone, channels, False, None, {**options, "out_indices": (level,)})
        except REFUSALS:
            continue
        for module in stage.modules():
            if isinstance(module, nn.Conv2d | nn.MaxPool2d):
                module.stride = (1, 1)
        if _keeps_size(stage, channels):
            if pretrained:
                own = stage.state_dict()
                known = {name: weight for name, weight in plain.state_dict().items() if name in own}
                same = {name: weight for name, weight in known.items() if weight.shape == own[name].shape}
                stage.load_state_dict(same, strict=False)
            return stage.train()
    hint = "convnext_atto, mobilenetv4_conv_small and regnetx_002 can"
    raise ConfigError(f"model.backbone: {backbone} can't keep every position (its stem has no stride 1)", hint)


@torch.no_grad()
def _keeps_size(stage: nn.Module, channels: int) -> bool:
    height, width = 24, 40
    try:
        maps = stage.eval()(torch.zeros(1, channels, height, width))
    except REFUSALS:
        return False
    return maps[0].shape[2:] == (height, width)


def _create(backbone: str, channels: int, pretrained: bool, levels: int | None, options: dict[str, Any]) -> nn.Module:
    """Creates it as timm's "getter", which omits unused stages and always returns (B, C, H, W)."""
    import timm  # slow to import, and most families do not need it

    known = timm.list_models()
    if backbone.split(".", maxsplit=1)[0] not in known:
        close = difflib.get_close_matches(backbone.rpartition("/")[2], known, n=3)  # without a hub's prefix
        raise ConfigError(f"model.backbone: timm has no {backbone!r}", f"close: {', '.join(close)}" if close else "")
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
