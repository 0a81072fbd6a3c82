"""The bound on embedding by steps of one level, against codes that are known and against figures of textbooks."""

import math

import pytest

from study.bounds import MOST_BITS, bits_of, changes_of, ideal_psnr


def test_capacity_is_the_ternary_entropy_and_is_undone() -> None:
    for changes in (0.01, 0.1, 0.5):
        stay, step = 1 - changes, changes / 2
        assert bits_of(changes) == pytest.approx(-stay * math.log2(stay) - 2 * step * math.log2(step))
    assert (bits_of(0), bits_of(2 / 3)) == (0, pytest.approx(math.log2(3)))
    for bits in (0, 0.1, 0.5, 1, 1.5, MOST_BITS):
        assert bits_of(changes_of(bits)) == pytest.approx(bits, abs=1e-8)
    for impossible in (-0.1, 1.6):
        with pytest.raises(ValueError, match="bits a sample"):
            changes_of(impossible)


def test_no_known_code_passes_the_bound() -> None:
    """Ternary Hamming codes say n digits in (3^n − 1)/2 samples, of which 1 − 3^−n change on average.

    The Golay code is perfect: 5 digits in 11 samples; of the 243 cosets 1, 22 and 220 need 0, 1 and 2 changes.
    """
    hamming = [(digits, (3**digits - 1) // 2, 1 - 3**-digits, 0.6) for digits in range(2, 7)]
    for digits, samples, changed, near in [*hamming, (5, 11, (22 + 2 * 220) / 243, 0.8)]:
        bound = changes_of(digits * math.log2(3) / samples)
        assert near * changed / samples < bound < changed / samples
    assert changes_of(math.log2(3)) == pytest.approx(2 / 3)  # one digit in one sample is all that there is to say


def test_it_beats_lsb_matching_by_what_is_known() -> None:
    """At one bit a sample: matching changes half of them (51.14 dB), the bound 22.7 % (54.6 dB)."""
    assert ideal_psnr(1) == pytest.approx(54.57, abs=0.02)
    assert ideal_psnr(0) == math.inf
