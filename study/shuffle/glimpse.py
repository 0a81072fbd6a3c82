"""What a shuffled picture shows before anything is put together: its histogram, its mean, how busy its blocks are."""

import numpy as np

from study.shuffle.jigsaw import cut

BINS = 64


def histogram_correlation(seen: np.ndarray, secret: np.ndarray) -> float:
    """Correlation of two pictures' histograms over all samples; (H, W, 3) float, signed."""
    counts = [np.histogram(picture, BINS, (-1, 1))[0] for picture in (seen, secret)]
    return float(np.corrcoef(*counts)[0, 1])


def mean_colour_error(seen: np.ndarray, secret: np.ndarray) -> float:
    """How far the mean colours of two pictures are apart: mean over the channels, in 8-bit steps."""
    return float(np.abs(seen.mean((0, 1)) - secret.mean((0, 1))).mean() * 255)


def profile(picture: np.ndarray, block: int) -> np.ndarray:
    """(N,), how busy each block is: its standard deviation, sorted, on a logarithmic scale of 8-bit steps."""
    return np.sort(np.log1p(cut(picture, block).std((1, 2)).mean(1) * 255))


def recognised(seen: list[np.ndarray], secrets: list[np.ndarray], block: int) -> float:
    """Share of the shuffled pictures that are told among the secrets by how busy their blocks are.

    Args:
        seen, secrets: pictures of one size in the same order, (H, W, 3) float each.
    """
    shuffled, known = (np.stack([profile(picture, block) for picture in pictures]) for pictures in (seen, secrets))
    nearest = np.abs(shuffled[:, None] - known).mean(2).argmin(1)
    return float(np.mean(nearest == np.arange(len(seen))))
