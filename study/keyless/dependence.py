"""How much two pictures have to do with each other, sample by sample."""

import numpy as np
from sklearn.metrics import mutual_info_score

BINS = 32


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's, of two arrays of one shape, −1 to 1; 0 where one of them does not vary."""
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1]) if np.ptp(a) and np.ptp(b) else 0.0


def mutual_information(left: np.ndarray, right: np.ndarray) -> float:
    """Mutual information of two arrays' samples in bits, estimated from what `binned` gives; may be a little below 0.

    Bins that hold equally many samples change nothing about independence. The histogram's bias is taken out as Miller
    1955 does ("Note on the bias of information estimates"): for samples that are drawn independently. Neighbouring
    pixels are not, so compare with what unrelated pictures give.
    """
    counts = np.bincount(left * BINS + right, minlength=BINS**2).reshape(BINS, BINS)
    cells, rows, cols = (np.count_nonzero(table) for table in (counts, counts.sum(1), counts.sum(0)))
    plain = mutual_info_score(None, None, contingency=counts)
    return float((plain - (cells - rows - cols + 1) / (2 * left.size)) / np.log(2))


def binned(values: np.ndarray) -> np.ndarray:
    """(n,) int in 0..BINS − 1: the bin of each sample; bins hold equally many, as far as equal samples allow."""
    values = values.ravel()
    return np.searchsorted(np.quantile(values, np.arange(1, BINS) / BINS), values, side="right")
