"""Dither modulation: bits in the phases of DCT coefficients, and the operating points at which they are hidden.

Quantisation index modulation with dither (QIM; Chen and Wornell 2001, IEEE Trans. Inf. Theory 47, equation 20). Of
pictures, a learned modem moves the coefficients; of films, those in the first frame of each *run* are moved exactly.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import log

import numpy as np

from stegnet.core.blocks import BLOCK, COSINES, DITHER, LUMA_STEPS
from stegnet.video.film_writer import PACE

GROUP = 48  # frames with a header and record of their own
MIDDLE = np.float32(127.5)  # level from which luma counts
DOUBLED = np.float32(4 * np.pi)  # times a phase in periods: a bit of 1 and one of 0 are alike then
SURE = 6.5  # standard deviations of a sum of cosines: by chance, none of a hundred million is above it
_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)  # of red, green, blue (ITU-R BT.709), in films
_PHASE = np.float32(0.25)  # of a bit that is 1, in periods; −_PHASE of one that is 0
_SURENESS = tuple(2.0**power for power in np.arange(-4, 3.1, 0.25))  # log-likelihood ratios of a sine of 1
FINEST = sorted(
    range(DITHER), key=lambda place: LUMA_STEPS[place]
)  # coefficients, those of JPEG's smallest steps first
_MOST = 16  # coefficients of a block that carry bits in films
FREQUENCIES = tuple(divmod(place, BLOCK) for place in FINEST[:_MOST])  # vertical and horizontal
# (64, coefficients) float32, of the coefficients above.
_BASIS = np.ascontiguousarray(np.kron(COSINES, COSINES)[FINEST[:_MOST]].T.astype(np.float32))


@dataclass(frozen=True)
class OperatingPoint:
    """A trade of bits against robustness, that a modem has learnt for pictures, or for groups of a film's frames.

    Attributes:
        name: that of the channel it is meant for, such as "jpeg-75".
        first: of its bits among all of a block.
        coefficients: of each block that carry bits.
        psnr: of its containers in dB, where all blocks carry something.
        lowest, highest: JPEG quality, or constant rate factor of films, that it is meant for.
        scale: period of a phase, in steps of JPEG at quality 50.
        run: frames, of which the first carries bits.
        group: frames that are hidden in together, a multiple of those.
    """

    name: str
    first: int
    coefficients: int
    psnr: float
    lowest: int
    highest: int
    scale: float = 1.0
    run: int = 1
    group: int = 1

    @property
    def bits(self) -> int:
        """Bits of a block in a picture or group: run after run, coefficient after coefficient."""
        return self.group // self.run * self.coefficients

    @property
    def places(self) -> slice:
        """Its bits among all of a block."""
        return slice(self.first, self.first + self.bits)

    @property
    def carriers(self) -> list[int]:
        """The coefficients of a block that carry its bits, row by row: those with the smallest steps."""
        return FINEST[: self.coefficients]

    @cached_property
    def periods(self) -> np.ndarray:
        """Periods of their phases in levels, (coefficients,) float32."""
        return np.array([LUMA_STEPS[place] * self.scale for place in self.carriers], np.float32)

    @property
    def channel(self) -> str:
        """The channel that the name says, as users write it: "jpeg:75"."""
        return self.name.replace("-", ":")


def _of_films(name: str, coefficients: int, run: int, scale: float, psnr: float, highest: int) -> OperatingPoint:
    return OperatingPoint(name, 0, coefficients, psnr, 16, highest, scale, run, GROUP)


FILM_POINTS = (  # the most robust first
    _of_films("coarse", 8, PACE, 7.0, 31.0, 29),
    _of_films("middle", 8, PACE, 5.0, 33.7, 25),
    _of_films("fine", 16, PACE, 2.5, 34.9, 20),
)
DENSE = _of_films("dense", 16, 1, 2.5, 33.0, 20)  # has the largest capacity, and costs most
ALL_FILM_POINTS = *FILM_POINTS, DENSE


def exact_luma(frame: np.ndarray) -> np.ndarray:
    """Luma of a frame, (H, W, 3) uint8, in levels; (H, W) float32."""
    return sum(frame[..., channel] * weight for channel, weight in enumerate(_LUMA))


def luma(frame: np.ndarray) -> np.ndarray:
    """Luma of a frame, (H, W, 3) uint8, rounded; (H, W) uint8."""
    return np.rint(exact_luma(frame)).astype(np.uint8)


def coefficients(luma: np.ndarray, count: int = _MOST) -> np.ndarray:
    """The first so many coefficients that may carry bits, (blocks, count) float32 in levels, of a luma, (H, W)."""
    height, width = luma.shape
    row_of_block = f"V{BLOCK * luma.itemsize}"  # copied as one value
    rows = np.ascontiguousarray(luma).view(row_of_block).reshape(height // BLOCK, BLOCK, width // BLOCK)
    samples = np.ascontiguousarray(rows.swapaxes(1, 2)).view(luma.dtype).reshape(-1, BLOCK * BLOCK)
    return (samples - MIDDLE) @ _BASIS[:, :count]


def changed(frame: np.ndarray, signs: np.ndarray, dither: np.ndarray, point: OperatingPoint) -> np.ndarray:
    """The change of a frame's luma, in levels, by which it carries the bits of a run: (H, W) float32.

    Args:
        frame: (H, W, 3) uint8, sides multiples of 8.
        signs: (blocks, coefficients) float32, −1 or 1; 0 for those that stay as they are.
        dither: the same shape, in periods.
    """
    away = _PHASE * signs + dither - coefficients(exact_luma(frame), point.coefficients) / point.periods
    moved = np.abs(signs) * (away - np.rint(away)) * point.periods
    height, width, _ = frame.shape
    blocks = (moved @ _BASIS[:, : point.coefficients].T).reshape(height // BLOCK, width // BLOCK, BLOCK, BLOCK)
    return blocks.swapaxes(1, 2).reshape(height, width)


def sines(frames: Sequence[np.ndarray], dither: np.ndarray, point: OperatingPoint) -> np.ndarray:
    """Sines of the phases of a group's bits: 1 where one is 1, −1 where it is 0, as good as it gets.

    Args:
        frames: coefficients of the first frame of each run, (blocks, at least `point.coefficients`) float32 each.
        dither: (blocks, bits), in periods.

    Returns:
        (blocks, bits) float32.
    """
    values = np.concatenate([frame[:, : point.coefficients] for frame in frames], 1)
    return sines_of(values, np.tile(point.periods, len(frames)), dither)


def sines_of(values: np.ndarray, periods: np.ndarray, dither: np.ndarray) -> np.ndarray:
    """Sines of the phases of coefficients, float32, given their periods and dithers, as `sines`."""
    phases = values / periods
    phases -= dither
    phases *= np.float32(2 * np.pi)
    return np.sin(phases, phases)


def information(right: np.ndarray) -> float:
    """Mutual information in bits of a bit and its log-likelihood ratio, from ratios that are positive where right."""
    return float(1 - np.logaddexp(0, -right.astype(np.float64)).mean() / log(2))


def sureness(right: np.ndarray) -> tuple[float, float]:
    """The log-likelihood ratio of a sine of 1, and a bit's information at it, from sines that are 1 where right."""
    found = [information(right * each) for each in _SURENESS]
    best = int(np.argmax(found))
    return _SURENESS[best], found[best]
