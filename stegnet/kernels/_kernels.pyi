"""What each kernel computes, and from which arrays.

All are positional. Arrays that do not fit each other raise ValueError; results are written into the last ones.

Of JPEGs, blocks are quantised coefficients, (n, 64) int16 in zigzag order; steps, scales and limits are row by row,
(64,). The methods of the forward DCT are 0 for "islow", 1 for "ifast" and 2 for "float", as in `stegnet.jpeg.libjpeg`.
"""

import numpy as np
from numpy.typing import NDArray

from stegnet.kernels.arrays import F32, I8, I16, I32, I64, U8, U16, U32, U64, Bools

Band = tuple[int, int, int, int, int]
McuLayout = tuple[int, int, int]
Table = NDArray[np.int32] | NDArray[np.float32]  # float32 of "float"

def smooth(picture: U8, width: int, out: I32) -> None:
    """Write the smoothed inverse texture of a picture, (H, W, 3): (H, W).

    The texture is the Ker-Böhme residual, [[-1, 2, -1], [2, -4, 2], [-1, 2, -1]], of all channels together.
    """

def search(
    missing: U8, up: U16, down: U16, changes: I8, starts: I64, columns: U16, height: int, first: int, step: int
) -> None:
    """Write the changes of every step-th lane from the first on that add `missing` to the trits at the least cost.

    There are (rows, lanes) trits. The costs of +1 and −1 and the changes are (length, lanes); `starts`, (rows + 1,),
    are the index of each row's first sum in its lane, and the end of the last. Columns of the parity-check matrix are
    numbers to the base 3 with `height` digits.
    """

def syndrome(values: U8, merged: int, starts: I64, columns: U16, height: int, trits: U8) -> None:
    """Write the trits, (rows, lanes), that sums of `merged` values each, (length, merged, lanes), hold modulo 3.

    The rest is as for `search`.
    """

def numbers(runs: I64, first: int, out: I32) -> None:
    """Write the numbers of the samples at the places from the first on, (n,), in an order of runs of data samples."""

def greens(runs: I64, first: int, count: int, channels: int, out: I32) -> int:
    """Write the numbers of the green samples at `count` places from the first on, and return how many they are.

    Every sample of a picture with one channel counts as green.
    """

def mark(runs: I64, first: int, count: int, samples: int, marks: U8) -> None:
    """Set the bits, the lowest of a byte first, of the samples at `count` places from the first on, (⌈S/8⌉,)."""

def final(
    samples: U8,
    costs: U16,
    ties: U16,
    mirror: bool,
    edge: int,
    shift: int,
    high: int,
    wet: int,
    most: int,
    together: int,
    out: U16,
) -> None:
    """Write the costs of steps, (n,), shifted to the right, at most `high`, plus the three highest bits of ties.

    These are inverted by `mirror`. What costs `wet` or more costs `most`, and so do samples at the edge, which can't
    step. An item has `together` samples, and costs as much as the most expensive one. Costs are (n · together,), or
    (n,) if its samples share one. Arrays may have any shape.
    """

def gather(samples: U8, numbers: I32, out: U8) -> None:
    """Write the numbered samples."""

def price(
    numbers: I32,
    size: int,
    up: U16,
    down: U16,
    free: U8,
    beside: int,
    dear: int,
    together: int,
    shift: int,
    out_up: U16,
    out_down: U16,
) -> None:
    """Write the costs of +1 and −1 of some of `size` samples of a picture.

    Of the picture, which is rolled by `shift` samples, so many `together` share a cost. `free` is a mask of the samples
    that may change, as of `mark`, or empty if all may; a sample costs `dear` unless those that are `beside` it, so far
    to each side, are free.
    """

def merge(
    samples: U8,
    numbers: I32,
    merged: int,
    lanes: int,
    ties: U16,
    up: U16,
    down: U16,
    free: U8,
    beside: int,
    dear: int,
    together: int,
    shift: int,
    out: U8,
    raised: U64,
    lowered: U64,
) -> None:
    """Write the sums of samples modulo 3, and each one's cheapest steps, as `stegnet.sealing.trellis.Sums`.

    The numbers of samples are (rows, merged, lanes): `merged` of them for each of the (rows, lanes) sums. There is a
    tie for each number; arguments from `up` to `shift` are those of `price`.
    """

