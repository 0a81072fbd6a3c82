"""Perceptual quality measures of two (H, W, 3) uint8 sRGB pictures.

They cost several times as much as PSNR, and are therefore computed only for pictures with sealed bits.
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

from pipeline import similarity
from stegnet.core.measures import DE2000, HAARPSI, LPIPS, MSSSIM

ALEXNET = "alexnet-owt-7be5be79.pth"  # torchvision's AlexNet_Weights.IMAGENET1K_V1
_MIN_HAARPSI_SIDE = 16  # pixels, for its three scales

MeasureFunction = Callable[[np.ndarray, np.ndarray], float]
_log = logging.getLogger(__name__)


def de2000(a: np.ndarray, b: np.ndarray) -> float:
    """Colour error: CIE ΔE2000 under D65 (Sharma, Wu & Dalal 2005), mean over the pixels; 0 if equal.

    A ΔE of 1 is about the smallest difference that an observer sees between large patches side by side.
    """
    return float(deltaE_ciede2000(rgb2lab(a), rgb2lab(b)).mean())


def msssim(a: np.ndarray, b: np.ndarray) -> float:
    """Multi-scale structural similarity, 0 to 1 (Wang, Simoncelli & Bovik 2003), mean over the channels.

    Computed on five scales; on fewer for pictures with a side below 176 (`pipeline.similarity`); nan below 11.
    """
    if min(a.shape[:2]) < similarity.WINDOW:
        return math.nan
    return float(similarity.ms_ssim(_tensor(a), _tensor(b)).mean())


def haarpsi(a: np.ndarray, b: np.ndarray) -> float:
    """Haar wavelet-based perceptual similarity index, 0 to 1 (Reisenhofer, Bosse, Kutyniok & Wiegand 2018).

    nan if a side is below 16 pixels.
    """
    if min(a.shape[:2]) < _MIN_HAARPSI_SIDE:
        return math.nan
    if np.array_equal(a, b):
        return 1.0  # piq divides by zero if both are black
    import piq  # loads torchvision and torch's compiler

    return float(piq.haarpsi(_tensor(a), _tensor(b), data_range=1.0))


def lpips(a: np.ndarray, b: np.ndarray) -> float:
    """Learned perceptual image patch similarity, 0 if equal (Zhang et al. 2018, version 0.1, AlexNet).

    Needs AlexNet's weights in torch.hub's cache, see `perceptual_measures`.
    """
    with torch.inference_mode():
        return float(_lpips_network()(_tensor(a), _tensor(b), normalize=True).mean())


def perceptual_measures() -> dict[str, MeasureFunction]:
    """The measures by key; includes LPIPS if AlexNet's weights are in torch.hub's cache.

    Nothing is downloaded: if they are missing, one log line names the command that downloads them.
    """
    measures = {MSSSIM.key: msssim, HAARPSI.key: haarpsi, DE2000.key: de2000}
    if (Path(torch.hub.get_dir()) / "checkpoints" / ALEXNET).is_file():
        return measures | {LPIPS.key: lpips}
    _log.info(
        "LPIPS is skipped: AlexNet's weights (244 MB) are missing; to download them: "
        "python -c \"import torchvision; torchvision.models.alexnet(weights='IMAGENET1K_V1')\""
    )
    return measures


@cache
def _lpips_network() -> nn.Module:
    from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity  # slow to import, rarely used

    return LearnedPerceptualImagePatchSimilarity(net_type="alex").net


def _tensor(picture: np.ndarray) -> Tensor:
    """(1, 3, H, W) float32 in [0, 1]."""
    return torch.tensor(picture).permute(2, 0, 1)[None].float() / 255
