"""Bounds and figures to compare with: the capacity bound of ±1 embedding, and published results.

The bound is that of Willems & van Dijk 2005 ("Capacity and codes for embedding information in gray-scale signals",
IEEE Transactions on Information Theory 51, section III), also in Filler, Judas & Fridrich 2011 ("Minimizing additive
distortion in steganography using syndrome-trellis codes", IEEE TIFS 6): syndrome coding approaches it, and no code
exceeds it.
"""

import math
from dataclasses import dataclass

from scipy.optimize import brentq
from scipy.stats import entropy

from stegnet.core.measures import PEAK, psnr_from_mse

MOST_CHANGES = 2 / 3  # share of changed samples at capacity: down, same and up equally often
MOST_BITS = math.log2(3)  # per sample


def bits_of(changes: float) -> float:
    """Capacity in bits per sample if a share of the samples steps up or down by one level.

    The ternary entropy −α·log2(α/2) − (1 − α)·log2(1 − α).

    Args:
        changes: α, in [0, 2/3].
    """
    return float(entropy([1 - changes, changes / 2, changes / 2], base=2))


def changes_of(bits: float) -> float:
    """The least share of changed samples that carries this many bits per sample: the inverse of `bits_of`.

    Raises:
        ValueError: more than log2(3) bits, or fewer than none.
    """
    if not 0 <= bits <= MOST_BITS:
        raise ValueError(f"steps of one level carry 0 to {MOST_BITS:.3f} bits a sample, not {bits}")
    return float(brentq(lambda changes: bits_of(changes) - bits, 0, MOST_CHANGES, xtol=1e-12))


def ideal_psnr(bits: float) -> float:
    """PSNR in dB of a container with this payload in bits per sample at the bound; inf for none.

    A changed sample has a squared error of 1, so that the mean squared error is the share of changed samples.
    """
    return psnr_from_mse(changes_of(bits), PEAK)


@dataclass(frozen=True)
class Published:
    """A method's published figures, on other pictures than ours: for orientation, not for ranking.

    Attributes:
        name: for the chart.
        container, secret: PSNR in dB.
        source: where the figures come from, and on which pictures and containers.
        files: whether the containers were rounded to 8 bits; if not, the figures are better than any file's.
    """

    name: str
    container: float
    secret: float
    source: str
    files: bool


_FLOAT = "as published for ImageNet at 256², float containers"

PUBLISHED = (
    Published("github.com/anilsathyan7, own sample", 32.45, 32.78, "its sample pair of 224², 8 bits", True),
    Published("github.com/arnoweng, own sample", 32.71, 33.11, "its sample pair, restored, 8 bits", True),
    Published("github.com/zjyhhhher, own weights", 30.44, 31.67, "its weights on Kodak at 256², 8 bits", True),
    Published("HiNet", 37.9, 40.3, f"HiNet (ICCV 2021), {_FLOAT}", False),
    Published("StegFormer-S", 42.8, 42.2, f"StegFormer-S (AAAI 2024), {_FLOAT}", False),
    Published("WIN", 43.8, 43.7, f"WIN (arXiv 2508.02111), {_FLOAT}", False),
)
