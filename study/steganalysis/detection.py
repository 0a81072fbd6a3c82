"""How well a trained detector tells containers from covers, by the number of pairs that it was trained on.

What it shows: hiding as much as a picture in a picture can be detected by whoever has the program and trains for it.
That the key stays secret does not prevent it: each container, in training and in the test, is made with a key of its
own. A detector that fails proves little: a larger one, trained for longer, may not.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.optim.swa_utils import update_bn

from stegnet.models.precision import autocast, pick_device, resolve
from study.steganalysis.confidence import auc, auc_interval, share_interval
from study.steganalysis.detector import Detector

BATCH = 8  # pairs
CROP = 96
LEARNING_RATE = 2e-3
WEIGHT_DECAY = 1e-3
MEASURED = 16  # batches that the means of batch normalisation are taken from

Progress = Callable[[range], Iterable[int]]


@dataclass(frozen=True)
class Pairs:
    """Covers and their containers: each (N, H, W, 3) uint8, in the same order."""

    covers: np.ndarray
    containers: np.ndarray

    def __post_init__(self) -> None:
        if self.covers.shape != self.containers.shape or not len(self.covers):
            raise ValueError(f"{self.covers.shape} covers, {self.containers.shape} containers")

    def __len__(self) -> int:
        return len(self.covers)

    def __getitem__(self, chosen: np.ndarray | slice) -> "Pairs":
        return Pairs(self.covers[chosen], self.containers[chosen])


@dataclass(frozen=True)
class Verdict:
    """What a detector makes of test pairs; both (N,) float, higher: rather a container."""

    covers: np.ndarray
    containers: np.ndarray

    @property
    def accuracy(self) -> float:
        """Share of the pictures that are called right."""
        return float((np.mean(self.covers <= 0) + np.mean(self.containers > 0)) / 2)


def train_detector(pairs: Pairs, steps: int, seed: int, progress: Progress) -> Detector:
    """A detector after a fixed number of steps; no test picture has a say in when it ends.

    A batch holds covers *and* their containers, cut, flipped and turned alike, so that only what was hidden tells them
    apart. AdamW, one cycle of the learning rate (Smith and Topin 2018, arXiv 1708.07120). The means of batch
    normalisation are measured anew with the final weights (Wu and Johnson 2021, "Rethinking 'Batch' in BatchNorm",
    arXiv 2105.07576, section 3): running means lag behind the weights, and move the threshold.
    """
    torch.manual_seed(seed)
    random, device = np.random.default_rng(seed), pick_device()
    detector = Detector().to(device, memory_format=torch.channels_last).train()
    optimiser = torch.optim.AdamW(detector.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, steps)
    order = _endless(len(pairs), (steps + MEASURED) * BATCH, random).reshape(-1, BATCH)
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


def judge(detector: Detector, pairs: Pairs) -> Verdict:
    """Scores of whole pictures, one at a time."""
    return Verdict(_scores(detector, pairs.covers), _scores(detector, pairs.containers))


def summarise_detection(verdicts: list[Verdict], seed: int) -> dict[str, float]:
    """accuracy, low, high, auc, auc_low, auc_high: means over detectors that judged the same test pairs.

    The interval of the accuracy is Wilson's for as many trials as there are pairs, since the two decisions on a pair
    hang together: rather too wide than too narrow. Neither interval holds how much detectors differ from each other.
    """
    accuracy = float(np.mean([verdict.accuracy for verdict in verdicts]))
    low, high = share_interval(accuracy, len(verdicts[0].covers))
    areas = [auc(verdict.covers, verdict.containers) for verdict in verdicts]
    bounds = [auc_interval(verdict.covers, verdict.containers, seed) for verdict in verdicts]
    auc_low, auc_high = np.mean(bounds, axis=0)
    figures = {"accuracy": accuracy, "low": low, "high": high, "auc": float(np.mean(areas))}
    return figures | {"auc_low": float(auc_low), "auc_high": float(auc_high)}


def _scores(detector: Detector, pictures: np.ndarray) -> np.ndarray:
    device = next(detector.parameters()).device
    with torch.inference_mode(), autocast(resolve("auto", device), device):
        scores = [detector(_tensor(picture[None]).to(device)).float().item() for picture in pictures]
    return np.array(scores)


def _endless(count: int, needed: int, random: np.random.Generator) -> np.ndarray:
    """(needed,) numbers of pairs: all of them in a new order again and again."""
    rounds = -(-needed // count)
    return np.concatenate([random.permutation(count) for _ in range(rounds)])[:needed]


def _batch(pairs: Pairs, chosen: np.ndarray, random: np.random.Generator) -> Tensor:
    """(2 · B, 3, crop, crop): B covers, then their containers in the same order."""
    both = [_cut(pairs.covers[index], pairs.containers[index], random) for index in chosen]
    return _tensor(np.concatenate([np.stack(side) for side in zip(*both, strict=True)]))


def _cut(cover: np.ndarray, container: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The same crop of both, in the same one of the eight orientations of a square."""
    side = min(CROP, *cover.shape[:2])
    top, left = (random.integers(0, size - side + 1) for size in cover.shape[:2])
    turns, flip = random.integers(0, 4), random.integers(0, 2)

    def of(picture: np.ndarray) -> np.ndarray:
        turned = np.rot90(picture[top : top + side, left : left + side], turns)
        return turned[:, ::-1] if flip else turned

    return of(cover), of(container)


def _tensor(pictures: np.ndarray) -> Tensor:
    """(B, H, W, 3) uint8 to (B, 3, H, W) float32, 0 to 255."""
    return torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float()
