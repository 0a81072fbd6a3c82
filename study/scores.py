"""Scores of several detectors together, and the figures that tables show of them."""

import numpy as np

from pipeline.evaluate.statistics import Scores, share_interval
from study.stats import auc, auc_interval


def joined(parts: list[Scores]) -> Scores:
    """Scores of all pairs that several detectors scored a part of each."""
    return Scores(*(np.concatenate([getattr(part, side) for part in parts]) for side in ("covers", "containers")))


def summarise(scores: list[Scores], seed: int) -> dict[str, float]:
    """accuracy, low, high, auc, auc_low, auc_high: means over detectors that scored the same test pairs.

    The interval of the accuracy is Wilson's for as many trials as there are pairs, since the two decisions on a pair
    are correlated: rather too wide than too narrow. Neither interval includes the variation between detectors.
    """
    accuracy = float(np.mean([each.accuracy for each in scores]))
    low, high = share_interval(accuracy, len(scores[0].covers))
    areas = [auc(each.covers, each.containers) for each in scores]
    bounds = [auc_interval(each.covers, each.containers, seed) for each in scores]
    auc_low, auc_high = np.mean(bounds, axis=0)
    figures = {"accuracy": accuracy, "low": low, "high": high, "auc": float(np.mean(areas))}
    return figures | {"auc_low": float(auc_low), "auc_high": float(auc_high)}
