"""The finest steps with which a picture fits into a number of bytes.

The steps are odd, from 1, which is exact, to 5: even ones are worse than two odd ones in parts of the picture, and
where 5 is still too fine, at some 5 bits per pixel, AVIF is better by its mean squared error.
"""

import math
from dataclasses import dataclass

import numpy as np

from stegnet.core.errors import MediaError
from stegnet.core.parallel import Step, no_step
from stegnet.near.coders import Coder
from stegnet.near.jpeg_xl import decode_jpeg_xl, encode_jpeg_xl
from stegnet.near.predicted import decode_predicted, encode_predicted
from stegnet.near.predictor import shipped_predictor
from stegnet.near.quantisation import Samples, Steps, quantise, restore

_COARSEST = 2  # largest error in levels
_FIRST = 1  # largest error with which the search begins
_AIM = 0.998  # share of the bytes that an encoding aims at
_GUESSES = 4  # encodings of a search by interpolation; others halve what is left
_SMALL = 1 << 17  # pixels of a picture up to which an encoding at the highest effort takes less than a second
_LARGE = 1 << 20  # pixels of a picture above which strips of it are searched first
_STRIP = 64  # rows
_HIGHEST = 9  # libjxl's efforts
_HIGH = 7
_LOW = 5  # half the time of 7 for 2.5 % more


@dataclass(frozen=True)
class Coded:
    """A picture that is coded near-losslessly."""

    height: int  # in pixels
    width: int
    steps: Steps
    coder: Coder
    data: bytes


def fit(picture: Samples, most_bytes: int, progress: Step = no_step) -> Coded | None:
    """Code a picture with the finest steps with which it fits.

    A search takes three to five encodings; of a picture of several megapixels, one to three, after those of a sample.
    The first one, or the sample, shows which coder needs fewer bytes.

    Args:
        picture: (H, W, 3) uint8.
        most_bytes: largest number of bytes.
        progress: called after each encoding with the number of those done, and of all that there may be.

    Returns:
        The coded picture; None if it does not fit with an error of two levels, or is too large for JPEG XL.
    """
    try:
        return _StepSearch(picture, progress).finest(most_bytes)
    except MediaError:
        return None


def decode(coded: Coded) -> Samples:
    """Return the picture, (H, W, 3) uint8.

    Raises:
        ValueError: its data is not that of a picture of this size, or of the shipped network.
    """
    size = coded.height, coded.width
    if not coded.coder.may_hold(math.prod(size), len(coded.data)):
        raise ValueError("far fewer bytes than for a picture of this size")
    match coded.coder:
        case Coder.JPEG_XL:
            return restore(decode_jpeg_xl(coded.data, *size), coded.steps)
        case Coder.NETWORK:
            return decode_predicted(coded.data, *size, coded.steps, shipped_predictor())


