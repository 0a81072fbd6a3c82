"""A JPEG as a carrier: the quantised luma coefficients are its samples (docs/format.md, "JPEG containers").

Steps cost what J-UNIWARD says, and less in the direction of the rounding error. Holub, Fridrich, Denemark 2014,
"Universal distortion function for steganography in an arbitrary domain" (EURASIP JIS 2014:1): the cost of a step is the
change that it makes in the wavelet coefficients of the picture, each relative to its own size. The wavelets and the
basis of the DCT are separable, and so are the absolute values of their products: the sums over windows of 23×23 wavelet
coefficients are computed over columns, and then over rows.
"""

from dataclasses import replace
from hashlib import sha256

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from stegnet import kernels
from stegnet.core.pixels import BLOCK, COSINES, DCT_BASIS, LEVELS, ZIGZAG, in_block_rows
from stegnet.image.jpeg_coefficients import JpegPicture
from stegnet.media.jpeg_cover import rounding_directions
from stegnet.sealing.carriers import UNEVEN, CarrierModel
from stegnet.sealing.costs import Costs

_NO_COLOUR = 1 << 30  # subtracted from the number of a block with more than one colour
_MIDDLE = 128  # sample value of a coefficient of 0
CARRIED = 63  # coefficients in a block, without the first
_GROUP, COEFFICIENTS = UNEVEN.share, UNEVEN  # most coefficients are 0
_STABILISER, _NONE = np.float32(2**-6), np.float32(0)  # of the relative changes
# High pass of Daubechies' wavelet with eight vanishing moments ("Ten lectures on wavelets", 1992, table 6.1).
_HIGH = np.array([
    -0.0544158422, 0.3128715909, -0.6756307363, 0.5853546837, 0.0158291053, -0.2840155430, -0.0004724846, 0.1287474266,
    0.0173693010, -0.0440882539, -0.0139810279, 0.0087460940, 0.0048703530, -0.0003917404, -0.0006754494, -0.0001174768,
], np.float32)  # fmt: skip
_LOW = ((-1.0) ** np.arange(16) * _HIGH[::-1]).astype(np.float32)
_WINDOW, _MARGIN = 23, 15  # pixels; the margin around a picture is mirrored
_RATIONAL, _TIE = np.flatnonzero(np.isin(ZIGZAG[1:], (4, 32, 36))), 0.99  # coefficients with rational cosines
# Largest discount in a known rounding direction (quality 95 reaches it), and the discount in an estimated direction.
_KNOWN, _ESTIMATED = np.float32(0.7), np.float32(0.35)
_USUAL, WET = 40, 500  # cost of a median nonzero coefficient, and of one that should not change


def samples_of(jpeg: JpegPicture) -> np.ndarray:
    """Return luma's coefficients without the first of each block, in zigzag order, (rows, 63 · columns, 1) uint8.

    Coefficient c becomes sample (c + 128) mod 256, so that a step of one is a step of the other.
    """
    samples = jpeg.planes[0][..., 1:].astype(np.uint8)
    samples += _MIDDLE
    return samples.reshape(len(samples), -1, 1)


def with_samples(jpeg: JpegPicture, samples: np.ndarray) -> list[np.ndarray]:
    """Return the planes of a JPEG with other samples, each within a few steps of the original."""
    luma = jpeg.planes[0].copy()
    steps = (samples - samples_of(jpeg)).view(np.int8)
    luma[..., 1:] += steps.reshape(*luma.shape[:2], CARRIED)
    return [luma, *jpeg.planes[1:]]


def medium_of(jpeg: JpegPicture) -> CarrierModel:
    """Return the carrier model of a JPEG; its MAC also covers the SHA-256 of everything that is not a sample.

    These are the quantisation tables, the first coefficients of luma, and chroma.
    """
    hashed = sha256(b"stegnet/2/jpeg")
    for index, (component, plane) in enumerate(zip(jpeg.file.components, jpeg.planes, strict=True)):
        rows, cols, _ = plane.shape
        hashed.update(bytes([component.across, component.down]) + rows.to_bytes(4, "big") + cols.to_bytes(4, "big"))
        hashed.update(jpeg.steps(index).astype(">u2").tobytes())
        hashed.update((plane if index else plane[..., 0]).astype(">i2").tobytes())
    return replace(COEFFICIENTS, context=hashed.digest())


