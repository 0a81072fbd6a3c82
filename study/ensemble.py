"""The ensemble of linear classifiers that steganalysis by features uses, by the package sealwatch; how it is tested."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from sealwatch.ensemble_classifier import FldEnsembleTrainer

from pipeline.evaluate.statistics import Scores, share_interval
from study.stats import auc, auc_interval

LEARNERS = 61  # linear classifiers that vote; odd, so that none is undecided
DIMENSIONS = 200  # features that each sees, drawn at random; more would overfit so few pictures
FOLDS = 5


@dataclass(frozen=True)
class Features:
    """Features of covers and their containers: each (N, F) float32, in the same order."""

    covers: np.ndarray
    containers: np.ndarray

    def __len__(self) -> int:
        return len(self.covers)

    def __getitem__(self, chosen: np.ndarray) -> "Features":
        return Features(self.covers[chosen], self.containers[chosen])


def votes(training: Features, test: Features, seed: int, dimensions: int = DIMENSIONS) -> Scores:
    """Shares of the votes for "container" less those for "cover", −1 to 1.

    Kodovský, Fridrich and Holub 2012, "Ensemble classifiers for steganalysis of digital media", IEEE TIFS 7(2).
    """
    dimensions = min(dimensions, training.covers.shape[1])
    sides = (np.ascontiguousarray(side) for side in (training.covers, training.containers))
    ensemble, _ = FldEnsembleTrainer(*sides, seed=seed, L=LEARNERS, d_sub=dimensions, verbose=0).train()
    return Scores(*(ensemble.predict_confidence(side.astype(np.float64)) for side in (test.covers, test.containers)))


def cross_validated(known: Features, unseen: Features, seed: int) -> Scores:
    """Votes on all pictures, each by an ensemble that was trained on others; never on those that must stay unseen."""
    return joined([by_folds(known, seed), votes(known, unseen, seed)])


def by_folds(known: Features, seed: int, dimensions: int = DIMENSIONS) -> Scores:
    """Votes on all pictures, each by an ensemble that was trained on four fifths of them, the others."""
    return joined([votes(known[training], known[test], seed, dimensions) for training, test in folds(len(known), seed)])


def folds(count: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Indices to train on and to test on; each is tested on once."""
    order = np.random.default_rng(seed).permutation(count)
    for part in np.array_split(order, FOLDS):
        yield np.setdiff1d(order, part), np.sort(part)


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
