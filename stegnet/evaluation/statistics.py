"""What many values of one measure come to: their mean and how sure it is, their median, and the worst of them."""

import math
from collections.abc import Sequence

import numpy as np
from scipy.stats import t

CONFIDENCE = 0.95
WORST_SHARE = 0.01


def spread(values: Sequence[float], high_is_worse: bool) -> dict[str, float]:
    """The statistics of a measure over test pairs, rounded to four digits.

    The interval is Student's (1908): mean ± t · s / √n. It takes the pairs for independent draws of their kind.
    Where several pictures are cut from one photograph they are not, and the truth is wider.

    Args:
        values: at least one.
    Returns:
        mean; ci_low and ci_high, the ends of its 95 % confidence interval (nan for one value, or an infinite
        one); median; worst; worst_1_percent, the mean of the worst 1 % of the values, of one at least.
    """
    ordered = np.sort(np.asarray(values, np.float64))[:: -1 if high_is_worse else 1]
    mean, half = ordered.mean(), _half_width(ordered)
    tail = ordered[: max(1, math.ceil(WORST_SHARE * len(ordered)))]
    figures = {"mean": mean, "ci_low": mean - half, "ci_high": mean + half, "median": np.median(ordered)}
    figures |= {"worst": ordered[0], "worst_1_percent": tail.mean()}
    return {name: round(float(value), 4) for name, value in figures.items()}


def _half_width(values: np.ndarray) -> float:
    """Of the confidence interval of the mean."""
    if len(values) < 2 or not np.isfinite(values).all():
        return math.nan
    return float(t.ppf((1 + CONFIDENCE) / 2, len(values) - 1) * values.std(ddof=1) / math.sqrt(len(values)))
