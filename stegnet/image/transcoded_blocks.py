"""Luma blocks on their way through a channel that decodes a JPEG and saves it with other tables.

Blocks do not depend on each other there: what arrives of one is computed, and so are the steps of the coefficients
that are sent by which a coefficient that arrives moves by one, and nothing else does.

The DCT is computed as libjpeg does, in whole numbers, bit for bit, so that what a channel rounds is known beforehand.
"islow" is the usual one: Loeffler, Ligtenberg, Moschytz 1989, "Practical fast 1-D DCT algorithms with 11
multiplications" (ICASSP), in 13 bits. "ifast" is what ImageMagick saves by: Arai, Agui, Nakajima 1988, "A fast DCT-SQ
scheme for images" (Transactions of the IEICE E71), in 8 bits, whose products are cut off. Arrays of the DCT are
(8, 8, n) int32: rows, columns, blocks.
"""

from io import BytesIO
from itertools import product

import numpy as np
from PIL import Image

from stegnet.core.parallel import parallel_map, thread_count
from stegnet.core.pixels import BLOCK, ZIGZAG, by_block
from stegnet.image.jpeg_coefficients import JpegPicture

_BITS, _MORE = 13, 2  # of constants, and that the first pass of islow keeps
# Scales of ifast's outputs in each direction.
_SCALES = np.array([1, 1.387039845, 1.306562965, 1.175875602, 1, 0.785694958, 0.541196100, 0.275899379])
_MIDDLE, _PEAK, _NEAR = 128, 255, 4
_LUMA = (19595, 38470, 7471)  # of 65,536, as libjpeg computes it
_TRIES = 3  # numbers of steps that are tried for a coefficient
_AT_ONCE = 1 << 11  # blocks that are computed at once
_MOST = 1023  # largest coefficient that is sent


