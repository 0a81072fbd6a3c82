"""Training pairs, two random pictures of the training split, each cropped and augmented; crops to validate on."""

import logging
import multiprocessing
import os
import sys

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # or albumentations would look for a newer version online

from collections.abc import Iterable, Iterator, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import Thread
from types import TracebackType

import albumentations
import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from pipeline.parameters.training import AugmentConfig, TrainParameters
from pipeline.shards import TRAIN, VALIDATION, Shards, read_manifest
from stegnet.core.errors import ConfigError, DataError
from stegnet.core.names import load_object
from stegnet.core.pixels import NONE

OWN_AUGMENTATION = "params.yaml: train.augment.own"
COVERS, SECRETS, WITH_BASES = range(1, 4)  # pictures of a training pair: a cover, a secret, the secret's coded base
Pixels = NDArray[np.uint8]  # (H, W, 3), sRGB

_log = logging.getLogger(__name__)


class Augment:
    """Random crops with zoom, flips, rotations, and changes of colour, sharpness, noise and compression.

    A secret with a coded base is only cropped, flipped and rotated: nothing else can be done to both alike.
    """

    def __init__(self, crop: int, config: AugmentConfig) -> None:
        whole = albumentations.RandomCrop(crop, crop)
        zoomed = albumentations.RandomSizedCrop((crop // 2, crop), (crop, crop))
        turns = [albumentations.HorizontalFlip(p=config.flip), albumentations.RandomRotate90(p=config.turn)]
        looks = [
            albumentations.ColorJitter(hue=(-0.1, 0.1), p=config.colour),
            albumentations.GaussianBlur(sigma_limit=(0.3, 1.2), p=config.blur),
            albumentations.GaussNoise(std_range=(0.005, 0.03), p=config.noise),
            albumentations.ImageCompression(quality_range=(50, 95), p=config.compression),
        ]
        if config.own != NONE:
            looks.append(load_object(OWN_AUGMENTATION, config.own)())
        cropped = albumentations.OneOrOther(zoomed, whole, p=config.zoom)
        self._transform = albumentations.Compose([cropped, *turns, *looks])
        self._with_base = albumentations.Compose([whole, *turns], additional_targets={"base": "image"})

    def __call__(self, picture: Pixels, seed: int) -> Pixels:
        """Return a crop of (H, W, 3) uint8, (crop, crop, 3) uint8. The same picture and seed give the same crop."""
        self._transform.set_random_seed(seed)
        transformed: Pixels = self._transform(image=picture)["image"]
        return transformed

    def with_base(self, picture: Pixels, base: Pixels, seed: int) -> list[Pixels]:
        """Return the same part of a picture and of its base."""
        self._with_base.set_random_seed(seed)
        both = self._with_base(image=picture, base=base)
        return [both["image"], both["base"]]


def check_augmentation(crop: int, config: AugmentConfig) -> None:
    """Check that crops can be augmented. Raises ConfigError that names the user's own augmentation."""
    picture = np.zeros((crop, crop, 3), np.uint8)
    try:
        fits = all(Augment(crop, config)(picture, seed).shape == picture.shape for seed in range(8))
        reason = "crops change their size"
    except (AttributeError, TypeError, ValueError) as error:  # of the user's own code
        fits = False
        reason = " ".join(str(error).split())
    if not fits:
        hint = "it is a function without arguments that returns a transform of albumentations"
        raise ConfigError(f"{config.own} can't augment ({reason})", hint, subject=OWN_AUGMENTATION)


class Pairs(Dataset[Tensor]):
    """An endless sequence of pairs. Pair `index` depends only on seed and index, so training can resume anywhere.

    Args:
        folder: folder of the shards.
        crop: side of the crops in pixels.
        augment: probability of each augmentation.
        seed: seed of the choice of pairs and of their crops.
        parts: COVERS, covers alone; SECRETS, secrets too; WITH_BASES, also bases, which the shards hold.
    """

    def __init__(self, folder: Path, crop: int, augment: AugmentConfig, seed: int, parts: int = SECRETS) -> None:
        self._folder = folder
        self._shards = Shards(folder, TRAIN)
        self._bases = Shards(folder, TRAIN, bases=True) if parts == WITH_BASES else None
        self._parts = parts
        self._augment = Augment(crop, augment)
        self._seed = seed

    def __getitem__(self, index: int) -> Tensor:
        """Return cover, secret and the secret's base, the first `parts` of them, (parts, 3, crop, crop) uint8."""
        (cover, seed), (secret, secret_seed) = self._draw(index)
        crops = [self._augment(self._shards[cover], seed)]
        if self._parts == COVERS:
            return torch.from_numpy(np.stack(crops)).movedim(-1, 1)
        if self._bases is None:
            crops.append(self._augment(self._shards[secret], secret_seed))
        else:
            crops += self._augment.with_base(self._shards[secret], self._bases[secret], secret_seed)
        return torch.from_numpy(np.stack(crops)).movedim(-1, 1)

    def names(self, indices: Iterable[int]) -> list[tuple[str, str]]:
        """Return the names of cover and secret of each pair in the manifest."""
        entries = list(read_manifest(self._folder, TRAIN))
        drawn = ((cover, secret) for (cover, _), (secret, _) in map(self._draw, indices))
        return [(entries[cover].name, entries[secret].name) for cover, secret in drawn]

    def _draw(self, index: int) -> list[tuple[int, int]]:
        """Return the indices of cover and secret, each with the seed of its crop."""
        random = np.random.default_rng((self._seed, index))
        return [(int(random.integers(len(self._shards))), int(random.integers(2**31))) for _ in range(2)]


def load_batches(
    pairs: Pairs, batches: Iterable[Sequence[int]], workers: int, pinned: bool = False
) -> Iterator[Tensor]:
    """Yield the pairs of each batch of indices in order, (B, 2 or 3, 3, crop, crop) uint8.

    `workers` processes load them; without workers, this process does. A GPU reads pinned memory while the program goes
    on.
    """
    cv2.setNumThreads(1)
    prefetch = 4 if workers else None
    # Not forked from this process: a lock that one of its threads holds at that moment would stay locked in the worker.
    is_served = workers > 0 and "forkserver" in multiprocessing.get_all_start_methods()
    loader = DataLoader(
        pairs,
        batch_sampler=(list(batch) for batch in batches),
        num_workers=workers,
        prefetch_factor=prefetch,
        multiprocessing_context="forkserver" if is_served else None,
        worker_init_fn=_prepare_worker,
        pin_memory=pinned,
    )
    try:
        yield from loader
    except RuntimeError as error:
        if "shared memory" in str(error):
            hint = "make it larger (docker run --shm-size 2g), or set train.workers to 0, then start again to resume"
            raise DataError("/dev/shm is too small for the processes that load training pairs", hint) from error
        if "DataLoader worker" not in str(error):
            raise
        hint = "memory or /dev/shm may have run out: lower train.workers, then start again to resume"
        raise DataError("a process that loads training pairs was killed", hint) from error


def _prepare_worker(_worker: int) -> None:
    """Shield a worker from Ctrl-C, which the whole process group receives: it ends when the training does.

    OpenCV's threads are set again: a worker inherits no setting. A training that is stopped while it takes over a batch
    breaks the connection to a thread of the worker, which would print that.
    """
    os.setpgid(0, 0)
    cv2.setNumThreads(1)
    sys.excepthook = _print_unless_disconnected
    if training := multiprocessing.parent_process():
        Thread(target=_end_after, args=(training,), daemon=True).start()


def _print_unless_disconnected(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if not issubclass(kind, ConnectionError | EOFError):
        sys.__excepthook__(kind, error, trace)


def _end_after(process: BaseProcess) -> None:
    """End this process when another one has ended."""
    process.join()
    os._exit(1)


def validation_crops(config: TrainParameters, data: Path, coded: bool) -> Tensor | None:
    """Return centre crops of validation pictures, (B, 1 or 2, 3, crop, crop) uint8, the second of their bases.

    There are at most 32, evenly spaced; None if train.validate is 0, or there are too few pictures.
    """
    if not config.train.validate:
        return None
    count = sum(1 for _ in read_manifest(data, VALIDATION))
    if count < 2:
        _log.warning(
            "%s: too few pictures to validate on (%d): the last weights are kept, not the best; "
            "raise data.validation_share",
            data, count,
        )  # fmt: skip
        return None
    most_pairs = 32
    wanted = min(count, most_pairs)
    splits = [Shards(data, VALIDATION)]
    if coded:
        splits.append(Shards(data, VALIDATION, bases=True))
    chosen = [[shards[index * count // wanted] for shards in splits] for index in range(wanted)]
    start = (chosen[0][0].shape[0] - config.train.crop) // 2
    inside = slice(start, start + config.train.crop)
    crops = [[picture[inside, inside].transpose(2, 0, 1) for picture in pictures] for pictures in chosen]
    return torch.from_numpy(np.stack(crops))
