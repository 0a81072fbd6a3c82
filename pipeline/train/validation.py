"""Pictures to validate on during training, and the best weights by the validation loss."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pipeline.config import Config
from pipeline.shards import VALIDATION, Shards, read_manifest
from stegnet.core.measures import CONTAINER_PSNR, SECRET_PSNR
from stegnet.networks.pair import Pair

MAX_PAIRS = 32
MIN_PICTURES = 2
FIGURES = ("validation_loss", f"validation_{CONTAINER_PSNR}", f"validation_{SECRET_PSNR}")
LOSS = FIGURES[0]

_log = logging.getLogger(__name__)


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


def validation_crops(config: Config, data: Path, coded: bool) -> Tensor | None:
    """Centre crops of validation pictures, (B, 1 or 2, 3, crop, crop) uint8, the second of their bases.

    At most MAX_PAIRS, evenly spaced; None if train.validate is 0, or there are too few pictures.
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
    wanted = min(count, MAX_PAIRS)
    splits = [Shards(data, VALIDATION), *([Shards(data, VALIDATION, bases=True)] if coded else [])]
    chosen = [[shards[index * count // wanted] for shards in splits] for index in range(wanted)]
    start = (chosen[0][0].shape[0] - config.train.crop) // 2
    inside = slice(start, start + config.train.crop)
    crops = [[picture[inside, inside].transpose(2, 0, 1) for picture in pictures] for pictures in chosen]
    return torch.from_numpy(np.stack(crops))
