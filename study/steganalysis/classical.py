"""Three classical attacks on hidden bits, each from its paper: none needs training, the program or a key.

All were made for the *replacement* of lowest bits, which swaps the values 2k and 2k + 1 and leaves a trace in their
counts. Stegnet steps by one level up or down, and its network changes higher bits, too: that they find little is no
proof that nothing can be found (see `study.steganalysis.detection`).

Pictures are (H, W, 3) uint8; pairs and groups lie within one channel, and the counts of all channels are added up.
"""

import numpy as np

_MASK = np.array([0, 1, 1, 0])
_LEAST = 4  # a pair of values with fewer samples in either place says nothing (Westfeld 1999)


def sample_pairs(picture: np.ndarray) -> float:
    """Share of the samples that carry a replaced bit, as sample pair analysis estimates it; not cut to [0, 1].

    Dumitrescu, Wu and Wang 2003, "Detection of LSB steganography via sample pair analysis", IEEE Transactions on
    Signal Processing 51(7), eq. 9, over all neighbours in rows and columns. Its pairs (u, v) form X (v even and
    u < v, or v odd and u > v), Y (the other way round), Z (u = v), and W, the pairs of Y that differ in the lowest
    bit alone.
    """
    values = picture.astype(np.int16)
    columns, rows = (values[:, :-1], values[:, 1:]), (values[:-1], values[1:])
    u, v = (np.concatenate([a.ravel(), b.ravel()]) for a, b in zip(columns, rows, strict=True))
    even = v % 2 == 0
    x = np.count_nonzero(np.where(even, u < v, u > v))
    y = np.count_nonzero(np.where(even, u > v, u < v))
    same_pair = np.count_nonzero(u >> 1 == v >> 1)  # W and Z
    return float(np.roots([same_pair / 2, 2 * x - u.size, y - x]).real.min())


def regular_singular(picture: np.ndarray) -> float:
    """Share of the samples that carry a replaced bit, as RS analysis estimates it; not cut to [0, 1].

    Fridrich, Goljan and Du 2001, "Reliable detection of LSB steganography in color and grayscale images", ACM
    Workshop on Multimedia and Security, with groups of four samples in a row and the mask 0 1 1 0. A group is
    regular if flipping the masked samples makes it rougher, singular if smoother.
    """
    values = picture.astype(np.int16)
    d0, d0_minus = _balance(values, 1), _balance(values, -1)
    d1, d1_minus = _balance(values ^ 1, 1), _balance(values ^ 1, -1)
    roots = np.roots([2 * (d1 + d0), d0_minus - d1_minus - d1 - 3 * d0, d0 - d0_minus]).real
    z = roots[np.abs(roots).argmin()]
    return float(z / (z - 0.5))


def chi_square(picture: np.ndarray) -> float:
    """How far the counts of 2k and 2k + 1 are from equal: χ² for each degree of freedom; near 1 where all are replaced.

    Westfeld and Pfitzmann 1999, "Attacks on steganographic systems", Information Hiding. The p-value that they give is
    0 for nearly every cover and could not rank them, so the statistic itself is given. The histogram is of the whole
    picture, channel by channel, for bits that are spread over it.
    """
    counts = np.concatenate([np.bincount(channel.ravel(), minlength=256) for channel in np.moveaxis(picture, -1, 0)])
    even, odd = counts[::2], counts[1::2]
    told = even + odd > 2 * _LEAST
    even, odd = even[told], odd[told]
    return float(np.mean((even - odd) ** 2 / (even + odd)))


def _balance(values: np.ndarray, direction: int) -> float:
    """Share of regular groups less that of singular ones.

    Args:
        values: (H, W, 3) int16.
        direction: 1 flips 2k and 2k + 1, −1 flips 2k − 1 and 2k.
    """
    height, width, channels = values.shape
    groups = values[:, : width // 4 * 4].reshape(height, width // 4, 4, channels)
    flipped = groups ^ 1 if direction == 1 else ((groups + 1) ^ 1) - 1
    masked = np.where(_MASK[:, None] == 1, flipped, groups)
    return float(np.sign(_roughness(masked) - _roughness(groups)).mean())


def _roughness(groups: np.ndarray) -> np.ndarray:
    """(H, W/4, C): Σ |xᵢ₊₁ − xᵢ| of each group, (H, W/4, 4, C)."""
    return np.abs(np.diff(groups, axis=2)).sum(2)


# Each gives a higher score the likelier something is hidden.
ATTACKS = {
    "sample pairs": sample_pairs,
    "RS": regular_singular,
    "chi-square": lambda picture: -chi_square(picture),
}
