"""Coefficients that trellis quantisation sets to 0, as far as they can be told without its encoder.

An encoder such as mozjpeg gives up coefficients whose code takes more bits than they are worth: Ramchandran, Vetterli
1994, "Rate-distortion optimal fast thresholding with complete JPEG/MPEG decoder compatibility" (IEEE TIP 3(5)); Crouse,
Ramchandran 1997, "Joint thresholding and quantizer selection for transform image coding" (IEEE TIP 6(2)). Here one
coefficient after the other is judged, with the usual Huffman table; an encoder judges whole blocks, with its own.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from stegnet.image.jpeg_coefficients import usual_code_lengths


def without_expendable(luma: NDArray[np.int16], steps: NDArray[np.integer]) -> NDArray[np.int16]:
    """Return luma, (n, 64) in zigzag order, without the ±1 that trellis quantisation would set to 0.

    Args:
        luma: quantised coefficients.
        steps: the quantisation table, (64,) in zigzag order.
    """
    turns = 3  # since one that goes may make its neighbours expendable
    kept = luma.copy()
    at_once = 1 << 11  # blocks, which bounds the memory
    for start in range(0, len(kept), at_once):
        part = kept[start : start + at_once]
        for _ in range(turns):
            part[_expendable(part, steps)] = 0
    return kept


def _expendable(luma: NDArray[np.int16], steps: NDArray[np.integer]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return block and place of each ±1 that is worth less than its code takes."""
    # mozjpeg's weight of a squared error of one step, in bits: 64 · 2^14.75 / (2^16.5 + energy), where the energy is
    # the mean square of the block's coefficients, times 64. A little less finds more of what goes.
    weight, energy_added, factor = 64 * 2**14.75, 2**16.5, 0.85
    energy = 64 * (np.square(luma[:, 1:] * steps[1:].astype(np.float32)).mean(1))
    worth = factor * weight / (energy_added + energy)

    places = np.arange(64)
    magnitudes = np.abs(luma)
    is_used = magnitudes > 0
    is_used[:, 0] = True
    before = np.maximum.accumulate(np.where(is_used, places, 0), 1)[:, :-1]
    after = np.minimum.accumulate(np.where(is_used, places, 64)[:, ::-1], 1)[:, ::-1][:, 1:]
    blocks, at = np.nonzero(magnitudes[:, 1:-1] == 1)
    at += 1

    first = before[blocks, at - 1]
    following = after[blocks, at]
    is_last = following == 64
    size = np.frexp(magnitudes[blocks, np.minimum(following, 63)].astype(np.float32))[1]  # bits of the next coefficient
    following = np.where(is_last, at + 1, following)
    bits = _code_bits()
    next_now = np.where(is_last, 0, bits[following - at - 1, size])
    next_then = np.where(is_last, 0, bits[following - first - 1, size])
    saved = bits[at - first - 1, 1] + next_now - next_then
    goes = saved > worth[blocks]
    return blocks[goes], at[goes]


@cache
def _code_bits() -> NDArray[np.int64]:
    """Return the bits of a coefficient by the zeros before it, 0 to 62, and its own size in bits, (63, 12)."""
    lengths = usual_code_lengths()
    runs, sizes = np.mgrid[:63, :12]
    bits: NDArray[np.int64] = runs // 16 * lengths[0xF0] + lengths[runs % 16 * 16 + sizes] + sizes
    return bits
