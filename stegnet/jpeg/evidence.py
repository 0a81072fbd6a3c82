"""Evidence in a JPEG that stays one: would a change of ±1 of a coefficient be proof by itself?"""

from random import Random

import numpy as np

from stegnet.core.pixels import BLOCK, DCT_BASIS, GREY, LEVELS, ZIGZAG
from stegnet.media.evidence.lattice import DctHistograms
from stegnet.media.evidence.tiles import SIDE, starts

OTHER_GRID = "a JPEG of a picture that was a JPEG before, on another grid"
TWICE = "a JPEG that was saved before with coarser tables"
JPEG_REPEATS = "a JPEG that repeats itself, as tiles or a mirror image"

# Thresholds of `saved_twice`.
LOW = 9  # frequencies of a JPEG whose values are counted
OFTEN = 25  # least count of a value beside a gap
GAP = 0.1  # share of the count of a larger value that a gap has at most
MOST_GAPS = 2  # frequencies with gaps in a JPEG that was saved once


def jpeg_proof(luma: np.ndarray, quanta: np.ndarray) -> str | None:
    """Describe a JPEG in which a changed coefficient is proof, by its luma; None: in this one, none is known to be.

    Args:
        luma: quantised coefficients, (rows, columns, 64) int in zigzag order.
        quanta: quantisation table, (64,) in zigzag order.
    """
    if saved_twice(luma):
        return TWICE
    basis = (DCT_BASIS * quanta[:, None]).astype(np.float32)
    pooled = DctHistograms()
    blocks = SIDE // BLOCK
    corners = list(starts(luma.shape, blocks))
    for top, left in corners:
        part = luma[top : top + blocks, left : left + blocks]
        pixels = part.reshape(-1, BLOCK**2).astype(np.float32) @ basis
        pixels = pixels.reshape(*part.shape[:2], BLOCK, BLOCK).swapaxes(1, 2).reshape(-1, part.shape[1] * BLOCK)
        grid = DctHistograms()
        grid.add(0, 0, np.rint(pixels).clip(-GREY, LEVELS - GREY))
        if grid.was_quantised():
            return OTHER_GRID
        pooled.join(grid)
    if len(corners) > 1 and pooled.was_quantised():
        return OTHER_GRID
    return JPEG_REPEATS if _repeats_blocks(luma) else None


def _repeats_blocks(luma: np.ndarray) -> bool:
    """Return whether many varied blocks of luma, (rows, columns, 64), occur elsewhere, maybe mirrored or turned.

    Mirroring and turning only change signs or axes.
    """
    factors = np.frombuffer(Random(0).randbytes(8 * BLOCK**2), np.int64) | 1  # any odd numbers
    turned = np.argsort(ZIGZAG)[ZIGZAG % BLOCK * BLOCK + ZIGZAG // BLOCK][1:] - 1  # places of transposed frequencies
    found = []
    at_once = max(4096 // luma.shape[1], 1)  # rows, which bounds the memory
    for start in range(0, len(luma), at_once):
        values = np.abs(luma[start : start + at_once].reshape(-1, BLOCK**2)[:, 1:].astype(np.int64))
        values = values[(np.count_nonzero(values, axis=1) >= 12) & (values.sum(1) >= 30)]
        with np.errstate(over="ignore"):
            found.append(np.minimum(values @ factors[1:], values[:, turned] @ factors[1:]))
    keys = np.concatenate(found)
    _, counts = np.unique(keys, return_counts=True)
    return bool(len(keys) >= 64 and counts[counts > 1].sum() >= 0.05 * len(keys))


def saved_twice(luma: np.ndarray) -> bool:
    """Return whether a JPEG was saved before with coarser tables, by its luma, (rows, columns, 64) int.

    A finer table leaves out values between multiples of a coarser one: Lukáš, Fridrich 2003, "Estimation of primary
    quantization matrix in double compressed JPEG images" (DFRWS).
    """
    gaps = 0
    for values in np.abs(luma[..., 1 : LOW + 1]).reshape(-1, LOW).T:
        counts = np.bincount(values, minlength=3)[1:]
        # Counts of larger values, which are rarer in a JPEG that was saved once.
        beyond = np.maximum.accumulate(counts[::-1])[::-1][1:]
        gaps += bool(((beyond >= OFTEN) & (counts[:-1] < GAP * beyond)).any())
    return gaps > MOST_GAPS
