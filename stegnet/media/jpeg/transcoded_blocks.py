"""Luma blocks on their way through a channel that decodes a JPEG and saves it with other tables.

Blocks do not depend on each other there: what arrives of one is computed, and so are the steps of the coefficients
that are sent by which a coefficient that arrives moves by one, and nothing else does.
"""

from io import BytesIO
from itertools import product

import numpy as np
from PIL import Image

from stegnet.core.jpeg import BLOCK
from stegnet.core.parallel import parallel_map, thread_count
from stegnet.media.jpeg.coefficients import JpegPicture
from stegnet.media.jpeg.entropy import ZIGZAG
from stegnet.media.jpeg.integer_dct import pixels_of, quantised_fast, quantised_slow

_MIDDLE, _PEAK, _NEAR = 128, 255, 4
_LUMA = (19595, 38470, 7471)  # of 65,536, as libjpeg computes it
_TRIES = 3  # numbers of steps that are tried for a coefficient
_AT_ONCE = 1 << 11  # blocks that are computed at once
_MOST = 1023  # largest coefficient that is sent


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
        for self._quantised in (quantised_slow, quantised_fast):
            predicted = np.concatenate([self.received(part, self.own[part]) for part in _parts(everything)])
            known = (predicted == self.arrived).all(1)
            if known.sum() >= self.known.sum():
                self.known, usual = known, self._quantised
        self._quantised = usual

    def received(self, numbers: np.ndarray, blocks: np.ndarray) -> np.ndarray:
        """Coefficients that arrive, (m, 64) int16, if those of the blocks with these numbers are (m, 64) others."""
        pixels = pixels_of(_natural((blocks * self._sent_steps).T))
        shown = pixels + _natural(self._offset[:, numbers], pixels=True)
        clipped = np.flatnonzero(self.clipped[numbers])
        if clipped.size:
            shown[..., clipped] = self._through_colours(numbers[clipped], pixels[..., clipped])
        found = self._quantised(shown, _natural(self._steps[:, None])[..., 0])
        return found.reshape(64, -1)[ZIGZAG].T.astype(np.int16)

    def _through_colours(self, numbers: np.ndarray, pixels: np.ndarray) -> np.ndarray:
        """Luma of pixels, (8, 8, m) from −128 to 127, after they were colours, from 0 to 255."""
        red, green, blue = (
            np.clip(pixels + _MIDDLE + _natural(each[:, numbers], pixels=True), 0, _PEAK) for each in self._colours
        )
        return ((_LUMA[0] * red + _LUMA[1] * green + _LUMA[2] * blue + (1 << 15)) >> 16) - _MIDDLE

    def reach(self, worth: np.ndarray) -> np.ndarray:
        """Steps of each coefficient that is sent by which the one that arrives moves, alone, by +1 and by −1.

        (2, n, 64) int16; 0: there are none.

        Args:
            worth: coefficients that are tried, (n, 64) bool.
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
        """The blocks of a part in which a coefficient moves, alone, and its steps: the least that may do, or more.

        Args:
            number: how many more.
        """
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
    *added, gained = (np.ascontiguousarray(_by_block(each.astype(np.int16)).T) for each in (*added, gained))
    return added, gained.astype(np.int8), _by_block(clipped).any(1)


def _natural(zigzag: np.ndarray, pixels: bool = False) -> np.ndarray:
    """(8, 8, n) int32 of (64, n), in zigzag order unless they are pixels."""
    found = np.empty(zigzag.shape, np.int32)
    found[slice(None) if pixels else ZIGZAG] = zigzag
    return found.reshape(BLOCK, BLOCK, -1)


def _by_block(pixels: np.ndarray) -> np.ndarray:
    """(rows · columns, 64) of (8 · rows, 8 · columns)."""
    rows, cols = (side // BLOCK for side in pixels.shape)
    return pixels.reshape(rows, BLOCK, cols, BLOCK).swapaxes(1, 2).reshape(-1, BLOCK * BLOCK)
