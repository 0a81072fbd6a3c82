"""A modem for films: dithered quantisation index modulation (Chen, Wornell 2001) of low luma frequencies, over time.

A codec keeps a change that stays for some frames better than one that is gone in the next. So a *run* of eight frames
carries the same bits: in each block of 8×8 pixels, each of a few DCT coefficients of the luma is moved towards the
nearest value whose phase, in periods of the quantiser, is the dither plus a quarter (for 1) or minus a quarter (for 0).
What reads a bit is the sum of the sines of its eight phases.
"""

from dataclasses import dataclass

import numpy as np

from stegnet.codec.modem import BLOCK, Rung
from stegnet.codec.robust import Ratios

RUN, RUNS = 8, 6  # frames that carry the same bits, and their number in a group
GROUP = RUN * RUNS  # frames
_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)  # of red, green, blue (ITU-R BT.709)
# Vertical and horizontal frequency: the coefficients that JPEG quantises most finely (ITU-T T.81, table K.1).
_FREQUENCIES = (0, 2), (0, 1), (1, 0), (1, 1), (2, 1), (1, 2)
MOST = len(_FREQUENCIES)
_PHASE = 0.25  # periods
_HEADER_LIKELIHOOD = 0.3  # log-likelihood ratio for a sum of 1, before the rate is known
_LEAST_LIKELIHOOD, _SLOPE = 0.1, 1.1  # of a record at the rate 0, and per rate; measured on films at CRF 18 to 28
_RATES = 64


@dataclass(frozen=True)
class FilmRung:
    """A trade of bits against quality.

    Attributes:
        psnr: of containers in dB, about.
        coefficients: of each block that carry bits, the first of those above.
        period: of the quantiser, in levels of a coefficient.
        way: share of the way to the right phase that a coefficient is moved.
    """

    psnr: float
    coefficients: int
    period: float
    way: float

    @property
    def bits(self) -> Rung:
        """The bits of a block in a group: run after run, coefficient after coefficient."""
        return Rung(f"film-{self.psnr:g}", 0, self.coefficients * RUNS, self.psnr, 0, 0)


RUNGS = FilmRung(38, 6, 40, 0.9), FilmRung(42, 3, 32, 1.0)


def coefficients(frame: np.ndarray) -> np.ndarray:
    """Low DCT coefficients of a frame's luma blocks, (blocks, MOST) float32 in levels.

    Args:
        frame: (H, W, 3) uint8; sides are multiples of 8.
    """
    height, width, _ = frame.shape
    luma = sum(frame[..., channel] * weight for channel, weight in enumerate(_LUMA))
    # Not by matrix products, whose threads would compete with the encoder's.
    across = np.einsum("nx,ux->nu", luma.reshape(-1, BLOCK), _WAVES)  # (H · W/8, waves)
    both = np.einsum("vy,byn->bvn", _WAVES, across.reshape(height // BLOCK, BLOCK, -1))  # (H/8, waves, W/8 · waves)
    both = both.reshape(height // BLOCK, len(_WAVES), width // BLOCK, len(_WAVES))
    return np.stack([both[:, down, :, over] for down, over in _FREQUENCIES], -1).reshape(-1, MOST)


def changed(frame: np.ndarray, bits: np.ndarray, dither: np.ndarray, rung: FilmRung) -> np.ndarray:
    """A frame, (H, W, 3) uint8 with sides that are multiples of 8, that carries bits; red, green, blue change alike.

    Args:
        bits: (blocks, coefficients) of its run, 0 or 1.
        dither: of the same shape, in [0, 1).
    """
    height, width, _ = frame.shape
    phases = _PHASE * (2.0 * bits - 1) + dither - coefficients(frame)[:, : rung.coefficients] / rung.period
    moves = rung.way * rung.period * (phases - np.round(phases))
    levels = np.einsum("bk,kp->bp", moves.astype(np.float32), _BASIS[: rung.coefficients])
    levels = levels.reshape(height // BLOCK, width // BLOCK, BLOCK, BLOCK).transpose(0, 2, 1, 3)
    levels = levels.reshape(height, width, 1)
    return np.clip(np.round(frame + levels), 0, 255).astype(np.uint8)


def film_ratios(group: np.ndarray, dither: np.ndarray, rung: FilmRung) -> Ratios:
    """Log-likelihood ratios of a group's bits, scaled for a header.

    Args:
        group: (GROUP, blocks, MOST), the coefficients of its frames.
        dither: (blocks, RUNS · coefficients), in [0, 1).
    """
    runs, flat = group.reshape(RUNS, RUN, *group.shape[1:]), dither.reshape(-1)

    def ratios(numbers: np.ndarray) -> np.ndarray:
        block, entry = np.divmod(numbers, rung.bits.bits)
        run, place = np.divmod(entry, rung.coefficients)
        sums = np.zeros(numbers.size, np.float32)
        for frame in range(RUN):
            phases = runs[run, frame, block, place] / np.float32(rung.period) - flat[numbers]
            sums += np.sin(2 * np.pi * phases, dtype=np.float32)
        return _HEADER_LIKELIHOOD * sums

    return ratios


def sureness(rate: int) -> float:
    """Factor of the ratios of a record with this rate: writers choose high rates where codecs leave little noise."""
    return (_LEAST_LIKELIHOOD + _SLOPE * rate / _RATES) / _HEADER_LIKELIHOOD


def _cosines() -> np.ndarray:
    """(waves, 8) float32: orthonormal DCT, type II, of the frequencies that are used."""
    places, frequencies = 2 * np.arange(BLOCK) + 1, np.arange(1 + max(map(max, _FREQUENCIES)))
    waves = np.cos(frequencies[:, None] * places * np.pi / (2 * BLOCK)) / 2
    waves[0] /= np.sqrt(2)
    return waves.astype(np.float32)


_WAVES = _cosines()
# (MOST, 64), of a block row by row.
_BASIS = np.stack([np.outer(_WAVES[down], _WAVES[over]).reshape(-1) for down, over in _FREQUENCIES])
