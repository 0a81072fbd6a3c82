"""Scores that detectors give to covers and containers, and how often they are right."""

from dataclasses import dataclass

import numpy as np

from pipeline.evaluate.statistics import share_interval


@dataclass(frozen=True)
class Scores:
    """A detector's scores of test pairs, both (N,) float; positive means container."""

    covers: np.ndarray
    containers: np.ndarray

    @property
    def accuracy(self) -> float:
        """Share of the pictures that are classified correctly."""
        return float((np.mean(self.covers <= 0) + np.mean(self.containers > 0)) / 2)

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's interval of the accuracy for as many trials as there are pairs.

        The two decisions on a pair are correlated, so it is rather too wide than too narrow.
        """
        return share_interval(self.accuracy, len(self.covers))
