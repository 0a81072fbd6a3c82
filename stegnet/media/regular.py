"""Covers that are regular everywhere: enlarged without a filter, or without some levels."""

import numpy as np

from stegnet.media.evidence.copies import is_paired


def is_enlarged(picture: np.ndarray) -> bool:
    """Return whether nearly all rows and columns come in pairs, as after enlarging without a filter."""
    green = picture[..., 1]
    return all(_comes_in_pairs(np.ascontiguousarray(part)) for part in (green, green.T))


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


def _comes_in_pairs(values: np.ndarray) -> bool:
    """Return whether nearly all samples, or rows, equal the one before at even places only, or at odd places only."""
    same = values[1:] == values[:-1]
    return is_paired([float(part.mean()) if part.size else 0.0 for part in (same[::2], same[1::2])])
