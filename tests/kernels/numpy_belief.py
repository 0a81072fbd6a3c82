"""Belief propagation over the graph of a code, in NumPy: the oracle of _belief.c."""

import numpy as np
from numpy.typing import NDArray

from stegnet.kernels.arrays import F32, I32, I64, U8

# Magnitudes of messages between bits and checks. φ is tabulated by the leading bits of a float32 between them.
_LEAST = np.float32(1e-7)
_LARGEST = np.float32(30)
_CELL_BITS = 16  # of a float32 that are cut off
_FIRST_CELL = int(_LEAST.view(np.int32)) >> _CELL_BITS


def decode(ratios: F32, ends: I32, groups: I64, table: F32, iterations: int, message: U8) -> bool:
    bounds = np.cumsum(groups.prod(1))[:-1]

    def by_check(of_edges: NDArray[np.generic]) -> list[NDArray[np.generic]]:
        """Return each group's edges, (degree, checks); views."""
        parts = zip(np.split(of_edges, bounds), groups, strict=True)
        return [part.reshape(degree, checks) for part, (degree, checks) in parts]

    totals = ratios
    to_bits = np.zeros(ends.size, np.float32)
    for _ in range(iterations):
        on_edges = totals[ends]
        if not any(np.logical_xor.reduce(part).any() for part in by_check(on_edges > 0)):  # all checks are satisfied
            message[:] = totals[: message.size] > 0
            return True
        to_checks = on_edges - to_bits
        positive = to_checks > 0
        small = _flip(np.abs(to_checks), table)
        for part, ones in zip(by_check(small), by_check(positive), strict=True):
            total = np.zeros_like(part[0])
            for edge in part:  # summed in this order
                total += edge
            np.subtract(total, part, part)
            np.logical_xor(np.logical_xor.reduce(ones), ones, ones)
        # An odd number of other bits that are 1 makes this bit 1.
        to_bits = _flip(small, table) * (positive * np.float32(2) - 1)
        totals = ratios + np.bincount(ends, to_bits, ratios.size).astype(np.float32)
    return False


def _flip(magnitudes: F32, table: F32) -> F32:
    """Return φ of magnitudes."""
    cells = np.fmin(np.fmax(magnitudes, _LEAST), _LARGEST).view(np.int32) >> _CELL_BITS
    flipped: F32 = table.take(cells - _FIRST_CELL)
    return flipped