def merge_runs(
    samples: U8,
    ranks: I32,
    first: int,
    channels: int,
    merged: int,
    lanes: int,
    ties: U16,
    up: U16,
    down: U16,
    free: U8,
    beside: int,
    dear: int,
    together: int,
    values: U8,
    raised: U64,
    lowered: U64,
) -> None:
    """Merge the green samples of consecutive runs of data samples into sums, as `merge` does of numbered samples.

    A run's rank is the place of its first green sample among the numbers of `merge`; a run of a negative one is left
    out. There is a tie for each sample from the first run's first to the last run's last. The samples are added to
    `values`, and cheaper steps replace those in `raised` and `lowered`.
    """

def follow(
    numbers: I32,
    channels: int,
    moved: I8,
    width: int,
    together: int,
    lanes: int,
    first: int,
    stride: int,
    up: U16,
    down: U16,
    out_up: U16,
    out_down: U16,
) -> None:
    """Write the costs of a further step of the samples in every stride-th lane from the first on.

    They are so many times less, `together`, where the four pixels around moved the same way. Pixels have `channels`
    samples; `moved` are their steps, in rows of `width`, with a row of zeros above and one below.
    """

def step(samples: U8, numbers: I32, changes: I8, free: U8, beside: int) -> None:
    """Change the numbered samples, and those so far to each side that are free, as of `price`, by −1, 0 or 1.

    A change out of range goes the other way by 2 instead.
    """

def filter(values: F32, width: int, taps: F32, axis: int, stabiliser: float, out: F32) -> None:
    """Filter values, (H, W), along an axis, which shrinks by 15; with a stabiliser above 0, write the inverse sizes.

    The inverse size of v is 1 / (stabiliser + |v|).
    """

def windows(weights: F32, width: int, down: F32, across: F32, out: F32) -> None:
    """Add to each block, (rows, columns, 64), the weighted sums over its window of 23×23 weights.

    Weights are (8 · rows + 15, 8 · columns + 15), the factors `down` and `across` (8, 23).
    """

def rows(samples: U8, before: U8, width: int, apart: int, tried: bytes, out: U8) -> None:
    """Filter rows for a PNG, (n, width), each by the first of the filters with the least sum of absolute values.

    Pixels are `apart` bytes, and `before` is the row above the first. Before each row, its filter's number is written:
    (n, 1 + width).
    """

def decode(ratios: F32, ends: I32, groups: I64, table: F32, iterations: int, message: U8) -> bool:
    """Write the first bits of a codeword, (k,), and return whether one is found.

    Args:
        ratios: (n,) log-likelihood ratios, positive for 1.
        ends: the bit of each edge, (E,); in a group come the first edges of all its checks, then their second edges,
            and so on.
        groups: degree and number of checks of each group, (groups, 2).
        table: φ(x) = −ln tanh(x / 2), its own inverse (Gallager 1963), by cells.
        iterations: number of rounds after which decoding gives up.
        message: (k,), written if a codeword is found.
    """

def jpeg_show(values: F32, columns: int, shown: U8, room: F32) -> None:
    """Round pixels of blocks, (rows, columns, 64) relative to 128, to (8 · rows, 8 · columns), and clip them.

    The room of a block, (rows, columns), is the least distance of its pixels from 0 and 255 before. The values change.
    """

def jpeg_variances(pixels: U8, width: int, first: int, out: F32) -> None:
    """Write the variances of the 3×3 pixels around each one of rows of a picture from the first on, (n, W).

    Pixels at the edges of the picture repeat beyond them.
    """

def jpeg_wiener(pixels: U8, width: int, first: int, noise: float, least: float, out: F32) -> None:
    """Filter pixels, (8 · rows, 8 · columns), from a row on, by Wiener's filter of 3×3 for a variance of the noise.

    The result is arranged by block, (n, columns, 64), relative to 128. Noise is taken for the `least` if it is less.
    """

def jpeg_errors(luma: I16, quanta: F32, exact: F32) -> None:
    """Turn exact coefficients, (n, 64), into errors: in `quanta`, less what they were rounded to, `luma`."""

def jpeg_count(luma: I16, costs: F32, upper: int, ones: Bools, counts: U32) -> None:
    """Add how often the upper 16 bits of costs, (n, 64), occur, (65536,), or the lower ones of those with some upper.

    Only coefficients that are not 0 count, without the first of each block. Frequencies with a coefficient of 1 or −1
    are marked in `ones`, (64,). These upper bits are −1 for the former.
    """

