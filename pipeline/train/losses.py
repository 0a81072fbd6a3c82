"""Loss terms: the error of the container against its cover, and of the revealed secret against the secret.

A squared error stops pulling once the pictures are nearly right. An absolute error pulls on just as hard, and SSIM is
steep where a picture is flat: alone, they drive the container back to its cover before the secret has got through,
unless `container_start` is about the square of what a squared error needs (0.0005 instead of 0.02).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.config import LossConfig
from pipeline.similarity import ms_ssim, ssim
from pipeline.train.batch_pass import PassResult

EPSILON = 1e-3  # where a Charbonnier error turns from square to linear


@dataclass(frozen=True)
class LossTerms:
    """Both terms of a batch's loss, and the mean squared errors in RGB that are reported; all scalars."""

    container: Tensor
    secret: Tensor
    container_mse: Tensor
    secret_mse: Tensor

    def stack(self) -> Tensor:
        """(4,) detached, in the order of the attributes."""
        return torch.stack([self.container, self.secret, self.container_mse, self.secret_mse]).detach()


def loss_terms(result: PassResult, config: LossConfig) -> LossTerms:
    """Both terms, by the measures that `config` weighs, in float32."""
    container, secret = (result.container, result.cover), (result.revealed, result.secret)
    with torch.no_grad():
        squared = [_squared(*pictures).mean() for pictures in (container, secret)]
    return LossTerms(_error(*container, config), _error(*secret, config), *squared)


def to_ycbcr(pictures: Tensor) -> Tensor:
    """(B, 3, H, W) RGB to Y, Cb and Cr, all in [0, 1]: ITU-R BT.601, full range, as in JFIF 1.02.

    Departs from JFIF in the chroma of grey: 0.5 instead of 128/255.
    """
    red, green, blue = pictures.unbind(1)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    return torch.stack([luma, (blue - luma) / 1.772 + 0.5, (red - luma) / 1.402 + 0.5], dim=1)


def _squared(a: Tensor, b: Tensor) -> Tensor:
    return (a - b).square()


def _absolute(a: Tensor, b: Tensor) -> Tensor:
    return (a - b).abs()


def _charbonnier(a: Tensor, b: Tensor) -> Tensor:
    """√(d² + ε²) - ε; Lai et al. 2017 (arXiv 1704.03915, equation 3) do not subtract ε: here equal pictures give 0."""
    return ((a - b).square() + EPSILON**2).sqrt() - EPSILON


def _dissimilarity(a: Tensor, b: Tensor) -> Tensor:
    return 1 - ssim(a, b)


def _multi_scale_dissimilarity(a: Tensor, b: Tensor) -> Tensor:
    return 1 - ms_ssim(a, b)


# By their keys in params.yaml. They take pictures (B, 3, H, W) and return errors (B, 3, ...).
MEASURES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mse": _squared,
    "l1": _absolute,
    "charbonnier": _charbonnier,
    "ssim": _dissimilarity,
    "ms_ssim": _multi_scale_dissimilarity,
}


def _error(a: Tensor, b: Tensor, config: LossConfig) -> Tensor:
    """The weighted sum of the measures; those of weight 0 are skipped."""
    if config.space == "ycbcr":
        a, b = to_ycbcr(a), to_ycbcr(b)
    weights = {name: getattr(config, name) for name in MEASURES}
    return sum(weight * _over_channels(MEASURES[name](a, b), config) for name, weight in weights.items() if weight)


def _over_channels(errors: Tensor, config: LossConfig) -> Tensor:
    """The mean over R, G and B, or Y's error plus the weighted errors of Cb and Cr: equal for grey pictures."""
    if config.space == "rgb":
        return errors.mean()
    luma, blue, red = errors.transpose(0, 1).flatten(1).mean(1)
    return luma + config.chroma * (blue + red)
