"""What a training minimises: how far the container is from its cover, and the revealed secret from the secret.

A squared error lets go of what is nearly right. An absolute one pulls on as hard, and SSIM is steep where a picture is
flat: alone, they call the container back to its cover before the secret has found its way, unless `container_start`
is about the square of what a squared error wants (0.0005 in the place of 0.02).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from stegnet.core.config import LossConfig
from stegnet.core.similarity import ms_ssim, ssim
from stegnet.training.batch_pass import PassResult

EPSILON = 1e-3  # where a Charbonnier error turns from square to straight


@dataclass(frozen=True)
class Terms:
    """The two terms of one batch, each a scalar, and the mean squared errors that they are told by, in RGB."""

    container: Tensor
    secret: Tensor
    container_mse: Tensor
    secret_mse: Tensor


def terms(arrived: PassResult, config: LossConfig) -> Terms:
    """Both terms of the loss, by the measures that `config` weighs; float32 as the pictures are."""
    container, secret = (arrived.container, arrived.cover), (arrived.revealed, arrived.secret)
    with torch.no_grad():
        figures = [_squared(*pictures).mean() for pictures in (container, secret)]
    return Terms(_error(*container, config), _error(*secret, config), *figures)


def to_ycbcr(pictures: Tensor) -> Tensor:
    """(B, 3, H, W) RGB to Y, Cb and Cr, all in [0, 1]: ITU-R BT.601 in full range, as JFIF 1.02 has it.

    But grey has 0.5 in Cb and Cr, where JFIF has 128 of 255.
    """
    red, green, blue = pictures.unbind(1)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    return torch.stack([luma, (blue - luma) / 1.772 + 0.5, (red - luma) / 1.402 + 0.5], dim=1)


def _squared(a: Tensor, b: Tensor) -> Tensor:
    return (a - b).square()


def _absolute(a: Tensor, b: Tensor) -> Tensor:
    return (a - b).abs()


def _charbonnier(a: Tensor, b: Tensor) -> Tensor:
    """√(d² + ε²) - ε; Lai et al. 2017 (arXiv 1704.03915, equation 3) do not take off ε: here equal pictures have 0."""
    return ((a - b).square() + EPSILON**2).sqrt() - EPSILON


def _unlike(a: Tensor, b: Tensor) -> Tensor:
    return 1 - ssim(a, b)


def _unlike_on_all_scales(a: Tensor, b: Tensor) -> Tensor:
    return 1 - ms_ssim(a, b)


# By their keys in params.yaml. They take pictures (B, 3, H, W) and give errors (B, 3, ...).
MEASURES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mse": _squared,
    "l1": _absolute,
    "charbonnier": _charbonnier,
    "ssim": _unlike,
    "ms_ssim": _unlike_on_all_scales,
}


def _error(a: Tensor, b: Tensor, config: LossConfig) -> Tensor:
    """The weighted sum of the measures; one whose weight is 0 is not taken."""
    if config.space == "ycbcr":
        a, b = to_ycbcr(a), to_ycbcr(b)
    weights = {name: getattr(config, name) for name in MEASURES}
    return sum(weight * _over_channels(MEASURES[name](a, b), config) for name, weight in weights.items() if weight)


def _over_channels(errors: Tensor, config: LossConfig) -> Tensor:
    """The mean over R, G and B, or Y's error and the weighted ones of Cb and Cr: the same for grey pictures."""
    if config.space == "rgb":
        return errors.mean()
    luma, blue, red = errors.transpose(0, 1).flatten(1).mean(1)
    return luma + config.chroma * (blue + red)
