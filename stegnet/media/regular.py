"""Histograms with gaps."""

import numpy as np


def lacks_values(counts: np.ndarray) -> bool:
    """Return whether a histogram has gaps, as after a change of volume or contrast.

    Its ends, where values clip, don't count.
    """
    inner = counts[1:-1]
    near = 8  # values on a side of a gap, whose mean count matters
    sums = np.cumsum(np.pad(inner, (near + 1, near)))
    beside = (sums[near:] - sums[:-near]) / near
    around = np.minimum(beside[: inner.size], beside[near + 1 :][: inner.size])  # one side may have a peak
    least_count = 20  # mean count beside a gap
    gap_share = 0.05  # of the mean, that a gap has at most
    enough_gaps = 8
    return bool(np.count_nonzero((around > least_count) & (inner < gap_share * around)) >= enough_gaps)
