"""The contract of training tasks, what a pair learns, and the parts that all tasks share: means, previews, curves.

`Trainer` does the step, the same for each task. A task draws the step's randomness, passes pictures through its
pair, and computes the loss: `pipeline.train.hiding_task` hides pictures in pictures, those of `study.tasks` train the
other networks of the product.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Generic, NamedTuple, Protocol, Self, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pipeline.config import Config
from pipeline.tensors import to_8_bits
from pipeline.train.losses import LossTerms
from stegnet.core.measures import CONTAINER_PSNR, SECRET_PSNR
from stegnet.networks.pair import Pair

Point = dict[str, float]  # figures of a step by the names of the training curve's columns
Measure = Callable[[Pair], Point]  # returns figures of the training curve; leaves a pair in evaluation mode


class BatchRandomness(Protocol):
    """Everything random in the pass of a batch."""

    def select(self, pairs: slice, /) -> Self:
        """Return the randomness of some of the pairs."""


Randomness = TypeVar("Randomness", bound=BatchRandomness)


class StepPlan(NamedTuple, Generic[Randomness]):
    """Everything that a step needs beside its pictures."""

    randomness: Randomness  # of the whole batch
    container_weight: float  # of the container's term of the loss


class TaskOutput(NamedTuple):
    """Result of a forward pass."""

    terms: LossTerms
    pictures: tuple[Tensor, ...]  # cover, container, and others that a preview shows, (B, 3, H, W) each in [0, 1]


class TrainingTask(nn.Module, ABC, Generic[Randomness]):
    """A pair, all that is computed around it in training, and the loss, as one module.

    Its state_dict holds everything that a training of `steps` steps changes in it: the weights of the pair, and what
    `after_step` adapts.

    Attributes:
        figure_names: names of what `figures` returns.
        pictures_per_pair: COVERS, SECRETS or WITH_BASES of `pipeline.train.pairs`: the pictures it is trained on.
    """

    figure_names: tuple[str, ...] = (CONTAINER_PSNR, SECRET_PSNR)

    def __init__(self, config: Config, steps: int, pictures_per_pair: int) -> None:
        super().__init__()
        self.config = config
        self.steps = steps
        self.pictures_per_pair = pictures_per_pair

    @abstractmethod
    def plan(self, step: int, device: torch.device) -> StepPlan[Randomness]:
        """Draw the randomness of a step's whole batch, and weigh the container's error in it."""

    @abstractmethod
    def forward(self, pictures: Tensor, randomness: Randomness) -> TaskOutput:
        """Pass pictures, (B, pictures_per_pair, 3, H, W) uint8, through the pair."""

    @abstractmethod
    def figures(self, means: Tensor) -> Point:
        """Return the figures of a training curve from means over a batch, (4,) as LossTerms."""

    @abstractmethod
    def validation(self, data: Path, device: torch.device, batch: int) -> Measure | None:
        """Return a measurement on the validation pictures in `data`, `batch` at once; None without pictures."""

    def after_step(self, step: int, randomness: Randomness, means: Tensor) -> None:
        """Adapt the weight of the container's error to the means of a whole batch, (4,) as LossTerms."""


def mean_terms(count: int, batch: int, terms_of: Callable[[slice], LossTerms]) -> Tensor:
    """Return the mean of LossTerms over `count` pairs, (4,) float64, computed for `batch` pairs at once."""
    means = torch.zeros(4, dtype=torch.float64)
    for first in range(0, count, batch):
        part = slice(first, min(first + batch, count))
        means += terms_of(part).stack().double().cpu() * ((part.stop - part.start) / count)
    return means


def first_pictures(pictures: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Return the pictures of a preview, detached and copied, so that the whole batch can be freed."""
    pairs_shown = 4
    return tuple(part[:pairs_shown].detach().clone() for part in pictures)


def preview(cover: Tensor, container: Tensor, *revealed: Tensor) -> NDArray[np.uint8]:
    """Return one row per pair: cover, container, their difference enlarged ten times, then `revealed`.

    Columns are (B, 3, H, W) in [0, 1]; n of them give (B·H, n·W, 3) uint8.
    """
    columns = (cover, container, (container - cover).abs() * 10, *revealed)
    rows = torch.cat([to_8_bits(column) for column in columns], dim=3)  # (B, 3, H, n·W)
    picture: NDArray[np.uint8] = rows.permute(0, 2, 3, 1).reshape(-1, rows.shape[3], 3).cpu().numpy()
    return picture
