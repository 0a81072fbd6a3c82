"""Training objectives, one for each kind of family: the pass of a batch, its loss, and the figures of the curve."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from stegnet.config.config import Config
from stegnet.core.jpeg import BLOCK
from stegnet.core.measures import CONTAINER_PSNR, INFORMATION, SECRET_PSNR, psnr_from_mse
from stegnet.core.parallel import AUTO
from stegnet.core.samples import CODED
from stegnet.models import Pair
from stegnet.models.modem import Modem
from stegnet.training.batch_pass import HideRevealPass, draw_randomness, first_pairs, preview
from stegnet.training.losses import LossTerms, loss_terms
from stegnet.training.modem_pass import (
    ModemPass,
    ModemRandomness,
    ModemResult,
    preview_modem,
    randomness_of,
)
from stegnet.training.validation import Validation, validation_crops

_START, _CODED_START = 0.02, 0.0001
_STEERED_START = -5.0  # natural logarithm of a rung's weight of the container's error in levels²
_STEERED_LIMITS = -12.0, 3.0
_LEVELS = 255**2


class Measurer(Protocol):
    """Measures the weights of a pair."""

    def measure(self, pair: Pair) -> dict[str, float]:
        """Figures of the training curve; leaves `pair` in evaluation mode."""


class Objective(Protocol):
    """Objective of a training.

    Attributes:
        covers_only: training pairs are covers alone, (B, 1, 3, H, W).
        selects: the weights with the best validation loss are kept, rather than the last ones.
    """

    covers_only: bool
    selects: bool

    def network(self, pair: Pair, precision: str, compiled: bool = False) -> nn.Module:
        """The pass of a batch: takes pictures, (B, parts, 3, H, W) uint8, and randomness."""

    def draw(self, step: int, device: torch.device) -> Any:
        """The randomness of a step's whole batch."""

    def terms(self, result: Any) -> LossTerms:
        """The loss terms of a pass."""

    def weight(self, step: int, randomness: Any) -> float:
        """The weight of the container's term."""

    def observe(self, step: int, randomness: Any, means: Tensor) -> None:
        """Takes the means of a whole batch, (4,) as LossTerms."""

    def figures(self, means: Tensor) -> dict[str, float]:
        """The figures of a training curve from means, (4,) as LossTerms."""

    def first(self, result: Any) -> Any:
        """The part of a pass that a preview shows."""

    def preview(self, result: Any) -> np.ndarray:
        """Preview pictures of a pass, (H, W, 3) uint8."""

    def validation(self, data: Path, device: torch.device, precision: str, batch: int) -> Measurer | None:
        """Measures averaged weights on the validation pictures in `data`, `batch` at once; None without them."""

    def state_dict(self) -> dict[str, Any]:
        """All that changes during a training."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restores the result of `state_dict`."""


def objective_of(config: Config, pair: Pair, steps: int) -> Objective:
    """The objective of a pair; `steps` is the length of the training."""
    return ModemObjective(config, pair, steps) if isinstance(pair, Modem) else PictureObjective(config, pair, steps)


class PictureObjective:
    """Containers that resemble their covers, and secrets that come back."""

    covers_only, selects = False, True

    def __init__(self, config: Config, pair: Pair, steps: int) -> None:
        self._config, self._steps = config, steps
        self._start = container_start(config, pair)

    def network(self, pair: Pair, precision: str, compiled: bool = False) -> HideRevealPass:
        return HideRevealPass(pair, self._config, precision, compiled)

    def draw(self, step: int, device: torch.device) -> Any:
        return draw_randomness(self._config, step, device)

    def terms(self, result: Any) -> LossTerms:
        return loss_terms(result, self._config.train.loss)

    def weight(self, step: int, randomness: Any) -> float:
        return container_weight(step, self._steps, self._start, self._config.train.container_ramp)

    def observe(self, step: int, randomness: Any, means: Tensor) -> None:
        pass

    def figures(self, means: Tensor) -> dict[str, float]:
        _, _, container, secret = means.tolist()
        return {CONTAINER_PSNR: psnr_from_mse(container), SECRET_PSNR: psnr_from_mse(secret)}

    def first(self, result: Any) -> Any:
        return first_pairs(result)

    def preview(self, result: Any) -> np.ndarray:
        return preview(result)

    def validation(self, data: Path, device: torch.device, precision: str, batch: int) -> Measurer | None:
        return Validation.open(self._config, data, device, precision, batch)

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        pass


