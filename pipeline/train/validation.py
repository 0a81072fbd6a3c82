"""Validation during training, and the best weights by its loss.

Containers and revealed secrets are measured as files hold them: shuffled, clamped and rounded to 8 bits with sealed
bits in them, revealed, and rounded again.
"""

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pipeline.config import Config
from pipeline.shards import VALIDATION, Shards, read_manifest
from pipeline.tensors import from_8_bits, to_8_bits
from pipeline.train.batch_pass import HideRevealPass, PassRandomness, PassResult, draw_randomness
from pipeline.train.losses import loss_terms
from stegnet.core.measures import CONTAINER_PSNR, SECRET_PSNR, psnr_from_mse
from stegnet.core.samples import CODED
from stegnet.networks.pair import Pair

MAX_PAIRS = 32
MIN_PICTURES = 2
FIGURES = ("validation_loss", f"validation_{CONTAINER_PSNR}", f"validation_{SECRET_PSNR}")
LOSS = FIGURES[0]

_log = logging.getLogger(__name__)


class Validation:
    """Fixed pairs of centre crops of validation pictures, and the fixed randomness of their pass.

    Args:
        pictures: (B, 2 or 3, 3, crop, crop) uint8, covers, secrets and their coded bases.
        batch: pairs that are computed at once.
    """

    def __init__(self, pictures: Tensor, config: Config, precision: str, batch: int) -> None:
        train = replace(config.train, batch=len(pictures), scrambled=1.0, noise=0.0)
        self._randomness = draw_randomness(replace(config, train=train), 0, pictures.device)
        self._pictures, self._config = pictures, config
        self._precision, self._batch = precision, batch

    @classmethod
    def open(cls, config: Config, data: Path, device: torch.device, precision: str, batch: int) -> "Validation | None":
        """Reads the validation pictures in `data`; None if train.validate is 0, or there are too few pictures."""
        crops = validation_crops(config, data, config.scramble.base == CODED)
        if crops is None:
            return None
        pairs = torch.cat([crops[:, :1], crops.roll(-1, 0)], dim=1)
        return cls(pairs.to(device), config, precision, batch)

    @torch.no_grad()
    def measure(self, pair: Pair) -> dict[str, float]:
        """Means over all pairs: the loss with the container at full weight, and PSNR in dB. Leaves `pair` in eval mode.

        Keys: FIGURES.
        """
        means = torch.zeros(4, dtype=torch.float64)
        hide_reveal = HideRevealPass(pair.eval(), self._config, self._precision)
        for part in self._parts():
            randomness = self._randomness.select(part)
            result = _as_stored(hide_reveal, hide_reveal(self._pictures[part], randomness), randomness)
            terms = loss_terms(result, self._config.train.loss).stack()
            means += terms.double().cpu() * (len(result.cover) / len(self._pictures))
        container, secret, container_mse, secret_mse = means.tolist()
        loss = container + self._config.beta * secret
        return dict(zip(FIGURES, (loss, psnr_from_mse(container_mse), psnr_from_mse(secret_mse)), strict=True))

    def _parts(self) -> Iterator[slice]:
        for first in range(0, len(self._pictures), self._batch):
            yield slice(first, first + self._batch)


class BestWeights:
    """The weights with the lowest validation loss so far.

    Attributes:
        step: the training step after which they were measured; None at first.
        figures: their validation figures.
        weights: all tensors of the pair, by name.
        stale: measurements since.
    """

    def __init__(self) -> None:
        self.step: int | None = None
        self.figures: dict[str, float] = {}
        self.weights: dict[str, Tensor] = {}
        self.stale = 0

    def update(self, step: int, figures: dict[str, float], pair: Pair) -> None:
        """Copies the weights of `pair` if their loss is the lowest."""
        self.stale += 1
        if self.step is None or figures[LOSS] < self.figures[LOSS]:
            self.step, self.figures, self.stale = step, figures, 0
            self.weights = {name: tensor.detach().cpu().clone() for name, tensor in pair.state_dict().items()}

    def state_dict(self) -> dict[str, Any]:
        """All attributes, for a checkpoint."""
        return dict(vars(self))

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores the result of `state_dict`."""
        vars(self).update(state)


def _as_stored(hide_reveal: HideRevealPass, result: PassResult, randomness: PassRandomness) -> PassResult:
    """Container and revealed secret as files hold them."""
    stored = hide_reveal.store(result.container, randomness)
    return result._replace(container=stored, revealed=from_8_bits(to_8_bits(result.revealed)))


def validation_crops(config: Config, data: Path, coded: bool) -> Tensor | None:
    """Centre crops of validation pictures, (B, 1 or 2, 3, crop, crop) uint8, the second of their bases.

    None if train.validate is 0, or there are too few pictures.
    """
    if not config.train.validate:
        return None
    count = sum(1 for _ in read_manifest(data, VALIDATION))
    if count < MIN_PICTURES:
        _log.warning(
            "%s: too few pictures to validate on (%d): the last weights are kept, not the best; "
            "raise data.validation_share",
            data, count,
        )  # fmt: skip
        return None
    return torch.from_numpy(_centre_crops(data, count, config.train.crop, coded))


def _centre_crops(data: Path, count: int, crop: int, coded: bool) -> np.ndarray:
    """(B, 1 or 2, 3, crop, crop) uint8, pictures and bases of at most MAX_PAIRS, evenly spaced over the split."""
    wanted = min(count, MAX_PAIRS)
    splits = [Shards(data, VALIDATION), *([Shards(data, VALIDATION, bases=True)] if coded else [])]
    chosen = [[shards[index * count // wanted] for shards in splits] for index in range(wanted)]
    start = (chosen[0][0].shape[0] - crop) // 2
    inside = slice(start, start + crop)
    return np.stack([[picture[inside, inside].transpose(2, 0, 1) for picture in pictures] for pictures in chosen])
