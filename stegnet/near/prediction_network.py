"""A network that predicts a picture's levels, so that few bits say what they are: grid by grid, colour by colour.

After Reed et al. 2017 (Parallel Multiscale Autoregressive Density Estimation, arXiv 1703.03664): every second pixel of
every second row is known, and the other three pixels of 2×2 are predicted from it, one after another: (1, 1), (0, 1),
(1, 0). The known ones are coded in the same way, by the same network. Green is predicted first, then red
from green's error, then blue (as in PixelCNN++, Salimans et al. 2017, arXiv 1701.05517, which gives each level's
probabilities by a mixture of logistics, too).

The same bits everywhere: weights are integers of 8 bits times a power of two, and activations are multiples of 1/16,
0 to 255 of them. All sums are multiples of a power of two below 2²⁴ of them, so that they are exact in 32-bit floats,
in any order. `stegnet.near.predicted` says what the outputs mean.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from stegnet.near.order import FILMS, MIXED, PASSES

ACTIVATION = 1 / 16  # step of an activation
MEAN = 1 / 32  # step of a mean, in levels
EXPONENT = 1 / 8  # step of a logistic's logarithms, of its scale and of its weight
SHARE = 1 / 64  # step of the share of an earlier colour's error in a mean
_MOST_WEIGHT = 127  # of 8 bits
_FINEST = 2.0**-14  # least power of two of a filter
_HIDDEN = 24  # channels between features and a mixture


class PredictionNetwork(nn.Module):
    """A network that predicts the pixels of a picture from each other.

    Args:
        blocks: number of 3×3 convolutions after the first.
        width: channels of a convolution.
    """

    def __init__(self, blocks: int = 2, width: int = 32) -> None:
        super().__init__()
        self.blocks = blocks
        self.width = width
        self.passes = nn.ModuleList(Pass(known, blocks, width) for known in range(1, len(PASSES) + 1))

    @property
    def predictors(self) -> list["Pass"]:
        """The weights of each pass."""
        return [one for one in self.passes if isinstance(one, Pass)]


class Pass(nn.Module):
    """The weights that predict one of 2×2 pixels from those that are known."""

    neighbours: Tensor  # (3, 3 · known, 5, 5), the mean of the four nearest pixels

    def __init__(self, known: int, blocks: int, width: int) -> None:
        super().__init__()
        blind = width - 4  # filters that see differences, not the brightness
        self.first = Quantised(3 * known, width, 3, blind)
        self.film = nn.Parameter(torch.zeros(FILMS, 2 * width))
        self.linear = Quantised(3 * known, 3, 5, 3, bias=False)
        self.middle = nn.ModuleList(Quantised(width, width, 3) for _ in range(blocks))
        self.hidden = nn.ModuleList(Quantised(width + 3 * earlier, _HIDDEN, 1) for earlier in range(3))
        self.last = nn.ModuleList(Quantised(_HIDDEN, 3 * MIXED + earlier, 1) for earlier in range(3))
        self.register_buffer("neighbours", _neighbours(known), persistent=False)
        with torch.no_grad():
            self.linear.weight.zero_()
            for last in self.last:
                assert isinstance(last, Quantised)
                assert last.bias is not None
                last.weight *= 0.3
                last.bias.zero_()
                scales = [1.5 * number / (MIXED - 1) - 0.5 for number in range(MIXED)]
                last.bias[MIXED : 2 * MIXED] = torch.tensor(scales)

    def forward(self, film: int) -> "Convolutions":
        """Return the quantised weights for one of the first layers."""
        return self.filters(self.film[film])

    def filters(self, film: Tensor) -> "Convolutions":
        """Return the quantised weights for a row of `film`, (2 · width,)."""
        inputs = 8  # levels that are about 1 for the first layer
        gain, offset = film.chunk(2)
        return Convolutions(
            linear=self.linear()[0] + self.neighbours,
            first=self.first(1.0, (1 + gain) / inputs, offset),
            middle=[layer(ACTIVATION) for layer in self.middle],
            hidden=[layer(ACTIVATION) for layer in self.hidden],
            last=[layer(ACTIVATION) for layer in self.last],
        )


class Convolution(NamedTuple):
    """Weights and biases of a convolution."""

    weight: Tensor  # (out, channels, kernel, kernel)
    bias: Tensor  # (out,); 0 if it has none

    def __call__(self, features: Tensor, padding: int = 0) -> Tensor:
        """Return the convolution of (B, channels, H, W), whose border is 0: (B, out, H, W) without padding."""
        return functional.conv2d(features, self.weight, self.bias, padding=padding)


@dataclass(frozen=True)
class Convolutions:
    """The prediction of one of 2×2 pixels from those that are known, by quantised weights."""

    linear: Tensor
    first: Convolution
    middle: list[Convolution]
    hidden: list[Convolution]
    last: list[Convolution]

    def trunk(self, known: Tensor) -> tuple[Tensor, Tensor]:
        """Return the linear prediction, (B, 3, H, W) in steps of MEAN, and the features, (B, width, H, W).

        Args:
            known: (B, 3 · known, H, W) levels, from 0.
        """
        prediction = functional.conv2d(functional.pad(known, (2,) * 4, "replicate"), self.linear)
        features = activated(self.first(functional.pad(known, (1,) * 4, "replicate")))
        for index, layer in enumerate(self.middle):
            change = layer(features, padding=1)
            features = activated(change + features if index else change)
        return rounded(prediction, MEAN, 1 << 10), features

    def head(self, colour: int, features: Tensor, seen: Tensor) -> Tensor:
        """Return the mixture's means, logarithms of scales and of weights, and shares of earlier errors.

        Args:
            colour: its number in COLOURS.
            features: those of `trunk`.
            seen: (B, 3 · colour, H, W), `seen_errors` of the earlier colours.
        """
        output = self.last[colour](activated(self.hidden[colour](torch.cat([features, seen], 1))))
        means, scales, weights, shares = output.split([MIXED, MIXED, MIXED, colour], 1)
        return torch.cat(
            [rounded(means, MEAN, 256), rounded(scales, EXPONENT, 4), rounded(weights, EXPONENT, 16),
             rounded(shares, SHARE, 2)], 1,
        )  # fmt: skip


class Quantised(nn.Module):
    """The weights of a convolution, of integers of 8 bits times a power of two, of its own for each filter.

    The first `blind` filters don't see the brightness: their weights add to 0, also after rounding.
    """

    bias: Tensor | None

    def __init__(self, channels: int, out: int, kernel: int, blind: int = 0, bias: bool = True) -> None:
        super().__init__()
        self.blind = blind
        start = nn.Conv2d(channels, out, kernel, bias=bias)
        self.weight = start.weight
        self.bias = start.bias if bias else None

    def forward(self, step: float = 1.0, gain: Tensor | None = None, offset: Tensor | None = None) -> Convolution:
        """Return weights and biases that are integers times powers of two, with the gradients of those learnt.

        Args:
            step: of the input.
            gain: (out,), by which the filters are multiplied.
            offset: (out,), which is added to their biases.
        """
        most_bias = 1 << 22  # in steps of the sum
        weight = self.weight
        if self.blind:
            free = weight[: self.blind]
            weight = torch.cat([free - free.mean((1, 2, 3), keepdim=True), weight[self.blind :]])
        bias = weight.new_zeros(len(weight)) if self.bias is None else self.bias
        if gain is not None and offset is not None:
            weight = weight * gain[:, None, None, None]
            bias = bias + offset
        units = units_of(weight)
        with torch.no_grad():
            integers = torch.cat(
                [_balanced(weight[: self.blind] / units[: self.blind]), (weight / units)[self.blind :].round()]
            ).clamp(-_MOST_WEIGHT, _MOST_WEIGHT)
        weight = through(weight, integers * units)
        unit = units.flatten() * step
        return Convolution(weight, through(bias, (bias / unit).round().clamp(-most_bias, most_bias) * unit))


@torch.no_grad()
def units_of(weight: Tensor) -> Tensor:
    """Return the power of two of each filter, (out, 1, 1, 1): the least with which its weights have 8 bits."""
    largest = weight.abs().amax((1, 2, 3), keepdim=True).clamp_min(_FINEST)
    return torch.exp2(torch.ceil(torch.log2(largest / _MOST_WEIGHT))).clamp_min(_FINEST)


@torch.no_grad()
def _balanced(weights: Tensor) -> Tensor:
    """Round filters so that the weights of each add to 0, by the method of the largest remainders."""
    flat = weights.flatten(1)
    integers = flat.round()
    remainders = flat - integers
    surplus = integers.sum(1, keepdim=True)
    down = remainders.argsort(1).argsort(1) < surplus  # those that were rounded up most
    up = (-remainders).argsort(1).argsort(1) < -surplus
    return (integers - down.float() + up.float()).view_as(weights)


def through(learnt: Tensor, used: Tensor) -> Tensor:
    """Return `used`, with the gradient of `learnt`."""
    return learnt + (used - learnt).detach() if learnt.requires_grad else used


class _Rounding(torch.autograd.Function):
    """Multiples of a step between two of them, with the gradient of the values in between.

    Beyond the upper one, a gradient that leads back has an effect, too: a filter that is always there would stay.
    """

    @staticmethod
    def forward(context: Any, values: Tensor, step: float, least: float, most: float) -> Tensor:
        nearest = torch.add(values, step / 2).div_(step).floor_().mul_(step)
        context.save_for_backward(nearest >= least, nearest > most)
        return nearest.clamp_(least, most)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        above_least, above_most = context.saved_tensors
        return gradient * (above_least & ~(above_most & (gradient < 0))), None, None, None


def rounded(values: Tensor, step: float, most: float) -> Tensor:
    """Return the nearest multiples of a step, the upper one halfway, from −most to most."""
    result: Tensor = _Rounding.apply(values, step, -most, most)
    return result


def activated(sums: Tensor) -> Tensor:
    """Return activations: multiples of ACTIVATION from 0 to 255 of them."""
    result: Tensor = _Rounding.apply(sums, ACTIVATION, 0.0, 255 * ACTIVATION)
    return result


def visible(error: Tensor) -> Tensor:
    """Return a colour's error in levels as later colours know it: in steps of ACTIVATION, up to 32."""
    return rounded(error, ACTIVATION, 32)


