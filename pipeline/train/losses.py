"""Objectives of training, and the loss terms of pictures: the errors of container and revealed secret.

A squared error stops pulling once the pictures are nearly right. An absolute error keeps pulling equally hard, and SSIM
is steep where a picture is flat. Alone, these drive the container back to its cover before the secret has got through,
unless `container_start` is about the square of what a squared error needs (0.0005 instead of 0.02).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from pipeline import tensors
from pipeline.config import Config, LossConfig
from stegnet.core.errors import ConfigError, did_you_mean
from stegnet.core.measures import CONTAINER_PSNR, SECRET_PSNR
from stegnet.core.names import load_object
from stegnet.core.pixels import LUMA, NONE
from stegnet.networks.pair import Pair

FIGURES = ("validation_loss", f"validation_{CONTAINER_PSNR}", f"validation_{SECRET_PSNR}")
EPSILON = 1e-3  # where a Charbonnier error turns from square to linear
Measure = Callable[[Pair], dict[str, float]]  # returns figures of the training curve; leaves a pair in evaluation mode


@dataclass(frozen=True)
class LossTerms:
    """Both terms of a batch's loss, and the mean squared errors in RGB that are reported; all scalars."""

    container: Tensor
    secret: Tensor
    container_mse: Tensor
    secret_mse: Tensor

    def stack(self) -> Tensor:
        """Return the terms as (4,), detached, in the order of the attributes."""
        return torch.stack([self.container, self.secret, self.container_mse, self.secret_mse]).detach()


class Objective(ABC):
    """Objective of a training of `steps` steps; each kind of family has one."""

    covers_only = False  # training pairs are covers alone, (B, 1, 3, H, W)
    selects = True  # the weights with the best validation loss are kept, rather than the last ones

    def __init__(self, config: Config, pair: Pair, steps: int) -> None:
        self.config, self.pair, self.steps = config, pair, steps

    @abstractmethod
    def network(self, pair: Pair, precision: str) -> nn.Module:
        """Return the pass of a batch, which takes pictures, (B, parts, 3, H, W) uint8, and randomness."""

    @abstractmethod
    def draw(self, step: int, device: torch.device) -> Any:
        """Draw the randomness of a step's whole batch."""

    @abstractmethod
    def terms(self, result: Any) -> LossTerms:
        """Return the loss terms of a pass."""

    @abstractmethod
    def weight(self, step: int, randomness: Any) -> float:
        """Return the weight of the container's term."""

    def observe(self, step: int, randomness: Any, means: Tensor) -> None:  # noqa: B027
        """Take note of the means of a whole batch, (4,) as LossTerms."""

    @abstractmethod
    def figures(self, means: Tensor) -> dict[str, float]:
        """Return the figures of a training curve from means, (4,) as LossTerms."""

    @abstractmethod
    def preview(self, result: Any) -> np.ndarray:
        """Return preview pictures of a pass, (H, W, 3) uint8."""

    @abstractmethod
    def validation(self, data: Path, device: torch.device, precision: str, batch: int) -> Measure | None:
        """Return a measurement on the validation pictures in `data`, `batch` at once; None without pictures."""

    def state_dict(self) -> dict[str, Any]:
        """Return everything that changes during a training."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:  # noqa: B027
        """Restore the result of `state_dict`."""


class PassResult(NamedTuple):
    """Input and output pictures of a pass, each (B, 3, H, W); in [0, 1], but networks may overshoot.

    `base` is the secret's, as the pair enhances it.
    """

    cover: Tensor
    container: Tensor
    secret: Tensor
    revealed: Tensor
    base: Tensor


def loss_terms(result: PassResult, config: LossConfig) -> LossTerms:
    """Return both terms, by the measures that `config` weighs, in float32."""
    container, secret = (result.container, result.cover), (result.revealed, result.secret)
    with torch.no_grad():
        squared = [mse(*pictures).mean() for pictures in (container, secret)]
    return LossTerms(_error(*container, config), _error(*secret, config), *squared)


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


# Measures by their keys in params.yaml. They take pictures (B, 3, H, W) and return errors (B, 3, ...).
MEASURES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {}


def measure(function: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    """Register a measure of the error between pictures, as a decorator; params.yaml weighs it by its name."""
    assert function.__name__ not in MEASURES
    MEASURES[function.__name__] = function
    return function


@measure
def mse(a: Tensor, b: Tensor) -> Tensor:
    return (a - b).square()


@measure
def l1(a: Tensor, b: Tensor) -> Tensor:
    return (a - b).abs()


@measure
def charbonnier(a: Tensor, b: Tensor) -> Tensor:
    """Return √(d² + ε²) - ε.

    Lai et al. 2017 (arXiv 1704.03915, equation 3) do not subtract ε; here equal pictures give 0.
    """
    return ((a - b).square() + EPSILON**2).sqrt() - EPSILON


@measure
def ssim(a: Tensor, b: Tensor) -> Tensor:
    return 1 - tensors.ssim(a, b)


@measure
def ms_ssim(a: Tensor, b: Tensor) -> Tensor:
    return 1 - tensors.ms_ssim(a, b)


def check_measures(loss: LossConfig) -> None:
    """Check that a loss weighs every known measure, and no other, and that the user's own can be imported."""
    own_measure(loss)
    weights = loss.keys() - {"space", "chroma", "own"}
    for name in sorted(weights - MEASURES.keys()):
        hint = did_you_mean(name, MEASURES) or f"known: {', '.join(MEASURES)}"
        raise ConfigError(f"params.yaml: train.loss.{name}: unknown measure", hint)
    for name in sorted(MEASURES.keys() - weights):
        raise ConfigError(f"params.yaml: train.loss.{name}: missing")


def own_measure(loss: LossConfig) -> Callable[[Tensor, Tensor], Tensor] | None:
    """Return the function that `train.loss.own` names, my.module:function, a further measure; None for "none"."""
    name = str(loss["own"])
    return None if name == NONE else load_object("params.yaml: train.loss.own", name)


def _error(a: Tensor, b: Tensor, config: LossConfig) -> Tensor:
    """Return the weighted sum of the measures, skipping those of weight 0. The user's own has weight 1."""
    if config["space"] == "ycbcr":
        a, b = to_ycbcr(a), to_ycbcr(b)
    weighted = [(config[name], MEASURES[name]) for name in MEASURES if config[name]]
    if own := own_measure(config):
        weighted.append((1.0, own))
    return sum(weight * _over_channels(measured(a, b), config) for weight, measured in weighted)


def _over_channels(errors: Tensor, config: LossConfig) -> Tensor:
    """Return the mean over R, G and B, or Y's error plus the weighted errors of Cb and Cr: equal for grey pictures."""
    if config["space"] == "rgb":
        return errors.mean()
    luma, blue, red = errors.transpose(0, 1).flatten(1).mean(1)
    return luma + config["chroma"] * (blue + red)
