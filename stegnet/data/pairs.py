"""Training pairs: two random pictures of the training split, each cropped and augmented."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from stegnet.core.config import AugmentConfig
from stegnet.core.errors import DataError
from stegnet.data.augment import Augment
from stegnet.data.shards import TRAIN, Shards, read_manifest


class Pairs(Dataset):
    """Endless pairs: pair `index` is a pure function of (seed, index), so training can resume anywhere."""

    def __init__(self, folder: Path, crop: int, augment: AugmentConfig, seed: int) -> None:
        self._folder = folder
        self._shards = Shards(folder, TRAIN)
        self._augment = Augment(crop, augment)
        self._seed = seed

    def __getitem__(self, index: int) -> Tensor:
        """Cover and secret, (2, 3, crop, crop) uint8."""
        crops = [self._augment(self._shards[picture], seed) for picture, seed in self._draw(index)]
        return torch.from_numpy(np.stack(crops)).movedim(-1, 1)

    def names(self, indices: Iterable[int]) -> list[tuple[str, str]]:
        """What the manifest calls cover and secret of each pair."""
        entries = [entry for entry in read_manifest(self._folder) if entry.split == TRAIN]
        drawn = ((cover, secret) for (cover, _), (secret, _) in map(self._draw, indices))
        return [(entries[cover].name, entries[secret].name) for cover, secret in drawn]

    def _draw(self, index: int) -> list[tuple[int, int]]:
        """Which pictures are cover and secret, and what seeds their crops."""
        random = np.random.default_rng((self._seed, index))
        return [(int(random.integers(len(self._shards))), int(random.integers(2**31))) for _ in range(2)]


def load_batches(pairs: Pairs, batches: Iterable[Sequence[int]], workers: int) -> Iterator[Tensor]:
    """The pairs of each batch in order, (B, 2, 3, crop, crop) uint8, loaded by so many processes beside this one.

    Raises:
        DataError: one of these processes was killed.
    """
    # Here and not in the worker: there OpenCV would wait for threads that a fork leaves behind.
    cv2.setNumThreads(1)
    prefetch = 4 if workers else None
    loader = DataLoader(
        pairs, batch_sampler=batches, num_workers=workers, prefetch_factor=prefetch, worker_init_fn=_stand_apart
    )
    try:
        yield from loader
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        hint = "memory may have run out: lower train.workers, and start again to go on from the last checkpoint"
        raise DataError("a process that loads training pairs was killed", hint) from error


def _stand_apart(_worker: int) -> None:
    """Ctrl-C goes to a whole group of processes; the training must finish its step, and needs its loaders."""
    os.setpgid(0, 0)
