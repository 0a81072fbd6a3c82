"""Small changes of containers before their codec, with probabilities of their own, on 8-bit samples."""

import os
from dataclasses import asdict

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # else albumentations looks for a newer version online

import albumentations
import cv2
import numpy as np

from stegnet.config.config import DistortConfig

_RESIZING = {"downscale": cv2.INTER_AREA, "upscale": cv2.INTER_CUBIC}


class Distortions:
    """Distorts containers; most stay as they are.

    Args:
        config: probability of each change: reduced to half its size or more and enlarged again; moved by a pixel;
            Gaussian noise of up to 2.5 levels; Gaussian blur of up to 0.8 pixels; up to 5 % brighter or darker, with
            as much contrast; a gamma of 0.9 to 1.1.
    """

    def __init__(self, config: DistortConfig) -> None:
        self.none = not any(asdict(config).values())
        self._transform = albumentations.Compose(
            [
                albumentations.Downscale((0.5, 0.99), _RESIZING, p=config.resize),
                albumentations.Affine(translate_px=(-1, 1), border_mode=cv2.BORDER_REPLICATE, p=config.shift),
                albumentations.GaussNoise(std_range=(0.001, 0.01), p=config.noise),
                albumentations.GaussianBlur(sigma_limit=(0.2, 0.8), p=config.blur),
                albumentations.RandomBrightnessContrast((-0.05, 0.05), (-0.05, 0.05), p=config.brightness),
                albumentations.RandomGamma((90, 110), p=config.gamma),
            ]
        )

    def __call__(self, picture: np.ndarray, seed: int) -> np.ndarray:
        """A picture, (H, W, 3) uint8, changed as it follows from a seed."""
        if self.none:
            return picture
        self._transform.set_random_seed(seed)
        return self._transform(image=picture)["image"]
