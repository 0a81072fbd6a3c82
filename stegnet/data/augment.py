"""Random crops and changes of training pictures; the one door to albumentations."""

import os

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # it would ask the network for a newer version

import albumentations
import numpy as np

from stegnet.core.config import AugmentConfig


class Augment:
    """A random crop, sometimes enlarged, with flips, turns and changes of colour, sharpness, noise and compression.

    Args:
        crop: side of the crop in pixels.
        config: how often each change is applied.
    """

    def __init__(self, crop: int, config: AugmentConfig) -> None:
        self._changes = albumentations.Compose(
            [
                albumentations.OneOrOther(
                    albumentations.RandomSizedCrop((crop // 2, crop), (crop, crop)),
                    albumentations.RandomCrop(crop, crop),
                    p=config.zoom,
                ),
                albumentations.HorizontalFlip(p=config.flip),
                albumentations.RandomRotate90(p=config.turn),
                albumentations.ColorJitter(hue=(-0.1, 0.1), p=config.colour),
                albumentations.GaussianBlur(sigma_limit=(0.3, 1.2), p=config.blur),
                albumentations.GaussNoise(std_range=(0.005, 0.03), p=config.noise),
                albumentations.ImageCompression(quality_range=(50, 95), p=config.compression),
            ]
        )

    def __call__(self, picture: np.ndarray, seed: int) -> np.ndarray:
        """(H, W, 3) uint8 to (crop, crop, 3) uint8; the same picture and seed give the same crop."""
        self._changes.set_random_seed(seed)
        return self._changes(image=picture)["image"]
