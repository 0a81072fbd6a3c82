"""What hiding leaves in a picture, container − cover, and whether the secret shines through it.

Baluja 2017 shows amplified residuals in which the secret can be recognised; here the likeness is a number, beside the
same number for a picture that is not hidden there, which says what chance gives.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from scipy import ndimage

from stegnet.evaluation.contact_sheet import GAIN
from study.steganalysis.confidence import mean_interval

GREY = 128
EDGES = "edges"  # the likeness that stands for the others


def residual(cover: np.ndarray, container: np.ndarray) -> np.ndarray:
    """container − cover in grey levels: two (H, W, 3) uint8 give (H, W, 3) float64."""
    return container.astype(np.float64) - cover


def amplified(difference: np.ndarray) -> np.ndarray:
    """To be looked at: mid-grey where nothing changed, else GAIN times the change, (H, W, 3) uint8."""
    return np.clip(np.rint(GREY + GAIN * difference), 0, 255).astype(np.uint8)


def edges(picture: np.ndarray) -> np.ndarray:
    """Gradient magnitude, each channel by itself, by Sobel's filters: (H, W, 3) to the same, float64."""
    channels = np.moveaxis(picture.astype(np.float64), -1, 0)  # one by one: scipy's filter would smooth across them
    return np.stack([np.hypot(ndimage.sobel(channel, 0), ndimage.sobel(channel, 1)) for channel in channels], -1)


def likeness(difference: np.ndarray, picture: np.ndarray) -> dict[str, float]:
    """How much a residual looks like a picture: magnitudes of correlation, 0 to 1, means over the channels.

    Args:
        difference: (H, W, 3) float, as `residual` gives it.
        picture: (H, W, 3) uint8.
    Returns:
        "signed": of the residual and the picture; "strength": of the residual's magnitude and the picture;
        "busy": of its magnitude and the picture's edges; "edges": of its edges and the picture's. 0 where either is
        even, as a residual is where nothing changed.
    """
    contours = edges(picture)
    compared = {
        "signed": (difference, picture),
        "strength": (np.abs(difference), picture),
        "busy": (np.abs(difference), contours),
        EDGES: (edges(difference), contours),
    }
    return {name: _correlation(*both) for name, both in compared.items()}


def power(difference: np.ndarray) -> np.ndarray:
    """Power spectrum of a residual, mean over the channels: (H, W, 3) to (H, W) float64, frequency 0 in the middle."""
    spectrum = np.abs(np.fft.fft2(difference, axes=(0, 1), norm="ortho")) ** 2
    return np.fft.fftshift(spectrum.mean(-1))


def shown_spectrum(powers: Iterable[np.ndarray]) -> np.ndarray:
    """Mean of `power`s on a logarithmic scale: (H, W, 3) uint8, black at 0.1 and white at 1000 squared grey levels.

    White noise of one grey level's deviation is an even grey at 1: a quarter of the way.
    """
    decibels = np.log10(np.maximum(np.mean(list(powers), axis=0), 0.1))
    grey = np.clip(np.rint((decibels + 1) / 4 * 255), 0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, -1)


def summarise_leaks(table: pd.DataFrame) -> pd.DataFrame:
    """One row per method and likeness: its mean over the pictures, that of an unrelated picture, and the difference.

    Args:
        table: one row per method, pair and likeness: method, likeness, secret, unrelated.
    Returns:
        method, likeness, pictures, secret, unrelated, excess, low, high: `excess` is secret − unrelated, and low to
        high its 95 % interval (Student's, over the pictures). An interval above 0 is a leak that can be seen in the
        mean, not one that anybody would notice.
    """
    rows = []
    for (method, measure), group in table.groupby(["method", "likeness"], sort=False):
        excess = (group["secret"] - group["unrelated"]).to_numpy()
        low, high = mean_interval(excess)
        means = {column: group[column].mean() for column in ("secret", "unrelated")}
        figures = {"pictures": len(group), **means, "excess": excess.mean(), "low": low, "high": high}
        rows.append({"method": method, "likeness": measure} | figures)
    return pd.DataFrame(rows)


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    channels = [(x.ravel(), y.ravel()) for x, y in zip(np.moveaxis(a, -1, 0), np.moveaxis(b, -1, 0), strict=True)]
    told = [np.corrcoef(x, y)[0, 1] if np.ptp(x) and np.ptp(y) else 0.0 for x, y in channels]
    return float(np.mean(np.abs(told)))
