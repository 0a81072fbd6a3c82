"""Layers that several families share: timm backbones, the Haar transform, small networks, and U-Nets.

This is the only module that imports timm. Training on CUDA is reproducible only if gradients are deterministic. The
gradients of bilinear and bicubic interpolation, reflection padding and adaptive pooling are not, and PyTorch raises an
error. Most backbones use no such layers; mobilevit and csatv2 interpolate, so they can only be trained on the CPU. A
transformer's position embedding, which is resized by interpolation, is therefore frozen.
"""

import difflib
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Protocol, TypeGuard

import torch
from torch import Tensor, nn
from torch.nn import functional

from stegnet.core.compute import full_precision
from stegnet.core.errors import ConfigError, WeightsError

NONE = "none"  # no backbone
# Raised by timm for anything that a model does not support.
REFUSALS = (AttributeError, AssertionError, RuntimeError, TypeError)

BANDS = 12  # Haar bands of a colour picture
SLOPE = 0.1  # slope of the leaky ReLU; GELU and SiLU train no better and are a third slower


# timm backbones


class FeatureInfo(Protocol):
    """Description of a backbone's feature maps, from fine to coarse."""

    def channels(self) -> list[int]:
        """Return the channels of each map."""

    def reduction(self) -> list[int]:
        """Return the stride of each map."""


class FeatureExtractor(nn.Module):
    """Interface of timm's feature extractors, which this class describes and timm's implement."""

    feature_info: FeatureInfo
    model: nn.Module  # backbone that it wraps
    unit: int  # height and width must be multiples of it; set by `make_encoder`


def is_encoder(module: nn.Module) -> TypeGuard[FeatureExtractor]:
    """Return whether a model of timm extracts features."""
    return hasattr(module, "feature_info")


def make_encoder(backbone: str, channels: int, pretrained: bool, levels: int | None = None) -> FeatureExtractor:
    """Create a timm feature extractor: pictures (B, channels, H, W) to a list of feature maps, from fine to coarse.

    H and W must be multiples of `encoder.unit`: its largest stride, or more, for instance for window attention. Map i
    is (B, C, H/r, W/r) with C = `encoder.feature_info.channels()[i]` and r = `encoder.feature_info.reduction()[i]`.

    Args:
        backbone: name of a timm model.
        channels: number of the pictures' channels, to which pretrained weights are adapted.
        pretrained: start from timm's weights, which are downloaded once.
        levels: number of maps; coarser stages are not built. None for timm's default.

    Raises:
        ConfigError: timm has no such backbone or weights, or it can't extract such maps from pictures of any size.
        WeightsError: its pretrained weights can't be downloaded.
    """
    # Tried in turn; without `dynamic_img_size`, transformers accept a single size.
    option_sets: list[dict[str, bool]] = [{}, {"dynamic_img_size": True}]
    refusals: list[Exception] = []
    for options in option_sets:
        try:
            encoder = _create(backbone, channels, pretrained, levels, options)
            encoder.unit = _find_unit(encoder, channels)
            encoder.train()
            return encoder
        except OSError as error:
            hint = "set model.pretrained to false, or connect to the network"
            raise WeightsError(f"model.pretrained: timm's weights for {backbone} can't be downloaded", hint) from error
        except REFUSALS as error:
            refusals.append(error)
    reason = " ".join(str(refusals[0]).split()) or type(refusals[0]).__name__
    refusal = ConfigError(f"{backbone} can't be used ({reason})", "resnet18 can", parameter="model.backbone")
    raise refusal from refusals[0]


