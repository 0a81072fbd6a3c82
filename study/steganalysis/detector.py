"""A small network that tells containers from covers.

High-pass filters first (Fridrich and Kodovský 2012, "Rich models for steganalysis of digital images", IEEE TIFS 7(3))
that stay trainable, cut at a threshold (Ye, Ni and Yi 2017, "Deep learning hierarchical representations for image
steganalysis", IEEE TIFS 12(11)); then residual layers of which the first keep every pixel, since pooling averages away
what is looked for (Boroumand, Chen and Fridrich 2019, "Deep residual network for steganalysis of digital images",
IEEE TIFS 14(5)). Much narrower than theirs, so that a CPU trains it in a minute.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

WIDTH = 32
THRESHOLD = 5.0  # grey levels, as Ye et al. cut at 3 and look for steps of 1 alone
_SIDE = 5


class Detector(nn.Module):
    """(B, 3, H, W) float32 in grey levels, 0 to 255, to (B,) logits: positive says "something is hidden"."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        filters = high_pass().repeat(3, 1, 1, 1)  # (3 · 6, 1, 5, 5): all filters of red, then green, then blue
        self.filters = nn.Parameter(filters)
        self.body = nn.Sequential(
            _layer(len(filters), width),
            Residual(width),
            nn.AvgPool2d(2),
            _layer(width, width),
            Residual(width),
            nn.AvgPool2d(2),
            _layer(width, 2 * width),
            nn.AvgPool2d(2),
            _layer(2 * width, 2 * width),
        )
        self.judge = nn.Linear(2 * width, 1)

    def forward(self, pictures: Tensor) -> Tensor:
        with torch.autocast(pictures.device.type, enabled=False):  # a level of 255 is lost in what bfloat16 rounds
            residuals = functional.conv2d(pictures, self.filters, groups=3).clamp(-THRESHOLD, THRESHOLD)
        return self.judge(self.body(residuals).mean((2, 3)))[:, 0]


class Residual(nn.Module):
    """Two convolutions beside a shortcut, (B, C, H, W) to the same."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.path = nn.Sequential(
            _layer(width, width), nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
        )

    def forward(self, features: Tensor) -> Tensor:
        return functional.relu(features + self.path(features))


def high_pass() -> Tensor:
    """(6, 1, 5, 5): differences of first and second order in rows and columns, and the squares of sides 3 and 5.

    Each gives 0 on an even area; the largest weight is 1, so that a step of one level is a step of one.
    """
    first, second = [-1.0, 1.0], [0.5, -1.0, 0.5]
    square_3 = [[-1, 2, -1], [2, -4, 2], [-1, 2, -1]]
    square_5 = [[-1, 2, -2, 2, -1], [2, -6, 8, -6, 2], [-2, 8, -12, 8, -2], [2, -6, 8, -6, 2], [-1, 2, -2, 2, -1]]
    rows = [torch.tensor([row]) for row in (first, second)]
    squares = [torch.tensor(square) / limit for square, limit in ((square_3, 4), (square_5, 12))]
    return torch.stack([_centred(kernel) for kernel in (*rows, *(row.T for row in rows), *squares)])[:, None]


def _centred(kernel: Tensor) -> Tensor:
    """(5, 5), the kernel in its middle."""
    height, width = kernel.shape
    top, left = (_SIDE - height) // 2, (_SIDE - width) // 2
    return functional.pad(kernel, (left, _SIDE - width - left, top, _SIDE - height - top))


def _layer(channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)
    )