def seen_errors(error: Tensor) -> Tensor:
    """Return the features, (B, 3, H, W) in steps of ACTIVATION, of a `visible` error, (B, 1, H, W)."""
    quarter = through(error / 4, torch.floor(error / 4 / ACTIVATION) * ACTIVATION)
    size = error.abs()
    smaller = through(size / 4, torch.floor(size / 4 / ACTIVATION) * ACTIVATION)
    return torch.cat([quarter, smaller, (4 * size).clamp(max=4)], 1)


def _neighbours(known: int) -> Tensor:
    """Return the filters, (3, 3 · known, 5, 5), that give the mean of the four nearest known pixels."""
    filters = torch.zeros(3, known, 3, 5, 5)  # colour, grid, colour of the grid
    quarter = torch.tensor([[0.25, 0, 0], [0, 0.25, 0], [0, 0, 0.25]])
    nearest: list[tuple[int, int, int]]  # grid, row, column
    match known:
        case 1:
            nearest = [(0, row, column) for row in (2, 3) for column in (2, 3)]
        case 2:
            nearest = [(0, 2, 2), (0, 2, 3), (1, 1, 2), (1, 2, 2)]
        case _:
            nearest = [(0, 2, 2), (0, 3, 2), (1, 2, 1), (1, 2, 2)]
    for grid, row, column in nearest:
        filters[:, grid, :, row, column] = quarter
    return filters.flatten(1, 2)
