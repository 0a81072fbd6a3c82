"""Structural similarity of pictures, as a measure to train by.

SSIM after Wang et al. 2004 ("Image quality assessment: from error visibility to structural similarity", IEEE TIP 13),
MS-SSIM after Wang, Simoncelli and Bovik 2003 ("Multiscale structural similarity for image quality assessment",
Asilomar). Own code, since none of the packages fits: torchmetrics pads by reflection, whose gradient does not repeat
itself on CUDA; pytorch-msssim takes no crop under 161 pixels for MS-SSIM; and in all of them, as in piqa, one scale
without positive contrast leaves a picture without any gradient from MS-SSIM.

Values need not lie in [0, 1]: the formula holds for all, is 1 for equal pictures only, and its gradient calls
back what lies outside. Nothing is clamped to the range, for there the gradient would vanish.
"""

import torch
from torch import Tensor
from torch.nn import functional

WINDOW = 11  # side of the Gaussian window
SIGMA = 1.5  # its standard deviation in pixels
C1, C2 = 0.01**2, 0.03**2  # of values in [0, 1]
SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # weights from fine to coarse, from the paper's table
LEAST = 1e-3  # of a factor: were one 0, the product would have no gradient from any


def ssim(a: Tensor, b: Tensor) -> Tensor:
    """(B, C, H, W) twice to (B, C): mean similarity of each channel, -1 to 1; H and W at least 11.

    Equation 13 of the paper, with biased variances, where the window fits into the picture.
    """
    luminance, structure = _similarity(a, b)
    return (luminance * structure).mean((2, 3))


def ms_ssim(a: Tensor, b: Tensor) -> Tensor:
    """(B, C, H, W) twice to (B, C): multi-scale similarity of each channel, 0 to 1; H and W at least 11.

    Equation 7 of the paper. Where it departs: of the five scales, small pictures have those on which the window
    fits, with weights that add up to 1 again; and a factor is at least 0.001, below which it has no gradient.
    """
    weights = SCALES[: scales_of(min(a.shape[-2:]))]
    product = torch.ones((), device=a.device)
    for scale, weight in enumerate(weights):
        luminance, structure = _similarity(a, b)
        last = scale == len(weights) - 1
        factor = (luminance * structure if last else structure).mean((2, 3))
        product = product * factor.clamp(min=LEAST) ** (weight / sum(weights))
        if not last:
            a, b = functional.avg_pool2d(a, 2), functional.avg_pool2d(b, 2)
    return product


def scales_of(side: int) -> int:
    """On how many scales, each half as wide as the one before, the window fits into a picture: at most five."""
    return sum(side >> scale >= WINDOW for scale in range(len(SCALES)))


def _similarity(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """(B, C, H, W) twice to luminance, and contrast times structure, (B, C, H - 10, W - 10) each."""
    mean_a, mean_b, square_a, square_b, product = _blur(torch.stack([a, b, a * a, b * b, a * b]))
    variances = square_a - mean_a**2 + square_b - mean_b**2
    covariance = product - mean_a * mean_b
    luminance = (2 * mean_a * mean_b + C1) / (mean_a**2 + mean_b**2 + C1)
    return luminance, (2 * covariance + C2) / (variances + C2)


def _blur(pictures: Tensor) -> Tensor:
    """(..., H, W) to (..., H - 10, W - 10): Gaussian means, where the window fits."""
    places = torch.arange(WINDOW, device=pictures.device) - WINDOW // 2
    window = torch.exp(-(places**2) / (2 * SIGMA**2))
    planes = pictures.reshape(1, -1, *pictures.shape[-2:])  # as channels, each by itself: the fastest way
    column = (window / window.sum()).view(1, 1, WINDOW, 1).expand(planes.shape[1], -1, -1, -1)
    blurred = functional.conv2d(planes, column, groups=planes.shape[1])
    blurred = functional.conv2d(blurred, column.mT, groups=planes.shape[1])
    return blurred.view(*pictures.shape[:-2], *blurred.shape[-2:])
