"""libjpeg's arithmetic, bit for bit: coefficients that its encoder makes, and how blocks arrive that it saves again.

A JPEG that is decoded and saved by libjpeg, libjpeg-turbo or a program that uses one of them can be predicted exactly.
Programs choose one of three forward DCTs:

- "islow", the usual one: Loeffler, Ligtenberg, Moschytz 1989, "Practical fast 1-D DCT algorithms with 11
  multiplications" (ICASSP), with constants of 13 bits;
- "ifast": Arai, Agui, Nakajima 1988, "A fast DCT-SQ scheme for images" (Transactions of the IEICE E71), with constants
  of 8 bits and truncated products;
- "float": the same algorithm in single precision.

The inverse DCT is that of islow. Coefficients are in zigzag order, pixels of a block row by row. The kernels compute.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from stegnet import kernels
from stegnet.core.parallel import in_parts
from stegnet.core.pixels import BLOCK, ZIGZAG, in_block_rows, in_strips

DctMethod = Literal["islow", "ifast", "float"]
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
    pixels: NDArray[np.uint8], quanta: Sequence[NDArray[np.integer]], sampling: tuple[int, int], dct: DctMethod
) -> tuple[NDArray[np.int16], ...]:
    """Return the quantised coefficients that libjpeg's encoder makes of pixels.

    Args:
        pixels: (H, W, 3) RGB, or (H, W) grey.
        quanta: the quantisation table of each component, (64,) in zigzag order, 1 to 65,535.
        sampling: pixels for a sample of chroma across and down, such as (2, 2) for 4:2:0.
        dct: forward DCT.

    Returns:
        Coefficients of each component, (rows, columns, 64) in zigzag order.
    """
    if pixels.ndim == 2:
        planes = [pixels]
    else:
        luma, blue, red = ycc = np.empty((3, *pixels.shape[:2]), np.uint8)  # in full size

        def convert(part: slice) -> None:
            kernels.jpeg_ycc(np.ascontiguousarray(pixels[part]), *ycc[:, part])

        in_strips(convert, *pixels.shape[:2])
        planes = [luma, _downsampled(blue, sampling), _downsampled(red, sampling)]
    return tuple(_encoded(plane, _Quantiser.of(table, dct)) for plane, table in zip(planes, quanta, strict=True))


def blocks_that_hold(
    blocks: NDArray[np.int16], offset: NDArray[np.int8], quanta: NDArray[np.integer], dct: DctMethod
) -> NDArray[np.bool_]:
    """Return whether luma blocks arrive as they are sent if they are saved with the same table, (n,).

    Args:
        blocks: quantised coefficients, (n, 64) in zigzag order; their pixels must all be in the picture.
        offset: what decoded pixels gain before they are saved, (n, 64) row by row, as `ColourOffsets.offset`.
        quanta: the quantisation table, (64,) in zigzag order.
        dct: forward DCT of the program that saves them.
    """
    quantiser = _Quantiser.of(quanta, dct)
    limits = quantiser.limits
    held = np.zeros(len(blocks), np.bool_)

    def fill(part: slice) -> None:
        inputs = (np.ascontiguousarray(blocks[part]), np.ascontiguousarray(offset[part]))
        kernels.jpeg_blocks_hold(quantiser.method, *inputs, quantiser.quanta, quantiser.scales, *limits, held[part])

    _in_block_parts(fill, len(blocks))
    return held


def changes_that_hold(
    blocks: NDArray[np.int16],
    offset: NDArray[np.int8],
    quanta: NDArray[np.integer],
    dct: DctMethod,
    wanted: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Return whether luma blocks arrive as they are sent after a change of a single AC coefficient.

    Args:
        blocks: as for `blocks_that_hold`.
        offset: likewise.
        quanta: likewise.
        dct: likewise.
        wanted: the coefficients whose changes are tried, (n, 63) in zigzag order.

    Returns:
        Whether a block arrives so after a change of +1, and after one of −1, (2, n, 63); False for coefficients that
        are not wanted.
    """
    quantiser = _Quantiser.of(quanta, dct)
    limits = quantiser.limits
    held = np.zeros((2, *wanted.shape), np.bool_)

    def fill(part: slice) -> None:
        inputs = (np.ascontiguousarray(blocks[part]), np.ascontiguousarray(offset[part]))
        tried = np.ascontiguousarray(wanted[part])
        tables = (quantiser.quanta, quantiser.scales, *limits)
        kernels.jpeg_steps_hold(quantiser.method, *inputs, *tables, tried, held[0, part], held[1, part])

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
        kernels.jpeg_offsets(filled_up, cols, channels.shape[2], offset[part], room[part])

    in_block_rows(fill, rows)
    return ColourOffsets(offset.reshape(-1, BLOCK**2), room.reshape(-1))


@dataclass(frozen=True, eq=False)
class _Quantiser:
    """Forward DCT of an encoder, and its quantisation.

    Attributes:
        method: number of the DCT: 0 islow, 1 ifast, 2 float.
        quanta: the quantisation table, (64,) row by row.
        scales: divisors of the results of the DCT, (64,) int32 row by row; of "float", factors, float32.
    """

    method: int
    quanta: NDArray[np.int32]
    scales: np.ndarray

    @classmethod
    def of(cls, quanta: NDArray[np.integer], dct: DctMethod) -> Self:
        """Return the quantiser of a table, (64,) in zigzag order."""
        natural = np.empty(BLOCK**2, np.int32)
        natural[ZIGZAG] = quanta
        arai = np.outer(_SCALES, _SCALES).reshape(-1)  # what the results of Arai's DCT are too large by, beside 8
        match dct:
            case "islow":
                return cls(0, natural, 8 * natural)
            case "ifast":
                bits = 14  # of the scales behind the point; 3 stay in the divisors, since the DCT is times 8
                fixed = np.rint(arai * (1 << bits)).astype(np.int64)
                return cls(1, natural, ((natural * fixed + (1 << (bits - 4))) >> (bits - 3)).astype(np.int32))
            case "float":
                return cls(2, natural, (1 / (natural * arai * 8)).astype(np.float32))

    @property
    def limits(self) -> tuple[np.ndarray, np.ndarray]:
        """How far a result of the DCT may be from a multiple of its quantum: towards 0, and away from it, (64,).

        Of integers, it is in the unit of the results. Of "float", in quanta.
        """
        if self.method == 2:
            half = np.full(64, 0.5, np.float32)
            return half, half
        inward = self.scales // 2
        return inward, self.scales - 1 - inward


def _encoded(plane: NDArray[np.uint8], quantiser: _Quantiser) -> NDArray[np.int16]:
    """Return the quantised coefficients of samples, (H, W), whose edges are repeated to fill up blocks."""
    rows = -(-plane.shape[0] // BLOCK)
    cols = -(-plane.shape[1] // BLOCK)
    coded = np.empty((rows, cols, BLOCK**2), np.int16)

    def fill(part: slice) -> None:
        samples = _filled_up(plane, part)
        kernels.jpeg_forward(quantiser.method, samples, cols, quantiser.scales, coded[part])

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


def _downsampled(plane: NDArray[np.uint8], sampling: tuple[int, int]) -> NDArray[np.uint8]:
    """Return the means of rectangles of samples, (H, W), rounded up and down in turn along a row.

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
