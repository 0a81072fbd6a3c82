"""How full a container is best, if an error of the secret weighs β times as much as one of the container.

A cover that is full is changed most. With R bits in each sample, the least change, in the mean of squares, is that of
the distribution of integers k with p(k) ∝ exp(−λk²) and an entropy of R; another bit costs ln 2 / λ (λ is Lagrange's
multiplier of the entropy). Another bit for the secret divides the square of its error by 4. Best is where both are
equal, the latter times β.
"""

import math

import numpy as np

_SHARE = 0.945  # of the entropy, that sealing in two layers reaches
_ERROR = 2 / 3  # mean square of an error of up to one level
_LARGEST = 64  # largest change that is considered
_SMALL_STEPS = np.arange(-_LARGEST, _LARGEST + 1)


def best_bits(beta: float, bits: float) -> float:
    """Return the bits in each sample of a container with which container's error + β · secret's error is least.

    Args:
        beta: weight of the secret's mean squared error.
        bits: those in each sample that the secret takes with an error of up to one level.
    """
    finest, coarsest = math.log(1e-4), math.log(50.0)  # of λ
    for _ in range(50):
        middle = (finest + coarsest) / 2
        multiplier = math.exp(middle)
        carried = _SHARE * _entropy(multiplier)
        error = _ERROR * 4 ** (bits - carried)
        if 2 * beta * _SHARE * multiplier * error < 1:  # fewer bits are better
            finest = middle
        else:
            coarsest = middle
    return _SHARE * _entropy(math.exp(finest))


def _entropy(multiplier: float) -> float:
    """Return the entropy in bits of integers k with p(k) ∝ exp(−λk²)."""
    weights = np.exp(-multiplier * _SMALL_STEPS**2)
    shares = weights / weights.sum()
    shares = shares[shares > 0]
    return float(-(shares * np.log2(shares)).sum())
