"""Statistics of the study: 95 % confidence intervals, area under the ROC curve, correlation, mutual information."""

import math

import numpy as np
from scipy import stats
from sklearn.metrics import mutual_info_score, roc_auc_score

LEVEL = 0.95

BINS = 32  # of each variable of the mutual information
_DRAWS = 1000  # of the bootstrap

Interval = tuple[float, float]


def mean_interval(values: np.ndarray) -> Interval:
    """Student's interval of the mean of values (N,), one for each picture; without width if all are equal."""
    if not np.ptp(values):
        return float(values[0]), float(values[0])
    low, high = stats.t.interval(LEVEL, len(values) - 1, np.mean(values), stats.sem(values))
    return float(low), float(high)


def auc(covers: np.ndarray, containers: np.ndarray) -> float:
    """Area under the ROC curve of scores (N,) and (M,): probability that a container's is higher, ties counted half."""
    labels = np.repeat([0, 1], [len(covers), len(containers)])
    return float(roc_auc_score(labels, np.concatenate([covers, containers])))


def auc_interval(covers: np.ndarray, containers: np.ndarray, seed: int) -> Interval:
    """Percentile bootstrap of `auc` over pictures (Efron 1979): a cover and its container are drawn together.

    It has no width if every container scores higher than every cover. Draws are multinomial weights on the table of
    comparisons, which takes milliseconds where scipy's `bootstrap` would rank the scores a thousand times.
    """
    wins = (np.sign(np.subtract.outer(containers, covers)).T + 1) / 2  # (N, N): 1 container higher, ½ tie
    count = len(covers)
    drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), _DRAWS) / count  # (draws, N)
    areas = ((drawn @ wins) * drawn).sum(1)
    low, high = np.quantile(areas, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def unpaired_auc_interval(negatives: np.ndarray, positives: np.ndarray) -> Interval:
    """Normal interval of `auc` for unrelated scores, (N,) and (M,), N, M ≥ 2, from the variance of the ranks.

    DeLong, DeLong and Clarke-Pearson 1988, "Comparing the areas under two or more correlated receiver operating
    characteristic curves", Biometrics 44(3); computed from ranks as by Sun and Xu 2014, IEEE Signal Processing Letters
    21(11). Clipped to [0, 1].
    """
    ranks = stats.rankdata(np.concatenate([negatives, positives]))
    below = (ranks[len(negatives) :] - stats.rankdata(positives)) / len(negatives)
    above = 1 - (ranks[: len(negatives)] - stats.rankdata(negatives)) / len(positives)
    deviation = math.sqrt(below.var(ddof=1) / len(positives) + above.var(ddof=1) / len(negatives))
    half = stats.norm.ppf((1 + LEVEL) / 2) * deviation
    area = float(below.mean())
    return max(area - half, 0.0), min(area + half, 1.0)


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's correlation of two arrays of one shape, −1 to 1; 0 where one of them is constant."""
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1]) if np.ptp(a) and np.ptp(b) else 0.0


def mutual_information(left: np.ndarray, right: np.ndarray) -> float:
    """Mutual information in bits of two arrays of bin numbers, as `binned` gives them; may be a little below 0.

    Corrected for the bias of the histogram estimate (Miller 1955, "Note on the bias of information estimates"), which
    assumes independent samples. Neighbouring pixels are not: compare with the figure of unrelated pictures.
    """
    counts = np.bincount(left * BINS + right, minlength=BINS**2).reshape(BINS, BINS)
    cells, rows, cols = (np.count_nonzero(table) for table in (counts, counts.sum(1), counts.sum(0)))
    plain = mutual_info_score(None, None, contingency=counts)
    return float((plain - (cells - rows - cols + 1) / (2 * left.size)) / np.log(2))


def binned(values: np.ndarray) -> np.ndarray:
    """(n,) int in 0..BINS − 1: the quantile bin of each sample; bins are equally full, except for ties."""
    values = values.ravel()
    return np.searchsorted(np.quantile(values, np.arange(1, BINS) / BINS), values, side="right")