def jpeg_step_costs(
    luma: I16,
    costs: F32,
    errors: F32,
    pixels: U8,
    columns: int,
    ties: F32,
    ones: Bools,
    estimated: float,
    known: float,
    scale: float,
    wet: int,
    up: U16,
    down: U16,
) -> None:
    """Write the costs of steps by 1 and −1 of coefficients, (rows, columns, 63), from 1 to `wet`.

    They cost `wet` in blocks with pixels, (8 · rows, 8 · columns), of 0 or 255, and 0 where no `ones` are, (64,).

    Args:
        luma: coefficients, (rows, columns, 64).
        costs: costs of their steps, before they are scaled.
        errors: exact values less the coefficients.
        pixels: pixels of the blocks.
        columns: blocks in a row.
        ties: doubled errors from which there is no discount, (64,).
        ones: frequencies at which a coefficient is 1 or −1.
        estimated: discount of steps towards the exact value, if errors are estimated; 0: they are known.
        known: the largest of these discounts, which are then the doubled errors.
        scale: factor of all costs.
        wet: cost of steps that should not be made.
        up: costs of steps by 1.
        down: costs of steps by −1.
    """

def jpeg_ycc(rgb: U8, luma: U8, blue: U8, red: U8) -> None:
    """Convert RGB, (H, W, 3), to luma and chroma, (H, W) each."""

def jpeg_offsets(decoded: U8, columns: int, channels: int, offset: I8, room: I16) -> None:
    """Find what luma gains by the conversion to RGB and back, and the least distance of colours from 0 and 255.

    Luma and chroma, or luma alone, are (8 · rows, 8 · columns, channels); the offset is (rows, columns, 64), the room
    of blocks (rows, columns).
    """

def jpeg_forward(method: int, samples: U8, columns: int, scales: Table, coefficients: I16) -> None:
    """Quantise the DCT of rows of blocks of samples, (8 · rows, 8 · columns), by (64,) `scales`, row by row.

    The coefficients, (rows, columns, 64), are in zigzag order. Scales are int32, or float32 of method 2.
    """

def jpeg_blocks_hold(
    method: int, blocks: I16, offset: I8, steps: I32, scales: Table, inward: Table, outward: Table, held: Bools
) -> None:
    """Find the blocks, (n,), that arrive as they are, with results of the DCT within limits.

    The limits are how far a result may be from the multiple of its step, towards 0 and away from it; below 0: not at
    all.
    """

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
    """Find the coefficients, of those wanted, (n, 63), after whose step of 1 or −1 a block arrives as it is then.

    The limits are those of `jpeg_blocks_hold`.
    """

def decode_scan(
    data: memoryview, band: Band, size: McuLayout, layout: np.ndarray, tables: np.ndarray, coefficients: np.ndarray
) -> bool:
    """Decode the data of a scan, and return whether all bytes were used, to the last one.

    Args:
        data: bytes of the scan.
        band: 1 if it is progressive, its first and last coefficient, and its high and low bit.
        size: rows and columns of MCUs, and the MCUs between restart markers; 0: there are none.
        layout: of each component the first block, the blocks from one row to the next, and those of an MCU, across and
            down, (n, 4) int64.
        tables: of each component its tables for DC and AC, (n, 2, 272) uint8: 16 numbers of codes by length, and the
            symbols.
        coefficients: blocks of all components, (blocks, 64) int16 in zigzag order, which are changed.
    """

def count(
    planes: tuple[I16, ...], layout: I64, mcus: tuple[int, int], dc: U8, ac: U8, interval: int, counts: I64
) -> None:
    """Add the uses of each symbol of each table, (32, 256), in a scan.

    Args:
        planes: blocks of each component, (rows, columns, 64) in zigzag order, without those that only fill up MCUs.
        layout: of each component, rows and columns, and the blocks of an MCU, across and down, (n, 4) int64.
        mcus: rows and columns of MCUs.
        dc: key of each component's table for DC.
        ac: key of each component's table for AC.
        interval: blocks between restart markers.
        counts: numbers that are added to.
    """

def code(
    planes: tuple[I16, ...],
    layout: I64,
    mcus: tuple[int, int],
    dc: U8,
    ac: U8,
    interval: int,
    codes: U16,
    sizes: U8,
    out: U8,
) -> int:
    """Write the bytes of a scan, of which `out` holds twice as many, and return their number.

    A symbol's code in each table is in `codes`, (32, 256), and its length in bits in `sizes`; ValueError is raised if
    that of a symbol that is used is 0. The other arguments are those of `count`.
    """
