"""A JPEG as samples: its quantised luma coefficients (docs/format.md, "JPEG containers").

Changes cost what J-UNIWARD says, and less in the direction of the rounding error. Holub, Fridrich, Denemark 2014,
"Universal distortion function for steganography in an arbitrary domain" (EURASIP JIS 2014:1): the cost is the change
that it makes in the wavelet coefficients of the picture, each relative to its own size. The wavelets and the basis of
the DCT are separable, and so are the absolute values of their products: the sums over windows of 23×23 wavelet
coefficients are computed over columns, and then over rows.
"""

from dataclasses import dataclass, replace
from hashlib import sha256

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from stegnet import kernels
from stegnet.core.parallel import in_parts
from stegnet.core.pixels import BLOCK, COSINES, DCT_BASIS, ZIGZAG, in_block_rows
from stegnet.jpeg.coefficients import JpegPicture
from stegnet.jpeg.cover import estimated_errors
from stegnet.sealing.costs import MEDIAN, WET, Costs
from stegnet.sealing.sample_order import UNEVEN, SampleRules, size_bytes

CARRIED = 63  # coefficients in a block, without the first
COEFFICIENTS = UNEVEN  # most coefficients are 0


@dataclass(frozen=True)
class JpegCostSettings:
    """Settings of the costs of coefficients."""

    stabiliser: np.float32  # of the relative changes
    known: np.float32  # largest discount in a known rounding direction; quality 95 reaches it
    estimated: np.float32  # discount in an estimated direction
    middle: int = 128  # sample value of a coefficient of 0
    window: int = 23  # wavelet coefficients on a side of the square that a change reaches
    margin: int = 15  # pixels around a picture, which are mirrored
    # Coefficients with rational cosines, as places among those carried, and the doubled error, in quanta, from which
    # such a coefficient is a tie.
    rational: tuple[int, ...] = tuple(np.flatnonzero(np.isin(ZIGZAG[1:], (4, 32, 36))).tolist())
    tie: float = 0.99


COST_SETTINGS = JpegCostSettings(stabiliser=np.float32(2**-6), known=np.float32(0.7), estimated=np.float32(0.35))
# High pass of Daubechies' wavelet with eight vanishing moments ("Ten lectures on wavelets", 1992, table 6.1).
_HIGH = np.array([
    -0.0544158422, 0.3128715909, -0.6756307363, 0.5853546837, 0.0158291053, -0.2840155430, -0.0004724846, 0.1287474266,
    0.0173693010, -0.0440882539, -0.0139810279, 0.0087460940, 0.0048703530, -0.0003917404, -0.0006754494, -0.0001174768,
], np.float32)  # fmt: skip
_LOW = ((-1.0) ** np.arange(16) * _HIGH[::-1]).astype(np.float32)


def samples_of(jpeg: JpegPicture) -> NDArray[np.uint8]:
    """Return luma's coefficients without the first of each block, in zigzag order, (rows, 63 · columns, 1) uint8.

    Coefficient c becomes sample (c + 128) mod 256, so that a change of one is a change of the other.
    """
    samples = jpeg.planes[0][..., 1:].astype(np.uint8)
    samples += COST_SETTINGS.middle
    return samples.reshape(len(samples), -1, 1)


def with_samples(jpeg: JpegPicture, samples: NDArray[np.uint8]) -> list[NDArray[np.int16]]:
    """Return the planes of a JPEG with other samples, each within a few levels of the original."""
    luma = jpeg.planes[0].copy()
    changes = (samples - samples_of(jpeg)).view(np.int8)
    luma[..., 1:] += changes.reshape(*luma.shape[:2], CARRIED)
    return [luma, *jpeg.planes[1:]]


def rules_of(jpeg: JpegPicture) -> SampleRules:
    """Return the rules of the samples of a JPEG.

    Its context, which the MAC covers, is the SHA-256 of everything that carries nothing: the size in pixels, the
    quantisation tables, the first coefficients of luma, and chroma.
    """
    hashed = sha256(b"stegnet/1/jpeg" + size_bytes(jpeg.file.height, jpeg.file.width))
    for index, (component, plane) in enumerate(zip(jpeg.file.components, jpeg.planes, strict=True)):
        rows, cols, _ = plane.shape
        hashed.update(bytes([component.across, component.down]) + size_bytes(rows, cols))
        hashed.update(jpeg.quanta(index).astype(">u2").tobytes())
        hashed.update((plane if index else plane[..., 0]).astype(">i2").tobytes())
    return replace(COEFFICIENTS, context=hashed.digest())


