"""A picture as a random field: the covariance of its pixels, estimated from its shuffled blocks alone.

No other pictures are used. Pixels keep their place inside a block, so the picture's own variogram can be measured there
(Matheron 1963), however the blocks are placed, turned and negated. A sum of Matérn kernels with non-negative weights
is fitted to it, which gives the covariance of pixels in different blocks.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh
from scipy.optimize import lsq_linear

SCALES = (0.7, 1.5, 3.0, 6.0, 12.0, 25.0, 60.0)  # of the kernels, in pixels
REACH = 8  # distances below this are measured; further ones come from the fit
ROUNDING = 1 / (12 * 255**2)  # the variance of rounding to 8 bits


@dataclass(frozen=True, eq=False)
class Field:
    """Three channels that vary independently, each a stationary random field.

    Attributes:
        mixing: (3, 3); a colour times it gives the channels.
        weights: (3, K), of each kernel in each channel.
        level: (3,), the variance that all pixels of a channel share, beyond the kernels' own.
        noise: (3,), the variance of rounding in each channel.
    """

    mixing: np.ndarray
    weights: np.ndarray
    level: np.ndarray
    noise: np.ndarray


def fit(blocks: np.ndarray, cell: int) -> Field:
    """The field whose variogram is that inside square cells.

    The channels diagonalise the variogram at the shortest and the longest distance at once: the autocorrelation
    factors of Switzer & Green 1984.

    Args:
        blocks: (N, b, b, 3) float, centred on 0 or not.
        cell: side of the cells, a divisor of b.
    """
    table = variogram(_cells(blocks, cell), min(cell, REACH))
    rounding = ROUNDING * np.eye(3)
    _, mixing = eigh(table[0, 1] + rounding, table[0, -1] + rounding)
    channels = np.einsum("ci,yxcd,di->iyx", mixing, table, mixing)
    weights = np.stack([_weights(channel) for channel in channels])
    power = np.mean((blocks.reshape(-1, 3).astype(np.float64) @ mixing) ** 2, 0)
    level = np.maximum(power - weights.sum(1), 0.01 * power)
    return Field(mixing, weights, level, ROUNDING * np.diag(mixing.T @ mixing))


def variogram(cells: np.ndarray, reach: int) -> np.ndarray:
    """(reach, reach, 3, 3): half the mean product of the colour differences of pixels (|dy|, |dx|) apart.

    Symmetric in dy and dx, since it is not known how a block was turned. Blind to offset and sign of each cell.
    """
    side = cells.shape[1]
    table = np.zeros((reach, reach, 3, 3))
    for y, x in np.ndindex(reach, reach):
        down = cells[:, y:, x:] - cells[:, : side - y, : side - x]
        up = cells[:, y:, : side - x] - cells[:, : side - y, x:]
        steps = np.concatenate([down, up]).reshape(-1, 3).astype(np.float64)
        table[y, x] = steps.T @ steps / (2 * len(steps))
    return (table + table.transpose(1, 0, 2, 3)) / 2


def facing(field: Field, side: int, depth: int, cell: int | None) -> list[np.ndarray]:
    """Covariance of the two strips that face each other across a border, for each channel.

    Args:
        side: length of the border.
        depth: rows of pixels in a strip.
        cell: side of the square cells whose means have been taken out of the blocks, or None.
    Returns:
        three (2·depth·side,)² matrices; the first half is one strip, its outermost row first, the second half the
        other one, read in the same direction.
    """
    rows = cell or depth
    y = np.concatenate([-1 - np.arange(rows), np.arange(rows)]).repeat(side)
    x = np.tile(np.arange(side), 2 * rows)
    kernels = _kernels(*np.mgrid[: 2 * rows, :side])[:, np.abs(y[:, None] - y), np.abs(x[:, None] - x)]
    kept = np.arange(2 * rows * side).reshape(2, rows, side)[:, :depth].ravel()
    centred = (np.eye(len(y)) - _averaging(y, x, cell))[kept] if cell else None
    return [_one_channel(field, channel, kernels, kept, centred) for channel in range(3)]


def _one_channel(
    field: Field, channel: int, kernels: np.ndarray, kept: np.ndarray, centred: np.ndarray | None
) -> np.ndarray:
    covariance = np.tensordot(field.weights[channel], kernels, 1)
    if centred is None:
        covariance = covariance[np.ix_(kept, kept)] + field.level[channel]
    else:
        covariance = centred @ covariance @ centred.T
    return covariance + (field.noise[channel] + 1e-6 * np.diag(covariance).mean()) * np.eye(len(kept))


def _averaging(y: np.ndarray, x: np.ndarray, cell: int) -> np.ndarray:
    """(n, n): takes each pixel to the mean of its cell."""
    column = x // cell
    same = ((y < 0)[:, None] == (y < 0)) & (column[:, None] == column)
    return same / same.sum(1, keepdims=True)


def _weights(channel: np.ndarray) -> np.ndarray:
    """Weights of 0 or more with which the kernels' variogram is nearest to a measured one, relatively."""
    y, x = np.indices(channel.shape)
    apart = (y + x) > 0
    measured = channel[apart] + 1e-12
    model = 1 - _kernels(y, x)[:, apart].T
    return lsq_linear(model / measured[:, None], np.ones(len(measured)), (0, np.inf), method="bvls").x


def _kernels(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """(K, ...): the correlation of pixels (y, x) apart. White noise, then Matérn's ν = 3/2 of each scale."""
    distance = np.hypot(y, x)
    ratios = [distance / scale for scale in SCALES]
    return np.stack([(distance == 0).astype(float)] + [(1 + ratio) * np.exp(-ratio) for ratio in ratios])


def _cells(blocks: np.ndarray, cell: int) -> np.ndarray:
    count, side = len(blocks), blocks.shape[1] // cell
    parts = blocks.reshape(count, side, cell, side, cell, 3).transpose(0, 1, 3, 2, 4, 5)
    return parts.reshape(-1, cell, cell, 3)
