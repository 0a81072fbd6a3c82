"""Error correction, against the limit of the channel; tests/format has its codewords."""

import numpy as np
import pytest

from stegnet.methods.robust.fec import HIGHEST, LONGEST, LOWEST, Code, Coding


def received(bits: np.ndarray, deviation: float, random: np.random.Generator) -> np.ndarray:
    """Log-likelihood ratios of bits after white Gaussian noise."""
    return 2 * (2.0 * bits - 1 + deviation * random.normal(size=bits.size)) / deviation**2


def capacity(deviation: float) -> float:
    """Of the binary-input channel with white Gaussian noise, in bits (integrated numerically)."""
    noise = np.linspace(-8, 8, 4001)
    density = np.exp(-(noise**2) / 2) / np.sqrt(2 * np.pi) * (noise[1] - noise[0])
    return 1 - float((density * np.logaddexp(0, -2 * (1 + deviation * noise) / deviation**2)).sum() / np.log(2))


@pytest.mark.parametrize(("rate", "deviation"), [(16, 1.29), (32, 0.85), (48, 0.60)])
def test_close_to_capacity(rate, deviation):
    """At 4,608 bits, 19 of 20 messages come back where capacity is at most 36 % above the rate."""
    assert rate / 64 < capacity(deviation) < 1.36 * rate / 64
    code, random = Code(4608, 4608 * rate // 64, rate), np.random.default_rng(2)
    right = 0
    for _ in range(20):
        message = random.integers(0, 2, code.k, dtype=np.uint8)
        right += np.array_equal(code.decode(received(code.encode(message), deviation, random)), message)
    assert right >= 19


def test_noise_is_no_codeword():
    random = np.random.default_rng(3)
    assert all(Code(2000, 1000, 32).decode(3 * random.normal(size=2000), 30) is None for _ in range(5))


@pytest.mark.parametrize("places", [200, 4096, LONGEST + 1])
@pytest.mark.parametrize("rate", [LOWEST + 4, 15, 16, 40, HIGHEST])
def test_coding_fills_its_places(places, rate):
    coding, random = Coding(places, rate), np.random.default_rng(places)
    assert 0.9 * rate / 64 - 0.03 < coding.room / places <= rate / 64
    message = random.integers(0, 2, coding.room, dtype=np.uint8)
    coded = coding.encode(message)
    assert coded.shape == (places,)
    assert np.array_equal(coding.decode(8 * (2.0 * coded - 1)), message)


def test_repetition_below_the_lowest_rate():
    """At an eighth of the rate 1/4, the same ratios are added up, and so many more errors are corrected."""
    coding, random = Coding(8000, 4), np.random.default_rng(5)
    message = random.integers(0, 2, coding.room, dtype=np.uint8)
    ratios = received(coding.encode(message), 2.4, random)
    assert ((ratios > 0) != coding.encode(message)).mean() > 0.3
    assert np.array_equal(coding.decode(ratios), message)


def test_bits_left_over_are_zero():
    coding = Coding(2 * LONGEST + 1, 32)
    assert coding.room % 3 == 0
    assert not coding.encode(np.ones(coding.room, np.uint8))[coding.places // 3 * 3 :].any()
