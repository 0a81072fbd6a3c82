"""Costs of changing a sample by one level: the detectability of the change, or the error that it adds."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stegnet import kernels
from stegnet.core.pixels import in_strips, strips

MEDIAN = 4_000  # cost of a median sample
WET = 50_000  # cost of a sample that should not change


class Costs(NamedTuple):
    """Costs of a change up and of a change down, each (H, W, 3); they may be read-only.

    They are uint16 from 1 to `WET`, or uint8 in units of a hundred.
    """

    up: np.ndarray
    down: np.ndarray


def texture_costs(picture: NDArray[np.uint8], exact: NDArray[np.bool_] | None = None) -> Costs:
    """Return costs that are low in texture and high in smooth areas: HILL (Li, Wang, Huang, Li 2014, ICIP) in integers.

    The high-pass residuals of the three channels of (H, W, 3) uint8 are added before they are smoothed, so that a pixel
    has one cost. Pixels marked in `exact`, (H, W) bool, should not change and get the highest cost.
    """
    height, width = picture.shape[:2]
    reach = 9  # rows on either side that a cost depends on
    sums = np.empty((height, width), np.int32)
    levels = np.empty((height, width, 1), np.uint16)

    def smooth(rows: slice) -> None:
        first = max(rows.start - reach, 0)
        with_margin = np.ascontiguousarray(picture[first : rows.stop + reach])
        smoothness = np.empty(with_margin.shape[:2], np.int32)
        kernels.smooth(with_margin, width, smoothness)
        sums[rows] = smoothness[rows.start - first :][: rows.stop - rows.start]

    def scale(rows: slice) -> None:
        levels[rows, :, 0] = np.clip(sums[rows] * factor, 1, WET)
        if exact is not None:
            levels[rows][exact[rows]] = WET

    in_strips(smooth, height, width)
    factor = np.float64(MEDIAN / max(_upper_median(sums), 1))
    in_strips(scale, height, width)
    costs = np.broadcast_to(levels, picture.shape)
    return Costs(costs, costs)


def rounding_costs(error: NDArray[np.int8]) -> Costs:
    """Return the squared error that a change adds to a rounded sample; it is lowest towards the second-nearest level.

    Fridrich, Goljan, Soukal 2005, "Perturbed quantization steganography" (Multimedia Systems 11). `error`, (H, W, 3)
    int8, is the exact minus the rounded value in units of 1/254 level, −127 to 127.
    """
    exact = np.uint8(64)  # cost of a change of a sample that was not rounded, less 1
    tilt = (error >> 1).view(np.uint8)  # half of `exact` for half a level, rounded down; sums wrap to the right value
    return Costs(exact + np.uint8(1) - tilt, exact + np.uint8(1) + tilt)


def _upper_median(values: NDArray[np.int32]) -> int:
    """Return the median of (H, W) int32 values ≥ 0, the upper one if there are two.

    It is found from a histogram of the high 16 bits, without a sorted copy.
    """
    height, width = values.shape
    parts = list(strips(height, width))
    place = values.size // 2
    counts = np.zeros(1 << 16, np.int64)
    for rows in parts:
        counts += np.bincount(values[rows].reshape(-1) >> 16, minlength=counts.size)

    # Only values with the same high bits as the median are compared.
    high = int(np.searchsorted(counts.cumsum(), place, "right"))
    candidates = np.concatenate([values[rows][values[rows] >> 16 == high] for rows in parts])
    rank = place - counts[:high].sum()
    return int(np.partition(candidates, rank)[rank])
