"""The texture around each block of a picture, by which writer and reader choose those that carry something."""

import numpy as np

from stegnet.core.jpeg import BLOCK
from stegnet.core.samples import strips

_LUMA, _WHOLE = np.array([299, 587, 114], np.int32), 1000  # of red, green, blue (ITU-R BT.601)


def textures(area: np.ndarray) -> np.ndarray:
    """The sum of the deviations of luma in a block's eight neighbours, (rows, cols) int.

    Its own is not counted, which hiding changes; where there is no neighbour, the nearest block serves.

    Args:
        area: (8 · rows, 8 · cols, 3) uint8.
    """
    parts = strips(len(area) // BLOCK, BLOCK * area.shape[1])
    deviations = np.concatenate([_deviations(area[BLOCK * rows.start : BLOCK * rows.stop]) for rows in parts])
    around = np.lib.stride_tricks.sliding_window_view(np.pad(deviations, 1, "edge"), (3, 3))
    return around.sum((2, 3)) - deviations


def _deviations(area: np.ndarray) -> np.ndarray:
    """64 times the standard deviation of each block's luma in levels, both rounded down, (rows, cols) int."""
    luma = (area @ _LUMA) // _WHOLE
    rows, cols = (side // BLOCK for side in luma.shape)
    blocks = luma.reshape(rows, BLOCK, cols, BLOCK)
    squares, sums = (some.sum((1, 3), dtype=np.int64) for some in (blocks**2, blocks))
    return np.sqrt(BLOCK**2 * squares - sums**2).astype(np.int64)