def coefficient_costs(jpeg: JpegPicture, errors: np.ndarray | None = None) -> Costs:
    """Return the costs of luma's samples, (rows, 63 · columns, 1) uint16, from 1 to 500; clipped blocks cost 500.

    A zero costs 500 too if the encoder made no 1 and no −1 at its frequency: some encoders cut off frequencies or small
    coefficients.

    Args:
        errors: rounding errors of luma's coefficients, (rows, columns, 64) float32. A step towards the exact value
            costs 1 − 2·|error| times as much, at least 0.3, except at ties that only rational cosines produce. None:
            the errors are unknown, and their directions are estimated.
    """
    luma, pixels = jpeg.planes[0], jpeg.decoded_luma.shown
    rows, cols, _ = luma.shape
    ones = in_block_rows(lambda part: (np.abs(luma[part, :, 1:]) == 1).any((0, 1)), rows)
    never_one = ~np.logical_or.reduce(ones)
    costs, used = juniward(pixels, jpeg.steps(0))[..., 1:], luma[..., 1:] != 0
    scale = _USUAL / np.median(costs[used if used.any() else ~used], overwrite_input=True)
    directions = rounding_directions(jpeg)[..., 1:] if errors is None else None
    up, down = np.empty((2, rows, cols * CARRIED, 1), np.uint16)

    def fill(part: slice) -> None:
        if directions is None:
            gains = 2 * errors[part][..., 1:]
            gains[..., _RATIONAL] *= np.abs(gains[..., _RATIONAL]) < _TIE
            gains = np.clip(gains, -_KNOWN, _KNOWN)
        else:
            gains = _ESTIMATED * directions[part]
        blocks = pixels[BLOCK * part.start : BLOCK * part.stop].reshape(-1, BLOCK, cols, BLOCK)
        clipped = ((blocks == 0) | (blocks == LEVELS)).any((1, 3))
        for levels, gain in ((up, np.maximum(gains, 0)), (down, np.maximum(-gains, 0))):
            scaled = np.clip(costs[part] * (1 - gain) * scale, 1, WET).astype(np.uint16)
            scaled[clipped] = WET
            if never_one.any():
                scaled[..., never_one] = np.where(used[part][..., never_one], scaled[..., never_one], WET)
            levels[part] = scaled.reshape(len(scaled), -1, 1)

    in_block_rows(fill, rows)
    return Costs(up, down)


def fixed_samples(jpeg: JpegPicture) -> np.ndarray:
    """Return the luma samples that must not change, (rows, 63 · columns, 1) bool, as a step there might be provable.

    These are all samples of `edge_blocks` and of blocks in the middle of a flat area, and those whose step could push a
    pixel out of range: quantising pixels in range gives a block with clipped pixels only for some coefficient values.
    """
    reach = (jpeg.steps(0).astype(np.float32) * np.abs(DCT_BASIS).max(1)).astype(np.float32)
    fixed = jpeg.decoded_luma.room[..., None] < reach[1:]
    fixed |= (edge_blocks(jpeg) | _flat_blocks(jpeg.planes[0]))[..., None]
    return fixed.reshape(len(fixed), -1, 1)


def _flat_blocks(luma: np.ndarray) -> np.ndarray:
    """Return the one-colour blocks whose eight neighbours have the same colour, (rows, columns) bool."""
    colours = np.where(
        luma[..., 1:].any(2), np.arange(luma[..., 0].size).reshape(luma.shape[:2]) - _NO_COLOUR, luma[..., 0]
    )
    around = sliding_window_view(np.pad(colours, 1, mode="edge"), (3, 3))
    return around.min((2, 3)) == around.max((2, 3))


