"""What bits must cost at least, if no sample of a picture changes by more than one level.

The bound is that of Willems & van Dijk 2005 ("Capacity and codes for embedding information in gray-scale signals",
IEEE Transactions on Information Theory 51, section III), also in Filler, Judas & Fridrich 2011 ("Minimizing additive
distortion in steganography using syndrome-trellis codes", IEEE TIFS 6): syndrome coding comes as near to it as one
likes, and nothing passes it.
"""

import math

from scipy.optimize import brentq
from scipy.stats import entropy

from stegnet.core.measures import PEAK, psnr_from_mse

MOST_CHANGES = 2 / 3  # the share of changed samples that says most: down, same and up equally often
MOST_BITS = math.log2(3)  # per sample


def bits_of(changes: float) -> float:
    """Bits per sample that can be said by stepping a share of the samples up or down by one level.

    The ternary entropy −α·log2(α/2) − (1 − α)·log2(1 − α).

    Args:
        changes: α, in [0, 2/3].
    """
    return float(entropy([1 - changes, changes / 2, changes / 2], base=2))


def changes_of(bits: float) -> float:
    """The least share of changed samples that says so many bits per sample: undoes `bits_of`.

    Raises:
        ValueError: more than log2(3) bits, or fewer than none.
    """
    if not 0 <= bits <= MOST_BITS:
        raise ValueError(f"steps of one level carry 0 to {MOST_BITS:.3f} bits a sample, not {bits}")
    return float(brentq(lambda changes: bits_of(changes) - bits, 0, MOST_CHANGES, xtol=1e-12))


def ideal_psnr(bits: float) -> float:
    """PSNR in dB of a container that carries so many bits per sample at the bound; inf for none.

    A changed sample has a squared error of 1, so that the mean squared error is the share of changed samples.
    """
    return psnr_from_mse(changes_of(bits), PEAK)
