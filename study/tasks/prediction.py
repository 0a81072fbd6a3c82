"""The training of a network that predicts pictures: the bits that their levels take, by the network's probabilities."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pipeline.config import Config
from pipeline.train.losses import VALIDATION_LOSS, LossTerms
from pipeline.train.pairs import COVERS, validation_crops
from pipeline.train.task import Measure, Point, StepPlan, TaskOutput, TrainingTask
from stegnet.core.errors import ConfigError
from stegnet.near.order import COLOURS, MIXED, PASSES, count_levels, film_number
from stegnet.near.prediction_network import MEAN as MEAN_STEP
from stegnet.near.prediction_network import Convolutions, PredictionNetwork, rounded, seen_errors, visible
from stegnet.networks.pair import Pair

BITS_PER_PIXEL = "bits_per_pixel"  # that the network needs for pictures
_ERRORS = (0.15, 0.7, 0.15)  # share of the steps that train on errors of up to 0, 1 and 2 levels
_GRIDS = (0.75, 0.19, 0.06)  # and on grids of every pixel, every second and every fourth: about their share of the bits
_MEASURED = 1  # error in levels of the validation
_LEAST = 2.0**-15  # probability of a level


@dataclass(frozen=True)
class GridChoice:
    """The grid that a step predicts, the same in all pictures of its batch."""

    error: int  # largest error of a sample, in levels
    depth: int  # the grid has every 2 ** depth-th pixel
    row: int  # of the first pixel
    column: int
    side: int  # in pixels of the grid

    def select(self, pairs: slice) -> "GridChoice":
        """Return the same choice."""
        del pairs
        return self

    def of(self, pictures: Tensor) -> Tensor:
        """Return the grid's pixels, (B, 3, side, side), of pictures (B, 3, H, W)."""
        stride = 1 << self.depth
        rows, columns = (slice(first, first + self.side * stride, stride) for first in (self.row, self.column))
        return pictures[:, :, rows, columns]


class Predicted(NamedTuple):
    """The prediction of a pass: bits of each sample, and its mean, both (B, 3, H, W)."""

    bits: Tensor
    mean: Tensor


class PredictionTask(TrainingTask[GridChoice]):
    """The task that the levels of pictures take few bits."""

    figure_names = (BITS_PER_PIXEL,)

    def __init__(self, pair: PredictionNetwork, config: Config, precision: str, steps: int) -> None:
        if precision != "fp32":
            raise ConfigError(f"params.yaml: train.precision: {precision} sums are not exact", "train.precision=fp32")
        super().__init__(config, steps, COVERS)
        self.pair = pair
        self._bits = self._bits_of_films

    def plan(self, step: int, device: torch.device) -> StepPlan[GridChoice]:
        """Draw a grid: its error, its depth, and where it is in the pictures."""
        del device
        random = torch.Generator().manual_seed(self.config.seed * 1_000_003 + step)

        def draw(shares: tuple[float, ...]) -> int:
            return int(torch.multinomial(torch.tensor(shares), 1, generator=random))

        error, depth = draw(_ERRORS), draw(_GRIDS)
        side = self.config.train.crop >> len(_GRIDS) - 1
        places = self.config.train.crop - ((side - 1) << depth)
        row, column = (int(torch.randint(places, (), generator=random)) for _ in range(2))
        return StepPlan(GridChoice(error, depth, row, column, side), 1.0)

    def forward(self, pictures: Tensor, randomness: GridChoice) -> TaskOutput:
        """Predict a grid of a batch; a preview shows it, and the means of the predictions."""
        step = 2 * randomness.error + 1
        levels = to_levels(randomness.of(pictures[:, 0]), randomness.error)
        number = film_number(randomness.depth, randomness.error)
        films = [network.film[number] for network in self.pair.predictors]
        bits, means = self._bits(films, levels, _top(randomness.error, levels))
        rate = bits.mean() / (0.75 * levels[0, 0].numel())
        with torch.no_grad():
            error = (means - levels).square().mean() * (step / 255) ** 2
        terms = LossTerms(torch.zeros_like(rate), rate, error, rate)
        return TaskOutput(terms, (levels * step / 255, (means.detach() * step / 255).clamp(0, 1)))

    def compile(self, *arguments: Any, **options: Any) -> None:
        """Compile the prediction, as torch.compile does, but not the choice of a grid, which differs with each step."""
        self._bits = torch.compile(self._bits, *arguments, **options)

    def _bits_of_films(self, films: Sequence[Tensor], levels: Tensor, top: Tensor) -> tuple[Tensor, Tensor]:
        filters = [network.filters(film) for network, film in zip(self.pair.predictors, films, strict=True)]
        return _grid_bits(filters, levels, top)

    def figures(self, means: Tensor) -> Point:
        """Return the bits per pixel that is predicted."""
        return {BITS_PER_PIXEL: means[3].item()}

    def validation(self, data: Path, device: torch.device, batch: int) -> Measure | None:
        """Return the measurement of the bits per pixel at an error of one level; None without pictures."""
        crops = validation_crops(self.config, data, coded=False)
        if crops is None:
            return None
        levels = to_levels(crops[:, 0].to(device), _MEASURED)

        @torch.no_grad()
        def measure(pair: Pair) -> Point:
            assert isinstance(pair, PredictionNetwork)
            pair.eval()
            rate = 0.0
            for first in range(0, len(levels), batch):
                part = levels[first : first + batch]
                rate += picture_bits(pair, part, _MEASURED).sum().item() / levels[:, 0].numel()
            return {VALIDATION_LOSS: self.config.beta * rate, f"validation_{BITS_PER_PIXEL}": rate}

        return measure


