"""A small network that detects containers, and its training.

High-pass filters first (Fridrich and Kodovský 2012, "Rich models for steganalysis of digital images", IEEE TIFS 7(3)),
trainable, truncated at a threshold (Ye, Ni and Yi 2017, "Deep learning hierarchical representations for image
steganalysis", IEEE TIFS 12(11)); then residual layers, the first of them at full resolution, since pooling averages
out the signal (Boroumand, Chen and Fridrich 2019, "Deep residual network for steganalysis of digital images", IEEE
TIFS 14(5)). Much narrower than theirs, so that a CPU trains it in a minute. A detector that fails proves little: a
larger one, trained for longer, may not.
"""

from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.optim.swa_utils import update_bn

from stegnet.core.compute import autocast, pick_device, resolve
from study.scores import Scores

WIDTH = 32
THRESHOLD = 5.0  # grey levels; Ye et al. truncate at 3 and look only for steps of 1
BATCH = 8  # pairs
CROP = 96
LEARNING_RATE = 2e-3
WEIGHT_DECAY = 1e-3
STATISTICS_BATCHES = 16  # for the final statistics of batch normalisation
_SIDE = 5

Progress = Callable[[range], Iterable[int]]


class Detector(nn.Module):
    """(B, 3, H, W) float32 in grey levels, 0 to 255, to (B,) logits: positive means container."""

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
        self.classifier = nn.Linear(2 * width, 1)

    def forward(self, pictures: Tensor) -> Tensor:
        with torch.autocast(pictures.device.type, enabled=False):  # a level of 255 is lost in what bfloat16 rounds
            residuals = functional.conv2d(pictures, self.filters, groups=3).clamp(-THRESHOLD, THRESHOLD)
        return self.classifier(self.body(residuals).mean((2, 3)))[:, 0]


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


@dataclass(frozen=True)
class LabelledPairs:
    """Covers and their containers: each (N, H, W, 3) uint8, in the same order."""

    covers: np.ndarray
    containers: np.ndarray

    def __post_init__(self) -> None:
        if self.covers.shape != self.containers.shape or not len(self.covers):
            raise ValueError(f"{self.covers.shape} covers, {self.containers.shape} containers")

    def __len__(self) -> int:
        return len(self.covers)

    def __getitem__(self, chosen: np.ndarray | slice) -> "LabelledPairs":
        return LabelledPairs(self.covers[chosen], self.containers[chosen])


def train_detector(
    pairs: LabelledPairs, steps: int, seed: int, progress: Progress, start: Detector | None = None
) -> Detector:
    """Trains a detector for a fixed number of steps: no test picture decides when to stop.

    A batch holds covers and their containers with the same crops, flips and rotations, so that they differ only by
    the hidden data. AdamW, one cycle of the learning rate (Smith and Topin 2018, arXiv 1708.07120). The statistics of
    batch normalisation are recomputed with the final weights (Wu and Johnson 2021, "Rethinking 'Batch' in BatchNorm",
    arXiv 2105.07576, section 3): running means lag behind the weights and shift the decision threshold.

    Args:
        start: a detector whose weights it starts from, such as one of a higher rate: from nothing, low rates are
            hardly learnt (Yousfi, Butora, Fridrich and Giboulot 2019, "Breaking ALASKA", ACM IH&MMSec).
    """
    torch.manual_seed(seed)
    random, device = np.random.default_rng(seed), pick_device()
    detector = deepcopy(start) if start else Detector()
    detector = detector.to(device, memory_format=torch.channels_last).train()
    optimiser = torch.optim.AdamW(detector.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, steps)
    order = _epochs(len(pairs), (steps + STATISTICS_BATCHES) * BATCH, random).reshape(-1, BATCH)
    for step in progress(range(steps)):
        pictures = _batch(pairs, order[step], random).to(device)
        labels = torch.arange(len(pictures), device=device).ge(len(pictures) / 2).float()
        with autocast(resolve("auto", device), device):
            logits = detector(pictures)
        optimiser.zero_grad()
        binary_cross_entropy_with_logits(logits.float(), labels).backward()
        optimiser.step()
        schedule.step()
    with autocast(resolve("auto", device), device):
        update_bn((_batch(pairs, chosen, random) for chosen in order[steps:]), detector, device)
    return detector.eval()


def detect(detector: Detector, pairs: LabelledPairs) -> Scores:
    """Scores of whole pictures, one at a time."""
    return Scores(_scores(detector, pairs.covers), _scores(detector, pairs.containers))


def _scores(detector: Detector, pictures: np.ndarray) -> np.ndarray:
    device = next(detector.parameters()).device
    with torch.inference_mode(), autocast(resolve("auto", device), device):
        scores = [detector(_tensor(picture[None]).to(device)).float().item() for picture in pictures]
    return np.array(scores)


def _epochs(count: int, needed: int, random: np.random.Generator) -> np.ndarray:
    """(needed,) indices of pairs, reshuffled each epoch."""
    rounds = -(-needed // count)
    return np.concatenate([random.permutation(count) for _ in range(rounds)])[:needed]


def _batch(pairs: LabelledPairs, chosen: np.ndarray, random: np.random.Generator) -> Tensor:
    """(2 · B, 3, crop, crop): B covers, then their containers, in the same order."""
    both = [_augment(pairs.covers[index], pairs.containers[index], random) for index in chosen]
    return _tensor(np.concatenate([np.stack(side) for side in zip(*both, strict=True)]))


def _augment(cover: np.ndarray, container: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The same random crop of both, in the same random orientation of the eight of a square."""
    side = min(CROP, *cover.shape[:2])
    top, left = (random.integers(0, size - side + 1) for size in cover.shape[:2])
    turns, flip = random.integers(0, 4), random.integers(0, 2)

    def transform(picture: np.ndarray) -> np.ndarray:
        turned = np.rot90(picture[top : top + side, left : left + side], turns)
        return turned[:, ::-1] if flip else turned

    return transform(cover), transform(container)


def _tensor(pictures: np.ndarray) -> Tensor:
    """(B, H, W, 3) uint8 to (B, 3, H, W) float32, 0 to 255."""
    return torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float()
