"""Bits of a film in the phases of its DCT coefficients: rungs, their dither, and how sure each bit is.

In the first frame of each *run*, a few luma coefficients of a block carry a bit each, by quantisation index modulation
with dither (Chen and Wornell 2001, IEEE Trans. Inf. Theory 47, equation 20). Rungs differ in the length of runs, the
number of coefficients and their periods.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from stegnet.core.cipher import keystream
from stegnet.core.jpeg import BLOCK, COSINES
from stegnet.keys import Key
from stegnet.media.films.encoders import PACE
from stegnet.methods.robust import Blocks, Rung, information

GROUP = 48  # frames with a header and record of their own
_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)  # of red, green, blue (ITU-R BT.709)
_PER_WORD = np.float32(1 / (1 << 16))
_MIDDLE = np.float32(127.5)  # level from which the phases of block means count
_PHASE = np.float32(0.25)  # of a bit that is 1, in periods; −_PHASE of one that is 0
_SURENESS = tuple(2.0**power for power in np.arange(-4, 3.1, 0.25))  # log-likelihood ratios of a sine of 1
# Vertical and horizontal frequency of the coefficients that JPEG quantises most finely, and its steps at quality 50
# (ITU-T T.81, table K.1).
_FINEST = (
    ((0, 2), 10), ((0, 1), 11), ((1, 0), 12), ((1, 1), 12), ((2, 1), 13), ((1, 2), 14), ((2, 0), 14), ((3, 0), 14),
    ((0, 0), 16), ((0, 3), 16), ((2, 2), 16), ((3, 1), 17), ((4, 0), 18), ((1, 3), 19), ((3, 2), 22), ((4, 1), 22),
)  # fmt: skip
FREQUENCIES = tuple(frequency for frequency, _ in _FINEST)


def _rung(name: str, coefficients: int, run: int, scale: float, psnr: float, highest: int) -> Rung:
    return Rung(name, 0, coefficients, psnr, 16, highest, scale, run, GROUP)


# The most robust first. Their PSNR is that of films in which all blocks carry something.
RUNGS = (
    _rung("coarse", 8, PACE, 7.0, 31.0, 29),
    _rung("middle", 8, PACE, 5.0, 33.7, 25),
    _rung("fine", 16, PACE, 2.5, 34.9, 20),
)
DENSE = _rung("dense", 16, 1, 2.5, 33.0, 20)  # has most room, and costs most
ALL_RUNGS = *RUNGS, DENSE


def header_dither(key: Key, salt: bytes, count: int, bits: int) -> np.ndarray:
    """The dither of a header's blocks, in their order: (count, bits) float32 in [0, 1), in periods."""
    return _dither(key.robust(b"dither", salt), count, bits)


def dither_of(blocks: Blocks, header: bytes) -> np.ndarray:
    """The dither of a group with this header: (blocks, bits) float32 in [0, 1), in periods."""
    first, bits = blocks.places.first, blocks.rung.bits
    made = _dither(blocks.key.robust(b"dither", blocks.salt, header), blocks.count, bits)
    made[first] = header_dither(blocks.key, blocks.salt, first.size, bits)
    return made


def _dither(stream_key: bytes, count: int, bits: int) -> np.ndarray:
    return np.frombuffer(keystream(stream_key, 2 * count * bits), "<u2").reshape(count, bits) * _PER_WORD


def exact_luma(frame: np.ndarray) -> np.ndarray:
    """Luma of a frame, (H, W, 3) uint8, in levels; (H, W) float32."""
    return sum(frame[..., channel] * weight for channel, weight in enumerate(_LUMA))


def luma(frame: np.ndarray) -> np.ndarray:
    """Luma of a frame, (H, W, 3) uint8, rounded; (H, W) uint8."""
    return np.rint(exact_luma(frame)).astype(np.uint8)


def coefficients(luma: np.ndarray, count: int = len(FREQUENCIES)) -> np.ndarray:
    """The first so many coefficients that may carry bits, (blocks, count) float32 in levels, of a luma, (H, W)."""
    height, width = luma.shape
    row_of_block = f"V{BLOCK * luma.itemsize}"  # copied as one value
    rows = np.ascontiguousarray(luma).view(row_of_block).reshape(height // BLOCK, BLOCK, width // BLOCK)
    samples = np.ascontiguousarray(rows.swapaxes(1, 2)).view(luma.dtype).reshape(-1, BLOCK * BLOCK)
    return (samples - _MIDDLE) @ _BASIS[:, :count]


def changed(frame: np.ndarray, signs: np.ndarray, dither: np.ndarray, rung: Rung) -> np.ndarray:
    """The change of a frame's luma, in levels, by which it carries the bits of a run: (H, W) float32.

    Args:
        frame: (H, W, 3) uint8, sides multiples of 8.
        signs: (blocks, coefficients) float32, −1 or 1; 0 for those that stay as they are.
        dither: the same shape, in periods.
    """
    periods = periods_of(rung)
    away = _PHASE * signs + dither - coefficients(exact_luma(frame), rung.coefficients) / periods
    moved = np.abs(signs) * (away - np.rint(away)) * periods
    height, width, _ = frame.shape
    blocks = (moved @ _BASIS[:, : rung.coefficients].T).reshape(height // BLOCK, width // BLOCK, BLOCK, BLOCK)
    return blocks.swapaxes(1, 2).reshape(height, width)


def sines(frames: Sequence[np.ndarray], dither: np.ndarray, rung: Rung) -> np.ndarray:
    """Sines of the phases of a group's bits: 1 where one is 1, −1 where it is 0, as good as it gets.

    Args:
        frames: coefficients of the first frame of each run, (blocks, at least `rung.coefficients`) float32 each.
        dither: (blocks, bits), in periods.

    Returns:
        (blocks, bits) float32.
    """
    values = np.concatenate([frame[:, : rung.coefficients] for frame in frames], 1)
    return sines_of(values, np.tile(periods_of(rung), len(frames)), dither)


def sines_of(values: np.ndarray, periods: np.ndarray, dither: np.ndarray) -> np.ndarray:
    """Sines of the phases of coefficients, float32, given their periods and dithers, as `sines`."""
    phases = values / periods
    phases -= dither
    phases *= np.float32(2 * np.pi)
    return np.sin(phases, phases)


def sureness(right: np.ndarray) -> tuple[float, float]:
    """The log-likelihood ratio of a sine of 1, and a bit's information at it, from sines that are 1 where right."""
    found = [information(right * each) for each in _SURENESS]
    best = int(np.argmax(found))
    return _SURENESS[best], found[best]


# (64, coefficients) float32, of the coefficients above.
_BASIS = np.stack([np.outer(COSINES[down], COSINES[across]).ravel() for down, across in FREQUENCIES], 1).astype(
    np.float32
)


@lru_cache
def periods_of(rung: Rung) -> np.ndarray:
    """Of each coefficient that carries bits, (coefficients,) float32, in levels."""
    return np.array([step * rung.scale for _, step in _FINEST[: rung.coefficients]], np.float32)
