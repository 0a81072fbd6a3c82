"""Statistics of measured pairs, per column, kind of test pictures and mode; headline figures; detectors' scores."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit  # quantiles; scipy.stats takes a second to import

from pipeline.shards import OWN, RENDERED
from stegnet.core.measures import (
    BASE_PSNR,
    CONTAINER,
    CONTAINER_PSNR,
    MEASURES,
    PSNR,
    RESTORED_BASE_PSNR,
    SEALED,
    SECRET,
    SECRET_PSNR,
    SSIM,
    measure_of,
)

REAL = "photographs"  # kind of the test pictures that every data set may have, beside rendered ones
# The columns whose means represent a pair. They are few, since each is also a column in `dvc metrics show` and MLflow.
HEADLINE = (CONTAINER_PSNR, SECRET_PSNR, BASE_PSNR, RESTORED_BASE_PSNR, SSIM.of(CONTAINER), SSIM.of(SECRET))
WORST = PSNR.of(SECRET, "worst")
Summary = dict[str, dict[str, dict[str, dict[str, float]]]]  # `summary_stats` by kind, mode and column


def summary_stats(values: pd.Series) -> dict[str, float]:
    """Return summary statistics of one measure over test pairs, rounded to four digits.

    The confidence interval of the mean is Student's (1908): mean ± t · s / √n. It assumes that the pairs are
    independent draws of their kind. If several pictures are crops of one photograph, they are not, and the true
    interval is wider. Pictures that come back exactly, whose PSNR is infinite, are left out unless all do.

    Args:
        values: at least one, in a column named after the measure, such as container_psnr.

    Returns:
        mean; ci_low and ci_high, the 95 % confidence interval (nan for a single value); median;
        worst.
    """
    confidence = 0.95
    ordered = np.sort(values.to_numpy(np.float64))
    if np.isfinite(ordered).any():
        ordered = ordered[~np.isinf(ordered)]
    if not measure_of(str(values.name)).higher_is_better:
        ordered = ordered[::-1]

    count = len(ordered)
    mean = ordered.mean()
    half = math.nan
    if count > 1 and np.isfinite(ordered).all():
        half = stdtrit(count - 1, (1 + confidence) / 2) * ordered.std(ddof=1) / math.sqrt(count)
    figures = {
        "mean": mean,
        "ci_low": mean - half,
        "ci_high": mean + half,
        "median": np.median(ordered),
        "worst": ordered[0],
    }
    return {name: round(float(value), 4) for name, value in figures.items()}


def share_interval(share: float, count: int) -> tuple[float, float]:
    """Return Wilson's score interval, 95 %, of a share of `count` independent trials (Wilson 1927, JASA 22, p. 209).

    Unlike the normal interval, it has a width even if all trials end alike. scipy's `binomtest` gives the same for
    an integer number of successes; the mean share of several detectors need not give one.
    """
    confidence = 0.95
    z = ndtri((1 + confidence) / 2)
    scale = 1 + z**2 / count
    middle = (share + z**2 / (2 * count)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    return float(middle - half), float(middle + half)


def summarise(table: pd.DataFrame) -> Summary:
    """Return {kind: {mode: {column: `summary_stats`}}} of the table of `Evaluator.evaluate`, without columns of nan."""
    columns = [column for column in map(str, table.columns) if column.rpartition("_")[2] in MEASURES]
    summary: Summary = {}
    for (kind, mode), rows in table.groupby(["kind", "mode"]):
        measured = rows[columns].dropna(axis="columns", how="all")
        stats = {str(column): summary_stats(measured[column]) for column in measured.columns}
        summary.setdefault(str(kind), {})[str(mode)] = stats
    return summary


def headline(summary: Summary) -> dict[str, float]:
    """Return the few figures that represent a pair, on the pictures of `headline_kind`.

    They are the means of HEADLINE, and the worst secret's PSNR.
    """
    sealed = summary[headline_kind(summary)][SEALED]
    means = {column: sealed[column]["mean"] for column in HEADLINE}
    return means | {WORST: sealed[SECRET_PSNR]["worst"]}


def headline_kind(kinds: Iterable[str]) -> str:
    """Return one's own pictures; else the packaged photographs; else any kind but scenes; else scenes."""
    own = {kind: place for place, kind in enumerate(OWN)}
    return min(kinds, key=lambda kind: (own.get(kind, len(own)), kind != REAL, kind == RENDERED))


@dataclass(frozen=True)
class Scores:
    """A detector's scores of test pairs, both (N,) float; positive means container."""

    covers: NDArray[np.float32]
    containers: NDArray[np.float32]

    @property
    def accuracy(self) -> float:
        """Share of the pictures that are classified correctly."""
        return float((np.mean(self.covers <= 0) + np.mean(self.containers > 0)) / 2)

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's interval of the accuracy for as many trials as there are pairs.

        The two decisions on a pair are correlated, so it is too wide rather than too narrow.
        """
        return share_interval(self.accuracy, len(self.covers))