def edge_blocks(jpeg: JpegPicture) -> np.ndarray:
    """Return the luma blocks that extend over the picture's edge, and similar ones, (rows, columns) bool.

    An encoder fills the part of a block beyond the picture's edge by a rule, such as repeating the last row and column;
    hardly any other coefficients are consistent with it. If the encoder also fills blocks that lie entirely outside the
    picture by such a rule, they reveal what is in the blocks beside them. (libjpeg gives them the first coefficient of
    the block before, which reveals nothing.)
    """
    rows, cols, _ = jpeg.planes[0].shape
    file, own = jpeg.file, jpeg.file.components[0]
    across, down = file.mcu
    fixed = np.zeros((rows, cols), bool)
    # ITU-T T.81, A.1.1: a component has ⌈X · H/Hmax⌉ × ⌈Y · V/Vmax⌉ samples.
    whole_rows, whole_cols = -(-file.height * own.down // down) // BLOCK, -(-file.width * own.across // across) // BLOCK
    fixed[whole_rows:], fixed[:, whole_cols:] = True, True
    if jpeg.whole is not None:
        filled_rows, filled_cols, _ = jpeg.whole[0].shape
        fixed[rows - (filled_rows > rows) :], fixed[:, cols - (filled_cols > cols) :] = True, True
    return fixed


def juniward(pixels: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Return the cost of a step of each coefficient, (rows, columns, 64) float32 in zigzag order.

    Pixels are (8 · rows, 8 · columns), and `steps` is the quantisation table, (64,) in zigzag order.
    """
    rows, cols = pixels.shape[0] // BLOCK, pixels.shape[1] // BLOCK
    costs, steps = np.empty((rows, cols, 64), np.float32), steps.astype(np.float32)

    def fill(part: slice) -> None:
        own = pixels[_mirrored(BLOCK * part.start - _MARGIN, BLOCK * part.stop + _MARGIN, len(pixels))]
        strip = np.pad(own.astype(np.float32), ((0, 0), (_MARGIN, _MARGIN)), mode="symmetric")
        found = np.zeros((part.stop - part.start, cols, 64), np.float32)
        for vertical, horizontals in ((_LOW, (_HIGH,)), (_HIGH, (_LOW, _HIGH))):
            filtered = _filtered(strip, vertical, 0)
            for horizontal in horizontals:
                weights = _filtered(filtered, horizontal, 1, _STABILISER)
                _add_windows(weights, _responses(vertical), _responses(horizontal), found)
        np.multiply(found.take(ZIGZAG, 2), steps, out=costs[part])

    in_block_rows(fill, rows)
    return costs


def _mirrored(first: int, last: int, size: int) -> np.ndarray:
    """Return the indices from `first` to before `last`, with those outside 0 … size − 1 mirrored at the ends."""
    places = np.arange(first, last) % (2 * size)
    return np.minimum(places, 2 * size - 1 - places)


def _add_windows(weights: np.ndarray, down: np.ndarray, across: np.ndarray, blocks: np.ndarray) -> None:
    """Add to each block, (rows, columns, 64) float32, the weighted sums over its window of 23×23 weights.

    Weights are (8 · rows + 15, 8 · columns + 15) float32, the factors `down` and `across` (8, 23). The sum is the
    relative change of a wavelet band per unit of each coefficient.
    """
    if kernels.compiled:
        kernels.compiled.windows(weights, weights.shape[1], down, across, blocks)
        return
    rows, cols, _ = blocks.shape
    tall = np.zeros((rows, BLOCK, weights.shape[1]), np.float32)
    for place, factors in enumerate(down.T):
        tall += weights[place : place + BLOCK * rows : BLOCK, None] * factors[:, None]
    found = np.zeros((rows, BLOCK, cols, BLOCK), np.float32)
    for place, factors in enumerate(across.T):
        found += tall[..., place : place + BLOCK * cols : BLOCK, None] * factors
    blocks += found.transpose(0, 2, 1, 3).reshape(blocks.shape)


def _filtered(values: np.ndarray, taps: np.ndarray, axis: int, stabiliser: np.float32 = _NONE) -> np.ndarray:
    """Filter values, (H, W) float32, along an axis, which shrinks by 15; if a stabiliser is set, invert them."""
    if kernels.compiled:
        shape = list(values.shape)
        shape[axis] -= len(taps) - 1
        out = np.empty(shape, np.float32)
        kernels.compiled.filter(values, values.shape[1], taps, axis, stabiliser, out)
        return out
    windows = sliding_window_view(values, len(taps), axis)
    found = windows[..., 0] * taps[0]
    product = np.empty_like(found)
    for place, tap in enumerate(taps[1:], 1):
        found += np.multiply(windows[..., place], tap, out=product)
    return 1 / (stabiliser + np.abs(found)) if stabiliser else found


def _responses(taps: np.ndarray) -> np.ndarray:
    """Return the absolute responses of a filter to the DCT's cosines, (8, 23) float32."""
    return np.abs([np.convolve(cosine, taps[::-1]) for cosine in COSINES]).astype(np.float32)
