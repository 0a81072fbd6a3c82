"""Prediction of each sample from its neighbours, and what its errors say of a place.

Hiding changes samples without regard to their neighbours. Where one is predicted well, a change of a level shows in the
prediction error: as a shift, if changes there always go the same way, and as spread, if they do not. A single error
says next to nothing; a sum over many places, or over many containers, may.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.ndimage import uniform_filter

SHIFT, SPREAD = "shift", "spread"
_WINDOW = 7  # side of the area that a prediction's usual error is taken from
_LEAST_DEVIATION = 0.3  # levels: rounding alone
_LARGEST = 4.0  # errors are clipped at so many times their deviation


@dataclass(frozen=True)
class Evidence:
    """Evidence of changed samples: terms of a sum, and the variance of each.

    Attributes:
        terms: float array; mean 0 where nothing was hidden.
        variances: of the same shape.
    """

    terms: np.ndarray
    variances: np.ndarray

    def __add__(self, other: Self) -> "Evidence":
        return Evidence(self.terms + other.terms, self.variances + other.variances)

    def scores(self) -> np.ndarray:
        """Each place's sum, divided by its standard deviation."""
        return self.terms / np.sqrt(self.variances)

    def shifted(self, places: np.ndarray, directions: np.ndarray) -> float:
        """The sum over places, each in its direction, divided by its standard deviation.

        Args:
            places: (n,) indices into the flattened arrays.
            directions: (n,) 1 or −1.
        """
        terms, variances = self.terms.reshape(-1)[places], self.variances.reshape(-1)[places]
        return float((directions * terms).sum() / np.sqrt(variances.sum()))

    def contrast(self, places: np.ndarray) -> float:
        """The weighted mean over places less that over all others, divided by its standard deviation.

        Whatever changes all samples alike does not show in it.
        """
        inside = [part.reshape(-1)[places].sum() for part in (self.terms, self.variances)]
        outside = [part.sum() - taken for part, taken in zip((self.terms, self.variances), inside, strict=True)]
        difference = inside[0] / inside[1] - outside[0] / outside[1]
        return float(difference / np.sqrt(1 / inside[1] + 1 / outside[1]))


def prediction_errors(picture: np.ndarray) -> np.ndarray:
    """Each sample less its prediction by linear regression, (H, W, 3) float64, in levels.

    The regressors are the sample's eight neighbours and the 3×3 samples around it in both other channels; the weights
    are fitted to the picture, by least squares, for each channel.

    Args:
        picture: (H, W, 3) uint8.
    """
    height, width, channels = picture.shape
    padded = np.pad(picture.astype(np.float64), ((1, 1), (1, 1), (0, 0)), "reflect")
    shifted = [padded[y : y + height, x : x + width] for y in range(3) for x in range(3)]
    around = np.concatenate(shifted, 2).reshape(height * width, 9 * channels)  # column 3 · neighbour + channel
    around -= around.mean(0)
    products = around.T @ around
    errors = [_errors(around, products, 4 * channels + channel) for channel in range(channels)]
    return np.stack(errors, 1).reshape(picture.shape)


def _errors(around: np.ndarray, products: np.ndarray, own: int) -> np.ndarray:
    """(N,) errors of column `own`, predicted from all others."""
    others = np.arange(around.shape[1]) != own
    weights = np.linalg.lstsq(products[np.ix_(others, others)], products[others, own])[0]
    return around[:, own] - around[:, others] @ weights


def evidence(picture: np.ndarray) -> dict[str, Evidence]:
    """Shift and spread of the prediction errors at each sample, (H, W, 3) each.

    A change of one level is of more weight where errors are usually small: a matched filter for shifts (terms e/σ²),
    and the locally most powerful test for spread (terms (e² − σ²)/σ⁴).

    Args:
        picture: (H, W, 3) uint8.
    """
    errors = prediction_errors(picture)
    local = uniform_filter(errors**2, (_WINDOW, _WINDOW, 0), mode="reflect")
    variance = np.maximum(local, _LEAST_DEVIATION**2)
    relative = np.clip(errors / np.sqrt(variance), -_LARGEST, _LARGEST)
    shift = Evidence(relative / np.sqrt(variance), 1 / variance)
    return {SHIFT: shift, SPREAD: Evidence((relative**2 - 1) / variance, 2 / variance**2)}


def activity(frames: np.ndarray) -> Evidence:
    """Change of a sample from frame to frame where the film stands still, against the samples around it.

    Args:
        frames: (T, H, W, 3) uint8, T > 1, all of one motif.
    """
    changes = np.abs(np.diff(frames.astype(np.int16), axis=0)).clip(0, 2).sum(0)
    usual = uniform_filter(changes.astype(np.float64), (_WINDOW, _WINDOW, 0), mode="reflect")
    return Evidence(changes - usual, usual + 1)
