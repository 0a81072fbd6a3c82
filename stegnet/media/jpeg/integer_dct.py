"""The DCT as libjpeg computes it, in whole numbers: bit for bit, so that what a channel rounds is known beforehand.

"islow" is the usual one: Loeffler, Ligtenberg, Moschytz 1989, "Practical fast 1-D DCT algorithms with 11
multiplications" (ICASSP), in 13 bits. "ifast" is what ImageMagick saves by: Arai, Agui, Nakajima 1988, "A fast DCT-SQ
scheme for images" (Transactions of the IEICE E71), in 8 bits, whose products are cut off. Arrays are (8, 8, n) int32:
rows, columns, blocks.
"""

from functools import partial

import numpy as np

_BITS, _MORE = 13, 2  # of constants, and that the first pass of islow keeps
# Scales of ifast's outputs in each direction.
_SCALES = np.array([1, 1.387039845, 1.306562965, 1.175875602, 1, 0.785694958, 0.541196100, 0.275899379])


def pixels_of(coefficients: np.ndarray) -> np.ndarray:
    """Pixels of blocks, −128 to 127, of dequantised coefficients."""
    columns = _inverse(coefficients, _BITS - _MORE)
    return np.clip(_inverse(columns.swapaxes(0, 1), _BITS + _MORE + 3).swapaxes(0, 1), -128, 127)


def quantised_slow(pixels: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Quantised coefficients of pixels, −128 to 127, by islow.

    Args:
        steps: quantisation table, (8, 8) int.
    """
    rows = _slow(pixels.swapaxes(0, 1), _BITS - _MORE, lambda even: even << _MORE).swapaxes(0, 1)
    return _quantised(_slow(rows, _BITS + _MORE, partial(_descaled, bits=_MORE)), 8 * steps)


def quantised_fast(pixels: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """As `quantised_slow`, by ifast."""
    scales = np.rint(np.outer(_SCALES, _SCALES) * (1 << 14)).astype(np.int64)
    return _quantised(_fast(_fast(pixels.swapaxes(0, 1)).swapaxes(0, 1)), (steps * scales + (1 << 10)) >> 11)


def _quantised(values: np.ndarray, divisors: np.ndarray) -> np.ndarray:
    divisors = divisors.astype(np.int32)[..., None]
    return np.sign(values) * ((np.abs(values) + divisors // 2) // divisors)


def _descaled(values: np.ndarray, bits: int) -> np.ndarray:
    return (values + (1 << (bits - 1))) >> bits


def _odd(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> tuple[np.ndarray, ...]:
    """The rotations that the odd half has in both directions."""
    z1, z2, z3, z4 = (a + d) * -7373, (b + c) * -20995, a + c, b + d
    z5 = (z3 + z4) * 9633
    z3, z4 = z3 * -16069 + z5, z4 * -3196 + z5
    return a * 2446 + z1 + z3, b * 16819 + z2 + z4, c * 25172 + z2 + z3, d * 12299 + z1 + z4


def _inverse(values: np.ndarray, bits: int) -> np.ndarray:
    """Along the first axis."""
    z1 = (values[2] + values[6]) * 4433
    low, high = z1 - values[6] * 15137, z1 + values[2] * 6270
    both, between = (values[0] + values[4]) << _BITS, (values[0] - values[4]) << _BITS
    even = both + high, between + low, between - low, both - high
    odd = _odd(values[7], values[5], values[3], values[1])[::-1]
    halves = [(one + other, one - other) for one, other in zip(even, odd, strict=True)]
    return _descaled(np.stack([first for first, _ in halves] + [last for _, last in halves[::-1]]), bits)


def _sums(values: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Sums and differences of the first axis's ends."""
    pairs = [(values[place], values[7 - place]) for place in range(4)]
    return [one + other for one, other in pairs], [one - other for one, other in pairs]


def _slow(values: np.ndarray, bits: int, scaled) -> np.ndarray:
    (s0, s1, s2, s3), (d0, d1, d2, d3) = _sums(values)
    t10, t13, t11, t12 = s0 + s3, s0 - s3, s1 + s2, s1 - s2
    z1, odd = (t12 + t13) * 4433, _odd(d3, d2, d1, d0)
    second, sixth = _descaled(z1 + t13 * 6270, bits), _descaled(z1 - t12 * 15137, bits)
    seventh, fifth, third, first = (_descaled(each, bits) for each in odd)
    return np.stack([scaled(t10 + t11), first, second, third, scaled(t10 - t11), fifth, sixth, seventh])


def _fast(values: np.ndarray) -> np.ndarray:
    (s0, s1, s2, s3), (d0, d1, d2, d3) = _sums(values)
    t10, t13, t11, t12 = s0 + s3, s0 - s3, s1 + s2, s1 - s2
    z1 = ((t12 + t13) * 181) >> 8
    a, b, c = d3 + d2, d2 + d1, d1 + d0
    z5 = ((a - c) * 98) >> 8
    z2, z4, z3 = ((a * 139) >> 8) + z5, ((c * 334) >> 8) + z5, (b * 181) >> 8
    z11, z13 = d0 + z3, d0 - z3
    return np.stack([t10 + t11, z11 + z4, t13 + z1, z13 - z2, t10 - t11, z13 + z2, t13 - z1, z11 - z4])
