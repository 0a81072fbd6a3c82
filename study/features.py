"""Features of pictures that steganalysis trains classifiers on, by the package sealwatch, its counting made fast.

The residuals are sealwatch's. Its co-occurrences take twenty times as long as all the rest, so they are counted here,
and bins that mirror each other are added up here; the sums are the same.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
from numba import njit
from sealwatch import BACKEND_RUST, set_backend, spam as sealwatch_spam
from sealwatch.srm.cooccurrence import all1st, all2nd, all3rd, all3x3, all5x5

_MODELS = ((all1st, 1), (all2nd, 2), (all3rd, 3), (all3x3, 4), (all5x5, 12))  # residuals and quantisation steps
_SPATIAL_THRESHOLD, _COLOUR_THRESHOLD = 2, 3
_LANES = 4  # counters side by side, since adding twice to one stalls


def spam(picture: np.ndarray) -> np.ndarray:
    """Second-order SPAM of each of C channels of (H, W, C) uint8, (C · 686,) float32.

    Pevný, Bas and Fridrich 2010, "Steganalysis by subtractive pixel adjacency matrix", IEEE TIFS 5(2).
    """
    set_backend(BACKEND_RUST)
    channels = [sealwatch_spam.extract(np.ascontiguousarray(each)) for each in np.moveaxis(picture, 2, 0)]
    return np.concatenate([part for features in channels for part in features.values()]).astype(np.float32)


def spatial_rich_models(picture: np.ndarray) -> np.ndarray:
    """SRMQ1 of (H, W, 3) uint8, added up over the channels, (12753,) float32.

    Fridrich and Kodovský 2012, "Rich models for steganalysis of digital images", IEEE TIFS 7(3).
    """
    channels = (np.ascontiguousarray(picture[..., channel], np.float32) for channel in range(3))
    return sum(spatial_rich_model(channel) for channel in channels).astype(np.float32)


def colour_rich_model(picture: np.ndarray) -> np.ndarray:
    """CRMQ1 of (H, W, 3) uint8: co-occurrences across the channels, (5404,) float32. With SRMQ1 it is SCRMQ1.

    Goljan, Fridrich and Cogranne 2014, "Rich model for steganalysis of color images", IEEE WIFS.
    """
    return across_colours(picture.astype(np.float32)).astype(np.float32)


def spatial_rich_model(channel: np.ndarray) -> np.ndarray:
    """SRMQ1 of one channel, (H, W) float32 in grey levels, 0 to 255: (12753,) float64."""
    return np.concatenate([_merged(of(channel, step, CoocN=_along), _SPATIAL_THRESHOLD) for of, step in _MODELS])


def across_colours(colours: np.ndarray, threshold: int = _COLOUR_THRESHOLD) -> np.ndarray:
    """CRMQ1 of (H, W, 3) float32 in grey levels, 0 to 255: (5404,) float64 for a threshold of 3."""
    options = {"T": threshold, "CoocN": _across, "directional": False}
    return np.concatenate([_merged(of(colours, step, **options), threshold) for of, step in _MODELS])


def _merged(counts: dict[str, np.ndarray], threshold: int) -> np.ndarray:
    """Co-occurrences with mirrored bins added up: of minima and maxima together, and of plain residuals."""
    parts = []
    for name, minima in counts.items():
        if name.startswith("min"):
            both = minima + np.flip(counts["max" + name.removeprefix("min")])
            parts.append(_add_up(both, _mirrored(both.ndim, threshold, signs=False)))
        elif name.startswith("spam"):
            parts.append(_add_up(minima, _mirrored(minima.ndim, threshold, signs=True)))
    return np.concatenate(parts)


def _add_up(counts: np.ndarray, groups: np.ndarray) -> np.ndarray:
    return np.bincount(groups, counts.reshape(-1))


@cache
def _mirrored(order: int, threshold: int, signs: bool) -> np.ndarray:
    """The number of the group of each bin: those that are the same read backwards and, if `signs`, negated."""
    groups: dict[tuple[int, ...], int] = {}
    numbers = np.empty((2 * threshold + 1,) * order, np.int64)
    for place in np.ndindex(numbers.shape):
        same = [place, place[::-1]]
        if signs:
            same += [tuple(2 * threshold - value for value in each) for each in same]
        numbers[place] = groups.setdefault(min(same), len(groups))
    return numbers.reshape(-1)


def _along(residual: np.ndarray, direction: str, threshold: int) -> np.ndarray:
    """Shares of four neighbours in a row ("hor") or column ("ver") of (H, W) float32 in −threshold to threshold."""
    height, width = residual.shape
    if direction == "hor":
        return _shares(tuple(residual[:, start : start + width - 3] for start in range(4)), threshold)
    return _shares(tuple(residual[start : start + height - 3] for start in range(4)), threshold)


def _across(residual: np.ndarray, direction: str, threshold: int) -> np.ndarray:
    """Shares of the three channels' values at one place of (H, W, 3)."""
    return _shares(tuple(residual[..., channel] for channel in range(3)), threshold)


def _shares(values: tuple[np.ndarray, ...], threshold: int) -> np.ndarray:
    base, order = 2 * threshold + 1, len(values)
    count: Callable = _count_four if order == 4 else _count_three
    counts = count(values, np.float32(base), np.float32(threshold), base**order)
    return counts.reshape((base,) * order) / values[0].size


@njit(nogil=True)
def _count_four(values, base, threshold, bins):
    a, b, c, d = values
    counts, row = np.zeros((_LANES, bins), np.int32), np.empty(a.shape[1], np.int32)
    shift = threshold * (1 + base + base * base + base * base * base)
    for y in range(a.shape[0]):
        for x in range(a.shape[1]):
            row[x] = np.int32(((a[y, x] * base + b[y, x]) * base + c[y, x]) * base + d[y, x] + shift)
        _add(row, counts)
    return counts.sum(0)


@njit(nogil=True)
def _count_three(values, base, threshold, bins):
    a, b, c = values
    counts, row = np.zeros((_LANES, bins), np.int32), np.empty(a.shape[1], np.int32)
    shift = threshold * (1 + base + base * base)
    for y in range(a.shape[0]):
        for x in range(a.shape[1]):
            row[x] = np.int32((a[y, x] * base + b[y, x]) * base + c[y, x] + shift)
        _add(row, counts)
    return counts.sum(0)


@njit(nogil=True)
def _add(row, counts):
    whole = row.size - row.size % _LANES
    for x in range(0, whole, _LANES):
        for lane in range(_LANES):
            counts[lane, row[x + lane]] += 1
    for x in range(whole, row.size):
        counts[0, row[x]] += 1
