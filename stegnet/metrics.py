"""How far two pictures are apart. All measures take 8-bit pictures, as they come from a file."""

import math

import numpy as np

PEAK = 255.0


def psnr_from_mse(mse: float, peak: float = 1.0) -> float:
    """10 · log10(peak² / mse) in dB; inf for equal pictures."""
    return 10 * math.log10(peak**2 / mse) if mse else math.inf


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Peak signal-to-noise ratio of two uint8 arrays of one shape, in dB over all samples; inf if equal."""
    difference = a.astype(np.float64) - b.astype(np.float64)
    return psnr_from_mse(float(np.mean(difference**2)), PEAK)


def apd(a: np.ndarray, b: np.ndarray) -> float:
    """Average pixel discrepancy of two uint8 arrays of one shape: mean absolute difference, 0 to 255."""
    return float(np.mean(np.abs(a.astype(np.int16) - b.astype(np.int16))))


def ssim(a: np.ndarray, b: np.ndarray) -> float:
    """Structural similarity, −1 to 1, of two (H, W, 3) uint8 pictures, mean over the channels.

    Wang et al. 2004 with their 11×11 Gaussian window (σ = 1.5) and biased covariances. A picture
    smaller than the window has no SSIM: nan.
    """
    from skimage.metrics import structural_similarity  # here, for it takes long, and hiding needs PSNR alone

    if min(a.shape[:2]) < 11:
        return math.nan
    return float(
        structural_similarity(
            a, b, channel_axis=-1, data_range=PEAK, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
        )
    )