def to_levels(samples: Tensor, error: int) -> Tensor:
    """Return samples, uint8, in steps with which none is off by more than `error`, as floats."""
    return torch.div(samples.int() + error, 2 * error + 1, rounding_mode="floor").float()


@torch.no_grad()
def picture_bits(pair: PredictionNetwork, levels: Tensor, error: int) -> Tensor:
    """Return the bits that whole pictures take, (B,).

    Args:
        pair: the network.
        levels: (B, 3, H, W) of the pictures; sides are powers of two times a small number.
        error: largest error of a sample, in levels.
    """
    least = 4
    total = torch.zeros(len(levels), device=levels.device)
    depth = 0
    while levels.shape[-1] > least and levels.shape[-1] % 2 == 0:
        total += grid_bits([network(film_number(depth, error)) for network in pair.predictors], levels, error)[0]
        levels = levels[:, :, ::2, ::2]
        depth += 1
    return total + levels[0].numel() * math.log2(count_levels(2 * error + 1))


def _top(error: int, levels: Tensor) -> Tensor:
    """Return the largest level, () float, on the device of `levels`; a number would be compiled in."""
    return levels.new_full((), count_levels(2 * error + 1) - 1)


def grid_bits(filters: Sequence[Convolutions], levels: Tensor, error: int) -> tuple[Tensor, Tensor]:
    """Return the bits, (B,), of a grid's pixels but those of every second row and column, and all predictions' means.

    Args:
        filters: those of the three passes.
        levels: (B, 3, H, W), even sides.
        error: largest error of a sample, in levels.
    """
    return _grid_bits(filters, levels, _top(error, levels))


def _grid_bits(filters: Sequence[Convolutions], levels: Tensor, top: Tensor) -> tuple[Tensor, Tensor]:
    known = [levels[:, :, ::2, ::2]]
    total = torch.zeros(len(levels), device=levels.device)
    means = levels.clone()
    for predictor, (row, column) in zip(filters, PASSES, strict=True):
        target = levels[:, :, row::2, column::2]
        predicted = _predict(predictor, torch.cat(known, 1), target, top)
        total = total + predicted.bits.sum((1, 2, 3))
        means[:, :, row::2, column::2] = predicted.mean.detach()
        known.append(target)
    return total, means


def _predict(predictor: Convolutions, known: Tensor, target: Tensor, top: Tensor) -> Predicted:
    linear, features = predictor.trunk(known)
    bits: dict[int, Tensor] = {}
    means: dict[int, Tensor] = {}
    errors: list[Tensor] = []
    seen = features[:, :0]
    for number, colour in enumerate(COLOURS):
        output = predictor.head(number, features, seen)
        offsets, scales, weights, shares = output.split([MIXED, MIXED, MIXED, number], 1)
        centre = linear[:, colour : colour + 1]
        for index, error in enumerate(errors):
            centre = centre + shares[:, index : index + 1] * error
        centres = rounded(centre + offsets, MEAN_STEP, 1 << 10)
        weights = weights.softmax(1)
        wanted = target[:, colour : colour + 1]
        bits[colour] = _level_bits(wanted, centres, scales, weights, top)
        means[colour] = (weights * centres).sum(1, keepdim=True)
        errors.append(visible(wanted - means[colour]))
        seen = torch.cat([seen, seen_errors(errors[-1])], 1)
    ordered = range(len(COLOURS))
    return Predicted(
        torch.cat([bits[colour] for colour in ordered], 1), torch.cat([means[colour] for colour in ordered], 1)
    )


def _level_bits(levels: Tensor, means: Tensor, scales: Tensor, weights: Tensor, top: Tensor) -> Tensor:
    """Return the bits of levels, (B, 1, H, W), by mixtures of logistics, (B, MIXED, H, W); scales are logarithms."""
    narrow = torch.exp(-scales)
    above = torch.sigmoid((levels + 0.5 - means) * narrow)
    below = torch.sigmoid((levels - 0.5 - means) * narrow)
    above = torch.where(levels >= top, 1.0, above)
    below = torch.where(levels <= 0, 0.0, below)
    probability = (weights * (above - below)).sum(1, keepdim=True)
    return -torch.log2(probability * (1 - (top + 1) * _LEAST) + _LEAST)
