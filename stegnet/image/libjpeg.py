"""libjpeg's arithmetic, bit for bit: coefficients that its encoder makes, and how blocks arrive that it saves again.

A JPEG that is decoded and saved by libjpeg, libjpeg-turbo or a program that uses one of them can be predicted exactly.
Programs choose one of three forward DCTs:

- "islow", the usual one: Loeffler, Ligtenberg, Moschytz 1989, "Practical fast 1-D DCT algorithms with 11
  multiplications" (ICASSP), with constants of 13 bits;
- "ifast": Arai, Agui, Nakajima 1988, "A fast DCT-SQ scheme for images" (Transactions of the IEICE E71), with constants
  of 8 bits and truncated products;
- "float": the same algorithm in single precision.

The inverse DCT is that of islow. Coefficients are in zigzag order, pixels of a block row by row. Arrays of the DCT are
(8, 8, n): rows, columns, blocks. The compiled kernels give the same bits as NumPy, which defines them.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from stegnet import kernels
from stegnet.core.parallel import in_parts
from stegnet.core.pixels import BLOCK, LEVELS, ZIGZAG, by_block, in_block_rows, in_strips

DctMethod = Literal["islow", "ifast", "float"]
_Number = TypeVar("_Number", np.int16, np.int32, np.float32)
_MIDDLE = 128  # the level that encoders subtract
_HALF = 1 << 15  # of fixed-point numbers with 16 bits behind the point, in which libjpeg converts colours
_BITS = 13  # of islow's constants behind the point
_MORE = 2  # bits behind the point that islow keeps between its passes
# Scales of Arai's outputs in each direction, float64.
_SCALES = np.array([1, 1.387039845, 1.306562965, 1.175875602, 1, 0.785694958, 0.541196100, 0.275899379])


@dataclass(frozen=True, eq=False)
class ColourOffsets:
    """Change of luma by the conversion to RGB and back, by block.

    Attributes:
        offset: what each pixel's luma gains, (n, 64) int8, row by row. Only clipped colours change it: without them,
            libjpeg's rounding errors are too small.
        room: least distance of a block's red, green, blue and luma from 0 and 255, (n,) int16; negative: a colour is
            clipped.
    """

    offset: NDArray[np.int8]
    room: NDArray[np.int16]


def encode_planes(
    pixels: NDArray[np.uint8], steps: Sequence[NDArray[np.integer]], sampling: tuple[int, int], dct: DctMethod
) -> tuple[NDArray[np.int16], ...]:
    """Return the quantised coefficients that libjpeg's encoder makes of pixels.

    Args:
        pixels: (H, W, 3) RGB, or (H, W) grey.
        steps: the quantisation table of each component, (64,) in zigzag order, 1 to 65,535.
        sampling: pixels for a sample of chroma across and down, such as (2, 2) for 4:2:0.
        dct: forward DCT.

    Returns:
        Coefficients of each component, (rows, columns, 64) in zigzag order.
    """
    if pixels.ndim == 2:
        planes = [pixels]
    else:
        luma, blue, red = _ycc_of(pixels)
        planes = [luma, _downsampled(blue, sampling), _downsampled(red, sampling)]
    return tuple(_encoded(plane, _quantiser(table, dct)) for plane, table in zip(planes, steps, strict=True))


def arriving_blocks(
    blocks: NDArray[np.int16],
    offset: NDArray[np.int8],
    sent_steps: NDArray[np.integer],
    received_steps: NDArray[np.integer],
    dct: DctMethod,
) -> NDArray[np.int16]:
    """Return luma blocks that are sent with one table as they arrive, decoded and saved with another.

    The pixels of a block must all be in the picture.

    Args:
        blocks: quantised coefficients, (n, 64) in zigzag order.
        offset: what decoded pixels gain before they are saved, (n, 64) row by row, as `ColourOffsets.offset`.
        sent_steps: the quantisation table of the blocks, (64,) in zigzag order.
        received_steps: the quantisation table with which they are saved, likewise.
        dct: forward DCT of the program that saves them.

    Returns:
        Quantised coefficients, (n, 64) in zigzag order.
    """
    sent = _row_by_row(sent_steps)
    quantiser = _quantiser(received_steps, dct)
    arrived = np.empty(blocks.shape, np.int16)

    def fill(part: slice) -> None:
        inputs = (np.ascontiguousarray(blocks[part]), np.ascontiguousarray(offset[part]))
        if kernels.compiled:
            kernels.compiled.jpeg_arrive(quantiser.number, *inputs, sent, quantiser.scales, arrived[part])
            return
        columns = _inverse_columns(_dequantised(inputs[0], sent))
        arrived[part] = _in_zigzag(quantiser.quantised(_shown(columns, inputs[1])))

    _in_block_parts(fill, len(blocks))
    return arrived


def blocks_that_hold(
    blocks: NDArray[np.int16], offset: NDArray[np.int8], steps: NDArray[np.integer], dct: DctMethod, margin: float
) -> NDArray[np.bool_]:
    """Return whether luma blocks arrive as they are sent if they are saved with the same table, (n,).

    Args:
        blocks: as for `arriving_blocks`.
        offset: likewise.
        steps: the quantisation table, (64,) in zigzag order.
        dct: forward DCT of the program that saves them.
        margin: levels, in the unit of `steps`, by which each coefficient must be inside its interval of rounding: more
            than 0 for programs whose DCT differs slightly.
    """
    quantiser = _quantiser(steps, dct)
    limits = quantiser.limits(margin)
    held = np.zeros(len(blocks), np.bool_)

    def fill(part: slice) -> None:
        inputs = (np.ascontiguousarray(blocks[part]), np.ascontiguousarray(offset[part]))
        if kernels.compiled:
            tables = (quantiser.steps, quantiser.scales, *limits)
            kernels.compiled.jpeg_blocks_hold(quantiser.number, *inputs, *tables, held[part])
            return
        columns = _inverse_columns(_dequantised(inputs[0], quantiser.steps))
        held[part] = quantiser.holds(_shown(columns, inputs[1]), _by_frequency(inputs[0]), margin)

    _in_block_parts(fill, len(blocks))
    return held


def steps_that_hold(
    blocks: NDArray[np.int16],
    offset: NDArray[np.int8],
    steps: NDArray[np.integer],
    dct: DctMethod,
    margin: float,
    wanted: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Return whether luma blocks arrive as they are sent after a step of a single AC coefficient.

    Args:
        blocks: as for `blocks_that_hold`.
        offset: likewise.
        steps: likewise.
        dct: likewise.
        margin: likewise.
        wanted: the coefficients whose steps are tried, (n, 63) in zigzag order.

    Returns:
        Whether a block arrives so after a step of +1, and after a step of −1, (2, n, 63); False for coefficients that
        are not wanted.
    """
    quantiser = _quantiser(steps, dct)
    limits = quantiser.limits(margin)
    held = np.zeros((2, *wanted.shape), np.bool_)

    def fill(part: slice) -> None:
        inputs = (np.ascontiguousarray(blocks[part]), np.ascontiguousarray(offset[part]))
        tried = np.ascontiguousarray(wanted[part])
        if kernels.compiled:
            tables = (quantiser.steps, quantiser.scales, *limits)
            kernels.compiled.jpeg_steps_hold(quantiser.number, *inputs, *tables, tried, held[0, part], held[1, part])
            return
        held[:, part] = _steps_held(*inputs, tried, quantiser, margin)

    _in_block_parts(fill, len(blocks))
    return held