class ModemObjective:
    """Bits that come back from containers of a given PSNR, which differs by rung.

    The loss is β times the mean binary cross-entropy of the bits, in bits, plus the container's squared error in
    levels² times a weight. A rung's weight rises a little in each of its steps where the PSNR is below its target, and
    falls where it is above; the target rises from `channel.start_psnr` to the rung's over the first `channel.ramp` of
    the training. With `channel.steer` 0 the weights stay, and β decides.
    """

    covers_only, selects = True, False

    def __init__(self, config: Config, pair: Modem, steps: int) -> None:
        self._config, self._channel, self._pair, self._steps = config, config.channel, pair, steps
        self.rungs = tuple(rung.name for rung in config.model.rungs)
        self._weights = [_STEERED_START] * len(self.rungs)

    def network(self, pair: Pair, precision: str, compiled: bool = False) -> ModemPass:
        assert isinstance(pair, Modem)
        return ModemPass(pair, self._channel, precision, compiled)

    def draw(self, step: int, device: torch.device) -> ModemRandomness:
        random = torch.Generator().manual_seed(self._config.seed * 1_000_003 + step)
        rung = int(torch.randint(len(self._config.model.rungs), (), generator=random))
        return randomness_of(self._config, self._pair, rung, self._config.train.batch, random, device)

    def terms(self, result: ModemResult) -> LossTerms:
        entropy = lost_bits(result.bits, result.likelihoods)
        with torch.no_grad():
            used = result.bits.abs().mean() * self._pair.bits / BLOCK**2  # bits per pixel
            information = used * (1 - entropy)
        squared = (result.container - result.cover).square().mean()
        return LossTerms(squared * _LEVELS, entropy, squared.detach(), information)

    def weight(self, step: int, randomness: ModemRandomness) -> float:
        return math.exp(self._weights[randomness.rung])

    def observe(self, step: int, randomness: ModemRandomness, means: Tensor) -> None:
        rung = self._config.model.rungs[randomness.rung]
        share = min(1.0, step / (self._channel.ramp * self._steps)) if self._channel.ramp else 1.0
        target = self._channel.start_psnr + (rung.psnr - self._channel.start_psnr) * share
        above = psnr_from_mse(means[2].item()) > target
        low, high = _STEERED_LIMITS
        steered = self._weights[randomness.rung] + (-1 if above else 1) * self._channel.steer
        self._weights[randomness.rung] = min(max(steered, low), high)

    def figures(self, means: Tensor) -> dict[str, float]:
        _, _, container, information = means.tolist()
        return {CONTAINER_PSNR: psnr_from_mse(container), INFORMATION: information}

    def first(self, result: ModemResult) -> ModemResult:
        return first_pairs(result)

    def preview(self, result: ModemResult) -> np.ndarray:
        return preview_modem(result)

    def validation(self, data: Path, device: torch.device, precision: str, batch: int) -> Measurer | None:
        crops = validation_crops(self._config, data, coded=False)
        return None if crops is None else ModemValidation(crops.to(device), self, precision, batch)

    @torch.no_grad()
    def measure(self, network: ModemPass, covers: Tensor, rung: int, batch: int) -> dict[str, float]:
        """Figures of a rung on covers, (B, 1, 3, H, W) uint8, each with the same bits and JPEG quality every time."""
        random = torch.Generator().manual_seed(self._config.seed)
        randomness = randomness_of(self._config, self._pair, rung, len(covers), random, covers.device)
        means = torch.zeros(4, dtype=torch.float64)
        for first in range(0, len(covers), batch):
            part = slice(first, first + batch)
            terms = self.terms(network(covers[part], randomness.select(part)))
            means += terms.stack().double().cpu() * (len(covers[part]) / len(covers))
        return self.figures(means)

    def state_dict(self) -> dict[str, Any]:
        return {"weights": list(self._weights)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._weights = list(state["weights"])


class ModemValidation:
    """Measures a modem's rungs on fixed covers.

    Args:
        covers: (B, 1, 3, crop, crop) uint8.
        batch: covers that are computed at once.
    """

    def __init__(self, covers: Tensor, objective: ModemObjective, precision: str, batch: int) -> None:
        self._covers, self._objective = covers, objective
        self._precision, self._batch = precision, batch

    def measure(self, pair: Pair) -> dict[str, float]:
        """PSNR of the containers, and information in bits per pixel, of each rung."""
        network = self._objective.network(pair.eval(), self._precision)
        figures = {}
        for index, name in enumerate(self._objective.rungs):
            measured = self._objective.measure(network, self._covers, index, self._batch)
            figures |= {f"validation_{name}_{key}": value for key, value in measured.items()}
        return figures


def lost_bits(bits: Tensor, likelihoods: Tensor) -> Tensor:
    """Mean binary cross-entropy of the bits that are used, in bits: 0 if all are known, 1 if nothing is."""
    used = bits.abs()
    lost = functional.softplus(-bits * likelihoods) * used
    return lost.sum() / used.sum() / math.log(2)


def container_start(config: Config, pair: Pair) -> float:
    """`train.container_start`; "auto": 1 for a pair that needs no start, else less the less a base leaves to hide."""
    if config.train.container_start != AUTO:
        return config.train.container_start
    return 1.0 if not pair.secret_first else _CODED_START if config.scramble.base == CODED else _START


def container_weight(step: int, steps: int, start: float, ramp: float) -> float:
    """Weight of the container term: grows geometrically from `start` to 1 over the first `ramp` of the steps.

    The secret comes first: with both terms at full weight from the start, the pair learns to copy the cover and to
    reveal grey, and stays there.
    """
    return start ** max(0.0, 1 - step / (ramp * steps)) if ramp else 1.0
