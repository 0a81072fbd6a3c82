"""Training objectives, one for each kind of family: the pass of a batch, its loss, and the figures of the curve."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from pipeline.config import Config
from pipeline.train.batch_pass import HideRevealPass, draw_randomness, first_pairs, preview
from pipeline.train.losses import LossTerms, loss_terms
from pipeline.train.validation import Validation
from stegnet.core.measures import CONTAINER_PSNR, SECRET_PSNR, psnr_from_mse
from stegnet.core.parallel import AUTO
from stegnet.core.samples import CODED
from stegnet.networks.pair import Pair

_START, _CODED_START = 0.02, 0.0001


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
