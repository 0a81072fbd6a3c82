"""Quality measures: the table of their names, and three that need only NumPy and OpenCV.

Every column, metric, chart and heading takes its name from this table. All measures take 8-bit pictures, as read from a
file.
"""

import math
from dataclasses import dataclass

import numpy as np

CONTAINER = "container"  # side: the container is compared with the cover
SECRET = "secret"  # side: the revealed secret is compared with the original
SIDES = (CONTAINER, SECRET)
SEALED = "sealed"  # mode: as users get it
BARE = "bare"  # mode: without sealed bits, to show their cost
PEAK = 255.0
DIFFERENCE_GAIN = 40  # a change of one or two levels of 255 can be seen


@dataclass(frozen=True)
class Measure:
    """Name, unit and direction of a quality measure."""

    key: str  # name in columns, metrics.json and MLflow
    heading: str  # short name in reports and charts
    unit: str  # "" if it has none
    higher_is_better: bool
    digits: int  # decimals shown in a report

    @property
    def label(self) -> str:
        """Heading of a table row or column: "PSNR, dB"."""
        return f"{self.heading}, {self.unit}" if self.unit else self.heading

    @property
    def axis(self) -> str:
        """Label of an axis: "PSNR in dB"."""
        return f"{self.heading} in {self.unit}" if self.unit else self.heading

    def of(self, side: str, statistic: str = "") -> str:
        """Return a column's or metric's name: "container_psnr", "secret_psnr_worst"."""
        return "_".join(filter(None, (side, self.key, statistic)))


PSNR = Measure("psnr", "PSNR", "dB", True, 2)
SSIM = Measure("ssim", "SSIM", "", True, 4)
APD = Measure("apd", "APD", "levels", False, 2)
VMAF = Measure("vmaf", "VMAF", "", True, 1)
MEASURES = {measure.key: measure for measure in (PSNR, SSIM, APD, VMAF)}
BASE = "base"  # the secret as shown by its base alone, without the residual that the network hides
RESTORED_BASE = "restored_base"  # the same, after enhancement by the pair's network
CONTAINER_PSNR, SECRET_PSNR, BASE_PSNR, RESTORED_BASE_PSNR = (PSNR.of(side) for side in (*SIDES, BASE, RESTORED_BASE))
UNTRAINED_CONTAINER_PSNR, UNTRAINED_SECRET_PSNR = (PSNR.of(f"untrained_{side}") for side in SIDES)
GAIN_PSNR = PSNR.of("gain")  # of the secret by training, at equal containers
GAIN_LOW, GAIN_HIGH = f"{GAIN_PSNR}_low", f"{GAIN_PSNR}_high"  # its bounds
HIDE_MS = "hide_ms_per_megapixel"  # time of the networks alone
REVEAL_MS = "reveal_ms_per_megapixel"
SPEED = (HIDE_MS, REVEAL_MS)


def measure_of(column: str) -> Measure:
    """Return the measure of a column such as "container_psnr". Raises KeyError if the name ends in no measure's key."""
    return MEASURES[column.rpartition("_")[2]]


def psnr_from_mse(mse: float, peak: float = 1.0) -> float:
    """Return 10 · log10(peak² / mse) in dB; inf for equal pictures."""
    return 10 * math.log10(peak**2 / mse) if mse else math.inf


def mean_squared_error(a: np.ndarray, b: np.ndarray) -> float:
    """Return the mean squared error of two uint8 arrays of one shape, 0 to 255²; computed in strips, to save memory."""
    strip = 1 << 20  # samples
    first = a.reshape(-1)
    second = b.reshape(-1)

    total = 0
    for start in range(0, a.size, strip):
        part = slice(start, start + strip)
        total += int(np.square(np.subtract(first[part], second[part], dtype=np.int32)).sum())
    return total / a.size


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Return the peak signal-to-noise ratio of two uint8 arrays of one shape, in dB over all samples; inf if equal."""
    return psnr_from_mse(mean_squared_error(a, b), PEAK)


def difference(a: np.ndarray, b: np.ndarray, gain: int = DIFFERENCE_GAIN) -> np.ndarray:
    """Return gain · |a − b| of two uint8 arrays of one shape, clipped at 255, as a picture of the difference."""
    amplified: np.ndarray = np.minimum(np.abs(a.astype(np.int16) - b) * gain, 255)
    return amplified.astype(np.uint8)


def apd(a: np.ndarray, b: np.ndarray) -> float:
    """Return the average pixel discrepancy, the mean absolute difference in levels, of two uint8 or int16 arrays."""
    return float(np.mean(np.abs(a.astype(np.int16) - b.astype(np.int16))))


def ssim(a: np.ndarray, b: np.ndarray) -> float:
    """Return the structural similarity, −1 to 1, of two (H, W, 3) uint8 pictures, averaged over the channels.

    Wang et al. 2004, equation 13, with their 11×11 Gaussian window (σ = 1.5) and biased covariances, at positions where
    the window lies inside. For a picture smaller than the window, the result is nan.
    """
    import cv2  # imported here, since it is optional, and hiding needs only PSNR

    side = 11  # of the window, in pixels
    sigma = 1.5  # of the window, in pixels
    if min(a.shape[:2]) < side:
        return math.nan
    inside = slice(side // 2, -(side // 2))

    def mean(samples: np.ndarray) -> np.ndarray:
        blurred: np.ndarray = cv2.GaussianBlur(samples, (side, side), sigma)
        return blurred[inside, inside]

    first = a.astype(np.float64)
    second = b.astype(np.float64)
    product = mean(first * second)
    squares = mean(first * first + second * second)
    first_mean = mean(first)
    second_mean = mean(second)
    means = first_mean * second_mean
    powers = first_mean * first_mean + second_mean * second_mean

    c1 = (0.01 * PEAK) ** 2  # the paper's constants, which keep the quotients finite
    c2 = (0.03 * PEAK) ** 2
    similarity = (2 * means + c1) * (2 * (product - means) + c2) / ((powers + c1) * (squares - powers + c2))
    return float(similarity.mean())
