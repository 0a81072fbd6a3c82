"""The codes of a record in a JPEG some of whose coefficients will move, so that it arrives, at the least cost.

A moved coefficient spoils up to as many trits as the trellis code is high. The more samples a trit has, the cheaper are
its changes, and the more often it is wrong: `choose_rates` weighs that against the bits that the error correction adds.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from math import exp, sqrt

import numpy as np

from stegnet.image.jpeg_coefficients import JpegPicture
from stegnet.sealing import trellis
from stegnet.sealing.fec import least_places, light_words
from stegnet.sealing.tolerant import (
    FORMAT,
    CodeRates,
    StableSteps,
    StepLimits,
    count_trits,
    most_places,
    sealed_size,
    stable_samples,
)

# Largest share of wrong trits at which 1 to 2 in 1,000 messages are lost, by the rate in 64ths and the number of
# coded bits of `_LENGTHS`: smoothed results of 50 to 1,500 messages each. Long messages are lost from 5 % above it on.
_LENGTHS = (300, 600, 1200, 2500, 5000, 10_000, 20_000, 50_000)
_WRONG_TRITS = {
    8: (0.20, 0.22, 0.23, 0.25, 0.28, 0.30, 0.32, 0.325),
    12: (0.14, 0.16, 0.18, 0.21, 0.23, 0.25, 0.26, 0.27),
    16: (0.10, 0.12, 0.15, 0.18, 0.20, 0.215, 0.23, 0.235),
    20: (0.08, 0.10, 0.12, 0.15, 0.17, 0.185, 0.19, 0.20),
    24: (0.06, 0.08, 0.10, 0.115, 0.14, 0.155, 0.165, 0.17),
    28: (0.045, 0.065, 0.085, 0.10, 0.115, 0.125, 0.135, 0.142),
    32: (0.03, 0.04, 0.06, 0.08, 0.09, 0.095, 0.105, 0.112),
    36: (0.022, 0.033, 0.045, 0.058, 0.07, 0.08, 0.09, 0.095),
    40: (0.014, 0.024, 0.03, 0.042, 0.052, 0.058, 0.068, 0.074),
    44: (0.009, 0.014, 0.02, 0.03, 0.04, 0.046, 0.052, 0.057),
    48: (0.0, 0.0, 0.0, 0.016, 0.024, 0.03, 0.033, 0.037),
    52: (0.0, 0.0, 0.0, 0.01, 0.015, 0.018, 0.02, 0.023),
}


@dataclass(frozen=True)
class MovedCoefficients:
    """Shares of coefficients that arrive with another value."""

    share: float  # of the `stable_samples`
    share_of_changes: float = 0.003  # of the changes that hiding makes
    run: float = 3.0  # moved coefficients of a block in which any has moved, on average


# Costs of trits in JPEGs of photographs, and how much is searched and risked.
CHANGES = (0.67, 0.52, 0.48, 0.45, 0.43, 0.42)
# Costs of a step by the samples per trit, one for each of `FORMAT.widths`, of a photograph at quality 80.
_STEPS = (31, 24, 17, 14, 10.5, 9, 7, 6, 5, 4.5, 3.9, 3.5)


def choose_rates(
    samples: int, record_size: int, moved: MovedCoefficients, step_costs: Sequence[float] = _STEPS
) -> CodeRates | None:
    """Return the codes with which a record costs least and at most 3 in 1,000 containers do not arrive.

    Args:
        samples: number of the JPEG's samples that may carry bits, `count_stable`.
        record_size: bytes of the record.
        moved: what the channel does.
        step_costs: costs of a step by the samples per trit, as `costs_by_width` returns them.

    Returns:
        None if there are too few samples, or too many of them move.
    """
    # By height, 1 to 6: cost, relative to that of the first, and changes per trit.
    costs = (1, 0.67, 0.59, 0.53, 0.50, 0.48)
    size = sealed_size(record_size)
    by_width = dict(zip(FORMAT.widths, step_costs, strict=True))
    by_cost = sorted(
        _arriving_rates(samples, size, moved),
        key=lambda rates: (
            count_trits(least_places(8 * size, rates.rate)) * costs[rates.height - 1] * by_width[rates.width]
        ),
    )
    return next((rates for rates in by_cost if _is_rarely_misread(rates, samples, size, moved)), None)


def costs_by_width(jpeg: JpegPicture, limits: StepLimits) -> list[float]:
    """Return the mean cost of the cheapest of several random steps, for each number of samples per trit."""
    steps = StableSteps.of(jpeg, limits)
    looked_at = 1 << 16  # samples
    chosen = slice(None, None, max(steps.samples.size // looked_at, 1))
    cheaper = np.where(steps.fixed, trellis.FIXED_COST, np.minimum(steps.up, steps.down))[chosen]
    cheaper.sort()
    at_least = np.linspace(1, 0, cheaper.size + 1)  # shares of the samples that cost at least as much
    return [float(-np.diff(at_least**width) @ cheaper) for width in FORMAT.widths]


def moved_share(sent: JpegPicture, arrived: JpegPicture) -> float:
    """Return the share of samples that a channel moved, which `choose_rates` needs to know."""
    differences = stable_samples(sent).astype(np.int16) - stable_samples(arrived)
    return float(np.count_nonzero(differences % 3) / differences.size)


def tolerant_capacity(samples: int, moved: MovedCoefficients) -> int:
    """Return the bytes of the largest record that `choose_rates` has codes for; negative if not even an empty one."""
    largest = -1
    step = 1 << FORMAT.size_bits
    while step > 1:
        step //= 2
        if next(_arriving_rates(samples, sealed_size(largest + step), moved), None):
            largest += step
    while largest >= 0 and choose_rates(samples, largest, moved) is None:  # a short code may be an unlucky one
        largest -= 1 + largest // 64
    return largest


def lead_arrives(samples: int, moved: MovedCoefficients) -> bool:
    """Return whether leads arrive in a JPEG with this number of samples."""
    most_wrong = 0.17  # share of wrong trits, at which a lead is lost in one of 1,000 cases
    width = FORMAT.lead_width_of(samples)
    return (
        width > 0 and _wrong_trits(CodeRates(0, 1, width), count_trits(FORMAT.lead_bits), samples, moved) <= most_wrong
    )


def _arriving_rates(samples: int, size: int, moved: MovedCoefficients) -> Iterator[CodeRates]:
    """Yield all codes with which a sealed record of `size` bytes arrives."""
    if lead_arrives(samples, moved):
        for rate in _WRONG_TRITS:
            for height in trellis.HEIGHTS:
                for width in FORMAT.widths:
                    rates = CodeRates(rate, height, width)
                    if _arrives(rates, samples, size, moved):
                        yield rates


def _arrives(rates: CodeRates, samples: int, size: int, moved: MovedCoefficients) -> bool:
    """Return whether a sealed record of `size` bytes fits and arrives, nearly always."""
    effort = 1 << 28  # trellis states that a search may visit
    bits = least_places(8 * size, rates.rate)
    trits = count_trits(bits)
    searched = trits * min(rates.width, trellis.MAX_WIDTH) * 3**rates.height
    if rates.width * trits > most_places(samples) or searched > effort:
        return False
    by_length = _WRONG_TRITS[rates.rate]
    index = bisect_right(_LENGTHS, bits) - 1
    most_wrong = by_length[index] if index >= 0 else 0.0
    return _wrong_trits(rates, trits, samples, moved) <= most_wrong


def _is_rarely_misread(rates: CodeRates, samples: int, size: int, moved: MovedCoefficients) -> bool:
    """Return whether the lightest words of this very code leave a loss below 1 in 1,000: some codes are unlucky."""
    bits = least_places(8 * size, rates.rate)
    wrong_bits = 0.87 * _wrong_trits(rates, count_trits(bits), samples, moved, deviations=0)
    heaviest = 12  # words beyond are never mistaken for others
    # Bhattacharyya's bound for a binary symmetric channel; soft decisions lose a quarter to an eighth of it.
    distance = 2 * sqrt(wrong_bits * (1 - wrong_bits))
    return bool((distance ** light_words(bits, rates.rate, heaviest)).sum() / 4 < 1e-3)


def _wrong_trits(rates: CodeRates, trits: int, samples: int, moved: MovedCoefficients, deviations: float = 4) -> float:
    """Return the share of wrong trits that is exceeded by this many standard deviations of moved coefficients."""
    places = rates.width * trits
    expected = moved.share * places + moved.share_of_changes * CHANGES[rates.height - 1] * trits
    # The number is that of a compound Poisson process: blocks move, and in each a geometric number of coefficients.
    together = 1 + 2 * (moved.run - 1) * min(places / samples, 1)
    most_moved = expected + deviations * sqrt(expected * together)
    # A moved coefficient adds 1 or −1 to each trit of its column's digits: for a Poisson number of them, the sum is
    # 0 modulo 3 with probability 1/3 + 2/3 · exp(−3λ/2).
    return 2 / 3 * (1 - exp(-1.5 * _digits(rates.height, rates.width) * most_moved / trits))


@cache
def _digits(height: int, width: int) -> float:
    """Return the mean number of trits to which a sample contributes."""
    numbers = np.array(trellis.COLUMNS[height][: min(width, trellis.MAX_WIDTH)])
    digits = numbers[:, None] // 3 ** np.arange(height) % 3
    return float(np.count_nonzero(digits) / numbers.size)