def colour_offsets(decoded: NDArray[np.uint8]) -> ColourOffsets:
    """Return the change of luma where a decoded picture is converted to RGB and back by libjpeg.

    Args:
        decoded: luma and chroma in full size, (H, W, 3), as Pillow decodes them after `draft("YCbCr", size)`; or luma
            alone, (H, W). Edges are repeated to fill up blocks.
    """
    channels = decoded.reshape(*decoded.shape[:2], -1)
    rows = -(-channels.shape[0] // BLOCK)
    cols = -(-channels.shape[1] // BLOCK)
    offset = np.empty((rows, cols, BLOCK**2), np.int8)
    room = np.empty((rows, cols), np.int16)

    def fill(part: slice) -> None:
        filled_up = _filled_up(channels, part)
        if kernels.compiled:
            kernels.compiled.jpeg_offsets(filled_up, cols, channels.shape[2], offset[part], room[part])
            return
        luma = filled_up[..., 0].astype(np.int32)
        colours = luma + _added_colours(filled_up[..., 1:].astype(np.int32) - _MIDDLE)
        offset[part] = by_block(_luma_of(colours.clip(0, LEVELS)) - luma)
        least = np.minimum(colours.min(0), luma)
        highest = np.maximum(colours.max(0), luma)
        room[part] = by_block(np.minimum(least, LEVELS - highest)).min(2)

    in_block_rows(fill, rows)
    return ColourOffsets(offset.reshape(-1, BLOCK**2), room.reshape(-1))


class _Quantiser(ABC):
    """Forward DCT of an encoder, and its quantisation.

    Attributes:
        number: the DCT's number in the compiled kernels.
        steps: the quantisation table, (64,) int32 row by row.
        scales: divisors of the results of the DCT, (64,) int32 row by row; float32: factors.
    """

    number: int
    steps: NDArray[np.int32]
    scales: NDArray[np.int32] | NDArray[np.float32]

    @abstractmethod
    def quantised(self, shown: NDArray[np.int32]) -> NDArray[np.int16]:
        """Return the quantised DCT of pixels, (8, 8, n), less 128."""

    @abstractmethod
    def holds(self, shown: NDArray[np.int32], planned: NDArray[np.int16], margin: float) -> NDArray[np.bool_]:
        """Return whether the quantised DCT of pixels is as planned, (n,); arguments as those of `blocks_that_hold`."""

    @abstractmethod
    def limits(self, margin: float) -> tuple[NDArray[np.int32] | NDArray[np.float32], ...]:
        """Return how far a result of the DCT may be from a multiple of its step: towards 0, and away from it, (64,)."""


class _IntegerQuantiser(_Quantiser):
    """Quantiser of a DCT in integers, which divides its results and rounds halves away from 0."""

    scales: NDArray[np.int32]

    @abstractmethod
    def transformed(self, shown: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return the DCT of pixels, (8, 8, n)."""

    def quantised(self, shown: NDArray[np.int32]) -> NDArray[np.int16]:
        """Return the rounded quotients."""
        values = self.transformed(shown)
        divisors = _cube(self.scales)
        quotients = (np.abs(values) + divisors // 2) // divisors
        signed: NDArray[np.int16] = np.where(values < 0, -quotients, quotients).astype(np.int16)
        return signed

    def holds(self, shown: NDArray[np.int32], planned: NDArray[np.int16], margin: float) -> NDArray[np.bool_]:
        """Return whether all results are between their limits."""
        inward, outward = (_cube(limit) for limit in self.limits(margin))
        away = self.transformed(shown) - planned * _cube(self.scales)
        below = np.where(planned > 0, inward, outward)
        above = np.where(planned < 0, inward, outward)
        held: NDArray[np.bool_] = np.all((away >= -below) & (away <= above), axis=(0, 1))
        return held

    def limits(self, margin: float) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return limits in the unit of the DCT's results, below which there are none of an interval."""
        within = np.floor(self.scales * (0.5 - margin / self.steps)).astype(np.int32)
        inward = self.scales // 2
        outward = self.scales - 1 - inward
        return np.minimum(inward, within), np.minimum(outward, within)


class _Slow(_IntegerQuantiser):
    """Method "islow"."""

    number = 0

    def __init__(self, steps: NDArray[np.int32]) -> None:
        self.steps = steps
        self.scales = 8 * steps

    def transformed(self, shown: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return the DCT, times 8."""
        rows = _slow(shown.swapaxes(0, 1), _BITS - _MORE).swapaxes(0, 1)
        return _slow(rows, _BITS + _MORE)


class _Fast(_IntegerQuantiser):
    """Method "ifast"."""

    number = 1

    def __init__(self, steps: NDArray[np.int32]) -> None:
        bits = 14  # of the scales behind the point; 3 stay in the divisors, since the DCT is times 8
        scales = np.rint(np.outer(_SCALES, _SCALES).reshape(-1) * (1 << bits)).astype(np.int64)
        self.steps = steps
        self.scales = ((steps * scales + (1 << (bits - 4))) >> (bits - 3)).astype(np.int32)

    def transformed(self, shown: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return the DCT, times 8 and Arai's scales."""
        return _fast(_fast(shown.swapaxes(0, 1)).swapaxes(0, 1))


class _Float(_Quantiser):
    """Method "float"."""

    number = 2
    scales: NDArray[np.float32]

    def __init__(self, steps: NDArray[np.int32]) -> None:
        self.steps = steps
        self.scales = (1 / (steps * np.outer(_SCALES, _SCALES).reshape(-1) * 8)).astype(np.float32)

    def quantised(self, shown: NDArray[np.int32]) -> NDArray[np.int16]:
        """Return the rounded products, halves to even, as libjpeg-turbo does on x86; elsewhere it rounds them up."""
        return _rounded(self._quotients(shown)).astype(np.int16)

    def holds(self, shown: NDArray[np.int32], planned: NDArray[np.int16], margin: float) -> NDArray[np.bool_]:
        """Return whether all quotients are rounded as planned, and within their limits."""
        inward, _ = self.limits(margin)
        quotients = self._quotients(shown)
        middle = planned.astype(np.float32)
        near = np.abs(quotients - middle) <= _cube(inward)
        held: NDArray[np.bool_] = (near & (_rounded(quotients) == middle)).all((0, 1))
        return held

    def limits(self, margin: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the limits of quotients."""
        within = (0.5 - margin / self.steps).astype(np.float32)
        return within, within

    def _quotients(self, shown: NDArray[np.int32]) -> NDArray[np.float32]:
        values = shown.astype(np.float32)
        quotients: NDArray[np.float32] = _arai(_arai(values.swapaxes(0, 1)).swapaxes(0, 1)) * _cube(self.scales)
        return quotients


def _quantiser(steps: NDArray[np.integer], dct: DctMethod) -> _Quantiser:
    """Return the quantiser of a table, (64,) in zigzag order."""
    natural = _row_by_row(steps)
    match dct:
        case "islow":
            return _Slow(natural)
        case "ifast":
            return _Fast(natural)
        case "float":
            return _Float(natural)


def _steps_held(
    blocks: NDArray[np.int16],
    offset: NDArray[np.int8],
    wanted: NDArray[np.bool_],
    quantiser: _Quantiser,
    margin: float,
) -> NDArray[np.bool_]:
    """Do the work of `steps_that_hold` in NumPy."""
    held = np.zeros((2, *wanted.shape), np.bool_)
    values = _dequantised(blocks, quantiser.steps)
    columns = _inverse_columns(values)
    for place in range(1, BLOCK**2):
        numbers = np.flatnonzero(wanted[:, place - 1])
        row, column = divmod(int(ZIGZAG[place]), BLOCK)
        step = quantiser.steps[ZIGZAG[place]].astype(np.int16)
        for side, direction in enumerate((1, -1)):
            changed = values[:, column : column + 1, numbers]  # the only column of the first pass that changes
            changed[row] += direction * step
            stepped = columns[..., numbers]
            stepped[:, column : column + 1] = _inverse_columns(changed)
            planned = _by_frequency(blocks[numbers])
            planned[row, column] += direction
            held[side, numbers, place - 1] = quantiser.holds(_shown(stepped, offset[numbers]), planned, margin)
    return held


def _encoded(plane: NDArray[np.uint8], quantiser: _Quantiser) -> NDArray[np.int16]:
    """Return the quantised coefficients of samples, (H, W), whose edges are repeated to fill up blocks."""
    rows = -(-plane.shape[0] // BLOCK)
    cols = -(-plane.shape[1] // BLOCK)
    coded = np.empty((rows, cols, BLOCK**2), np.int16)

    def fill(part: slice) -> None:
        samples = _filled_up(plane, part)
        if kernels.compiled:
            kernels.compiled.jpeg_forward(quantiser.number, samples, cols, quantiser.scales, coded[part])
            return
        shown = by_block(samples).reshape(-1, BLOCK**2).astype(np.int32).T.reshape(BLOCK, BLOCK, -1)
        coded[part] = _in_zigzag(quantiser.quantised(shown - _MIDDLE)).reshape(-1, cols, BLOCK**2)

    in_block_rows(fill, rows)
    return coded


def _filled_up(plane: NDArray[np.uint8], part: slice) -> NDArray[np.uint8]:
    """Return rows of blocks of a plane, (H, W) or (H, W, C), with its edges repeated to fill up blocks."""
    strip = plane[BLOCK * part.start : BLOCK * part.stop]
    below = BLOCK * (part.stop - part.start) - len(strip)
    right = -plane.shape[1] % BLOCK
    if not below and not right:
        return np.ascontiguousarray(strip)
    return np.pad(strip, ((0, below), (0, right), *[(0, 0)] * (plane.ndim - 2)), mode="edge")


def _ycc_of(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return luma and chroma of RGB, (3, H, W), in full size."""
    planes = np.empty((3, *pixels.shape[:2]), np.uint8)

    def fill(part: slice) -> None:
        if kernels.compiled:
            kernels.compiled.jpeg_ycc(np.ascontiguousarray(pixels[part]), *planes[:, part])
            return
        red, green, blue = np.moveaxis(pixels[part].astype(np.int32), 2, 0)
        planes[0, part] = _luma_of(np.stack([red, green, blue]))
        middle = (_MIDDLE << 16) + _HALF - 1
        planes[1, part] = (middle + 32768 * blue - 11059 * red - 21709 * green) >> 16
        planes[2, part] = (middle + 32768 * red - 27439 * green - 5329 * blue) >> 16

    in_strips(fill, *pixels.shape[:2])
    return planes


def _luma_of(colours: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the luma of red, green and blue, (3, ...)."""
    red, green, blue = colours
    luma: NDArray[np.int32] = (19595 * red + 38470 * green + 7471 * blue + _HALF) >> 16
    return luma


def _added_colours(chroma: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the differences of red, green and blue from luma, (3, H, W), before they are clipped.

    Args:
        chroma: (H, W, 2), less 128; or (H, W, 0) of a grey picture.
    """
    if not chroma.shape[2]:
        return np.zeros((3, *chroma.shape[:2]), np.int32)
    blue, red = np.moveaxis(chroma, 2, 0)
    green = (_HALF - 22554 * blue - 46802 * red) >> 16
    return np.stack([(91881 * red + _HALF) >> 16, green, (116130 * blue + _HALF) >> 16])


def _downsampled(plane: NDArray[np.uint8], sampling: tuple[int, int]) -> NDArray[np.uint8]:
    """Return the means of rectangles of samples, rounded up and down in turn along a row.

    libjpeg repeats the last column up to whole blocks before it takes means, but the last row afterwards.
    """
    across, down = sampling
    if sampling == (1, 1):
        return plane
    height = -(-plane.shape[0] // down)
    width = -(-plane.shape[1] // (BLOCK * across)) * BLOCK
    # Of libjpeg's three functions, two round to nearest in the mean, and the general one rounds halves up.
    bias = {(2, 1): (0, 1), (2, 2): (1, 2)}.get(sampling, (across * down // 2,) * 2)
    small = np.empty((height, width), np.uint8)

    def fill(part: slice) -> None:
        strip = plane[down * part.start : down * part.stop]
        below = down * (part.stop - part.start) - len(strip)
        filled_up = np.pad(strip, ((0, below), (0, across * width - plane.shape[1])), mode="edge")
        sums = np.tile(np.array(bias, np.uint16), (part.stop - part.start, width // 2))
        for top in range(down):
            for left in range(across):
                sums += filled_up[top::down, left::across]
        small[part] = sums // (across * down)

    in_strips(fill, height, width)
    return small


def _in_block_parts(work: Callable[[slice], None], count: int) -> None:
    """Call `work` with parts of a number of blocks, which threads share."""
    in_parts(work, count, most=1 << 11)


def _row_by_row(steps: NDArray[np.integer]) -> NDArray[np.int32]:
    """Return a quantisation table in zigzag order row by row, (64,)."""
    natural = np.empty(BLOCK**2, np.int32)
    natural[ZIGZAG] = steps
    return natural


def _by_frequency(blocks: NDArray[np.int16]) -> NDArray[np.int16]:
    """Return coefficients in zigzag order, (n, 64), as (8, 8, n)."""
    natural = np.empty((BLOCK**2, len(blocks)), np.int16)
    natural[ZIGZAG] = blocks.T
    return natural.reshape(BLOCK, BLOCK, -1)


def _in_zigzag(coefficients: NDArray[np.int16]) -> NDArray[np.int16]:
    """Return coefficients, (8, 8, n), in zigzag order, (n, 64)."""
    return coefficients.reshape(BLOCK**2, -1)[ZIGZAG].T


def _cube(table: NDArray[_Number]) -> NDArray[_Number]:
    return table.reshape(BLOCK, BLOCK, 1)


def _dequantised(blocks: NDArray[np.int16], steps: NDArray[np.int32]) -> NDArray[np.int16]:
    """Return coefficients, (n, 64) in zigzag order, times steps, (8, 8, n), of 16 bits as libjpeg-turbo's."""
    products: NDArray[np.int16] = _by_frequency(blocks) * _cube(steps.astype(np.int16))
    return products


def _shown(columns: NDArray[np.int32], offset: NDArray[np.int8]) -> NDArray[np.int32]:
    """Return the pixels of blocks less 128, (8, 8, n), with their offset, (n, 64), after `_inverse_columns`."""
    samples = _inverse(columns.swapaxes(0, 1), _BITS + _MORE + 3).swapaxes(0, 1)
    clipped: NDArray[np.int32] = np.clip(samples, -_MIDDLE, LEVELS - _MIDDLE)
    return clipped + offset.T.reshape(BLOCK, BLOCK, -1)


def _inverse_columns(values: NDArray[np.int16]) -> NDArray[np.int32]:
    """Apply the first pass of islow's inverse DCT to columns, (8, columns, n)."""
    return _inverse(values.astype(np.int32), _BITS - _MORE)


def _inverse(values: NDArray[np.int32], bits: int) -> NDArray[np.int32]:
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


def _slow(values: NDArray[np.int32], bits: int) -> NDArray[np.int32]:
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


def _rotated(
    a: NDArray[np.int32], b: NDArray[np.int32], c: NDArray[np.int32], d: NDArray[np.int32]
) -> tuple[NDArray[np.int32], ...]:
    """Apply the rotations of islow's odd half, which are the same in both directions."""
    z1 = (a + d) * -7373
    z2 = (b + c) * -20995
    z3 = a + c
    z4 = b + d
    z5 = (z3 + z4) * 9633
    z3 = z3 * -16069 + z5
    z4 = z4 * -3196 + z5
    return a * 2446 + z1 + z3, b * 16819 + z2 + z4, c * 25172 + z2 + z3, d * 12299 + z1 + z4


def _descaled(values: NDArray[np.int32], bits: int) -> NDArray[np.int32]:
    rounded: NDArray[np.int32] = (values + (1 << (bits - 1))) >> bits
    return rounded


def _fast(values: NDArray[np.int32]) -> NDArray[np.int32]:
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


def _arai(values: NDArray[np.float32]) -> NDArray[np.float32]:
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


def _rounded(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return numbers rounded to nearest, halves to even."""
    return np.rint(values, dtype=np.float32)


def _sums_and_differences(values: NDArray[_Number]) -> tuple[list[NDArray[_Number]], list[NDArray[_Number]]]:
    """Return the sums and the differences of opposite ends of the first axis."""
    pairs = [(values[place], values[7 - place]) for place in range(4)]
    return [first + last for first, last in pairs], [first - last for first, last in pairs]
