"""Pictures that a training is watched on but never learns from, and the best weights by what they say.

They are measured as a file gives them: hidden with a shuffle, clamped and rounded to 8 bits with sealed bits in them,
revealed, and rounded again.
"""

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from stegnet.core.config import Config
from stegnet.core.measures import CONTAINER_PSNR, SECRET_PSNR, psnr_from_mse
from stegnet.core.tensors import from_8_bits, through_8_bits, to_8_bits, with_sealed_bits
from stegnet.data.shards import VALIDATION, Shards, read_manifest
from stegnet.models import Pair
from stegnet.training.batch_pass import HideRevealPass, PassResult, draw_randomness
from stegnet.training.losses import terms

PAIRS = 32  # pairs that are measured, at most
FEWEST = 2  # pictures
FIGURES = ("validation_loss", f"validation_{CONTAINER_PSNR}", f"validation_{SECRET_PSNR}")
LOSS = FIGURES[0]

_log = logging.getLogger(__name__)


class Validation:
    """Fixed pairs of validation pictures, the middle of each, and the one chance that all weights are measured by.

    Args:
        pictures: (B, 2, 3, crop, crop) uint8, covers and secrets.
        at_once: pairs that are computed together.
    """

    def __init__(self, pictures: Tensor, config: Config, precision: str, at_once: int) -> None:
        channel = replace(config.train, batch=len(pictures), scrambled=1.0, noise=0.0)
        self._chance = draw_randomness(replace(config, train=channel), 0, pictures.device)
        self._pictures, self._config = pictures, config
        self._precision, self._at_once = precision, at_once

    @classmethod
    def open(
        cls, config: Config, data: Path, device: torch.device, precision: str, at_once: int
    ) -> "Validation | None":
        """That of the shards in `data`; None if it is not wanted, or there are too few pictures."""
        if not config.train.validate:
            return None
        count = sum(entry.split == VALIDATION for entry in read_manifest(data))
        if count < FEWEST:
            _log.warning(
                "%s: too few pictures to validate on (%d): the last weights are kept, not the best; "
                "raise data.validation_share",
                data, count,
            )  # fmt: skip
            return None
        crops = torch.from_numpy(_middles(Shards(data, VALIDATION), count, config.train.crop))
        pairs = torch.stack([crops, crops.roll(-1, 0)], dim=1)
        return cls(pairs.to(device), config, precision, at_once)

    @torch.no_grad()
    def measure(self, pair: Pair) -> dict[str, float]:
        """Means over all pairs: the loss at the container's full weight, and PSNR in dB; `pair` is left in eval."""
        means = torch.zeros(4, dtype=torch.float64)
        trip = HideRevealPass(pair.eval(), self._config.scramble.detail, self._precision)
        for part in self._parts():
            arrived = self._stored(trip(self._pictures[part], self._chance.part(part)), part)
            losses = terms(arrived, self._config.train.loss)
            figures = torch.stack([losses.container, losses.secret, losses.container_mse, losses.secret_mse])
            means += figures.double().cpu() * (len(arrived.cover) / len(self._pictures))
        container, secret, container_mse, secret_mse = means.tolist()
        loss = container + self._config.beta * secret
        return dict(zip(FIGURES, (loss, psnr_from_mse(container_mse), psnr_from_mse(secret_mse)), strict=True))

    def _parts(self) -> Iterator[slice]:
        for first in range(0, len(self._pictures), self._at_once):
            yield slice(first, first + self._at_once)

    def _stored(self, arrived: PassResult, part: slice) -> PassResult:
        """Both ends as files hold them."""
        cover, container, secret, revealed = arrived
        stored = with_sealed_bits(through_8_bits(container), container, self._chance.part(part).sealed)
        return PassResult(cover, stored, secret, from_8_bits(to_8_bits(revealed)))


class Best:
    """The best weights so far.

    Attributes:
        step: that they were measured after, None at first.
        figures: what was measured.
        weights: all tensors of the pair, by name.
        since: measurements after it.
    """

    def __init__(self) -> None:
        self.step: int | None = None
        self.figures: dict[str, float] = {}
        self.weights: dict[str, Tensor] = {}
        self.since = 0

    def offer(self, step: int, figures: dict[str, float], pair: Pair) -> None:
        """Takes these weights if their loss is the lowest."""
        self.since += 1
        if self.step is None or figures[LOSS] < self.figures[LOSS]:
            self.step, self.figures, self.since = step, figures, 0
            self.weights = {name: tensor.detach().cpu().clone() for name, tensor in pair.state_dict().items()}

    def state(self) -> dict[str, Any]:
        """For a checkpoint."""
        return dict(vars(self))

    def restore(self, state: dict[str, Any]) -> None:
        """Takes up what `state` gave."""
        vars(self).update(state)


def _middles(pictures: Shards, count: int, crop: int) -> np.ndarray:
    """(B, 3, crop, crop) uint8, from at most PAIRS pictures that lie evenly over all."""
    chosen = [pictures[index * count // min(count, PAIRS)] for index in range(min(count, PAIRS))]
    start = (chosen[0].shape[0] - crop) // 2
    return np.stack([picture[start : start + crop, start : start + crop].transpose(2, 0, 1) for picture in chosen])