def make_stage(backbone: str, channels: int, pretrained: bool) -> FeatureExtractor:
    """Create the stem and first stage of a timm backbone with all strides 1, so that no position is lost.

    It maps (B, channels, H, W) to a list of one map (B, C, H, W), any H and W, C = `feature_info.channels()[0]`. A stem
    that has other shapes at stride 1 does not start from pretrained weights. Errors are those of `make_encoder`.
    """
    stage_stride = 4  # stride of the stage that runs at stride 1: a network's first blocks
    # Tried in turn: with patch size 1, the patches of a stem don't overlap.
    stem_options: list[dict[str, int]] = [{"patch_size": 1}, {}]
    plain = make_encoder(backbone, channels, pretrained)
    strides = plain.feature_info.reduction()
    level = next((index for index, stride in enumerate(strides) if stride >= stage_stride), len(strides) - 1)
    for options in stem_options:
        try:
            stage = _create(backbone, channels, False, None, {**options, "out_indices": (level,)})
            for module in stage.modules():
                if isinstance(module, nn.Conv2d | nn.MaxPool2d):
                    module.stride = (1, 1)
            with torch.no_grad():
                (features,) = stage.eval()(torch.zeros(1, channels, 24, 40))
        except REFUSALS:
            continue
        if features.shape[2:] == (24, 40):
            if pretrained:
                initial = stage.state_dict()
                known = {name: weight for name, weight in plain.state_dict().items() if name in initial}
                same = {name: weight for name, weight in known.items() if weight.shape == initial[name].shape}
                stage.load_state_dict(same, strict=False)
            stage.train()
            return stage
    hint = "convnext_atto, mobilenetv4_conv_small and regnetx_002 can"
    raise ConfigError(
        f"{backbone} can't keep every position (its stem has no stride 1)", hint, parameter="model.backbone"
    )


def _create(
    backbone: str, channels: int, pretrained: bool, levels: int | None, options: Mapping[str, Any]
) -> FeatureExtractor:
    """Create the backbone as timm's "getter", which omits unused stages and always returns (B, C, H, W)."""
    of_addresses = ":/\\"  # characters of a hub's or a folder's name, which makes timm load a model from there
    import timm  # slow to import, and most families do not need it

    known = timm.list_models()
    if backbone.split(".", maxsplit=1)[0] not in known or set(backbone) & set(of_addresses):
        close = difflib.get_close_matches(backbone.rpartition("/")[2], known, n=3)  # without a hub's prefix
        raise ConfigError(
            f"timm has no {backbone!r}", f"close: {', '.join(close)}" if close else "", parameter="model.backbone"
        )
    options = options if levels is None else {**options, "out_indices": tuple(range(levels))}
    encoder = timm.create_model(
        backbone, features_only=True, feature_cls="getter", in_chans=channels, pretrained=pretrained, **options
    )
    assert is_encoder(encoder)
    positions = getattr(encoder.model, "pos_embed", None)
    if isinstance(positions, nn.Parameter):
        positions.requires_grad_(False)
    return encoder


def has_batch_norms(network: nn.Module) -> bool:
    """Return whether a network normalises by statistics of the batch."""
    return any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in network.modules())


def synchronise_batch_norms(network: nn.Module) -> None:
    """Make batch norms take their statistics from the shares of all GPUs that train together; weights stay as they are.

    PyTorch's own conversion would drop the activations that timm's batch norms include.
    """
    from timm.layers.norm_act import convert_sync_batchnorm

    convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]


