"""A network that predicts pictures, as convolutions of integers, which any engine sums exactly."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from stegnet.core.errors import WeightsError
from stegnet.near.order import COLOURS, FILMS, MIXED
from stegnet.near.prediction_network import (
    ACTIVATION,
    EXPONENT,
    MEAN,
    SHARE,
    Convolution,
    Convolutions,
    PredictionNetwork,
)

_LEVEL = 255  # largest level, and largest activation


class _Layer(nn.Module):
    """A convolution of integers, whose sums are then scaled by a power of two and rounded to integers.

    Args:
        filters: the same convolution of several networks, one of which is chosen.
        step: that the input's integers stand for.
        out: (out,) or one number; steps of the output.
        most: (channels,) or one number; largest input.
    """

    weight: Tensor  # int8, or int32 for those that need it
    bias: Tensor
    scale: Tensor

    def __init__(
        self, filters: list[Convolution], step: float, out: Tensor | float, most: Tensor | float = _LEVEL
    ) -> None:
        super().__init__()
        weights, biases, scales = zip(*(self._integers(one, step, out, most) for one in filters), strict=True)
        self.register_buffer("weight", torch.stack(weights))
        self.register_buffer("bias", torch.stack(biases))
        self.register_buffer("scale", torch.stack(scales))

    @staticmethod
    def _integers(
        one: Convolution, step: float, out: Tensor | float, most: Tensor | float
    ) -> tuple[Tensor, Tensor, Tensor]:
        exact = 1 << 24  # integers that a 32-bit float holds
        unit = units_in(one.weight)
        weight = (one.weight / unit).round()
        bias = (one.bias / unit.flatten() / step).round()
        channels = torch.as_tensor(most).expand(weight.shape[1])
        sums = (weight.abs().sum((2, 3)) * channels).sum(1) + bias.abs()
        scale = unit.flatten() * step / out
        if not (sums + 1 / scale < exact / 2).all():
            raise WeightsError(
                "its weights are too large: sums would not be exact", "train it again, with a lower rate"
            )
        assert torch.equal(weight * unit, one.weight)
        assert torch.equal(bias * unit.flatten() * step, one.bias)
        narrow = weight.abs().max() <= 127
        return weight.to(torch.int8 if narrow else torch.int32), bias, scale[:, None, None]

    def forward(self, features: Tensor, which: Tensor, padding: int = 0) -> Tensor:
        weight, bias, scale = (part[which] for part in (self.weight, self.bias, self.scale))
        sums = functional.conv2d(features, weight.float(), bias, padding=padding)
        return torch.floor(sums * scale + 0.5)


def units_in(weight: Tensor) -> Tensor:
    """Return the largest power of two of each filter, (out, 1, 1, 1), of which its weights are multiples."""
    finest = 2.0**-20
    integers = (weight.detach().flatten(1).double() / finest).round().long()
    assert torch.equal(integers.double() * finest, weight.detach().flatten(1).double())
    lowest = torch.full((len(integers),), 1 << 20)
    for row, values in enumerate(integers):
        together = 0
        for value in values.tolist():
            together |= abs(value)
        lowest[row] = together & -together if together else 1 << 20
    return (lowest.double() * finest).float()[:, None, None, None]


class IntegerPass(nn.Module):
    """The features of one pass, by integers: those of `Convolutions.trunk`, in their steps."""

    def __init__(self, films: list[Convolutions]) -> None:
        super().__init__()
        self.linear = _Layer([Convolution(films[0].linear, torch.zeros(3))], 1.0, MEAN)
        self.first = _Layer([film.first for film in films], 1.0, ACTIVATION)
        self.middle = nn.ModuleList(_Layer([layer], ACTIVATION, ACTIVATION) for layer in films[0].middle)

    def forward(self, known: Tensor, film: Tensor) -> tuple[Tensor, Tensor]:
        """Return the linear prediction and the features as integers; arguments as those of `Predictor.trunk`."""
        only = torch.zeros((), dtype=torch.long)
        linear = self.linear(functional.pad(known, (2,) * 4, "replicate"), only)
        features = self.first(functional.pad(known, (1,) * 4, "replicate"), film).clamp(0, _LEVEL)
        for index, layer in enumerate(self.middle):
            change = layer(features, only, padding=1)
            features = (change + features if index else change).clamp(0, _LEVEL)
        return linear.clamp(-(1 << 15), 1 << 15), features


class _Mixture(nn.Module):
    """The mixtures of all passes and colours, by integers: those of `Convolutions.head`, in their steps."""

    limits: Tensor

    def __init__(self, passes: list[Convolutions]) -> None:
        most_seen = 128  # largest feature of an earlier colour's error
        super().__init__()
        width = passes[0].first.weight.shape[0]
        hidden, last = [], []
        for filters in passes:
            for colour in range(len(COLOURS)):
                weight, bias = filters.hidden[colour]
                hidden.append(Convolution(functional.pad(weight, (0, 0, 0, 0, 0, width + 6 - weight.shape[1])), bias))
                weight, bias = filters.last[colour]
                lacking = 3 * MIXED + 2 - len(weight)
                last.append(
                    Convolution(
                        functional.pad(weight, (0, 0, 0, 0, 0, 0, 0, lacking)), functional.pad(bias, (0, lacking))
                    )
                )
        most = torch.tensor([float(_LEVEL)] * width + [float(most_seen)] * 6)
        steps = torch.tensor([MEAN] * MIXED + [EXPONENT] * 2 * MIXED + [SHARE] * 2)
        largest = torch.tensor([256.0] * MIXED + [4.0] * MIXED + [16.0] * MIXED + [2.0] * 2)
        self.hidden = _Layer(hidden, ACTIVATION, ACTIVATION, most)
        self.last = _Layer(last, ACTIVATION, steps)
        self.register_buffer("limits", (largest / steps)[:, None, None])

    def forward(self, features: Tensor, seen: Tensor, which: Tensor) -> Tensor:
        hidden = self.hidden(torch.cat([features, seen], 1), which).clamp(0, _LEVEL)
        return torch.maximum(torch.minimum(self.last(hidden, which), self.limits), -self.limits)


@torch.no_grad()
def integer_networks(network: PredictionNetwork) -> list[nn.Module]:
    """Return the network as modules of integers, in the order of GRAPHS."""
    films = [[one(film) for film in range(FILMS)] for one in network.eval().passes]
    return [*map(IntegerPass, films), _Mixture([one[0] for one in films])]
