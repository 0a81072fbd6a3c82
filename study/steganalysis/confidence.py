"""How far a figure can be trusted: 95 % intervals over the test pictures."""

import math

import numpy as np
from scipy import stats

LEVEL = 0.95
_DRAWS = 1000

Interval = tuple[float, float]


def mean_interval(values: np.ndarray) -> Interval:
    """Student's interval of the mean of values (N,), one for each picture; N ≥ 2."""
    low, high = stats.t.interval(LEVEL, len(values) - 1, np.mean(values), stats.sem(values))
    return float(low), float(high)


def share_interval(share: float, count: int) -> Interval:
    """Wilson's interval of a share that was seen in `count` independent trials (Wilson 1927, JASA 22, p. 209).

    Unlike the normal one, it has a width where all trials ended alike.
    """
    z = stats.norm.ppf((1 + LEVEL) / 2)
    scale = 1 + z**2 / count
    middle = (share + z**2 / (2 * count)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    return float(middle - half), float(middle + half)


def auc(covers: np.ndarray, containers: np.ndarray) -> float:
    """Area under the ROC curve: how often a container scores higher than a cover, ties counted half.

    Args:
        covers, containers: (N,) and (M,) float scores, finite.
    Raises:
        ValueError: a score is not finite: such a picture can't be ranked.
    """
    return float(_wins(covers, containers).mean())


def auc_interval(covers: np.ndarray, containers: np.ndarray, seed: int) -> Interval:
    """Percentile bootstrap of `auc` over pictures (Efron 1979): a cover and its container are drawn together.

    Where every container scores higher than every cover, each draw gives 1: the interval has no width then, and the
    share of right decisions says more.

    Args:
        covers, containers: (N,) scores, picture by picture.
    """
    wins, count = _wins(covers, containers), len(covers)
    drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), _DRAWS) / count  # (draws, N)
    areas = ((drawn @ wins) * drawn).sum(1)
    low, high = np.quantile(areas, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _wins(covers: np.ndarray, containers: np.ndarray) -> np.ndarray:
    """(N, M): 1 where the container scores higher than the cover, ½ where they tie."""
    if not (np.isfinite(covers).all() and np.isfinite(containers).all()):
        raise ValueError("a score is not finite")
    return (np.sign(np.subtract.outer(containers, covers)).T + 1) / 2