def _quantised_slow(pixels: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Quantised coefficients of pixels, −128 to 127, by islow and a quantisation table, (8, 8) int."""
    rows = _slow(pixels.swapaxes(0, 1), _BITS - _MORE).swapaxes(0, 1)
    return _quantised(_slow(rows, _BITS + _MORE), 8 * steps)


def _quantised_fast(pixels: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Quantises by libjpeg's ifast; else as `_quantised_slow`."""
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


def _slow(values: np.ndarray, bits: int) -> np.ndarray:
    """Along the first axis; whole sums have fewer bits than others in the first pass, and more in the second."""
    (s0, s1, s2, s3), (d0, d1, d2, d3) = _sums(values)
    t10, t13, t11, t12 = s0 + s3, s0 - s3, s1 + s2, s1 - s2
    z1, odd = (t12 + t13) * 4433, _odd(d3, d2, d1, d0)
    second, sixth = _descaled(z1 + t13 * 6270, bits), _descaled(z1 - t12 * 15137, bits)
    seventh, fifth, third, first = (_descaled(each, bits) for each in odd)
    sums = t10 + t11, t10 - t11
    top, middle = (each << _MORE if bits < _BITS else _descaled(each, _MORE) for each in sums)
    return np.stack([top, first, second, third, middle, fifth, sixth, seventh])


def _fast(values: np.ndarray) -> np.ndarray:
    (s0, s1, s2, s3), (d0, d1, d2, d3) = _sums(values)
    t10, t13, t11, t12 = s0 + s3, s0 - s3, s1 + s2, s1 - s2
    z1 = ((t12 + t13) * 181) >> 8
    a, b, c = d3 + d2, d2 + d1, d1 + d0
    z5 = ((a - c) * 98) >> 8
    z2, z4, z3 = ((a * 139) >> 8) + z5, ((c * 334) >> 8) + z5, (b * 181) >> 8
    z11, z13 = d0 + z3, d0 - z3
    return np.stack([t10 + t11, z11 + z4, t13 + z1, z13 - z2, t10 - t11, z13 + z2, t13 - z1, z11 - z4])


class Blocks:
    """Luma blocks that are sent, and what arrives of them.

    Args:
        sent: the cover.
        received: what arrived of it.

    Attributes:
        own, arrived: coefficients of both, (n, 64) int16.
        known: whose arrival is computed rightly, (n,) bool.
        clipped: in which a colour is at an end of its range, or near it: there, chroma may change with luma, (n,) bool.
    """

    def __init__(self, sent: JpegPicture, received: JpegPicture) -> None:
        self.own, self.arrived = (each.planes[0].reshape(-1, 64) for each in (sent, received))
        self._sent_steps, self._steps = sent.steps(0).astype(np.int32), received.steps(0)
        self._colours, self._offset, self.clipped = _colours(sent)
        everything, self.known = np.arange(len(self.own)), np.zeros(len(self.own), bool)
        for self._quantised in (_quantised_slow, _quantised_fast):
            predicted = np.concatenate([self.received(part, self.own[part]) for part in _parts(everything)])
            known = (predicted == self.arrived).all(1)
            if known.sum() >= self.known.sum():
                self.known, usual = known, self._quantised
        self._quantised = usual

    def received(self, numbers: np.ndarray, blocks: np.ndarray) -> np.ndarray:
        """Coefficients that arrive, (m, 64) int16, if those of the blocks with these numbers are (m, 64) others."""
        columns = _inverse(_natural((blocks * self._sent_steps).T), _BITS - _MORE)
        pixels = np.clip(_inverse(columns.swapaxes(0, 1), _BITS + _MORE + 3).swapaxes(0, 1), -128, 127)
        shown = pixels + _natural(self._offset[:, numbers], pixels=True)
        clipped = np.flatnonzero(self.clipped[numbers])
        if clipped.size:  # there, luma is that of colours from 0 to 255
            grey, some = pixels[..., clipped] + _MIDDLE, numbers[clipped]
            colours = (np.clip(grey + _natural(each[:, some], pixels=True), 0, _PEAK) for each in self._colours)
            luma = sum(weight * each for weight, each in zip(_LUMA, colours, strict=True))
            shown[..., clipped] = ((luma + (1 << 15)) >> 16) - _MIDDLE
        found = self._quantised(shown, _natural(self._steps[:, None])[..., 0])
        return found.reshape(64, -1)[ZIGZAG].T.astype(np.int16)

    def reach(self, worth: np.ndarray) -> np.ndarray:
        """Steps of each coefficient that is sent by which the one that arrives moves, alone, by +1 and by −1.

        (2, n, 64) int16; 0: there are none. Those that are worth it are tried, (n, 64) bool.
        """
        found = np.zeros((2, *self.own.shape), np.int16)

        def fill(part: np.ndarray) -> None:
            for side, number, place in product(range(2), range(_TRIES), range(1, 64)):
                left = part[(found[side, part, place] == 0) & worth[part, place]]
                right, steps = self._tried(left, place, (1, -1)[side], number)
                found[side, right, place] = steps

        for _ in parallel_map(fill, _parts(np.flatnonzero(self.known)), thread_count()):
            pass
        return found

    def _tried(self, part: np.ndarray, place: int, direction: int, number: int) -> tuple[np.ndarray, np.ndarray]:
        """The blocks of a part in which a coefficient moves, alone, and its steps: the least, or `number` more."""
        ratio = self._steps[place] / self._sent_steps[place]
        own, wanted = self.own[part, place], self.arrived[part, place] + direction
        first = np.ceil(direction * (wanted * ratio - own) - ratio / 2 - 0.02)
        steps = direction * (np.maximum(first, 1) + number).astype(np.int16)
        inside = (np.abs((own + steps) / ratio - wanted) < 0.6) & (np.abs(own + steps) <= _MOST)
        part, steps = part[inside], steps[inside]
        moved = self.own[part]
        moved[:, place] += steps
        after = self.received(part, moved)
        after[:, place] -= direction
        right = (after == self.arrived[part]).all(1)
        return part[right], steps[right]


def _parts(numbers: np.ndarray) -> list[np.ndarray]:
    return np.array_split(numbers, -(-len(numbers) // _AT_ONCE) or 1)


def _colours(jpeg: JpegPicture) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Differences of red, green and blue from luma, before they are clipped, as libjpeg computes them.

    Three (64, n) int16; what luma gains by that and by becoming luma again, (64, n) int8; where they clip, (n,) bool.
    """
    rows, cols, _ = jpeg.planes[0].shape
    with Image.open(BytesIO(jpeg.file.data)) as image:
        image.draft("YCbCr", image.size)
        decoded = np.asarray(image).reshape(image.height, image.width, -1)
    beyond = ((0, BLOCK * rows - len(decoded)), (0, BLOCK * cols - decoded.shape[1]))
    planes = [np.pad(decoded[..., each], beyond, mode="edge").astype(np.int32) for each in range(decoded.shape[2])]
    luma, blue, red = planes if len(planes) == 3 else (planes[0], *[np.full_like(planes[0], _MIDDLE)] * 2)
    blue, red, half = blue - _MIDDLE, red - _MIDDLE, 1 << 15
    added = [(91881 * red + half) >> 16, (half - 22554 * blue - 46802 * red) >> 16, (116130 * blue + half) >> 16]
    gained = (sum(weight * each for weight, each in zip(_LUMA, added, strict=True)) + half) >> 16
    clipped = np.logical_or.reduce([(luma + each < _NEAR) | (luma + each > _PEAK - _NEAR) for each in added])
    *added, gained = (
        np.ascontiguousarray(by_block(each.astype(np.int16)).reshape(-1, 64).T) for each in (*added, gained)
    )
    return added, gained.astype(np.int8), by_block(clipped).any(2).ravel()


def _natural(zigzag: np.ndarray, pixels: bool = False) -> np.ndarray:
    """(8, 8, n) int32 of (64, n), in zigzag order unless they are pixels."""
    found = np.empty(zigzag.shape, np.int32)
    found[slice(None) if pixels else ZIGZAG] = zigzag
    return found.reshape(BLOCK, BLOCK, -1)
