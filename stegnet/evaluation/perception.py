"""How far two pictures are apart to the eye. All measures take (H, W, 3) uint8 pictures, sRGB.

They cost several times as much as PSNR, so they are taken where it counts only.
"""

import logging
import math
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import torch
from skimage.color import deltaE_ciede2000, rgb2lab
from torch import Tensor, nn

from stegnet.core import similarity

NAMES = {"msssim", "haarpsi", "de2000", "lpips"}
HIGH_IS_WORSE = {"de2000", "lpips"}
ALEXNET = "alexnet-owt-7be5be79.pth"  # torchvision's AlexNet_Weights.IMAGENET1K_V1
_LEAST_HAARPSI = 16  # pixels of a side, for its three scales

Measure = Callable[[np.ndarray, np.ndarray], float]
_log = logging.getLogger(__name__)


def de2000(a: np.ndarray, b: np.ndarray) -> float:
    """Colour error: mean over the pixels of CIE ΔE2000 (Sharma, Wu & Dalal 2005), D65; 0 if equal.

    A ΔE of 1 is about what an observer just tells apart, side by side and on large patches.
    """
    return float(deltaE_ciede2000(rgb2lab(a), rgb2lab(b)).mean())


def msssim(a: np.ndarray, b: np.ndarray) -> float:
    """Multi-scale structural similarity, 0 to 1 (Wang, Simoncelli & Bovik 2003), mean over the channels.

    On five scales; pictures with a side below 176 have fewer, see `stegnet.core.similarity`. nan below 11.
    """
    if min(a.shape[:2]) < similarity.WINDOW:
        return math.nan
    return float(similarity.ms_ssim(_tensor(a), _tensor(b)).mean())


def haarpsi(a: np.ndarray, b: np.ndarray) -> float:
    """Haar wavelet-based perceptual similarity index, 0 to 1 (Reisenhofer, Bosse, Kutyniok & Wiegand 2018).

    nan if a side is below 16 pixels.
    """
    if min(a.shape[:2]) < _LEAST_HAARPSI:
        return math.nan
    if np.array_equal(a, b):
        return 1.0  # piq divides by zero where both are black
    import piq  # loads torchvision and torch's compiler

    return float(piq.haarpsi(_tensor(a), _tensor(b), data_range=1.0))


def lpips(a: np.ndarray, b: np.ndarray) -> float:
    """Learned perceptual image patch similarity, 0 if equal (Zhang et al. 2018, version 0.1, AlexNet).

    Needs AlexNet's weights in torch.hub's cache: see `measures_of_sight`.
    """
    with torch.inference_mode():
        return float(_lpips_network()(_tensor(a), _tensor(b), normalize=True).mean())


def measures_of_sight() -> dict[str, Measure]:
    """The measures by name; LPIPS is among them where AlexNet's weights are in torch.hub's cache.

    Nothing is downloaded: where they are missing, a line in the log says how to get them.
    """
    measures: dict[str, Measure] = {"msssim": msssim, "haarpsi": haarpsi, "de2000": de2000}
    if (Path(torch.hub.get_dir()) / "checkpoints" / ALEXNET).is_file():
        return measures | {"lpips": lpips}
    _log.info(
        "LPIPS is left out, for AlexNet's weights (244 MB) are not here; to get them: "
        "python -c \"import torchvision; torchvision.models.alexnet(weights='IMAGENET1K_V1')\""
    )
    return measures


@cache
def _lpips_network() -> nn.Module:
    from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity  # slow to import, and rarely used

    return LearnedPerceptualImagePatchSimilarity(net_type="alex").net


def _tensor(picture: np.ndarray) -> Tensor:
    """(1, 3, H, W) float32 in [0, 1]."""
    return torch.tensor(picture).permute(2, 0, 1)[None].float() / 255
