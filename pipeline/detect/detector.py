"""A small detector of containers with a timm backbone, and its training.

It sees residuals and the picture itself. Residuals come from high-pass filters (Fridrich and Kodovský 2012, "Rich
models for steganalysis of digital images", IEEE TIFS 7(3)), of the channels and of their differences (Goljan, Fridrich
and Cogranne 2014, "Rich model for steganalysis of color images", IEEE WIFS), truncated (Ye, Ni and Yi 2017, "Deep
learning hierarchical representations for image steganalysis", IEEE TIFS 12(11)): on plain pictures, a network of this
size finds no fine change from so few pairs. Then come the backbone's stem and first stage with all strides 1, since
pooling averages out the signal (Boroumand, Chen and Fridrich 2019, "Deep residual network for steganalysis of digital
images", IEEE TIFS 14(5)), and the mean over all positions. Residuals show no cast of colour and no other smooth change,
so that a second such stage looks at the channels and their differences at a quarter of the size. The detector is
smaller than theirs by orders of magnitude: its findings are a lower bound of an attacker's.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.swa_utils import update_bn

from pipeline.evaluate.statistics import Scores
from pipeline.stage import bar
from stegnet.core.compute import autocast, full_precision, pick_device, resolve
from stegnet.networks.layers import make_stage

Sides = NDArray[np.uint8]  # (classes, N, H, W, 3): covers, then their containers by each method, in the same order


@dataclass(frozen=True)
class DetectorSettings:
    """Settings of training a detector."""

    epochs: int = 6
    batch: int = 4  # covers; each comes with its containers
    crop: int = 96  # side in pixels
    learning_rate: float = 4e-3
    weight_decay: float = 1e-3
    statistics_batches: int = 16  # batches for the final statistics of batch normalisation


class Detector(nn.Module):
    """A network from (B, 3, H, W) float32, 0 to 255, to (B, methods) logits: positive means its container."""

    filters: Tensor  # all filters of a plane, then those of the next, (planes · 6, 1, 5, 5)

    def __init__(self, backbone: str, methods: int) -> None:
        super().__init__()
        self._planes = 5  # red, green, blue, red minus green, green minus blue
        self.register_buffer("filters", high_pass().repeat(self._planes, 1, 1, 1))
        self.stage = make_stage(backbone, len(self.filters), pretrained=False)
        self.smooth_stage = make_stage(backbone, self._planes, pretrained=False)
        with torch.no_grad():
            (fine,) = self.stage(torch.zeros(1, len(self.filters), 24, 40))
            (smooth,) = self.smooth_stage(torch.zeros(1, self._planes, 24, 40))
        self.classifier = nn.Linear(fine.shape[1] + smooth.shape[1], methods)

    def forward(self, pictures: Tensor) -> Tensor:
        """Return the logits, (B, methods) float32, of pictures, (B, 3, H, W) float32, 0 to 255."""
        planes = torch.cat([pictures, pictures[:, :2] - pictures[:, 1:]], dim=1)
        with full_precision(pictures.device):  # bfloat16 would round steps of one level away
            threshold = 5.0  # grey levels; Ye et al. truncate at 3 and look only for steps of 1
            filtered = functional.conv2d(planes, self.filters, groups=self._planes)
            residuals = filtered.clamp(-threshold, threshold) / threshold
        (fine,) = self.stage(residuals)
        (smooth,) = self.smooth_stage(functional.avg_pool2d(planes / 64, 4))
        means = [features.float().mean((2, 3)) for features in (fine, smooth)]
        logits: Tensor = self.classifier(torch.cat(means, dim=1))
        return logits.float()


def high_pass() -> Tensor:
    """Return differences of first and second order in rows and columns, and squares of sides 3 and 5, (6, 1, 5, 5).

    Each gives 0 on an even area. The largest weight is 1, so that a step of one level gives 1.
    """
    side = 5
    first = torch.tensor([[-1.0, 1.0]])
    second = torch.tensor([[0.5, -1.0, 0.5]])
    square_3 = torch.tensor([[-1, 2, -1], [2, -4, 2], [-1, 2, -1]]) / 4
    square_5 = [[-1, 2, -2, 2, -1], [2, -6, 8, -6, 2], [-2, 8, -12, 8, -2], [2, -6, 8, -6, 2], [-1, 2, -2, 2, -1]]
    kernels = (first, second, first.T, second.T, square_3, torch.tensor(square_5) / 12)

    filters = torch.zeros(len(kernels), 1, side, side)
    for place, kernel in zip(filters, kernels, strict=True):
        height, width = kernel.shape
        top = (side - height) // 2
        left = (side - width) // 2
        place[0, top : top + height, left : left + width] = kernel
    return filters


def train_detector(backbone: str, sides: Sides, seed: int) -> Detector:
    """Train a detector for a fixed number of epochs: no picture that it is tested on decides when to stop.

    It decides for each method separately. A batch holds covers and their containers, cropped, flipped and turned alike,
    so that they differ only by the hidden data. AdamW, one cycle of the learning rate (Smith and Topin 2018, arXiv
    1708.07120). The statistics of batch normalisation are recomputed with the final weights (Wu and Johnson 2021,
    "Rethinking 'Batch' in BatchNorm", arXiv 2105.07576, section 3): running means lag behind the weights and shift the
    decision threshold.

    Args:
        backbone: name of a timm model.
        sides: covers and containers.
        seed: seed of weights, order and crops.
    """
    settings = DetectorSettings()
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    device = pick_device()
    precision = resolve("auto", device)
    detector = Detector(backbone, len(sides) - 1).to(device).to(memory_format=torch.channels_last).train()

    pairs = sides.shape[1]
    steps = math.ceil(settings.epochs * pairs / settings.batch)
    optimiser = torch.optim.AdamW(detector.parameters(), settings.learning_rate, weight_decay=settings.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, settings.learning_rate, steps)
    needed = (steps + settings.statistics_batches) * settings.batch  # indices of pairs, reshuffled each epoch
    order = np.concatenate([random.permutation(pairs) for _ in range(math.ceil(needed / pairs))])
    order = order[:needed].reshape(-1, settings.batch)

    for step in bar(range(steps), "train detector"):
        with autocast(precision, device):
            batch = _batch(sides, order[step], settings.crop, random).to(device)
            covers, *containers = detector(batch).split(settings.batch)
        # (B, methods): the logit of each container for its method.
        containers_own = torch.stack(containers).diagonal(dim1=0, dim2=2)
        optimiser.zero_grad()
        (functional.softplus(covers) + functional.softplus(-containers_own)).mean().backward()  # binary cross-entropy
        optimiser.step()
        schedule.step()
    with autocast(precision, device):
        update_bn((_batch(sides, chosen, settings.crop, random) for chosen in order[steps:]), detector, device)
    return detector.eval()


def detect(detector: Detector, sides: Sides) -> list[Scores]:
    """Return scores of whole pictures for each method: log-likelihood ratios of a container to a cover."""
    device = next(detector.parameters()).device
    with torch.inference_mode(), autocast(resolve("auto", device), device):
        logits = [[detector(_tensor(picture[None]).to(device))[0].cpu().numpy() for picture in side] for side in sides]
    covers, *containers = np.array(logits)
    return [Scores(covers[:, method], own[:, method]) for method, own in enumerate(containers)]


def _batch(sides: Sides, chosen: NDArray[np.int64], crop: int, random: np.random.Generator) -> Tensor:
    """Return B covers, then their containers by each method, in the same order, (classes · B, 3, crop, crop)."""
    both = np.stack([_augment(sides[:, index], crop, random) for index in chosen], axis=1)
    return _tensor(both.reshape(-1, *both.shape[2:]))


def _augment(pictures: NDArray[np.uint8], crop: int, random: np.random.Generator) -> NDArray[np.uint8]:
    """Return the same random crop of (classes, H, W, 3), in the same random one of a square's eight orientations."""
    height, width = pictures.shape[1:3]
    side = min(crop, height, width)
    top = random.integers(0, height - side + 1)
    left = random.integers(0, width - side + 1)
    turned = np.rot90(pictures[:, top : top + side, left : left + side], int(random.integers(0, 4)), (1, 2))
    return turned[:, :, ::-1] if random.integers(0, 2) else turned


def _tensor(pictures: NDArray[np.uint8]) -> Tensor:
    """Convert (B, H, W, 3) uint8 to (B, 3, H, W) float32, 0 to 255."""
    return torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float()
