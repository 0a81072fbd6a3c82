"""Structural similarity of pictures, differentiable, for the training loss.

SSIM after Wang et al. 2004 ("Image quality assessment: from error visibility to structural similarity", IEEE TIP 13),
MS-SSIM after Wang, Simoncelli and Bovik 2003 ("Multiscale structural similarity for image quality assessment",
Asilomar). Not from a package, since none fits: torchmetrics uses reflection padding, whose gradient is not
deterministic on CUDA; pytorch-msssim needs at least 161 pixels for MS-SSIM; and in these as in piqa, the MS-SSIM of a
picture has no gradient at all if one scale has no positive contrast.

Values may lie outside [0, 1]: the formula holds for all, is 1 for equal pictures only, and its gradient pulls values
back into the range. They are not clamped, since the gradient would vanish.
"""

import torch
from torch import Tensor
from torch.nn import functional

WINDOW = 11  # side of the Gaussian window
SIGMA = 1.5  # its standard deviation in pixels
C1, C2 = 0.01**2, 0.03**2  # of values in [0, 1]
SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # weights from fine to coarse, from the paper's table
MIN_FACTOR = 1e-3  # a factor of 0 would leave the product without gradient


def ssim(a: Tensor, b: Tensor) -> Tensor:
    """SSIM of each channel, (B, C, H, W) twice to (B, C), in [-1, 1]; H and W at least 11.

    Equation 13 of the paper, with biased variances and without padding.
    """
    luminance, structure = _similarity(a, b)
    return (luminance * structure).mean((2, 3))


def ms_ssim(a: Tensor, b: Tensor) -> Tensor:
    """MS-SSIM of each channel, (B, C, H, W) twice to (B, C), in [0, 1]; H and W at least 11.

    Equation 7 of the paper. Departures: small pictures use only the scales on which the window fits, with weights
    normalised to 1; and a factor is at least 0.001, below which it has no gradient.
    """
    weights = SCALES[: scales_of(min(a.shape[-2:]))]
    product = torch.ones((), device=a.device)
    for scale, weight in enumerate(weights):
        luminance, structure = _similarity(a, b)
        last = scale == len(weights) - 1
        factor = (luminance * structure if last else structure).mean((2, 3))
        product = product * factor.clamp(min=MIN_FACTOR) ** (weight / sum(weights))
        if not last:
            a, b = functional.avg_pool2d(a, 2), functional.avg_pool2d(b, 2)
    return product


def scales_of(side: int) -> int:
    """Returns the number of scales on which the window fits, at most five; each halves the picture."""
    return sum(side >> scale >= WINDOW for scale in range(len(SCALES)))


def _similarity(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Luminance, and contrast times structure: (B, C, H, W) twice to (B, C, H - 10, W - 10) twice."""
    mean_a, mean_b, square_a, square_b, product = _blur(torch.stack([a, b, a * a, b * b, a * b]))
    variances = square_a - mean_a**2 + square_b - mean_b**2
    covariance = product - mean_a * mean_b
    luminance = (2 * mean_a * mean_b + C1) / (mean_a**2 + mean_b**2 + C1)
    return luminance, (2 * covariance + C2) / (variances + C2)


def _blur(pictures: Tensor) -> Tensor:
    """Gaussian blur without padding: (..., H, W) to (..., H - 10, W - 10)."""
    offsets = torch.arange(WINDOW, device=pictures.device) - WINDOW // 2
    window = torch.exp(-(offsets**2) / (2 * SIGMA**2))
    planes = pictures.reshape(1, -1, *pictures.shape[-2:])  # as channels of one grouped convolution, which is fastest
    column = (window / window.sum()).view(1, 1, WINDOW, 1).expand(planes.shape[1], -1, -1, -1)
    blurred = functional.conv2d(planes, column, groups=planes.shape[1])
    blurred = functional.conv2d(blurred, column.mT, groups=planes.shape[1])
    return blurred.view(*pictures.shape[:-2], *blurred.shape[-2:])
