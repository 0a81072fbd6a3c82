"""Training pairs: two random pictures of the training split, each cropped and augmented."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from stegnet.config import AugmentConfig
from stegnet.data.augment import Augment
from stegnet.data.shards import TRAIN, Shards


class Pairs(Dataset):
    """Endless pairs: pair `index` is a pure function of (seed, index), so training can resume anywhere."""

    def __init__(self, folder: Path, crop: int, augment: AugmentConfig, seed: int) -> None:
        self._shards = Shards(folder, TRAIN)
        self._augment = Augment(crop, augment)
        self._seed = seed

    def __getitem__(self, index: int) -> Tensor:
        """Cover and secret, (2, 3, crop, crop) uint8."""
        random = np.random.default_rng((self._seed, index))
        crops = [self._augment(self._shards[int(random.integers(len(self._shards)))], _seed(random)) for _ in range(2)]
        return torch.from_numpy(np.stack(crops)).movedim(-1, 1)


def load_batches(pairs: Pairs, batch: int, first: int, last: int, workers: int) -> Iterator[Tensor]:
    """Batches `first` to `last` (excluded) in order, each (batch, 2, 3, crop, crop) uint8."""
    order: Sequence[int] = range(first * batch, last * batch)
    # Here and not in the worker: there OpenCV would wait for threads that a fork leaves behind.
    cv2.setNumThreads(1)
    prefetch = 4 if workers else None
    return iter(DataLoader(pairs, batch, sampler=order, num_workers=workers, prefetch_factor=prefetch))


def _seed(random: np.random.Generator) -> int:
    return int(random.integers(2**31))
