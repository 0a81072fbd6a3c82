"""Attacks that tell which of some known pictures is hidden, without the key.

The shuffle turns and negates blocks and puts them elsewhere, so an observer compares what that leaves as it is: how
busy the blocks are, all statistics of them, or the blocks themselves, each with the one that fits best. He codes the
known pictures as the program does, which gives him their residuals.
"""

from dataclasses import dataclass

import numpy as np
from scipy.fft import dctn
from scipy.optimize import linear_sum_assignment
from sklearn.covariance import LedoitWolf

from stegnet.core.shuffle import ORIENTATIONS
from study.keyless import cut_blocks
from study.stats import auc

_BANDS = (1, 2, 3, 5, 7, 10)  # first diagonal of each band of a block's DCT, then the end
_MATCHED = 256  # blocks of a container that are matched
_QUANTILES = np.linspace(0.02, 0.98, 17)
_LEAST = 1e-4  # of a band's energy, where logarithms are taken
# Luma and two colour differences.
_OPPONENT = np.array([[1, 1, 1], [1, -1, 0], [0.5, 0.5, -1]]).T / np.sqrt([3, 2, 1.5])


@dataclass(frozen=True)
class Recognition:
    """Success of an attack on several containers, with as many known pictures, one of which is hidden in each.

    Attributes:
        told: share of the containers whose own secret is the likeliest of the known pictures.
        auc: probability that a container's own secret is likelier than another picture.
    """

    told: float
    auc: float

    @classmethod
    def of(cls, scores: np.ndarray) -> "Recognition":
        """Of scores, (N, N): higher if known picture j is likelier in container i, which hides i."""
        own = np.eye(len(scores), dtype=bool)
        return cls(float(np.mean(scores.argmax(1) == np.arange(len(scores)))), auc(scores[~own], scores[own]))


def busy_scores(seen: list[np.ndarray], known: list[np.ndarray], block: int) -> np.ndarray:
    """(N, K): likeness of how busy the blocks are: the sorted logarithms of their standard deviations.

    Args:
        seen, known: shuffled residuals and those of known pictures, (H, W, 3) float, signed, all of one size.
    """
    profiles, others = (np.stack([_busy(picture, block) for picture in pictures]) for pictures in (seen, known))
    return -np.abs(profiles[:, None] - others).mean(2)


def statistics(picture: np.ndarray, block: int) -> np.ndarray:
    """(F,) float: statistics of a residual that no shuffle changes.

    The energies of bands of each block's DCT, in luma and colour differences, and their ratios to the largest sample;
    of these, quantiles over the blocks, and covariances.

    Args:
        picture: (H, W, 3) float, signed.
        block: side of the blocks, at least 8.
    """
    blocks = cut_blocks(picture, block) @ _OPPONENT
    coefficients = dctn(blocks, axes=(1, 2), norm="ortho") ** 2
    diagonal = np.add.outer(np.arange(block), np.arange(block))
    bands = [(low <= diagonal) & (diagonal < high) for low, high in zip(_BANDS, (*_BANDS[1:], 2 * block), strict=True)]
    energies = np.stack([coefficients[:, band].mean(1) for band in (diagonal == 0, *bands)], 1)  # (N, bands, 3)
    peaks = np.abs(blocks).max((1, 2))[:, None]
    features = np.log(_LEAST + np.concatenate([energies, peaks**2], 1)).reshape(len(blocks), -1)
    spread = np.cov(features, rowvar=False)[np.triu_indices(features.shape[1])]
    return np.concatenate([np.quantile(features, _QUANTILES, axis=0).ravel(), spread])


def statistics_scores(seen: np.ndarray, imitations: np.ndarray) -> np.ndarray:
    """(N, K): likeness of statistics, as the linear discriminant weighs them (Fisher 1936).

    Args:
        seen: (N, F), `statistics` of the containers.
        imitations: (N, K, F), of known picture k, hidden by the observer in container n as if that were a cover.
            So both have the errors of the same networks on the same cover. How far containers differ in this is taken
            for the noise.
    """
    count, candidates, features = imitations.shape
    means = imitations.mean(1, keepdims=True), imitations.mean(0, keepdims=True)
    noise = (imitations - means[0] - means[1] + imitations.mean((0, 1))).reshape(-1, features)
    scale = noise.std(0) + 1e-9
    precision = LedoitWolf(assume_centered=True).fit(noise / scale).precision_
    # Hiding twice adds the same to all imitations in a container.
    offsets = ((seen[:, None] - imitations) / scale).reshape(-1, features)
    distances = np.einsum("nf,fg,ng->n", offsets, precision, offsets)
    return -distances.reshape(count, candidates)


def matching_score(seen: np.ndarray, known: np.ndarray, block: int) -> float:
    """Mean correlation of a shuffled residual's strongest blocks with those of a known picture that fit best.

    Blocks are assigned one to one, over all orientations and signs.
    """
    pieces, places = (cut_blocks(picture, block) for picture in (seen, known))
    strongest = np.argsort(-np.sum(pieces.astype(np.float64) ** 2, (1, 2, 3)), kind="stable")[:_MATCHED]
    pieces, places = _unit(pieces[strongest]), _unit(places)
    best = np.zeros((len(pieces), len(places)), np.float32)
    for orientation in range(ORIENTATIONS):
        product = pieces @ _turned(places, block, orientation).T
        np.maximum(best, np.abs(product, out=product), out=best)
    return float(best[linear_sum_assignment(best, maximize=True)].mean())


def _busy(picture: np.ndarray, block: int) -> np.ndarray:
    """(N,) float: the blocks' standard deviations, sorted, on a logarithmic scale of 8-bit steps."""
    return np.sort(np.log1p(cut_blocks(picture, block).std((1, 2)).mean(1) * 255))


def _unit(blocks: np.ndarray) -> np.ndarray:
    """(N, b·b·3) float32: blocks of length 1; one of zeros stays."""
    flat = blocks.reshape(len(blocks), -1).astype(np.float32)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)


def _turned(flat: np.ndarray, block: int, orientation: int) -> np.ndarray:
    blocks = flat.reshape(len(flat), block, block, -1)
    upright = blocks.swapaxes(1, 2) if orientation & 4 else blocks
    return np.rot90(upright, orientation & 3, (1, 2)).reshape(len(flat), -1)
