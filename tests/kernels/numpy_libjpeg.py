"""libjpeg's colours, DCTs and quantisation, in NumPy: the oracle of _libjpeg.c.

Blocks are quantised coefficients, (n, 64) int16 in zigzag order; steps, scales and limits are row by row, (64,). Arrays
of the DCT are (8, 8, n): rows, columns, blocks. The methods of the forward DCT are 0 for "islow", 1 for "ifast" and 2
for "float", as in `stegnet.jpeg.libjpeg`.
"""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from stegnet.core.pixels import BLOCK, LEVELS, ZIGZAG, by_block
from stegnet.kernels.arrays import F32, I8, I16, I32, U8, Bools

_Number = TypeVar("_Number", np.int16, np.int32, np.float32)
Table = np.ndarray  # int32, or float32 of "float"
_SLOW = 0
_FAST = 1
_FLOAT = 2
_MIDDLE = 128  # the level that encoders subtract
_HALF = 1 << 15  # of fixed-point numbers with 16 bits behind the point, in which libjpeg converts colours
_BITS = 13  # of islow's constants behind the point
_MORE = 2  # bits behind the point that islow keeps between its passes


def jpeg_ycc(rgb: U8, luma: U8, blue: U8, red: U8) -> None:
    r, g, b = np.moveaxis(rgb.astype(np.int32), 2, 0)
    middle = (_MIDDLE << 16) + _HALF - 1
    luma[:] = _luma_of(np.stack([r, g, b]))
    blue[:] = (middle + 32768 * b - 11059 * r - 21709 * g) >> 16
    red[:] = (middle + 32768 * r - 27439 * g - 5329 * b) >> 16


def jpeg_offsets(decoded: U8, columns: int, channels: int, offset: I8, room: I16) -> None:
    luma = decoded[..., 0].astype(np.int32)
    colours = luma + _added_colours(decoded[..., 1:].astype(np.int32) - _MIDDLE)
    offset[:] = by_block(_luma_of(colours.clip(0, LEVELS)) - luma)
    least = np.minimum(colours.min(0), luma)
    highest = np.maximum(colours.max(0), luma)
    room[:] = by_block(np.minimum(least, LEVELS - highest)).min(2)


def jpeg_forward(method: int, samples: U8, columns: int, scales: Table, coefficients: I16) -> None:
    pixels = by_block(samples).reshape(-1, BLOCK**2).astype(np.int32).T.reshape(BLOCK, BLOCK, -1)
    coefficients[:] = _quantised(method, pixels - _MIDDLE, scales).reshape(coefficients.shape)


def jpeg_blocks_hold(
    method: int, blocks: I16, offset: I8, steps: I32, scales: Table, inward: Table, outward: Table, held: Bools
) -> None:
    columns = _inverse_columns(_dequantised(blocks, steps))
    held[:] = _holds(method, _shown(columns, offset), _by_frequency(blocks), scales, (inward, outward))


def jpeg_steps_hold(
    method: int,
    blocks: I16,
    offset: I8,
    steps: I32,
    scales: Table,
    inward: Table,
    outward: Table,
    wanted: Bools,
    up: Bools,
    down: Bools,
) -> None:
    up[:] = False
    down[:] = False
    values = _dequantised(blocks, steps)
    columns = _inverse_columns(values)
    for place in range(1, BLOCK**2):
        numbers = np.flatnonzero(wanted[:, place - 1])
        row, column = divmod(int(ZIGZAG[place]), BLOCK)
        for held, direction in ((up, 1), (down, -1)):
            changed = values[:, column : column + 1, numbers]  # the only column of the first pass that changes
            changed[row] += direction * steps[ZIGZAG[place]].astype(np.int16)
            stepped = columns[..., numbers]
            stepped[:, column : column + 1] = _inverse_columns(changed)
            planned = _by_frequency(blocks[numbers])
            planned[row, column] += direction
            shown = _shown(stepped, offset[numbers])
            held[numbers, place - 1] = _holds(method, shown, planned, scales, (inward, outward))


