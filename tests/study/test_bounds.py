"""The bound on embedding by steps of one level, against codes that are known and against figures of textbooks."""

import math

import pytest

from study.bounds import MOST_BITS, bits_of, changes_of, ideal_psnr


def test_capacity_is_the_ternary_entropy() -> None:
    for changes in (0.01, 0.1, 0.5):
        stay, step = 1 - changes, changes / 2
        written_out = -stay * math.log2(stay) - 2 * step * math.log2(step)
        assert bits_of(changes) == pytest.approx(written_out)
    assert (bits_of(0), bits_of(2 / 3)) == (0, pytest.approx(math.log2(3)))


def test_changes_undo_bits() -> None:
    for bits in (0, 0.1, 0.5, 1, 1.5, MOST_BITS):
        assert bits_of(changes_of(bits)) == pytest.approx(bits, abs=1e-8)


@pytest.mark.parametrize("digits", range(1, 7))
def test_ternary_hamming_codes_do_not_pass_the_bound(digits: int) -> None:
    """They say `digits` ternary digits in (3^digits − 1)/2 samples, of which 1 − 3^−digits change on average."""
    samples = (3**digits - 1) // 2
    changes, bits = (1 - 3**-digits) / samples, digits * math.log2(3) / samples
    if digits == 1:  # one digit in one sample is all that there is to say
        assert changes_of(bits) == pytest.approx(changes)
    else:
        assert 0.6 * changes < changes_of(bits) < changes


def test_the_ternary_golay_code_comes_near_the_bound() -> None:
    """Perfect: 5 digits in 11 samples; of the 243 cosets 1, 22 and 220 need 0, 1 and 2 changes."""
    changes, bits = (22 + 2 * 220) / 243 / 11, 5 * math.log2(3) / 11
    assert 0.8 * changes < changes_of(bits) < changes


def test_it_beats_lsb_matching_by_what_is_known() -> None:
    """At one bit a sample: matching changes half of them (51.14 dB), the bound 22.7 % (54.6 dB)."""
    assert ideal_psnr(1) == pytest.approx(54.57, abs=0.02)
    assert ideal_psnr(0) == math.inf


@pytest.mark.parametrize("bits", [-0.1, 1.6])
def test_more_bits_than_the_capacity_are_refused(bits: float) -> None:
    with pytest.raises(ValueError, match="bits a sample"):
        changes_of(bits)
