"""Luma blocks on their way through a channel that decodes a JPEG and saves it with other tables.

Blocks do not depend on each other there: what arrives of one is computed, and so are the steps of the coefficients
that are sent by which a coefficient that arrives moves by one, and nothing else does.
"""

from functools import cached_property
from io import BytesIO
from itertools import product

import numpy as np
from PIL import Image

from stegnet.core.jpeg import BLOCK
from stegnet.media.jpeg import JpegPicture
from stegnet.methods.jpeg.costs import shown_luma
from stegnet.methods.jpeg.rounding import dct_basis

_MIDDLE, _PEAK = 128, 255
_LUMA = np.array([19595, 38470, 7471])  # of 65,536, as libjpeg computes it
_TRIES = 3  # numbers of steps that are tried for a coefficient
_AT_ONCE = 1 << 15  # blocks that are computed at once
_MOST = 1023  # largest coefficient that is sent


class Blocks:
    """Luma blocks that are sent, and what arrives of them.

    Args:
        sent: the cover.
        received: what arrived of it.

    Attributes:
        own, arrived: coefficients of both, (n, 64) int16.
        known: whose arrival is computed rightly, and that no colour at the end of its range clips, (n,) bool.
    """

    def __init__(self, sent: JpegPicture, received: JpegPicture) -> None:
        self.own, self.arrived = (each.planes[0].reshape(-1, 64) for each in (sent, received))
        self._sent_steps, self._steps = (each.steps(0).astype(np.float32) for each in (sent, received))
        self._basis = dct_basis().astype(np.float32)
        decoded, luma, clipped = map(_by_block, _stored(sent))
        everything, self.known = np.arange(len(self.own)), np.zeros(len(self.own), bool)
        offsets = [(luma - each).astype(np.int8) for each in (_by_block(shown_luma(sent)), decoded)]
        for self._model in product(offsets, (True, False)):
            predicted = np.concatenate([self.received(part, self.own[part]) for part in _parts(everything)])
            known = (predicted == self.arrived).all(1)
            if known.sum() > self.known.sum():
                self.known, model = known, self._model
        self._model = model
        self.known &= ~clipped.any(1)

    def received(self, numbers: np.ndarray, blocks: np.ndarray) -> np.ndarray:
        """What arrives of (m, 64) coefficients in the place of the blocks of these numbers, (m, 64) int16."""
        return self._saved(numbers, (blocks * self._sent_steps) @ self._basis)

    def _saved(self, numbers: np.ndarray, pixels: np.ndarray) -> np.ndarray:
        """What arrives of pixels, (m, 64) float32, 0 in the middle."""
        shown = np.clip(np.rint(pixels), -_MIDDLE, _PEAK - _MIDDLE)
        offset, away = self._model
        shown += offset[numbers]
        exact = (shown @ self._basis.T) / self._steps
        if not away:
            return np.floor(exact + np.float32(0.5)).astype(np.int16)
        return (np.sign(exact) * np.floor(np.abs(exact) + np.float32(0.5))).astype(np.int16)

    @cached_property
    def reach(self) -> np.ndarray:
        """Steps of each coefficient that is sent by which the one that arrives moves, alone, by +1 and by −1.

        (2, n, 64) int16; 0: there are none.
        """
        found = np.zeros((2, *self.own.shape), np.int16)
        for side, direction in enumerate((1, -1)):
            for number in range(_TRIES):
                for part in _parts(np.flatnonzero(self.known)):
                    for place in range(1, 64):
                        self._try(found[side], part, place, direction, number)
        return found

    def _try(self, found: np.ndarray, part: np.ndarray, place: int, direction: int, number: int) -> None:
        part = part[found[part, place] == 0]
        ratio = self._steps[place] / self._sent_steps[place]
        own, wanted = self.own[part, place], self.arrived[part, place] + direction
        first = np.ceil(direction * (wanted * ratio - own) - ratio / 2 - 0.02)  # the least that may do
        steps = direction * (np.maximum(first, 1) + number).astype(np.int16)
        inside = (np.abs((own + steps) / ratio - wanted) < 0.6) & (np.abs(own + steps) <= _MOST)
        part, steps = part[inside], steps[inside]
        moved = self._pixels[part] + (steps * self._sent_steps[place])[:, None].astype(np.float32) * self._basis[place]
        after = self._saved(part, moved)
        after[:, place] -= direction
        right = (after == self.arrived[part]).all(1)
        found[part[right], place] = steps[right]

    @cached_property
    def _pixels(self) -> np.ndarray:
        return (self.own * self._sent_steps) @ self._basis


def _parts(numbers: np.ndarray) -> list[np.ndarray]:
    return np.array_split(numbers, -(-len(numbers) // _AT_ONCE) or 1)


def _stored(jpeg: JpegPicture) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Luma of a JPEG as decoded, the same of its colours, and where these clip, (8 · rows, 8 · columns) each."""
    rows, cols, _ = jpeg.planes[0].shape
    with Image.open(BytesIO(jpeg.file.data)) as image:
        shown = np.asarray(image.convert("RGB"))
    with Image.open(BytesIO(jpeg.file.data)) as image:
        image.draft("YCbCr", image.size)
        decoded = np.asarray(image) if image.mode == "L" else np.asarray(image)[..., 0]
    luma = (shown @ _LUMA + (1 << 15)) >> 16
    clipped = ((shown == 0) | (shown == _PEAK)).any(2)
    beyond = ((0, BLOCK * rows - luma.shape[0]), (0, BLOCK * cols - luma.shape[1]))
    return tuple(np.pad(each, beyond, mode="edge") for each in (decoded.astype(np.int16), luma, clipped))


def _by_block(pixels: np.ndarray) -> np.ndarray:
    """(rows · columns, 64) of (8 · rows, 8 · columns)."""
    rows, cols = (side // BLOCK for side in pixels.shape)
    return pixels.reshape(rows, BLOCK, cols, BLOCK).swapaxes(1, 2).reshape(-1, BLOCK * BLOCK)
