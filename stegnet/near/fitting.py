"""The finest steps with which a picture fits into a number of bytes.

The steps are odd, from 1, which is exact, to 5: even ones are worse than two odd ones in parts of the picture, and
where 5 is still too fine, at some 5 bits per pixel, AVIF is better by its mean squared error.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stegnet.core.errors import MediaError
from stegnet.core.parallel import Step, no_step
from stegnet.core.pixels import strips
from stegnet.near.coders import RESTORED, Coder
from stegnet.near.jpeg_xl import decode_jpeg_xl, encode_jpeg_xl
from stegnet.near.predicted import decode_predicted, encode_predicted
from stegnet.near.predictor import shipped_predictor
from stegnet.near.quantisation import Samples, Steps, quantise, restore

_COARSEST = 2  # largest error in levels
_FIRST = 1  # error with which a sample shows which coder is the better one
_AIM = 0.9975  # share of the bytes that an encoding aims at
_GUESSES = 4  # encodings of a search by forecasts; others halve what is left
_SMALL = 1 << 17  # pixels of a picture up to which an encoding at the highest effort takes less than a second
_LARGE = 1 << 20  # pixels
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

    A sample shows which coder needs fewer bytes, and forecasts the steps. Then, a search mostly takes two encodings.

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


def restored(picture: Samples, coded: Coded) -> Samples:
    """Return what `decode` gives for a coded picture, given the picture itself, by which it is mostly known at once."""
    if coded.coder is Coder.NETWORK and coded.steps.largest_error in RESTORED:
        return decode(coded)
    return restore(quantise(picture, coded.steps), coded.steps)


class _StepSearch:
    """Search among the steps of a picture in the order of coarseness.

    Number n · H + k are the steps with an error of n levels in all of its H rows but the last k, and of n + 1 levels
    in these.
    """

    def __init__(self, picture: Samples, progress: Step) -> None:
        self._picture = picture
        self._progress = progress
        self._height, self._width = picture.shape[:2]
        self._pixels = self._height * self._width
        self._effort = _HIGHEST if self._pixels <= _SMALL else _HIGH if self._pixels <= _LARGE else _LOW
        self._tries = 0

    def finest(self, most: int) -> Coded | None:
        """Return the picture with the finest steps with which it takes at most `most` bytes, nearly."""
        # Share of the bytes that ends the search: what is left of 0.994 is worth 0.08 dB.
        filled = 0.994 if self._pixels <= _LARGE else 0.975
        nearly_exact = 0.2  # share of rows with an error of a level up to which the exact picture may fit, too
        hopeless = 2  # times the bytes: forecasts are not that wrong
        forecast = _Forecast(self._picture, self._effort)
        last = self._height * _COARSEST
        if forecast.number(most) == last and forecast.size(last) > hopeless * most:
            return None
        too_fine = -1
        fits = last + 1
        best = None
        sizes: list[tuple[int, float]] = []  # of what was encoded, and as it was forecast
        while fits - too_fine > 1:
            wanted = _forecast_of(_AIM * most, sizes)
            guess = forecast.number(wanted) if len(sizes) < _GUESSES else (too_fine + fits) // 2
            number = min(max(guess, too_fine + 1), fits - 1)
            coded = self._encode(number, forecast.coder)
            sizes.append((len(coded.data), forecast.size(number)))
            if len(coded.data) <= most:
                fits = number
                best = coded
            else:
                too_fine = number
            if best is not None and len(best.data) >= filled * most:
                break
        is_nearly_exact = 0 < fits <= nearly_exact * self._height
        if is_nearly_exact and best is not None and best.coder is Coder.NETWORK:
            exact = self._encode(0, Coder.JPEG_XL)  # which needs fewer bytes for it than the network
            return exact if len(exact.data) <= most else best
        return best

    def _encode(self, number: int, coder: Coder) -> Coded:
        """Encode the picture with steps by their number; errors are those of `encode_jpeg_xl` and `may_hold`."""
        error, coarser = divmod(number, self._height)
        rows = self._height - coarser
        steps = Steps(2 * error + 1, 2 * error + 3, rows) if coarser else Steps.even(2 * error + 1)
        data = _code(self._picture, steps, coder, self._effort)
        if not coder.may_hold(self._pixels, len(data)):
            raise MediaError(f"{self._width}×{self._height} pixels are too many for a picture with so little in it")
        self._tries += 1
        self._progress(min(self._tries, _GUESSES), _GUESSES)
        return Coded(self._height, self._width, steps, coder, data)


class _Forecast:
    """Bytes of a picture by the numbers of its steps, as `_StepSearch` has them, from those of a sample of its rows.

    Attributes:
        coder: the one that needs fewer bytes.
    """

    def __init__(self, picture: Samples, effort: int) -> None:
        self._effort = effort
        height, width = picture.shape[:2]
        wanted = min(max(height * width // 8, _SMALL), _LARGE)  # pixels
        strip = 128  # rows: at the edges of lower ones, the network would predict so badly that it might not be chosen
        count = max(round(wanted / (strip * width)), 1)
        if strip * count < height:
            starts = ((np.arange(count) + 0.5) * (height - strip) / count).astype(int)
            rows = (starts[:, None] + np.arange(strip)).ravel()
        else:
            rows = np.arange(height)
        shares = _detail(picture)
        self._sample = picture[rows]
        self._larger = 1 / float(shares[rows].sum())  # times, the picture than the sample, in bytes
        self._above = np.concatenate([[0.0], np.cumsum(shares)])  # share of the rows above each
        self._even: dict[int, float] = {}  # bytes with the same step in all rows, by the error
        both = {coder: self._coded(_FIRST, coder) for coder in Coder}
        able = [coder for coder in Coder if coder.may_hold(height * width, int(both[coder]))]
        self.coder = min(able or Coder, key=lambda coder: both[coder])
        self._even[_FIRST] = both[self.coder]

    def size(self, number: int) -> float:
        """Return the bytes of the picture with steps."""
        error, coarser = divmod(number, len(self._above) - 1)
        if not coarser:
            return self._with_error(error)
        share = float(self._above[-1 - coarser])
        return share * self._with_error(error) + (1 - share) * self._with_error(error + 1)

    def number(self, size: float) -> int:
        """Return the number of the finest steps with which the picture has at most this size; inverse of `size`."""
        height = len(self._above) - 1
        for error in range(_COARSEST):
            coarser = self._with_error(error + 1)
            if size < coarser:
                continue
            finer = self._with_error(error)
            share = 1.0 if size >= finer else (size - coarser) / (finer - coarser)
            rows = int(np.searchsorted(self._above, share, "right")) - 1
            return error * height + height - rows
        return _COARSEST * height

    def _with_error(self, error: int) -> float:
        """Return the bytes of the picture with the same step in all rows."""
        if error not in self._even:
            self._even[error] = self._coded(error, self.coder)
        return self._even[error]

    def _coded(self, error: int, coder: Coder) -> float:
        return self._larger * len(_code(self._sample, Steps.even(2 * error + 1), coder, self._effort))


def _forecast_of(size: float, sizes: list[tuple[int, float]]) -> float:
    """Return the size that is forecast where `size` is right, given sizes and their forecasts."""
    nearest = sorted(sizes, key=lambda known: abs(known[0] - size))[:2]
    if not nearest:
        return size
    (real, forecast), *others = nearest
    slope = forecast / real
    for other_real, other_forecast in others:
        if other_real != real:
            slope = min(max((other_forecast - forecast) / (other_real - real), slope / 2), slope * 2)
    return forecast + (size - real) * slope


def _detail(picture: Samples) -> NDArray[np.float64]:
    """Return the share of each row in the bytes of a picture, about, by how much neighbours differ."""
    detail = np.ones(len(picture))
    for rows in strips(*picture.shape[:2]):  # which bounds the memory
        part = picture[rows].astype(np.int16)
        detail[rows] += np.log2(1 + np.abs(np.diff(part, axis=1)) / np.float32(2)).sum((1, 2))
    shares: NDArray[np.float64] = detail / detail.sum()
    return shares


def _code(picture: Samples, steps: Steps, coder: Coder, effort: int) -> bytes:
    """Code a picture with steps; `effort` is that of JPEG XL."""
    levels = quantise(picture, steps)
    if coder is Coder.NETWORK:
        return encode_predicted(levels, steps, shipped_predictor())
    return encode_jpeg_xl(levels, effort)