def coefficient_costs(jpeg: JpegPicture, errors: NDArray[np.float32] | None = None) -> Costs:
    """Return the costs of luma's samples, (rows, 63 · columns, 1) uint16; clipped blocks cost WET.

    A zero costs that, too, if the encoder made no 1 and no −1 at its frequency: some encoders cut off frequencies, or
    small coefficients.

    Args:
        jpeg: the JPEG with its coefficients.
        errors: rounding errors of luma's coefficients, (rows, columns, 64) float32. A change towards the exact value
            costs 1 − 2·|error| times as much, at least 0.3, except where the exact value lies midway between two
            levels, as happens at frequencies with rational cosines only. None: the errors are unknown; changes in their
            estimated directions get a fixed discount.
    """
    luma = jpeg.planes[0]
    pixels = jpeg.decoded_luma.shown
    rows, cols, _ = luma.shape
    costs = juniward(pixels, jpeg.quanta(0))

    median, has_ones = _median_of_used(luma, costs)
    scale = MEDIAN / (np.median(costs[..., 1:]) if median is None else median)  # what such a coefficient costs
    ties = np.full(BLOCK**2, np.inf, np.float32)
    ties[1:][list(COST_SETTINGS.rational)] = COST_SETTINGS.tie
    estimated = 0.0 if errors is not None else float(COST_SETTINGS.estimated)
    errors_of = estimated_errors(jpeg) if errors is None else errors.__getitem__
    sides = costs.view(np.uint16).reshape(rows, -1)[:, : 2 * cols * CARRIED].reshape(rows, 2, -1, 1)

    def fill(part: slice) -> None:
        blocks = np.ascontiguousarray(luma[part]), costs[part], np.ascontiguousarray(errors_of(part))
        strip = pixels[BLOCK * part.start : BLOCK * part.stop]
        factors = estimated, float(COST_SETTINGS.known), float(scale)
        up, down = np.empty((2, part.stop - part.start, cols * CARRIED, 1), np.uint16)
        kernels.jpeg_step_costs(*blocks, strip, cols, ties, has_ones, *factors, WET, up, down)
        # In the place of what they were computed from: other memory would take longer than the rest.
        sides[part, 0], sides[part, 1] = up, down

    in_block_rows(fill, rows)
    return Costs(sides[:, 0], sides[:, 1])


