"""How far two pictures are apart. All measures take 8-bit pictures, as they come from a file."""

import math

import numpy as np

PEAK = 255.0
_STRIP = 1 << 20  # samples


def psnr_from_mse(mse: float, peak: float = 1.0) -> float:
    """10 · log10(peak² / mse) in dB; inf for equal pictures."""
    return 10 * math.log10(peak**2 / mse) if mse else math.inf


def mean_squared_error(a: np.ndarray, b: np.ndarray) -> float:
    """Of two uint8 arrays of one shape, 0 to 255²; in strips, for large pictures."""
    a, b = a.reshape(-1), b.reshape(-1)
    strips = (slice(start, start + _STRIP) for start in range(0, a.size, _STRIP))
    return sum(int(np.square(np.subtract(a[at], b[at], dtype=np.int32)).sum()) for at in strips) / a.size


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Peak signal-to-noise ratio of two uint8 arrays of one shape, in dB over all samples; inf if equal."""
    return psnr_from_mse(mean_squared_error(a, b), PEAK)


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
