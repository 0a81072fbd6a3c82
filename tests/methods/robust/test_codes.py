"""Error correction against the limit of the channel, and pictures made to fit; tests/format has codewords and files."""

import numpy as np
import pytest
from PIL import Image

from stegnet import CapacityError
from stegnet.core.parallel import no_count
from stegnet.methods.robust import fit_picture, parse_content
from stegnet.sealing import RepeatAccumulateCode, decode_message, encode_message, message_capacity
from tests.support.quality import psnr


def received(bits: np.ndarray, deviation: float, random: np.random.Generator) -> np.ndarray:
    """Log-likelihood ratios of bits after white Gaussian noise."""
    return 2 * (2.0 * bits - 1 + deviation * random.normal(size=bits.size)) / deviation**2


def capacity(deviation: float) -> float:
    """Of the binary-input channel with white Gaussian noise, in bits (integrated numerically)."""
    noise = np.linspace(-8, 8, 4001)
    density = np.exp(-(noise**2) / 2) / np.sqrt(2 * np.pi) * (noise[1] - noise[0])
    return 1 - float((density * np.logaddexp(0, -2 * (1 + deviation * noise) / deviation**2)).sum() / np.log(2))


@pytest.mark.parametrize(("rate", "deviation"), [(16, 1.29), (48, 0.60)])
def test_close_to_capacity(rate, deviation):
    """At 4,608 bits, 19 of 20 messages come back where capacity is at most 36 % above the rate."""
    assert rate / 64 < capacity(deviation) < 1.36 * rate / 64
    code, random = RepeatAccumulateCode(4608, 4608 * rate // 64, rate), np.random.default_rng(2)
    messages = random.integers(0, 2, (20, code.k), dtype=np.uint8)
    decoded = [code.decode(received(code.encode(message), deviation, random)) for message in messages]
    assert sum(map(np.array_equal, decoded, messages)) >= 19
    assert code.decode(3 * random.normal(size=4608), 30) is None, "noise is no codeword"


def test_repetition_below_the_lowest_rate():
    """At an eighth of the rate 1/4, the same ratios are added up, and so many more errors are corrected."""
    places, rate, random = 8000, 4, np.random.default_rng(5)
    message = random.integers(0, 2, message_capacity(places, rate), dtype=np.uint8)
    coded = encode_message(message, places, rate)
    ratios = received(coded, 2.4, random)
    assert ((ratios > 0) != coded).mean() > 0.3
    assert np.array_equal(decode_message(ratios, rate), message)


@pytest.mark.slow
def test_a_picture_that_is_made_to_fit(picture):
    """More room is better. What a reader builds is bounded by the size of the container."""
    secret, values = picture(24, 32, 5), []
    smaller = np.array(Image.fromarray(secret).resize((4, 3), Image.Resampling.BOX).resize((32, 24)))
    for capacity in (80, 400):
        fitted = fit_picture(secret, capacity, no_count)
        assert len(fitted.content) <= capacity
        revealed = parse_content(fitted.content + bytes(7), 4).decoded()
        assert revealed.shape == secret.shape
        assert psnr(secret, revealed) == pytest.approx(fitted.psnr)
        values.append(fitted.psnr)
    assert psnr(secret, smaller) < values[0] < values[1] - 3
    for area in (0, 1):
        with pytest.raises(ValueError, match="far too large"):
            parse_content(fit_picture(picture(64, 32), 80, no_count).content, area)
    with pytest.raises(CapacityError, match="does not fit into 30 bytes"):
        fit_picture(secret, 30, no_count)