@torch.no_grad()
def _find_unit(encoder: FeatureExtractor, channels: int) -> int:
    """Return the unit of H and W: the largest stride, doubled until the maps have the announced shapes.

    It is tested on a picture that is not square, since many transformers accept a single size. The encoder is in
    evaluation mode afterwards.
    """
    max_unit = 256  # pixels
    unit = max(encoder.feature_info.reduction())
    refusals: list[Exception] = []
    announced = list(zip(encoder.feature_info.channels(), encoder.feature_info.reduction(), strict=True))
    while unit <= max_unit:
        height = 2 * unit
        width = 3 * unit
        try:
            maps = encoder.eval()(torch.zeros(1, channels, height, width))
            expected = [(count, height // stride, width // stride) for count, stride in announced]
            if [level.shape[1:] for level in maps] == expected:
                return unit
            message = f"its feature maps of {width}×{height} pixels do not have the announced shapes"
            refusals.append(RuntimeError(message))
        except REFUSALS as error:
            refusals.append(error)
        unit *= 2
    raise refusals[0]


# Haar bands and phases


class Haar(nn.Module):
    """Orthonormal Haar transform, (B, 3, H, W) to (B, BANDS, H/2, W/2): mean and three differences of 2×2 blocks.

    It is one convolution, always in 32 bits. All means come first, then all horizontal differences.
    """

    kernel: Tensor  # (BANDS, 3, 2, 2)

    def __init__(self) -> None:
        super().__init__()
        with torch.device("cpu"):  # even if the weights are elsewhere, since no file has it
            signs = torch.tensor([[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]]) / 2
            kernel = torch.einsum("bp,oc->bocp", signs, torch.eye(3)).reshape(BANDS, 3, 2, 2)
        self.register_buffer("kernel", kernel, persistent=False)

    def forward(self, pictures: Tensor) -> Tensor:
        """Return the bands, (B, 12, H/2, W/2) float32, of pictures, (B, 3, H, W)."""
        with full_precision(pictures.device):
            return functional.conv2d(pictures.float(), self.kernel, stride=2)

    def inverse(self, bands: Tensor) -> Tensor:
        """Apply the inverse transform, (B, BANDS, H, W) to (B, 3, 2H, 2W)."""
        with full_precision(bands.device):
            return functional.conv_transpose2d(bands.float(), self.kernel, stride=2)


def mix(weight: Tensor, bands: Tensor) -> Tensor:
    """Apply a matrix as a 1×1 convolution."""
    return functional.conv2d(bands, weight[:, :, None, None])


def fraction(phase: Tensor) -> Tensor:
    """Return the phase minus the nearest integer, with the gradient of the phase."""
    return phase - phase.detach().round()


# Small networks, beside which a backbone may run


def silent_convolution(channels: int, out: int, kernel: int = 3) -> nn.Conv2d:
    """Return a convolution whose output is zero at first."""
    convolution = nn.Conv2d(channels, out, kernel, padding=kernel // 2)
    for parameter in convolution.parameters():
        nn.init.zeros_(parameter)
    return convolution


class Subnet(nn.Module):
    """A network inside the pair: (B, channels, H, W) to (B, out, H, W), any H and W.

    3×3 convolutions run in parallel to a timm backbone, which sees more context but loses fine detail. The output is
    zero at first, so that an untrained pair is the identity.

    Args:
        channels: channels of the input.
        out: channels of the output.
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
        self.rest = nn.Sequential(*layers, silent_convolution(width, out))

    def forward(self, bands: Tensor) -> Tensor:
        """Return features of the same height and width: (B, channels, H, W) to (B, out, H, W)."""
        features = self.first(bands)
        output: Tensor = self.rest(features if self.context is None else features + self.context(bands))
        return output


class Refiner(nn.Module):
    """A refinement of a picture, (B, channels, H, W) to (B, BANDS, H, W), any H and W: Haar bands at half resolution.

    It consists of the first stage of a timm backbone at stride 1, if there is one, and of `depth` 3×3 convolutions of a
    width, which see the stage's features beside the bands. The output is zero at first.
    """

    def __init__(self, channels: int, width: int, depth: int, backbone: str, pretrained: bool) -> None:
        super().__init__()
        self.encoder = None if backbone == NONE else make_stage(backbone, channels, pretrained)
        layers: list[nn.Module] = []
        channels += 0 if self.encoder is None else self.encoder.feature_info.channels()[0]
        for _ in range(depth - 1):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.LeakyReLU(SLOPE, inplace=True)]
            channels = width
        self.rest = nn.Sequential(*layers, silent_convolution(channels, BANDS))

    def forward(self, bands: Tensor) -> Tensor:
        """Return a small refinement, (B, BANDS, H, W), to be added to the bands of a picture."""
        scale = 0.02  # a base differs from its picture by about 0.01 of white; one step of AdamW must not exceed that
        features = bands if self.encoder is None else torch.cat([bands, *self.encoder(bands)], dim=1)
        refinement: Tensor = self.rest(features)
        return scale * refinement


class BackboneContext(nn.Module):
    """The sum of a backbone's finest feature maps at full resolution: (B, channels, H, W) to (B, width, H, W).

    They are upsampled by pixel shuffle (Shi et al. 2016, arXiv 1609.05158), whose gradient is deterministic on CUDA,
    unlike the gradient of bilinear interpolation.
    """

    def __init__(self, channels: int, width: int, backbone: str, pretrained: bool) -> None:
        super().__init__()
        self.encoder = make_encoder(backbone, channels, pretrained, levels=2)  # the finest maps
        self.unit = self.encoder.unit
        levels = zip(self.encoder.feature_info.channels(), self.encoder.feature_info.reduction(), strict=True)
        self.up = nn.ModuleList(
            nn.Sequential(nn.Conv2d(level, width * stride**2, 1), nn.PixelShuffle(stride)) for level, stride in levels
        )

    def forward(self, bands: Tensor) -> Tensor:
        """Pad to the backbone's stride, and return the sum of its maps, (B, width, H, W)."""
        height, width = bands.shape[-2:]
        padding = (0, -width % self.unit, 0, -height % self.unit)
        maps = self.encoder(functional.pad(bands, padding))
        context: Tensor = sum(up(level) for up, level in zip(self.up, maps, strict=True))
        return context[..., :height, :width]


# A U-Net that generates a picture, and convolutions that reveal one


class UNetLevel(nn.Module):
    """A downsampling, the levels below and an upsampling, with a skip: (B, outer, H, W) to (B, 2 · outer, H, W).

    The bottleneck is the last level. It has no normalisation, as the errata of Isola et al. 2017 advise: for one
    picture of a single value there, nothing could be learnt from it.
    """

    def __init__(self, outer: int, inner: int, below: "UNetLevel | None") -> None:
        slope = 0.2  # slope of the leaky ReLU
        super().__init__()
        down: list[nn.Module] = [nn.LeakyReLU(slope), nn.Conv2d(outer, inner, 4, 2, 1, bias=False)]
        middle: list[nn.Module] = [] if below is None else [nn.BatchNorm2d(inner), below]
        back = inner if below is None else 2 * inner
        up: list[nn.Module] = [nn.ReLU(), nn.ConvTranspose2d(back, outer, 4, 2, 1, bias=False), nn.BatchNorm2d(outer)]
        self.inside = nn.Sequential(*down, *middle, *up)

    def forward(self, features: Tensor) -> Tensor:
        """Return the features, joined with those of the levels below: (B, outer, H, W) to (B, 2 · outer, H, W)."""
        return torch.cat([features, self.inside(features)], dim=1)


class UNetGenerator(nn.Module):
    """The generator of Isola et al. 2017 (arXiv 1611.07004, section 6.1): (B, channels, H, W) to (B, 3, H, W).

    H and W are any: pictures are zero-padded to multiples of its stride, and the output is cropped. Convolutions before
    a normalisation have no bias, which would have no effect. All gradients are deterministic on CUDA.

    Args:
        channels: channels of the input.
        width: channels of the first level; each further level doubles them, up to eight times the width.
        depth: number of downsampling steps, at least 2.
        output: function of the output, computed in 32 bits.
    """

    def __init__(self, channels: int, width: int, depth: int, output: nn.Module) -> None:
        super().__init__()
        most_factor = 8  # of the width
        self.stride = 2**depth
        counts = [min(2**level, most_factor) * width for level in range(depth)]
        (*inner_levels, (deepest, bottleneck)) = pairwise(counts)
        below = UNetLevel(deepest, bottleneck, None)
        for outer, inner in reversed(inner_levels):
            below = UNetLevel(outer, inner, below)
        first = nn.Conv2d(channels, width, 4, 2, 1, bias=False)
        self.levels = nn.Sequential(first, below, nn.ReLU(), nn.ConvTranspose2d(2 * width, 3, 4, 2, 1))
        self.output = output

    def forward(self, pictures: Tensor) -> Tensor:
        """Return a picture in the range of the output function, (B, 3, H, W) float32."""
        height, width = pictures.shape[-2:]
        padded = functional.pad(pictures, (0, -width % self.stride, 0, -height % self.stride))
        generated: Tensor = self.output(self.levels(padded)[..., :height, :width].float())
        return generated


def revealing_convolutions(width: int) -> nn.Sequential:
    """Return six 3×3 convolutions, (B, 3, H, W) to the logits of the secret, of the same shape."""
    factors = (1, 2, 4, 2, 1)  # channels of the revealing network, in multiples of the width
    layers: list[nn.Module] = []
    before = 3
    for channels in (factor * width for factor in factors):
        layers += [nn.Conv2d(before, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU()]
        before = channels
    return nn.Sequential(*layers, nn.Conv2d(before, 3, 3, padding=1))
