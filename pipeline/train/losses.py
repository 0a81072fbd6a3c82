"""Terms of the loss: the errors of container and revealed secret, by the measures that params.yaml weighs.

A squared error stops pulling once the pictures are nearly right. An absolute error keeps pulling equally hard, and SSIM
is steep where a picture is flat. Alone, these drive the container back to its cover before the secret has got through,
unless `container_start` is about the square of what a squared error needs (0.0005 instead of 0.02).
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from pipeline import tensors
from pipeline.parameters.training import LossConfig
from stegnet.core.errors import ConfigError
from stegnet.core.measures import CONTAINER_PSNR, SECRET_PSNR
from stegnet.core.names import load_object
from stegnet.core.pixels import LUMA, NONE

VALIDATION_LOSS = "validation_loss"
FIGURES = (VALIDATION_LOSS, f"validation_{CONTAINER_PSNR}", f"validation_{SECRET_PSNR}")
OWN_LOSS = "params.yaml: train.loss.own"
PictureMeasure = Callable[[Tensor, Tensor], Tensor]  # of the errors (B, 3, …) between pictures (B, 3, H, W)


class LossTerms(NamedTuple):
    """Both terms of a batch's loss, and the reported errors; all scalars."""

    container: Tensor
    secret: Tensor
    container_mse: Tensor  # mean squared error in RGB, values in [0, 1]
    secret_figure: Tensor  # mean squared error likewise, or what a task of bits measures

    def stack(self) -> Tensor:
        """Return the terms as (4,), detached, in the order of the attributes."""
        return torch.stack(list(self)).detach()


class PassResult(NamedTuple):
    """Input and output pictures of a pass, each (B, 3, H, W); in [0, 1], but networks may overshoot.

    `base` is the secret's, as the pair enhances it; `penalty` is what the pair adds to the container's error, ().
    """

    cover: Tensor
    container: Tensor
    secret: Tensor
    revealed: Tensor
    base: Tensor
    penalty: Tensor | float = 0.0


def loss_terms(result: PassResult, config: LossConfig) -> LossTerms:
    """Return both terms, by the measures that `config` weighs, in float32."""
    with torch.no_grad():
        container_mse = mse(result.container, result.cover).mean()
        secret_mse = mse(result.revealed, result.secret).mean()
    container = _error(result.container, result.cover, config)
    secret = _error(result.revealed, result.secret, config)
    return LossTerms(container, secret, container_mse, secret_mse)


def container_weight(step: int, steps: int, start: float, ramp: float) -> float:
    """Return the weight of the container term.

    It grows geometrically from `start` to 1 over the first `ramp` of the steps. The secret comes first: with both terms
    at full weight from the start, the pair learns to copy the cover and to reveal grey, and stays there.
    """
    return start ** max(0.0, 1 - step / (ramp * steps)) if ramp else 1.0


def to_ycbcr(pictures: Tensor) -> Tensor:
    """Convert (B, 3, H, W) RGB to Y, Cb and Cr, all in [0, 1]: ITU-R BT.601, full range, as in JFIF 1.02.

    It departs from JFIF in the chroma of grey: 0.5 instead of 128/255.
    """
    red, green, blue = pictures.unbind(1)
    luma = LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue
    return torch.stack([luma, (blue - luma) / 1.772 + 0.5, (red - luma) / 1.402 + 0.5], dim=1)


def mse(a: Tensor, b: Tensor) -> Tensor:
    """Return the squared error of each sample, in the shape of `a`."""
    return (a - b).square()


def l1(a: Tensor, b: Tensor) -> Tensor:
    """Return the absolute error of each sample, in the shape of `a`."""
    return (a - b).abs()


def charbonnier(a: Tensor, b: Tensor) -> Tensor:
    """Return √(d² + ε²) - ε.

    Lai et al. 2017 (arXiv 1704.03915, equation 3) do not subtract ε; here equal pictures give 0.
    """
    epsilon = 1e-3  # where the error turns from square to linear
    return ((a - b).square() + epsilon**2).sqrt() - epsilon


def ssim(a: Tensor, b: Tensor) -> Tensor:
    """Return 1 − SSIM of pictures, (B, 3, H, W) in [0, 1]."""
    return 1 - tensors.ssim(a, b)


def ms_ssim(a: Tensor, b: Tensor) -> Tensor:
    """Return 1 − MS-SSIM of pictures, (B, 3, H, W) in [0, 1]."""
    return 1 - tensors.ms_ssim(a, b)


MEASURES: dict[str, PictureMeasure] = {  # by their keys in params.yaml, where `LossConfig` has a weight for each
    measure.__name__: measure for measure in (mse, l1, charbonnier, ssim, ms_ssim)
}


def own_measure(loss: LossConfig) -> PictureMeasure | None:
    """Return the function that `train.loss.own` names, my.module:function, a further measure; None for "none"."""
    if loss.own == NONE:
        return None
    function: PictureMeasure = load_object(OWN_LOSS, loss.own)
    return function


def check_loss(loss: LossConfig) -> None:
    """Check that both terms can be computed and trained. Raises ConfigError that names the user's own measure."""
    own_measure(loss)  # that it is found
    side = 32  # pixels
    cover, secret, base = torch.rand(3, 2, 3, side, side)
    container, revealed = torch.rand(2, 2, 3, side, side, requires_grad=True)
    try:
        terms = loss_terms(PassResult(cover, container, secret, revealed, base), loss)
        (terms.container + terms.secret).backward()
    except (AttributeError, IndexError, RuntimeError, TypeError, ValueError) as error:  # of the user's own code
        reason = f"{loss.own} can't be trained by ({' '.join(str(error).split())})"
        hint = "it takes two tensors (B, 3, H, W), and returns errors (B, 3, …)"
        raise ConfigError(reason, hint, subject=OWN_LOSS) from error


def _error(a: Tensor, b: Tensor, config: LossConfig) -> Tensor:
    """Return the weighted sum of the measures, skipping those of weight 0. The user's own has weight 1."""
    if config.space == "ycbcr":
        a = to_ycbcr(a)
        b = to_ycbcr(b)

    weighted = [(weight, MEASURES[name]) for name in MEASURES if (weight := getattr(config, name))]
    if own := own_measure(config):
        weighted.append((1.0, own))

    total: Tensor
    total, *further = [weight * _over_channels(measured(a, b), config) for weight, measured in weighted]
    for error in further:
        total = total + error
    return total


def _over_channels(errors: Tensor, config: LossConfig) -> Tensor:
    """Return the mean over R, G and B, or Y's error plus the weighted errors of Cb and Cr: equal for grey pictures."""
    if config.space == "rgb":
        return errors.mean()
    luma, blue, red = errors.transpose(0, 1).flatten(1).mean(1).unbind()
    return luma + config.chroma * (blue + red)