def _median_of_used(luma: NDArray[np.int16], costs: NDArray[np.float32]) -> tuple[np.float32 | None, NDArray[np.bool_]]:
    """Return the median cost of coefficients that are not 0, without the first of each block; None: all are 0.

    Frequencies with a coefficient of 1 or −1 are returned as well, (64,). Costs are (rows, columns, 64): positive
    floats sort as their bits do, so that the median is found half by half, without a copy.
    """

    def ends(upper: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return how many costs have at most each upper half, or of those with this one, each lower half."""

        def count(part: slice) -> tuple[NDArray[np.uint32], NDArray[np.bool_]]:
            counts = np.zeros(1 << 16, np.uint32)
            ones = np.zeros(BLOCK**2, bool)
            kernels.jpeg_count(np.ascontiguousarray(luma[part]), costs[part], upper, ones, counts)
            return counts, ones

        counts, ones = zip(*in_parts(count, len(luma), most=64), strict=True)
        return np.sum(counts, 0, dtype=np.int64).cumsum(), np.logical_or.reduce(ones)

    upper_ends, ones = ends(-1)
    size = upper_ends[-1]
    if not size:
        return None, ones
    ranks = np.array([(size - 1) // 2, size // 2])
    uppers = np.searchsorted(upper_ends, ranks, "right")
    lower_ends = {upper: ends(upper)[0] for upper in set(uppers.tolist())}
    middle = [
        upper << 16
        | int(np.searchsorted(lower_ends[upper], rank - (upper_ends[upper] - lower_ends[upper][-1]), "right"))
        for upper, rank in zip(uppers.tolist(), ranks, strict=True)
    ]
    return np.array(middle, np.uint32).view(np.float32).mean(), ones


def fixed_samples(jpeg: JpegPicture) -> NDArray[np.bool_]:
    """Return the luma samples that must not change, (rows, 63 · columns, 1) bool, as a change there might be provable.

    These are all samples of `edge_blocks` and of blocks in the middle of a flat area, and those whose change could push
    a pixel out of range: quantising pixels in range gives a block with clipped pixels only for some coefficient values.
    """
    reach = (jpeg.quanta(0).astype(np.float32) * np.abs(DCT_BASIS).max(1)).astype(np.float32)
    fixed: NDArray[np.bool_] = jpeg.decoded_luma.room[..., None] < reach[1:]

    # A block of several colours gets a number of its own, below all first coefficients. In the middle of a flat area,
    # the eight blocks around have the block's colour.
    luma = jpeg.planes[0]
    numbers = np.arange(luma[..., 0].size).reshape(luma.shape[:2]) - (1 << 30)
    colours = np.where(luma[..., 1:].any(2), numbers, luma[..., 0])
    around = sliding_window_view(np.pad(colours, 1, mode="edge"), (3, 3))
    is_flat = np.logical_and.reduce([around[..., row, column] == colours for row, column in np.ndindex(3, 3)])
    fixed |= (edge_blocks(jpeg) | is_flat)[..., None]
    return fixed.reshape(len(fixed), -1, 1)


def edge_blocks(jpeg: JpegPicture) -> NDArray[np.bool_]:
    """Return the luma blocks that extend over the picture's edge, and similar ones, (rows, columns) bool.

    An encoder fills the part of a block beyond the picture's edge by a rule, such as repeating the last row and column;
    hardly any other coefficients are consistent with it. If the encoder also fills blocks that lie entirely outside the
    picture by such a rule, they reveal the blocks beside them. (libjpeg gives them the first coefficient of
    the block before, which reveals nothing.)
    """
    rows, cols, _ = jpeg.planes[0].shape
    luma = jpeg.file.components[0]
    across, down = jpeg.file.mcu
    fixed = np.zeros((rows, cols), bool)

    # ITU-T T.81, A.1.1: a component has ⌈X · H/Hmax⌉ × ⌈Y · V/Vmax⌉ samples.
    whole_rows = -(-jpeg.file.height * luma.down // down) // BLOCK
    whole_cols = -(-jpeg.file.width * luma.across // across) // BLOCK
    fixed[whole_rows:] = True
    fixed[:, whole_cols:] = True

    if jpeg.whole is not None:
        filled_rows, filled_cols, _ = jpeg.whole[0].shape
        if filled_rows > rows:
            fixed[-1] = True
        if filled_cols > cols:
            fixed[:, -1] = True
    return fixed


def juniward(pixels: NDArray[np.uint8], quanta: NDArray[np.integer]) -> NDArray[np.float32]:
    """Return the cost of a change of each coefficient, (rows, columns, 64) float32 in zigzag order.

    Pixels are (8 · rows, 8 · columns), and `quanta` is the quantisation table, (64,) in zigzag order.
    """
    rows = pixels.shape[0] // BLOCK
    cols = pixels.shape[1] // BLOCK
    costs = np.empty((rows, cols, 64), np.float32)
    factors = quanta.astype(np.float32)
    margin = COST_SETTINGS.margin
    shrinks_by = len(_HIGH) - 1  # samples, where a filter would reach beyond the strip
    # Each filter with its absolute responses to the DCT's cosines, (8, 23) float32.
    low, high = (
        (taps, np.abs([np.convolve(cosine, taps[::-1]) for cosine in COSINES]).astype(np.float32))
        for taps in (_LOW, _HIGH)
    )

    def fill(part: slice) -> None:
        around = np.arange(BLOCK * part.start - margin, BLOCK * part.stop + margin) % (2 * len(pixels))
        mirrored = np.minimum(around, 2 * len(pixels) - 1 - around)
        strip = np.pad(pixels[mirrored].astype(np.float32), ((0, 0), (margin, margin)), mode="symmetric")
        changes = np.zeros((part.stop - part.start, cols, 64), np.float32)
        for (vertical, vertical_responses), horizontals in ((low, (high,)), (high, (low, high))):
            height, width = strip.shape
            filtered = np.empty((height - shrinks_by, width), np.float32)
            kernels.filter(strip, width, vertical, 0, 0.0, filtered)
            for horizontal, responses in horizontals:
                weights = np.empty((height - shrinks_by, width - shrinks_by), np.float32)
                kernels.filter(filtered, width, horizontal, 1, float(COST_SETTINGS.stabiliser), weights)
                # The relative change of the wavelet band per unit of each coefficient is added.
                kernels.windows(weights, width - shrinks_by, vertical_responses, responses, changes)
        np.multiply(changes.take(ZIGZAG, 2), factors, out=costs[part])

    in_block_rows(fill, rows)
    return costs
