"""A network that detects containers in a JPEG's luma, with a backbone by timm, and its training.

It starts from what detectors by features count, so that a CPU trains it in an hour: the DCT of blocks of 8×8, fixed, on
the JPEG's grid and on grids that are shifted by 4, which show what the cover's coefficients would be like (Fridrich
2004, "Feature-based steganalysis for JPEG images", IH), in steps of the JPEG's table and soft bins (as Yousfi and
Fridrich 2020, "An intriguing struggle of CNNs in JPEG steganalysis and the OneHot solution", IEEE SPL 27). The backbone
sees one place for each block, and its stem keeps that resolution, since pooling averages out the signal (Yousfi,
Butora, Khvedchenya and Fridrich 2020, "ImageNet pre-trained CNNs for JPEG steganalysis", IEEE WIFS).
"""

from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.optim.swa_utils import update_bn

from stegnet.core.compute import autocast, full_precision, pick_device, resolve
from stegnet.core.jpeg import BLOCK, COSINES
from stegnet.models.backbone import make_encoder
from study.scores import Scores

BATCH = 16  # pairs
LEARNING_RATE, WEIGHT_DECAY, DROPOUT = 2e-3, 2e-2, 0.2
STATISTICS_BATCHES = 16  # for the final statistics of batch normalisation
_GRIDS = 2  # in each direction, BLOCK / _GRIDS pixels apart
_BINS = 3  # of sizes, besides their logarithm
_MIXED = 96  # channels that the backbone gets

Progress = Callable[[range], Iterable[int]]


class JpegNetwork(nn.Module):
    """Luma, (B, 1, H, W) float32 as `Luma.pixels` gives it, to (B,) logits: positive means container."""

    def __init__(self, table: np.ndarray, backbone: str, levels: int | None = None) -> None:
        """Creates it for JPEGs of a table.

        Args:
            table: quantisation steps, (8, 8).
            backbone: name of a timm model.
            levels: its stages that are used, from the first; None: all.
        """
        super().__init__()
        filters = np.einsum("ku,lv->kluv", COSINES, COSINES) / table[..., None, None]
        self.register_buffer("filters", torch.from_numpy(filters.reshape(-1, 1, BLOCK, BLOCK)).float())
        self.mix = nn.Conv2d((_BINS + 1) * len(self.filters) * _GRIDS**2, _MIXED, 1, bias=False)
        self.normalise = nn.BatchNorm2d(_MIXED)
        self.encoder = make_encoder(backbone, _MIXED, False, levels)
        _keep_resolution(self.encoder)
        self.classifier = nn.Linear(self.encoder.feature_info.channels()[-1], 1)

    def forward(self, luma: Tensor) -> Tensor:
        with full_precision(luma.device):
            steps = self._on_grids(luma)  # not in bfloat16, which would round them
        counted = soft_bins(steps.to(_precision(luma.device)))
        found = self.encoder(functional.relu(self.normalise(self.mix(counted))))[-1].mean((2, 3))
        return self.classifier(functional.dropout(found, DROPOUT, self.training))[:, 0]

    def _on_grids(self, luma: Tensor) -> Tensor:
        """Coefficients in steps, (B, 64 · 4, H / 8, W / 8): first those of the JPEG itself."""
        step = BLOCK // _GRIDS
        wide = functional.pad(luma, (0, BLOCK - step, 0, BLOCK - step), mode="replicate")
        return functional.pixel_unshuffle(functional.conv2d(wide, self.filters, stride=step), _GRIDS)


def soft_bins(steps: Tensor) -> Tensor:
    """Shares of sizes of 0, 1 and 2 in each value, and its logarithm, (B, 4 · C, H, W) from (B, C, H, W)."""
    size = steps.abs()
    bins = [(1 - (size - middle).abs()).clamp(min=0) for middle in range(_BINS)]
    return torch.cat([*bins, size.log1p() / 2], 1)


def _precision(device: torch.device) -> torch.dtype:
    return torch.get_autocast_dtype(device.type) if torch.is_autocast_enabled(device.type) else torch.float32


def _keep_resolution(encoder: nn.Module) -> None:
    """Takes the stride from a backbone's stem, its pooling too."""
    first = next(part for part in encoder.modules() if isinstance(part, nn.Conv2d) and max(part.stride) > 1)
    first.stride = (1, 1)
    for name in [name for name, _ in encoder.named_modules() if name.endswith("maxpool")]:
        encoder.set_submodule(name, nn.Identity())


@dataclass(frozen=True, eq=False)
class LumaPairs:
    """Luma of covers and of their containers: each (N, H, W) float32, in the same order."""

    covers: np.ndarray
    containers: np.ndarray

    def __len__(self) -> int:
        return len(self.covers)


def train_network(network: JpegNetwork, pairs: LumaPairs, steps: int, seed: int, progress: Progress) -> JpegNetwork:
    """Trains a copy of a network for a fixed number of steps: no test picture decides when to stop.

    A batch holds covers and their containers, flipped alike; turns would exchange the steps of rows and columns. AdamW,
    one cycle of the learning rate (Smith and Topin 2018, arXiv 1708.07120), and the statistics of batch normalisation
    recomputed in the end, as `detector.train_detector` does.
    """
    torch.manual_seed(seed)
    random, device = np.random.default_rng(seed), pick_device()
    network = deepcopy(network).to(device, memory_format=torch.channels_last).train()
    optimiser = torch.optim.AdamW(network.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, steps)
    batches, precision = _batches(pairs, random), resolve("auto", device)
    for _ in progress(range(steps)):
        luma = next(batches).to(device)
        labels = torch.arange(len(luma), device=device).ge(len(luma) / 2).float()
        with autocast(precision, device):
            logits = network(luma)
        optimiser.zero_grad()
        binary_cross_entropy_with_logits(logits.float(), labels).backward()
        optimiser.step()
        schedule.step()
    with autocast(precision, device):
        update_bn((next(batches) for _ in range(min(STATISTICS_BATCHES, steps))), network, device)
    return network.eval()


def score(network: JpegNetwork, pairs: LumaPairs) -> Scores:
    """Scores of pairs: means over the four flips."""
    return Scores(*(np.array([_score(network, luma) for luma in side]) for side in (pairs.covers, pairs.containers)))


def _score(network: JpegNetwork, luma: np.ndarray) -> float:
    device = next(network.parameters()).device
    flips = np.stack([luma[::down, ::right] for down in (1, -1) for right in (1, -1)])
    with torch.inference_mode(), autocast(resolve("auto", device), device):
        return network(torch.from_numpy(flips)[:, None].to(device)).float().mean().item()


def _batches(pairs: LumaPairs, random: np.random.Generator) -> Iterator[Tensor]:
    """Endless (2 · B, 1, H, W): B covers, then their containers, in the same order; each pair once an epoch."""
    size, waiting = min(BATCH, len(pairs)), np.empty(0, int)
    while True:
        if len(waiting) < size:
            waiting = np.concatenate([waiting, random.permutation(len(pairs))])
        chosen, waiting = waiting[:size], waiting[size:]
        flips = [tuple(slice(None, None, way) for way in random.choice((1, -1), 2)) for _ in chosen]
        both = [
            side[index][flip]
            for side in (pairs.covers, pairs.containers)
            for index, flip in zip(chosen, flips, strict=True)
        ]
        yield torch.from_numpy(np.stack(both))[:, None]