class _StepSearch:
    """Search among the steps of a picture in the order of coarseness.

    Number n · H + k are the steps with an error of n levels in all of its H rows but the last k, and of n + 1 levels
    in these.
    """

    def __init__(self, picture: Samples, progress: Step) -> None:
        self._picture = picture
        self._progress = progress
        pixels = picture[..., 0].size
        self._effort = _HIGHEST if pixels <= _SMALL else _HIGH if pixels <= _LARGE else _LOW
        self._coders = list(Coder)  # those that may be the best
        self._tried: dict[int, Coded] = {}

    def encode(self, number: int) -> Coded:
        """Encode the picture with steps by their number; errors are those of `encode_jpeg_xl` and `may_hold`."""
        if number not in self._tried:
            height, width = self._picture.shape[:2]
            error, coarser = divmod(number, height)
            steps = Steps(2 * error + 1, 2 * error + 3, height - coarser) if coarser else Steps.even(2 * error + 1)
            levels = quantise(self._picture, steps)
            codes = {coder: self._code(levels, steps, coder) for coder in self._coders}
            codes = {coder: code for coder, code in codes.items() if coder.may_hold(height * width, len(code))}
            if not codes:
                raise MediaError(f"{width}×{height} pixels are too many for a picture with so little in it")
            best = min(codes, key=lambda coder: len(codes[coder]))
            self._coders = [best]
            self._tried[number] = Coded(height, width, steps, best, codes[best])
            self._progress(min(len(self._tried), _GUESSES), _GUESSES)
        return self._tried[number]

    def _code(self, levels: Samples, steps: Steps, coder: Coder) -> bytes:
        if coder is Coder.NETWORK:
            return encode_predicted(levels, steps, shipped_predictor())
        return encode_jpeg_xl(levels, self._effort)

    def finest(self, most: int) -> Coded | None:
        """Return the picture with the finest steps with which it takes at most `most` bytes, nearly."""
        filled = 0.995  # share of the bytes that ends the search: what is left is worth 0.07 dB
        filled_large = 0.975  # the same of a large picture
        nearly_exact = 0.2  # share of rows with an error of a level up to which the exact picture may fit, too
        too_fine = -1
        last = len(self._picture) * _COARSEST
        fits = last + 1
        best = None
        number = min(self._first(most), last)
        filled = filled if number == len(self._picture) * _FIRST else filled_large
        tries = 0
        while fits - too_fine > 1:
            coded = self.encode(number)
            tries += 1
            if len(coded.data) <= most:
                fits = number
                best = coded
            else:
                too_fine = number
            if best is not None and len(best.data) >= filled * most:
                break
            guess = self._guess(_AIM * most) if tries < _GUESSES else (too_fine + fits) // 2
            number = min(max(guess, too_fine + 1), fits - 1)
        is_nearly_exact = 0 < fits <= nearly_exact * len(self._picture)
        if is_nearly_exact and best is not None and best.coder is Coder.NETWORK:
            return self._exact(most) or best
        return best

    def _exact(self, most: int) -> Coded | None:
        """Return the exact picture as JPEG XL, which needs fewer bytes for it than the network, if it fits."""
        steps = Steps.even(1)
        data = self._code(quantise(self._picture, steps), steps, Coder.JPEG_XL)
        height, width = self._picture.shape[:2]
        return Coded(height, width, steps, Coder.JPEG_XL, data) if len(data) <= most else None

    def _first(self, most: int) -> int:
        """Return the number of the steps to try first: those with which a sample of strips fits, if it is large."""
        height = len(self._picture)
        width = len(self._picture[0])
        if height * width <= _LARGE or height < 2 * _STRIP:
            return height * _FIRST
        starts = np.linspace(0, height - _STRIP, max(_LARGE // (_STRIP * width), 1)).astype(int)
        sample = np.concatenate([self._picture[start : start + _STRIP] for start in starts])
        found = _StepSearch(sample, no_step).finest(int(_AIM * most * len(sample) / height))
        if found is None:
            return height * _COARSEST
        self._coders = [found.coder]
        share = found.steps.rows / len(sample)
        return self._number(share * math.log2(found.steps.upper) + (1 - share) * math.log2(found.steps.lower))

    def _guess(self, wanted: float) -> int:
        """Return the number of the steps that give about this number of bytes, from the nearest of those tried.

        Bytes fall evenly with the logarithm of the step, and within a part of the picture with its rows.
        """
        saving = 0.8  # bits that a sample saves if its step doubles, about
        by_distance = sorted(self._tried, key=lambda number: abs(len(self._tried[number].data) - wanted))
        nearest, *others = by_distance[:2]
        fall = saving * self._picture.size / 8  # bytes for a step twice as large
        for other in others:
            apart = self._coarseness(other) - self._coarseness(nearest)
            fall = max((len(self._tried[nearest].data) - len(self._tried[other].data)) / apart, fall / 4)
        return self._number(self._coarseness(nearest) + (len(self._tried[nearest].data) - wanted) / fall)

    def _coarseness(self, number: int) -> float:
        """Return the mean of log2(step) over the picture's rows."""
        error, coarser = divmod(number, len(self._picture))
        share = coarser / len(self._picture)
        return (1 - share) * math.log2(2 * error + 1) + share * math.log2(2 * error + 3)

    def _number(self, coarseness: float) -> int:
        """Return the number of the steps whose mean of log2(step) is about this; inverse of `_coarseness`."""
        height = len(self._picture)
        for error in range(_COARSEST):
            finer, coarser = math.log2(2 * error + 1), math.log2(2 * error + 3)
            if coarseness < coarser:
                return error * height + math.ceil(height * (coarseness - finer) / (coarser - finer))
        return _COARSEST * height