def _quantised(method: int, shown: I32, scales: Table) -> I16:
    """Return the quantised DCT of pixels, (8, 8, n), less 128: (n, 64) in zigzag order.

    Integers are divided, halves rounded away from 0. "float" rounds halves to even, as libjpeg-turbo does on x86;
    elsewhere it rounds them up.
    """
    values = _transformed(method, shown)
    if method == _FLOAT:
        quotients = np.rint(values * _cube(scales))
    else:
        divisors = _cube(scales)
        sizes = (np.abs(values) + divisors // 2) // divisors
        quotients = np.where(values < 0, -sizes, sizes)
    quantised: I16 = quotients.astype(np.int16).reshape(BLOCK**2, -1)[ZIGZAG].T
    return quantised


def _holds(method: int, shown: I32, planned: I16, scales: Table, limits: tuple[Table, Table]) -> Bools:
    """Return whether the quantised DCT of pixels less 128 is as planned, and within limits; (8, 8, n) each, (n,)."""
    values = _transformed(method, shown)
    inward, outward = (_cube(limit) for limit in limits)
    if method == _FLOAT:
        quotients = values * _cube(scales)
        middle = planned.astype(np.float32)
        are_held = (np.abs(quotients - middle) <= inward) & (np.rint(quotients) == middle)
    else:
        away = values - planned * _cube(scales)
        below = np.where(planned > 0, inward, outward)
        above = np.where(planned < 0, inward, outward)
        are_held = (away >= -below) & (away <= above)
    held: Bools = are_held.all((0, 1))
    return held


def _transformed(method: int, shown: I32) -> Table:
    """Return the DCT of pixels, (8, 8, n), times 8, and but for islow times Arai's scales."""
    rows = shown.swapaxes(0, 1)
    if method == _SLOW:
        return _slow(_slow(rows, _BITS - _MORE).swapaxes(0, 1), _BITS + _MORE)
    if method == _FAST:
        return _fast(_fast(rows).swapaxes(0, 1))
    return _arai(_arai(rows.astype(np.float32)).swapaxes(0, 1))


def _luma_of(colours: I32) -> I32:
    """Return the luma of red, green and blue, (3, ...)."""
    red, green, blue = colours
    luma: I32 = (19595 * red + 38470 * green + 7471 * blue + _HALF) >> 16
    return luma


def _added_colours(chroma: I32) -> I32:
    """Return the differences of red, green and blue from luma, (3, H, W), before they are clipped.

    Args:
        chroma: (H, W, 2), less 128; or (H, W, 0) of a grey picture.
    """
    if not chroma.shape[2]:
        return np.zeros((3, *chroma.shape[:2]), np.int32)
    blue, red = np.moveaxis(chroma, 2, 0)
    green = (_HALF - 22554 * blue - 46802 * red) >> 16
    return np.stack([(91881 * red + _HALF) >> 16, green, (116130 * blue + _HALF) >> 16])


def _by_frequency(blocks: I16) -> I16:
    """Return coefficients in zigzag order, (n, 64), as (8, 8, n)."""
    natural = np.empty((BLOCK**2, len(blocks)), np.int16)
    natural[ZIGZAG] = blocks.T
    return natural.reshape(BLOCK, BLOCK, -1)


def _cube(table: Table) -> Table:
    return table.reshape(BLOCK, BLOCK, 1)


def _dequantised(blocks: I16, steps: I32) -> I16:
    """Return coefficients, (n, 64) in zigzag order, times steps, (8, 8, n), of 16 bits as libjpeg-turbo's."""
    products: I16 = _by_frequency(blocks) * _cube(steps.astype(np.int16))
    return products


def _shown(columns: I32, offset: I8) -> I32:
    """Return the pixels of blocks less 128, (8, 8, n), with their offset, (n, 64), after `_inverse_columns`."""
    samples = _inverse(columns.swapaxes(0, 1), _BITS + _MORE + 3).swapaxes(0, 1)
    clipped: I32 = np.clip(samples, -_MIDDLE, LEVELS - _MIDDLE)
    return clipped + offset.T.reshape(BLOCK, BLOCK, -1)


def _inverse_columns(values: I16) -> I32:
    """Apply the first pass of islow's inverse DCT to columns, (8, columns, n)."""
    return _inverse(values.astype(np.int32), _BITS - _MORE)


def _inverse(values: I32, bits: int) -> I32:
    """Apply islow's inverse DCT along the first axis, and shift the results down."""
    z1 = (values[2] + values[6]) * 4433
    low = z1 - values[6] * 15137
    high = z1 + values[2] * 6270
    both = (values[0] + values[4]) << _BITS
    between = (values[0] - values[4]) << _BITS
    even = (both + high, between + low, between - low, both - high)
    odd = _rotated(values[7], values[5], values[3], values[1])[::-1]
    first = [one + other for one, other in zip(even, odd, strict=True)]
    last = [one - other for one, other in zip(even, odd, strict=True)]
    return _descaled(np.stack(first + last[::-1]), bits)


def _slow(values: I32, bits: int) -> I32:
    """Apply islow's forward DCT along the first axis, and shift the results down.

    Without a product, results are shifted up in the first pass.
    """
    (s0, s1, s2, s3), (d0, d1, d2, d3) = _sums_and_differences(values)
    t10 = s0 + s3
    t13 = s0 - s3
    t11 = s1 + s2
    t12 = s1 - s2
    z1 = (t12 + t13) * 4433
    second = _descaled(z1 + t13 * 6270, bits)
    sixth = _descaled(z1 - t12 * 15137, bits)
    seventh, fifth, third, first = (_descaled(result, bits) for result in _rotated(d3, d2, d1, d0))
    top, fourth = ((total << _MORE if bits < _BITS else _descaled(total, _MORE)) for total in (t10 + t11, t10 - t11))
    return np.stack([top, first, second, third, fourth, fifth, sixth, seventh])


def _rotated(a: I32, b: I32, c: I32, d: I32) -> tuple[I32, ...]:
    """Apply the rotations of islow's odd half, which are the same in both directions."""
    z1 = (a + d) * -7373
    z2 = (b + c) * -20995
    z3 = a + c
    z4 = b + d
    z5 = (z3 + z4) * 9633
    z3 = z3 * -16069 + z5
    z4 = z4 * -3196 + z5
    return a * 2446 + z1 + z3, b * 16819 + z2 + z4, c * 25172 + z2 + z3, d * 12299 + z1 + z4


def _descaled(values: I32, bits: int) -> I32:
    rounded: I32 = (values + (1 << (bits - 1))) >> bits
    return rounded


def _fast(values: I32) -> I32:
    """Apply ifast's forward DCT along the first axis."""
    (s0, s1, s2, s3), (d0, d1, d2, d3) = _sums_and_differences(values)
    t10 = s0 + s3
    t13 = s0 - s3
    t11 = s1 + s2
    t12 = s1 - s2
    z1 = ((t12 + t13) * 181) >> 8
    a = d3 + d2
    b = d2 + d1
    c = d1 + d0
    z5 = ((a - c) * 98) >> 8
    z2 = ((a * 139) >> 8) + z5
    z4 = ((c * 334) >> 8) + z5
    z3 = (b * 181) >> 8
    z11 = d0 + z3
    z13 = d0 - z3
    return np.stack([t10 + t11, z11 + z4, t13 + z1, z13 - z2, t10 - t11, z13 + z2, t13 - z1, z11 - z4])


def _arai(values: F32) -> F32:
    """Apply the forward DCT of method "float" along the first axis."""
    (s0, s1, s2, s3), (d0, d1, d2, d3) = _sums_and_differences(values)
    t10 = s0 + s3
    t13 = s0 - s3
    t11 = s1 + s2
    t12 = s1 - s2
    z1 = (t12 + t13) * np.float32(0.707106781)
    a = d3 + d2
    b = d2 + d1
    c = d1 + d0
    z5 = (a - c) * np.float32(0.382683433)
    z2 = a * np.float32(0.541196100) + z5
    z4 = c * np.float32(1.306562965) + z5
    z3 = b * np.float32(0.707106781)
    z11 = d0 + z3
    z13 = d0 - z3
    return np.stack([t10 + t11, z11 + z4, t13 + z1, z13 - z2, t10 - t11, z13 + z2, t13 - z1, z11 - z4])


def _sums_and_differences(values: NDArray[_Number]) -> tuple[list[NDArray[_Number]], list[NDArray[_Number]]]:
    """Return the sums and the differences of opposite ends of the first axis."""
    pairs = [(values[place], values[7 - place]) for place in range(4)]
    return [first + last for first, last in pairs], [first - last for first, last in pairs]
